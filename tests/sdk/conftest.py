"""The fixtures of the sockets, and devices that speak the protocol of Twilio's JavaScript SDKs."""

from __future__ import annotations

import pytest

from tests.sdk.device import SdkDevice
from tests.sockets.conftest import deployment, house, meddled, meddling, room, still_house, still_room  # noqa: F401
from tests.sockets.deployment import House, Room


@pytest.fixture
def alice(house: House, room: Room) -> SdkDevice:  # noqa: F811
    return SdkDevice(house, "alice")


@pytest.fixture
def bob(house: House, room: Room) -> SdkDevice:  # noqa: F811
    return SdkDevice(house, "bob")
