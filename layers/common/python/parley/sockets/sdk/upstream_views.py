"""Records as the SDKs' own REST shows them: one function for each kind, which lists what is shown.

Some fields have other names in the lines 3 and 4 of Chat than in later lines. Each field is shown under all its names,
so that a record looks the same to all of them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from parley.clock import iso_or_none
from parley.domain.contents import TEXT
from parley.domain.horizon import capped
from parley.domain.memberships import identity_of, participant_of
from parley.domain.messages import files_of
from parley.ids import user_sid
from parley.records.kinds import attributes_of
from parley.sockets.sdk import objects
from parley.sockets.sdk.links import link

V1, V2 = "v1", "v2"
# What a user's horizon is called in each version.
HORIZON = {V1: "last_consumed_message_index", V2: "last_read_message_index"}


def below(version: str, *segments: str) -> str:
    """The link to a path below the root of a version."""
    return link("Client", version, *segments)


def _conversation(version: str, sid: str, *segments: str) -> str:
    return below(version, "Conversations", sid, *segments)


def channel(version: str, record: Mapping[str, Any]) -> dict[str, Any]:
    """A channel with its counts. What only one user sees of it is not in here."""
    sid = record["sid"]
    parts = {"messages": "Messages", "participants": "Participants"} | ({"invites": "Invites"} if version == V1 else {})
    return {
        "sid": sid,
        **_described(record),
        "url": _conversation(version, sid),
        "links": {name: _conversation(version, sid, part) for name, part in parts.items()},
        "sync_objects": _sync_objects(sid),
    }


def _described(record: Mapping[str, Any]) -> dict[str, Any]:
    """What describes a channel."""
    return {
        "type": record.get("type"),
        "friendly_name": record.get("friendly_name"),
        "unique_name": record.get("unique_name"),
        "attributes": attributes_of(record),
        "created_by": record.get("created_by"),
        "date_created": _moment(record, "date_created"),
        "date_updated": _moment(record, "date_updated"),
        "messages_count": record.get("messages_count"),
        "members_count": record.get("members_count"),
        "participants_count": record.get("members_count"),
    }


def _sync_objects(sid: str) -> dict[str, str]:
    return {
        "conversation": objects.document(sid).unique_name,
        "messages": objects.messages(sid).unique_name,
        "participants": objects.roster(sid).unique_name,
    }


def membership(version: str, record: Mapping[str, Any]) -> dict[str, Any]:
    """A channel as its member or an invited user sees it, from `domain/user_channels.py`."""
    sid, unread = record["channel_sid"], record["unread_messages_count"]
    shown = {
        "conversation_sid": sid,
        "channel_sid": sid,
        "status": record["status"],
        HORIZON[version]: record["last_consumed_message_index"],
        "unread_messages_count": unread if version == V1 else capped(unread),
        "notification_level": record["notification_level"] or "default",
        "sync_objects": _sync_objects(sid),
        "url": below(version, "MyConversations", sid),
    }
    return shown | (_described(record["channel"]) if record.get("channel") else {})


def sync_entry(version: str, record: Mapping[str, Any]) -> dict[str, Any]:
    """A channel in the list with which the lines 3 and 4 of Chat start."""
    sid = record["channel_sid"]
    names = _sync_objects(sid)
    return {
        "channel_sid": sid,
        "status": record["status"],
        "channel": names["conversation"],
        "messages": names["messages"],
        "roster": names["participants"],
        "last_consumed_message_index": record["last_consumed_message_index"],
        "notification_level": record["notification_level"] or "default",
    }


def participant(version: str, record: Mapping[str, Any]) -> dict[str, Any]:
    """A member."""
    sid = record["sid"]
    return {
        "sid": sid,
        "identity": identity_of(record),
        "attributes": attributes_of(record),
        "role_sid": record.get("role_sid"),
        "date_created": _moment(record, "date_created"),
        "date_updated": _moment(record, "date_updated"),
        "messaging_binding": record.get("messaging_binding"),
        "url": _conversation(version, record["channel_sid"], "Participants", sid),
        "links": {"conversation": _conversation(version, record["channel_sid"])},
    }


def invite(version: str, record: Mapping[str, Any]) -> dict[str, Any]:
    """An invite."""
    return {
        "sid": record["sid"],
        "identity": identity_of(record),
        "role_sid": record.get("role_sid"),
        "created_by": record.get("created_by"),
        "date_created": _moment(record, "date_created"),
        "url": _conversation(version, record["channel_sid"], "Invites", identity_of(record) or ""),
    }


def message(version: str, record: Mapping[str, Any]) -> dict[str, Any]:
    """A message."""
    return {
        "sid": record["sid"],
        "index": record["index"],
        "author": record.get("author"),
        "body": record.get("body"),
        "attributes": attributes_of(record),
        "media": next(iter(files_of(record)), None),
        "subject": record.get("subject"),
        "content_sid": record.get("content_sid"),
        "participant_sid": participant_of(record),
        "last_updated_by": record.get("last_updated_by"),
        "date_created": _moment(record, "date_created"),
        "date_updated": _moment(record, "date_updated"),
        "url": _conversation(version, record["channel_sid"], "Messages", record["sid"]),
    }


def content_template(version: str, record: Mapping[str, Any]) -> dict[str, Any]:
    """A content template, whose variables are JSON in JSON."""
    return {
        "sid": record["sid"],
        "friendly_name": record["friendly_name"],
        "variables": json.dumps(record.get("variables") or {}),
        "variants": {TEXT: {"body": record["body"]}},
        "date_created": _moment(record, "date_created"),
        "date_updated": _moment(record, "date_updated"),
    }


def receipt(version: str, record: Mapping[str, Any]) -> dict[str, Any]:
    """A delivery receipt."""
    names = ("sid", "message_sid", "channel_message_sid", "participant_sid", "status", "error_code")
    return {
        **{name: record.get(name) for name in names},
        "conversation_sid": record["channel_sid"],
        "date_created": _moment(record, "date_created"),
        "date_updated": _moment(record, "date_updated"),
    }


def user(version: str, record: Mapping[str, Any]) -> dict[str, Any]:
    """A user, whose reachability is as `domain/presence.py` shows it."""
    info = objects.info(user_sid(record["service_sid"], record["identity"])).unique_name
    return {
        "sid": record["sid"],
        "identity": record["identity"],
        "friendly_name": record.get("friendly_name"),
        "attributes": attributes_of(record),
        "is_online": record.get("is_online"),
        "is_notifiable": record.get("is_notifiable"),
        "sync_unique_name": info,
        "sync_objects": {"user_info_map": info},
        "url": below(version, "Users", record["identity"]),
    }


def _moment(record: Mapping[str, Any], name: str) -> str | None:
    return iso_or_none(record.get(name))
