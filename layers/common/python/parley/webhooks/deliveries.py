"""Post-event webhooks as jobs: plans deliveries, makes attempts, and repeats or parks those that failed."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple, cast

from parley import metrics
from parley.domain.deliveries import is_of_summary
from parley.domain.presence import reachability
from parley.jobs import Again, Entry, Memory, Turn
from parley.log import logger
from parley.metrics import count
from parley.operations.authorship import known
from parley.operations.context import Context
from parley.operations.reachability import is_enabled
from parley.ports.http.outgoing import Outgoing
from parley.ports.queue import Queue
from parley.store import keys
from parley.store.changes import Change
from parley.store.items import Record
from parley.stored import ChannelWebhook, Message
from parley.webhooks.circuit import Circuits
from parley.webhooks.delivery import Outcome, attempt, pause_seconds
from parley.webhooks.events import rows
from parley.webhooks.families import FAMILIES, find
from parley.webhooks.planning import Surroundings, deliveries, is_replaying, is_wanted, names_channel, replay

_MOST_UNTRIED = 10_000
_SHORT_PAUSE_SECONDS = 16
_COUNTED = {
    Outcome.DELIVERED: metrics.WEBHOOK_DELIVERED,
    Outcome.REJECTED: metrics.WEBHOOK_REJECTED,
    Outcome.FAILED: metrics.WEBHOOK_FAILED,
    Outcome.UNREACHABLE: metrics.WEBHOOK_UNREACHABLE,
}


class Told(NamedTuple):
    """The outcome of an attempt: the delivery is tried again, or was parked; if neither, it is settled."""

    again: Again | None = None
    is_parked: bool = False


class Deliveries:
    """One container's view of the deliveries that it tries.

    Args:
        dead_letters: Where deliveries are parked that are older than `longest_age_seconds`.
        studio_url: Where Studio flows live, with `{flow_sid}` in it; empty if there are none.
    """

    def __init__(
        self,
        context: Context,
        outgoing: Outgoing,
        dead_letters: Queue,
        *,
        longest_age_seconds: int,
        studio_url: str,
    ):
        self._context = context
        self._outgoing = outgoing
        self._dead_letters = dead_letters
        self._longest_age_ms = longest_age_seconds * 1000
        self.studio_url = studio_url
        self._circuits = Circuits(context.clock)
        self._untried: dict[str, int] = {}

    def plan(self, change: Change, memory: Memory) -> list[Entry]:
        """The deliveries of the webhooks that a change fires.

        If one of them waits for a replay, the replay is queued before it once more: the stream keeps the order of one
        record's changes only, so the webhook's own change may not have queued the replay yet.
        """
        events = (find(family.post_events, *row, change.record) for family in FAMILIES for row in rows(change))
        if not change.cause["webhooks"] or not any(events):
            return []
        if change.kind == "message" and is_of_summary(change.old, change.record):
            # The change of the receipt fires an event of its own (unconfirmed).
            return []
        context = self._context
        service = context.configuration.fetch(keys.service(context.account_sid, change.record["service_sid"]))
        if service is None:
            return []
        settings = {family.name: family.settings(context, service) for family in FAMILIES}
        webhooks = self._channel_webhooks(change, memory)
        is_named = is_wanted(change, settings) or any(names_channel(webhook) for webhook in webhooks)
        if change.kind == "message" and is_named:
            (message,) = known(context, cast(Message, change.record))
            change = replace(change, record={**message})
        if change.kind == "user":
            change = replace(change, record=reachability(change.record, is_enabled(service)))
        around = Surroundings(
            context.account_sid,
            service,
            settings,
            webhooks,
            self._channel(change, memory) if is_named else None,
            self.studio_url,
        )
        planned = deliveries(change, around)
        told = {delivery["parameters"].get("WebhookSid") for delivery in planned}
        awaited = [webhook for webhook in webhooks if webhook["sid"] in told and is_replaying(webhook)]
        return [*map(replay, awaited), *planned]

    def _channel_webhooks(self, change: Change, memory: Memory) -> list[ChannelWebhook]:
        if not change.record.get("hooks"):
            return []
        sid = change.channel_sid
        if sid not in memory:
            memory[sid] = self._context.table.every(keys.channel_webhooks(sid))
        webhooks: list[ChannelWebhook] = memory[sid]
        return webhooks

    def _channel(self, change: Change, memory: Memory) -> Record | None:
        """The channel's record, or its tombstone: webhooks also get the changes from before a channel's deletion."""
        if not change.channel_sid or change.kind == "channel":
            return None
        channels: dict[str, Record] = memory.setdefault("channels", {})
        if change.channel_sid not in channels:
            key = keys.channel(change.channel_sid)
            channels[change.channel_sid] = {**self._context.table.fetch_many([key], buried=True).get(key, {})}
        return channels[change.channel_sid]

    def deliver(self, delivery: Entry, turn: Turn) -> Again | None:
        """Carry out the job of a delivery: as `tell`."""
        return self.tell(delivery, turn).again

    def tell(self, delivery: Entry, turn: Turn) -> Told:
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
        count(metrics.WEBHOOK_DURATION, made.duration_ms)
        count(_COUNTED[made.outcome])
        if is_settled:
            self._untried.pop(delivery["id"], None)
            return Told()
        # A new container counts all earlier receives as attempts, which makes the pause too long. So the pause never
        # lasts longer than the time since the delivery was planned.
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

    def _again(self, delivery: Entry, seconds: int) -> Told:
        """Another attempt after a pause, unless the delivery has become too old. Then it is parked."""
        age_ms = self._age_ms(delivery)
        if age_ms <= self._longest_age_ms:
            count(metrics.WEBHOOK_RETRIED)
            return Told(Again(seconds))
        # Each parked delivery has its own group, so that a reader of the queue sees them all. A delivery may be
        # replayed and parked again within five minutes. Then it needs another `once`, or SQS would drop it as a repeat.
        once = f"{delivery['id']}-{delivery['planned_at']}"
        parked = {**delivery, "group": delivery["id"], "ordered_with": delivery["group"], "once": once}
        self._dead_letters.send([parked])
        self._untried.pop(delivery["id"], None)
        count(metrics.WEBHOOK_PARKED)
        logger.error("webhook parked", extra={"delivery": delivery["id"], "age_seconds": age_ms // 1000})
        return Told(is_parked=True)
