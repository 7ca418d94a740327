"""The paths of Sync objects."""

from __future__ import annotations

from parley.ids import user_sid
from parley.store import keys
from tests.sockets.deployment import House, Room

DOCUMENTS, LISTS, MAPS = "/v3/Documents", "/v3/Lists", "/v3/Maps"


def document(room: Room) -> str:
    return f"{DOCUMENTS}/{room.sid}.channel"


def messages(room: Room) -> str:
    return f"{LISTS}/{room.sid}.messages"


def roster(room: Room) -> str:
    return f"{MAPS}/{room.sid}.roster"


def mine(house: House, identity: str = "alice") -> str:
    return f"{MAPS}/{user_sid(house.sid, identity)}.my_channels"


def info(house: House, identity: str) -> str:
    return f"{MAPS}/{user_sid(house.sid, identity)}.info"


def seq(room: Room) -> int:
    tail = room.house.deployment.world.table.fetch(keys.tail(room.sid))
    assert tail is not None
    return tail["seq"]
