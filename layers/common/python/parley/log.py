"""The logger: JSON lines of named facts, never bodies, tokens or secrets."""

from __future__ import annotations

import logging

from aws_lambda_powertools import Logger

from parley import tracing

# The service name comes from POWERTOOLS_SERVICE_NAME; the runtime sets the level. Lambda takes the time and the level
# of a line only if the time has the form of RFC 3339.
logger = Logger(utc=True, use_rfc3339=True)


class _RequestId(logging.Filter):
    """Adds the request id to each line that does not name one."""

    def filter(self, record: logging.LogRecord) -> bool:
        if request_id := tracing.request_id():
            record.__dict__.setdefault("request_id", request_id)
        return True


logger.registered_handler.addFilter(_RequestId())
