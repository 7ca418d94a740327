"""A house with the fast path, and a private channel with alice and bob in it."""

from __future__ import annotations

import pytest

from tests.sockets.deployment import Device, House, Room, hush


@pytest.fixture
def fast(house: House) -> House:
    """A house whose functions have the fast path."""
    house.deployment.hurry()
    return house


@pytest.fixture
def room(fast: House) -> Room:
    """A private channel with alice and bob in it."""
    return fast.channel("alice", "bob", Type="private")


@pytest.fixture
def alice(fast: House, room: Room) -> Device:
    return fast.device("alice")


@pytest.fixture
def bob(fast: House, room: Room, alice: Device) -> Device:
    device = fast.device("bob")
    hush(alice, device)
    return device
