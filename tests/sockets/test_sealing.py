"""A channel that a client must not know of does not exist for it, whatever it asks; nor does anything of another service."""

from __future__ import annotations

import itertools
import json
from typing import Any

import pytest

from local.template.template import Template
from parley.domain.roles import PERMISSIONS
from parley.sockets.native.actions import ACTIONS
from tests.sockets.asking import IN_CHANNEL, everything, furnished, mighty_role, request_for
from tests.sockets.deployment import Deployment, Device, House, Room, Stream
from tests.sockets.stage_of_rights import NEVER_MEDIA, TYPES
from tests.support.doors import LambdaDoor, Raw
from tests.support.lean import LeanClient
from tests.support.world import World

HIDDEN = (404, 20404)


@pytest.fixture(scope="module")
def hidden(still_house: House) -> dict[str, tuple[Device, Room]]:
    """Channels with the unique name `hidden`, each with a client to whom it is hidden."""
    carol, role_sid = still_house.device("carol"), mighty_role(still_house)
    rooms = [furnished(still_house, Type="private", UniqueName=name) for name in ("hidden", "removed", "deleted")]
    for room in rooms[1:]:
        room.add("carol", RoleSid=role_sid)
        carol.done("fetchMember", channel=room.sid, identity="carol")
    rooms[1].delete("/Members/carol")
    rooms[2].delete()
    return {
        "stranger": (still_house.device("mallory"), rooms[0]),
        "removed": (carol, rooms[1]),
        "deleted": (carol, rooms[2]),
    }


@pytest.mark.parametrize("who", ["stranger", "removed", "deleted"])
@pytest.mark.parametrize("action", IN_CHANNEL)
def test_a_hidden_channel_is_answered_as_one_that_never_was(
    hidden: dict[str, tuple[Device, Room]], action: str, who: str
) -> None:
    """Private channels for a stranger and for a removed member, and a deleted channel for its mighty member."""
    device, room = hidden[who]
    request = request_for(action, room)
    name = "hidden" if who == "stranger" else who
    asked = (room.sid, name, "CH" + "0" * 32)
    replies = [device.ask(action, **{**request, "channel": channel}) for channel in asked]
    assert (replies[-1]["status"], replies[-1]["error"]["code"]) == HIDDEN
    # The text repeats what was asked for, and says nothing else.
    by_sid, by_name, unknown = (
        json.dumps(reply["error"]).replace(f"channel {channel}", "channel")
        for channel, reply in zip(asked, replies, strict=True)
    )
    assert by_sid == by_name == unknown


def test_a_stranger_cannot_join_a_channel_that_another_container_has_just_made_private(
    house: House, room: Room
) -> None:
    mallory = house.device("mallory")
    assert mallory.refusal("listMembers", channel=room.sid) == (403, 50400)
    elsewhere = Raw(LambdaDoor(house.deployment.world.another_container()))
    elsewhere.post(room.path.replace("/v2/", "/v3/"), Type="private")
    assert mallory.refusal("joinChannel", channel=room.sid) == HIDDEN


def test_a_user_who_is_no_longer_named_as_the_creator_cannot_join_as_the_creator(house: House) -> None:
    alice = house.device("alice")
    made = alice.done("createChannel", unique_name="mine", type="private")
    alice.done("fetchChannel", channel=made["sid"])
    elsewhere = Raw(LambdaDoor(house.deployment.world.another_container()))
    elsewhere.post(f"{house.path}/Channels/mine", CreatedBy="bob")
    assert alice.refusal("joinChannel", channel=made["sid"]) == HIDDEN


def test_a_removed_member_is_refused_by_another_container_at_once(house: House, room: Room) -> None:
    alice = house.device("alice")
    alice.done("sendMessage", channel=room.sid, body="still here")
    elsewhere = Raw(LambdaDoor(house.deployment.world.another_container()))
    assert elsewhere("DELETE", f"{room.path}/Members/alice").status == 204
    for action, members in (("sendMessage", {"body": "x"}), ("listMessages", {})):
        assert alice.refusal(action, channel=room.sid, **members) == (403, 50400)


@pytest.fixture(params=["another service", "another account"])
def foreign(
    request: pytest.FixtureRequest, deployment: Deployment, lean: LeanClient, template: Template, stream: Stream
) -> House:
    """A service that the client has nothing to do with."""
    if request.param == "another service":
        return House(deployment)
    (table,) = template.tables()
    return House(Deployment(World(lean, table.name), stream, template))


def powerful(house: House) -> Device:
    """Carol with every right that a deployment role can give."""
    rights = [name for name, types in PERMISSIONS.items() if "deployment" in types]
    house.rest.post(f"{house.path}/Users", Identity="carol", RoleSid=house.role("all", "deployment", rights))
    return house.device("carol")


