"""The consumption horizon and the notification level: forward, anywhere, to the end, away; who hears of it."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest

from tests.ports.meddling import MeddlingClient, after
from tests.sockets.deployment import Device, House, Room

ADVANCE, UPDATE = "advanceLastConsumedMessageIndex", "updateLastConsumedMessageIndex"
ALL, NONE = "setAllMessagesConsumed", "setNoMessagesConsumed"


@pytest.fixture
def long_room(house: House) -> Room:
    """Alice and bob in a channel of six messages."""
    room = house.channel("alice", "bob", UniqueName="long")
    for number in range(6):
        room.post(str(number))
    return room


def seen(user_channel: Any) -> tuple[int | None, int | None]:
    return user_channel["last_consumed_message_index"], user_channel["unread_messages_count"]


@pytest.mark.converses("advanceLastConsumedMessageIndex")
def test_advancing_goes_forward_and_never_back(house: House, long_room: Room) -> None:
    alice = house.device("alice")
    assert seen(alice.done("advanceLastConsumedMessageIndex", channel="long", index=3)) == (3, 2)
    assert seen(alice.done("advanceLastConsumedMessageIndex", channel="long", index=1)) == (3, 2)
    assert seen(alice.done("advanceLastConsumedMessageIndex", channel="long", index=3)) == (3, 2)
    assert seen(alice.done("advanceLastConsumedMessageIndex", channel="long", index=5)) == (5, 0)


@pytest.mark.converses("updateLastConsumedMessageIndex")
def test_updating_may_go_back(house: House, long_room: Room) -> None:
    alice = house.device("alice")
    assert seen(alice.done("updateLastConsumedMessageIndex", channel="long", index=4)) == (4, 1)
    assert seen(alice.done("updateLastConsumedMessageIndex", channel="long", index=0)) == (0, 5)


@pytest.mark.converses("setAllMessagesConsumed", "setNoMessagesConsumed")
def test_all_and_none(house: House, long_room: Room) -> None:
    alice = house.device("alice")
    assert seen(alice.done("setAllMessagesConsumed", channel="long")) == (5, 0)
    assert seen(alice.done("setNoMessagesConsumed", channel="long")) == (None, None)
    assert seen(alice.done("setAllMessagesConsumed", channel="long")) == (5, 0)
    long_room.post("more")
    assert seen(alice.done("fetchMyChannel", channel="long")["user_channel"]) == (5, 1)


def test_in_an_empty_channel_everything_is_consumed_already(house: House) -> None:
    room = house.channel("alice")
    alice = house.device("alice")
    alice.heard()
    assert seen(alice.done("setAllMessagesConsumed", channel=room.sid)) == (None, None)
    assert alice.heard() == []


def test_the_answer_is_the_user_channel_that_rest_shows(house: House, long_room: Room) -> None:
    alice = house.device("alice")
    requests: list[tuple[str, dict[str, Any]]] = [
        (ADVANCE, {"index": 2}),
        (UPDATE, {"index": 1}),
        (ALL, {}),
        (NONE, {}),
        ("setNotificationLevel", {"notification_level": "muted"}),
    ]
    path = f"{house.path}/Users/alice/Channels/{long_room.sid}"
    for action, members in requests:
        assert alice.done(action, channel="long", **members) == house.rest.get(path)


def test_everybody_in_the_channel_hears_what_was_read(house: House, long_room: Room) -> None:
    alice, bob = house.device("alice"), house.device("bob")
    bob.heard()
    for action, members in [(ADVANCE, {"index": 2}), (UPDATE, {"index": 1}), (ALL, {}), (NONE, {})]:
        alice.done(action, channel="long", **members)
    pushes = bob.heard()
    assert [push["event"] for push in pushes] == ["memberUpdated"] * 4
    assert [push["member"]["identity"] for push in pushes] == ["alice"] * 4
    assert [push["member"]["last_consumed_message_index"] for push in pushes] == [2, 1, 5, None]
    assert all("lastConsumedMessageIndex" in push["updateReasons"] for push in pushes)


def test_a_report_of_reading_that_changes_nothing_is_not_pushed(house: House, long_room: Room) -> None:
    alice = house.device("alice")
    alice.done("setAllMessagesConsumed", channel="long")
    alice.heard()
    alice.done("setAllMessagesConsumed", channel="long")
    alice.done("advanceLastConsumedMessageIndex", channel="long", index=5)
    alice.done("advanceLastConsumedMessageIndex", channel="long", index=0)
    assert alice.heard() == []


def test_each_member_has_a_horizon_of_its_own(house: House, long_room: Room) -> None:
    alice, bob = house.device("alice"), house.device("bob")
    alice.done("updateLastConsumedMessageIndex", channel="long", index=4, identity="bob")
    assert seen(bob.done("fetchMyChannel", channel="long")["user_channel"]) == (None, None)
    assert alice.refusal("updateMember", channel="long", identity="alice", last_consumed_message_index=0) == (
        400,
        20161,
    )


def test_a_horizon_may_be_ahead_of_the_last_message(house: House, long_room: Room) -> None:
    alice = house.device("alice")
    assert seen(alice.done("advanceLastConsumedMessageIndex", channel="long", index=100)) == (100, 0)


def test_the_time_of_reading_is_the_servers(house: House, long_room: Room) -> None:
    alice = house.device("alice")
    claim = {"last_consumption_timestamp": "2001-01-01T00:00:00Z"}
    alice.done("advanceLastConsumedMessageIndex", channel="long", index=1, **claim)
    assert alice.done("fetchMember", channel="long", identity="alice")["last_consumption_timestamp"] > "2026"
    alice.done("setNoMessagesConsumed", channel="long", **claim)
    assert alice.done("fetchMember", channel="long", identity="alice")["last_consumption_timestamp"] is None


@pytest.mark.parametrize("action", [ADVANCE, UPDATE])
@pytest.mark.parametrize(
    ("members", "code"),
    [
        ({}, 20001),
        ({"last_consumed_message_index": 1}, 20001),
        ({"index": None}, 20001),
        ({"index": -1}, 50406),
        ({"index": 1.5}, 50406),
        ({"index": "one"}, 50406),
        ({"index": "1"}, 50406),
        ({"index": ""}, 50406),
        ({"index": True}, 50406),
        ({"index": 10**11}, 50406),
    ],
)
def test_an_index_is_needed(still_alice: Device, action: str, members: dict[str, Any], code: int) -> None:
    assert still_alice.refusal(action, channel="general", **members) == (400, code)


def test_if_two_devices_advance_at_once_the_higher_index_counts(meddling: MeddlingClient, meddled: House) -> None:
    room = meddled.channel("alice")
    for number in range(6):
        room.post(str(number))
    phone, laptop = meddled.device("alice"), meddled.device("alice")

    further = partial(laptop.done, "advanceLastConsumedMessageIndex", channel=room.sid, index=4)
    meddling.script("transact_write_items", after(further))
    assert seen(phone.done("advanceLastConsumedMessageIndex", channel=room.sid, index=2)) == (4, 1)
    assert seen(phone.done("fetchMyChannel", channel=room.sid)["user_channel"]) == (4, 1)


# Switched off.


def test_a_service_without_read_status_has_no_horizon(house: House, long_room: Room) -> None:
    alice = house.device("alice")
    alice.done("advanceLastConsumedMessageIndex", channel="long", index=1)
    house.rest.post(house.path, ReadStatusEnabled="false")
    house.deployment.world.clock.advance(11)
    alice.heard()
    for action, members in [(ADVANCE, {"index": 2}), (UPDATE, {"index": 0}), (ALL, {}), (NONE, {})]:
        assert alice.refusal(action, channel="long", **members) == (403, 20403)
    assert alice.heard() == []
    assert alice.done("fetchSession")["service"]["read_status_enabled"] is False
    assert alice.done("setNotificationLevel", channel="long", notification_level="muted")


# The notification level.


@pytest.mark.converses("setNotificationLevel")
def test_only_the_member_hears_of_its_notification_level_on_all_devices(house: House, long_room: Room) -> None:
    phone, laptop, bob = house.device("alice"), house.device("alice"), house.device("bob")
    bob.heard(), laptop.heard()
    user_channel = phone.done("setNotificationLevel", channel="long", notification_level="muted")
    assert user_channel["notification_level"] == "muted"
    own, advanced = laptop.heard()
    assert (own["event"], own["user_channel"], own["updateReasons"]) == (
        "channelUpdated",
        user_channel,
        ["notificationLevel"],
    )
    assert own["channel"] == laptop.done("fetchChannel", channel="long")
    assert advanced == {"event": "channelAdvanced", "channel_sid": long_room.sid, "seq": own["seq"]}
    assert bob.heard() == [advanced]
    assert bob.done("fetchMyChannel", channel="long")["user_channel"]["notification_level"] == "default"


def test_a_level_is_default_or_muted(house: House, long_room: Room) -> None:
    alice = house.device("alice")
    unknown: list[Any] = ["loud", 5, [], None, True]
    for level in unknown:
        assert alice.refusal("setNotificationLevel", channel="long", notification_level=level)[0] == 400
    assert alice.ask("setNotificationLevel", channel="long")["status"] == 400
    assert alice.done("setNotificationLevel", channel="long", notification_level="default")


def test_setting_the_level_that_is_set_already_is_told_to_nobody(house: House, long_room: Room) -> None:
    alice, bob = house.device("alice"), house.device("bob")
    bob.heard(), alice.heard()
    alice.done("setNotificationLevel", channel="long", notification_level="default")
    assert set(alice.events() + bob.events()) <= {"channelAdvanced"}
