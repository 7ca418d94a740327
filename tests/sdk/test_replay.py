"""Replays: what a client missed comes again, and nothing that was there before the client came."""

from __future__ import annotations

import json
from typing import Any

import pytest

from parley.ids import member_sid
from parley.sockets.sdk import objects
from parley.store import keys
from tests.sdk.device import SUBSCRIPTIONS, SdkDevice
from tests.sdk.listener import Listener
from tests.sdk.rounds import again, asked, pass_time, resumed
from tests.sdk.sync_paths import document, messages, mine, roster, seq
from tests.sockets.asking import address
from tests.sockets.deployment import House, Room


def test_pushes_are_heard_and_not_repeated(house: House, alices: Listener, room: Room) -> None:
    room.post("hello")
    alices.listen()
    heard = alices.news()
    assert ("list_item_added", 2) in heard
    assert again(house, alices) == []


@pytest.mark.parametrize("version", [3, 4])
def test_the_longest_records_are_replayed_in_packets_that_a_socket_carries(
    alices: Listener, room: Room, version: int
) -> None:
    """The device of these tests refuses longer packets. A control character takes six bytes in JSON, a backslash two."""
    alices.version = version
    for _ in range(4):
        room.post("\x01" * 10_900, Attributes=json.dumps("\\" * 2040))
    room.update(Attributes=json.dumps("\\" * 8190))
    room.house.deployment.skip_stream()
    assert len(alices.subscribe()) > 4
    assert [name for name, _ in alices.news()] == ["document_updated", *["list_item_added"] * 4]


def test_missed_changes_come_with_the_subscription(house: House, alices: Listener, room: Room) -> None:
    house.deployment.skip_stream()
    room.post("two")
    room.post("three")
    room.add("carol")
    room.update("/Members/bob", Attributes="[1]")
    room.update(f"/Messages/{address(room, 0)}", Body="edited")
    room.delete(f"/Messages/{address(room, 1)}")
    room.update(FriendlyName="new name")
    house.deployment.skip_stream()
    heard = again(house, alices)
    assert [event for event in heard if event[0].startswith("list")] == [
        ("list_item_added", 2),
        ("list_item_added", 3),
        ("list_item_updated", 0),
        ("list_item_removed", 1),
    ]
    assert [event for event in heard if event[0].startswith("map")] == [
        ("map_item_added", member_sid(room.sid, "carol")),
        ("map_item_updated", member_sid(room.sid, "bob")),
    ]
    assert [data["friendlyName"] for name, data in heard if name == "document_updated"] == ["new name"]
    assert [event for event in again(house, alices) if not event[0].endswith("removed")] == []


def leave_and_return(room: Room, identity: str, listener: Listener) -> None:
    """A member leaves and returns; the listener hears the removal in time and once more, late."""
    room.delete(f"/Members/{identity}")
    removal = listener.device.heard()
    listener.take(removal)
    room.add(identity)
    listener.listen()
    listener.take(removal)


def test_a_member_who_came_back_is_there_although_a_late_removal_was_heard_twice(
    house: House, alices: Listener, room: Room
) -> None:
    """SDKs apply a removal whatever its id, and then ignored the member's own id for ever."""
    leave_and_return(room, "bob", alices)
    alices.news()
    bob = member_sid(room.sid, "bob")
    assert again(house, alices) == [("map_item_updated", bob)]
    assert bob in alices.items[alices.sid(roster(room))]


def test_a_channel_that_was_joined_again_is_there_although_a_late_removal_was_heard_twice(
    house: House, alices: Listener, room: Room
) -> None:
    leave_and_return(room, "alice", alices)
    assert room.sid not in alices.items[alices.sid(mine(house))]
    again(house, alices)
    assert room.sid in alices.items[alices.sid(mine(house))]


