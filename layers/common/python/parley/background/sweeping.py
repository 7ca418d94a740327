"""Jobs that remove what a deleted channel, user or service has left behind."""

from __future__ import annotations

from parley.background.job import Job
from parley.domain.memberships import birth_of
from parley.domain.states import CLOSED
from parley.jobs import Again, Entry, Memory, Turn
from parley.operations.context import Context
from parley.operations.sweeps import delay_seconds, look_again, may_begin, sweep
from parley.ports.queue import Queue
from parley.store.changes import Change

# A sweep stops when this much of the function's time is left, and its next part is queued.
_MARGIN_MS = 10_000
# The first pause of a sweep that waits for fan-out; it doubles with each repeat.
_FIRST_PAUSE_SECONDS = 2
_SWEPT = ("channel", "user", "service")


def sweeps(context: Context, queue: Queue) -> Job:
    """The row of sweeps."""

    def carry_out(entry: Entry, turn: Turn) -> Again | None:
        if not may_begin(context, entry):
            return Again(_FIRST_PAUSE_SECONDS)
        again = sweep(context, entry, lambda: turn.remaining_ms() < _MARGIN_MS)
        return again or look_again(context, entry)

    return Job(queue, carry_out, plan, delay_seconds)


def plan(change: Change, memory: Memory) -> list[Entry]:
    """The sweep after a deletion of a channel, user or service, or after the closing of a conversation."""
    if is_closing(change):
        return [{"kind": "closed", "sid": change.record["sid"], "at": change.cause["at"]}]
    if change.verb != "deleted" or change.kind not in _SWEPT:
        return []
    entry = {"kind": change.kind, "sid": change.record["sid"], "at": change.cause["at"]}
    return [{**entry, "birth": birth_of(change.record)} if change.kind == "user" else entry]


def is_closing(change: Change) -> bool:
    """Whether a change closes a conversation."""
    if (change.kind, change.verb) != ("channel", "updated"):
        return False
    return change.record.get("state") == CLOSED != change.old.get("state")
