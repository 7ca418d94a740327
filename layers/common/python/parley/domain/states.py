"""The states of a conversation (https://www.twilio.com/docs/conversations/states-timers), as tables.

    initializing --> active <--> inactive
          |             |            |
          +-------------+------------+--> closed

A channel that Conversations does not know is always active.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from parley.errors import STATE_EMPTY, STATE_INVALID

INITIALIZING, ACTIVE, INACTIVE, CLOSED = "initializing", "active", "inactive", "closed"
STATES = (INITIALIZING, ACTIVE, INACTIVE, CLOSED)

# Why a state changed: somebody asked for it, a timer ran out, or something else happened in the conversation.
API, TIMER, EVENT = "API", "TIMER", "EVENT"

# Whether a new conversation with a timer must name its state. Twilio's catalogue has an error for a missing state
# (50382), but Twilio was seen to accept such a request (unconfirmed).
TIMER_NEEDS_STATE = False

# From a state to another: for which reasons. There are no other transitions.
TRANSITIONS: Mapping[tuple[str, str], tuple[str, ...]] = {
    (INITIALIZING, ACTIVE): (EVENT,),
    (INITIALIZING, CLOSED): (EVENT,),
    (ACTIVE, INACTIVE): (API, TIMER),
    (ACTIVE, CLOSED): (API, TIMER),
    (INACTIVE, ACTIVE): (API, EVENT),
    (INACTIVE, CLOSED): (API, TIMER),
}

# The changes that each state allows. In every state one can read, remove a participant, a message or a webhook
# (unconfirmed), and delete the conversation.
_ALL = frozenset({"created", "updated", "deleted"})
CHANGES: Mapping[str, frozenset[str]] = {
    INITIALIZING: frozenset({"deleted"}),
    ACTIVE: _ALL,
    INACTIVE: _ALL,
    CLOSED: frozenset({"deleted"}),
}


def check_state(given: str) -> str:
    """The state that a request names. No request may name `initializing`: only a new conversation has that state.

    Raises:
        Refusal: 50374 for an empty one, 50378 for any other text.
    """
    if not given:
        raise STATE_EMPTY()
    if given not in (ACTIVE, INACTIVE, CLOSED):
        raise STATE_INVALID()
    return given


def state_of(record: Mapping[str, Any]) -> str:
    """The state of a channel, from its counters or its record."""
    return str(record.get("state") or ACTIVE)


def stored(state: str) -> str | None:
    """The stored form of a state: an active channel stores none."""
    return None if state == ACTIVE else state


def is_transition(before: str, after: str, reason: str) -> bool:
    """Whether a state may follow another for this reason."""
    return reason in TRANSITIONS.get((before, after), ())
