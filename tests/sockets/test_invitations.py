"""Asking somebody in: who may, what the invited identity sees and hears, and how it ends."""

from __future__ import annotations

from typing import Any

import pytest

from parley.errors import CHANNEL_FULL
from parley.store import keys
from parley.store.writes import Update
from tests.sockets.asking import NO_RIGHTS, mighty_role
from tests.sockets.deployment import Devices, House, Room, as_rest
from tests.support.world import World

NOT_FOUND, NO_MEMBER, NO_INVITE = (404, 20404), (403, 50400), (404, 50601)


class Party:
    """Carol, who may invite, has alice beside her in a channel; bob and dave are outside. All are connected."""

    def __init__(self, house: House, kind: str):
        self.house = house
        self.room: Room = house.channel("alice", Type=kind, UniqueName="party")
        self.room.add("carol", RoleSid=mighty_role(house))
        self.carol, self.alice, self.bob, self.dave = map(house.device, ("carol", "alice", "bob", "dave"))
        self.room.post("hello", From="alice")
        self.devices = Devices(alice=self.alice, bob=self.bob, carol=self.carol, dave=self.dave)
        self.devices.hush()

    def invite_bob(self) -> Any:
        invite = self.carol.done("inviteMember", channel="party", identity="bob")
        self.devices.hush()
        return invite


@pytest.fixture
def private(house: House) -> Party:
    return Party(house, "private")


@pytest.fixture
def public(house: House) -> Party:
    return Party(house, "public")


@pytest.mark.converses("inviteMember")
def test_inviting_answers_with_the_invite_that_rest_shows(private: Party) -> None:
    reply = private.carol.ask("inviteMember", channel="party", identity="bob", role_sid="RL" + "0" * 32)
    invite = reply["result"]
    assert reply["status"] == 201
    assert as_rest(invite) == private.house.rest.get(f"{private.room.path}/Invites/{invite['sid']}")
    assert (invite["identity"], invite["created_by"]) == ("bob", "carol")
    assert invite["role_sid"] == private.house.service["default_channel_role_sid"]
    assert invite["seq"] == private.alice.done("fetchChannel", channel="party")["seq"]


def test_the_invited_hears_it_on_every_device_and_members_only_that_something_happened(private: Party) -> None:
    tablet = private.house.device("bob")
    invite = private.carol.done("inviteMember", channel="party", identity="bob")
    (push,) = private.bob.heard()
    assert tablet.heard() == [push]
    assert push["event"] == "channelInvited"
    assert push["invite"] == invite
    assert push["channel"] == private.bob.done("fetchChannel", channel="party")
    held = private.bob.done("fetchMyChannel", channel="party")
    assert held == {"channel": push["channel"], "user_channel": push["user_channel"]}
    assert (held["user_channel"]["status"], held["user_channel"]["member_sid"]) == ("invited", None)
    (advanced,) = private.alice.heard()
    assert advanced == {"event": "channelAdvanced", "channel_sid": private.room.sid, "seq": invite["seq"]}
    assert private.devices.events() == {"carol": ["channelAdvanced"]}


def test_the_invited_sees_the_private_channel_but_not_into_it(private: Party) -> None:
    assert private.bob.refusal("fetchChannel", channel="party") == NOT_FOUND
    private.invite_bob()
    assert private.bob.done("fetchChannel", channel="party")["unique_name"] == "party"
    (held,) = private.bob.done("listMyChannels")["channels"]
    assert (held["channel"]["sid"], held["user_channel"]["status"]) == (private.room.sid, "invited")
    for action in ("listMessages", "listMembers", "setAllMessagesConsumed", "typing"):
        assert private.bob.refusal(action, channel="party") == NO_MEMBER
    assert private.bob.refusal("sendMessage", channel="party", body="x") == NO_MEMBER
    assert private.dave.refusal("fetchChannel", channel="party") == NOT_FOUND
    private.room.post("a secret")
    assert "bob" not in private.devices.events()


def test_an_identity_that_never_connected_becomes_a_user_by_being_invited(private: Party) -> None:
    private.carol.done("inviteMember", channel="party", identity="zoe")
    assert private.house.rest.get(f"{private.house.path}/Users/zoe")["identity"] == "zoe"


@pytest.mark.parametrize(
    ("identity", "refusal"),
    [
        ("alice", (409, 50404)),
        ("bob", (409, 50212)),
        (None, (400, 20001)),
        ("", (400, 50204)),
        ("system", (400, 50203)),
        ("x" * 257, (400, 50207)),
    ],
)
def test_an_unacceptable_identity_cannot_be_invited(
    private: Party, identity: str | None, refusal: tuple[int, int]
) -> None:
    private.invite_bob()
    members = {} if identity is None else {"identity": identity}
    assert private.carol.refusal("inviteMember", channel="party", **members) == refusal
    assert private.devices.events() == {}


@pytest.mark.parametrize("action", ["acceptInvitation", "joinChannel"])
def test_accepting_makes_a_member_and_uses_the_invite_up(private: Party, action: str) -> None:
    invite = private.invite_bob()
    reply = private.bob.ask(action, channel="party", attributes={"a": 1}, identity="dave", role_sid="RL" + "0" * 32)
    member = reply["result"]
    assert reply["status"] == 201
    assert as_rest(member) == private.house.rest.get(f"{private.room.path}/Members/bob")
    assert (member["identity"], member["attributes"], member["role_sid"]) == ("bob", '{"a":1}', invite["role_sid"])
    joined, seen = private.bob.heard()
    assert (joined["event"], joined["member"], joined["user_channel"]["status"]) == ("channelJoined", member, "joined")
    assert (seen["event"], seen["member"], seen["seq"]) == ("memberJoined", member, joined["channel"]["seq"])
    assert private.devices.events() == {"alice": ["memberJoined"], "carol": ["memberJoined"]}
    assert private.house.rest.get(f"{private.room.path}/Invites")["invites"] == []
    assert private.bob.refusal("acceptInvitation", channel="party") == NO_INVITE
    assert len(private.bob.done("listMessages", channel="party")["messages"]) == 1


