"""Post-event webhooks as jobs: plans deliveries, makes attempts, and repeats or parks those that failed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from parley.domain.deliveries import is_of_summary
from parley.domain.presence import reachability
from parley.faces.chat_events import POST_EVENTS
from parley.jobs import Again, Entry, Memory, Turn
from parley.log import logger
from parley.operations.context import Context
from parley.operations.reachability import is_enabled
from parley.ports.http.outgoing import Outgoing
from parley.ports.queue import Queue
from parley.store import keys
from parley.store.changes import Change
from parley.webhooks.circuit import Circuits
from parley.webhooks.delivery import attempt, pause_seconds
from parley.webhooks.events import find
from parley.webhooks.planning import deliveries

_MOST_UNTRIED = 10_000
_SHORT_PAUSE_SECONDS = 16

Count = Callable[[str, float], None]


class Deliveries:
    """One container's view of the deliveries that it tries.

    Args:
        dead_letters: Where deliveries are parked that are older than `longest_age_seconds`.
        count: Counts a metric: `count(name, value)`.
        studio_url: Where Studio flows live, with `{flow_sid}` in it; empty if there are none.
    """

    def __init__(
        self,
        context: Context,
        outgoing: Outgoing,
        dead_letters: Queue,
        *,
        count: Count,
        longest_age_seconds: int,
        studio_url: str,
    ):
        self._context = context
        self._outgoing = outgoing
        self._dead_letters = dead_letters
        self._count = count
        self._longest_age_ms = longest_age_seconds * 1000
        self._studio_url = studio_url
        self._circuits = Circuits(context.clock)
        self._untried: dict[str, int] = {}

    def plan(self, change: Change, memory: Memory) -> list[Entry]:
        """The deliveries of the webhooks that a change fires."""
        if not find(POST_EVENTS, change.kind, change.verb, change.record) or not change.cause["webhooks"]:
            return []
        if change.kind == "message" and is_of_summary(change.old, change.record):
            # The receipt's own change tells of it (unconfirmed).
            return []
        context = self._context
        service = context.configuration.fetch(keys.service(context.account_sid, change.record["service_sid"]))
        if service is None:
            return []
        of_channel: list[dict[str, Any]] = []
        if change.record.get("hooks"):
            sid = change.channel_sid
            if sid not in memory:
                memory[sid] = self._channel_webhooks(sid)
            of_channel = memory[sid]
        if change.kind == "user":
            change = replace(change, record=reachability(change.record, is_enabled(service)))
        return deliveries(change, service, of_channel, context.account_sid, self._studio_url)

    def _channel_webhooks(self, channel_sid: str) -> list[dict[str, Any]]:
        webhooks: list[dict[str, Any]] = [
            {**webhook} for webhook in self._context.table.every(keys.channel_webhooks(channel_sid))
        ]
        if any(webhook["type"] == "studio" for webhook in webhooks):
            channel = self._context.configuration.fetch(keys.channel(channel_sid)) or {}
            webhooks = [{**webhook, "channel": channel} for webhook in webhooks]
        return webhooks

    def deliver(self, delivery: Entry, turn: Turn) -> Again | None:
        """Make one attempt, unless the target's circuit is open.

        A delivery that failed comes back after a pause. One that is too old is parked where `parley webhooks` finds it.
        """
        auth_token = self._context.keyring.auth_token()
        if wait_ms := self._circuits.wait_ms(delivery["url"]):
            self.leave_untried(delivery)
            return self._again(delivery, -(-wait_ms // 1000))
        number = max(turn.receives - 1 - self._untried.get(delivery["id"], 0), 0)
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
            return None
        # A new container counts all earlier receives as attempts, so this pause could be too long. So it is cut to the
        # time that has passed since the delivery was planned.
        longest = max(self._age_ms(delivery) // 1000, _SHORT_PAUSE_SECONDS)
        return self._again(delivery, min(pause_seconds(made.outcome, number, delivery["retries"]), longest))

    def leave_untried(self, delivery: Entry) -> None:
        """Note that a delivery was received but not tried, so that `RetryCount` does not count it as an attempt.

        Other containers do not know this. They may count a few attempts too many, never too few.
        """
        if len(self._untried) >= _MOST_UNTRIED:
            self._untried.clear()
        self._untried[delivery["id"]] = self._untried.get(delivery["id"], 0) + 1

    def _age_ms(self, delivery: Entry) -> int:
        return self._context.clock.now_ms() - int(delivery["planned_at"])

    def _again(self, delivery: Entry, seconds: int) -> Again | None:
        """Another attempt after a pause; None if the delivery has become too old and was parked."""
        age_ms = self._age_ms(delivery)
        if age_ms <= self._longest_age_ms:
            self._count("Retried", 1)
            return Again(seconds)
        # Each parked delivery has its own group, so that a reader of the queue sees them all. A delivery may be
        # replayed and parked again within five minutes. Then it needs another `once`, or SQS would drop it as a repeat.
        once = f"{delivery['id']}-{delivery['planned_at']}"
        parked = {**delivery, "group": delivery["id"], "ordered_with": delivery["group"], "once": once}
        self._dead_letters.send([parked])
        self._untried.pop(delivery["id"], None)
        self._count("Parked", 1)
        logger.error("webhook parked", extra={"delivery": delivery["id"], "age_seconds": age_ms // 1000})
        return None
