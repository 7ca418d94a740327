"""Jobs that change the states of conversations whose timers run out, and jobs that move conversations by activity."""

from __future__ import annotations

from dataclasses import replace

from parley.background.job import Job
from parley.jobs import Again, Entry, Turn
from parley.operations import channel_lists, timers
from parley.operations.context import Caller, Context
from parley.ports.queue import Queue

# A job stops when this much of the function's time is left, and its next part is queued.
_MARGIN_MS = 10_000


def timers_running_out(context: Context, queue: Queue) -> Job:
    """The row of timers. A timer's changes fire webhooks (observed)."""
    context = replace(context, caller=Caller(webhooks=True))

    def carry_out(entry: Entry, turn: Turn) -> Again | None:
        return None if timers.work_off(context, lambda: turn.remaining_ms() < _MARGIN_MS) else Again()

    return Job(queue, carry_out, each_minute=True)


def moves_among_the_active(context: Context, queue: Queue) -> Job:
    """The row of the job that lists a conversation under another hour of activity."""

    def carry_out(entry: Entry, turn: Turn) -> None:
        channel_lists.move(context, entry["sid"])

    return Job(queue, carry_out, channel_lists.moves_owed)
