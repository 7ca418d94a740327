"""Replays: if a channel's webhook asks for older messages, Parley sends them one after the other, before newer ones.

The job waits in the queue of deliveries, in the webhook's group. So deliveries of newer messages wait behind it. The
webhook's record says how far the replay has come. If the function dies, the replay goes on from there. Only the message
that was just being sent may then be sent again, with the same idempotency token.
"""

from __future__ import annotations

from dataclasses import replace
from typing import cast

from parley.errors import NOT_FOUND, Refusal
from parley.jobs import Again, Entry, Memory, Turn
from parley.operations.authorship import known
from parley.operations.context import Context
from parley.store import keys
from parley.store.changes import CREATED, Change
from parley.store.writes import Update
from parley.stored import ChannelWebhook, Message, Replayed
from parley.webhooks.deliveries import Deliveries
from parley.webhooks.planning import Surroundings, is_replaying, of_replay, replay, replayed

_AT_ONCE = 25
# A replay stops when this much of the function's time is left. An attempt takes five seconds at most.
_MARGIN_MS = 10_000
# If a message took its index before the webhook was made, it is stored at most this long after.
_SETTLED_MS, _LOOK_AGAIN_SECONDS = 30_000, 2


class Replays:
    """Runs the replays of channel webhooks; `deliveries` makes the attempts."""

    def __init__(self, context: Context, deliveries: Deliveries):
        self._context = context
        self._deliveries = deliveries

    def plan(self, change: Change, memory: Memory) -> list[Entry]:
        """The replay that a new webhook asks for."""
        if (change.kind, change.verb) != ("channel_webhook", CREATED):
            return []
        webhook = cast(ChannelWebhook, change.record)
        return [replay(webhook)] if is_replaying(webhook) else []

    def carry_out(self, entry: Entry, turn: Turn) -> Again | None:
        """Send the messages that are left, until one has to be tried again or the time is up."""
        while True:
            found = self._context.table.fetch(keys.channel_webhook(entry["channel_sid"], entry["sid"]))
            if found is None or not is_replaying(found):
                return None
            try:
                again = self._tell_some(found, turn)
            except _Gone:
                return None
            if again is not None:
                return again

    def _tell_some(self, webhook: ChannelWebhook, turn: Turn) -> Again | None:
        """Send the next messages; None if all of them are settled."""
        channel_sid, at = webhook["channel_sid"], replayed(webhook)
        indexes = range(at["next"], min(at["next"] + _AT_ONCE, webhook["replay_until"] + 1))
        places = {index: keys.message(channel_sid, index) for index in indexes}
        channel_key = keys.channel(channel_sid)
        found = self._context.table.fetch_many([channel_key, *places.values()])
        around = Surroundings(
            self._context.account_sid,
            {},
            channel={**found.get(channel_key, {})},
            studio_url=self._deliveries.studio_url,
        )
        there = known(self._context, *(found[key] for key in places.values() if key in found))
        messages = {message["index"]: message for message in there}
        for index in places:
            if turn.remaining_ms() < _MARGIN_MS:
                return Again()
            message = messages.get(index)
            if message is None and self._context.clock.now_ms() < webhook["date_created"] + _SETTLED_MS:
                return Again(_LOOK_AGAIN_SECONDS)
            delivery = of_replay(_as_new(message), webhook, around) if message is not None else None
            if delivery is None:
                continue
            mine = replace(turn, receives=max(turn.receives - at["receives"], 1))
            told = self._deliveries.tell({**delivery, "planned_at": at["since"]}, mine)
            if told.again:
                return told.again
            # If a message was parked, its target has been silent for hours. Then the next one gets no hours of its own.
            since = at["since"] if told.is_parked else self._context.clock.now_ms()
            at = self._settle(webhook, index + 1, turn, since)
        self._settle(webhook, indexes.stop, turn, at["since"])
        return None

    def _settle(self, webhook: ChannelWebhook, index: int, turn: Turn, since: int) -> Replayed:
        """Store that the next message is the one with this index, and since when the target has been silent."""
        at: Replayed = {"next": index, "since": since, "receives": turn.receives - 1}
        key = keys.channel_webhook(webhook["channel_sid"], webhook["sid"])
        self._context.table.commit(self._context.cause(), [Update(key, _Gone(), set={"replayed": at}, announced=False)])
        return at


class _Gone(Refusal):
    """Raised if the webhook was deleted meanwhile."""

    def __init__(self) -> None:
        super().__init__(NOT_FOUND)


def _as_new(message: Message) -> Change:
    """The change that wrote a message, made again from the stored message."""
    cause = {**message["cause"], "id": message["sid"], "webhooks": True}
    return Change("message", CREATED, {**message}, {}, cause, "")
