"""Channels: which unique names are allowed, and how the counters are read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from parley.domain.counting import messages_count
from parley.domain.states import state_of
from parley.domain.timers import dates
from parley.errors import UNIQUE_NAME_IS_SID, UNIQUE_NAME_TOO_LONG
from parley.ids import is_sid, message_sid
from parley.stored import Channel, Tail

PUBLIC, PRIVATE = TYPES = ("public", "private")
LONGEST_NAME = 256


def check_unique_name(name: str) -> str | None:
    """The unique name; None for an empty one, which clears it.

    Raises:
        Refusal: 50004 or 50306.
    """
    if len(name) > LONGEST_NAME:
        raise UNIQUE_NAME_TOO_LONG()
    if is_sid("CH", name):
        raise UNIQUE_NAME_IS_SID()
    return name or None


def new_tail(service_sid: str, channel_type: str, now_ms: int) -> Tail:
    """The counters of a new channel, apart from its seq: the next message has index 0."""
    counters = Tail(members_count=0, webhooks_count=0, invites_made=0, last_index=-1, counted_index=-1, counted=0)
    if channel_type == PRIVATE:
        # Only conversations are listed by their activity.
        counters["activity_hour"] = hour_of(now_ms)
    return {"service_sid": service_sid, "type": channel_type, "activity_at": now_ms, **counters}


def hour_of(milliseconds: int) -> int:
    """The hour of a time, counted from the epoch."""
    return milliseconds // 3_600_000


def newest_index(tail: Tail) -> int:
    """The index of the newest message that still exists; -1 if there is none."""
    return int(tail.get("last_message_index", tail["last_index"]))


def last_message_index(tail: Tail) -> int | None:
    """The newest index as clients see it: None if there is no message."""
    newest = newest_index(tail)
    return newest if newest >= 0 else None


class Counted(Channel, total=False):
    """A channel with its counters, as operations return it."""

    members_count: int
    messages_count: int
    last_message_index: int | None
    last_message_sid: str | None
    version: int
    webhooks_count: int


def with_counters(channel: Mapping[str, Any], tail: Tail) -> Counted:
    """A channel with its counters. `seq` is that of the channel's latest change, `version` that of its record's."""
    newest = last_message_index(tail)
    counted = {
        **channel,
        "state": state_of(tail),
        **dates(cast(Channel, channel), tail),
        "members_count": max(tail["members_count"], 0),
        "messages_count": messages_count(tail),
        "last_message_index": newest,
        "last_message_sid": None if newest is None else message_sid(channel["sid"], newest),
        "seq": tail["seq"],
        "version": channel.get("seq", 0),
        "webhooks_count": tail.get("webhooks_count", 0),
    }
    return cast(Counted, counted)
