"""User channels: a channel as one user sees it, from the membership or invite that the user holds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from parley.domain.channels import newest_index
from parley.domain.horizon import unread_count
from parley.domain.memberships import identity_of


def seen(user_sid: str, held: Mapping[str, Any], tail: Mapping[str, Any]) -> dict[str, Any]:
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
