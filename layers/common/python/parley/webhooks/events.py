"""Finds the webhook events that a change fires, and fills in an event's parameters.

Parameters without a value are left out.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from parley.clock import iso_millis, iso_or_none
from parley.domain.memberships import participant_of
from parley.domain.messages import files_of
from parley.domain.states import state_of
from parley.faces.events import Event
from parley.records.channels import CHANNEL
from parley.records.kinds import attributes_of
from parley.store.changes import UPDATED, Change
from parley.store.items import Record
from parley.webhooks.families import Family

Value = Callable[[Change], Any]


def _stored(name: str) -> Value:
    return lambda change: change.record.get(name)


def _date(name: str) -> Value:
    return lambda change: iso_or_none(change.record.get(name))


def _flag(name: str) -> Value:
    """`true` or `false`; None if the value is unknown, such as `is_online` while the service has disabled it."""

    def value(change: Change) -> str | None:
        flag = change.record.get(name)
        return None if flag is None else str(flag).lower()

    return value


def _media(name: str) -> Value:
    return lambda change: next((file.get(name) for file in files_of(change.record)), None)


_MEDIA_KEYS = {"Sid": "sid", "Filename": "filename", "ContentType": "content_type", "Size": "size"}


def _media_list(change: Change) -> str | None:
    described = [
        {key: file[name] for key, name in _MEDIA_KEYS.items() if file.get(name) is not None}
        for file in files_of(change.record)
    ]
    return json.dumps(described, ensure_ascii=False) if described else None


def _bound(name: str) -> Value:
    return lambda change: (change.record.get("messaging_binding") or {}).get(name)


def _participant(change: Change) -> Any:
    match change.kind:
        case "member":
            return change.record["sid"]
        case "message":
            return participant_of(change.record)
    return change.record.get("participant_sid")


def _messaging_service(change: Change) -> Any:
    channel = change.record if change.kind == "channel" else change.record.get("channel") or {}
    return channel.get("messaging_service_sid")


PARAMETERS: dict[str, Value] = {
    "ChannelSid": lambda change: change.channel_sid,
    "ConversationSid": lambda change: change.channel_sid,
    "MessageSid": lambda change: change.record.get("sid" if change.kind == "message" else "message_sid"),
    "MemberSid": _stored("sid"),
    "ParticipantSid": _participant,
    "UserSid": _stored("sid"),
    "Index": _stored("index"),
    "Body": _stored("body"),
    "Attributes": lambda change: attributes_of(change.record),
    "From": _stored("author"),
    "Author": _stored("author"),
    "To": lambda change: change.channel_sid,
    "ModifiedBy": lambda change: change.record.get("last_updated_by") or change.cause["actor"],
    "FriendlyName": _stored("friendly_name"),
    "UniqueName": _stored("unique_name"),
    "ChannelType": _stored("type"),
    "CreatedBy": _stored("created_by"),
    "MessagingServiceSid": _messaging_service,
    "State": lambda change: state_of(change.record),
    "StateFrom": _stored("state_from"),
    "StateTo": lambda change: state_of(change.record),
    "StateUpdated": _date("state_at"),
    "Reason": _stored("state_reason"),
    "Identity": _stored("identity"),
    "RoleSid": _stored("role_sid"),
    "LastConsumedMessageIndex": _stored("last_consumed_message_index"),
    "LastReadMessageIndex": _stored("last_consumed_message_index"),
    "DateCreated": _date("date_created"),
    "DateUpdated": _date("date_updated"),
    "DateRemoved": lambda change: iso_millis(change.cause["at"]),
    "IsOnline": _flag("is_online"),
    "IsNotifiable": _flag("is_notifiable"),
    "isOnline": _flag("is_online"),
    "isNotifiable": _flag("is_notifiable"),
    "MediaSid": _media("sid"),
    "MediaFilename": _media("filename"),
    "MediaContentType": _media("content_type"),
    "MediaSize": _media("size"),
    "Media": _media_list,
    # The phone's message for which a conversation is made.
    "MessageBody": _stored("message_body"),
    "MessagingBinding.Address": _bound("address"),
    "MessagingBinding.ProxyAddress": _bound("proxy_address"),
    "MessagingBinding.ProjectedAddress": _bound("projected_address"),
    "MessagingBinding.AuthorAddress": _bound("author_address"),
    "MessagingBinding.Type": lambda change: (_bound("type")(change) or "chat").upper(),
    "DeliveryReceiptSid": _stored("sid"),
    "ChannelMessageSid": _stored("channel_message_sid"),
    "Status": _stored("status"),
    "ErrorCode": lambda change: change.record.get("error_code") or None,
}

# The fields that change with the state. Together with a change of the state, a change of any other declared field fires
# the event of a channel's update too.
_WITH_STATE = {"state", "timers.date_inactive", "timers.date_closed", "date_updated"}
_OF_CHANNEL = tuple(field.name for field in CHANNEL.fields if field.name not in _WITH_STATE)


def rows(change: Change) -> list[tuple[str, str]]:
    """The rows of a change in the tables of events, each a kind and a verb.

    A change of a conversation's state has a row of its own. The counting of receipts is no edit of the message.
    """
    usual = [(change.kind, change.verb)]
    match change.kind:
        case "channel" if change.verb == UPDATED and _differs(change, "state_at", "state_from"):
            # An update may set the state alone.
            return [*(usual if _differs(change, *_OF_CHANNEL) else []), ("state", UPDATED)]
        case "message" if change.verb == UPDATED and _differs(change, "delivery"):
            return []
        case "receipt":
            return [("receipt", UPDATED)] if change.record.get("status") and _differs(change, "status") else []
    return usual


def _differs(change: Change, *names: str) -> bool:
    return any(change.record.get(name) != change.old.get(name) for name in names)


def parameters(family: Family, event: Event, change: Change, account_sid: str) -> dict[str, str]:
    """The parameters of the webhook for an event, as text by name."""
    values: Record = {
        "AccountSid": account_sid,
        family.service_parameter: change.record["service_sid"],
        "EventType": event.name,
        "Source": change.cause["source"],
    }
    if change.cause["source"] == "SDK":
        values["ClientIdentity"] = change.cause["actor"]
    values |= {name: PARAMETERS[name](change) for name in event.parameters.split()}
    return {name: str(value) for name, value in values.items() if value is not None}
