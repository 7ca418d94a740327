"""The conditions that a conversation's state sets for changes. A change is checked when it takes its number.

Every change writes to the channel's counters anyway, and that write carries the conditions. So the check costs no
request, and a change either comes before the closing of the conversation or is refused.
"""

from __future__ import annotations

from typing import Any

from parley.domain.states import CHANGES, CLOSED, INACTIVE, INITIALIZING
from parley.errors import CONCURRENT_UPDATE, CONVERSATION_CLOSED, CONVERSATION_INITIALIZING, Refusal
from parley.store.writes import Guard
from parley.stored import Tail

_REFUSALS = {CLOSED: CONVERSATION_CLOSED, INITIALIZING: CONVERSATION_INITIALIZING}


class Asleep(Refusal):
    """Raised when a conversation is inactive and must become active before the change."""

    def __init__(self) -> None:
        super().__init__(CONCURRENT_UPDATE)


def allows(verb: str) -> tuple[Guard, ...]:
    """The conditions on a channel's counters under which something in it may be created, updated or deleted."""
    forbidding = [state for state, verbs in CHANGES.items() if verb not in verbs]
    return tuple(Guard("state", "<>", state, _REFUSALS[state]()) for state in forbidding)


def is_open() -> tuple[Guard, ...]:
    """The conditions under which a conversation takes changes: neither closed nor initializing."""
    return allows("created")


def is_awake() -> Guard:
    """The condition for new messages and participants: the conversation is not inactive."""
    return Guard("state", "<>", INACTIVE, Asleep())


def activity(now_ms: int) -> dict[str, Any]:
    """The fields of the counters that a new message sets."""
    return {"activity_at": now_ms}


def require(tail: Tail, *guards: Guard) -> None:
    """Check conditions on counters that were just read, so that a change that will be refused takes no number.

    Raises:
        Refusal: the refusal of the first guard that does not hold.
    """
    for guard in guards:
        if not guard.holds({**tail}):
            raise guard.refusal
