"""Planning: a pure function from a change to its webhook deliveries. It sends nothing, so the stream never waits."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import field, replace

from parley.domain.channel_webhooks import STUDIO
from parley.faces.events import Event
from parley.frozen import frozen
from parley.operations.unclaimed import Unclaimed
from parley.records.kinds import attributes_of
from parley.store.changes import CREATED, Change
from parley.store.items import Record
from parley.stored import ChannelWebhook, Replayed, Service
from parley.webhooks.events import parameters, rows
from parley.webhooks.families import CHATS, CONVERSATIONS_FAMILY, FAMILIES, Family, Settings, find, of_webhook

_SENT = ("onMessageSent", "onMediaMessageSent")
# The events that a studio webhook sends to its flow if its filters are empty (unconfirmed for Chat).
_STUDIO_DEFAULT = _SENT


@frozen
class Surroundings:
    """The facts that planning needs beside the change.

    Attributes:
        account_sid: The account.
        service: The service, for the URLs that it has set for single events.
        settings: The service's webhooks by family name.
        webhooks: The channel's own webhooks.
        channel: The channel's record, or its tombstone; None for a change outside of channels, or if no webhook needs
            it.
        studio_url: Where flows live, with `{flow_sid}` in it; empty if there are none.
    """

    account_sid: str
    service: Service
    settings: Mapping[str, Settings] = field(default_factory=dict)
    webhooks: Iterable[ChannelWebhook] = ()
    channel: Record | None = None
    studio_url: str = ""


Target = tuple[str, str, int, dict[str, str]]


def deliveries(change: Change, around: Surroundings) -> list[Record]:
    """The deliveries of a change, to the service's webhooks of each family and to those of its channel.

    Each is an entry for the queue: `id`, `group`, `url`, `method`, `parameters`, `retries` and `planned_at`. The `id`
    is the idempotency token. It depends on change and target alone, so a change that is planned twice has the same one.
    Deliveries of one group keep their order.
    """
    if not change.cause["webhooks"]:
        return []
    if around.channel is not None and change.kind != "channel":
        change = replace(change, record={**change.record, "channel": around.channel})
    return [
        entry
        for row in rows(change)
        for entry in (*_to_service(change, row, around), *_to_channel_webhooks(change, row, around))
    ]


def is_wanted(change: Change, settings: Mapping[str, Settings]) -> bool:
    """Whether Conversations' webhooks on the service may want a change, if it is in a private channel."""
    wanted = settings[CONVERSATIONS_FAMILY.name]
    events = (find(CONVERSATIONS_FAMILY.post_events, *row, change.record) for row in rows(change))
    return bool(wanted.post_url) and any(event and event.name in wanted.filters for event in events)


def _to_service(change: Change, row: tuple[str, str], around: Surroundings) -> Iterator[Record]:
    channel = change.record if change.kind == "channel" else around.channel
    for family in FAMILIES:
        event = find(family.post_events, *row, change.record)
        if event is None or not family.knows(channel):
            continue
        for url, method, retries in _urls(family, event, around):
            told = parameters(family, event, change, around.account_sid)
            yield _entry(change, family, event, (url, method, retries, told))


def _urls(family: Family, event: Event, around: Surroundings) -> Iterator[tuple[str, str, int]]:
    settings = around.settings.get(family.name, Settings())
    if settings.post_url and event.name in settings.filters:
        yield settings.post_url, settings.method, settings.post_retries
    if own := family.own_url(around.service, event):
        yield *own, settings.post_retries


def _to_channel_webhooks(change: Change, row: tuple[str, str], around: Surroundings) -> Iterator[Record]:
    for webhook in around.webhooks:
        if _is_replayed(webhook, row, change) or not fires(webhook, row, change):
            continue
        family, event = _named(webhook, row, change)
        told = parameters(family, event, change, around.account_sid)
        if target := _target(change, webhook, told, around):
            yield _entry(change, family, event, target)


def of_replay(change: Change, webhook: ChannelWebhook, around: Surroundings) -> Record | None:
    """The delivery of an older message to a webhook that asked for it; None if the webhook does not want this one."""
    row = (change.kind, change.verb)
    if not fires(webhook, row, change):
        return None
    family, event = _named(webhook, row, change)
    change = replace(change, record={**change.record, "channel": around.channel})
    target = _target(change, webhook, parameters(family, event, change, around.account_sid), around)
    return _entry(change, family, event, target) if target else None


