"""The outcomes of a notification (delivered, gone, refused, tried again, given up), and what is stored of it."""

from __future__ import annotations

from typing import Any

import pytest

from parley.domain.memberships import birth_of
from parley.errors import UNAVAILABLE
from parley.ids import user_sid
from parley.ports.push import Device, Gone, Outcome, Refused, Retry
from parley.store import keys
from tests.notifications.scene import Scene


@pytest.fixture
def told(scene: Scene) -> Scene:
    """A channel of alice and bob, who has three phones and a message to hear of; fan-out has planned that."""
    scene.set(Notifications__LogEnabled="true")
    room = scene.house.channel("alice", "bob")
    for _ in range(3):
        scene.phone("bob")
    scene.hush()
    room.post("hello", From="alice")
    scene.plan()
    return scene


def bob(scene: Scene) -> str:
    return user_sid(scene.house.sid, "bob")


def devices_of_bob(scene: Scene) -> Any:
    return (scene.world.table.fetch(keys.user_devices(bob(scene))) or {}).get("devices", {})


def log_of_bob(scene: Scene) -> list[Any]:
    return scene.world.table.every(keys.all_pushed(bob(scene)))


def answering(address: str, outcome: Outcome) -> Any:
    return lambda device: outcome if device.address == address else None


def test_the_endpoint_of_a_delivery_is_used_for_the_next_one(told: Scene):
    assert told.push(told.queue.take()) == []
    assert {one["arn"] for one in devices_of_bob(told).values()} == {f"endpoint of token-{n}" for n in (1, 2, 3)}
    assert {device.endpoint for device in told.phones.asked} == {""}
    told.phones.asked.clear()
    told.house.channel("alice", "bob").post("again", From="alice")
    told.told()
    assert {device.endpoint for device in told.phones.asked} == {f"endpoint of token-{n}" for n in (1, 2, 3)}


@pytest.mark.parametrize("code", [52102, 52103])
def test_a_device_that_is_gone_loses_its_registration(told: Scene, code: int):
    told.phones.meddle = answering("token-2", Gone(code))
    assert told.push(told.queue.take()) == []
    assert len(told.bindings("bob")) == 2
    assert {one["address"] for one in devices_of_bob(told).values()} == {"token-1", "token-3"}
    assert told.queue.entries == []
    assert told.world.counted["NotificationsGone", 0] == 1


def test_a_user_whose_last_device_is_gone_is_no_longer_notifiable(told: Scene):
    told.set(ReachabilityEnabled="true")
    told.house.device("bob")
    assert told.house.rest.get(f"{told.house.path}/Users/bob")["is_notifiable"] is True
    told.phones.meddle = lambda device: Gone(52103)
    assert told.push(told.queue.take()) == []
    assert told.house.rest.get(f"{told.house.path}/Users/bob")["is_notifiable"] is False


def test_a_device_that_registers_again_meanwhile_keeps_its_registration(told: Scene):
    def meddle(device: Device) -> Outcome | None:
        table = told.world.table
        if device.address == "token-2":
            (sid,) = [sid for sid, one in devices_of_bob(told).items() if one["address"] == "token-2"]
            key = keys.binding(told.house.sid, sid)
            table.touch(key, {"address": "token-9"})
            return Gone(52103)
        return None

    told.phones.meddle = meddle
    assert told.push(told.queue.take()) == []
    assert len(told.bindings("bob")) == 3


@pytest.mark.parametrize("code", [52109, 52131])
def test_a_credential_that_cannot_be_used_is_counted_and_named_and_nothing_is_removed(
    told: Scene, code: int, caplog: pytest.LogCaptureFixture
):
    told.phones.meddle = lambda device: Refused(code)
    assert told.push(told.queue.take()) == []
    assert len(told.bindings("bob")) == 3
    assert told.world.counted["NotificationsRefused", code] == 3
    (line,) = [record for record in caplog.records if record.message == "notifications refused"]
    assert (line.__dict__["code"], line.__dict__["devices"]) == (code, 3)


def test_a_device_that_cannot_be_told_now_is_told_later_and_the_others_only_once(told: Scene):
    told.phones.meddle = answering("token-2", Retry("Throttled"))
    assert told.push(told.queue.take()) == []
    assert sorted(one.address for one in told.phones.take()) == ["token-1", "token-3"]
    (again,) = told.queue.take()
    assert [device["address"] for device in again["devices"]] == ["token-2"]
    # It has a group of its own: whatever is told in the channel next does not wait for it.
    assert again["group"] != again["channel_sid"]
    told.phones.meddle = lambda device: None
    told.world.clock.advance(1)
    assert told.push([again]) == []
    assert [one.address for one in told.phones.take()] == ["token-2"]


