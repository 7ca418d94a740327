"""User channels: a channel as one user sees it, from the membership or invite that the user holds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from parley.clock import iso_seconds
from parley.domain.channels import newest_index
from parley.domain.horizon import unread_count
from parley.domain.memberships import identity_of
from parley.domain.states import ACTIVE, INITIALIZING
from parley.stored import Channel, Tail


def seen(user_sid: str, held: Mapping[str, Any], tail: Tail) -> dict[str, Any]:
    """A membership or invite as a user channel; the channel's counters say how many messages are unread."""
    joined = held["sid"].startswith("MB")
    horizon = held.get("last_consumed_message_index")
    return {
        "service_sid": held["service_sid"],
        "channel_sid": held["channel_sid"],
        "user_sid": user_sid,
        "member_sid": held["sid"] if joined else None,
        "member_address": held["sid"] if joined else identity_of(held),
        "status": "joined" if joined else "invited",
        "last_consumed_message_index": horizon,
        "unread_messages_count": unread_count(newest_index(tail), horizon),
        "notification_level": held.get("notification_level"),
    }


def of_channel(channel: Channel) -> dict[str, Any]:
    """The fields of a conversation that Conversations shows together with a participation in it."""
    named = {f"channel_{name}": channel.get(name) for name in ("friendly_name", "unique_name", "created_by")}
    timers = {"date_inactive": channel.get("timers.date_inactive"), "date_closed": channel.get("timers.date_closed")}
    return {
        **named,
        "channel_attributes": channel.get("attributes") or "{}",
        # A conversation has its participants when it stops initializing, so this list never shows `initializing`.
        "channel_state": ACTIVE if channel.get("state") in (None, INITIALIZING) else channel["state"],
        "channel_timers": {name: iso_seconds(at) for name, at in timers.items() if at is not None},
        "date_created": channel["date_created"],
        "date_updated": channel["date_updated"],
    }
