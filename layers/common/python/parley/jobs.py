"""The types that the worker and the handlers of queued jobs share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from parley.frozen import frozen

Entry = dict[str, Any]
"""A job as it is queued: `job` names its row in the job table, the rest is for that row's handler."""

Memory = dict[str, Any]
"""What a planner remembers within one batch of changes."""


@frozen
class Turn:
    """One call of a job's handler.

    Attributes:
        receives: How often SQS has handed the job out, this time included.
        remaining_ms: Says how much is left of the function's time.
    """

    receives: int
    remaining_ms: Callable[[], int]


@frozen
class Again:
    """A handler's answer that its job is not done; None says that it is.

    Attributes:
        seconds: The pause before the job is taken up again. 0 means that a part was done and the rest can go on at
            once. Anything else means that the job waits for something.
    """

    seconds: int = 0
