"""Badges: the number on the icon of an app of Apple's, and who counts it."""

from __future__ import annotations

from typing import Any

import pytest

from parley.domain.notifications import CHAT, CONVERSATIONS
from tests.notifications.scene import Scene
from tests.sockets.deployment import Room


@pytest.fixture
def badged(scene: Scene) -> Scene:
    scene.set(Notifications__NewMessage__BadgeCountEnabled="true")
    return scene


def room_of_bob(scene: Scene, *others: str, **fields: Any) -> Room:
    """A channel that bob has read up to its first message."""
    room = scene.house.channel("alice", *others, Type="private", **fields)
    room.add("bob", LastConsumedMessageIndex=0)
    room.post("read", From="alice")
    return room


def badges(scene: Scene) -> list[Any]:
    return [one.payload["aps"].get("badge") for one in scene.told()]


def test_the_badge_is_the_number_of_channels_with_unread_messages(badged: Scene):
    rooms = [room_of_bob(badged), room_of_bob(badged), room_of_bob(badged)]
    badged.phone("bob", "apn")
    badged.hush()
    rooms[0].post("hello", From="alice")
    assert badges(badged) == [1]
    rooms[1].post("hello", From="alice")
    rooms[1].post("hello", From="alice")
    assert badges(badged) == [2, 2]


def test_an_app_of_conversations_shows_how_many_conversations_between_two_have_unread_messages(badged: Scene):
    of_two, of_three = room_of_bob(badged), room_of_bob(badged, "carol")
    badged.phone("bob", "apn", CONVERSATIONS)
    badged.hush()
    of_three.post("hello", From="alice")
    assert badges(badged) == [0]
    of_two.post("hello", From="alice")
    assert badges(badged) == [1]


def test_a_channel_without_a_horizon_does_not_count(badged: Scene):
    """The reference says what is counted, but not what is unread without a horizon (inferred)."""
    room = badged.house.channel("alice", "bob")
    badged.phone("bob", "apn")
    badged.hush()
    room.post("hello", From="alice")
    assert badges(badged) == [0]


def test_reading_a_channel_lowers_the_badge_without_a_sound_or_a_word(badged: Scene):
    room = room_of_bob(badged)
    address = badged.phone("bob", "apn")
    badged.phone("bob", "fcm")
    room.post("hello", From="alice")
    badged.hush()
    room.update("/Members/bob", LastConsumedMessageIndex="1")
    (told,) = badged.told()
    assert told.address == address
    assert told.payload["aps"] == {"badge": 0, "content-available": 1}
    assert told.payload["twi_message_type"] == "twilio.channel.consumption_update"
    assert (told.notification.is_background, told.notification.collapse_id) == (True, "badge")


def test_a_horizon_that_leaves_something_unread_or_changes_nothing_is_not_told(badged: Scene):
    room = room_of_bob(badged)
    badged.phone("bob", "apn")
    for _ in range(3):
        room.post("hello", From="alice")
    badged.hush()
    room.update("/Members/bob", LastConsumedMessageIndex="1")
    assert badged.plan() == []
    room.update("/Members/bob", LastConsumedMessageIndex="3")
    assert len(badged.plan()) == 1
    badged.hush()
    room.update("/Members/bob", LastConsumedMessageIndex="2")
    room.update("/Members/bob", Attributes="{}")
    assert badged.plan() == []


def test_leaving_a_channel_with_unread_messages_lowers_the_badge(badged: Scene):
    badged.set(Notifications__RemovedFromChannel__Enabled="false")
    room = room_of_bob(badged)
    badged.phone("bob", "apn")
    room.post("hello", From="alice")
    badged.hush()
    room.delete("/Members/bob")
    assert badges(badged) == [0]


def test_deleting_the_one_unread_message_of_a_channel_lowers_the_badge(badged: Scene):
    room = room_of_bob(badged)
    badged.phone("bob", "apn")
    badged.phone("alice", "apn")
    message = room.post("hello", From="alice")
    badged.hush()
    room.delete(f"/Messages/{message['sid']}")
    assert badges(badged) == [0]


def test_deleting_one_of_two_unread_messages_is_not_told(badged: Scene):
    room = room_of_bob(badged)
    badged.phone("bob", "apn")
    older, newest = room.post("hello", From="alice"), room.post("hello again", From="alice")
    badged.hush()
    room.delete(f"/Messages/{older['sid']}")
    assert badges(badged) == []
    room.delete(f"/Messages/{newest['sid']}")
    assert badges(badged) == [0]


def test_deleting_a_message_that_somebody_has_read_is_not_told(badged: Scene):
    room = room_of_bob(badged)
    badged.phone("bob", "apn")
    message = room.post("hello", From="alice")
    room.update("/Members/bob", LastConsumedMessageIndex="1")
    badged.hush()
    room.delete(f"/Messages/{message['sid']}")
    assert badged.plan() == []


@pytest.mark.parametrize("face", [CHAT, CONVERSATIONS])
def test_deleting_a_channel_with_unread_messages_lowers_the_badge(badged: Scene, face: str):
    room, other = room_of_bob(badged), room_of_bob(badged)
    badged.phone("bob", "apn", face)
    room.post("hello", From="alice")
    other.post("hello", From="alice")
    badged.hush()
    room.delete()
    assert badges(badged) == [1]


def test_deleting_a_channel_that_everybody_has_read_is_not_told(badged: Scene):
    room = room_of_bob(badged)
    badged.phone("bob", "apn")
    badged.hush()
    room.delete()
    assert badged.plan() == []


def test_without_badges_nothing_is_counted_and_nothing_is_told_of_reading(scene: Scene):
    room = room_of_bob(scene)
    scene.phone("bob", "apn")
    scene.hush()
    room.post("hello", From="alice")
    assert badges(scene) == [None]
    room.update("/Members/bob", LastConsumedMessageIndex="1")
    assert scene.plan() == []
    message = room.post("hello", From="alice")
    scene.hush()
    room.delete(f"/Messages/{message['sid']}")
    room.delete()
    assert scene.plan() == []


def test_a_user_is_counted_once_in_a_batch(badged: Scene, monkeypatch: pytest.MonkeyPatch):
    from parley.operations import badges as operation

    counted: list[str] = []
    count = operation.badges

    def noting(context: Any, user_sid: str, *more: Any) -> Any:
        counted.append(user_sid)
        return count(context, user_sid, *more)

    monkeypatch.setattr(operation, "badges", noting)
    rooms = [room_of_bob(badged), room_of_bob(badged)]
    for face in (CHAT, CONVERSATIONS):
        badged.phone("bob", "apn", face)
    badged.hush()
    for room in rooms:
        room.post("hello", From="alice")
    assert len(badged.told()) == 4
    assert len(counted) == 1
