"""`parley push`: what keeps a phone silent, the log of notifications, and a notification as a test."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import pytest

from cli.notified import Entry, Notified
from cli.rest import Answer, Refused, Rest
from cli.trouble import Trouble
from local.template.template import Template
from parley.ids import user_sid
from parley.ports.push import Gone, Retry
from parley.ports.push import Refused as RefusedPush
from parley.store import keys
from tests.notifications.scene import Scene


class InProcess(Rest):
    """The REST API of a scene."""

    def __init__(self, scene: Scene) -> None:
        super().__init__("http://127.0.0.1", "AC", "secret")
        self._scene = scene

    def ask(self, method: str, path: str, fields: Any = None, *, webhooks: bool = False) -> Answer:
        found = self._scene.house.rest(method, path)
        if found.status != 200:
            raise Refused(found.status, found.json["code"], found.json["message"])
        return Answer(found.json, None, "")


class Pushing:
    """A queue before the function `push`: what is sent is carried out at once, unless the function is down."""

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self.is_down = False
        self.sent: list[Any] = []

    def send(self, entries: Sequence[Any]) -> None:
        self.sent += entries
        if not self.is_down:
            assert self._scene.push(list(entries)) == []


class Desk:
    """Somebody who asks about bob's phones."""

    def __init__(self, scene: Scene, client: Any, table: str) -> None:
        self.scene = scene
        self.queue: Any = Pushing(scene)
        self.client = client
        self.table = table

    def about(self, identity: str = "bob") -> Notified:
        return Notified(self.client, self.table, InProcess(self.scene), self.scene.house.sid, identity)

    def reasons(self, identity: str = "bob") -> list[str]:
        return self.about(identity).reasons()

    def log(self, since_ms: int = 0) -> list[Entry]:
        return self.about().log(since_ms)

    def test(self, patience: float = 0) -> list[Entry]:
        at = self.scene.world.clock.now_ms() / 1000
        return list(self.about().test(self.queue, patience, lambda: at))


@pytest.fixture
def table_name(template: Template) -> str:
    (table,) = template.tables()
    return str(table.name)


@pytest.fixture
def desk(scene: Scene, dynamodb: Any, table_name: str) -> Desk:
    scene.set(Notifications__LogEnabled="true")
    return Desk(scene, dynamodb, table_name)


def with_credential(scene: Scene, kind: str = "fcm") -> str:
    """A device of bob's that nothing keeps silent; returns its binding."""
    address = scene.phone("bob", kind)
    bob = user_sid(scene.house.sid, "bob")
    held = scene.world.table.fetch(keys.user_devices(bob)) or {}
    (sid,) = [sid for sid, device in held["devices"].items() if device["address"] == address]
    return sid


def test_each_kind_that_the_service_has_switched_off_is_named_with_its_switch(
    quiet: Scene, dynamodb: Any, table_name: str
):
    quiet.phone("bob")
    reasons = Desk(quiet, dynamodb, table_name).reasons()
    assert "new_message: off. Switch it on: Notifications.NewMessage.Enabled=true" in reasons
    assert len([reason for reason in reasons if "Enabled=true" in reason]) == 5
    quiet.switch_on(**{"Notifications.LogEnabled": "true"})
    assert not [reason for reason in Desk(quiet, dynamodb, table_name).reasons() if "Enabled=true" in reason]


def test_files_have_a_switch_of_their_own_for_devices_of_conversations_alone(desk: Desk):
    with_credential(desk.scene)
    assert not [reason for reason in desk.reasons() if "with_media" in reason]
    desk.scene.phone("bob", face="conversations")
    (reason,) = [reason for reason in desk.reasons() if "with_media" in reason]
    assert reason.endswith("in Conversations: NewMessage.WithMedia.Enabled=true")
    conversations = f"/conversations/v1/Services/{desk.scene.house.sid}/Configuration/Notifications"
    desk.scene.house.rest.post(conversations, {"NewMessage.WithMedia.Enabled": "true"})
    assert not [reason for reason in desk.reasons() if "with_media" in reason]


def test_somebody_without_a_device_is_told_what_the_app_does_to_register(desk: Desk):
    desk.scene.house.rest.post(f"{desk.scene.house.path}/Users", Identity="bob")
    assert desk.reasons() == ["bob has no registered device: let the app call setPushRegistrationId"]


def test_somebody_who_is_no_user_is_trouble(desk: Desk):
    with pytest.raises(Trouble, match="has no user bob"):
        desk.reasons()
    with pytest.raises(Trouble, match="has no user bob"):
        desk.test()


def test_a_device_without_a_credential_or_of_type_gcm_is_named(desk: Desk):
    first, second = with_credential(desk.scene), with_credential(desk.scene, "gcm")
    reasons = sorted(desk.reasons())
    assert [reason[:34] for reason in reasons] == sorted([first, second])
    assert sum("push_credential_sid" in reason for reason in reasons) == 1
    assert sum("of type fcm" in reason for reason in reasons) == 1


