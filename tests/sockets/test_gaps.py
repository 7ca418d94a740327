"""Clients whose pushes were given up are told so by the next tick, and catch up."""

from __future__ import annotations

from typing import Any

import pytest

from parley.sockets.gaps import MOST_CLOSED
from tests.ports.meddling import MeddlingClient
from tests.sdk.device import SdkDevice
from tests.sockets.deployment import Device, House, Room


def throttled(house: House, *devices: Device | SdkDevice) -> None:
    """From now on API Gateway answers 429 for these."""
    house.deployment.announce()
    house.deployment.gateway.throttle(*(device.connection_id for device in devices))


def relieved(house: House, *devices: Device | SdkDevice) -> None:
    """Everything reaches these again."""
    house.deployment.gateway.relieve(*(device.connection_id for device in devices))


def tick(house: House) -> None:
    house.deployment.world.clock.advance(60)
    house.deployment.tick()


def told(device: Device) -> list[Any]:
    """The channels of the pushes about gaps."""
    return [push["channels"] for push in device.heard() if push["event"] == "pushesMissed"]


@pytest.mark.converses("pushesMissed", "catchUp")
def test_a_client_is_told_what_it_missed_by_the_next_tick_and_catches_up(house: House, room: Room, alice: Device):
    seq = alice.done("fetchChannel", channel="general")["seq"]
    throttled(house, alice)
    room.post("one")
    house.deployment.announce()
    room.post("two")
    room.update(FriendlyName="The room")
    house.deployment.announce()
    relieved(house, alice)
    tick(house)
    first, second = told(alice)
    assert sorted([first, second], key=str) == [{room.sid: seq + 1}, {room.sid: seq + 3}]
    answer = alice.done("catchUp", channels={room.sid: seq})["channels"][room.sid]
    assert [event["event"] for event in answer["events"]] == ["messageAdded", "messageAdded", "channelUpdated"]


def test_a_client_is_told_once(house: House, room: Room, alice: Device):
    throttled(house, alice)
    room.post("one")
    house.deployment.announce()
    relieved(house, alice)
    tick(house)
    assert len(told(alice)) == 1
    for _ in range(4):
        tick(house)
    assert told(alice) == []
    assert house.deployment.world.counted["GapsTold", 0] == 1


def test_every_channel_of_a_batch_is_named(house: House, room: Room, alice: Device):
    other = house.channel("alice", "bob")
    throttled(house, alice)
    room.post("one")
    other.post("two")
    house.deployment.announce()
    relieved(house, alice)
    tick(house)
    (channels,) = told(alice)
    assert channels == {room.sid: channels[room.sid], other.sid: channels[other.sid]}
    assert channels[other.sid] == alice.done("fetchChannel", channel=other.sid)["seq"]


def test_a_client_that_got_all_pushes_hears_of_no_gap(house: House, room: Room, alice: Device):
    bob = house.device("bob")
    throttled(house, alice)
    room.post("one")
    house.deployment.announce()
    relieved(house, alice)
    tick(house)
    assert (told(bob), len(told(alice))) == ([], 1)


def test_a_client_that_still_does_not_read_is_told_by_a_later_tick(house: House, room: Room, alice: Device):
    throttled(house, alice)
    room.post("one")
    house.deployment.announce()
    for _ in range(5):
        tick(house)
    assert house.deployment.world.counted["GapsTold", 0] == 0
    relieved(house, alice)
    tick(house)
    tick(house)
    assert len(told(alice)) == 1


def test_a_connection_that_is_gone_by_then_is_forgotten(house: House, room: Room, alice: Device):
    throttled(house, alice)
    room.post("one")
    house.deployment.announce()
    house.deployment.gateway.relieve(alice.connection_id)
    alice.close()
    tick(house)
    assert house.deployment.world.counted["GapsTold", 0] == 0


def join(house: House) -> None:
    house.channel("alice")


def invite(house: House) -> None:
    sid = house.channel(Type="private").sid
    house.rest.post(f"{house.path}/Channels/{sid}/Invites", {"Identity": "alice"})


def delete(house: House) -> None:
    assert house.rest("DELETE", f"{house.path}/Channels/general").status == 204


def rename(house: House) -> None:
    house.rest.post(f"{house.path}/Users/alice", {"FriendlyName": "Alice"})


@pytest.mark.parametrize("act", [join, invite, delete, rename])
def test_a_client_that_missed_what_no_change_number_reveals_must_connect_again(
    house: House, room: Room, alice: Device, act: Any
):
    throttled(house, alice)
    room.post("one")
    act(house)
    house.deployment.announce()
    assert alice.is_open
    relieved(house, alice)
    tick(house)
    assert not alice.is_open
    assert house.deployment.world.counted["GapsTold", 0] == 1


def test_an_sdk_must_connect_again(house: House, room: Room):
    device = SdkDevice(house, "alice")
    throttled(house, device)
    room.post("one")
    house.deployment.announce()
    relieved(house, device)
    tick(house)
    assert device.connection_id not in house.deployment.gateway.received


def test_more_sockets_than_may_come_back_at_once_are_closed_by_later_ticks(
    house: House, room: Room, monkeypatch: pytest.MonkeyPatch
):
    assert MOST_CLOSED == 1000
    monkeypatch.setattr("parley.sockets.gaps.MOST_CLOSED", 2)
    devices = [SdkDevice(house, "alice") for _ in range(5)]
    throttled(house, *devices)
    room.post("one")
    house.deployment.announce()
    relieved(house, *devices)
    left = []
    for _ in range(4):
        tick(house)
        left.append(sum(device.connection_id in house.deployment.gateway.received for device in devices))
    assert left == [3, 1, 0, 0]


def test_nothing_is_written_while_everything_arrives(meddled: House, meddling: MeddlingClient):
    room, alice = meddled.channel("alice"), meddled.device("alice")
    alice.heard()
    room.post("one")
    meddling.calls.clear()
    assert alice.events() == ["messageAdded"]
    assert set(meddling.calls) == {"query", "batch_get_item"}


def test_the_change_numbers_of_a_channel_that_a_client_may_not_see_are_not_told(house: House, alice: Device):
    """A public channel's follower hears of the channel itself only."""
    room = house.channel("bob", UniqueName="quiet")
    throttled(house, alice)
    room.post("one")
    house.deployment.announce()
    relieved(house, alice)
    tick(house)
    assert told(alice) == []
