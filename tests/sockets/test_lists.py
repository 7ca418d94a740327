"""Lists: their content, their order, and pages that end, even if a whole page would be more than a socket carries."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.sockets.deployment import Device, House, Room, as_rest

LONGEST_MESSAGE = 128 * 1024


def pages(device: Device, action: str, plural: str, **members: Any) -> list[list[Any]]:
    """Every page of a list."""
    found: list[list[Any]] = []
    after: dict[str, str] = {}
    while True:
        result = device.done(action, **members, **after)
        assert set(result) == {plural, "next"}
        assert len(json.dumps(result, separators=(",", ":"), ensure_ascii=False).encode()) < LONGEST_MESSAGE
        found.append(result[plural])
        if result["next"] is None:
            return found
        assert len(found) < 50, "the pages do not end"
        after = {"after": result["next"]}


def flat(found: list[list[Any]]) -> list[Any]:
    return [record for page in found for record in page]


@pytest.fixture
def alice(house: House) -> Device:
    return house.device("alice")


# Public channels.


@pytest.mark.converses("listPublicChannels")
def test_public_channels_are_listed_oldest_first_and_private_ones_not_at_all(house: House, alice: Device) -> None:
    rooms = [house.channel(UniqueName=str(number)) for number in range(5)]
    house.channel("alice", Type="private")
    house.channel(Type="private", CreatedBy="alice")
    rooms[1].delete()
    listed = alice.done("listPublicChannels")
    assert listed["next"] is None
    assert [as_rest(channel) for channel in listed["channels"]] == [rooms[number].fetch() for number in (0, 2, 3, 4)]
    assert [channel["seq"] for channel in listed["channels"]] == [0] * 4
    assert alice.done("listPublicChannels", type="private") == listed


def test_public_channels_come_in_pages(house: House, alice: Device) -> None:
    sids = [house.channel().sid for _ in range(5)]
    found = pages(alice, "listPublicChannels", "channels", page_size=2)
    assert [[channel["sid"] for channel in page] for page in found] == [sids[:2], sids[2:4], sids[4:]]


def test_a_new_service_has_no_channels(alice: Device) -> None:
    assert alice.done("listPublicChannels") == {"channels": [], "next": None}
    assert alice.done("listMyChannels") == {"channels": [], "next": None}


# One's own channels.


@pytest.mark.converses("listMyChannels", "fetchMyChannel")
def test_my_channels_are_those_i_am_in_or_invited_to_with_what_is_unread(house: House, alice: Device) -> None:
    joined, invited = house.channel("alice", "bob"), house.channel("bob", Type="private")
    house.channel("bob")
    house.rest.post(f"{invited.path}/Invites", Identity="alice")
    for _ in range(3):
        joined.post("x", From="bob")
    alice.done("updateLastConsumedMessageIndex", channel=joined.sid, index=0)
    alice.done("setNotificationLevel", channel=joined.sid, notification_level="muted")
    mine, theirs = alice.done("listMyChannels")["channels"]
    assert mine["channel"] == alice.done("fetchChannel", channel=joined.sid)
    assert mine["user_channel"] == house.rest.get(f"{house.path}/Users/alice/Channels/{joined.sid}")
    shown = ("status", "unread_messages_count", "last_consumed_message_index", "notification_level")
    assert [mine["user_channel"][name] for name in shown] == ["joined", 2, 0, "muted"]
    assert mine["user_channel"]["member_sid"] == alice.done("fetchMember", channel=joined.sid, identity="alice")["sid"]
    assert (theirs["channel"]["sid"], theirs["user_channel"]["status"]) == (invited.sid, "invited")
    assert theirs["user_channel"]["member_sid"] is None
    for held in (mine, theirs):
        assert alice.done("fetchMyChannel", channel=held["channel"]["sid"]) == held


def test_a_channel_that_was_left_or_deleted_is_no_longer_among_my_channels(house: House, alice: Device) -> None:
    left, deleted, kept = (house.channel("alice") for _ in range(3))
    alice.done("leaveChannel", channel=left.sid)
    deleted.delete()
    assert [held["channel"]["sid"] for held in alice.done("listMyChannels")["channels"]] == [kept.sid]
    for room in (left, deleted):
        assert alice.refusal("fetchMyChannel", channel=room.sid) == (404, 20404)


def test_the_seq_of_my_channels_is_where_catching_up_begins(house: House, alice: Device) -> None:
    room = house.channel("alice")
    room.post("x")
    mark = alice.done("listMyChannels")["channels"][0]["channel"]["seq"]
    told = alice.done("catchUp", channels={room.sid: mark})["channels"][room.sid]
    assert told == {"status": "changes", "seq": mark, "more": False, "events": []}


def test_my_channels_come_in_pages(house: House, alice: Device) -> None:
    sids = {house.channel("alice").sid for _ in range(5)}
    found = pages(alice, "listMyChannels", "channels", page_size=2)
    assert [len(page) for page in found] == [2, 2, 1]
    assert {held["channel"]["sid"] for held in flat(found)} == sids


# Members.


@pytest.mark.converses("listMembers", "fetchMember")
def test_members_are_listed_by_when_they_came(house: House, alice: Device) -> None:
    room = house.channel("carol", "alice", "bob", UniqueName="general")
    listed = alice.done("listMembers", channel="general")
    assert listed["next"] is None
    assert [as_rest(member) for member in listed["members"]] == house.rest.get(f"{room.path}/Members")["members"]
    assert [(member["identity"], member["seq"]) for member in listed["members"]] == [
        ("carol", 1),
        ("alice", 2),
        ("bob", 3),
    ]
    assert alice.done("fetchMember", channel="general", identity="bob") == listed["members"][2]
    assert alice.refusal("fetchMember", channel="general", identity="dave") == (404, 20404)


def test_members_come_in_pages_which_somebody_leaves_meanwhile(house: House, alice: Device) -> None:
    room = house.channel("alice", *"bcdef")
    first = alice.done("listMembers", channel=room.sid, page_size=3)
    room.delete("/Members/c")
    rest = pages(alice, "listMembers", "members", channel=room.sid, page_size=3, after=first["next"])
    assert [member["identity"] for member in [*first["members"], *flat(rest)]] == ["alice", *"bcdef"]


# Users.


@pytest.mark.converses("listUsers")
def test_users_are_listed_by_when_they_came(house: House, alice: Device) -> None:
    for identity in ("dave", "carol"):
        house.rest.post(f"{house.path}/Users", Identity=identity)
    found = pages(alice, "listUsers", "users", page_size=2)
    assert [[user["identity"] for user in page] for page in found] == [["alice", "dave"], ["carol"]]
    assert [as_rest(user) for user in flat(found)] == house.rest.get(f"{house.path}/Users")["users"]
    assert all(user["seq"] > 0 for user in flat(found))


# More than a socket carries.


# Where a page begins.

LISTS = ["listPublicChannels", "listMyChannels", "listMembers", "listUsers"]


@pytest.mark.parametrize("action", LISTS)
def test_a_page_begins_where_an_earlier_one_said(alice: Device, room: Room, action: str) -> None:
    channel = {"channel": room.sid} if action == "listMembers" else {}
    unusable: list[Any] = [5, "", [], True, "é", "x" * 129]
    for after in unusable:
        assert alice.refusal(action, after=after, **channel) == (400, 20001)
    for size in (0, 101, "10", True, 1.5):
        assert alice.refusal(action, page_size=size, **channel) == (400, 20001)
    for nowhere in ("nonsense", "~", "0", " ", "a" * 128):
        assert set(alice.done(action, after=nowhere, **channel)) > {"next"}


@pytest.mark.parametrize("action", LISTS)
def test_a_list_is_thirty_long_unless_asked_otherwise(house: House, alice: Device, action: str) -> None:
    lobby = house.channel(*(f"user {number}" for number in range(30)), "alice")
    channel = {"channel": lobby.sid} if action == "listMembers" else {}
    if "Channels" in action:
        for _ in range(30):
            house.channel("alice")
    (plural,) = set(alice.done(action, **channel)) - {"next"}
    assert [len(page) for page in pages(alice, action, plural, **channel)] == [30, 1]
    assert [len(page) for page in pages(alice, action, plural, page_size=100, **channel)] == [31]