def test_the_kinds_that_a_device_did_not_ask_for_are_named(desk: Desk):
    desk.scene.phone("bob", types=("new_message", "added_to_channel"))
    (reason,) = [reason for reason in desk.reasons() if "did not ask" in reason]
    assert reason.endswith("did not ask for removed_from_channel, invited_to_channel when it registered")


def test_muted_channels_are_named(desk: Desk):
    scene = desk.scene
    room, _ = scene.house.channel("bob"), scene.house.channel("bob")
    scene.house.rest.post(f"{scene.house.path}/Users/bob/Channels/{room.sid}", NotificationLevel="muted")
    assert [reason for reason in desk.reasons() if "muted" in reason] == [f"bob has muted {room.sid}"]


def test_a_registration_without_a_device_has_to_be_made_again(desk: Desk):
    desk.scene.phone("bob")
    bob = user_sid(desk.scene.house.sid, "bob")
    key = keys.user_devices(bob)
    desk.client.delete_item(TableName=desk.table, Key={"pk": {"S": key.pk}, "sk": {"S": key.sk}})
    (reason,) = desk.reasons()
    assert "start its app once" in reason


def test_the_log_says_in_words_what_became_of_each_notification(desk: Desk):
    scene = desk.scene
    room = scene.house.channel("alice", "bob")
    for _ in range(4):
        scene.phone("bob")
    scene.hush()
    outcomes = {"token-1": None, "token-2": Gone(52103), "token-3": RefusedPush(52109), "token-4": Retry("Throttled")}
    scene.phones.meddle = lambda device: outcomes[device.address]
    room.post("hello", From="alice")
    scene.told()
    log = desk.log()
    assert {(one.outcome, one.code) for one in log} == {("delivered", 0), ("gone", 52103), ("refused", 52109)}
    assert {(one.type, one.channel_sid) for one in log} == {("new_message", room.sid)}
    assert sorted(one.words for one in log) == [
        "Parley may not use the credential in SNS",
        "handed to the push service",
        "the app was removed: its registration was removed too",
    ]


def test_the_log_is_in_order_and_begins_where_it_is_asked_to(desk: Desk):
    scene = desk.scene
    room = scene.house.channel("alice", "bob")
    scene.phone("bob")
    scene.hush()
    for number in range(3):
        scene.world.clock.advance(10)
        room.post(f"message {number}", From="alice")
        scene.told()
    every = desk.log()
    assert [one.at_ms for one in every] == sorted(one.at_ms for one in every) and len(every) == 3
    assert desk.log(every[1].at_ms) == every[1:]


def test_a_test_reaches_each_device_though_all_is_switched_off(quiet: Scene, dynamodb: Any, table_name: str):
    desk = Desk(quiet, dynamodb, table_name)
    sids = [with_credential(quiet), with_credential(quiet, "apn")]
    assert sorted((one.binding_sid, one.outcome) for one in desk.test()) == sorted((sid, "delivered") for sid in sids)
    told = quiet.phones.take()
    texts = {one.payload.get("twi_body") or one.payload["aps"]["alert"] for one in told}
    assert texts == {"A test from Parley"} and len(told) == 2
    assert {one.payload["twi_message_type"] for one in told} == {"twilio.channel.new_message"}
    assert [one.type for one in desk.log()] == ["test", "test"]


def test_a_test_says_which_device_did_not_get_it_and_which_is_not_known_yet(desk: Desk):
    good, gone, slow = (with_credential(desk.scene) for _ in range(3))
    answers = {"token-2": Gone(52103), "token-3": Retry("Throttled")}
    desk.scene.phones.meddle = lambda device: answers.get(device.address)
    assert {(one.binding_sid, one.outcome) for one in desk.test()} == {
        (good, "delivered"),
        (gone, "gone"),
        (slow, "unknown"),
    }


def test_a_test_waits_for_the_function_as_long_as_it_is_asked_to(desk: Desk, monkeypatch: pytest.MonkeyPatch):
    sid = with_credential(desk.scene)
    desk.queue.is_down = True
    start = desk.scene.world.clock.now_ms() / 1000
    times = itertools.count(start)
    waits: list[float] = []
    monkeypatch.setattr("cli.notified.time.sleep", waits.append)
    (one,) = desk.about().test(desk.queue, 5, lambda: float(next(times)))
    assert (one.binding_sid, one.outcome) == (sid, "unknown") and 3 <= len(waits) <= 5

    def work(_: float) -> None:
        assert desk.scene.push(desk.queue.sent[-1:]) == []

    monkeypatch.setattr("cli.notified.time.sleep", work)
    (one,) = desk.about().test(desk.queue, 5, lambda: start)
    assert one.outcome == "delivered"
