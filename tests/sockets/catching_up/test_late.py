"""Catching up with too much, after days, and while numbers are taken and not used, or not yet."""

from __future__ import annotations

from typing import Any

import pytest

from tests.ports.meddling import Call, MeddlingClient, after, refusing
from tests.sockets.asking import address
from tests.sockets.deployment import Device, House, Room
from tests.sockets.histories import asked, caught_up, erase_expired, seq_of, skip, walked
from tests.sockets.missing import (
    DAY,
    SETTLED_SECONDS,
    Change,
    added,
    edited,
    left,
    removed,
    told,
    updated,
)


@pytest.mark.parametrize(
    ("missed", "status"), [(999, "changes"), (1000, "changes"), (1001, "refetch"), (5000, "refetch")]
)
def test_more_than_a_thousand_changes_are_fetched_anew(
    house: House, alice: Device, room: Room, mark: int, missed: int, status: str
) -> None:
    skip(room, missed - 1)
    room.post("last")
    house.deployment.world.clock.advance(SETTLED_SECONDS)
    answer = asked(alice, room, mark)
    assert (answer["status"], answer["seq"]) == (status, mark + missed)
    if status == "changes":
        assert told(answer["events"]) == [("messageAdded", 2)]
    else:
        assert set(answer) == {"status", "seq"}


def test_a_mark_that_the_channel_has_not_reached_is_fetched_anew(alice: Device, room: Room, mark: int) -> None:
    assert asked(alice, room, mark + 1) == {"status": "refetch", "seq": mark}
    assert asked(alice, room, 10**11) == {"status": "refetch", "seq": mark}


class Later:
    """Some days later: what has expired is erased."""

    def __init__(self, meddling: MeddlingClient, house: House, key: tuple[str, str]):
        self._client, self._house, self._key = meddling, house, key

    def device(self, room: Room, days: int, *kinds: str) -> Device:
        """Alice's new connection after so many days, in which everything of these kinds was erased that expired."""
        world = self._house.deployment.world
        world.clock.advance(days * DAY)
        erase_expired(self._client, world._table_name, room, world.clock.now_ms(), *kinds)
        return Device(self._house.deployment, self._key, self._house.sid, "alice")


@pytest.fixture
def later(meddling: MeddlingClient, house: House) -> Later:
    return Later(meddling, house, house.key)


def test_after_seven_days_without_changes_nothing_was_missed(later: Later, room: Room, mark: int) -> None:
    alice = later.device(room, 8)
    assert asked(alice, room, mark) == {"status": "changes", "seq": mark, "more": False, "events": []}


def test_new_messages_are_told_after_any_time(later: Later, room: Room, mark: int) -> None:
    for number in range(3):
        room.post(f"number {number}")
    alice = later.device(room, 100)
    assert told(caught_up(alice, room, mark)) == [("messageAdded", index) for index in (2, 3, 4)]


# Ways in which something changes that no message tells of.
CHANGES: dict[str, Change] = {
    "an edit": edited(0, "edited"),
    "a deletion": removed(0),
    "a member": added("carol"),
    "a member that left": left("bob"),
    "a change of a member": updated("/Members/bob", Attributes="[1]"),
    "a change of the channel": updated(FriendlyName="new"),
}


@pytest.mark.parametrize("what", CHANGES)
def test_a_change_of_more_than_seven_days_ago_is_not_passed_over(
    later: Later, room: Room, mark: int, what: str
) -> None:
    CHANGES[what](room)
    room.post("after it")
    alice = later.device(room, 8)
    room.post("today")
    assert asked(alice, room, mark) == {"status": "refetch", "seq": seq_of(alice, room)}


# DynamoDB erases in its own time and in no order: an entry may outlive what it tells of, and the other way.


@pytest.mark.parametrize("what", CHANGES)
def test_a_change_whose_entry_is_there_is_told_before_and_after_it_expired(
    later: Later, room: Room, mark: int, what: str
) -> None:
    CHANGES[what](room)
    room.post("after it")
    expected = told(caught_up(room.house.device("alice"), room, mark))
    assert len(expected) == 2
    assert told(caught_up(later.device(room, 6), room, mark)) == expected
    assert told(caught_up(later.device(room, 2, "MESSAGE#", "MEMBER#"), room, mark)) == expected


@pytest.mark.parametrize("what", CHANGES)
def test_an_expired_change_whose_entry_is_erased_is_fetched_anew(
    later: Later, room: Room, mark: int, what: str
) -> None:
    CHANGES[what](room)
    room.post("after it")
    alice = later.device(room, 8, "CHG#")
    assert asked(alice, room, mark) == {"status": "refetch", "seq": mark + 2}


