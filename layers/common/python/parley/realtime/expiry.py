"""Tokens that run out: clients are warned some minutes before, and their connections are closed after.

Asked once a minute (`functions/fan_out`), from a list in which every connection stands under the minute in which its
token expires. A tick that never came is made up for by the next ones; clients keep time themselves as well.
"""

from __future__ import annotations

from parley.clock import iso_seconds
from parley.errors import CONCURRENT_UPDATE, CONNECTION_EXPIRED, Refusal
from parley.gateway import SocketGateway
from parley.log import logger
from parley.operations.context import Context
from parley.realtime.frames import dump
from parley.realtime.presence import forget
from parley.store import keys
from parley.store.items import Record
from parley.store.writes import Guard, Update

WARNED_MINUTES = 3
# Ticks that may have been lost before this one.
_LOST_MINUTES = 3


def tick(context: Context, sockets: SocketGateway) -> None:
    """Warn the connections whose token has less than four minutes left, once; close those whose token has expired."""
    now = context.clock.now_ms() // 1000
    minute = now // 60
    soon = _connections(context, range(minute + 1, minute + WARNED_MINUTES + 1))
    warned = [connection for connection in soon if _note_warning(context, connection)]
    sockets.post([(connection["id"], _frame("tokenAboutToExpire", connection)) for connection in warned])
    late = _connections(context, range(minute - _LOST_MINUTES, minute + 1))
    expired = [connection for connection in late if connection["token_expires_at"] <= now]
    sockets.post([(connection["id"], _frame("tokenExpired", connection)) for connection in expired])
    for connection in expired:
        sockets.disconnect(connection["id"])
        forget(context, connection["id"])
    if warned or expired:
        logger.info("tokens", extra={"warned": len(warned), "expired": len(expired)})


def _connections(context: Context, minutes: range) -> list[Record]:
    """The connections whose token expires in these minutes; the list may still know a token that was replaced."""
    table = context.table
    listed = [entry["id"] for minute in minutes for place in keys.expiring(minute) for entry in table.every(place)]
    found = table.fetch_many(map(keys.connection, listed))
    return [connection for connection in found.values() if connection["token_expires_at"] // 60 in minutes]


def _note_warning(context: Context, connection: Record) -> bool:
    """Whether the connection has not been warned of the end of this token yet."""
    ends = connection["token_expires_at"]
    unwarned = Guard("warned_of", "<>", ends, CONCURRENT_UPDATE())
    key = keys.connection(connection["id"])
    write = Update(key, CONNECTION_EXPIRED(), set={"warned_of": ends}, guards=(unwarned,), announced=False)
    try:
        context.table.commit(context.cause(), [write])
    except Refusal as refusal:
        if refusal.error not in (CONCURRENT_UPDATE, CONNECTION_EXPIRED):
            raise
        return False
    return True


def _frame(event: str, connection: Record) -> bytes:
    expires_at = iso_seconds(connection["token_expires_at"] * 1000)
    return dump({"event": event, "token_expires_at": expires_at}).encode()
