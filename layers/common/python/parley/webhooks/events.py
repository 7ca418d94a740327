"""Finds the webhook event that an action or change fires, and fills in the event's parameters.

Parameters without a value are left out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from parley.clock import iso_millis
from parley.faces.events import Event
from parley.records.kinds import EMPTY_ATTRIBUTES
from parley.store.changes import Change
from parley.store.items import Record

Value = Callable[[Change], Any]


def _stored(name: str) -> Value:
    return lambda change: change.record.get(name)


def _date(name: str) -> Value:
    def value(change: Change) -> str | None:
        milliseconds = change.record.get(name)
        return None if milliseconds is None else iso_millis(milliseconds)

    return value


def _flag(value: bool | None) -> str | None:
    """`true` or `false`; None if the value is unknown, such as `is_online` while the service has disabled it."""
    return None if value is None else str(value).lower()


def _media(name: str) -> Value:
    return lambda change: (change.record.get("media") or {}).get(name)


PARAMETERS: dict[str, Value] = {
    "ChannelSid": lambda change: change.channel_sid,
    "MessageSid": _stored("sid"),
    "MemberSid": _stored("sid"),
    "UserSid": _stored("sid"),
    "Index": _stored("index"),
    "Body": _stored("body"),
    "Attributes": lambda change: change.record.get("attributes") or EMPTY_ATTRIBUTES,
    "From": _stored("author"),
    "To": lambda change: change.channel_sid,
    "ModifiedBy": lambda change: change.record.get("last_updated_by") or change.cause["actor"],
    "FriendlyName": _stored("friendly_name"),
    "UniqueName": _stored("unique_name"),
    "ChannelType": _stored("type"),
    "CreatedBy": _stored("created_by"),
    "Identity": _stored("identity"),
    "RoleSid": _stored("role_sid"),
    "LastConsumedMessageIndex": _stored("last_consumed_message_index"),
    "DateCreated": _date("date_created"),
    "DateUpdated": _date("date_updated"),
    "DateRemoved": lambda change: iso_millis(change.cause["at"]),
    "IsOnline": lambda change: _flag(change.record.get("is_online")),
    "IsNotifiable": lambda change: _flag(change.record.get("is_notifiable")),
    "MediaSid": _media("sid"),
    "MediaFilename": _media("filename"),
    "MediaContentType": _media("content_type"),
    "MediaSize": _media("size"),
}


def find(events: dict[tuple[str, str], Event], kind: str, verb: str, record: Record) -> Event | None:
    """The event that an action or change fires, None if none; messages with media have rows of their own."""
    if record.get("type") == "media" and (event := events.get((f"media {kind}", verb))):
        return event
    return events.get((kind, verb))


def parameters(event: Event, change: Change, account_sid: str) -> dict[str, str]:
    """The parameters of the webhook for an event, as text by name."""
    values: Record = {
        "AccountSid": account_sid,
        "InstanceSid": change.record["service_sid"],
        "EventType": event.name,
        "Source": change.cause["source"],
    }
    if change.cause["source"] == "SDK":
        values["ClientIdentity"] = change.cause["actor"]
    values |= {name: PARAMETERS[name](change) for name in event.parameters.split()}
    return {name: str(value) for name, value in values.items() if value is not None}


def own_webhook(service: Mapping[str, Any], event: Event) -> tuple[str, str] | None:
    """The URL and method that a service has set for this event alone (in Chat v1); None if it has set none."""
    name = "webhooks.on_" + "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in event.name)[3:]
    url = service.get(f"{name}.url")
    return (url, service.get(f"{name}.method") or "POST") if url else None
