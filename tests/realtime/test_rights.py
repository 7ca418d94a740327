"""Who may do what over a socket: for each row of the action table, members, strangers and those without the right."""

from __future__ import annotations

from typing import Any

import pytest

from parley.realtime.actions import ACTIONS
from tests.realtime.asking import NO_RIGHTS, address, mighty, request_for
from tests.realtime.deployment import Device, House, Room

IN_CHANNEL = sorted(set(ACTIONS) - {"createChannel", "updateUser"})
OPEN_TO_ALL = {"fetchChannel", "joinChannel"}
OPEN_TO_MEMBERS = {"fetchChannel", "fetchMessage", "listMessages", "joinChannel"}


def state(room: Room) -> list[Any]:
    return [room.house.rest.get(f"{room.path}{below}") for below in ("", "/Messages", "/Members")]


@pytest.mark.parametrize("action", IN_CHANNEL)
def test_who_has_every_right_in_a_channel_may_do_everything_in_it(house: House, room: Room, action: str) -> None:
    reply = mighty(house, room).ask(action, **request_for(action, room))
    assert reply["status"] == (409 if action == "joinChannel" else ACTIONS[action].status), reply


@pytest.mark.parametrize("action", sorted(set(IN_CHANNEL) - OPEN_TO_ALL))
def test_a_stranger_is_refused_in_a_public_channel(house: House, room: Room, action: str) -> None:
    before = state(room)
    expected = (404, 20404) if action == "leaveChannel" else (403, 50400)
    assert house.device("mallory").refusal(action, **request_for(action, room)) == expected
    assert state(room) == before


@pytest.mark.parametrize("action", IN_CHANNEL)
def test_a_private_channel_does_not_exist_for_a_stranger(house: House, action: str) -> None:
    room = house.channel("alice", "bob", Type="private", UniqueName="secret")
    room.post("hidden", From="alice")
    before = state(room)
    stranger = house.device("mallory")
    request = request_for(action, room)
    refused = stranger.ask(action, **request)
    by_name = stranger.ask(action, **{**request, "channel": "secret"})
    unknown = stranger.ask(action, **{**request, "channel": "CH" + "0" * 32})
    for reply in (refused, by_name, unknown):
        assert (reply["status"], reply["error"]) == (404, unknown["error"])
    assert unknown["error"]["code"] == 20404
    assert state(room) == before


@pytest.mark.parametrize("action", IN_CHANNEL)
def test_who_was_removed_from_a_private_channel_is_a_stranger_at_once(house: House, action: str) -> None:
    room = house.channel("alice", "bob", Type="private")
    room.post("hidden", From="alice")
    carol = mighty(house, room)
    carol.done("fetchChannel", channel=room.sid)
    request = request_for(action, room)
    room.delete("/Members/carol")
    assert carol.refusal(action, **request) == (404, 20404)


@pytest.mark.parametrize("action", IN_CHANNEL)
def test_nothing_can_be_done_in_another_service(house: House, room: Room, action: str) -> None:
    other = House(house.deployment)
    theirs = other.channel("bob", UniqueName="theirs")
    theirs.post("theirs", From="carol")
    request = request_for(action, theirs)
    here, there = mighty(house, room), mighty(other, theirs)
    before = state(theirs)
    assert here.refusal(action, **request) == (404, 20404)
    assert state(theirs) == before
    # The same identity may, there.
    assert there.ask(action, **request)["status"] in (200, 201, 204, 409)


@pytest.mark.parametrize("action", IN_CHANNEL)
def test_nothing_can_be_done_in_a_deleted_channel(house: House, room: Room, action: str) -> None:
    carol = mighty(house, room)
    request = request_for(action, room)
    # The warm container remembers the channel for some seconds.
    carol.done("fetchMessage", channel=room.sid, message=address(room, 0))
    room.delete()
    assert carol.refusal(action, **request) == (404, 20404)


def test_another_services_user_cannot_be_changed(house: House, room: Room) -> None:
    other = House(house.deployment)
    theirs = other.rest.post(f"{other.path}/Users", Identity="zoe")
    admin = house.role("admin", "deployment", ["editAnyUserInfo"])
    house.rest.post(f"{house.path}/Users", Identity="carol", RoleSid=admin)
    request = {"identity": theirs["sid"], "friendly_name": "x"}
    assert house.device("carol").refusal("updateUser", **request) == (404, 20404)


def test_the_creator_sees_his_private_channel_without_being_in_it(house: House) -> None:
    room = house.channel(Type="private", CreatedBy="carol")
    carol = house.device("carol")
    assert carol.done("fetchChannel", channel=room.sid)["sid"] == room.sid
    assert carol.refusal("sendMessage", channel=room.sid, body="x") == (404, 20404)