def test_a_push_that_was_lost_before_a_later_one_is_repaired(house: House, alices: Listener, room: Room) -> None:
    room.post("lost")
    room.post("heard")
    alices.listen(lost=(0,))
    assert [event for event in alices.news() if event[0].startswith("list")] == [("list_item_added", 3)]
    assert again(house, alices) == [("list_item_added", 2)]
    assert again(house, alices) == []


@pytest.mark.parametrize("away", [100, 3000])
def test_a_push_that_was_lost_before_the_connection_broke_is_repaired(
    house: House, alices: Listener, room: Room, away: int
) -> None:
    room.post("lost")
    room.post("heard")
    alices.listen(lost=(0,))
    alices.news()
    pass_time(house, away)
    assert resumed(house, alices) == [("list_item_added", 2)]


def test_older_changes_are_not_sent_again(house: House, alices: Listener, room: Room) -> None:
    room.post("long ago")
    alices.listen()
    pass_time(house, 1300)
    _, *told = alices.subscribe()
    assert [packet.body["event_type"] for packet in told] == ["subscription_established"]


def test_a_page_that_is_loaded_again_hears_of_no_message_from_before(
    house: House, alices: Listener, room: Room
) -> None:
    """A browser keeps the continuation token when a page is loaded again, but nothing else."""
    room.post("older")
    house.deployment.announce()
    record = house.deployment.world.table.fetch(keys.connection(alices.device.connection_id)) or {}
    device = SdkDevice(house)
    device.send({"method": "init", "token": device.token("alice"), "continuation_token": str(record["came_at"])})
    listener = Listener(device)
    listener.open(messages(room))
    room.post("newer")
    listener.listen()
    assert listener.news() == [("list_item_added", 3)]
    assert again(house, listener) == []


def test_an_edit_comes_after_the_message_that_was_lost(house: House, alices: Listener, room: Room) -> None:
    room.post("lost")
    room.update(f"/Messages/{address(room, 2)}", Body="edited")
    house.deployment.skip_stream()
    assert [event for event in again(house, alices) if event[0].startswith("list")] == [
        ("list_item_added", 2),
        ("list_item_updated", 2),
    ]


@pytest.mark.parametrize("told", ["", "0", "x", "99999999999999", "-5", "\u0663"])
def test_messages_from_before_the_client_came_are_never_new(
    house: House, alice: SdkDevice, room: Room, told: str
) -> None:
    room.post("older")
    house.deployment.skip_stream()
    listener = Listener(SdkDevice(house, "alice"))
    listener.open(messages(room), document(room))
    pass_time(house, 2)
    room.post("newer")
    listener.listen()
    assert [event for event in listener.news() if event[0] == "list_item_added"] == [("list_item_added", 3)]
    assert again(house, listener) == []
    assert resumed(house, listener, told) == []
    assert resumed(house, listener) == []


def test_messages_from_before_the_object_was_opened_are_not_new_at_once(
    house: House, alice: SdkDevice, room: Room
) -> None:
    room.post("after connecting")
    house.deployment.skip_stream()
    listener = Listener(alice)
    listener.open(messages(room))
    assert listener.news() == []


