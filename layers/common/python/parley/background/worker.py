"""The webhooks function's work: plans the jobs that the stream's changes require, and carries out queued jobs.

The job table stands here. A new kind of background work is one more row: what plans it, what carries it out, and which
queue it waits in.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from parley.background.beginning import beginnings
from parley.background.burying import burying
from parley.background.consumer import QueuedRecord, work_off
from parley.background.discarding import discarding
from parley.background.job import Job, Jobs
from parley.background.phoning import InOrder, phone_jobs
from parley.background.planner import plan
from parley.background.sweeping import sweeps
from parley.background.timing import moves_among_the_active, timers_running_out
from parley.operations.context import Context
from parley.ports.phones import Carrier
from parley.ports.queue import Queue
from parley.webhooks.deliveries import Deliveries
from parley.webhooks.replaying import Replays


def job_table(
    context: Context,
    deliveries: Deliveries,
    delivery_queue: Queue,
    work_queue: Queue,
    carrier: Carrier,
    text_queue: Queue | None = None,
) -> Jobs:
    """Every kind of background work, by the name that its queued jobs carry.

    `text_queue` is the queue of texts that AWS carries, if it carries any.
    """
    replays = Replays(context, deliveries)
    return {
        "replay": Job(delivery_queue, replays.carry_out, replays.plan),
        "webhook": Job(delivery_queue, deliveries.deliver, deliveries.plan, not_tried=deliveries.leave_untried),
        "sweep": sweeps(context, work_queue),
        "begin": beginnings(context, work_queue),
        "bury": burying(context, work_queue),
        "discard": discarding(context, work_queue),
        "timers": timers_running_out(context, work_queue),
        "activity": moves_among_the_active(context, work_queue),
        **phone_jobs(
            context,
            work_queue,
            delivery_queue,
            carrier,
            InOrder(delivery_queue, text_queue) if text_queue else None,
        ),
    }


class Worker:
    """The planner and the consumer over one job table."""

    def __init__(self, jobs: Jobs) -> None:
        self._jobs = jobs

    def plan(self, stream_records: list[dict[str, Any]]) -> str | None:
        """Queue the jobs of a batch of changes; returns the sequence number of the first record that failed, if any."""
        return plan(self._jobs, stream_records)

    def tick(self) -> None:
        """Queue the jobs of each minute. If a tick is lost, the jobs of the next tick do its work too."""
        for name, job in self._jobs.items():
            if job.each_minute:
                job.queue.send([{"job": name}])

    def work_off(self, records: list[QueuedRecord], remaining_ms: Callable[[], int]) -> list[str]:
        """Carry out a batch of queued jobs; the message ids of those that must stay queued."""
        return work_off(self._jobs, records, remaining_ms)
