"""Presence: which of a user's connections may still be open.

One item per user holds an entry for each connection with the time until which it can be open: the two hours of a
socket's life, or the end of its token.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from parley.domain.memberships import birth_of
from parley.stored import Connection

# API Gateway's hard limit for a WebSocket connection.
LONGEST_LIFE_SECONDS = 7200
# Until `$connect` has returned, API Gateway answers pushes as if there were no connection. That takes nine seconds at
# most, the time-out of the function. The rest is for clocks that differ.
OPENING_SECONDS = 30
PREFIX = "connection:"


def reachability(user: Mapping[str, Any], is_enabled: bool, is_connected: bool | None = None) -> dict[str, Any]:
    """The user with the reachability that clients may see: none while the service has the feature switched off.

    `is_connected` is what the presence item says. If that was not read, the user's own `is_online` counts. A user that
    was never online since the feature was switched on has neither value
    (https://www.twilio.com/docs/chat/reachability-indicator).
    """
    noted = user.get("is_online")
    if not is_enabled or (noted is None and not is_connected):
        return {**user, "is_online": None, "is_notifiable": None}
    is_online = noted if is_connected is None else is_connected
    return {**user, "is_online": is_online, "is_notifiable": is_notifiable(user)}


def is_notifiable(user: Mapping[str, Any]) -> bool:
    """Whether the user has a push registration."""
    return bool(user.get("bindings_count", 0) > 0)


def ends(connection: Connection) -> int:
    """When a connection ends, in epoch seconds: at its own time or at its token's, whichever comes first."""
    return int(min(connection["expires_at"], connection["token_expires_at"]))


def live_connections(presence: dict[str, Any] | None, now_seconds: int, birth: str | None = None) -> list[str]:
    """The ids of a user's connections that may still be open, the oldest first.

    With `birth`, only the connections of that user. The item may also hold those of an earlier user with that identity.
    """
    entries = sorted(
        (entry.get("at", 0), name)
        for name, entry in (presence or {}).items()
        if name.startswith(PREFIX) and entry["until"] > now_seconds and birth in (None, birth_of(entry))
    )
    return [name.removeprefix(PREFIX) for _, name in entries]


def is_opening(presence: dict[str, Any] | None, connection_id: str, now_seconds: int) -> bool:
    """Whether a connection is so new that API Gateway may call it gone because it is still being opened."""
    entry = (presence or {}).get(PREFIX + connection_id)
    return entry is not None and entry.get("at", 0) > now_seconds - OPENING_SECONDS
