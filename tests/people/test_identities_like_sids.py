"""Identities that look like member SIDs: such a user can do what others can, and can be addressed by the identity."""

from __future__ import annotations

import pytest

from tests.sockets.asking import mighty_role
from tests.sockets.deployment import House, Room

LIKE_A_SID = "MB" + "0a" * 16


@pytest.fixture
def room(house: House) -> Room:
    room = house.channel("alice")
    room.add(LIKE_A_SID)
    return room


def test_a_user_with_an_identity_like_a_sid_leaves_a_channel(house: House, room: Room) -> None:
    house.device(LIKE_A_SID).done("leaveChannel", channel=room.sid)
    assert [member["identity"] for member in house.rest.get(f"{room.path}/Members")["members"]] == ["alice"]
    assert room.fetch()["members_count"] == 1


def test_a_user_with_an_identity_like_a_sid_changes_and_fetches_the_own_membership(house: House, room: Room) -> None:
    device = house.device(LIKE_A_SID)
    changed = device.done("updateMember", channel=room.sid, identity=LIKE_A_SID, attributes={"a": 1})
    assert (changed["identity"], changed["attributes"]) == (LIKE_A_SID, '{"a":1}')
    assert device.done("fetchMember", channel=room.sid, identity=LIKE_A_SID)["sid"] == changed["sid"]
    assert device.done("setNotificationLevel", channel=room.sid, notification_level="muted")["status"] == "joined"


def test_the_back_end_addresses_it_by_identity_and_by_sid(house: House, room: Room) -> None:
    for name in ("identity", "sid"):
        member = house.rest.get(f"{room.path}/Members/{LIKE_A_SID}")
        address = f"{room.path}/Members/{member[name]}"
        assert house.rest.post(address, Attributes='{"by": 1}')["identity"] == LIKE_A_SID
        assert house.rest.get(address)["attributes"] == '{"by": 1}'
        assert house.rest("DELETE", address).status == 204
        assert house.rest("GET", address).status == 404
        room.add(LIKE_A_SID)


def test_a_member_removes_it(house: House, room: Room) -> None:
    room.add("carol", RoleSid=mighty_role(house))
    house.device("carol").done("removeMember", channel=room.sid, identity=LIKE_A_SID)
    assert house.rest("GET", f"{room.path}/Members/{LIKE_A_SID}").status == 404


def test_a_members_sid_means_that_member_also_if_somebody_is_called_so(house: House) -> None:
    room = house.channel("alice")
    sid = house.rest.get(f"{room.path}/Members/alice")["sid"]
    room.add(sid)
    assert house.rest.get(f"{room.path}/Members/{sid}")["identity"] == "alice"
    # Its own actions mean itself all the same.
    house.device(sid).done("leaveChannel", channel=room.sid)
    assert [member["identity"] for member in house.rest.get(f"{room.path}/Members")["members"]] == ["alice"]


def test_a_stranger_is_not_told_who_is_in_a_channel(house: House, room: Room) -> None:
    mallory = house.device("mallory")
    for identity in (LIKE_A_SID, "alice", "nobody", "MB" + "0" * 32):
        assert mallory.refusal("removeMember", channel=room.sid, identity=identity) == (403, 50400)
        assert mallory.refusal("fetchMember", channel=room.sid, identity=identity) == (403, 50400)
