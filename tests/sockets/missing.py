"""What tests of catching up share: things that happen in a channel, and what is told of them in short."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.sockets.asking import address
from tests.sockets.deployment import Room

DAY = 86_400
SETTLED_SECONDS = 61


def told(events: list[dict[str, Any]]) -> list[tuple[str, Any]]:
    """Events in short: name, and whom or what they are about."""
    short = []
    for event in events:
        record = event.get("message") or event.get("member") or event.get("channel")
        subject = record.get("index", record.get("identity", record.get("unique_name"))) if record else None
        short.append((event["event"], subject))
    return short


Change = Callable[[Room], object]
Told = list[tuple[str, Any]]


def edited(index: int, body: str) -> Change:
    return lambda room: room.update(f"/Messages/{address(room, index)}", Body=body)


def removed(index: int) -> Change:
    return lambda room: room.delete(f"/Messages/{address(room, index)}")


def posted(room: Room) -> object:
    return room.post("x")


def updated(path: str = "", **fields: str) -> Change:
    return lambda room: room.update(path, **fields)


def added(identity: str) -> Change:
    return lambda room: room.add(identity)


def left(identity: str) -> Change:
    return lambda room: room.delete(f"/Members/{identity}")
