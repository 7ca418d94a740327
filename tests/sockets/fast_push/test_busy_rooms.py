"""Rooms for which the fast path is not made: with many connections, many members or many messages."""

from __future__ import annotations

from typing import Any

import pytest

from parley.sockets import fast_push, markers
from parley.store import keys
from tests.sockets.deployment import Device, House, Room, hush
from tests.sockets.fast_push.heard import got


def marker(room: Room, index: int) -> Any:
    """The marker of a message."""
    world = room.house.deployment.world
    message = world.table.fetch(keys.message(room.sid, index))
    return world.table.fetch(markers.key(room.sid, message["seq"])) if message else None


def test_fifty_connections_are_pushed_to_at_once_and_of_fifty_one_none(fast: House) -> None:
    room = fast.channel("alice")
    devices = [fast.device("alice") for _ in range(10)]
    for number in range(8):
        room.add(f"user {number}")
        devices += [fast.device(f"user {number}") for _ in range(5)]
    hush(*devices)
    room.post("to fifty")
    assert all(got(device) == ["to fifty"] for device in devices)
    devices.append(fast.device("user 7"))
    fast.deployment.world.clock.advance(3)
    room.post("to fifty-one")
    assert not any("to fifty-one" in got(device) for device in devices)
    fast.deployment.announce()
    assert all("to fifty-one" in got(device) for device in devices)


def test_in_a_room_of_more_than_a_hundred_members_messages_go_by_the_stream(
    alice: Device, bob: Device, room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert fast_push.MOST_MEMBERS == 100
    monkeypatch.setattr(fast_push, "MOST_MEMBERS", 2)
    room.post("to two")
    assert got(bob) == ["to two"]
    room.add("carol")
    room.post("to three")
    assert got(bob) == ["to two"]
    hush(bob)
    assert got(bob) == ["to two", "to three"]


def test_in_a_busy_room_messages_go_by_the_stream_until_it_is_calm_again(
    alice: Device, bob: Device, room: Room, fast: House
) -> None:
    clock = fast.deployment.world.clock

    def fast_ones(seconds: int) -> int:
        """Of sixteen messages a second, how many are pushed by the function that writes them."""
        before = len(got(bob))
        for number in range(16 * seconds):
            room.post(f"{number}")
            clock.advance(1 / 16)
        told = len(got(bob)) - before
        fast.deployment.announce()
        return told

    clock.advance(10)
    assert fast_ones(2) == 20
    # What was so in the last two seconds counts for the next two.
    assert fast_ones(4) == 0
    clock.advance(10)
    assert fast_ones(1) == 16
    assert len(got(bob)) == 7 * 16


def test_fifty_people_are_a_busy_room_with_fewer_messages(fast: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fast_push, "FEWEST_CONNECTIONS", 1)
    room = fast.channel("alice")
    devices = [fast.device("alice") for _ in range(10)]
    hush(*devices)
    monkeypatch.setattr(fast_push, "MOST_PUSHES", 40)
    for number in range(6):
        room.post(f"{number}")
    assert got(devices[0]) == ["0", "1", "2", "3"]


def test_where_nobody_is_connected_a_message_costs_no_write_more(room: Room, fast: House) -> None:
    room.post("hello")
    assert marker(room, 0) is None
    assert "fast" not in fast.deployment.world.table.fetch(keys.message(room.sid, 0))["cause"]