def test_an_entry_that_comes_before_its_time_is_hidden_until_then(told: Scene):
    told.phones.meddle = lambda device: Retry("Throttled")
    told.push(told.queue.take())
    (again,) = told.queue.take()
    told.phones.asked.clear()
    assert len(told.push([again])) == 1
    assert told.phones.asked == []
    assert [seconds for _, seconds in told.queue.pauses] == [1]


def test_pauses_double_up_to_a_minute_and_after_ten_minutes_it_is_given_up(told: Scene):
    told.phones.meddle = lambda device: Retry("InternalError")
    entries, pauses = told.queue.take(), []
    told.push(entries)
    while entries := told.queue.take():
        pause_ms = entries[0]["due_at"] - told.world.clock.now_ms()
        pauses.append(pause_ms // 1000)
        told.world.clock.advance(pause_ms / 1000)
        told.push(entries)
    assert pauses[:8] == [1, 2, 4, 8, 16, 32, 60, 60]
    assert set(pauses[8:]) == {60} and 480 < sum(pauses) <= 600
    assert told.world.counted["NotificationsGivenUp", 0] == 3
    assert {one["outcome"] for one in log_of_bob(told)} == {"given_up"}
    assert len(told.bindings("bob")) == 3


def test_every_attempt_carries_the_same_id(told: Scene):
    entries = told.queue.take()
    told.push(entries)
    told.push(entries)
    heard = told.phones.take()
    assert len(heard) == 6 and len({(one.address, one.sid) for one in heard}) == 3
    assert len({one.sid for one in heard}) == 3


def test_when_time_is_short_the_rest_is_told_in_the_next_invocation(told: Scene):
    assert told.push(told.queue.take(), remaining_ms=5_000) == []
    assert told.phones.take() == []
    told.world.clock.advance(1)
    assert told.push(told.queue.take()) == []
    assert len(told.phones.take()) == 3


def test_the_log_says_what_became_of_each_and_is_kept_for_a_week(told: Scene):
    told.phones.meddle = lambda device: {"token-1": Gone(52103), "token-2": Refused(52131)}.get(device.address)
    told.push(told.queue.take())
    log = log_of_bob(told)
    assert sorted((one["outcome"], one["code"]) for one in log) == [
        ("delivered", 0),
        ("gone", 52103),
        ("refused", 52131),
    ]
    assert {one["type"] for one in log} == {"new_message"}
    assert {one["expires_at"] for one in log} == {told.world.clock.now_ms() // 1000 + 7 * 24 * 3600}
    assert {one["sid"] for one in log if one["outcome"] == "delivered"} == {one.sid for one in told.phones.take()}


def test_nothing_is_logged_unless_the_service_wants_it(scene: Scene):
    room = scene.house.channel("alice", "bob")
    scene.phone("bob")
    scene.hush()
    room.post("hello", From="alice")
    assert len(scene.told()) == 1
    assert log_of_bob(scene) == []


def test_a_log_that_cannot_be_written_repeats_no_notification(told: Scene, monkeypatch: pytest.MonkeyPatch):
    def busy(*_: Any, **__: Any) -> None:
        raise UNAVAILABLE()

    monkeypatch.setattr(type(told.runtime.table), "put_many", busy)
    assert told.push(told.queue.take()) == []
    assert len(told.phones.take()) == 3 and told.queue.entries == []


def test_a_badge_that_cannot_be_counted_now_is_told_later(scene: Scene, monkeypatch: pytest.MonkeyPatch):
    scene.set(Notifications__NewMessage__BadgeCountEnabled="true")
    room = scene.house.channel("alice", "bob")
    scene.phone("bob", "apn")
    browser = scene.phone("bob", "fcm")
    scene.hush()
    room.post("hello", From="alice")
    scene.plan()

    def busy(*_: Any, **__: Any) -> None:
        raise UNAVAILABLE()

    with monkeypatch.context() as patch:
        patch.setattr(type(scene.runtime.table), "page", busy)
        assert scene.push(scene.queue.take()) == []
    assert [one.address for one in scene.phones.take()] == [browser]
    scene.world.clock.advance(1)
    assert scene.push(scene.queue.take()) == []
    assert [one.payload["aps"]["badge"] for one in scene.phones.take()] == [0]


def test_the_person_in_the_entry_is_the_person_of_the_device(told: Scene):
    (entry,) = told.queue.take()
    user = told.world.table.fetch(keys.user(bob(told))) or {}
    assert entry["people"] == [[bob(told), birth_of(user)]]
    assert {device["birth"] for device in told.composed(entry)["devices"]} == {birth_of(user)}