def of_unclaimed(asked: Unclaimed, at_ms: int) -> Record:
    """The delivery that tells a messaging service's URL of a message; the messages of one phone keep their order."""
    return {
        "id": _digest(asked.token, asked.url),
        "group": group_of(asked.url, asked.pair),
        "url": asked.url,
        "method": asked.method,
        "parameters": asked.parameters,
        "retries": 0,
        "planned_at": at_ms,
    }


def _is_replayed(webhook: ChannelWebhook, row: tuple[str, str], change: Change) -> bool:
    """Whether a message came before the webhook. The webhook gets such a message from a replay or not at all."""
    return row == ("message", CREATED) and change.record["index"] <= webhook.get("replay_until", -1)


def _selected_as(row: tuple[str, str], change: Change) -> str:
    """The name of an event in a stored webhook of a channel: Chat's name, or Conversations' if Chat has none."""
    event = find(CHATS.post_events, *row, change.record) or find(CONVERSATIONS_FAMILY.post_events, *row, change.record)
    return event.name if event else ""


def _named(webhook: ChannelWebhook, row: tuple[str, str], change: Change) -> tuple[Family, Event]:
    """The event in the words of the face that made the webhook, or in Conversations' words if that face has none."""
    for family in (of_webhook(webhook), CONVERSATIONS_FAMILY):
        if event := find(family.post_events, *row, change.record):
            return family, event
    raise LookupError(row)


def names_channel(webhook: ChannelWebhook) -> bool:
    """Whether requests to a channel's webhook may show more fields of the channel than its SID."""
    return webhook["type"] == STUDIO or of_webhook(webhook) is CONVERSATIONS_FAMILY


def replayed(webhook: ChannelWebhook) -> Replayed:
    """The progress of the replay that a channel's webhook asked for."""
    begin: Replayed = {"next": webhook["configuration.replay_after"], "since": webhook["date_created"], "receives": 0}
    return webhook.get("replayed") or begin


def is_replaying(webhook: ChannelWebhook) -> bool:
    """Whether a channel's webhook must still get older messages."""
    return "replay_until" in webhook and replayed(webhook)["next"] <= webhook["replay_until"]


def replay(webhook: ChannelWebhook) -> Record:
    """The queue entry of a replay. It has the group of the webhook's deliveries, so later deliveries wait for it."""
    sid, channel_sid = webhook["sid"], webhook["channel_sid"]
    return {
        "job": "replay",
        "id": f"replay-{sid}",
        "group": group_of(sid, channel_sid),
        "sid": sid,
        "channel_sid": channel_sid,
    }


def fires(webhook: ChannelWebhook, row: tuple[str, str], change: Change) -> bool:
    """Whether a channel's webhook wants an event."""
    name = _selected_as(row, change)
    if not name:
        return False
    match webhook["type"]:
        case "trigger":
            # Case and word boundaries are not documented; any occurrence fires (unconfirmed).
            body = (change.record.get("body") or "").casefold()
            triggers = webhook.get("configuration.triggers") or ()
            return name in _SENT and any(trigger.casefold() in body for trigger in triggers)
        case "studio":
            return name in (webhook.get("configuration.filters") or _STUDIO_DEFAULT)
        case _:
            return name in (webhook.get("configuration.filters") or ())


def _target(change: Change, webhook: ChannelWebhook, told: dict[str, str], around: Surroundings) -> Target | None:
    told |= {"WebhookType": webhook["type"], "WebhookSid": webhook["sid"]}
    retries = webhook.get("configuration.retry_count") or 0
    if webhook["type"] != STUDIO:
        return webhook["configuration.url"], webhook.get("configuration.method") or "POST", retries, told
    if not around.studio_url:
        return None
    channel = change.record if change.kind == "channel" else around.channel or {}
    url = around.studio_url.replace("{flow_sid}", webhook["configuration.flow_sid"])
    return url, "POST", retries, {**told, "To": change.channel_sid, "ChannelAttributes": attributes_of(channel)}


def group_of(target: str, place: str) -> str:
    """The group of the deliveries from one channel to one target. Deliveries of one group keep their order."""
    return _digest(target, place)


def _entry(change: Change, family: Family, event: Event, to: Target) -> Record:
    url, method, retries, told = to
    target = told.get("WebhookSid") or url
    # One URL may serve both families, and some of their events have the same name.
    apart = () if family is CHATS else (family.name,)
    return {
        "id": _digest(change.cause["id"], change.record["sid"], event.name, target, *apart),
        "group": group_of(target, change.channel_sid or change.record["sid"]),
        "url": url,
        "method": method,
        "parameters": told,
        "retries": retries,
        "planned_at": change.cause["at"],
    }


def _digest(*parts: str) -> str:
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:32]
