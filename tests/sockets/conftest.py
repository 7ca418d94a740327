"""A deployment in memory but for its table, with a service in it."""

from __future__ import annotations

import pytest

from local.template.template import Template
from tests.ports.meddling import MeddlingClient
from tests.sockets.asking import furnished
from tests.sockets.deployment import Deployment, Device, House, Room, Stream
from tests.sockets.proofs import pytest_configure, pytest_runtest_call  # noqa: F401
from tests.support.lean import LeanClient
from tests.support.printed import printed  # noqa: F401  (fixture)
from tests.support.world import World


@pytest.fixture
def deployment(world: World, stream: Stream, template: Template) -> Deployment:
    return Deployment(world, stream, template)


@pytest.fixture
def house(deployment: Deployment) -> House:
    return House(deployment)


@pytest.fixture
def meddling(lean: LeanClient) -> MeddlingClient:
    """A client of the table that can be told to fail."""
    return MeddlingClient(lean)


@pytest.fixture
def meddled(meddling: MeddlingClient, template: Template, stream: Stream) -> House:
    """A house whose table is reached through it."""
    (table,) = template.tables()
    return House(Deployment(World(meddling, table.name), stream, template))


@pytest.fixture
def room(house: House) -> Room:
    """A public channel named `general` with alice and bob in it; alice wrote message 0, bob message 1."""
    return furnished(house, UniqueName="general")


@pytest.fixture
def alice(house: House, room: Room) -> Device:
    return house.device("alice")


# What is refused changes nothing, so all tests of refusals may share a house.


@pytest.fixture(scope="module")
def still_room(lean: LeanClient, template: Template, stream: Stream) -> Room:
    """A room as above that nothing happens in."""
    (table,) = template.tables()
    return furnished(House(Deployment(World(lean, table.name), stream, template)), UniqueName="general")


@pytest.fixture(scope="module")
def still_house(still_room: Room) -> House:
    return still_room.house


@pytest.fixture(scope="module")
def still_alice(still_house: House) -> Device:
    return still_house.device("alice")
