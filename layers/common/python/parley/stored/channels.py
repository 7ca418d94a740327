"""Channels: their counters, log, names and lists, invites and webhooks."""

from __future__ import annotations

from typing import TypedDict

from parley.stored.common import OfChannel, OfService, Stored, StoredCause
from parley.stored.members import MessagingBinding

# Names with dots are attributes of their own.
_DottedChannel = TypedDict(
    "_DottedChannel",
    {"timers.inactive": str, "timers.closed": str, "timers.date_inactive": int, "timers.date_closed": int},
    total=False,
)


class Channel(OfService, _DottedChannel, total=False):
    """A channel, without its counters. `state_*` name its former state, and why and when the state changed.

    If a message from a phone made the conversation, `made_for` names that message, and `messaging_binding` has the pair
    of addresses.
    """

    friendly_name: str
    unique_name: str
    attributes: str
    type: str
    created_by: str
    creator_birth: str
    messaging_service_sid: str
    state: str
    state_from: str
    state_reason: str
    state_at: int
    seq: int
    hooks: int
    made_for: str
    messaging_binding: MessagingBinding


class Group(TypedDict):
    """The addresses in a thread of phones, ten at most: those of its phones, and the number of each other member.

    `is_found` says whether a message to all of them finds this channel.
    """

    phones: list[str]
    numbers: list[str]
    is_found: bool


class Tail(TypedDict, total=False):
    """A channel's counters: `seq` is the number of its latest change, `last_index` that of its last message.

    A channel without a `state` is active. `activity_at` is the time of the last message, or of the channel's creation.
    `timed_at` is the last time at which a participant came, timers were set or the channel became active.
    `memberships_changed` says how often somebody joined or left: who is in the channel is the same as long as it is.
    `activity_hour` and `timer_due` are the places of its entries in the lists by activity and by timers. `bound_count`
    is the number of phones. `group` has the addresses of a thread of phones.
    """

    service_sid: str
    type: str
    state: str
    activity_at: int
    activity_hour: int
    timed_at: int
    timer_due: int
    seq: int
    seq_at: int
    seq_ceiling: int
    seq_ceiling_at: int
    last_index: int
    last_message_index: int
    counted_index: int
    counted: int
    removed: frozenset[int]
    members_count: int
    memberships_changed: int
    webhooks_count: int
    invites_made: int
    aliases_made: int
    bound_count: int
    group: Group
    told_at: int
    commit_id: str
    cause: StoredCause
    deleted_at: int
    expires_at: int


class LogEntry(TypedDict, total=False):
    """An entry in a channel's log; for a deletion, with some fields of the deleted record."""

    seq: int
    kind: str
    sid: str
    verb: str
    identity: str
    index: int
    created_seq: int
    service_sid: str
    channel_sid: str
    cause: StoredCause
    expires_at: int


class Listing(TypedDict, total=False):
    """An entry that lists a channel; `seq` is the number of the change that put it there."""

    channel_sid: str
    service_sid: str
    seq: int


class UniqueName(Stored, total=False):
    """The channel that has a unique name."""

    channel_sid: str
    service_sid: str


class Invite(OfChannel, total=False):
    """An invite that is still open."""

    identity: str
    birth: str
    role_sid: str
    created_by: str


_DottedChannelWebhook = TypedDict(
    "_DottedChannelWebhook",
    {
        "configuration.url": str,
        "configuration.method": str,
        "configuration.filters": list[str],
        "configuration.triggers": list[str],
        "configuration.flow_sid": str,
        "configuration.replay_after": int,
        "configuration.retry_count": int,
    },
    total=False,
)


class ChannelWebhook(OfChannel, _DottedChannelWebhook, total=False):
    """A channel's webhook.

    `face` is the family of faces that made it; if it is absent, Chat made it. If the webhook wants older messages, it
    gets them up to the index `replay_until`, and `replayed` holds the progress.
    """

    type: str
    face: str
    replay_until: int
    replayed: Replayed


class Replayed(TypedDict):
    """The progress of a replay: the index of the next message.

    `since` is when that message became the next, `receives` how often the job had been received before that.
    """

    next: int
    since: int
    receives: int
