"""One row of the job table: what makes a job, what carries it out, where it waits meanwhile."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from parley.frozen import frozen
from parley.jobs import Again, Entry, Memory, Turn
from parley.ports.queue import Queue
from parley.store.changes import Change, Removal


@frozen
class Job:
    """A kind of background work.

    A FIFO queue keeps the jobs of one group in order: one that is to be done again holds back those behind it. In any
    other queue there is no order, and a job that is to be done again is sent anew.

    Attributes:
        carry_out: Does the job, or a part of it. When it raises, the job stays queued, and after the number of receives
            that the template sets SQS moves it to the dead letter queue.
        plan: Makes the jobs that a change requires; None for jobs that no change starts.
        delay_seconds: How long a new job waits before its first turn. A FIFO queue knows no such wait.
        each_minute: Whether one such job is queued each minute.
        not_tried: Called with a job that was received and put back, because an earlier one of its group failed.
        plan_removal: Makes the jobs that are required when an item has left the table.
    """

    queue: Queue
    carry_out: Callable[[Entry, Turn], Again | None]
    plan: Callable[[Change, Memory], Iterable[Entry]] | None = None
    delay_seconds: Callable[[Entry], int] = lambda entry: 0
    not_tried: Callable[[Entry], None] = lambda entry: None
    each_minute: bool = False
    plan_removal: Callable[[Removal, Memory], Iterable[Entry]] | None = None


Jobs = Mapping[str, Job]
"""The job table: rows by name."""
