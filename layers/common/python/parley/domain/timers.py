"""Timers of conversations: when a conversation that nobody uses becomes inactive, and when it closes.

Both timers start at the latest of these moments: the conversation was created, somebody wrote a message, a participant
came, somebody set a timer, somebody made the conversation active
(https://www.twilio.com/docs/conversations/states-timers; only the message is confirmed).
"""

from __future__ import annotations

from parley.domain.durations import milliseconds
from parley.domain.states import ACTIVE, CLOSED, INACTIVE, state_of
from parley.stored import Channel, Tail

# The states in which each timer runs.
_RUNNING = {INACTIVE: (ACTIVE,), CLOSED: (ACTIVE, INACTIVE)}
# The fields in which a conversation keeps the lengths of its timers.
TIMERS = ("timers.inactive", "timers.closed")
_SHOWN = {INACTIVE: "timers.date_inactive", CLOSED: "timers.date_closed"}


def deadlines(channel: Channel, tail: Tail) -> dict[str, int]:
    """For each state that a timer leads to, the time at which the conversation comes to it if nothing happens in it."""
    base = max(tail.get("activity_at") or 0, tail.get("timed_at") or 0)
    state = state_of(tail)
    lengths = {INACTIVE: channel.get("timers.inactive"), CLOSED: channel.get("timers.closed")}
    running = {after: milliseconds(length) for after, length in lengths.items() if length and state in _RUNNING[after]}
    return {after: base + length for after, length in running.items() if length}


def dates(channel: Channel, tail: Tail) -> dict[str, int | None]:
    """The same times, in the form that a conversation shows."""
    found = deadlines(channel, tail)
    return {name: found.get(after) for after, name in _SHOWN.items()}


def due_at(channel: Channel, tail: Tail) -> int | None:
    """When the next timer runs out; None if none runs."""
    return min(deadlines(channel, tail).values(), default=None)


def state_due(channel: Channel, tail: Tail, now_ms: int) -> str | None:
    """The state that a conversation gets when timers have run out. If both have run out, it closes at once."""
    passed = [after for after, at in deadlines(channel, tail).items() if at <= now_ms]
    return CLOSED if CLOSED in passed else next(iter(passed), None)
