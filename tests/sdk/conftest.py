"""The fixtures of the sockets, and devices that speak the protocol of Twilio's JavaScript SDKs."""

from __future__ import annotations

import pytest

from tests.sdk.device import SdkDevice
from tests.sdk.listener import Listener
from tests.sdk.sync_paths import document, info, messages, mine, roster
from tests.sockets.conftest import deployment, house, meddled, meddling, room, still_house, still_room  # noqa: F401
from tests.sockets.deployment import House, Room


@pytest.fixture
def alice(house: House, room: Room) -> SdkDevice:  # noqa: F811
    return SdkDevice(house, "alice")


@pytest.fixture
def bob(house: House, room: Room) -> SdkDevice:  # noqa: F811
    return SdkDevice(house, "bob")


@pytest.fixture
def alices(house: House, alice: SdkDevice, room: Room) -> Listener:  # noqa: F811
    """Alice listens to everything, and the room has been quiet for a while."""
    house.deployment.world.clock.advance(1300)
    alice = SdkDevice(house, "alice")
    house.deployment.announce()
    listener = Listener(alice)
    listener.open(document(room), messages(room), roster(room), mine(house), info(house, "alice"))
    assert listener.news() == [] and listener.failed == {}
    return listener
