"""How notifications get into the queue, and what happens if they do not."""

from __future__ import annotations

import itertools
import threading
from typing import Any

import pytest

from parley.errors import UNAVAILABLE
from parley.ports.push import Retry
from parley.ports.sockets.gateway import Outcome
from parley.sockets import notifying
from parley.sockets.notifying import MOST_PEOPLE
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
    scene.room = room  # type: ignore[attr-defined]
    return scene


def pushed_to_bob(scene: Scene) -> int:
    return len(scene.bob.frames())  # type: ignore[attr-defined]


def test_the_same_change_is_queued_under_the_same_name(message: Scene):
    records = records_of(message)
    deliver(message, records)
    deliver(message, records)
    first, second = message.queue.take()
    assert first["once"] == second["once"] and first["group"] == first["channel_sid"]


def test_people_who_come_meanwhile_are_not_lost_to_a_name_that_was_used(message: Scene):
    records = records_of(message)
    deliver(message, records)
    message.room.add("carol")  # type: ignore[attr-defined]
    deliver(message, records)
    first, second = message.queue.take()
    assert first["once"] != second["once"] and len(second["people"]) == 2


def test_a_change_that_cannot_be_queued_comes_again_and_sockets_hear_of_it_once(message: Scene):
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


def test_later_changes_of_a_batch_wait_for_a_change_that_could_not_be_planned(
    message: Scene, monkeypatch: pytest.MonkeyPatch
):
    message.room.post("two", From="alice")  # type: ignore[attr-defined]
    records = records_of(message)
    with monkeypatch.context() as patch:
        patch.setattr(notifying, "carried", _failing_at(2))
        assert deliver(message, records) == [records[-1]["dynamodb"]["SequenceNumber"]]
    assert [entry["index"] for entry in message.queue.take()] == [0]
    pushed = pushed_to_bob(message)
    assert deliver(message, records[-1:]) == []
    assert [entry["index"] for entry in message.queue.take()] == [1]
    assert pushed_to_bob(message) == pushed


def _failing_at(number: int) -> Any:
    calls = itertools.count(1)

    def carried(record: Any) -> Any:
        if next(calls) == number:
            raise ValueError
        return record

    return carried


def test_a_push_that_cannot_read_the_table_tells_later(message: Scene, monkeypatch: pytest.MonkeyPatch):
    message.plan()

    def busy(*_: Any, **__: Any) -> Any:
        raise UNAVAILABLE()

    with monkeypatch.context() as patch:
        patch.setattr(type(message.runtime.table), "fetch_many", busy)
        assert message.push(message.queue.take()) == []
    (waiting,) = message.queue.entries
    assert waiting["group"] != waiting["channel_sid"]
    message.world.clock.advance(1)
    assert message.push(message.queue.take()) == []
    assert [told.address for told in message.phones.take()] == ["token-1"]


def test_a_notification_that_cannot_read_the_table_for_ten_minutes_is_given_up(
    message: Scene, monkeypatch: pytest.MonkeyPatch
):
    message.plan()

    def busy(*_: Any, **__: Any) -> Any:
        raise UNAVAILABLE()

    with monkeypatch.context() as patch:
        patch.setattr(type(message.runtime.table), "fetch_many", busy)
        for _ in range(20):
            assert message.push(message.queue.take()) == []
            message.world.clock.advance(60)
    assert message.queue.entries == []
    assert message.world.counted["NotificationsGivenUp", 0] == 1


def test_notifications_are_queued_while_the_answers_of_sockets_are_out(message: Scene):
    queued = threading.Event()
    send, post = message.queue.send, message.deployment.gateway.post

    def sending(*given: Any) -> None:
        send(*given)
        queued.set()

    def posting(pushes: Any, deadline: float, when_sent: Any) -> Any:
        outcomes = post(pushes, deadline, when_sent)
        assert queued.wait(30)
        return outcomes

    message.queue.send = sending  # type: ignore[method-assign]
    message.deployment.gateway.post = posting  # type: ignore[method-assign]
    assert deliver(message, records_of(message)) == []
    assert len(message.queue.entries) == 1