def upon_theirs(own: Room, theirs: Room, bob: Device, binding: str) -> list[tuple[str, dict[str, Any]]]:
    """Every request that names something of another service: in its channel by SID and name, and by SID in one's own."""
    member = bob.done("fetchMember", channel=theirs.sid, identity="bob")["sid"]
    message = bob.done("fetchMessage", channel=theirs.sid, message=0)["sid"]
    user = theirs.house.rest.get(f"{theirs.house.path}/Users/bob")["sid"]
    asked: list[tuple[str, dict[str, Any]]] = [
        ("updateUser", {"identity": user, "friendly_name": "x"}),
        ("fetchUser", {"identity": user}),
        ("removeBinding", {"binding": binding}),
        ("sendMessage", {"channel": theirs.sid, "media_sid": NEVER_MEDIA}),
    ]
    for action in IN_CHANNEL:
        request = request_for(action, theirs)
        # Bob is a member there, dave is invited, and zoe is neither.
        people = ("bob", "dave", "zoe") if "identity" in request else ("",)
        for channel, identity in itertools.product((theirs.sid, "theirs"), people):
            asked.append((action, {**request, "channel": channel, **({"identity": identity} if identity else {})}))
        for name, sid in (("identity", member), ("message", message)):
            if name in request and action not in ("addMember", "inviteMember"):
                asked += [(action, {**request, "channel": room.sid, name: sid}) for room in (own, theirs)]
    return asked


@pytest.mark.parametrize("is_member_there", [False, True])
@pytest.mark.parametrize("type_", TYPES)
def test_nothing_of_another_service_exists_and_nothing_is_left_behind(
    house: House, room: Room, foreign: House, type_: str, is_member_there: bool
) -> None:
    theirs = foreign.channel("bob", *(["carol"] if is_member_there else []), Type=type_, UniqueName="theirs")
    theirs.post("theirs", From="carol")
    foreign.rest.post(f"{theirs.path}/Invites", Identity="dave")
    bob = foreign.device("bob")
    credential = foreign.rest.post("/chat/v2/Credentials", Type="fcm", Secret="secret")["sid"]
    binding = {"binding_type": "fcm", "address": "a", "endpoint": "e", "credential_sid": credential}
    asked = upon_theirs(room, theirs, bob, bob.done("registerBinding", **binding)["sid"])
    carol = powerful(house)
    room.add("carol", RoleSid=house.service["default_channel_creator_role_sid"])
    before = everything(foreign), everything(house)
    replies = [(action, members, carol.ask(action, **members)) for action, members in asked]
    assert [each for each in replies if (each[2]["status"], each[2].get("error", {}).get("code")) != HIDDEN] == []
    assert (everything(foreign), everything(house)) == before
    # What answers with lists says nothing of them.
    their_user = foreign.rest.get(f"{foreign.path}/Users/bob")["sid"]
    assert carol.done("catchUp", channels={theirs.sid: 0}) == {"channels": {theirs.sid: {"status": "gone"}}}
    assert carol.done("followUsers", identities=[their_user]) == {"users": [], "unfollowed": []}
    assert theirs.sid not in str(carol.done("listPublicChannels")) + str(carol.done("listMyChannels"))
    assert foreign.sid not in str(carol.done("listUsers"))
    assert {name for name, _ in asked} | {
        *("catchUp", "followUsers", "unfollowUsers", "listPublicChannels", "listMyChannels", "listUsers"),
        *("fetchSession", "refreshToken", "createChannel", "registerBinding"),
    } == set(ACTIONS)


def test_a_credential_of_another_account_registers_nothing(house: House, foreign: House) -> None:
    sid = foreign.rest.post("/chat/v2/Credentials", Type="fcm", Secret="secret")["sid"]
    # Credentials are the account's, for all its services.
    expected_status = 201 if foreign.deployment is house.deployment else 404
    binding = {"binding_type": "fcm", "address": "a", "endpoint": "e", "credential_sid": sid}
    assert house.device("carol").ask("registerBinding", **binding)["status"] == expected_status


def test_a_token_of_another_service_or_account_refreshes_nothing(house: House, foreign: House) -> None:
    carol = house.device("carol")
    before = carol.done("fetchSession")["token_expires_at"]
    token = foreign.deployment.token(foreign.key, foreign.sid, "carol", valid_until=1_768_500_000)
    # The keys of another account are unknown here.
    expected = (403, 20106) if foreign.deployment is house.deployment else (401, 20103)
    assert carol.refusal("refreshToken", token=token) == expected
    assert carol.done("fetchSession")["token_expires_at"] == before
