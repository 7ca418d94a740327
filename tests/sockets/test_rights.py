"""Who may do what over a socket: for each row of the action table, members, strangers and those without the right.

What is refused changes nothing, so those tests share their houses.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from local.template.template import Template
from parley.sockets.native.actions import ACTIONS
from tests.sockets.asking import (
    IN_CHANNEL,
    NEEDING_RIGHTS,
    NO_RIGHTS,
    address,
    furnished,
    mighty,
    mighty_role,
    request_for,
)
from tests.sockets.deployment import Deployment, Device, House, Room, Stream
from tests.support.lean import LeanClient
from tests.support.world import World

NOT_FOUND, NO_MEMBER, FORBIDDEN, NO_INVITE = (404, 20404), (403, 50400), (403, 50107), (404, 50601)
# Of public channels.
OPEN_TO_ALL = {"fetchChannel", "joinChannel"}
STRANGERS = {"acceptInvitation": NO_INVITE, "declineInvitation": NO_INVITE, "fetchMyChannel": NOT_FOUND}
MEMBERS = {"joinChannel": (409, 50404), "acceptInvitation": NO_INVITE, "declineInvitation": (409, 50602)}


@contextmanager
def nothing_written(house: House) -> Iterator[None]:
    """Check that what happens inside leaves the table as it was."""
    before = len(house.deployment.read_stream())
    yield
    assert len(house.deployment.read_stream()) == before


class Street:
    """A house with a public and a private channel and one that was deleted; carol is mighty next door."""

    def __init__(self, deployment: Deployment):
        self.house, next_door = House(deployment), House(deployment)
        self.public = furnished(self.house, UniqueName="general")
        self.private = furnished(self.house, Type="private", UniqueName="secret")
        self.deleted = furnished(self.house)
        self.mallory = self.house.device("mallory")
        self.role = mighty_role(self.house)
        self.deleted.add("carol", RoleSid=self.role)
        self.carol = self.house.device("carol")
        self.carol.done("fetchMessage", channel=self.deleted.sid, message=0)
        self.deleted.delete()
        self.stranger_from_next_door = mighty(next_door, furnished(next_door))


@pytest.fixture(scope="module")
def street(lean: LeanClient, template: Template, stream: Stream) -> Street:
    (table,) = template.tables()
    return Street(Deployment(World(lean, table.name), stream, template))


@pytest.mark.parametrize("action", IN_CHANNEL)
def test_who_has_every_right_in_a_channel_may_do_everything_in_it(street: Street, action: str) -> None:
    room = furnished(street.house)
    room.add("carol", RoleSid=street.role)
    reply = street.carol.ask(action, **request_for(action, room))
    status, code = MEMBERS.get(action, (ACTIONS[action].status, None))
    assert (reply["status"], reply.get("error", {}).get("code")) == (status, code)


@pytest.mark.parametrize("action", sorted(set(IN_CHANNEL) - OPEN_TO_ALL))
def test_a_stranger_is_refused_in_a_public_channel(street: Street, action: str) -> None:
    expected = STRANGERS.get(action, NO_MEMBER)
    with nothing_written(street.house):
        assert street.mallory.refusal(action, **request_for(action, street.public)) == expected


@pytest.mark.parametrize("action", IN_CHANNEL)
def test_a_private_channel_does_not_exist_for_a_stranger(street: Street, action: str) -> None:
    request = request_for(action, street.private)
    with nothing_written(street.house):
        refused = street.mallory.ask(action, **request)
        by_name = street.mallory.ask(action, **{**request, "channel": "secret"})
        unknown = street.mallory.ask(action, **{**request, "channel": "CH" + "0" * 32})
    for reply in (refused, by_name, unknown):
        assert (reply["status"], reply["error"]) == (404, unknown["error"])
    assert unknown["error"]["code"] == 20404


@pytest.mark.parametrize("action", IN_CHANNEL)
def test_who_was_removed_from_a_private_channel_is_a_stranger_at_once(street: Street, action: str) -> None:
    street.private.add("carol", RoleSid=street.role)
    street.carol.done("fetchMember", channel=street.private.sid, identity="carol")
    street.private.delete("/Members/carol")
    assert street.carol.refusal(action, **request_for(action, street.private)) == NOT_FOUND


@pytest.mark.parametrize("action", IN_CHANNEL)
def test_nothing_can_be_done_in_another_service(street: Street, action: str) -> None:
    with nothing_written(street.house):
        assert street.stranger_from_next_door.refusal(action, **request_for(action, street.public)) == NOT_FOUND


@pytest.mark.parametrize("action", IN_CHANNEL)
def test_nothing_can_be_done_in_a_deleted_channel(street: Street, action: str) -> None:
    assert street.carol.refusal(action, **request_for(action, street.deleted)) == NOT_FOUND


def test_another_services_user_cannot_be_changed(house: House, room: Room) -> None:
    other = House(house.deployment)
    theirs = other.rest.post(f"{other.path}/Users", Identity="zoe")
    admin = house.role("admin", "deployment", ["editAnyUserInfo"])
    house.rest.post(f"{house.path}/Users", Identity="carol", RoleSid=admin)
    request = {"identity": theirs["sid"], "friendly_name": "x"}
    assert house.device("carol").refusal("updateUser", **request) == NOT_FOUND


def test_the_creator_sees_his_private_channel_without_being_in_it(house: House) -> None:
    house.rest.post(f"{house.path}/Users", Identity="carol")
    room = house.channel(Type="private", CreatedBy="carol")
    carol = house.device("carol")
    assert carol.done("fetchChannel", channel=room.sid)["sid"] == room.sid
    assert carol.refusal("sendMessage", channel=room.sid, body="x") == (403, 50400)


def test_anybody_sees_a_public_channel(street: Street) -> None:
    assert street.mallory.done("fetchChannel", channel="general")["sid"] == street.public.sid


@pytest.fixture(scope="module")
def powerless(street: Street) -> tuple[Device, Room]:
    """Erin, a member whose roles allow nothing of what is asked here, and the room she wrote message 2 in."""
    house, room = street.house, furnished(street.house)
    nothing = house.role("nothing", "deployment", ["joinChannel"])
    house.rest.post(f"{house.path}/Users", Identity="erin", RoleSid=nothing)
    room.add("erin", RoleSid=house.role("powerless", "channel", ["editAnyUserInfo"]))
    room.post("from erin", From="erin")
    return house.device("erin"), room


@pytest.mark.parametrize("action", NEEDING_RIGHTS)
def test_a_member_needs_the_right_also_for_her_own(powerless: tuple[Device, Room], action: str) -> None:
    erin, room = powerless
    with nothing_written(room.house):
        for index in (0, 2):
            request = request_for(action, room, index)
            assert erin.refusal(action, **request) == FORBIDDEN
            if request.get("identity") == "bob":
                assert erin.refusal(action, **{**request, "identity": "erin"}) == FORBIDDEN


def test_a_member_without_rights_may_read(powerless: tuple[Device, Room]) -> None:
    erin, room = powerless
    assert len(erin.done("listMessages", channel=room.sid)["messages"]) == 3
    assert erin.done("fetchMessage", channel=room.sid, message=address(room, 0))["body"] == "from alice"
    assert erin.done("fetchMember", channel=room.sid, identity="alice")["identity"] == "alice"
    assert len(erin.done("listMembers", channel=room.sid)["members"]) == 3
    assert erin.done("fetchChannel", channel=room.sid)["sid"] == room.sid


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
        ("inviteMember", "inviteMember", {"identity": "zoe"}),
        ("removeMember", "removeMember", {"identity": "bob"}),
        ("leaveChannel", "leaveChannel", {}),
        ("editAnyMemberAttributes", "updateMember", {"identity": "bob", "attributes": {}}),
        ("editOwnMemberAttributes", "updateMember", {"identity": "carol", "attributes": {}}),
        ("editNotificationLevel", "setNotificationLevel", {"notification_level": "muted"}),
    ],
)
def test_a_right_of_the_channel_role_is_enough_and_needed(
    street: Street, right: str, action: str, members: dict[str, Any]
) -> None:
    room = furnished(street.house)
    room.add("carol", RoleSid=street.house.role("one right", "channel", [right]))
    room.post("from carol", From="carol")
    request = {"channel": room.sid, **members}
    others = {"message": 0} if "message" in members else {"identity": "bob"}
    assert street.carol.ask(action, **request)["status"] in (200, 201, 204)
    if "Own" in right:
        assert street.carol.refusal(action, **{**request, **others}) == FORBIDDEN


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
