"""The audiences of a batch of changes: who may hear of which event, and over which open connections.

Fan-out reads them once per batch, before it reads the channels that some events need. So an event is in the list even
if its `when` turns out false.
"""

from __future__ import annotations

from typing import NamedTuple, cast

from parley.domain.memberships import Person, birth_of
from parley.frozen import frozen
from parley.operations.context import Context, Perspective
from parley.sockets.codec import News
from parley.sockets.events import (
    EVENTS,
    FOLLOWERS,
    INVITED,
    MEMBERS,
    Event,
    audience,
    followed_sid,
    may_see,
    people,
)
from parley.sockets.presence import Listener, living_keys
from parley.sockets.protocols import protocol_of
from parley.store import keys
from parley.store.changes import Change
from parley.store.table import Records
from parley.stored import Channel, Follower

# Connections by the protocol that they speak, by their own user, or by the user or channel that they follow.
Groups = dict[str, list[Listener]]


@frozen
class Hearers:
    """Who may hear of the changes of a batch, by the SID of the channel or, for followers, of what they follow.

    `records` has the memberships, invites and markers of each channel.
    """

    members: dict[str, frozenset[Person]]
    invited: dict[str, frozenset[Person]]
    followers: dict[str, list[Follower]]
    records: dict[str, Records]


class Addressed(NamedTuple):
    """An event of a change, and the people who hear it if its `when` holds."""

    change: Change
    event: Event
    persons: frozenset[Person]


class Delivery(NamedTuple):
    """An event of a change, and the connections that hear it if its `when` holds, by protocol."""

    change: Change
    event: Event
    to: Groups


def hearers_of(context: Context, changes: list[Change]) -> Hearers:
    """Read who may hear of these changes, with one query for each channel and each followed user."""
    table = context.table
    wanted = [(change, {name for event in _events(change) for name in event.audience}) for change in changes]
    in_channels = {change.channel_sid for change, names in wanted if names & {MEMBERS, INVITED}}
    found = {sid: table.spanned(keys.hearers(sid)) for sid in in_channels}
    followed = {followed_sid(change) for change, names in wanted if FOLLOWERS in names}
    return Hearers(
        {sid: people(records.below(keys.members(sid))) for sid, records in found.items()},
        {sid: people(records.below(keys.invites(sid))) for sid, records in found.items()},
        {
            sid: found[sid].below(keys.followers(sid)) if sid in found else table.every(keys.followers(sid))
            for sid in followed
        },
        found,
    )


def addressed_events(change: Change, hearers: Hearers) -> list[Addressed]:
    """Each event of a change with its audience."""
    # A record without a service is broken. It must fail even if nobody would hear of it.
    assert change.record["service_sid"]
    sid = change.channel_sid
    members, invited = hearers.members.get(sid, frozenset()), hearers.invited.get(sid, frozenset())
    return [Addressed(change, event, audience(change, event, members, invited)) for event in _events(change)]


def open_followers(context: Context, followers: dict[str, list[Follower]]) -> Groups:
    """The connections that may still be open, by the SID of what they follow."""
    now = context.clock.now_ms() // 1000
    every = [record for found in followers.values() for record in found]
    valid = living_keys(context, (record.get("key") for record in every))
    return {
        sid: [
            Listener(record["id"], record.get("user_sid", ""), birth_of(record), protocol_of(record))
            for record in found
            if record["until"] > now and record.get("key") in valid
        ]
        for sid, found in followers.items()
    }


def deliveries(addressed: list[Addressed], open_: Groups, following: Groups) -> list[Delivery]:
    """The events with the connections that hear them.

    `open_` has the connections of each user, `following` those that follow each user or channel.
    """
    # All changes of one channel have the same members, so their connections are looked up once.
    groups = {persons: _grouped(persons, open_) for persons in {one.persons for one in addressed}}
    found = []
    for change, event, persons in addressed:
        to = groups[persons]
        if FOLLOWERS in event.audience:
            to = _with_followers(to, following.get(followed_sid(change), []))
        found.append(Delivery(change, event, to))
    return found


def is_hidden(perspective: Perspective, change: Change, news: News) -> bool:
    """Whether a change is one of an invite, or happened in a channel, that does not exist in this perspective."""
    if change.kind == "invite" and not perspective.has_invites:
        return True
    if not change.channel_sid or not perspective.hides:
        return False
    channel = change.record if change.kind == "channel" else news.channel or {}
    return not perspective.knows(channel)


def seeing(group: list[Listener], news: News, hearers: Hearers, perspective: Perspective) -> list[Listener]:
    """Those of a group whose users may see the channel now."""
    channel = cast(Channel, news.record) if news.verb == "deleted" and news.kind == "channel" else news.channel or {}
    members = hearers.members.get(news.channel_sid, frozenset())
    invited = hearers.invited.get(news.channel_sid, frozenset()) if perspective.has_invites else frozenset()
    return [one for one in group if may_see(channel, Person(one.user_sid, one.birth), members, invited)]


def _events(change: Change) -> tuple[Event, ...]:
    return EVENTS[change.kind, change.verb]


def _grouped(persons: frozenset[Person], open_: Groups) -> Groups:
    """The connections of people by protocol, without those of earlier or later users with the same identities."""
    groups: Groups = {}
    for person in persons:
        for listener in open_.get(person.user_sid, ()):
            if listener.birth == person.birth:
                groups.setdefault(listener.protocol, []).append(listener)
    return groups


def _with_followers(to: Groups, following: list[Listener]) -> Groups:
    """`to` and the connections that follow, each connection once."""
    known = {listener.id for group in to.values() for listener in group}
    groups = {protocol: list(group) for protocol, group in to.items()}
    for listener in following:
        if listener.id not in known:
            groups.setdefault(listener.protocol, []).append(listener)
    return groups
