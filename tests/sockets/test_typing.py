"""Typing: told at once to everybody else in the channel, and stored nowhere."""

from __future__ import annotations

import pytest

from bench.meter import Meter
from parley.sockets.typing_indicator import MOST_A_SECOND
from parley.store import keys
from tests.sockets.counted_requests import count_requests
from tests.sockets.deployment import Device, House, Room, hush
from tests.support.lean import LeanClient

WARM_SECONDS = 2


@pytest.fixture
def bob(house: House, room: Room) -> Device:
    return house.device("bob")


def typed(device: Device, lean: LeanClient, channel: str) -> Meter:
    """What it costs to type."""
    with lean.metered() as meter:
        device.done("typing", channel=channel)
    return meter


@pytest.mark.converses("typing", "typingStarted")
def test_the_others_hear_who_types_on_every_device_and_the_typist_on_none(
    house: House, room: Room, alice: Device, bob: Device
) -> None:
    laptop, tablet, mallory = house.device("alice"), house.device("bob"), house.device("mallory")
    hush(alice, bob, laptop, tablet, mallory)
    assert alice.done("typing", channel="general") == {"typing_timeout": 5}
    # A recipient shows it a second longer than the typist keeps silent.
    push = {"event": "typingStarted", "channel_sid": room.sid, "identity": "alice", "typing_timeout": 6}
    assert [device.heard() for device in (bob, tablet)] == [[push], [push]]
    assert [device.heard() for device in (alice, laptop, mallory)] == [[], [], []]


def test_the_timeout_is_the_services(house: House, room: Room, alice: Device, bob: Device) -> None:
    house.rest.post(house.path, TypingIndicatorTimeout=9)
    hush(bob)
    assert alice.done("typing", channel=room.sid) == {"typing_timeout": 9}
    assert [push["typing_timeout"] for push in bob.heard()] == [10]


def test_typing_leaves_no_trace(lean: LeanClient, house: House, room: Room, alice: Device, bob: Device) -> None:
    hush(alice, bob)
    before, seq = len(house.deployment.read_stream()), room.fetch()
    meter = typed(alice, lean, room.sid)
    assert meter.write_units == 0
    assert set(meter.requests) <= {"GetItem", "BatchGetItem", "Query"}
    assert len(house.deployment.read_stream()) == before
    assert room.fetch() == seq
    assert bob.events() == ["typingStarted"]


def test_typing_in_a_warm_room_reads_nothing(
    lean: LeanClient, house: House, room: Room, alice: Device, bob: Device
) -> None:
    hush(alice, bob)
    assert typed(alice, lean, room.sid).requests.total() > 0
    assert typed(alice, lean, room.sid).requests.total() == 0
    bob.done("fetchChannel", channel=room.sid)
    assert typed(bob, lean, room.sid).requests.total() == 0
    assert bob.events() == ["typingStarted"] * 2
    assert alice.events() == ["typingStarted"]


def test_a_client_that_floods_is_answered_and_tells_the_others_a_few_times_a_second(
    house: House, room: Room, alice: Device, bob: Device
) -> None:
    """Each of fifty frames a second was pushed to each of a thousand members."""
    count_requests(house.deployment)
    hush(alice, bob)
    for _ in range(20):
        assert alice.done("typing", channel=room.sid) == {"typing_timeout": 5}
    assert bob.events() == ["typingStarted"] * 2 * MOST_A_SECOND
    house.device("alice").done("typing", channel=room.sid)
    assert bob.events() == ["typingStarted"]
    house.deployment.world.clock.advance(1)
    for _ in range(20):
        alice.done("typing", channel=room.sid)
    assert bob.events() == ["typingStarted"] * MOST_A_SECOND


def test_a_newcomer_or_a_leaver_is_noticed_after_two_seconds(
    house: House, room: Room, alice: Device, bob: Device
) -> None:
    hush(alice, bob)
    alice.done("typing", channel=room.sid)
    room.delete("/Members/bob")
    room.add("carol")
    carol = house.device("carol")
    hush(bob, carol)
    house.deployment.world.clock.advance(WARM_SECONDS)
    alice.done("typing", channel=room.sid)
    assert (carol.events(), bob.events()) == (["typingStarted"], [])
    assert bob.refusal("typing", channel=room.sid) == (403, 50400)


def test_a_newcomer_in_a_warm_room_may_type_at_once(house: House, room: Room, alice: Device, bob: Device) -> None:
    hush(bob)
    alice.done("typing", channel=room.sid)
    carol = house.device("carol")
    assert carol.refusal("typing", channel=room.sid) == (403, 50400)
    room.add("carol")
    carol.done("typing", channel=room.sid)
    assert [push["identity"] for push in bob.heard() if push["event"] == "typingStarted"] == ["alice", "carol"]


def test_typing_where_nobody_else_is_connected_pushes_nothing(house: House, room: Room, alice: Device) -> None:
    house.deployment.announce()
    calls = house.deployment.gateway.calls
    assert alice.done("typing", channel=room.sid) == {"typing_timeout": 5}
    assert house.deployment.gateway.calls == calls


def test_a_socket_that_is_gone_does_not_disturb_typing(house: House, room: Room, alice: Device, bob: Device) -> None:
    tablet = house.device("bob")
    hush(tablet)
    house.deployment.gateway.close(bob.connection_id)
    assert alice.ask("typing", channel=room.sid)["status"] == 200
    assert tablet.events() == ["typingStarted"]


def test_a_connection_without_a_record_is_tried_once(house: House, room: Room, alice: Device, bob: Device) -> None:
    deployment = house.deployment
    alice.done("typing", channel=room.sid)
    deployment.gateway.close(bob.connection_id)
    deployment.world.table.take(keys.connection(bob.connection_id))
    alice.done("typing", channel=room.sid)
    calls = deployment.gateway.calls
    alice.done("typing", channel=room.sid)
    assert deployment.gateway.calls == calls


def test_a_connection_whose_key_was_deleted_hears_nobody_type(
    house: House, room: Room, alice: Device, bob: Device
) -> None:
    house.deployment.revoke(house.key)
    house.key = house.deployment.api_key()
    tablet, laptop = house.device("bob"), house.device("alice")
    hush(bob, tablet)
    house.deployment.world.clock.advance(60)
    laptop.done("typing", channel=room.sid)
    assert (bob.events(), tablet.events()) == ([], ["typingStarted"])


def test_nobody_types_in_another_service_also_where_it_is_warm(house: House, room: Room, alice: Device) -> None:
    alice.done("typing", channel=room.sid)
    namesake = House(house.deployment).device("alice")
    assert namesake.refusal("typing", channel=room.sid) == (404, 20404)
