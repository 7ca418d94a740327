"""Reachability: `is_online` in a user's record, kept up to date if the service has reachability enabled.

The user's presence lists its connections, and they expire there without an announced change. So `is_online` is written
when the first connection opens and when the last one closes. This write is announced: followers and the service's
webhook hear of it.
"""

from __future__ import annotations

from parley.domain.presence import live_connections
from parley.domain.users import NEXT_VERSION
from parley.errors import CONCURRENT_UPDATE, NOT_FOUND, ignoring
from parley.operations.context import Context
from parley.operations.verbs import same_user
from parley.records.services import setting
from parley.store import keys
from parley.store.writes import Guard, Update
from parley.stored import Service

# How often `note_offline` writes at most, while connections open and close.
_ATTEMPTS = 10


def is_enabled(service: Service | None) -> bool:
    """Whether a service has reachability enabled."""
    return service is not None and bool(setting(service, "reachability_enabled"))


def note_online(context: Context, user_sid: str) -> None:
    """Set the caller's user online; nothing happens if it is online already or was deleted."""
    _note(context, user_sid, is_online=True)


def note_offline(context: Context, user_sid: str) -> None:
    """Set the caller's user offline after its last connection closed, unless another one was opened since.

    Connections may open and close meanwhile. So the presence is read after each write. If it says otherwise, what it
    says is written.
    """
    is_online = False
    for _ in range(_ATTEMPTS):
        _note(context, user_sid, is_online=is_online)
        presence = context.table.fetch(keys.presence(user_sid))
        is_connected = bool(live_connections(presence, context.clock.now_ms() // 1000, context.caller.birth))
        if is_connected == is_online:
            return
        is_online = is_connected


def _note(context: Context, user_sid: str, *, is_online: bool) -> None:
    changed = Guard("is_online", "<>", is_online, CONCURRENT_UPDATE())
    same = same_user(context.caller.birth, NOT_FOUND())
    write = Update(
        keys.user(user_sid), NOT_FOUND(), set={"is_online": is_online}, add=NEXT_VERSION, guards=(same, changed)
    )
    with ignoring(NOT_FOUND, CONCURRENT_UPDATE):
        context.table.commit(context.cause(), [write])