def test_a_client_that_was_away_for_very_long_hears_of_the_latest(
    house: House, alices: Listener, room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("parley.sockets.sdk.replay._MOST_BEHIND", 2)
    for _ in range(4):
        room.post("missed")
    house.deployment.skip_stream()
    pass_time(house, 1300)
    alices.subscribe()
    assert [key for name, key in alices.news() if name == "list_item_added"] == [4, 5]


def test_messages_from_before_the_user_joined_are_never_new(house: House, alice: SdkDevice) -> None:
    public = house.channel("bob")
    public.post("older")
    pass_time(house, 2)
    public.add("alice")
    house.deployment.skip_stream()
    listener = Listener(alice)
    listener.open(messages(public))
    public.post("newer")
    listener.listen()
    assert listener.news() == [("list_item_added", 1)]
    assert again(house, listener) == []


def test_changes_that_do_not_fit_into_one_answer_come_in_parts(
    house: House, alices: Listener, room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("parley.sockets.sdk.replay._MOST_NEW", 3)
    for number in range(2, 7):
        room.post(str(number))
        room.update("/Members/bob", Attributes=f"[{number}]")
    room.update(f"/Messages/{address(room, 2)}", Body="edited")
    house.deployment.skip_stream()
    pass_time(house, 5)
    heard: list[tuple[str, Any]] = []
    for _ in range(9):
        came = alices.subscribe()
        heard += alices.news()
        if "'interrupted'" not in str(came):
            break
    else:
        raise AssertionError("the replay never ends")
    assert [key for name, key in heard if name == "list_item_added"] == [2, 3, 4, 5, 6]
    assert ("list_item_updated", 2) in heard
    assert ("map_item_updated", member_sid(room.sid, "bob")) in heard


def test_a_part_says_nothing_of_what_changed_again_after_it(
    house: House, alices: Listener, room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("parley.sockets.sdk.replay._MOST_NEW", 2)
    room.add("dora")
    room.update("/Members/bob", Attributes="[1]")
    room.add("carol")
    room.update("/Members/bob", Attributes="[2]")
    house.deployment.skip_stream()
    pass_time(house, 1300)
    for _ in range(3):
        alices.subscribe("establish", alices.sid(roster(room)))
    assert [key for name, key in alices.news() if name == "map_item_added"] == [
        member_sid(room.sid, name) for name in ("dora", "carol")
    ]


def test_only_so_much_comes_again(house: House, alices: Listener, room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("parley.sockets.sdk.replay._MOST_OVERLAPPING", 2)
    for body in ("lost", "lost too", "heard"):
        room.post(body)
    alices.listen(lost=(0, 1))
    alices.news()
    assert again(house, alices) == [("list_item_added", 3)]


def test_an_answer_that_is_full_reads_nothing_more(
    house: House, alices: Listener, room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = house.channel("alice")
    house.deployment.skip_stream()
    alices.open(messages(other))
    for _ in range(3):
        room.post("missed"), other.post("missed")
    house.deployment.skip_stream()
    pass_time(house, 5)
    monkeypatch.setattr("parley.sockets.sdk.subscriptions._MOST_EVENTS", 2)
    with house.deployment.world.table._client.metered() as meter:
        alices.subscribe("establish", alices.sid(messages(room)), alices.sid(messages(other)))
    assert [event for event in alices.news() if event[0] == "list_item_added"] == [
        ("list_item_added", 2),
        ("list_item_added", 3),
    ]
    # The log and the messages of the first channel alone, each forwards and backwards.
    assert meter.requests["Query"] == 4
    alices.subscribe("establish", alices.sid(messages(room)))
    for _ in range(2):
        alices.subscribe("establish", alices.sid(messages(other)))
    assert [key for name, key in alices.news() if name == "list_item_added"] == [4, 0, 1, 2]


def test_replays_fit_into_packets(house: House, alices: Listener, room: Room) -> None:
    for _ in range(8):
        room.post("x" * 30_000)
    house.deployment.skip_stream()
    assert [key for name, key in again(house, alices) if name == "list_item_added"] == list(range(2, 10))


def test_a_document_that_was_read_between_counters_and_record_is_sent_once_more(
    house: House, alice: SdkDevice, room: Room
) -> None:
    of, number = objects.document(room.sid), seq(room)
    for last, expected in (
        (objects.described_id(number), [objects.repeated_id(number)]),
        (objects.event_id(number), [objects.repeated_id(number)]),
        (objects.repeated_id(number), []),
        (objects.event_id(number - 1), [objects.event_id(number)]),
    ):
        _, *told = alice.request("POST", SUBSCRIPTIONS, asked((of.sid, of.type), last=last))
        updates = [event for packet in told[:-1] for event in packet.body["events"]]
        assert [event["id"] for event in updates] == expected
    pass_time(house, 61)
    _, *told = alice.request("POST", SUBSCRIPTIONS, asked((of.sid, of.type), last=objects.described_id(number)))
    assert len(told) == 1