@pytest.mark.converses("acceptInvitation")
def test_the_back_ends_invite_gives_its_role(private: Party) -> None:
    role_sid = private.house.role("guest", "channel", NO_RIGHTS)
    private.house.rest.post(f"{private.room.path}/Invites", Identity="bob", RoleSid=role_sid)
    assert private.bob.done("acceptInvitation", channel="party")["role_sid"] == role_sid
    assert private.bob.refusal("sendMessage", channel="party", body="x") == (403, 50107)


def test_an_invite_opens_a_public_channel_to_who_may_not_join_by_himself(public: Party) -> None:
    nothing = public.house.role("nothing", "deployment", ["createChannel"])
    public.house.rest.post(f"{public.house.path}/Users/bob", RoleSid=nothing)
    assert public.bob.refusal("joinChannel", channel="party") == (403, 50107)
    public.invite_bob()
    assert public.bob.done("acceptInvitation", channel="party")["identity"] == "bob"


def test_without_an_invite_there_is_nothing_to_accept_or_decline(public: Party, house: House) -> None:
    for action in ("acceptInvitation", "declineInvitation"):
        assert public.bob.refusal(action, channel="party") == NO_INVITE
    assert public.devices.events() == {}
    secret = house.channel(Type="private")
    for action in ("acceptInvitation", "declineInvitation"):
        assert public.bob.refusal(action, channel=secret.sid) == NOT_FOUND


@pytest.mark.converses("declineInvitation")
def test_a_private_channel_that_was_declined_is_gone(private: Party) -> None:
    invite = private.invite_bob()
    reply = private.bob.ask("declineInvitation", channel="party")
    assert (reply["status"], reply["result"]) == (204, None)
    left, removed = private.bob.heard()
    assert (left["event"], left["invite"]["sid"]) == ("channelLeft", invite["sid"])
    assert (removed["event"], removed["channel"]["sid"]) == ("channelRemoved", private.room.sid)
    assert private.devices.events() == {"alice": ["channelAdvanced"], "carol": ["channelAdvanced"]}
    assert private.bob.done("listMyChannels")["channels"] == []
    for action in ("fetchChannel", "fetchMyChannel", "acceptInvitation", "declineInvitation", "joinChannel"):
        assert private.bob.refusal(action, channel="party") == NOT_FOUND


def test_a_public_channel_that_was_declined_can_still_be_seen_and_joined(public: Party) -> None:
    public.invite_bob()
    public.bob.done("declineInvitation", channel="party")
    assert public.bob.events() == ["channelLeft"]
    assert public.bob.refusal("declineInvitation", channel="party") == NO_INVITE
    assert public.bob.done("joinChannel", channel="party")["identity"] == "bob"


def test_an_identity_that_declined_can_be_invited_again(private: Party) -> None:
    private.invite_bob()
    private.bob.done("declineInvitation", channel="party")
    private.devices.hush()
    private.carol.done("inviteMember", channel="party", identity="bob")
    assert private.bob.events() == ["channelInvited"]


def test_a_member_cannot_decline(private: Party) -> None:
    private.invite_bob()
    private.bob.done("acceptInvitation", channel="party")
    assert private.bob.refusal("declineInvitation", channel="party") == (409, 50602)
    assert private.bob.done("fetchChannel", channel="party")["members_count"] == 3


def test_a_channel_from_before_invites_were_counted_can_be_joined(house: House, world: World) -> None:
    room = house.channel()
    counters = Update(keys.tail(room.sid), CHANNEL_FULL(), set={"invites_made": None}, announced=False)
    world.table.commit(world.context().cause(), [counters])
    assert room.add("alice")["identity"] == "alice"


def test_adding_the_invited_uses_the_invite_up(private: Party) -> None:
    private.invite_bob()
    private.carol.done("addMember", channel="party", identity="bob")
    assert private.bob.events() == ["channelJoined", "memberJoined"]
    assert private.house.rest.get(f"{private.room.path}/Invites")["invites"] == []


def test_removing_who_is_only_invited_finds_no_member(private: Party) -> None:
    private.invite_bob()
    assert private.carol.refusal("removeMember", channel="party", identity="bob") == NOT_FOUND
    assert private.bob.done("acceptInvitation", channel="party")["identity"] == "bob"


def test_the_invited_hears_of_changes_of_the_channel_and_of_its_end_and_nothing_else(private: Party) -> None:
    private.invite_bob()
    private.alice.done("sendMessage", channel="party", body="x")
    private.carol.done("addMember", channel="party", identity="dave")
    private.carol.done("updateChannel", channel="party", friendly_name="The party")
    assert private.bob.events() == ["channelUpdated"]
    private.carol.done("deleteChannel", channel="party")
    assert private.bob.events() == ["channelRemoved"]
    assert private.bob.refusal("acceptInvitation", channel=private.room.sid) == NOT_FOUND


def test_an_invite_moves_the_count_of_changes_by_one_for_everybody(private: Party) -> None:
    before = private.alice.done("fetchChannel", channel="party")["seq"]
    private.carol.done("inviteMember", channel="party", identity="bob")
    private.bob.done("declineInvitation", channel="party")
    assert [push["seq"] for push in private.alice.heard()] == [before + 1, before + 2]
    assert private.alice.done("fetchChannel", channel="party")["seq"] == before + 2
