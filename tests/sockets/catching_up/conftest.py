"""A world whose table can be told to fail, and a client that has seen everything."""

from __future__ import annotations

import pytest

from local.template.template import Template
from tests.ports.meddling import MeddlingClient
from tests.sockets.deployment import Device, Room
from tests.sockets.histories import seq_of
from tests.support.world import World


@pytest.fixture
def world(meddling: MeddlingClient, template: Template) -> World:
    (table,) = template.tables()
    return World(meddling, table.name)


@pytest.fixture
def mark(alice: Device, room: Room) -> int:
    """Up to where alice has seen everything."""
    return seq_of(alice, room)
