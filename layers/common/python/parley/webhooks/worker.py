"""The webhooks function's three inputs: changes, queued deliveries, queued sweeps."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from parley.log import logger
from parley.operations.context import Context
from parley.operations.sweeps import DELAY_SECONDS, sweep
from parley.outgoing import Outgoing
from parley.queue import Queue
from parley.store import keys
from parley.store.changes import Change, decode
from parley.webhooks.delivery import deliver, pause_seconds
from parley.webhooks.planning import deliveries, sweep_job

# What is left of the function's time when a sweep stops and hands over to its successor.
_MARGIN_MS = 10_000


class Worker:
    """The ports the three inputs need; `delay` postpones a queued entry: `delay(receipt_handle, seconds)`."""

    def __init__(
        self,
        context: Context,
        outgoing: Outgoing,
        delivery_queue: Queue,
        sweep_queue: Queue,
        delay: Callable[[str, int], None],
    ):
        self._context = context
        self._outgoing = outgoing
        self._delivery_queue = delivery_queue
        self._sweep_queue = sweep_queue
        self._delay = delay

    def plan(self, stream_records: list[dict[str, Any]]) -> str | None:
        """Queue what a batch of changes owes; returns the sequence number of the first record that failed, if one did.

        Everything before that record is queued before this returns.
        """
        planned: list[dict[str, Any]] = []
        sweeps: list[dict[str, Any]] = []
        failed = None
        for stream_record in stream_records:
            try:
                if change := decode(stream_record):
                    planned += self._deliveries(change)
                    if job := sweep_job(change):
                        sweeps.append(job)
            except Exception:
                failed = stream_record["dynamodb"]["SequenceNumber"]
                logger.exception("change cannot be planned", extra={"sequence_number": failed})
                break
        if planned:
            self._delivery_queue.send(planned)
        if sweeps:
            self._sweep_queue.send(sweeps, delay_seconds=DELAY_SECONDS)
        return failed

    def _deliveries(self, change: Change) -> list[dict[str, Any]]:
        if change.kind == "service" or not change.cause["webhooks"]:
            return []
        key = keys.service(self._context.account_sid, change.record["service_sid"])
        service = self._context.configuration.fetch(key)
        return deliveries(change, service, self._context.account_sid)

    def deliver(self, delivery: dict[str, Any], attempt: int, receipt_handle: str) -> bool:
        """Try a queued delivery; one that is not settled comes back after a pause, and at last is a dead letter."""
        if deliver(self._outgoing, self._context.keyring.auth_token(), delivery, attempt):
            return True
        self._delay(receipt_handle, pause_seconds(attempt))
        return False

    def sweep(self, job: dict[str, Any], remaining_ms: Callable[[], int]) -> bool:
        """Do a step of a sweep; what is left over is queued again."""
        if not sweep(self._context, job, lambda: remaining_ms() < _MARGIN_MS):
            self._sweep_queue.send([job])
            logger.info("sweep goes on", extra={"kind": job["kind"], "sid": job["sid"]})
        return True
