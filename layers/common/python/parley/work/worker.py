"""The webhooks function's three inputs: changes, queued deliveries, queued sweeps."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from parley.domain.presence import reachability
from parley.log import logger
from parley.operations.context import Context
from parley.operations.reachability import is_enabled
from parley.operations.sweeps import delay_seconds, sweep
from parley.ports.http.outgoing import Outgoing
from parley.ports.queue import Queue
from parley.store import keys
from parley.store.changes import Change, decode
from parley.store.items import Record
from parley.webhooks.circuit import Circuits
from parley.webhooks.delivery import attempt, pause_seconds
from parley.webhooks.planning import deliveries, sweep_job

# What is left of the function's time when a sweep stops and hands over to its successor.
_MARGIN_MS = 10_000
_MOST_UNTRIED = 10_000
_SHORT_PAUSE_SECONDS = 16

Delay = Callable[[str, int], None]
Count = Callable[[str, float], None]


class Worker:
    """The ports the three inputs need.

    Args:
        dead_letters: Where deliveries are parked that are older than `longest_age_seconds`.
        delay: Puts a queued entry off: `delay(receipt_handle, seconds)`.
        count: Counts a metric: `count(name, value)`.
        studio_url: Where Studio flows live, with `{flow_sid}` in it; empty if there are none.
    """

    def __init__(
        self,
        context: Context,
        outgoing: Outgoing,
        *,
        delivery_queue: Queue,
        dead_letters: Queue,
        sweep_queue: Queue,
        delay: Delay,
        count: Count,
        longest_age_seconds: int,
        studio_url: str,
    ):
        self._context = context
        self._outgoing = outgoing
        self._delivery_queue = delivery_queue
        self._dead_letters = dead_letters
        self._sweep_queue = sweep_queue
        self._delay = delay
        self._count = count
        self._longest_age_ms = longest_age_seconds * 1000
        self._studio_url = studio_url
        self._circuits = Circuits(context.clock)
        self._untried: dict[str, int] = {}

    def plan(self, stream_records: list[dict[str, Any]]) -> str | None:
        """Queue what a batch of changes owes; returns the sequence number of the first record that failed, if one did.

        Everything before that record is queued before this returns.
        """
        planned: list[Record] = []
        sweeps: list[Record] = []
        webhooks: dict[str, list[Record]] = {}
        failed = None
        for stream_record in stream_records:
            try:
                if change := decode(stream_record):
                    planned += self._deliveries(change, webhooks)
                    if job := sweep_job(change):
                        sweeps.append(job)
            except Exception:
                failed = stream_record["dynamodb"]["SequenceNumber"]
                logger.exception("change cannot be planned", extra={"sequence_number": failed})
                break
        if planned:
            self._delivery_queue.send(planned)
        for delay in {delay_seconds(job) for job in sweeps}:
            due = [job for job in sweeps if delay_seconds(job) == delay]
            self._sweep_queue.send(due, delay_seconds=delay)
        return failed

    def _deliveries(self, change: Change, webhooks: dict[str, list[Record]]) -> list[Record]:
        if change.kind == "service" or not change.cause["webhooks"]:
            return []
        context = self._context
        service = context.configuration.fetch(keys.service(context.account_sid, change.record["service_sid"]))
        if service is None:
            return []
        of_channel: list[Record] = []
        if change.record.get("hooks"):
            sid = change.channel_sid
            if sid not in webhooks:
                webhooks[sid] = self._channel_webhooks(sid)
            of_channel = webhooks[sid]
        if change.kind == "user":
            change = replace(change, record=reachability(change.record, is_enabled(service)))
        return deliveries(change, service, of_channel, context.account_sid, self._studio_url)

    def _channel_webhooks(self, channel_sid: str) -> list[Record]:
        webhooks = self._context.table.every(keys.channel_webhooks(channel_sid))
        if any(webhook["type"] == "studio" for webhook in webhooks):
            channel = self._context.configuration.fetch(keys.channel(channel_sid)) or {}
            webhooks = [{**webhook, "channel": channel} for webhook in webhooks]
        return webhooks

    def deliver(self, delivery: Record, receives: int, receipt_handle: str) -> bool:
        """Try a delivery that was received for the `receives`th time; returns whether the queue may forget it.

        What failed comes back after a pause. What is too old is parked where `parley webhooks` finds it.
        """
        auth_token = self._context.keyring.auth_token()
        if wait_ms := self._circuits.wait_ms(delivery["url"]):
            self.leave_untried(delivery)
            return self._put_off(delivery, -(-wait_ms // 1000), receipt_handle)
        number = max(receives - 1 - self._untried.get(delivery["id"], 0), 0)
        is_settled = False
        try:
            made = attempt(self._outgoing, auth_token, delivery, number)
            is_settled = made.outcome.is_settled
        finally:
            self._circuits.report(delivery["url"], failed=not is_settled)
        self._count("Duration", made.duration_ms)
        self._count(str(made.outcome).capitalize(), 1)
        if is_settled:
            self._untried.pop(delivery["id"], None)
            return True
        # Where attempts were counted too many, the pause would be too long: it never exceeds what has passed so far.
        longest = max(self._age_ms(delivery) // 1000, _SHORT_PAUSE_SECONDS)
        pause = min(pause_seconds(made.outcome, number, delivery["retries"]), longest)
        return self._put_off(delivery, pause, receipt_handle)

    def leave_untried(self, delivery: Record) -> None:
        """Note that a delivery was received and not tried, which is no attempt.

        Only this container knows; another one may count a few attempts too many, never one too few.
        """
        if len(self._untried) >= _MOST_UNTRIED:
            self._untried.clear()
        self._untried[delivery["id"]] = self._untried.get(delivery["id"], 0) + 1

    def _age_ms(self, delivery: Record) -> int:
        return self._context.clock.now_ms() - delivery["planned_at"]

    def _put_off(self, delivery: Record, seconds: int, receipt_handle: str) -> bool:
        age_ms = self._age_ms(delivery)
        if age_ms > self._longest_age_ms:
            # Groups of their own: whoever looks through the parked deliveries shall see all of them. And one that was
            # replayed and is given up again within five minutes is not the repeat that a FIFO queue would drop.
            once = f"{delivery['id']}-{delivery['planned_at']}"
            parked = {**delivery, "group": delivery["id"], "ordered_with": delivery["group"], "once": once}
            self._dead_letters.send([parked])
            self._untried.pop(delivery["id"], None)
            self._count("Parked", 1)
            logger.error("webhook parked", extra={"delivery": delivery["id"], "age_seconds": age_ms // 1000})
            return True
        self._count("Retried", 1)
        self._delay(receipt_handle, seconds)
        return False

    def sweep(self, job: Record, remaining_ms: Callable[[], int]) -> bool:
        """Do a step of a sweep; what is left over is queued again."""
        if not sweep(self._context, job, lambda: remaining_ms() < _MARGIN_MS):
            self._sweep_queue.send([job])
            logger.info("sweep goes on", extra={"kind": job["kind"], "sid": job["sid"]})
        return True
