"""Changes that overtake each other: each takes its number first and uses it afterwards."""

from __future__ import annotations

import pytest

from tests.ports.meddling import MeddlingClient, after, refusing
from tests.sockets.asking import address
from tests.sockets.deployment import Device, House, Room
from tests.sockets.histories import Copy, asked, caught_up, seq_of
from tests.sockets.missing import (
    Change,
    added,
    edited,
    left,
    removed,
    told,
    updated,
)

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
def test_an_overtaken_change_is_told_last_and_leaves_no_hole(
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
    # Nobody has to ask whether a number was used.
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
def test_if_two_messages_are_deleted_at_once_neither_is_the_newest(
    meddling: MeddlingClient, alice: Device, room: Room, slow: int, fast: int
) -> None:
    sids = [address(room, index) for index in (0, 1)]
    meddling.script("transact_write_items", after(lambda: room.delete(f"/Messages/{sids[fast]}")))
    room.delete(f"/Messages/{sids[slow]}")
    shown = alice.done("fetchChannel", channel=room.sid)
    assert (shown["messages_count"], shown["last_message_index"]) == (0, None)


def test_a_change_that_is_refused_after_it_took_a_number_leaves_no_hole(
    meddling: MeddlingClient, house: House, alice: Device, room: Room, mark: int
) -> None:
    meddling.script("transact_write_items", after(lambda: room.delete("/Members/bob")))
    assert house.rest("DELETE", f"{room.path}/Members/bob").status == 404
    answer = asked(alice, room, mark)
    assert (answer["seq"], told(answer["events"])) == (mark + 2, [("memberLeft", "bob")])


def test_a_repeat_after_a_death_leaves_no_number_of_which_clients_do_not_know(
    meddling: MeddlingClient, alice: Device, room: Room, mark: int
) -> None:
    meddling.script("put_item", lambda call, _: call(), refusing("AccessDeniedException"))
    for _ in range(2):
        alice.ask("sendMessage", channel=room.sid, id="0123456789abcdef", body="once")
    answer = asked(alice, room, mark)
    assert (answer["seq"], told(answer["events"])) == (mark + 2, [("messageAdded", 3)])


def test_a_send_that_lost_to_its_own_repeat_hides_no_message_that_was_written_before_it(
    alice: Device, room: Room, mark: int
) -> None:
    """It took an index and a change number, and the log says that the number is unused."""
    for body in ("first", "second"):
        room.post(body)
    assert room.post_twice_at_once("once")["index"] == 5
    room.post("last")
    expected = [("messageAdded", index) for index in (2, 3, 5, 6)]
    assert told(caught_up(alice, room, mark)) == expected
    assert told(caught_up(alice, room, mark + 1)) == expected[1:]
