"""What a client that was away is told of what it missed."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.ports.meddling import MeddlingClient, after
from tests.sockets.asking import address
from tests.sockets.deployment import Device, House, Room
from tests.sockets.histories import asked, caught_up, seq_of, walked
from tests.sockets.missing import (
    Change,
    Told,
    added,
    edited,
    left,
    posted,
    removed,
    told,
    updated,
)


def test_a_client_that_missed_nothing_is_told_nothing(alice: Device, room: Room, mark: int) -> None:
    assert asked(alice, room, mark) == {"status": "changes", "seq": mark, "more": False, "events": []}


@pytest.mark.converses("catchUp")
def test_catching_up_brings_the_pushes_that_would_have_come(house: House, alice: Device, room: Room, mark: int) -> None:
    alice.heard()
    room.post("one", From="bob")
    house.device("bob").done("sendMessage", channel=room.sid, body="two", attributes={"a": 1})
    room.add("carol", Attributes='{"b":2}')
    room.update(FriendlyName="General")
    room.delete(f"/Messages/{address(room, 0)}")
    room.delete("/Members/bob")
    pushed = alice.heard()
    events = caught_up(alice, room, mark)
    assert len(pushed) == 6
    for event in [*pushed, *events]:
        # What may have changed is not known any more, and the counters are those of now.
        for changing in ("updateReasons", "request"):
            event.pop(changing, None)
        if "channel" in event:
            event["channel"] = {name: value for name, value in event["channel"].items() if "count" not in name}
        # A push still shows what was removed.
        for kind in ("message", "member"):
            if event["event"] in ("messageRemoved", "memberLeft") and kind in event:
                event[kind] = {name: event[kind].get(name) for name in ("sid", "channel_sid", "index", "identity")}
    assert events == pushed


CAROL_VISITS = [added("carol"), updated("/Members/carol", Attributes="{}"), left("carol")]
BOB_CHANGES = [updated("/Members/bob", Attributes='{"b":1}'), updated("/Members/bob", Attributes='{"b":2}')]
# What happened meanwhile -> what is told of it: each subject once.
MISSED: dict[str, tuple[list[Change], Told]] = {
    "messages": ([posted] * 5, [("messageAdded", index) for index in range(2, 7)]),
    "a new message that was edited": (
        [posted, posted, edited(2, "better"), edited(2, "best")],
        [("messageAdded", 2), ("messageAdded", 3)],
    ),
    "several edits": ([edited(1, "a"), edited(1, "b"), edited(1, "c")], [("messageUpdated", 1)]),
    "edits between messages": (
        [edited(0, "a"), posted, edited(0, "b"), posted],
        [("messageAdded", 2), ("messageUpdated", 0), ("messageAdded", 3)],
    ),
    # Its coming may have been heard before the connection broke, and the push of its going was lost.
    "new messages that were removed": (
        [posted, removed(2), posted, posted, removed(4)],
        [("messageRemoved", 2), ("messageAdded", 3), ("messageRemoved", 4)],
    ),
    "members that came and changed": (
        [added("carol"), added("dave"), updated("/Members/carol", Attributes='{"a":1}'), *BOB_CHANGES],
        [("memberJoined", "carol"), ("memberJoined", "dave"), ("memberUpdated", "bob")],
    ),
    "a member that came and left twice": (CAROL_VISITS * 2, [("memberLeft", "carol")]),
    "a member that left and came back": ([left("bob"), added("bob")], [("memberJoined", "bob")]),
    "a member that left, came back and left": ([left("bob"), added("bob"), left("bob")], [("memberLeft", "bob")]),
    "changes of the channel": (
        [updated(FriendlyName="one"), updated(UniqueName="renamed"), updated(FriendlyName="two", Attributes="[1]")],
        [("channelUpdated", "renamed")],
    ),
    "a horizon": (
        [lambda room: room.house.device("bob").done("setAllMessagesConsumed", channel=room.sid)],
        [("memberUpdated", "bob")],
    ),
}
REASONS = {
    "several edits": {"body"},
    "members that came and changed": {"attributes"},
    "changes of the channel": {"friendlyName", "uniqueName", "attributes"},
    "a horizon": {"lastConsumedMessageIndex"},
}


def fetched(alice: Device, room: Room, event: dict[str, Any]) -> Any:
    """What an event is about, as a fetch shows it now."""
    if message := event.get("message"):
        return alice.done("fetchMessage", channel=room.sid, message=message["sid"])
    if member := event.get("member"):
        return alice.done("fetchMember", channel=room.sid, identity=member["identity"])
    return alice.done("fetchChannel", channel=room.sid)


@pytest.mark.parametrize("what", MISSED)
def test_catching_up_brings_each_record_once_in_its_latest_version(
    alice: Device, room: Room, mark: int, what: str
) -> None:
    acts, expected = MISSED[what]
    for act in acts:
        act(room)
    events = caught_up(alice, room, mark)
    assert told(events) == expected
    assert max(event["seq"] for event in events) == seq_of(alice, room)
    assert {event["channel_sid"] for event in events} == {room.sid}
    for event in events:
        if not event["event"].endswith(("Removed", "Left")):
            (record,) = (event[kind] for kind in ("message", "member", "channel") if kind in event)
            assert record == fetched(alice, room, event)
    assert REASONS.get(what, set()) <= set(events[-1].get("updateReasons", ()))


def test_only_what_came_after_the_mark_is_told(alice: Device, room: Room, mark: int) -> None:
    for number in range(5):
        room.post(f"number {number}")
    for seen in range(6):
        expected = [("messageAdded", index) for index in range(2 + seen, 7)]
        assert told(caught_up(alice, room, mark + seen)) == expected


def test_a_removed_message_is_told_by_its_sids_and_index_only(alice: Device, room: Room, mark: int) -> None:
    sid = address(room, 0)
    room.update(f"/Messages/{sid}", Body="something secret", Attributes='{"very":"secret"}')
    room.delete(f"/Messages/{sid}")
    (event,) = caught_up(alice, room, mark)
    assert (event["event"], event["seq"]) == ("messageRemoved", mark + 2)
    message = event["message"]
    assert (message["sid"], message["index"], message["channel_sid"]) == (sid, 0, room.sid)
    assert (message["body"], message["from"]) == (None, None)
    assert "secret" not in json.dumps(event)


def test_a_member_that_left_is_told_by_sid_and_identity(alice: Device, room: Room, mark: int) -> None:
    sid = alice.done("fetchMember", channel=room.sid, identity="bob")["sid"]
    room.update("/Members/bob", Attributes='{"b":"secret"}')
    room.delete("/Members/bob")
    (event,) = caught_up(alice, room, mark)
    assert (event["event"], event["member"]["sid"], event["member"]["identity"]) == ("memberLeft", sid, "bob")
    assert "secret" not in json.dumps(event)


def test_a_channel_that_is_read_while_it_is_renamed_is_an_older_version_than_the_push(
    meddling: MeddlingClient, alice: Device, room: Room, mark: int
) -> None:
    read: list[dict[str, Any]] = []
    alice.heard()
    meddling.script("transact_write_items", after(lambda: read.append(alice.done("fetchChannel", channel=room.sid))))
    room.update(FriendlyName="new")
    (push,) = alice.heard()
    (between,), pushed = read, push["channel"]
    assert (between["friendly_name"], pushed["friendly_name"]) == (None, "new")
    assert between["seq"] == pushed["seq"] == mark + 1
    assert between["version"] < pushed["version"] == mark + 1


def test_a_removed_member_is_sent_no_newer_name_of_the_channel(house: House, room: Room) -> None:
    bob = house.device("bob")
    room.delete("/Members/bob")
    room.update(FriendlyName="new")
    (left,) = [push for push in bob.heard() if push["event"] == "channelLeft"]
    # What is not told must not pass for the newest version.
    assert (left["channel"]["friendly_name"], left["channel"]["version"]) == (None, 0)


def test_a_page_that_ends_between_two_events_of_one_change_tells_both(alice: Device, room: Room, mark: int) -> None:
    room.update(Attributes=json.dumps({"a": "x" * 15_000}))
    for _ in range(3):
        room.post("x" * 25_000)
    alice.done("setNotificationLevel", channel=room.sid, notification_level="muted")
    answers = walked(alice, room, mark)
    assert len(answers) > 1
    events = [event for answer in answers for event in answer["events"]]
    assert [event["user_channel"]["notification_level"] for event in events if "user_channel" in event] == ["muted"]


def test_a_channel_that_is_told_of_after_its_change_has_the_version_of_that_change(alice: Device, room: Room) -> None:
    room.update(FriendlyName="new")
    version = seq_of(alice, room)
    alice.heard()
    room.post("one")
    alice.done("setNotificationLevel", channel=room.sid, notification_level="muted")
    (level,) = [push for push in alice.heard() if push["event"] == "channelUpdated"]
    assert (level["seq"], level["channel"]["seq"], level["channel"]["version"]) == (version + 2, version + 2, version)


def test_invites_and_the_levels_of_others_move_the_mark_and_say_nothing(
    house: House, alice: Device, room: Room, mark: int
) -> None:
    invite = house.rest.post(f"{room.path}/Invites", Identity="carol")
    room.delete(f"/Invites/{invite['sid']}")
    house.device("bob").done("setNotificationLevel", channel=room.sid, notification_level="muted")
    events = caught_up(alice, room, mark)
    assert seq_of(alice, room) == mark + 3
    assert {event["event"] for event in events} <= {"channelAdvanced", "memberUpdated"}
    assert "muted" not in json.dumps(events)
    assert "carol" not in json.dumps(events)


def test_ones_own_level_set_on_another_device_is_told(house: House, alice: Device, room: Room, mark: int) -> None:
    house.device("alice").done("setNotificationLevel", channel=room.sid, notification_level="muted")
    (event,) = [event for event in caught_up(alice, room, mark) if event["event"] == "channelUpdated"]
    assert event["user_channel"]["notification_level"] == "muted"
    assert "notificationLevel" in event["updateReasons"]


def test_several_channels_are_caught_up_with_at_once(house: House, alice: Device, room: Room, mark: int) -> None:
    second, third = house.channel("alice"), house.channel("alice")
    marks = {target.sid: seq_of(alice, target) for target in (second, room, third)}
    second.post("x")
    third.update(FriendlyName="three")
    channels = alice.done("catchUp", channels=marks)["channels"]
    assert set(channels) == set(marks)
    assert {sid: told(answer["events"]) for sid, answer in channels.items()} == {
        second.sid: [("messageAdded", 0)],
        room.sid: [],
        third.sid: [("channelUpdated", None)],
    }


def test_catching_up_from_mark_zero_brings_everything(alice: Device, room: Room) -> None:
    events = told(caught_up(alice, room, 0))
    assert sorted(events) == [
        ("memberJoined", "alice"),
        ("memberJoined", "bob"),
        ("messageAdded", 0),
        ("messageAdded", 1),
    ]
