"""A user is deleted while its socket is open: the socket ends, does nothing more and hears nothing more."""

from __future__ import annotations

from typing import Any

import pytest

from parley.sockets.native.actions import ACTIONS
from tests.sockets.asking import NOT_IN_A_CHANNEL, everything, furnished, request_for
from tests.sockets.deployment import Device, House, Room
from tests.support.lean import LeanClient

GONE = (404, 50200)
MEMBERS: dict[str, dict[str, Any]] = {
    "followUsers": {"identities": ["alice"]},
    "unfollowUsers": {"identities": ["alice"]},
    "registerBinding": {"binding_type": "fcm", "address": "token", "credential_sid": "CR" + "0" * 32, "endpoint": "x"},
    "removeBinding": {"binding": "BS" + "0" * 32},
    "catchUp": {},
    "refreshToken": {"token": "none"},
}


@pytest.fixture
def room(house: House) -> Room:
    return furnished(house)


@pytest.fixture
def bob(house: House, room: Room) -> Device:
    """Bob's socket, which this container has just served."""
    device = house.device("bob")
    device.done("listMyChannels")
    return device


def forget(house: House) -> None:
    """Delete bob by another container than the one that serves his socket, which remembers what it has read."""
    remembered = dict(house.deployment.world.configuration._memory)
    assert house.rest("DELETE", f"{house.path}/Users/bob").status == 204
    house.deployment.world.configuration._memory |= remembered


def request(action: str, room: Room) -> dict[str, Any]:
    members = request_for(action, room) | MEMBERS.get(action, {})
    return members | ({"channels": {room.sid: 0}} if action == "catchUp" else {})


# Half of the actions are asked for with a new user of that name, half without.
@pytest.mark.parametrize(
    ("action", "is_back"), [(name, number % 2 == 0) for number, name in enumerate(sorted(ACTIONS))]
)
def test_ten_seconds_later_every_action_is_refused_and_ends_the_connection(
    house: House, room: Room, bob: Device, action: str, is_back: bool
) -> None:
    forget(house)
    if is_back:
        house.rest.post(f"{house.path}/Users", Identity="bob")
    house.deployment.world.clock.advance(11)
    before = everything(house)
    assert bob.ending(action, **request(action, room)) == GONE
    assert everything(house) == before


# What anybody may see is refused within ten seconds; what only its members see is not there any more.
_SEEN = {"fetchChannel", "fetchMyChannel"}


@pytest.mark.parametrize("is_back", [False, True])
def test_every_action_in_a_channel_is_refused_at_once(house: House, room: Room, bob: Device, is_back: bool) -> None:
    forget(house)
    if is_back:
        room.add("bob")
    before = everything(house)
    for action in sorted(set(ACTIONS) - NOT_IN_A_CHANNEL - _SEEN):
        assert bob.refusal(action, **request(action, room)) == GONE, action
    assert everything(house) == before


@pytest.mark.parametrize("is_back", [False, True])
def test_the_deletion_itself_ends_the_socket(house: House, room: Room, bob: Device, is_back: bool) -> None:
    bob.heard()
    forget(house)
    again = house.device("bob") if is_back else None
    assert bob.events() == ["connectionError"]
    assert not bob.is_open
    assert again is None or again.is_open


def test_a_new_user_of_the_same_name_uses_its_own_socket(house: House, room: Room, bob: Device) -> None:
    forget(house)
    again = house.device("bob")
    assert again.done("listMyChannels")["channels"] == []
    assert again.done("fetchSession")["identity"] == "bob"


def test_asking_whether_the_user_is_there_costs_no_request_in_a_warm_container(
    room: Room, bob: Device, lean: LeanClient
) -> None:
    bob.done("fetchChannel", channel=room.sid)
    with lean.metered() as meter:
        bob.done("fetchChannel", channel=room.sid)
    assert sum(meter.requests.values()) == 1
