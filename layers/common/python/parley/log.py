"""The logger: JSON lines of named facts, never bodies, tokens or secrets."""

from __future__ import annotations

from aws_lambda_powertools import Logger

# The service name comes from POWERTOOLS_SERVICE_NAME; the runtime sets the level. Lambda takes the time and the level
# of a line only if the time has the form of RFC 3339.
logger = Logger(utc=True, use_rfc3339=True)
