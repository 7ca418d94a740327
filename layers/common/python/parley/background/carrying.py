"""The carriers function's work: texts that wait for AWS, what AWS reports about them, and what phones write.

    record of                            goes to
    ------------------------------------ -----------------------------------------------------------------------------
    a FIFO queue                         the job table of texts: only the queue of texts keeps an order
    any other queue                      the events of AWS, which SNS has put there as they were published

A WhatsApp account has one destination for its messages and its reports, so the queue does not tell what kind of event
it brings. Only the event's content does.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from parley.background.consumer import QueuedRecord, work_off
from parley.background.job import Jobs


class Events(Protocol):
    """What takes the events of AWS."""

    def take(self, records: list[QueuedRecord], remaining_ms: Callable[[], int]) -> list[str]:
        """Do what a batch of events asks for; returns the SQS message ids of those that must stay queued."""


class Carrying:
    """The job table of texts, and what takes the events of AWS."""

    def __init__(self, texts: Jobs, events: Events) -> None:
        self._texts = texts
        self._events = events

    def work_off(self, records: list[QueuedRecord], remaining_ms: Callable[[], int]) -> list[str]:
        """Do what a batch from one of the queues asks for; the SQS message ids of what must stay queued."""
        texts = [record for record in records if record["eventSourceARN"].endswith(".fifo")]
        events = [record for record in records if record not in texts]
        left = work_off(self._texts, texts, remaining_ms) if texts else []
        return left + (self._events.take(events, remaining_ms) if events else [])
