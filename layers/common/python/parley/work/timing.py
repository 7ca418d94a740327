"""Jobs that timers and the clock start: conversations change their states, or move in the list of active ones."""

from __future__ import annotations

from dataclasses import replace

from parley.jobs import Again, Entry, Turn
from parley.operations import channel_lists, timers
from parley.operations.context import Caller, Context
from parley.ports.queue import Queue
from parley.work.job import Job

# A job stops when this much of the function's time is left, and its next part is queued.
_MARGIN_MS = 10_000


def timers_running_out(context: Context, queue: Queue) -> Job:
    """The row of timers. Webhooks hear of what a timer does (observed)."""
    context = replace(context, caller=Caller(webhooks=True))

    def carry_out(entry: Entry, turn: Turn) -> Again | None:
        return None if timers.work_off(context, lambda: turn.remaining_ms() < _MARGIN_MS) else Again()

    return Job(queue, carry_out, each_minute=True)


def moves_among_the_active(context: Context, queue: Queue) -> Job:
    """The row of conversations that become active in another hour."""

    def carry_out(entry: Entry, turn: Turn) -> None:
        channel_lists.move(context, entry["sid"])

    return Job(queue, carry_out, channel_lists.moves_owed)
