"""Catching up: what a client that was away is told, what it is told to fetch, and that nothing is missed."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from local.template.template import Template
from parley.store import keys
from tests.ports.meddling import MeddlingClient, after
from tests.sockets.asking import address
from tests.sockets.deployment import Deployment, Device, House, Room, Stream
from tests.sockets.histories import CHOICES, Copy, History, asked, caught_up, seq_of, walked
from tests.sockets.missing import (
    SETTLED_SECONDS,
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
from tests.support.lean import LeanClient
from tests.support.world import World


@pytest.fixture
def world(meddling: MeddlingClient, template: Template) -> World:
    (table,) = template.tables()
    return World(meddling, table.name)


@pytest.fixture
def mark(alice: Device, room: Room) -> int:
    """Up to where alice has seen everything."""
    return seq_of(alice, room)


# What was missed.


def test_a_client_that_missed_nothing_is_told_nothing(alice: Device, room: Room, mark: int) -> None:
    assert asked(alice, room, mark) == {"status": "changes", "seq": mark, "more": False, "events": []}


@pytest.mark.converses("catchUp")
def test_what_was_missed_are_the_pushes_that_would_have_come(
    house: House, alice: Device, room: Room, mark: int
) -> None:
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
def test_what_was_missed_is_told_once_in_its_latest_version(alice: Device, room: Room, mark: int, what: str) -> None:
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


# Changes that overtake each other: a number is taken first and used after.

OVERTAKEN: dict[str, tuple[Change, Change]] = {
    "an edit by another": (edited(0, "first"), edited(0, "second")),
    "a change of the channel": (updated(FriendlyName="first"), updated(Attributes="[1]")),
    "a change of a member": (
        updated("/Members/bob", Attributes="1"),
        updated("/Members/bob", LastConsumedMessageIndex="1"),
    ),
    "a removal by an edit": (removed(0), edited(0, "second")),
    "a departure by a change": (left("bob"), updated("/Members/bob", Attributes="1")),
    "a joining by a joining and a departure": (
        added("carol"),
        lambda room: (room.add("carol"), room.delete("/Members/carol")),
    ),
}


@pytest.mark.parametrize("what", OVERTAKEN)
def test_what_is_overtaken_is_told_last_and_leaves_no_hole(
    meddling: MeddlingClient, alice: Device, room: Room, mark: int, what: str
) -> None:
    slow, fast = OVERTAKEN[what]
    room.house.device("carol")
    returning = Copy.fetched(alice, room)
    listening = Copy.fetched(alice, room)
    alice.heard()

    meddling.script("transact_write_items", after(lambda: fast(room)))
    slow(room)
    assert not meddling.scripted("transact_write_items")
    pushes = alice.heard()
    for push in pushes:
        listening.apply(push)
    # Nobody has to ask what became of a number.
    assert {push["seq"] for push in pushes} == set(range(mark + 1, seq_of(alice, room) + 1))
    returning.catch_up(alice, room)
    fetched = Copy.fetched(alice, room)
    assert listening.shown() == returning.shown() == fetched.shown()
    assert returning.mark == fetched.mark == seq_of(alice, room)


@pytest.mark.parametrize("moment", ["update_item", "transact_write_items"])
def test_an_overtaken_request_is_answered_with_the_whole_record_as_it_then_is(
    meddling: MeddlingClient, alice: Device, room: Room, moment: str
) -> None:
    """Before it takes its number, and after."""
    meddling.script(moment, after(lambda: room.update("/Members/alice", LastConsumedMessageIndex="1")))
    reply = alice.done("updateMember", channel=room.sid, identity="alice", attributes={"a": 1})
    assert (reply["last_consumed_message_index"], reply["attributes"]) == (1, '{"a":1}')
    assert reply == alice.done("fetchMember", channel=room.sid, identity="alice")


@pytest.mark.parametrize(("slow", "fast"), [(1, 0), (0, 1)])
def test_of_two_messages_deleted_at_once_neither_is_the_newest(
    meddling: MeddlingClient, alice: Device, room: Room, slow: int, fast: int
) -> None:
    sids = [address(room, index) for index in (0, 1)]
    meddling.script("transact_write_items", after(lambda: room.delete(f"/Messages/{sids[fast]}")))
    room.delete(f"/Messages/{sids[slow]}")
    shown = alice.done("fetchChannel", channel=room.sid)
    assert (shown["messages_count"], shown["last_message_index"]) == (0, None)


def test_what_is_refused_after_its_number_was_taken_leaves_no_hole(
    meddling: MeddlingClient, house: House, alice: Device, room: Room, mark: int
) -> None:
    meddling.script("transact_write_items", after(lambda: room.delete("/Members/bob")))
    assert house.rest("DELETE", f"{room.path}/Members/bob").status == 404
    answer = asked(alice, room, mark)
    assert (answer["seq"], told(answer["events"])) == (mark + 2, [("memberLeft", "bob")])


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


def test_from_mark_zero_everything_is_told(alice: Device, room: Room) -> None:
    events = told(caught_up(alice, room, 0))
    assert sorted(events) == [
        ("memberJoined", "alice"),
        ("memberJoined", "bob"),
        ("messageAdded", 0),
        ("messageAdded", 1),
    ]


# More than one answer.


@pytest.mark.parametrize("letter", ["x", "é", "€", '"', "\n", "\U0001f600"])
def test_long_messages_come_in_several_answers(alice: Device, room: Room, mark: int, letter: str) -> None:
    for number in range(9):
        room.post(f"{number}" + letter * (32_760 // len(letter.encode())))
    answers = walked(alice, room, mark)
    assert len(answers) > 1
    assert [told(answer["events"]) for answer in answers if not answer["events"]] == []
    events = [event for answer in answers for event in answer["events"]]
    assert told(events) == [("messageAdded", index) for index in range(2, 11)]
    assert answers[-1]["seq"] == seq_of(alice, room)


def test_many_messages_come_in_several_answers(alice: Device, room: Room, mark: int) -> None:
    for number in range(250):
        room.post(f"number {number}" + "x" * 200)
    answers = walked(alice, room, mark)
    assert len(answers) > 1
    events = [event for answer in answers for event in answer["events"]]
    assert told(events) == [("messageAdded", index) for index in range(2, 252)]


def test_of_many_long_records_that_changed_an_answer_reads_those_that_it_has_room_for(
    meddling: MeddlingClient, alice: Device, room: Room
) -> None:
    posted = [room.post(str(number)) for number in range(101)]
    mark = seq_of(alice, room)
    for message in posted:
        room.update(f"/Messages/{message['sid']}", Body="x" * 10_000)
    before = dict(meddling.calls)
    first = asked(alice, room, mark)
    # One request for the member and the channel, one for the first records.
    assert meddling.calls["batch_get_item"] == before["batch_get_item"] + 2
    # One for the log and one for new messages, of which there are none.
    assert meddling.calls["query"] == before["query"] + 2
    events = [*first["events"], *(event for answer in walked(alice, room, first["seq"]) for event in answer["events"])]
    assert told(events) == [("messageUpdated", message["index"]) for message in posted]


def test_a_member_who_joined_before_the_cut_and_changed_after_it_has_joined(
    alice: Device, room: Room, mark: int
) -> None:
    """The client has never heard of carol: the first it hears of her must be that she has joined."""
    room.add("carol")
    for _ in range(6):
        room.post('"' * 32_000)
    room.update("/Members/carol", Attributes='{"a":1}')
    answers = walked(alice, room, mark)
    assert len(answers) > 1
    events = [event for answer in answers for event in answer["events"] if "member" in event]
    assert events[0]["event"] == "memberJoined"
    assert events[-1]["member"]["attributes"] == '{"a":1}'


@pytest.mark.parametrize("letter", ["x", "€", '"'])
def test_several_channels_with_long_messages_fit_into_a_reply(house: House, alice: Device, letter: str) -> None:
    rooms = [house.channel("alice") for _ in range(5)]
    marks = {room.sid: seq_of(alice, room) for room in rooms}
    for room in rooms:
        for _ in range(3):
            room.post(letter * (32_766 // len(letter.encode())))
    found: dict[str, list[int]] = {room.sid: [] for room in rooms}
    for _ in range(40):
        channels = alice.done("catchUp", channels=marks)["channels"]
        for sid, answer in channels.items():
            found[sid] += [event["message"]["index"] for event in answer["events"]]
        marks = {sid: answer["seq"] for sid, answer in channels.items() if answer["more"]}
        if not marks:
            break
    assert found == {room.sid: [0, 1, 2] for room in rooms}


def test_a_message_that_no_socket_carries_does_not_stop_a_client(alice: Device, room: Room, mark: int) -> None:
    """Each of these characters takes six bytes in JSON; such a body is refused today, but may have been imported."""
    large = room.post("large")
    body = {"body": "\x01" * 32_768}
    room.house.deployment.world.table.touch(keys.message(room.sid, large["index"]), body)
    room.post("small")
    answer = asked(alice, room, mark)
    assert answer == {"status": "refetch", "seq": mark + 2}
    room.post("after it")
    assert told(caught_up(alice, room, answer["seq"])) == [("messageAdded", 4)]


# Whose channels.


def status(device: Device, *rooms: Room) -> list[dict[str, Any]]:
    channels = device.done("catchUp", channels={room.sid: 0 for room in rooms})["channels"]
    return [channels[room.sid] for room in rooms]


def test_a_stranger_is_told_to_fetch_a_visible_channel_anew_and_that_a_hidden_one_is_gone(house: House) -> None:
    public, private = house.channel("alice"), house.channel("alice", Type="private")
    house.rest.post(f"{house.path}/Users", Identity="dave")
    made, invited = house.channel(Type="private", CreatedBy="dave"), house.channel("alice", Type="private")
    house.rest.post(f"{invited.path}/Invites", Identity="dave")
    for room in (public, private, made, invited):
        room.post("a secret")
    answers = status(house.device("dave"), public, private, made, invited)
    refetch = {"status": "refetch", "seq": 2}
    assert answers == [refetch, {"status": "gone"}, {"status": "refetch", "seq": 1}, {"status": "refetch", "seq": 3}]


def test_a_removed_member_is_told_nothing_that_happened_before_or_after(house: House) -> None:
    public, private = house.channel("alice", "bob"), house.channel("alice", "bob", Type="private")
    alice = house.device("alice")
    marks = {room.sid: seq_of(alice, room) for room in (public, private)}
    for room in (public, private):
        room.post("before")
        room.delete("/Members/alice")
        room.post("after")
    channels = alice.done("catchUp", channels=marks)["channels"]
    assert channels[public.sid] == {"status": "refetch", "seq": marks[public.sid] + 3}
    assert channels[private.sid] == {"status": "gone"}


def test_a_member_who_came_back_catches_up_from_the_old_mark(
    house: House, alice: Device, room: Room, mark: int
) -> None:
    room.delete("/Members/alice")
    room.post("while away")
    room.add("alice")
    assert told(caught_up(alice, room, mark)) == [("messageAdded", 2), ("memberJoined", "alice")]


def test_channels_that_do_not_exist_are_gone(house: House, deployment: Deployment, alice: Device, room: Room) -> None:
    deleted = house.channel("alice")
    deleted.delete()
    elsewhere = House(deployment).channel("alice")
    never = "CH" + "0" * 32
    sids = [deleted.sid, elsewhere.sid, never, room.sid.upper().replace("CH", "CH", 1)]
    channels = alice.done("catchUp", channels=dict.fromkeys(sids, 0))["channels"]
    assert [channels[sid] for sid in sids[:3]] == [{"status": "gone"}] * 3


def test_channels_of_another_account_are_gone(
    alice: Device, lean: LeanClient, template: Template, stream: Stream
) -> None:
    (table,) = template.tables()
    theirs = House(Deployment(World(lean, table.name), stream, template)).channel("alice")
    theirs.post("theirs")
    assert status(alice, theirs) == [{"status": "gone"}]


def test_one_answer_does_not_depend_on_the_others(house: House, alice: Device, room: Room, mark: int) -> None:
    room.post("x")
    marks = {room.sid: mark} | {f"CH{number:032x}": number for number in range(99)}
    channels = alice.done("catchUp", channels=marks)["channels"]
    assert told(channels[room.sid]["events"]) == [("messageAdded", 2)]
    assert [channels[sid] for sid in marks if sid != room.sid] == [{"status": "gone"}] * 99


# Bad input.

NEVER = "CH" + "0" * 32


BAD_CHANNELS: list[Any] = [
    None,
    {},
    [],
    "",
    NEVER,
    7,
    True,
    [NEVER],
    [[NEVER, 1]],
    {f"CH{number:032x}": 0 for number in range(101)},
    {"general": 1},
    {"": 1},
    {"CH" + "0" * 31: 1},
    {"CH" + "g" * 32: 1},
    {"IM" + "0" * 32: 1},
    {NEVER + " ": 1},
    {"ch" + "0" * 32: 1},
    {NEVER: -1},
    {NEVER: True},
    {NEVER: None},
    {NEVER: "1"},
    {NEVER: 1.0},
    {NEVER: 1.5},
    {NEVER: [1]},
    {NEVER: {"seq": 1}},
    {NEVER: 10**12},
    {NEVER: 10**30},
    {NEVER: 10**400},
]


def test_bad_input_is_refused(alice: Device) -> None:
    for channels in BAD_CHANNELS:
        assert alice.refusal("catchUp", channels=channels) == (400, 20001), channels
    assert alice.refusal("catchUp") == (400, 20001)
    assert alice.done("catchUp", channels={NEVER: 0})["channels"] == {NEVER: {"status": "gone"}}


# Any history at all.


@settings(deadline=None, max_examples=25, suppress_health_check=list(HealthCheck))
@given(st.lists(st.tuples(st.sampled_from(CHOICES), st.integers(0, 40)), min_size=1, max_size=14))
def test_whatever_happens_catching_up_from_any_mark_gives_what_fetching_gives(
    deployment: Deployment, changes: list[tuple[str, int]]
) -> None:
    history = History(House(deployment))
    copies = [Copy.fetched(history.alice, history.room)]
    for what, number in changes:
        history.change(what, number)
        copies.append(Copy.fetched(history.alice, history.room))
    now = Copy.fetched(history.alice, history.room)
    for copy in copies:
        before = copy.mark
        copy.catch_up(history.alice, history.room)
        assert copy.shown() == now.shown(), (before, changes)
        assert before <= copy.mark <= now.mark
    deployment.world.clock.advance(SETTLED_SECONDS)
    history.change("send", 1)
    deployment.world.clock.advance(SETTLED_SECONDS)
    # Now every number that was not used is known not to be.
    copies[0].catch_up(history.alice, history.room)
    assert copies[0].mark == seq_of(history.alice, history.room)
    assert copies[0].mark > now.mark
