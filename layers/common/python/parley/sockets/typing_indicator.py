"""Typing: pushed to the other members of a channel, and never stored.

A container remembers the connections of a channel's members for two seconds. In that time, typing reads nothing.

A client repeats `typing` after some seconds. If a client floods, Parley answers all its frames, but tells others only a
few times a second: in a channel of a thousand members, each frame would become a thousand pushes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from parley.domain.memberships import Person, birth_of
from parley.operations import authority
from parley.operations.addressing import channel_sid, service, shown
from parley.operations.context import Context
from parley.records.services import setting
from parley.sockets.events import people
from parley.sockets.limits import Requests, Verdict
from parley.sockets.presence import Listener, forget_gone, listeners
from parley.sockets.protocols import Protocols
from parley.store import keys
from parley.stored import Connection, Tail

if TYPE_CHECKING:
    # Most requests push nothing, so they should not wait for the import of the pushing code.
    from parley.ports.sockets.gateway import SocketGateway

REMEMBERED_MS = 2_000
MOST_A_SECOND = 2
"""How many `typing` requests a second of one connection reach others; in a burst, twice as many do."""
_MOST_ROOMS = 1_000
_DEADLINE_SECONDS = 2.0
# A client that types repeats `typing` when its time-out is over. Recipients show it a second longer, to avoid flicker.
_LONGER_SECONDS = 1


class _Room(NamedTuple):
    """What is remembered of a channel: until when, its counters, who is in it and their connections."""

    until_ms: int
    counters: Tail
    members: frozenset[Person]
    listeners: list[Listener]


class Typing:
    """Tells members who is typing. It calls `sockets` for the gateway only if somebody must be told.

    `is_limited` says whether there is a limit on how often others hear of one connection.
    """

    def __init__(self, sockets: Callable[[], SocketGateway], protocols: Protocols, *, is_limited: bool):
        self._sockets = sockets
        self._protocols = protocols
        self._rooms: dict[tuple[str, str], _Room] = {}
        self._rate = MOST_A_SECOND if is_limited else 0
        self._announced: Requests | None = None

    def announce(self, context: Context, connection: Connection, channel: str) -> int:
        """Tell the other members of a channel that the connection's identity is typing; returns for how many seconds.

        Raises:
            Refusal: 20404 or 50400 if the connection's user is not a member.
        """
        owner = service(context, connection["service_sid"])
        timeout = setting(owner, "typing_indicator_timeout")
        sid = channel_sid(context, owner["sid"], channel)
        room = self._room(context, connection, sid)
        told = [listener for listener in room if listener.user_sid != connection["user_sid"]]
        if told and self._is_heard(context, connection):
            bodies = {
                name: self._protocols.codec(name).typing(sid, connection["identity"], timeout + _LONGER_SECONDS)
                for name in {listener.protocol for listener in told}
            }
            posts = [(listener.id, bodies[listener.protocol]) for listener in told]
            outcomes = self._sockets().post(posts, _DEADLINE_SECONDS)
            if forget_gone(context, outcomes, owners={listener.id: listener.user_sid for listener in told}):
                self._rooms.pop((owner["sid"], sid), None)
        return int(timeout)

    def _is_heard(self, context: Context, connection: Connection) -> bool:
        """Whether others hear of this request: not if the connection has just sent too many."""
        if self._announced is None:
            self._announced = Requests(self._rate, context.clock.now_ms)
        return self._announced.take(connection["id"]) is Verdict.TAKEN

    def _room(self, context: Context, connection: Connection, sid: str) -> list[Listener]:
        """The connections of all members of a channel.

        Raises:
            Refusal: 20404 or 50400 if the connection's user is not a member, or its face does not show the channel.
        """
        now = context.clock.now_ms()
        me = Person(connection["user_sid"], birth_of(connection))
        where = connection["service_sid"], sid
        room = self._rooms.get(where)
        if room and now < room.until_ms and me in room.members:
            shown(context, where[0], room.counters)
            return room.listeners
        found = authority.require(context, *where, (), also=[keys.tail(sid)])
        counters = shown(context, where[0], found.get(keys.tail(sid)))
        stored = context.table.every(keys.members(sid))
        members = people(stored)
        users = [person.user_sid for person in members]
        found = context.table.fetch_many(map(keys.presence, users))
        presences = {sid: found[keys.presence(sid)] for sid in users if keys.presence(sid) in found}
        open_ = listeners(context, presences)
        heard = [
            one
            for person in members
            for one in open_.get(person.user_sid, ())
            if one.birth == person.birth and self._protocols.row(one.protocol).perspective.knows(counters)
        ]
        if len(self._rooms) >= _MOST_ROOMS:
            self._rooms.clear()
        self._rooms[where] = _Room(now + REMEMBERED_MS, counters, members, heard)
        return heard