def test_anybody_sees_a_public_channel(house: House, room: Room) -> None:
    assert house.device("mallory").done("fetchChannel", channel="general")["sid"] == room.sid


@pytest.fixture
def powerless(house: House, room: Room) -> Device:
    """Carol, a member whose roles allow nothing of what is asked here."""
    nothing = house.role("nothing", "deployment", ["inviteMember"])
    house.rest.post(f"{house.path}/Users", Identity="carol", RoleSid=nothing)
    room.add("carol", RoleSid=house.role("powerless", "channel", ["inviteMember"]))
    room.post("from carol", From="carol")
    return house.device("carol")


@pytest.mark.parametrize("action", sorted(set(ACTIONS) - OPEN_TO_MEMBERS))
def test_a_member_needs_the_right_also_for_her_own(powerless: Device, room: Room, action: str) -> None:
    for index in (0, 2):
        request = request_for(action, room, index)
        for identity in {request.get("identity"), request.get("identity") and "carol"} - {"zoe"}:
            before = state(room)
            own = {"identity": identity} if identity else {}
            assert powerless.refusal(action, **{**request, **own}) == (403, 50107)
            assert state(room) == before


def test_a_member_without_rights_may_read(powerless: Device, room: Room) -> None:
    assert len(powerless.done("listMessages", channel="general")["messages"]) == 3
    assert powerless.done("fetchMessage", channel="general", message=address(room, 0))["body"] == "from alice"
    assert powerless.done("fetchChannel", channel="general")["sid"] == room.sid


@pytest.mark.parametrize(
    ("right", "action", "members"),
    [
        ("sendMessage", "sendMessage", {"body": "x"}),
        ("editAnyMessage", "updateMessage", {"message": 0, "body": "x"}),
        ("editOwnMessage", "updateMessage", {"message": 2, "body": "x"}),
        ("editAnyMessageAttributes", "updateMessage", {"message": 0, "attributes": {}}),
        ("editOwnMessageAttributes", "updateMessage", {"message": 2, "attributes": {}}),
        ("deleteAnyMessage", "deleteMessage", {"message": 0}),
        ("deleteOwnMessage", "deleteMessage", {"message": 2}),
        ("editChannelName", "updateChannel", {"friendly_name": "x"}),
        ("editChannelName", "updateChannel", {"unique_name": "x"}),
        ("editChannelAttributes", "updateChannel", {"attributes": {}}),
        ("destroyChannel", "deleteChannel", {}),
        ("addMember", "addMember", {"identity": "zoe"}),
        ("removeMember", "removeMember", {"identity": "bob"}),
        ("leaveChannel", "leaveChannel", {}),
        ("editAnyMemberAttributes", "updateMember", {"identity": "bob", "attributes": {}}),
        ("editOwnMemberAttributes", "updateMember", {"identity": "carol", "attributes": {}}),
    ],
)
def test_a_right_of_the_channel_role_is_enough_and_needed(
    house: House, room: Room, right: str, action: str, members: dict[str, Any]
) -> None:
    room.add("carol", RoleSid=house.role("one right", "channel", [right]))
    room.post("from carol", From="carol")
    if "message" in members:
        members = {**members, "message": address(room, members["message"])}
    carol = house.device("carol")
    assert carol.ask(action, channel="general", **members)["status"] in (200, 201, 204)
    if "Own" in right:
        others = {"message": address(room, 0)} if "message" in members else {"identity": "bob"}
        assert carol.refusal(action, channel="general", **{**members, **others}) == (403, 50107)


def test_a_right_of_the_deployment_role_is_enough(house: House, room: Room) -> None:
    admin = next(
        role["sid"]
        for role in house.rest.get(f"{house.path}/Roles")["roles"]
        if role["friendly_name"] == "service admin"
    )
    house.rest.post(f"{house.path}/Users", Identity="carol", RoleSid=admin)
    room.add("carol", RoleSid=house.role("powerless", "channel", NO_RIGHTS))
    carol = house.device("carol")
    assert carol.done("updateMessage", channel="general", message=address(room, 0), body="moderated")
    assert carol.done("deleteMessage", channel="general", message=address(room, 0)) is None


def test_body_and_attributes_each_need_their_right(house: House, room: Room) -> None:
    room.add("carol", RoleSid=house.role("bodies", "channel", ["editAnyMessage"]))
    carol = house.device("carol")
    sid = address(room, 0)
    assert carol.refusal("updateMessage", channel="general", message=sid, body="x", attributes={}) == (403, 50107)
    assert carol.done("updateMessage", channel="general", message=sid, body="x")["body"] == "x"
