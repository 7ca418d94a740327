"""Planning: a pure function from a change to its webhook deliveries. It sends nothing, so the stream never waits."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator

from parley.faces.chat_events import POST_EVENTS
from parley.faces.events import Event
from parley.records.kinds import EMPTY_ATTRIBUTES
from parley.store.changes import Change
from parley.store.items import Record
from parley.stored import Service
from parley.webhooks.events import find, own_webhook, parameters

# The events that a studio webhook sends to its flow if it names none (unconfirmed).
_STUDIO_DEFAULT = ("onMessageSent", "onMediaMessageSent")
_SENT = ("onMessageSent", "onMediaMessageSent")


def deliveries(
    change: Change, service: Service, channel_webhooks: Iterable[Record], account_sid: str, studio_url: str
) -> list[Record]:
    """The deliveries of a change, to the service's webhooks and to those of its channel.

    Each is an entry for the queue: `id`, `group`, `url`, `method`, `parameters`, `retries` and `planned_at`. The `id`
    is the idempotency token. It depends on change and target alone, so a change that is planned twice has the same one.
    Deliveries of one group keep their order. `studio_url` is where flows live, with `{flow_sid}` in it. A webhook of
    the type `studio` holds its channel's record as `channel`, because a flow gets the channel's attributes.
    """
    event = find(POST_EVENTS, change.kind, change.verb, change.record)
    if event is None or not change.cause["webhooks"]:
        return []
    told = parameters(event, change, account_sid)
    return [
        _entry(change, event, url, method, retries, {**told, **more})
        for url, method, retries, more in (
            *_of_service(service, event),
            *_of_channel(change, event, channel_webhooks, studio_url),
        )
    ]


Target = tuple[str, str, int, dict[str, str]]


def _of_service(service: Service, event: Event) -> Iterator[Target]:
    retries = service.get("post_webhook_retry_count") or 0
    url = service.get("post_webhook_url")
    if url and event.name in (service.get("webhook_filters") or ()):
        yield url, service.get("webhook_method") or "POST", retries, {}
    if own := own_webhook(service, event):
        yield *own, retries, {}


def _of_channel(change: Change, event: Event, webhooks: Iterable[Record], studio_url: str) -> Iterator[Target]:
    for webhook in webhooks:
        if not _fires(webhook, event, change):
            continue
        marks = {"WebhookType": webhook["type"], "WebhookSid": webhook["sid"]}
        retries = webhook.get("configuration.retry_count") or 0
        if webhook["type"] != "studio":
            yield webhook["configuration.url"], webhook.get("configuration.method") or "POST", retries, marks
        elif studio_url:
            own = change.kind == "channel"
            attributes = {"ChannelAttributes": _attributes(change.record if own else webhook["channel"])}
            url = studio_url.replace("{flow_sid}", webhook["configuration.flow_sid"])
            yield url, "POST", retries, {**marks, "To": change.channel_sid, **attributes}


def _attributes(channel: Record) -> str:
    return channel.get("attributes") or EMPTY_ATTRIBUTES


def _fires(webhook: Record, event: Event, change: Change) -> bool:
    match webhook["type"]:
        case "trigger":
            # Case and word boundaries are not documented; any occurrence fires (unconfirmed).
            body = (change.record.get("body") or "").lower()
            triggers = webhook.get("configuration.triggers") or ()
            return event.name in _SENT and any(trigger.lower() in body for trigger in triggers)
        case "studio":
            return event.name in (webhook.get("configuration.filters") or _STUDIO_DEFAULT)
        case _:
            return event.name in (webhook.get("configuration.filters") or ())


def _entry(change: Change, event: Event, url: str, method: str, retries: int, told: dict[str, str]) -> Record:
    target = told.get("WebhookSid") or url
    return {
        "id": _digest(change.cause["id"], change.record["sid"], event.name, target),
        "group": _digest(target, change.channel_sid or change.record["sid"]),
        "url": url,
        "method": method,
        "parameters": told,
        "retries": retries,
        "planned_at": change.cause["at"],
    }


def _digest(*parts: str) -> str:
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:32]
