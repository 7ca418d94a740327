"""How notifications get into the queue, and what happens if they do not."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from parley.errors import UNAVAILABLE
from parley.sockets.notifying import MOST_DEVICES
from tests.notifications.scene import Scene


def records_of(scene: Scene) -> list[Any]:
    return scene.deployment.new_records()


def deliver(scene: Scene, records: list[Any]) -> list[str]:
    answer = scene.deployment.deliver(records)
    return [one["itemIdentifier"] for one in answer["batchItemFailures"]]


@pytest.fixture
def message(scene: Scene) -> Scene:
    """Bob has a phone and a socket open, and there is a message for him."""
    room = scene.house.channel("alice", "bob")
    scene.phone("bob")
    scene.bob = scene.house.device("bob")  # type: ignore[attr-defined]
    scene.hush()
    room.post("hello", From="alice")
    return scene


def pushed_to_bob(scene: Scene) -> int:
    return len(scene.bob.frames())  # type: ignore[attr-defined]


def test_the_same_change_is_queued_under_the_same_name(message: Scene):
    records = records_of(message)
    deliver(message, records)
    deliver(message, records)
    first, second = message.queue.take()
    assert first["once"] == second["once"] and first["group"] == first["channel_sid"]


def test_a_device_that_comes_meanwhile_is_not_lost_to_a_name_that_was_used(message: Scene):
    records = records_of(message)
    deliver(message, records)
    message.phone("bob")
    deliver(message, records)
    first, second = message.queue.take()
    assert first["once"] != second["once"] and len(second["devices"]) == 2


def test_what_cannot_be_queued_comes_again_and_sockets_hear_it_once(message: Scene):
    records = records_of(message)
    message.queue.broken = True
    for _ in range(2):
        assert deliver(message, records) == [records[-1]["dynamodb"]["SequenceNumber"]]
    assert pushed_to_bob(message) == 1
    message.queue.broken = False
    assert deliver(message, records) == []
    assert len(message.queue.entries) == 1
    assert pushed_to_bob(message) == 1


def test_another_container_tells_sockets_again_rather_than_lose_anything(message: Scene):
    records = records_of(message)
    message.queue.broken = True
    deliver(message, records)
    message.queue.broken = False
    fan_out = message.deployment.new_runtime().fan_out
    assert fan_out.deliver(records) is None
    assert len(message.queue.entries) == 1
    assert pushed_to_bob(message) == 2


def test_what_is_told_later_in_a_batch_waits_for_what_could_not_be_queued(
    message: Scene, monkeypatch: pytest.MonkeyPatch
):
    records = records_of(message)
    with monkeypatch.context() as patch:
        calls = itertools.count()
        fetch_many = type(message.runtime.table).fetch_many

        def busy(table: Any, keys: Any, **more: Any) -> Any:
            wanted = list(keys)
            if any(key.sk == "PUSH" for key in wanted) and next(calls) == 0:
                raise UNAVAILABLE()
            return fetch_many(table, wanted, **more)

        patch.setattr(type(message.runtime.table), "fetch_many", busy)
        assert deliver(message, records) != []
        assert message.queue.entries == []
        assert deliver(message, records) == []
    assert len(message.queue.entries) == 1 and pushed_to_bob(message) == 1


def test_a_batch_that_stops_at_a_broken_record_queues_what_came_before_it(message: Scene):
    message.house.channel("alice", "bob").post("two", From="alice")
    records = records_of(message)
    broken = next(record for record in reversed(records) if "MESSAGE#" in record["dynamodb"]["Keys"]["sk"]["S"])
    del broken["dynamodb"]["NewImage"]["service_sid"]
    assert deliver(message, records) == [broken["dynamodb"]["SequenceNumber"]]
    assert [entry["kind"] for entry in message.queue.take()] == ["new_message", "added_to_channel"]


def test_an_entry_holds_a_hundred_devices(scene: Scene):
    room = scene.house.channel("alice")
    for number in range(26):
        room.add(f"user {number}")
        for _ in range(4):
            scene.phone(f"user {number}")
    scene.hush()
    room.post("hello", From="alice")
    first, second = scene.plan()
    assert (len(first["devices"]), len(second["devices"])) == (MOST_DEVICES, 4)
    assert len({device["address"] for entry in (first, second) for device in entry["devices"]}) == 104
    assert first["once"] != second["once"]


def test_the_longest_addresses_go_into_entries_that_the_queue_takes(scene: Scene):
    from parley.operations import bindings

    room = scene.house.channel("alice")
    for number in range(8):
        room.add(f"user {number}")
        for phone in range(10):
            scene.phone(f"user {number}")
            bindings.register(
                scene.world.context(),
                scene.house.sid,
                f"user {number}",
                endpoint=f"long {phone}",
                binding_type="fcm",
                address=f"{number}{phone}" + '"' * 4000,
                credential_sid="",
                message_types=[],
            )
    scene.hush()
    room.post("hello", From="alice")
    # The fake queue refuses what SQS refuses.
    assert sum(len(entry["devices"]) for entry in scene.plan()) == 80
