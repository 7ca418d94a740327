"""A channel of another service does not exist for a client, whatever it asks and whoever is in the channel there."""

from __future__ import annotations

import pytest

from tests.sockets.asking import IN_CHANNEL, furnished, mighty, request_for
from tests.sockets.deployment import Device, House, Room


@pytest.fixture(scope="module")
def foreign(still_house: House) -> Room:
    """A room of another service, with alice, bob and a guest list; zoe is invited."""
    room = furnished(House(still_house.deployment), UniqueName="elsewhere")
    room.add("carol")
    room.house.rest.post(f"{room.path}/Invites", Identity="zoe")
    return room


@pytest.fixture(scope="module")
def carol(still_house: House, still_room: Room) -> Device:
    """A client who is a member of both rooms by name, and may do everything in the one of her own service."""
    return mighty(still_house, still_room)


@pytest.mark.parametrize("identity", ["bob", "zoe", "nobody"])
@pytest.mark.parametrize("action", IN_CHANNEL)
def test_a_channel_of_another_service_is_not_found_by_any_action(
    carol: Device, foreign: Room, action: str, identity: str
) -> None:
    members = request_for(action, foreign)
    if "identity" in members:
        members["identity"] = identity
    assert carol.refusal(action, **members) == (404, 20404)