def test_an_edit_of_today_does_not_make_an_old_log_complete(later: Later, room: Room, alice: Device) -> None:
    """What the client saw last was edited after its log had expired; the change of a member in between is lost."""
    for number in range(8):
        room.post(f"number {number}")
    mark = seq_of(alice, room)
    room.update("/Members/bob", Attributes='{"a":1}')
    alice = later.device(room, 8)
    for index in range(10):
        room.update(f"/Messages/{address(room, index)}", Body="edited today")
        room.house.deployment.world.clock.advance(SETTLED_SECONDS)
        assert asked(alice, room, mark) == {"status": "refetch", "seq": seq_of(alice, room)}, index


def test_changes_since_the_log_began_are_told_in_an_old_channel(later: Later, room: Room, mark: int) -> None:
    """A number that was never used looks like a lost entry, but what is left of the log reaches back far enough."""
    alice = later.device(room, 30)
    room.update(FriendlyName="seen")
    mark = seq_of(alice, room)
    skip(room, 1)
    room.update(FriendlyName="missed")
    room.house.deployment.world.clock.advance(SETTLED_SECONDS)
    assert told(caught_up(alice, room, mark)) == [("channelUpdated", "general")]


# Numbers that are taken and not used, or not yet.


def test_a_number_whose_write_failed_is_passed_over(
    house: House, alice: Device, room: Room, mark: int, meddling: MeddlingClient
) -> None:
    meddling.script("put_item", refusing("AccessDeniedException"))
    assert alice.ask("sendMessage", channel=room.sid, body="lost")["status"] == 500
    meddling.script("transact_write_items", refusing("AccessDeniedException"))
    assert alice.ask("updateMessage", channel=room.sid, message=0, body="lost")["status"] == 500
    room.post("next")
    house.deployment.world.clock.advance(SETTLED_SECONDS)
    assert told(caught_up(alice, room, mark)) == [("messageAdded", 3)]
    assert seq_of(alice, room) == mark + 3


def test_a_number_that_was_just_taken_may_still_be_used(alice: Device, room: Room, mark: int) -> None:
    skip(room, 1)
    room.post("next")
    answer = asked(alice, room, mark)
    assert (answer["status"], answer["seq"]) == ("changes", mark)


@pytest.mark.parametrize("quick", [0, 1, 3])
def test_a_message_under_way_is_waited_for_and_told_later(
    alice: Device, room: Room, mark: int, meddling: MeddlingClient, quick: int
) -> None:
    bob = room.house.device("bob")
    meanwhile: list[dict[str, Any]] = []

    def look() -> None:
        for number in range(quick):
            bob.done("sendMessage", channel=room.sid, body=f"quick {number}")
        meanwhile.append(asked(alice, room, mark))

    room.update(FriendlyName="before")
    meddling.script("put_item", after(look))
    room.post("slow")
    (answer,) = meanwhile
    assert (answer["status"], answer["seq"]) == ("changes", mark + 1)
    assert ("channelUpdated", "general") in told(answer["events"])
    expected = [("messageAdded", index) for index in range(2, 3 + quick)]
    assert told(caught_up(alice, room, answer["seq"])) == expected


@pytest.mark.parametrize("size", [10, 32_000])
def test_a_change_under_way_is_not_passed_over_by_a_cut(
    alice: Device, room: Room, mark: int, meddling: MeddlingClient, size: int
) -> None:
    """Also where the answer ends behind it because there is more than fits."""
    bob = room.house.device("bob")
    meanwhile: list[dict[str, Any]] = []

    def look() -> None:
        for _ in range(130 if size < 100 else 9):
            bob.done("sendMessage", channel=room.sid, body="x" * size)
        meanwhile.append(asked(alice, room, mark))

    meddling.script("transact_write_items", after(look))
    room.update("/Members/bob", Attributes='{"slow":true}')
    (answer,) = meanwhile
    assert answer["seq"] == mark
    assert ("memberUpdated", "bob") in told([e for a in walked(alice, room, answer["seq"]) for e in a["events"]])


def test_a_write_that_lands_while_the_answer_is_made_is_waited_for(
    alice: Device, room: Room, mark: int, meddling: MeddlingClient, house: House
) -> None:
    """The first look finds a hole; the record is there at the second, a tenth of a second later."""
    late: list[Call] = []

    def hold(call: Call, request: dict[str, Any]) -> dict[str, Any]:
        late.append(call)
        return {}

    meddling.script("put_item", hold)
    room.post("late")
    clock = house.deployment.world.clock
    sleep = clock.sleep

    def land(seconds: float) -> None:
        sleep(seconds)
        if late:
            late.pop()()

    clock.sleep = land  # type: ignore[method-assign]
    assert told(caught_up(alice, room, mark)) == [("messageAdded", 2)]
    assert clock.slept and sum(clock.slept) < 1
