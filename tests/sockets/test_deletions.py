"""What fan-out does when a channel or a user is deleted: who is told, whose sockets end, and what may be swept then."""

from __future__ import annotations

import json
from typing import Any

import pytest

from parley.store import keys
from tests.ports.meddling import MeddlingClient, refusing
from tests.sockets.deployment import Device, House, Room


def tail(house: House, room: Room) -> dict[str, Any]:
    key = keys.tail(room.sid)
    return dict(house.deployment.world.table.fetch_many([key], buried=True).get(key) or {})


def delete_user(house: House, identity: str) -> None:
    assert house.rest("DELETE", f"{house.path}/Users/{identity}").status == 204


def test_a_channels_deletion_is_noted_as_told_after_its_members_were_told(house: House) -> None:
    room = house.channel("alice", "bob")
    alice = house.device("alice")
    alice.heard()
    room.delete()
    assert "told_at" not in tail(house, room)
    assert alice.events() == ["channelRemoved"]
    assert tail(house, room)["told_at"] == house.deployment.world.clock.now_ms()


def test_a_deletion_that_nobody_is_online_to_hear_is_noted_as_told_too(house: House) -> None:
    room = house.channel("alice")
    room.delete()
    house.deployment.announce()
    assert "told_at" in tail(house, room)


def test_a_deletion_behind_a_record_that_cannot_be_told_is_not_noted_as_told(house: House) -> None:
    room = house.channel("alice")
    house.deployment.announce()
    before = len(house.deployment.records)
    room.post("x")
    room.delete()
    records = house.deployment.read_stream()[before:]
    poison = next(one for one in records if one["dynamodb"]["Keys"]["sk"]["S"].startswith("MESSAGE#"))
    del poison["dynamodb"]["NewImage"]["service_sid"]
    answer = house.deployment.deliver(records)
    assert answer["batchItemFailures"]
    assert "told_at" not in tail(house, room)


def test_a_tombstone_that_was_swept_meanwhile_is_not_brought_back(house: House) -> None:
    room = house.channel("alice")
    room.delete()
    house.deployment.world.table.erase_many([keys.tail(room.sid)])
    house.deployment.announce()
    assert tail(house, room) == {}


def test_a_note_that_is_refused_fails_the_batch_and_is_written_by_the_next(
    meddled: House, meddling: MeddlingClient
) -> None:
    room = meddled.channel("alice")
    meddled.deployment.announce()
    before = len(meddled.deployment.records)
    room.delete()
    records = meddled.deployment.read_stream()[before:]
    meddling.script("update_item", *[refusing("InternalServerError")] * 10)
    with pytest.raises(Exception, match="UNAVAILABLE"):
        meddled.deployment.deliver(records)
    assert "told_at" not in tail(meddled, room)
    meddling.unscript()
    meddled.deployment.deliver(records)
    assert "told_at" in tail(meddled, room)


def test_a_deleted_users_sockets_are_told_why_and_closed(house: House) -> None:
    room = house.channel("alice", "bob")
    phone, laptop, bob = house.device("alice"), house.device("alice"), house.device("bob")
    bob.heard(), phone.heard(), laptop.heard()
    delete_user(house, "alice")
    house.deployment.announce()
    for device in (phone, laptop):
        assert not device.is_open
        last = device.frames()[-1]
        assert (last["event"], last["terminal"], last["status"], last["code"]) == ("connectionError", True, 404, 50200)
    assert bob.is_open
    house.deployment.gateway.attempts.clear()
    room.post("hello")
    house.deployment.announce()
    assert set(house.deployment.gateway.attempts) == {bob.connection_id}
    reply = house.deployment.send(phone.connection_id, json.dumps({"id": "1", "action": "listMyChannels"}))
    assert reply is None


def test_a_user_who_was_made_again_keeps_the_sockets_of_its_own(house: House) -> None:
    house.channel("alice")
    former = house.device("alice")
    former.heard()
    delete_user(house, "alice")
    successor: Device = house.device("alice")
    house.deployment.announce()
    assert not former.is_open
    assert successor.is_open
    assert successor.done("fetchSession")["identity"] == "alice"
