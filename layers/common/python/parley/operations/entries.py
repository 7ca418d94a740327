"""The entries that list a channel: in its service's list, among the recently active ones, and under its next timer.

The entries follow from the channel's record and its counters. A change of the fields that they follow from moves them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from parley.domain.states import STATES, state_of
from parley.domain.timers import TIMERS
from parley.store import keys
from parley.store.items import Record
from parley.store.keys import Key
from parley.store.writes import Erase, Put, Write
from parley.stored import Channel, Tail

# The fields of the counters that the entries follow from.
COUNTERS = ("type", "state", "timer_due", "activity_hour")


def entries(account_sid: str, channel: Channel, tail: Tail) -> dict[Key[Any], Record]:
    """All entries of a channel, each with the number of the change that put it there."""
    service_sid, sid = channel["service_sid"], channel["sid"]
    found = [keys.channel_listing(service_sid, tail["type"], state_of(tail), channel["date_created"], sid)]
    if (hour := tail.get("activity_hour")) is not None:
        found.append(keys.activity(service_sid, hour, sid))
    if (due := tail.get("timer_due")) is not None:
        found.append(keys.timer(account_sid, due, sid))
    return {key: {"channel_sid": sid, "service_sid": service_sid, "seq": tail["seq"]} for key in found}


def filed(account_sid: str, channel: Channel, tail: Tail) -> list[Write]:
    """The writes that list a new channel."""
    return [Put(key, entry) for key, entry in entries(account_sid, channel, tail).items()]


def erased(account_sid: str, channel: Channel, tail: Tail) -> list[Write]:
    """The writes that remove a channel from all lists, even if a job for timers is moving its entries."""
    listed = dict.fromkeys([*entries(account_sid, channel, tail), *listings(channel, tail)])
    return [Erase(key) for key in listed]


def listings(channel: Channel, tail: Tail) -> list[Key[Any]]:
    """All keys under which a conversation may be listed by date.

    If a conversation has timers, a job that moved its entries may have died and left one.
    """
    if not any(channel.get(name) for name in TIMERS):
        return []
    where = channel["date_created"], channel["sid"]
    return [keys.channel_listing(channel["service_sid"], tail["type"], state, *where) for state in STATES]


def moved(before: Mapping[Key[Any], Record], after: Mapping[Key[Any], Record]) -> list[Write]:
    """The writes that replace the old entries of a changed channel by the new ones."""
    put = [Put(key, entry) for key, entry in after.items() if key not in before]
    return [*put, *(Erase(key) for key in before if key not in after)]
