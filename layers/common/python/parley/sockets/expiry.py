"""Tokens that run out: clients are warned some minutes before, and their connections are closed after.

Asked once a minute (`functions/fan_out`), from a list in which every connection stands under the minute in which its
token expires. A tick that never came is made up for by the next ones; clients keep time themselves as well.
"""

from __future__ import annotations

from collections.abc import Iterator

from parley.clock import iso_seconds
from parley.domain.presence import ends
from parley.errors import CONNECTION_EXPIRED, Refusal
from parley.log import logger
from parley.operations.context import Context
from parley.ports.sockets.gateway import SocketGateway
from parley.sockets.native.frames import dump
from parley.sockets.presence import forget, forget_gone
from parley.store import keys
from parley.store.items import Record
from parley.store.writes import Update

WARNED_MINUTES = 3
# Ticks that may have been lost before this one.
_LOST_MINUTES = 3
_AT_ONCE = 200


def tick(context: Context, sockets: SocketGateway) -> None:
    """Warn the connections whose token has less than four minutes left, once; end those whose token or time is over.

    Each is warned before that is noted, so whatever is cut short is done by the next tick, at worst twice.
    """
    now = context.clock.now_ms() // 1000
    minute = now // 60
    soon = _connections(context, range(minute + 1, minute + WARNED_MINUTES + 1))
    warned = [
        connection
        for connection in soon
        if ends(connection) == connection["token_expires_at"] != connection.get("warned_of")
    ]
    for some in _chunks(warned):
        outcomes = sockets.post([(connection["id"], _frame("tokenAboutToExpire", connection)) for connection in some])
        forget_gone(context, outcomes, owners={})
        for connection in some:
            _note_warning(context, connection)
    late = _connections(context, range(minute - _LOST_MINUTES, minute + 1))
    over = [connection for connection in late if ends(connection) <= now]
    for some in _chunks(over):
        expired = [connection for connection in some if connection["token_expires_at"] <= now]
        sockets.post([(connection["id"], _frame("tokenExpired", connection)) for connection in expired])
        sockets.disconnect(*(connection["id"] for connection in some))
        for connection in some:
            forget(context, connection["id"])
    if warned or over:
        logger.info("tokens", extra={"warned": len(warned), "over": len(over)})


def _connections(context: Context, minutes: range) -> list[Record]:
    """The connections that end in these minutes; the list may still know a token that was replaced."""
    table = context.table
    listed = [entry["id"] for minute in minutes for place in keys.expiring(minute) for entry in table.every(place)]
    found = table.fetch_many(map(keys.connection, listed))
    return [connection for connection in found.values() if ends(connection) // 60 in minutes]


def _chunks(connections: list[Record]) -> Iterator[list[Record]]:
    for start in range(0, len(connections), _AT_ONCE):
        yield connections[start : start + _AT_ONCE]


def _note_warning(context: Context, connection: Record) -> None:
    noted = {"warned_of": connection["token_expires_at"]}
    write = Update(keys.connection(connection["id"]), CONNECTION_EXPIRED(), set=noted, announced=False)
    try:
        context.table.commit(context.cause(), [write])
    except Refusal as refusal:
        if refusal.error is not CONNECTION_EXPIRED:
            raise


def _frame(event: str, connection: Record) -> bytes:
    expires_at = iso_seconds(connection["token_expires_at"] * 1000)
    return dump({"event": event, "token_expires_at": expires_at}).encode()
