"""How long the table port keeps trying. All numbers stand here, so that their sum can be compared with time-outs.

The port repeats requests itself; its client makes one attempt each. A request that is refused is answered in
milliseconds; one that gets no answer takes `ATTEMPT_SECONDS`. After `PATIENCE_SECONDS` there is no further attempt.
An operation that decides again after a conflict shares these seconds among all its requests.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

from botocore.exceptions import ClientError, HTTPClientError
from botocore.exceptions import ConnectionError as NotConnected

from parley.clock import Clock
from parley.errors import CONCURRENT_UPDATE, UNAVAILABLE, Refusal

CONNECT_SECONDS, READ_SECONDS = 1, 2
ATTEMPT_SECONDS = CONNECT_SECONDS + READ_SECONDS
ATTEMPTS = 10
PATIENCE_SECONDS = 3
_FIRST_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS = 0.01, 0.5
# The longest that one request can take: the last attempt begins just in time, and gets no answer.
LONGEST_REQUEST_SECONDS = PATIENCE_SECONDS + _LONGEST_PAUSE_SECONDS * 1.5 + ATTEMPT_SECONDS

# The settings of the client that the port is given.
CLIENT_CONFIG: dict[str, Any] = {"attempts": 1, "connect_seconds": CONNECT_SECONDS, "read_seconds": READ_SECONDS}

# A client raises these when no answer came. The request may have been carried out all the same.
LOST = (NotConnected, HTTPClientError)
# The last two are reasons for which DynamoDB cancels a transaction.
_THROTTLED = {
    "ThrottlingException",
    "RequestLimitExceeded",
    "ProvisionedThroughputExceededException",
    "ProvisionedThroughputExceeded",
    "ThrottlingError",
}
_BUSY = _THROTTLED | {"InternalServerError", "ServiceUnavailable"}
_CONFLICT = {"TransactionConflictException", "TransactionInProgressException", "TransactionConflict"}


class Patience:
    """The time and the attempts that are left for one request; the time is over at `until_ms` if that is given."""

    def __init__(self, clock: Clock, jitter: Callable[[], float] = random.random, until_ms: int | None = None):
        self._clock = clock
        self._jitter = jitter
        self.until_ms = clock.now_ms() + PATIENCE_SECONDS * 1000 if until_ms is None else until_ms
        self._attempts = 1

    @property
    def is_over(self) -> bool:
        """Whether there is no time left."""
        return self._clock.now_ms() >= self.until_ms

    def wait(self) -> bool:
        """Pause before another attempt; False, at once, when there is none left."""
        if self._attempts >= ATTEMPTS or self.is_over:
            return False
        pause = min(_LONGEST_PAUSE_SECONDS, _FIRST_PAUSE_SECONDS * 2 ** (self._attempts - 1))
        self._attempts += 1
        self._clock.sleep(pause * (0.5 + self._jitter()))
        return True


def refusal_after_repeats(error: Exception) -> Refusal | None:
    """The refusal to raise if an error stays after all repeats; None if repeating the request cannot help."""
    if isinstance(error, LOST):
        return UNAVAILABLE()
    if not isinstance(error, ClientError):
        return None
    codes = _codes(error)
    if codes & _BUSY:
        return UNAVAILABLE()
    return CONCURRENT_UPDATE() if codes & _CONFLICT else None


def is_throttled(error: Exception) -> bool:
    """Whether DynamoDB refused a request because there were too many."""
    return isinstance(error, ClientError) and bool(_codes(error) & _THROTTLED)


def _codes(error: ClientError) -> set[str]:
    reasons = error.response.get("CancellationReasons", [])
    return {error.response["Error"]["Code"], *(reason.get("Code", "None") for reason in reasons)}
