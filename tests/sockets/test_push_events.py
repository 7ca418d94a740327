"""Who hears what: each row of the push table, with the whole frame for everyone in and around a channel."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from parley.sockets import events
from parley.sockets.native.rendering import PUSHES, UNTOLD
from tests.sockets.deployment import Devices, House, Room

PEOPLE = ("alice", "bob", "carol", "dave", "erin")
# What happened in the channel while it was being set up: two came, one wrote, one was invited.
SETTING_UP = 4


class Scene:
    """A private channel that dave made, with alice and bob in it and erin invited; carol is outside. All are connected."""

    def __init__(self, house: House):
        self.house = house
        self.devices = Devices({identity: house.device(identity) for identity in PEOPLE})
        self.room: Room = house.channel("alice", "bob", Type="private", UniqueName="general", CreatedBy="dave")
        self.message = self.room.post("hello", From="alice")
        self.invite = house.rest.post(f"{self.room.path}/Invites", Identity="erin")
        self.devices.hush()

    def push(self, event: str, seq: int = SETTING_UP + 1, **members: Any) -> dict[str, Any]:
        """A push about the channel, whose records have the version that it tells of."""
        versioned = {
            name: {**value, "seq": seq} if name in ("channel", "message", "member", "invite") else value
            for name, value in members.items()
        }
        return {"event": event, "channel_sid": self.room.sid, "seq": seq, **versioned}

    def channel(self, version: int = 0) -> dict[str, Any]:
        """The channel as pushes show it, but for its seq; `version` is the seq of its own last change."""
        return {**self.room.fetch(), "version": version, "last_message_index": 0, "state": "active"}

    def user_channel(self, identity: str) -> Any:
        return self.house.rest.get(f"{self.house.path}/Users/{identity}/Channels/{self.room.sid}")

    @property
    def message_path(self) -> str:
        return f"/Messages/{self.message['sid']}"


@pytest.fixture
def scene(house: House) -> Scene:
    return Scene(house)


@pytest.mark.converses("messageAdded")
def test_members_and_nobody_else_hear_of_a_new_message(scene: Scene) -> None:
    message = scene.room.post("again", From="bob")
    expected = [scene.push("messageAdded", message=message)]
    assert scene.devices.heard() == {"alice": expected, "bob": expected}


@pytest.mark.converses("messageUpdated")
def test_members_hear_of_an_edited_message(scene: Scene) -> None:
    message = scene.room.update(scene.message_path, Body="hullo")
    reasons = ["dateUpdated", "lastUpdatedBy", "body"]
    expected = [scene.push("messageUpdated", message=message, updateReasons=reasons)]
    assert scene.devices.heard() == {"alice": expected, "bob": expected}


@pytest.mark.converses("messageRemoved")
def test_members_hear_of_a_removed_message_as_it_was(scene: Scene) -> None:
    scene.room.delete(scene.message_path)
    expected = [scene.push("messageRemoved", message=scene.message, last_message_index=None)]
    assert scene.devices.heard() == {"alice": expected, "bob": expected}


def test_with_a_removed_message_comes_the_index_of_the_newest_that_is_left(scene: Scene) -> None:
    sids = [scene.room.post(body)["sid"] for body in "abc"]
    scene.devices.heard()
    told = []
    for number in (1, 2, 0):
        scene.room.delete(f"/Messages/{sids[number]}")
        told += [push["last_message_index"] for push in scene.devices.heard()["bob"]]
    assert told == [3, 1, 0]


@pytest.mark.converses("channelJoined", "memberJoined")
def test_members_hear_who_joins_and_the_newcomer_hears_that_he_joined(scene: Scene) -> None:
    member = scene.room.add("carol")
    joined = scene.push(
        "channelJoined", channel=scene.channel(), user_channel=scene.user_channel("carol"), member=member
    )
    expected = [scene.push("memberJoined", member=member)]
    assert scene.devices.heard() == {"alice": expected, "bob": expected, "carol": [joined, *expected]}


@pytest.mark.converses("memberUpdated")
def test_members_hear_of_a_changed_member(scene: Scene) -> None:
    member = scene.room.update("/Members/bob", LastConsumedMessageIndex="0")
    reasons = ["lastConsumedMessageIndex", "lastConsumptionTimestamp", "dateUpdated"]
    expected = [scene.push("memberUpdated", member=member, updateReasons=reasons)]
    assert scene.devices.heard() == {"alice": expected, "bob": expected}


def test_only_the_member_hears_of_its_notification_level(scene: Scene) -> None:
    path = f"{scene.house.path}/Users/bob/Channels/{scene.room.sid}"
    user_channel = scene.house.rest.post(path, NotificationLevel="muted")
    own = scene.push(
        "channelUpdated", channel=scene.channel(), user_channel=user_channel, updateReasons=["notificationLevel"]
    )
    expected = [scene.push("channelAdvanced")]
    assert scene.devices.heard() == {"alice": expected, "bob": [own, *expected]}


@pytest.mark.converses("memberLeft", "channelLeft", "channelRemoved")
def test_a_leaving_member_hears_that_the_private_channel_is_gone_and_the_others_that_it_left(scene: Scene) -> None:
    member = scene.house.rest.get(f"{scene.room.path}/Members/bob")
    scene.room.delete("/Members/bob")
    channel = scene.channel()
    assert scene.devices.heard() == {
        "alice": [scene.push("memberLeft", member=member)],
        "bob": [
            scene.push("channelLeft", channel=channel, member=member),
            scene.push("channelRemoved", channel=channel),
        ],
    }


def test_a_member_who_leaves_a_public_channel_still_sees_it(house: House) -> None:
    room = house.channel("bob")
    bob = house.device("bob")
    bob.heard()
    room.delete("/Members/bob")
    assert bob.events() == ["channelLeft"]


@pytest.mark.converses("channelAdded")
def test_only_its_creator_hears_of_a_new_channel(scene: Scene) -> None:
    room = scene.house.channel(UniqueName="other", CreatedBy="carol")
    channel = {**room.fetch(), "seq": 0, "version": 0, "last_message_index": None, "state": "active"}
    assert scene.devices.heard() == {
        "carol": [{"event": "channelAdded", "channel_sid": room.sid, "seq": 0, "channel": channel}]
    }


@pytest.mark.converses("channelUpdated")
def test_members_and_who_is_invited_hear_of_a_changed_channel_with_its_counters(scene: Scene) -> None:
    channel = scene.room.update(FriendlyName="The room", UniqueName="renamed")
    assert (channel["members_count"], channel["messages_count"]) == (2, 1)
    reasons = ["friendlyName", "uniqueName", "dateUpdated"]
    expected = [scene.push("channelUpdated", channel=scene.channel(SETTING_UP + 1), updateReasons=reasons)]
    assert scene.devices.heard() == dict.fromkeys(("alice", "bob", "erin"), expected)


def test_members_creator_and_who_is_invited_hear_of_a_removed_channel(scene: Scene) -> None:
    channel = scene.channel(SETTING_UP)
    scene.room.delete()
    # The message that its link would lead to went with it.
    gone = {**channel, "links": {**channel["links"], "last_message": None}}
    expected = [scene.push("channelRemoved", SETTING_UP, channel=gone)]
    assert scene.devices.heard() == dict.fromkeys(("alice", "bob", "dave", "erin"), expected)


@pytest.mark.converses("channelInvited", "channelAdvanced")
def test_the_invited_user_hears_it_and_members_learn_only_that_something_happened(scene: Scene) -> None:
    invite = scene.house.rest.post(f"{scene.room.path}/Invites", Identity="carol")
    user_channel = scene.user_channel("carol")
    assert user_channel["status"] == "invited"
    assert scene.devices.heard() == {
        "alice": [scene.push("channelAdvanced")],
        "bob": [scene.push("channelAdvanced")],
        "carol": [scene.push("channelInvited", channel=scene.channel(), user_channel=user_channel, invite=invite)],
    }


def test_an_invited_user_hears_that_the_invite_was_taken_back_and_the_private_channel_is_gone(scene: Scene) -> None:
    scene.room.delete(f"/Invites/{scene.invite['sid']}")
    channel = scene.channel()
    assert scene.devices.heard() == {
        "alice": [scene.push("channelAdvanced")],
        "bob": [scene.push("channelAdvanced")],
        "erin": [
            scene.push("channelLeft", channel=channel, invite=scene.invite),
            scene.push("channelRemoved", channel=channel),
        ],
    }


@pytest.mark.converses("userUpdated")
def test_the_user_and_nobody_else_hears_of_a_changed_user_whom_nobody_follows(scene: Scene) -> None:
    path = f"{scene.house.path}/Users/alice"
    scene.house.rest.post(path, FriendlyName="Alice")
    (frame,) = scene.devices.heard()["alice"]
    user = scene.house.rest.get(path)
    seq = frame["user"]["seq"]
    assert frame == {"event": "userUpdated", "user": {**user, "seq": seq}, "updateReasons": ["friendlyName"]}
    assert scene.devices.heard() == {}
    scene.house.rest.post(path, FriendlyName="A.")
    assert scene.devices.heard()["alice"][0]["user"]["seq"] > seq


def test_nobody_hears_of_a_new_or_removed_user_a_service_or_a_role(scene: Scene) -> None:
    scene.house.rest.post(f"{scene.house.path}/Users", Identity="zoe")
    assert scene.house.rest("DELETE", f"{scene.house.path}/Users/zoe").status == 204
    scene.house.rest.post(scene.house.path, FriendlyName="renamed")
    scene.house.role("reader", "channel", ["leaveChannel"])
    assert scene.devices.heard() == {}


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


def test_a_removed_member_hears_nothing_more(scene: Scene) -> None:
    scene.room.delete("/Members/bob")
    scene.devices.hush()
    scene.room.post("about bob", From="alice")
    assert set(scene.devices.heard()) == {"alice"}


def _refused(scene: Scene) -> None:
    """A change that has taken a number when it is refused."""
    scene.house.channel(UniqueName="taken")
    assert scene.house.rest("POST", scene.room.path, {"UniqueName": "taken"}).status == 409


def test_members_learn_only_the_number_of_a_change_that_was_refused(scene: Scene) -> None:
    _refused(scene)
    expected = [scene.push("channelAdvanced")]
    assert scene.devices.heard() == {"alice": expected, "bob": expected}


def _changes(scene: Scene) -> list[tuple[tuple[str, str], Callable[[], object]]]:
    room, rest = scene.room, scene.house.rest
    level = {"NotificationLevel": "muted"}
    invites = f"{room.path}/Invites"
    return [
        (("message", "created"), lambda: room.post("x")),
        (("message", "updated"), lambda: room.update(scene.message_path, Body="y")),
        (("message", "deleted"), lambda: room.delete(scene.message_path)),
        (("member", "created"), lambda: room.add("carol")),
        (("member", "updated"), lambda: room.update("/Members/carol", Attributes="[1]")),
        (("member", "updated"), lambda: rest.post(f"{scene.house.path}/Users/carol/Channels/{room.sid}", level)),
        (("member", "deleted"), lambda: room.delete("/Members/carol")),
        (("invite", "created"), lambda: rest.post(invites, Identity="carol")),
        (("invite", "deleted"), lambda: room.delete(f"/Invites/{scene.invite['sid']}")),
        (("channel", "created"), lambda: scene.house.channel(CreatedBy="dave")),
        (("channel", "updated"), lambda: room.update(FriendlyName="z")),
        (("user", "updated"), lambda: rest.post(f"{scene.house.path}/Users/carol", FriendlyName="C")),
        (("nothing", "created"), lambda: _refused(scene)),
        (("channel", "deleted"), lambda: room.delete()),
    ]


def test_every_row_of_the_push_table_is_heard_by_somebody(scene: Scene) -> None:
    heard: dict[tuple[str, str], set[str]] = {}
    for row, act in _changes(scene):
        act()
        told = {event for names in scene.devices.events().values() for event in names}
        heard[row] = heard.get(row, set()) | told
    told = {
        row: {PUSHES[event.name].name for event in found if not event.ends and event.name not in UNTOLD}
        for row, found in events.EVENTS.items()
    }
    assert heard == {row: names for row, names in told.items() if names}
