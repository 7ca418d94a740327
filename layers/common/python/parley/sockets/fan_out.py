"""Fan-out: a batch of changes to pushes on every socket that should have them.

Per batch and channel the audience is read once: members with one query, presence with one batch read per hundred.
What concerns one connection goes out in as few frames as fit, and connections with the same news share the same bytes.
The stream is followed in order. A record that cannot be rendered stops the batch there; what came before it is
delivered, and the event source isolates the record and sends it to the failure queue.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from parley.domain.memberships import Person
from parley.domain.presence import is_opening
from parley.log import logger
from parley.operations.context import Context
from parley.operations.reachability import is_enabled
from parley.ports.sockets.gateway import Outcome, SocketGateway
from parley.sockets.events import EVENTS, FOLLOWERS, INVITED, MEMBERS, Push, audience, pushes, shows_channel
from parley.sockets.native.frames import coalesce, dump
from parley.sockets.native.rendering import CannotShow, render
from parley.sockets.native.views import Views
from parley.sockets.presence import forget, gone, listening, may_hear
from parley.store import keys
from parley.store.changes import Change, decode
from parley.store.items import Record
from parley.store.keys import Key

_DEADLINE_SECONDS = 20.0
# How long one batch may spend on forgetting connections; members wait for the next.
_FORGETTING_MS = 10_000


@dataclass(frozen=True)
class _Planned:
    """One event on its way: the frame for everybody, the one for the connection that asked, and who hears it."""

    frame: bytes
    marked: bytes
    sender: str
    users: frozenset[Person]
    connections: frozenset[str]


@dataclass
class _Read:
    """What a batch needs to know, read in as few requests as there are hundreds of items."""

    members: dict[str, list[Record]]
    invites: dict[str, list[Record]]
    followers: dict[str, list[Record]]
    found: dict[Key, Record]

    def channel(self, change: Change) -> Record:
        """The channel that a change happened in; {} outside of channels, and where it is not shown."""
        return self.found.get(keys.channel(change.channel_sid), {})


class FanOut:
    """Delivers stream batches; `views` shows records in pushes."""

    def __init__(self, context: Context, gateway: SocketGateway, views: Views):
        self._context = context
        self._gateway = gateway
        self._views = views

    def deliver(self, stream_records: Sequence[dict[str, Any]]) -> str | None:
        """Push what a batch announces; returns the sequence number of the first record that failed, if one did."""
        changes, failed = _decoded(stream_records)
        if changes:
            read = self._read(changes)
            planned, unrendered = self._plan(changes, read)
            failed = unrendered or failed
            self._send(planned, self._online(planned), read.followers)
        return failed

    def _read(self, changes: list[Change]) -> _Read:
        table = self._context.table
        # An event that might apply is enough: whether it does may depend on the channel, which is not read yet.
        wanted = [(change, _audiences(change)) for change in changes]
        in_channels = {change.channel_sid for change, names in wanted if MEMBERS in names}
        invited = {change.channel_sid for change, names in wanted if INVITED in names}
        followed = {change.record["sid"] for change, names in wanted if FOLLOWERS in names}
        shown: list[Key] = []
        for change in changes:
            if shows_channel(change):
                shown += [keys.channel(change.channel_sid), keys.tail(change.channel_sid)]
        return _Read(
            {sid: table.every(keys.members(sid)) for sid in in_channels},
            {sid: table.every(keys.invites(sid)) for sid in invited},
            {sid: table.every(keys.followers(sid)) for sid in followed},
            table.fetch_many(shown, buried=True) if shown else {},
        )

    def _plan(self, changes: list[Change], read: _Read) -> tuple[list[_Planned], str | None]:
        planned: list[_Planned] = []
        for change in changes:
            try:
                planned += [self._planned(change, push, read) for push in pushes(change, read.channel(change))]
            except CannotShow:
                # The channel has been deleted since, and its deletion is told too.
                continue
            except Exception:
                logger.exception("change cannot be announced", extra={"sequence_number": change.position})
                return planned, change.position
        return planned, None

    def _planned(self, change: Change, push: Push, read: _Read) -> _Planned:
        service = None
        if change.kind == "user":
            key = keys.service(self._context.account_sid, change.record["service_sid"])
            service = self._context.configuration.fetch(key)
        channel, tail = read.channel(change), read.found.get(keys.tail(change.channel_sid))
        frame = render(self._views, change, push, channel, tail, reachability_enabled=is_enabled(service))
        sender, _, request = change.cause.get("request", "").partition(" ")
        body = dump(frame).encode()
        marked = dump({**frame, "request": request}).encode() if request else body
        sid = change.channel_sid
        users = audience(change, push, read.members.get(sid, ()), read.invites.get(sid, ()))
        following = read.followers.get(change.record["sid"], ()) if FOLLOWERS in push.audience else ()
        now = self._context.clock.now_ms() // 1000
        open_ = frozenset(
            record["id"] for record in following if record["until"] > now and may_hear(self._context, record)
        )
        return _Planned(body, marked, sender, frozenset(users), open_)

    def _online(self, planned: list[_Planned]) -> dict[str, Record]:
        """The presence of everybody concerned, by user SID."""
        users = {person.user_sid for event in planned for person in event.users}
        found = self._context.table.fetch_many(keys.presence(sid) for sid in users)
        return {sid: found[keys.presence(sid)] for sid in users if keys.presence(sid) in found}

    def _send(self, planned: list[_Planned], online: dict[str, Record], followers: dict[str, list[Record]]) -> None:
        now = self._context.clock.now_ms() // 1000
        people = {person for event in planned for person in event.users}
        owners = {
            connection_id: person
            for person in people
            for connection_id in listening(self._context, online.get(person.user_sid), person.birth)
        }
        news = _by_connection(planned, owners)
        if not news:
            return
        outcomes = self._gateway.post(_posts(news), _DEADLINE_SECONDS)
        missing = gone(outcomes)
        enough_ms = self._context.clock.now_ms() + _FORGETTING_MS
        for connection_id in missing:
            if self._context.clock.now_ms() > enough_ms:
                # The next push finds the others gone as well.
                break
            owner = owners[connection_id].user_sid if connection_id in owners else ""
            if not is_opening(online.get(owner), connection_id, now):
                forget(self._context, connection_id, owner)
        # A follower whose connection was forgotten while it began to follow would be tried for two hours.
        stale = [
            keys.follower(sid, record["id"])
            for sid, found in followers.items()
            for record in found
            if record["id"] in missing
        ]
        self._context.table.erase_many(stale)
        dropped = sum(outcome is Outcome.DROPPED for outcome in outcomes.values())
        logger.info("pushed", extra={"connections": len(news), "gone": len(missing), "dropped": dropped})


def _decoded(stream_records: Sequence[dict[str, Any]]) -> tuple[list[Change], str | None]:
    changes: list[Change] = []
    for stream_record in stream_records:
        try:
            if (change := decode(stream_record)) and (change.kind, change.verb) in EVENTS:
                changes.append(change)
        except Exception:
            position = stream_record["dynamodb"]["SequenceNumber"]
            logger.exception("change cannot be announced", extra={"sequence_number": position})
            return changes, position
    return changes, None


def _audiences(change: Change) -> set[str]:
    return {name for push in EVENTS[change.kind, change.verb] for name in push.audience}


def _by_connection(planned: list[_Planned], owners: dict[str, Person]) -> dict[str, tuple[bytes, ...]]:
    """What each connection is told, in order."""
    connections: dict[Person, list[str]] = {}
    for connection_id, person in owners.items():
        connections.setdefault(person, []).append(connection_id)
    news: dict[str, list[bytes]] = {}
    for event in planned:
        told = {connection_id for person in event.users for connection_id in connections.get(person, ())}
        told |= event.connections
        for connection_id in sorted(told):
            news.setdefault(connection_id, []).append(event.marked if connection_id == event.sender else event.frame)
    return {connection_id: tuple(frames) for connection_id, frames in news.items()}


def _posts(news: dict[str, tuple[bytes, ...]]) -> list[tuple[str, bytes]]:
    """As few frames as fit; connections with the same news share the same bytes."""
    bodies: dict[tuple[bytes, ...], list[bytes]] = {}
    posts = []
    for connection_id, frames in news.items():
        if frames not in bodies:
            bodies[frames] = coalesce(frames)
        posts += [(connection_id, body) for body in bodies[frames]]
    return posts
