"""Markers tell fan-out what a writer has pushed: they may be late, missing or overwritten, and writers may die."""

from __future__ import annotations

import copy
from contextlib import suppress

import pytest

from local.template.template import Template
from parley.sockets import fast_push, markers
from parley.store import keys
from parley.store.changes import decode
from parley.store.queries import Query
from tests.sockets.deployment import Deployment, Device, House, Room, hush, passes, patterns
from tests.sockets.dying import DyingClient
from tests.sockets.fast_push.heard import got, later
from tests.support.doors import Raw
from tests.support.killing import Killed
from tests.support.lean import LeanClient
from tests.support.stream import Stream
from tests.support.world import World


def test_without_a_marker_everybody_hears_of_the_message_twice_and_nobody_misses_it(
    alice: Device, bob: Device, room: Room, fast: House
) -> None:
    alice.done("sendMessage", channel=room.sid, body="hello")
    fast.deployment.world.table.take(markers.key(room.sid, bob.frames()[-1]["seq"]))
    fast.deployment.announce()
    assert (got(alice), got(bob)) == (["hello", "hello"], ["hello", "hello"])


def test_nobody_waits_for_a_writer_that_reached_nobody(alice: Device, bob: Device, room: Room, fast: House) -> None:
    for device in (alice, bob):
        fast.deployment.gateway.throttle(device.connection_id)
    room.post("hello")
    began = fast.deployment.world.clock.now_ms()
    fast.deployment.announce()
    assert fast.deployment.world.clock.now_ms() == began


def test_fan_out_waits_once_for_all_promises_of_a_batch(
    alice: Device, bob: Device, room: Room, fast: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fast_push, "MOST_PUSHES", 1_000)
    for number in range(30):
        promised(room, f"{number}")
    began = fast.deployment.world.clock.now_ms()
    fast.deployment.announce()
    assert fast.deployment.world.clock.now_ms() - began <= 250
    assert len(got(bob)) == 30


