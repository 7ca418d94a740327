"""Whose phones hear of what: member by member, kind by kind, through stream, queue and push function."""

from __future__ import annotations

import pytest

from local.template.template import Template
from parley.domain.notifications import CHAT, CONVERSATIONS
from tests.notifications.scene import Scene
from tests.sockets.deployment import Room
from tests.support.stream import Stream
from tests.support.world import World


def types_of(told: list) -> list[str]:
    return sorted(one.payload["twi_message_type"] for one in told)


def test_a_message_reaches_every_phone_of_every_member_but_the_author(scene: Scene):
    room = scene.house.channel("alice", "bob", "carol")
    scene.phone("alice")
    expected = sorted([scene.phone("bob"), scene.phone("bob", "apn"), scene.phone("carol")])
    scene.phone("dave")
    scene.hush()
    room.post("hello", From="alice")
    assert scene.addresses() == expected


def test_a_member_who_has_muted_a_channel_hears_of_messages_in_other_channels_only(scene: Scene):
    muted, loud = scene.house.channel("alice", "bob"), scene.house.channel("alice", "bob")
    address = scene.phone("bob")
    muted_channel = f"{scene.house.path}/Users/bob/Channels/{muted.sid}"
    scene.house.rest.post(muted_channel, {"NotificationLevel": "muted"})
    scene.hush()
    muted.post("one", From="alice")
    assert scene.addresses() == []
    loud.post("two", From="alice")
    assert scene.addresses() == [address]


def test_a_phone_hears_what_it_asked_for_and_nothing_else(scene: Scene):
    room = scene.house.channel("alice", "bob")
    scene.phone("bob", types=("added_to_channel",))
    wanting = scene.phone("bob", types=("new_message", "removed_from_channel"))
    scene.hush()
    room.post("hello", From="alice")
    assert scene.addresses() == [wanting]


def test_only_the_user_whom_somebody_else_adds_or_removes_is_notified(scene: Scene):
    room = scene.house.channel("alice")
    scene.phone("alice")
    address = scene.phone("bob")
    scene.hush()
    member = room.add("bob")
    told = scene.told()
    assert [one.address for one in told] == [address]
    assert types_of(told) == ["twilio.channel.added_to_channel"]
    room.delete(f"/Members/{member['sid']}")
    told = scene.told()
    assert [one.address for one in told] == [address]
    assert types_of(told) == ["twilio.channel.removed_from_channel"]


def test_an_invited_user_is_notified(scene: Scene):
    room = scene.house.channel("alice")
    address = scene.phone("bob")
    scene.hush()
    scene.house.rest.post(f"{room.path}/Invites", {"Identity": "bob"})
    told = scene.told()
    assert [one.address for one in told] == [address]
    assert types_of(told) == ["twilio.channel.invited_to_channel"]


def test_a_user_who_joins_leaves_or_declines_is_not_notified_of_that(scene: Scene):
    room = scene.house.channel(Type="public")
    scene.phone("bob")
    bob = scene.house.device("bob")
    scene.hush()
    bob.done("joinChannel", channel=room.sid)
    bob.done("leaveChannel", channel=room.sid)
    assert scene.addresses() == []
    scene.house.rest.post(f"{room.path}/Invites", {"Identity": "bob"})
    scene.hush()
    bob.done("declineInvitation", channel=room.sid)
    assert scene.addresses() == []


def test_a_client_who_adds_another_is_named(scene: Scene):
    alice = scene.house.device("alice")
    scene.house.rest.post(f"{scene.house.path}/Users/alice", {"FriendlyName": "Alice in W."})
    scene.phone("bob")
    sid = alice.done("createChannel", unique_name="den")["sid"]
    alice.done("joinChannel", channel=sid)
    scene.hush()
    alice.done("addMember", channel=sid, identity="bob")
    (told,) = scene.told()
    assert told.payload["twi_body"] == "You have been added to the channel den by Alice in W."


