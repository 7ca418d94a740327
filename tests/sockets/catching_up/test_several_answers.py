"""What does not fit into one answer comes in several."""

from __future__ import annotations

import pytest

from parley.store import keys
from tests.ports.meddling import MeddlingClient
from tests.sockets.deployment import Device, House, Room
from tests.sockets.histories import asked, caught_up, seq_of, walked
from tests.sockets.missing import (
    told,
)


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


def test_an_answer_reads_only_as_many_long_records_as_it_has_room_for(
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
