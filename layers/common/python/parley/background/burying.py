"""Jobs that erase tombstones and the receipts of deleted messages."""

from __future__ import annotations

from parley.background.job import Job
from parley.jobs import Entry, Turn
from parley.operations import burials
from parley.operations.context import Context
from parley.ports.queue import Queue


def burying(context: Context, queue: Queue) -> Job:
    """The row of burials."""

    def carry_out(entry: Entry, turn: Turn) -> None:
        burials.erase(context, entry)

    return Job(queue, carry_out, burials.planned, lambda entry: burials.DELAY_SECONDS)
