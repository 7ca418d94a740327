"""The request id: it leads from a REST request or a frame to everything that followed from it.

API Gateway gives each request an id that no client can choose (`extendedRequestId`). The access logs have it. While a
function works for a request, each line that it logs has the id, and so has the cause of each change that it commits.
From the change it goes on to the pushes, the queued jobs and the webhooks. Work that no request asked for, such as a
tick, has the id of the function's invocation.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

HEADER = "Twilio-Request-Id"
_current: ContextVar[str] = ContextVar("request_id", default="")


def request_id() -> str:
    """The id of the request that is being worked for; empty outside of an invocation."""
    return _current.get()


@contextmanager
def working_for(request_id: str | None) -> Iterator[None]:
    """Work for this request until the block ends; without an id, go on as before."""
    if not request_id:
        yield
        return
    token = _current.set(request_id)
    try:
        yield
    finally:
        _current.reset(token)


def id_of(event: Mapping[str, Any], invocation: Any) -> str:
    """The request id of an invocation: API Gateway's, or Lambda's own if it came from elsewhere."""
    asked: Mapping[str, Any] = event.get("requestContext") or {}
    return str(asked.get("extendedRequestId") or getattr(invocation, "aws_request_id", "") or "")
