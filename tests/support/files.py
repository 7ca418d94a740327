"""Uploaded files, as an upload leaves them behind; most tests need no object in the bucket."""

from __future__ import annotations

from typing import Any

from parley.domain.memberships import birth_of
from parley.errors import NOT_FOUND
from parley.ids import user_sid
from parley.store import keys
from parley.store.writes import Create
from tests.support.world import World

# How long a file may wait for its message.
UNATTACHED_SECONDS = 300


def upload(world: World, service_sid: str, author: str = "", **fields: Any) -> str:
    """The SID of a file that is uploaded and waits for its message. Without an author, a back end has uploaded it."""
    sid = world.ids.sid("ME")
    now = world.clock.now_ms()
    record = {
        "sid": sid,
        "service_sid": service_sid,
        **({"author": author, "author_birth": _birth(world, service_sid, author)} if author else {"author": "sender"}),
        "state": "ready",
        "size": 3,
        "content_type": "image/png",
        "date_created": now,
        "expires_at": now // 1000 + UNATTACHED_SECONDS,
        **fields,
    }
    world.table.commit(
        world.context().cause(),
        [Create(keys.media(sid), record, taken=NOT_FOUND(), index=keys.in_waiting_media(service_sid, sid))],
    )
    return sid


def _birth(world: World, service_sid: str, identity: str) -> str:
    user = world.table.fetch(keys.user(user_sid(service_sid, identity)))
    assert user is not None
    return birth_of(user)


def store(world: World, service_sid: str, author: str = "", **fields: Any) -> str:
    """The SID of a file that is uploaded and waits for its message, with its object in the bucket."""
    sid = upload(world, service_sid, author, **fields)
    world.store.port.put(f"{service_sid}/{sid}", b"abc", "image/png")
    return sid
