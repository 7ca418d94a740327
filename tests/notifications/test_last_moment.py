"""Changes between the plan of a notification and its delivery: another user has the phone, or the phone is gone."""

from __future__ import annotations

from typing import Any

import pytest

from parley.domain.notifications import CHAT
from parley.ids import user_sid
from parley.operations import bindings
from parley.ports.push import Device, Gone, Outcome, Retry
from parley.store import keys
from tests.notifications.scene import Scene


@pytest.fixture
def planned(scene: Scene) -> Scene:
    """A message to bob's phone is queued."""
    room = scene.house.channel("alice", "bob")
    scene.phone("bob")
    scene.hush()
    room.post("for bob alone", From="alice")
    scene.plan()
    return scene


def register(scene: Scene, identity: str, endpoint: str = "phone 1", address: str = "token-1") -> Any:
    return bindings.register(
        scene.world.context(),
        scene.house.sid,
        identity,
        endpoint=endpoint,
        binding_type="fcm",
        address=address,
        credential_sid="",
        message_types=[],
        face=CHAT,
    )


def work_off(scene: Scene) -> list[str]:
    """What reaches phones, by address, of all that is queued."""
    assert scene.push(scene.queue.take()) == []
    return [told.address for told in scene.phones.take()]


def test_a_phone_that_another_identity_has_taken_gets_nothing_that_was_queued_for_the_former(planned: Scene):
    planned.house.rest.post(f"{planned.house.path}/Users", Identity="carol")
    register(planned, "carol", endpoint="other session")
    assert work_off(planned) == []
    assert planned.phones.asked == []


def test_a_phone_that_was_unregistered_gets_nothing_that_was_queued(planned: Scene):
    (binding,) = planned.bindings("bob")
    planned.house.rest("DELETE", f"{planned.house.path}/Users/bob/Bindings/{binding['sid']}")
    assert work_off(planned) == []


def test_a_user_who_was_deleted_gets_nothing_that_was_queued_though_no_sweep_has_run(planned: Scene):
    planned.house.rest("DELETE", f"{planned.house.path}/Users/bob")
    assert work_off(planned) == []


def test_a_user_who_was_deleted_is_told_of_no_message_though_no_sweep_has_run(scene: Scene):
    room = scene.house.channel("alice", "bob")
    scene.phone("bob")
    scene.house.rest("DELETE", f"{scene.house.path}/Users/bob")
    scene.hush()
    room.post("hello", From="alice")
    assert scene.addresses() == []


@pytest.fixture
def put_off(planned: Scene) -> Scene:
    """The message could not be handed to the phone, and is queued again."""
    planned.phones.meddle = lambda device: Retry("Throttled")
    assert work_off(planned) == []
    planned.phones.meddle = lambda device: None
    planned.phones.asked.clear()
    planned.world.clock.advance(5)
    return planned


def test_a_phone_that_another_identity_has_taken_gets_nothing_that_is_tried_again(put_off: Scene):
    put_off.house.rest.post(f"{put_off.house.path}/Users", Identity="carol")
    register(put_off, "carol", endpoint="other session")
    assert work_off(put_off) == []


def test_a_user_who_was_deleted_gets_nothing_that_is_tried_again(put_off: Scene):
    put_off.house.rest("DELETE", f"{put_off.house.path}/Users/bob")
    assert work_off(put_off) == []


def test_a_phone_gets_what_is_queued_at_the_address_that_it_has_by_then(planned: Scene):
    register(planned, "bob", address="token-2")
    assert work_off(planned) == ["token-2"]


def test_a_phone_with_another_address_gets_what_is_tried_again_at_no_other(put_off: Scene):
    register(put_off, "bob", address="token-2")
    assert work_off(put_off) == []


def test_an_endpoint_that_was_noted_since_is_used(put_off: Scene):
    put_off.queue.entries[0]["devices"][0]["arn"] = "an endpoint that is no more"
    work_off(put_off)
    assert [device.endpoint for device in put_off.phones.asked] == [""]


def test_a_phone_that_registers_again_while_it_is_found_to_be_gone_stays(planned: Scene):
    def meddle(device: Device) -> Outcome | None:
        planned.world.clock.advance(1)
        register(planned, "bob")
        return Gone(52103)

    planned.phones.meddle = meddle
    assert work_off(planned) == []
    assert len(planned.bindings("bob")) == 1
    held = planned.world.table.fetch(keys.user_devices(user_sid(planned.house.sid, "bob")))
    assert held is not None and len(held["devices"]) == 1


def test_a_removal_and_the_badge_that_falls_with_it_are_two_notifications(scene: Scene):
    scene.set(Notifications__NewMessage__BadgeCountEnabled="true", Notifications__LogEnabled="true")
    room = scene.house.channel("alice", "bob")
    scene.phone("bob", "apn")
    room.post("one", From="alice")
    room.post("two", From="alice")
    scene.house.rest.post(f"{room.path}/Members/bob", LastConsumedMessageIndex="0")
    scene.hush()
    scene.house.rest("DELETE", f"{room.path}/Members/bob")
    told = scene.told()
    assert sorted(one.payload["twi_message_type"] for one in told) == [
        "twilio.channel.consumption_update",
        "twilio.channel.removed_from_channel",
    ]
    assert len({one.sid for one in told}) == 2
    logged = scene.world.table.every(keys.all_pushed(user_sid(scene.house.sid, "bob")))
    assert sorted(one["type"] for one in logged) == ["consumption_update", "removed_from_channel"]
