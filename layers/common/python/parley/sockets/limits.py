"""How many requests a connection may make. Each container counts the requests that it handles.

A container handles one frame after the other, so a client that floods reaches the limit in every container that it
keeps busy. Counting in the table would cost a write per request and protect no better.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum

_MOST_COUNTED = 10_000
# Parley closes a connection after so many refused requests without a quiet second in between.
PATIENCE = 100
_QUIET_MS = 1_000


class Verdict(StrEnum):
    """Whether a request is carried out, refused, or refused with the connection closed after it."""

    TAKEN = "taken"
    REFUSED = "refused"
    LAST = "last"


class Requests:
    """A token bucket per connection: `rate` a second, twice as many at once; 0 for no limit."""

    def __init__(self, rate: int, now_ms: Callable[[], int]):
        self._rate = rate
        self._now_ms = now_ms
        self._buckets: dict[str, tuple[float, int, int]] = {}

    def take(self, connection_id: str) -> Verdict:
        """Count one request of a connection. LAST means that too many were refused: close the connection."""
        if not self._rate:
            return Verdict.TAKEN
        if len(self._buckets) >= _MOST_COUNTED and connection_id not in self._buckets:
            self._buckets.clear()
        now = self._now_ms()
        full = self._rate * 2.0
        tokens, at, refused = self._buckets.get(connection_id, (full, now, 0))
        # A clock may be set back.
        tokens = min(full, tokens + max(now - at, 0) * self._rate / 1000)
        # Only a quiet second clears the refusals. A request that is taken in between does not.
        refused = 0 if now - at >= _QUIET_MS else refused
        if tokens >= 1:
            self._buckets[connection_id] = (tokens - 1, now, refused)
            return Verdict.TAKEN
        self._buckets[connection_id] = (tokens, now, refused + 1)
        return Verdict.LAST if refused + 1 >= PATIENCE else Verdict.REFUSED
