"""The logger: JSON lines of named facts, never bodies, tokens or secrets."""

from __future__ import annotations

from aws_lambda_powertools import Logger

# Service name and level come from POWERTOOLS_SERVICE_NAME and POWERTOOLS_LOG_LEVEL.
logger = Logger(utc=True)
