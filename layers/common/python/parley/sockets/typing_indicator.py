"""Typing: pushed straight from here to whoever is in the channel, never stored (chat.md 10.1).

Who is in a channel and connected is remembered for two seconds, so that typing in a warm room reads nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from parley.domain.memberships import user_of
from parley.errors import NOT_FOUND
from parley.operations import authority
from parley.operations.addressing import channel_sid, service
from parley.operations.context import Context
from parley.records.services import setting
from parley.sockets.native.frames import dump
from parley.sockets.presence import forget_gone, listening
from parley.store import keys
from parley.store.items import Record

if TYPE_CHECKING:
    # Most requests push nothing, and need not wait for what pushes to be imported.
    from parley.ports.sockets.gateway import SocketGateway

REMEMBERED_MS = 2_000
_MOST_ROOMS = 1_000
_DEADLINE_SECONDS = 2.0
# Recipients show it a little longer than the sender keeps silent, so that it does not flicker.
_LONGER_SECONDS = 1

Room = dict[str, list[str]]


class Typing:
    """Announces who types; `sockets` gives the gateway when it is first needed."""

    def __init__(self, sockets: Callable[[], SocketGateway]):
        self._sockets = sockets
        self._rooms: dict[tuple[str, str], tuple[int, Room]] = {}

    def announce(self, context: Context, connection: Record, channel: str) -> int:
        """Tell the other members of a channel that the connection's identity types; returns for how many seconds.

        Raises:
            Refusal: 20404 or 50400 for who is not in the channel.
        """
        owner = service(context, connection["service_sid"])
        timeout = setting(owner, "typing_indicator_timeout")
        sid = channel_sid(context, owner["sid"], channel)
        room = self._room(context, connection, sid)
        told = {id_: user for user, ids in room.items() if user != connection["user_sid"] for id_ in ids}
        if told:
            frame = {"event": "typingStarted", "channel_sid": sid, "identity": connection["identity"]}
            body = dump({**frame, "typing_timeout": timeout + _LONGER_SECONDS}).encode()
            outcomes = self._sockets().post([(connection_id, body) for connection_id in told], _DEADLINE_SECONDS)
            if forget_gone(context, outcomes, owners=told):
                self._rooms.pop((owner["sid"], sid), None)
        return int(timeout)

    def _room(self, context: Context, connection: Record, sid: str) -> Room:
        """The connections of every member's user, of whom the one who asks is one."""
        now = context.clock.now_ms()
        until, room = self._rooms.get((connection["service_sid"], sid), (0, {}))
        if now < until and connection["user_sid"] in room:
            return room
        if keys.tail(sid) not in authority.require(context, connection["service_sid"], sid, (), also=[keys.tail(sid)]):
            raise NOT_FOUND()
        members = context.table.every(keys.members(sid))
        people = [person for person in map(user_of, members) if person]
        presence = context.table.fetch_many(keys.presence(sid) for sid, _ in people)
        room = {sid: listening(context, presence.get(keys.presence(sid)), birth) for sid, birth in people}
        if len(self._rooms) >= _MOST_ROOMS:
            self._rooms.clear()
        self._rooms[connection["service_sid"], sid] = (now + REMEMBERED_MS, room)
        return room
