"""Reachability: the note on a user that says whether it is online, kept while the service wants it.

The truth is in the user's presence, which dies by itself. The note makes a change of it news, for followers and for the
owner's webhook; it is written when the first connection comes and when the last one goes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from parley.domain.presence import live_connections
from parley.domain.users import NEXT_VERSION
from parley.errors import CONCURRENT_UPDATE, NOT_FOUND, Refusal
from parley.operations.context import Context
from parley.operations.verbs import same_user
from parley.records.services import setting
from parley.store import keys
from parley.store.writes import Guard, Update

# How often the presence may change while it is noted.
_ATTEMPTS = 10


def is_enabled(service: Mapping[str, Any] | None) -> bool:
    """Whether a service wants to know who is reachable."""
    return service is not None and bool(setting(service, "reachability_enabled"))


def note_online(context: Context, user_sid: str) -> None:
    """Note that the caller's user has come online; nothing happens if that is known or the user was deleted."""
    _note(context, user_sid, is_online=True)


def note_offline(context: Context, user_sid: str) -> None:
    """Note that the last connection of the caller's user has gone, unless another one was opened in the meantime.

    Connections may come and go meanwhile. So the presence is read after each note; if it says otherwise, that is noted.
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
    try:
        context.table.commit(context.cause(), [write])
    except Refusal as refusal:
        if refusal.error not in (NOT_FOUND, CONCURRENT_UPDATE):
            raise
