"""Who is connected: one small item per user with an attribute per connection, which dies by itself.

A socket lives two hours at most, so every entry says until when it can be alive; a `$disconnect` that never came costs
one failed push and no more.
"""

from __future__ import annotations

from parley.store import keys
from parley.store.items import Record
from parley.store.table import Table

# API Gateway's hard limit for a WebSocket connection.
LONGEST_LIFE_SECONDS = 7200
# `$connect` may take 29 seconds, and until it has returned API Gateway answers pushes as if there were no connection.
OPENING_SECONDS = 30
_PREFIX = "connection:"


def remember(table: Table, user_sid: str, connection_id: str, now_seconds: int) -> None:
    """Add a connection to its user's presence."""
    until = now_seconds + LONGEST_LIFE_SECONDS
    table.touch(keys.presence(user_sid), {_PREFIX + connection_id: {"until": until}, "expires_at": until})


def forget(table: Table, user_sid: str, connection_id: str) -> None:
    """Remove a connection and its entry; harmless if either is gone."""
    table.take(keys.connection(connection_id))
    forget_entry(table, user_sid, connection_id)


def forget_entry(table: Table, user_sid: str, connection_id: str) -> None:
    """Remove a connection from its user's presence only."""
    table.detach(keys.presence(user_sid), [_PREFIX + connection_id])


def live_connections(presence: Record | None, now_seconds: int) -> list[str]:
    """The ids of a user's connections that may still be open."""
    return [
        name[len(_PREFIX) :]
        for name, entry in (presence or {}).items()
        if name.startswith(_PREFIX) and entry["until"] > now_seconds
    ]


def is_opening(presence: Record | None, connection_id: str, now_seconds: int) -> bool:
    """Whether a connection is so new that it may be called gone while it is only being opened."""
    entry = (presence or {}).get(_PREFIX + connection_id)
    return entry is not None and entry["until"] - LONGEST_LIFE_SECONDS > now_seconds - OPENING_SECONDS
