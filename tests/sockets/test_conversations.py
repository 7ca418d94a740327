"""Channels from the first frame to the last: what each action does to the others' devices."""

from __future__ import annotations

from typing import Any

import pytest

from tests.sockets.asking import mighty
from tests.sockets.deployment import Devices, House, Room


class Company:
    """Carol, who may do anything, alice and bob in a channel; dave is outside. Alice has a phone and a laptop."""

    def __init__(self, house: House, kind: str = "public"):
        self.house = house
        self.room: Room = house.channel("alice", "bob", Type=kind, UniqueName="general")
        self.carol = mighty(house, self.room)
        self.alice, self.laptop = house.device("alice"), house.device("alice")
        self.bob, self.dave = house.device("bob"), house.device("dave")
        self.devices = Devices(alice=self.alice, laptop=self.laptop, bob=self.bob, carol=self.carol, dave=self.dave)
        self.devices.hush()

    def by_all_members(self, *events: str) -> dict[str, list[str]]:
        return {name: list(events) for name in ("alice", "laptop", "bob", "carol")}


@pytest.fixture
def company(house: House) -> Company:
    return Company(house)


def test_a_message_is_the_same_in_reply_fetch_list_and_push(company: Company) -> None:
    sent = company.alice.done("sendMessage", channel="general", body="hello")
    fetched = company.bob.done("fetchMessage", channel="general", message=sent["sid"])
    (listed,) = company.bob.done("listMessages", channel="general")["messages"]
    (push,) = company.bob.heard()
    assert sent == fetched == listed == push["message"]


def test_a_new_channel_is_its_creators_news_until_somebody_joins(company: Company) -> None:
    made = company.alice.done("createChannel", friendly_name="new", type="private")
    (push,) = company.laptop.heard()
    assert push == {"event": "channelAdded", "channel_sid": made["sid"], "seq": 0, "channel": made}
    assert company.devices.events() == {"alice": ["channelAdded"]}
    assert company.laptop.done("listMyChannels")["channels"][-1]["channel"]["sid"] == company.room.sid
    member = company.laptop.done("joinChannel", channel=made["sid"])
    joined, seen = company.alice.heard()
    assert (joined["event"], joined["member"], joined["user_channel"]["status"]) == ("channelJoined", member, "joined")
    assert (seen["event"], seen["member"]) == ("memberJoined", member)
    assert joined["channel"] == company.alice.done("fetchChannel", channel=made["sid"])
    assert company.devices.events() == {"laptop": ["channelJoined", "memberJoined"]}


def test_all_members_hear_of_a_members_new_attributes(company: Company) -> None:
    member = company.alice.done("updateMember", channel="general", identity="alice", attributes={"mood": "good"})
    (push,) = company.bob.heard()
    assert (push["event"], push["member"]) == ("memberUpdated", member)
    assert push["updateReasons"] == ["dateUpdated", "attributes"]
    company.devices.hush()
    company.alice.done("updateMember", channel="general", identity="alice", attributes={"mood": "good"})
    assert company.devices.events() == company.by_all_members("channelAdvanced")


@pytest.mark.parametrize("way", ["leaving", "being removed"])
def test_a_former_member_hears_so_on_every_device_and_then_nothing(company: Company, way: str) -> None:
    if way == "leaving":
        company.laptop.done("leaveChannel", channel="general")
    else:
        company.carol.done("removeMember", channel="general", identity="alice")
    left = {"alice": ["channelLeft"], "laptop": ["channelLeft"], "bob": ["memberLeft"], "carol": ["memberLeft"]}
    assert company.devices.events() == left
    everything_happens(company)
    assert not {"alice", "laptop", "dave"} & set(company.devices.events())


def everything_happens(company: Company) -> None:
    """Whatever can happen in a channel, by carol; who is not in it may hear of the user alone."""
    carol = company.carol
    carol.done("sendMessage", channel="general", body="x")
    carol.done("updateMessage", channel="general", message=0, body="y")
    carol.done("deleteMessage", channel="general", message=0)
    carol.done("updateChannel", channel="general", friendly_name="x")
    carol.done("updateMember", channel="general", identity="bob", attributes=[1])
    carol.done("inviteMember", channel="general", identity="zoe")
    carol.done("setNotificationLevel", channel="general", notification_level="muted")
    carol.done("typing", channel="general")
    carol.done("removeMember", channel="general", identity="bob")
    carol.done("deleteChannel", channel="general")


def test_its_creator_still_sees_the_private_channel_that_he_left(house: House) -> None:
    alice = house.device("alice")
    made = alice.done("createChannel", type="private")["sid"]
    alice.done("joinChannel", channel=made)
    alice.heard()
    alice.done("leaveChannel", channel=made)
    assert "channelLeft" in alice.events()
    assert alice.done("fetchChannel", channel=made)["members_count"] == 0


@pytest.mark.parametrize(
    ("members", "refusal"),
    [
        ({"type": "secret"}, (400, 20001)),
        ({"friendly_name": "x" * 257}, (400, 50003)),
        ({"unique_name": "x" * 257}, (400, 50004)),
        ({"unique_name": "CH" + "0" * 32}, (400, 50306)),
        ({"attributes": "{"}, (400, 50304)),
    ],
)
def test_a_channel_that_cannot_be_made(company: Company, members: dict[str, Any], refusal: tuple[int, int]) -> None:
    assert company.alice.refusal("createChannel", **members) == refusal
    assert company.devices.events() == {}


def test_the_changes_of_a_channel_are_counted_without_gaps_by_each_member(company: Company) -> None:
    """Nobody has to look for a push that was never meant for him."""
    mark = company.bob.done("fetchChannel", channel="general")["seq"]
    company.dave.done("joinChannel", channel="general")
    company.alice.done("sendMessage", channel="general", body="x")
    company.carol.done("inviteMember", channel="general", identity="zoe")
    company.alice.done("setNotificationLevel", channel="general", notification_level="muted")
    company.alice.done("setAllMessagesConsumed", channel="general")
    company.carol.done("updateChannel", channel="general", friendly_name="x")
    company.carol.done("updateMessage", channel="general", message=0, body="y")
    company.carol.done("deleteMessage", channel="general", message=0)
    company.dave.done("leaveChannel", channel="general")
    pushes = company.bob.heard()
    assert [push["seq"] for push in pushes] == list(range(mark + 1, mark + 10))
    assert [push["event"] for push in pushes] == [
        "memberJoined",
        "messageAdded",
        "channelAdvanced",
        "channelAdvanced",
        "memberUpdated",
        "channelUpdated",
        "messageUpdated",
        "messageRemoved",
        "memberLeft",
    ]