def promised(room: Room, body: str = "hello") -> None:
    """A message whose writer has promised to push it, and has done nothing since."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("parley.sockets.fast_push.FastAnnouncement.push", lambda self, message: None)
        room.post(body)


@pytest.mark.parametrize("function", ["FanOutFunction", "WebhooksFunction"])
def test_the_stream_carries_no_marker_to_a_function(
    alice: Device, bob: Device, room: Room, fast: House, template: Template, function: str
) -> None:
    room.post("hello")
    records = fast.deployment.read_stream()
    markers_ = [one for one in records if one["dynamodb"]["Keys"]["sk"]["S"].startswith("MARKER#")]
    expired = [{**one, "eventName": "REMOVE"} for one in markers_]
    assert len(markers_) == 1
    assert not any(passes(patterns(template, function), one) for one in (*markers_, *expired))


def test_fan_out_waits_for_a_writer_that_is_still_at_work(
    alice: Device, bob: Device, room: Room, fast: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    promised(room)
    world = fast.deployment.world
    slept: list[float] = []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        world.clock.advance(seconds)
        message = world.table.fetch(keys.message(room.sid, 0))
        markers.write(world.context(), room.sid, message["seq"], [alice.connection_id])

    monkeypatch.setattr(world.clock, "sleep", sleep)
    fast.deployment.announce()
    assert (len(slept), got(alice), got(bob)) == (1, [], ["hello"])


def test_fan_out_waits_no_longer_than_a_writer_may_work(alice: Device, bob: Device, room: Room, fast: House) -> None:
    promised(room)
    began = fast.deployment.world.clock.now_ms()
    fast.deployment.announce()
    assert got(bob) == ["hello"]
    assert fast.deployment.world.clock.now_ms() - began <= 300


def test_a_channel_keeps_as_many_markers_as_the_fast_path_takes_changes_in_two_seconds(
    alice: Device, bob: Device, room: Room, fast: House
) -> None:
    assert fast_push.MOST_PUSHES // fast_push.FEWEST_CONNECTIONS == markers.PLACES
    for number in range(markers.PLACES):
        room.post(f"{number}")
        fast.deployment.world.clock.advance(0.1)
    assert later(bob) == []
    assert len(got(bob)) == markers.PLACES


def test_a_change_whose_marker_was_overwritten_is_pushed_twice_and_not_lost(
    alice: Device, bob: Device, room: Room, fast: House
) -> None:
    for number in range(markers.PLACES + 1):
        room.post(f"{number}")
        fast.deployment.world.clock.advance(1)
    assert later(bob) == ["messageAdded"]
    assert got(bob)[-1] == "0"


def test_a_marker_of_an_earlier_change_in_the_same_place_does_not_count(
    alice: Device, bob: Device, room: Room, fast: House
) -> None:
    room.post("0")
    hush(bob)
    for number in range(markers.PLACES):
        fast.deployment.runtime.fast_push.forget(room.sid)
        promised(room, f"{number + 1}")
    fast.deployment.world.clock.advance(1)
    fast.deployment.announce()
    assert got(bob)[-markers.PLACES :] == [f"{number + 1}" for number in range(markers.PLACES)]


def test_markers_of_a_room_of_two_are_read_for_nothing(alice: Device, bob: Device, room: Room, fast: House) -> None:
    """They and the members fit into the 4 KB that one read unit reads."""
    for number in range(2 * markers.PLACES):
        room.post(f"{number}")
        fast.deployment.world.clock.advance(1)
    world = fast.deployment.world
    where = keys.hearers(room.sid)
    query = Query(where, where.after, where.before).request()
    answer = world._client.query(TableName=world._table_name, ReturnConsumedCapacity="TOTAL", **query)
    assert (answer["Count"], answer["ConsumedCapacity"]["CapacityUnits"]) == (markers.PLACES + 2, 1)


def test_fan_out_does_not_wait_for_an_old_promise(alice: Device, bob: Device, room: Room, fast: House) -> None:
    promised(room)
    fast.deployment.world.clock.advance(1)
    began = fast.deployment.world.clock.now_ms()
    fast.deployment.announce()
    assert (got(bob), fast.deployment.world.clock.now_ms()) == (["hello"], began)


def test_a_promised_message_without_a_number_does_not_fail_its_batch(
    alice: Device, bob: Device, room: Room, fast: House
) -> None:
    before = len(fast.deployment.read_stream())
    promised(room, "first")
    promised(room, "second")
    records = [copy.deepcopy(record) for record in fast.deployment.read_stream()[before:] if decode(record)]
    del records[1]["dynamodb"]["NewImage"]["seq"]
    assert fast.deployment.deliver(records) == {"batchItemFailures": []}
    assert got(bob) == ["first", "second"]


def test_fan_out_does_not_wait_for_what_nobody_promised(bob: Device, room: Room, fast: House) -> None:
    fast.deployment.world.wire({"fast_push": False})
    room.post("hello")
    began = fast.deployment.world.clock.now_ms()
    assert later(bob) == ["messageAdded"]
    assert fast.deployment.world.clock.now_ms() == began


@pytest.mark.parametrize("by", ["socket", "REST"])
@pytest.mark.parametrize("done", [False, True], ids=["before", "after"])
def test_a_writer_that_dies_at_any_request_leaves_a_message_that_everybody_hears_of_or_none(
    lean: LeanClient, template: Template, stream: Stream, done: bool, by: str
) -> None:
    dying = DyingClient(lean)
    (table,) = template.tables()
    house = House(Deployment(World(dying, table.name), stream, template))
    house.deployment.hurry()
    room = house.channel("alice", "bob", Type="private")
    alice, bob = house.device("alice"), house.device("bob")
    hush(alice, bob)
    for request in range(20):
        before = len(got(bob))
        house.deployment.world.clock.advance(3)
        dying.die_at(request, done=done)
        with suppress(Killed):
            if by == "REST":
                Raw(house.deployment.door, checked=False)(
                    "POST", f"{room.path}/Messages", {"Body": f"message {request}"}
                )
            else:
                alice.ask("sendMessage", channel=room.sid, body=f"message {request}")
        if not dying.live():
            break
        fast_ones = got(bob)[before:]
        bob.heard()
        stored = house.rest.get(f"{room.path}/Messages", PageSize=100)["messages"]
        is_written = any(message["body"] == f"message {request}" for message in stored)
        heard = got(bob)[before:]
        assert set(heard) == ({f"message {request}"} if is_written else set()), (request, fast_ones)
    else:
        pytest.fail("it never got so far as to live")
    # At least: who is in the room, the index, the message, the marker.
    assert request > 4
