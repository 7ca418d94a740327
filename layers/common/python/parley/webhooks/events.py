"""Post-events: one row per kind and verb of change, with the name and parameters that the vendor sends.

Parameter sets: https://www.twilio.com/docs/chat/webhook-events and recorded requests; where only the successor's table
is known they follow that, with names mapped back (unconfirmed). Unset values are left out.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from parley.clock import iso_millis
from parley.ids import user_sid
from parley.resources.kinds import EMPTY_ATTRIBUTES
from parley.store.changes import Change
from parley.store.items import Record

Value = Callable[[Change], Any]


class Event(NamedTuple):
    """A post-event: its name and its own parameters, separated by blanks."""

    name: str
    parameters: str


_CHANNEL = "ChannelSid FriendlyName UniqueName Attributes ChannelType DateCreated DateUpdated CreatedBy"
_MESSAGE = "ChannelSid MessageSid Index DateCreated Body Attributes From To"
_MEMBER = "ChannelSid MemberSid Identity RoleSid"

EVENTS: dict[tuple[str, str], Event] = {
    ("message", "created"): Event("onMessageSent", _MESSAGE),
    ("message", "updated"): Event("onMessageUpdated", _MESSAGE + " DateUpdated ModifiedBy"),
    ("message", "deleted"): Event("onMessageRemoved", _MESSAGE + " DateUpdated DateRemoved"),
    ("channel", "created"): Event("onChannelAdded", _CHANNEL),
    ("channel", "updated"): Event("onChannelUpdated", _CHANNEL),
    ("channel", "deleted"): Event("onChannelDestroyed", _CHANNEL + " DateRemoved"),
    ("member", "created"): Event("onMemberAdded", _MEMBER + " DateCreated Attributes"),
    ("member", "updated"): Event(
        "onMemberUpdated", _MEMBER + " LastConsumedMessageIndex DateCreated DateUpdated Attributes"
    ),
    ("member", "deleted"): Event("onMemberRemoved", _MEMBER + " DateCreated DateRemoved LastConsumedMessageIndex"),
    ("user", "created"): Event("onUserAdded", "UserSid Identity RoleSid FriendlyName Attributes DateCreated"),
    ("user", "updated"): Event(
        "onUserUpdated", "UserSid Identity RoleSid FriendlyName Attributes DateCreated DateUpdated"
    ),
}


def _stored(name: str) -> Value:
    return lambda change: change.record.get(name)


def _date(name: str) -> Value:
    def value(change: Change) -> str | None:
        milliseconds = change.record.get(name)
        return None if milliseconds is None else iso_millis(milliseconds)

    return value


PARAMETERS: dict[str, Value] = {
    "ChannelSid": lambda change: change.channel_sid,
    "MessageSid": _stored("sid"),
    "MemberSid": _stored("sid"),
    "UserSid": lambda change: user_sid(change.record["service_sid"], change.record["identity"]),
    "Index": _stored("index"),
    "Body": _stored("body"),
    "Attributes": lambda change: change.record.get("attributes") or EMPTY_ATTRIBUTES,
    "From": _stored("author"),
    "To": lambda change: change.channel_sid,
    "ModifiedBy": _stored("last_updated_by"),
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
}


def event_of(change: Change) -> Event | None:
    """The post-event that a change fires, if any."""
    return EVENTS.get((change.kind, change.verb))


def parameters(event: Event, change: Change, account_sid: str) -> Record:
    """What is sent for an event, as text by name."""
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