@pytest.mark.parametrize("kind", ["apn", "fcm"])
def test_a_conversations_phone_hears_of_messages_files_and_membership_in_its_own_words(scene: Scene, kind: str):
    room = scene.house.channel("alice", Type="private")
    scene.phone("bob", kind, CONVERSATIONS)
    scene.hush()
    member = room.add("bob")
    heard = scene.told()
    room.post("hello", From="alice")
    heard += scene.told()
    room.delete(f"/Members/{member['sid']}")
    heard += scene.told()
    assert [one.payload["twi_message_type"] for one in heard] == [
        "twilio.conversations.added_to_conversation",
        "twilio.conversations.new_message",
        "twilio.conversations.removed_from_conversation",
    ]


def test_a_conversations_phone_hears_nothing_of_public_channels_and_of_invites(scene: Scene):
    public, private = scene.house.channel("alice", "bob"), scene.house.channel("alice", Type="private")
    scene.phone("bob", face=CONVERSATIONS)
    scene.hush()
    public.post("hello", From="alice")
    scene.house.rest.post(f"{private.path}/Invites", {"Identity": "bob"})
    assert scene.addresses() == []


def test_phones_of_both_faces_are_told_in_one_entry(scene: Scene):
    room = scene.house.channel("alice", "bob", Type="private")
    scene.phone("bob", face=CHAT)
    scene.phone("bob", face=CONVERSATIONS)
    scene.hush()
    room.post("hello", From="alice")
    (entry,) = scene.plan()
    assert len(entry["devices"]) == 2
    assert types_of(scene.told()) == ["twilio.channel.new_message", "twilio.conversations.new_message"]


def test_nobody_is_told_anything_until_the_service_switches_it_on(quiet: Scene):
    room = quiet.house.channel("alice", "bob")
    quiet.phone("bob")
    quiet.hush()
    room.post("hello", From="alice")
    room.add("carol")
    assert quiet.plan() == []
    quiet.set(**{"Notifications__NewMessage__Enabled": "true"})
    quiet.phone("carol")
    room.post("hello", From="alice")
    room.add("dave")
    assert [entry["kind"] for entry in quiet.plan()] == ["new_message"]


def test_phones_of_a_deleted_user_hear_neither_its_end_nor_what_its_successor_hears(scene: Scene):
    room = scene.house.channel("alice", "bob")
    scene.phone("bob")
    scene.hush()
    scene.house.rest("DELETE", f"{scene.house.path}/Users/bob")
    scene.house.rest.post(f"{scene.house.path}/Users", Identity="bob")
    # This removes the membership of the former user first.
    room.add("bob")
    assert scene.addresses() == []


def test_the_connected_hear_of_messages_on_their_phones_too_unless_the_operator_wants_otherwise(
    world: World, stream: Stream, template: Template
):
    scene = Scene(world, stream, template, push_when_connected=False)
    scene.switch_on()
    room: Room = scene.house.channel("alice", "bob", "carol")
    scene.phone("bob")
    address = scene.phone("carol")
    scene.house.device("bob")
    scene.hush()
    room.post("hello", From="alice")
    assert scene.addresses() == [address]


def test_the_connected_hear_of_messages_on_their_phones_too(scene: Scene):
    room = scene.house.channel("alice", "bob")
    address = scene.phone("bob")
    scene.house.device("bob")
    scene.hush()
    room.post("hello", From="alice")
    assert scene.addresses() == [address]


def test_a_channel_that_is_deleted_by_then_is_not_told_of(scene: Scene):
    room = scene.house.channel("alice", "bob")
    scene.phone("bob")
    scene.hush()
    room.post("hello", From="alice")
    room.delete()
    assert scene.addresses() == []


@pytest.mark.parametrize("when_connected", [True, False])
def test_a_member_whom_the_writer_pushed_a_message_is_notified_as_if_fan_out_had_pushed_it(
    world: World, stream: Stream, template: Template, when_connected: bool
):
    scene = Scene(world, stream, template, push_when_connected=when_connected)
    scene.switch_on()
    scene.deployment.hurry()
    room: Room = scene.house.channel("alice", "bob", "carol")
    phones = {identity: scene.phone(identity) for identity in ("bob", "carol")}
    bob = scene.house.device("bob")
    scene.hush()
    room.post("hello", From="alice")
    assert [frame["event"] for frame in bob.frames()][-1] == "messageAdded"
    told = ["bob", "carol"] if when_connected else ["carol"]
    assert scene.addresses() == sorted(phones[identity] for identity in told)
