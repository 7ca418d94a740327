"""The data of Sync items: which fields of a record the SDKs are shown. Reads, replays and pushes all show these.

Each function lists what is shown, so a new attribute of a record stays hidden until it is added here. All SDKs get the
same data: the fields that only Conversations has are unknown to the Chat SDKs, which ignore them. Attributes are JSON
texts, since SDKs read an object as `{}`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from parley.clock import iso_or_none
from parley.domain.channels import last_message_index
from parley.domain.deliveries import summary
from parley.domain.memberships import identity_of, participant_of
from parley.domain.messages import USUAL_CATEGORY, files_of
from parley.domain.presence import reachability
from parley.domain.states import state_of
from parley.ids import user_sid
from parley.records.kinds import attributes_of
from parley.sockets.sdk import objects
from parley.stored import Tail

JOINED, INVITED = "joined", "invited"
# The items of a user's `info`.
FRIENDLY_NAME, ATTRIBUTES, REACHABILITY = "friendlyName", "attributes", "reachability"


def message_item(message: Mapping[str, Any]) -> dict[str, Any]:
    """The data of a message in its channel's list."""
    medias = [_media(file) for file in files_of(message)]
    delivery = message.get("delivery")
    return {
        "sid": message["sid"],
        "author": message.get("author"),
        "text": message.get("body"),
        "type": message.get("type") or "text",
        "timestamp": iso_or_none(message.get("date_created")),
        "dateUpdated": iso_or_none(message.get("date_updated")),
        "lastUpdatedBy": message.get("last_updated_by"),
        "attributes": attributes_of(message),
        "memberSid": participant_of(message),
        "media": medias[0] if medias else None,
        "medias": medias or None,
        "subject": message.get("subject"),
        "contentSid": message.get("content_sid"),
        "delivery": summary(delivery) if delivery else None,
        # Parley keeps nothing that a channel tells of a message.
        "channelMetadata": False,
    }


def roster_item(member: Mapping[str, Any]) -> dict[str, Any]:
    """The data of a member in its channel's roster.

    A member without identity, such as a phone, has the type of its address and is described by its bindings.
    """
    identity = identity_of(member)
    binding = member.get("messaging_binding") or {}
    shown = {
        "identity": identity,
        "type": "chat" if identity is not None else binding.get("type"),
        "attributes": attributes_of(member),
        "roleSid": member.get("role_sid"),
        "lastConsumedMessageIndex": member.get("last_consumed_message_index"),
        "lastConsumptionTimestamp": iso_or_none(member.get("last_consumption_timestamp")),
        "dateCreated": iso_or_none(member.get("date_created")),
        "dateUpdated": iso_or_none(member.get("date_updated")),
        "bindings": {binding["type"]: _binding(binding)} if binding else {},
    }
    if identity is not None:
        shown["userInfo"] = objects.info(user_sid(member["service_sid"], identity)).unique_name
    return shown


def membership_item(held: Mapping[str, Any], channel_type: str | None) -> dict[str, Any]:
    """The data of a channel among the channels of one user, from the membership or invite that the user holds.

    Nobody but that user may see it.
    """
    channel_sid = held["channel_sid"]
    return {
        "status": JOINED if held["sid"].startswith("MB") else INVITED,
        "type": channel_type,
        "channel": objects.document(channel_sid).unique_name,
        "messages": objects.messages(channel_sid).unique_name,
        "roster": objects.roster(channel_sid).unique_name,
        "notificationLevel": held.get("notification_level") or "default",
        "lastConsumedMessageIndex": held.get("last_consumed_message_index"),
    }


def channel_data(channel: Mapping[str, Any], tail: Tail) -> dict[str, Any]:
    """The data of a channel's document.

    It is the same for all users: an SDK takes a status, horizon or notification level that it finds here for its own
    user's.
    """
    sid = channel["sid"]
    changed = channel.get("state_at") or channel.get("date_created")
    return {
        "messages": objects.messages(sid).unique_name,
        "roster": objects.roster(sid).unique_name,
        "friendlyName": channel.get("friendly_name"),
        "uniqueName": channel.get("unique_name"),
        "attributes": attributes_of(channel),
        "type": channel.get("type"),
        "createdBy": channel.get("created_by"),
        "dateCreated": iso_or_none(channel.get("date_created")),
        "dateUpdated": iso_or_none(channel.get("date_updated")),
        "lastMessage": _last_message(tail),
        "state": {"current": state_of(tail), "dateUpdated": iso_or_none(changed)},
        "bindings": _channel_bindings(channel),
    }


def user_items(user: Mapping[str, Any], is_reachability_enabled: bool) -> dict[str, dict[str, Any]]:
    """The items of a user's `info`, by key."""
    shown: dict[str, dict[str, Any]] = {
        FRIENDLY_NAME: {"value": user.get("friendly_name")},
        ATTRIBUTES: {"value": attributes_of(user)},
    }
    if is_reachability_enabled:
        known = reachability(user, is_enabled=True)
        shown[REACHABILITY] = {"online": bool(known["is_online"]), "notifiable": bool(known["is_notifiable"])}
    return shown


def _last_message(tail: Tail) -> dict[str, Any] | None:
    """The newest message. The counters do not know the time of an older message that became the newest again."""
    index = last_message_index(tail)
    if index is None:
        return None
    is_last_sent = index == tail["last_index"]
    return {"index": index} | ({"timestamp": iso_or_none(tail.get("activity_at"))} if is_last_sent else {})


def _media(media: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "sid": media.get("sid"),
        "size": media.get("size"),
        "contentType": media.get("content_type"),
        "filename": media.get("filename"),
        "category": media.get("category") or USUAL_CATEGORY,
    }


def _binding(binding: Mapping[str, Any]) -> dict[str, Any]:
    shown = ("address", "proxy_address", "projected_address")
    return {name: binding[name] for name in shown if name in binding}


def _channel_bindings(channel: Mapping[str, Any]) -> dict[str, Any]:
    address = channel.get("bindings.email.address")
    return {"email": {"proxy_address": address, "name": channel.get("bindings.email.name")}} if address else {}
