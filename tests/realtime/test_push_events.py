"""Who hears what: each row of the push table, with the whole frame for everyone in and around a channel."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from local.home import REPOSITORY
from parley.realtime import events
from tests.realtime.deployment import Device, House, Room

PEOPLE = ("alice", "bob", "carol", "dave")


class Scene:
    """A private channel that dave made, with alice and bob in it; carol and dave are outside. All are connected."""

    def __init__(self, house: House):
        self.house = house
        self.devices: dict[str, Device] = {identity: house.device(identity) for identity in PEOPLE}
        self.room: Room = house.channel("alice", "bob", Type="private", UniqueName="general", CreatedBy="dave")
        self.message = self.room.post("hello", From="alice")
        self.hush()

    def hush(self) -> None:
        """Forget what was pushed so far."""
        for device in self.devices.values():
            device.heard()

    def heard(self) -> dict[str, list[dict[str, Any]]]:
        """The new frames by identity, of those who heard any."""
        found = {identity: device.heard() for identity, device in self.devices.items()}
        return {identity: frames for identity, frames in found.items() if frames}

    @property
    def message_path(self) -> str:
        return f"/Messages/{self.message['sid']}"


@pytest.fixture
def scene(house: House) -> Scene:
    return Scene(house)


def frames(scene: Scene, *pushed: tuple[str, str, Any], seq: int) -> list[dict[str, Any]]:
    return [
        {"event": event, "channel_sid": scene.room.sid, "seq": seq, member: record} for event, member, record in pushed
    ]


def test_members_and_nobody_else_hear_of_a_new_message(scene: Scene) -> None:
    message = scene.room.post("again", From="bob")
    expected = frames(scene, ("messageAdded", "message", message), seq=4)
    assert scene.heard() == {"alice": expected, "bob": expected}


def test_members_hear_of_an_edited_message(scene: Scene) -> None:
    message = scene.room.update(scene.message_path, Body="hullo")
    expected = frames(scene, ("messageUpdated", "message", message), seq=4)
    assert scene.heard() == {"alice": expected, "bob": expected}


def test_members_hear_of_a_removed_message_as_it_was(scene: Scene) -> None:
    scene.room.delete(scene.message_path)
    expected = frames(scene, ("messageRemoved", "message", scene.message), seq=4)
    assert scene.heard() == {"alice": expected, "bob": expected}


def test_members_hear_who_joins_and_the_newcomer_hears_that_he_joined(scene: Scene) -> None:
    member = scene.room.add("carol")
    expected = frames(scene, ("memberJoined", "member", member), seq=4)
    own = frames(scene, ("memberJoined", "member", member), ("channelJoined", "member", member), seq=4)
    assert scene.heard() == {"alice": expected, "bob": expected, "carol": own}


def test_members_hear_of_a_changed_member(scene: Scene) -> None:
    member = scene.room.update("/Members/bob", LastConsumedMessageIndex="0")
    expected = frames(scene, ("memberUpdated", "member", member), seq=4)
    assert scene.heard() == {"alice": expected, "bob": expected}


def test_who_stays_hears_of_who_leaves_and_who_leaves_hears_it_once(scene: Scene) -> None:
    member = scene.house.rest.get(f"{scene.room.path}/Members/bob")
    scene.room.delete("/Members/bob")
    assert scene.heard() == {
        "alice": frames(scene, ("memberLeft", "member", member), seq=4),
        "bob": frames(scene, ("channelLeft", "member", member), seq=4),
    }


def test_only_its_creator_hears_of_a_new_channel(scene: Scene) -> None:
    room = scene.house.channel(UniqueName="other", CreatedBy="carol")
    assert scene.heard() == {
        "carol": [{"event": "channelAdded", "channel_sid": room.sid, "seq": 0, "channel": room.fetch()}]
    }


def test_members_hear_of_a_changed_channel_with_its_counters(scene: Scene) -> None:
    channel = scene.room.update(FriendlyName="The room", UniqueName="renamed")
    assert (channel["members_count"], channel["messages_count"]) == (2, 1)
    expected = frames(scene, ("channelUpdated", "channel", channel), seq=4)
    assert scene.heard() == {"alice": expected, "bob": expected}


def test_members_hear_of_a_removed_channel(scene: Scene) -> None:
    channel = scene.room.fetch()
    scene.room.delete()
    heard = scene.heard()
    assert set(heard) == {"alice", "bob"}
    for (frame,) in heard.values():
        assert (frame["event"], frame["channel_sid"]) == ("channelRemoved", scene.room.sid)
        # The counters went with the channel.
        gone = {"members_count": 0, "messages_count": 0, "links": {**channel["links"], "last_message": None}}
        assert frame["channel"] == {**channel, **gone}


def test_only_the_user_hears_of_a_changed_user_outside_any_channel(scene: Scene) -> None:
    path = f"{scene.house.path}/Users/alice"
    scene.house.rest.post(path, FriendlyName="Alice")
    (frame,) = scene.heard()["alice"]
    user = scene.house.rest.get(path)
    # Reachability is shown on single fetches only.
    assert frame == {"event": "userUpdated", "user": {**user, "is_online": None, "is_notifiable": None}}
    assert scene.heard() == {}


def test_nobody_hears_of_a_new_or_removed_user_a_service_or_a_role(scene: Scene) -> None:
    scene.house.rest.post(f"{scene.house.path}/Users", Identity="erin")
    assert scene.house.rest("DELETE", f"{scene.house.path}/Users/erin").status == 204
    scene.house.rest.post(scene.house.path, FriendlyName="renamed")
    scene.house.role("reader", "channel", ["leaveChannel"])
    assert scene.heard() == {}


def test_another_services_namesakes_hear_nothing(scene: Scene) -> None:
    other = House(scene.house.deployment)
    namesakes = [other.device(identity) for identity in PEOPLE]
    scene.room.post("secret", From="alice")
    scene.room.update(FriendlyName="secret")
    assert [device.heard() for device in namesakes] == [[]] * len(PEOPLE)


@pytest.mark.parametrize("kind", ["public", "private"])
def test_a_stranger_hears_nothing_of_a_channel_whatever_happens_in_it(house: House, kind: str) -> None:
    stranger = house.device("mallory")
    room = house.channel("alice", Type=kind)
    message = room.post("a secret", From="alice")
    room.update(f"/Messages/{message['sid']}", Body="another")
    room.update("/Members/alice", Attributes='{"a": 1}')
    room.update(FriendlyName="secrets")
    room.delete(f"/Messages/{message['sid']}")
    room.delete("/Members/alice")
    room.delete()
    assert stranger.heard() == []


def test_who_was_removed_hears_nothing_more(scene: Scene) -> None:
    scene.room.delete("/Members/bob")
    scene.hush()
    scene.room.post("about bob", From="alice")
    assert set(scene.heard()) == {"alice"}


def _changes(scene: Scene) -> dict[tuple[str, str], Callable[[], object]]:
    return {
        ("message", "created"): lambda: scene.room.post("x"),
        ("message", "updated"): lambda: scene.room.update(scene.message_path, Body="y"),
        ("message", "deleted"): lambda: scene.room.delete(scene.message_path),
        ("member", "created"): lambda: scene.room.add("carol"),
        ("member", "updated"): lambda: scene.room.update("/Members/carol", Attributes="{}"),
        ("member", "deleted"): lambda: scene.room.delete("/Members/carol"),
        ("channel", "created"): lambda: scene.house.channel(CreatedBy="dave"),
        ("channel", "updated"): lambda: scene.room.update(FriendlyName="z"),
        ("user", "updated"): lambda: scene.house.rest.post(f"{scene.house.path}/Users/carol", FriendlyName="C"),
        ("channel", "deleted"): lambda: scene.room.delete(),
    }


def test_every_row_of_the_push_table_is_heard_by_somebody(scene: Scene) -> None:
    changes = _changes(scene)
    assert set(changes) == set(events.EVENTS), "a new row needs its change here"
    for row, act in changes.items():
        act()
        heard = {frame["event"] for received in scene.heard().values() for frame in received}
        assert heard == {push.event for push in events.EVENTS[row]}, row


def test_the_documentation_lists_exactly_the_events_that_there_are() -> None:
    text = (REPOSITORY / "docs" / "realtime.md").read_text(encoding="utf-8")
    table = text.partition("| Event | Carries |")[2].partition("\n\n")[0]
    rows = re.findall(r"^\| (`\w+`(?:, `\w+`)*) \| `(\w+)` \|", table, re.MULTILINE)
    documented = {(event, carries) for names, carries in rows for event in re.findall(r"`(\w+)`", names)}
    assert documented == {(push.event, kind) for (kind, _), row in events.EVENTS.items() for push in row}
