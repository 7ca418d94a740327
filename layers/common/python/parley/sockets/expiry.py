"""Warns each client some minutes before its token expires, and closes its connection afterwards.

Every connection is listed under the minute in which its token or its time ends (`operations/due.py`). The next tick
after that minute closes it, however late the tick comes. For warnings, each tick looks a few minutes ahead in the same
list. If ticks are missing, warnings come late or never, so clients watch the clock as well.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import replace
from typing import TypeVar

from parley.domain.memberships import birth_of
from parley.domain.presence import ends, live_connections
from parley.errors import CONNECTION_EXPIRED, ignoring
from parley.log import logger
from parley.operations import due, reachability
from parley.operations.context import Caller, Context
from parley.ports.sockets.gateway import SocketGateway
from parley.sockets.codec import Codec
from parley.sockets.connections import DUE
from parley.sockets.presence import forget_gone, leave
from parley.sockets.protocols import Protocols, protocol_of
from parley.store import keys
from parley.store.keys import Key
from parley.store.writes import Update
from parley.stored import Connection, Follower

WARNED_MINUTES = 3
_AT_ONCE = 200
# How many requests run at the same time, if each record needs its own request.
_THREADS = 16
T = TypeVar("T")


class Expiry:
    """Warns and ends connections."""

    def __init__(self, sockets: SocketGateway, protocols: Protocols):
        self._sockets = sockets
        self._protocols = protocols

    def warn(self, context: Context, until_ms: int) -> None:
        """Warn each connection once when its token has less than four minutes left; stop at `until_ms`.

        This pushes the warning first and notes it afterwards. If the tick dies in between, the next one warns again.
        """
        now = context.clock.now_ms() // 60_000
        soon = due.listed(context, DUE, range(now + 1, now + WARNED_MINUTES + 1))
        warned = 0
        for some in _chunks(soon):
            if context.clock.now_ms() >= until_ms:
                break
            found = context.table.fetch_many(map(keys.connection, some))
            to_warn = [one for one in map(found.get, map(keys.connection, some)) if one and _is_to_be_warned(one, now)]
            posts = [(one["id"], self._codec(one).token_ends_soon(one)) for one in to_warn]
            forget_gone(context, self._sockets.post(posts), owners={})
            _side_by_side(lambda connection: _note_warning(context, connection), to_warn)
            warned += len(to_warn)
        if warned:
            logger.info("clients were warned that their tokens expire", extra={"warned": warned})

    def end(self, context: Context, ids: list[str], minute: int) -> set[str]:
        """Close and forget the connections whose token or time is over; returns the ids that need no more work.

        Connections that have been forgotten need no more work. A connection with a new token is listed under another
        minute.
        """
        now = context.clock.now_ms() // 1000
        found = context.table.fetch_many(map(keys.connection, ids))
        listed = [one for id_ in ids if (one := found.get(keys.connection(id_))) and ends(one) // 60 == minute]
        over = [one for one in listed if ends(one) <= now]
        expired = [one for one in over if one["token_expires_at"] <= now]
        self._sockets.post([(one["id"], self._codec(one).token_ended(one)) for one in expired])
        self._sockets.disconnect(*(one["id"] for one in over))
        self._note_offline(context, over)
        # The records go last: if the tick dies before, the next one finds them.
        context.table.erase_many(_followers(over))
        context.table.erase_many(keys.connection(one["id"]) for one in over)
        self._undo_refreshes(context, over)
        if over:
            logger.info("connections ended", extra={"over": len(over), "expired": len(expired)})
        return set(ids) - {one["id"] for one in listed} | {one["id"] for one in over}

    @staticmethod
    def _undo_refreshes(context: Context, over: list[Connection]) -> None:
        """Remove what `refreshToken` wrote for connections that this ended at the same moment.

        Other presence entries need no request, because each says until when it counts.
        """
        now = context.clock.now_ms() // 1000
        presences = context.table.fetch_many(keys.presence(one["user_sid"]) for one in over)
        late = [
            one for one in over if one["id"] in live_connections(presences.get(keys.presence(one["user_sid"])), now)
        ]
        context.table.erase_many(_followers(late))
        _side_by_side(lambda connection: leave(context, connection), late)

    def _note_offline(self, context: Context, over: list[Connection]) -> None:
        """Note which users are offline now, in the services that show who is online."""
        watched = [one for one in over if self._shows_who_is_online(context, one)]
        presences = context.table.fetch_many(keys.presence(one["user_sid"]) for one in watched) if watched else {}
        now = context.clock.now_ms() // 1000
        gone = {
            one["user_sid"]: Caller("SDK", one["identity"], webhooks=True, birth=birth_of(one))
            for one in watched
            if not live_connections(presences.get(keys.presence(one["user_sid"])), now, birth_of(one))
        }
        _side_by_side(lambda user: reachability.note_offline(replace(context, caller=gone[user]), user), list(gone))

    @staticmethod
    def _shows_who_is_online(context: Context, connection: Connection) -> bool:
        key = keys.service(context.account_sid, connection["service_sid"])
        return reachability.is_enabled(context.configuration.fetch(key))

    def _codec(self, connection: Connection) -> Codec:
        return self._protocols.codec(protocol_of(connection))


def _followers(connections: Iterable[Connection]) -> Iterator[Key[Follower]]:
    """The items by which connections hear of the users whom they follow."""
    return (keys.follower(sid, one["id"]) for one in connections for sid in one.get("follows") or ())


def _is_to_be_warned(connection: Connection, now_minutes: int) -> bool:
    """Whether the connection ends soon because of its token, and the client has not been warned about this token.

    A connection may still be listed under the end of an older token.
    """
    is_soon = now_minutes < ends(connection) // 60 <= now_minutes + WARNED_MINUTES
    return is_soon and ends(connection) == connection["token_expires_at"] != connection.get("warned_of")


def _note_warning(context: Context, connection: Connection) -> None:
    noted = {"warned_of": connection["token_expires_at"]}
    write = Update(keys.connection(connection["id"]), CONNECTION_EXPIRED(), set=noted, announced=False)
    with ignoring(CONNECTION_EXPIRED):
        context.table.commit(context.cause(), [write])


def _chunks(ids: list[str]) -> Iterator[list[str]]:
    for start in range(0, len(ids), _AT_ONCE):
        yield ids[start : start + _AT_ONCE]


def _side_by_side(act: Callable[[T], object], things: Iterable[T]) -> None:
    """Call `act` for each thing, several at the same time. If one fails, raise its error when all are done."""
    with ThreadPoolExecutor(_THREADS) as threads:
        for future in [threads.submit(copy_context().run, act, thing) for thing in things]:
            future.result()
