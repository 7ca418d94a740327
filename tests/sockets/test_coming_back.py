"""A user is deleted, and the identity comes back at once: the former user's channels are not the new user's."""

from __future__ import annotations

from typing import Any

import pytest

from tests.sockets.deployment import Device, House, Room


@pytest.fixture
def den(house: House) -> Room:
    """A private channel of alice and bob, with a message; bob is invited to another one, the attic."""
    den = house.channel("alice", "bob", UniqueName="den", Type="private")
    den.post("between us")
    attic = house.channel("alice", UniqueName="attic", Type="private")
    house.rest.post(f"{attic.path}/Invites", Identity="bob")
    return den


@pytest.fixture
def reborn(house: House, den: Room) -> Device:
    """Bob, deleted and connected again, before any sweep."""
    house.deployment.world.clock.advance(60)
    assert house.rest("DELETE", f"{house.path}/Users/bob").status == 204
    return house.device("bob")


@pytest.mark.parametrize(
    ("action", "members"),
    [
        ("listMessages", {}),
        ("sendMessage", {"body": "from the dead"}),
        ("fetchChannel", {}),
        ("fetchMyChannel", {}),
        ("listMembers", {}),
        ("typing", {}),
        ("joinChannel", {}),
        ("setAllMessagesConsumed", {}),
        ("updateMember", {"identity": "bob", "attributes": {"a": 1}}),
    ],
)
@pytest.mark.parametrize("channel", ["den", "attic"])
def test_a_private_channel_of_the_former_user_does_not_exist(
    reborn: Device, channel: str, action: str, members: dict[str, Any]
) -> None:
    assert reborn.refusal(action, channel=channel, **members) == (404, 20404)


def test_no_channel_of_the_former_user_is_listed(reborn: Device) -> None:
    assert reborn.done("listMyChannels")["channels"] == []


def test_nothing_of_it_is_caught_up_with(reborn: Device, den: Room) -> None:
    assert reborn.done("catchUp", channels={den.sid: 0})["channels"][den.sid]["status"] == "gone"


def test_what_is_joined_since_is_its_own(reborn: Device, house: House) -> None:
    new = house.channel("bob", Type="private")
    assert reborn.done("sendMessage", channel=new.sid, body="here again")["index"] == 0
    assert [one["channel"]["sid"] for one in reborn.done("listMyChannels")["channels"]] == [new.sid]