def test_notifications_are_queued_though_some_push_is_never_sent(message: Scene):
    message.deployment.gateway.post = lambda pushes, *_: dict.fromkeys(  # type: ignore[method-assign]
        (name for name, _ in pushes), Outcome.DROPPED
    )
    assert deliver(message, records_of(message)) == []
    assert len(message.queue.entries) == 1


def test_a_batch_whose_pushes_fail_leaves_no_thread_behind(message: Scene):
    failed = threading.Event()
    send = message.queue.send

    def sending(*given: Any) -> None:
        assert failed.wait(30)
        send(*given)

    def posting(pushes: Any, deadline: float, when_sent: Any) -> Any:
        when_sent()
        threading.Timer(0.1, failed.set).start()
        raise ValueError

    message.queue.send = sending  # type: ignore[method-assign]
    message.deployment.gateway.post = posting  # type: ignore[method-assign]
    with pytest.raises(ValueError):
        deliver(message, records_of(message))
    assert len(message.queue.entries) == 1


def test_a_service_that_is_forgotten_while_sockets_are_slow_is_told_of(message: Scene):
    post = message.deployment.gateway.post

    def posting(*given: Any) -> Any:
        message.world.clock.advance(11)
        return post(*given)

    message.deployment.gateway.post = posting  # type: ignore[method-assign]
    assert deliver(message, records_of(message)) == []
    assert len(message.queue.entries) == 1


def test_a_batch_that_stops_at_a_broken_record_queues_what_came_before_it(message: Scene):
    message.house.channel("alice", "bob").post("two", From="alice")
    records = records_of(message)
    broken = next(record for record in reversed(records) if "MESSAGE#" in record["dynamodb"]["Keys"]["sk"]["S"])
    del broken["dynamodb"]["NewImage"]["service_sid"]
    assert deliver(message, records) == [broken["dynamodb"]["SequenceNumber"]]
    kinds = [entry["kind"] for entry in message.queue.take()]
    assert kinds == ["new_message", "added_to_channel", "added_to_channel"]


def test_an_entry_names_a_hundred_people(scene: Scene):
    scene.set(Limits__ChannelMembers="200")
    room = scene.house.channel("alice")
    for number in range(101):
        room.add(f"user {number}")
    scene.hush()
    room.post("hello", From="alice")
    scene.plan()
    first, second = scene.queue.take()
    assert (len(first["people"]), len(second["people"])) == (MOST_PEOPLE, 1)
    assert first["once"] != second["once"]


def test_each_message_of_a_batch_goes_to_all_but_its_own_author(scene: Scene):
    room = scene.house.channel("alice", "bob")
    phones = [scene.phone(name) for name in ("alice", "bob")]
    scene.hush()
    room.post("one", From="bob")
    room.post("two", From="alice")
    assert [told.address for told in scene.told()] == phones


def test_an_entry_carries_no_more_of_a_text_than_a_phone_can_show(scene: Scene):
    scene.set(Notifications__NewMessage__Template="${MESSAGE}")
    room = scene.house.channel("alice", "bob")
    scene.phone("bob")
    scene.hush()
    room.post("x" * 178 + "yz", From="alice")
    assert scene.told()[0].payload["twi_body"] == "x" * 178
    room.post("x" * 177 + "e\u0301z", From="alice")
    scene.plan()
    (entry,) = scene.queue.entries
    assert len(entry["record"]["body"]) == 179
    assert scene.told()[0].payload["twi_body"] == "x" * 177


def test_the_longest_addresses_that_are_told_later_go_into_entries_that_the_queue_takes(scene: Scene):
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
    scene.plan()
    scene.phones.meddle = lambda device: Retry("Throttled")
    # The fake queue refuses what SQS refuses.
    assert scene.push(scene.queue.take()) == []
    assert sum(len(entry["devices"]) for entry in scene.queue.entries) == 80
