"""Channels and their messages and members: what they show, how they are kept up to date, and what they tell."""

from __future__ import annotations

import asyncio
import gc
from datetime import UTC, datetime
from typing import Any

import pytest

from parley_client import RequestError
from tests.client_python.fakes import (
    CHANNEL,
    Lab,
    added,
    changed,
    channel,
    member,
    message,
    refusing,
    soon,
    until,
)

pytestmark = pytest.mark.anyio
NINE = datetime(2026, 11, 20, 9, tzinfo=UTC)


# What they show.


async def test_a_channel_shows_its_record(lab: Lab) -> None:
    _, general = await lab.in_channel(attributes='{"a": 1}', created_by="alice", last_message_index=7)
    assert (general.sid, general.unique_name, general.friendly_name) == (CHANNEL, "general", "General")
    assert (general.attributes, general.created_by, general.type) == ({"a": 1}, "alice", "private")
    assert (general.status, general.is_private, general.notification_level) == ("joined", True, "default")
    assert general.last_message is not None
    assert (general.last_message.index, general.last_consumed_message_index) == (7, None)


async def test_a_channel_shows_its_state_and_tells_when_it_changes(lab: Lab) -> None:
    listener, general = await lab.in_channel()
    assert general.state == "active"
    for seq, state in ((11, "inactive"), (12, "closed")):
        push = changed("channelUpdated", seq, channel=channel(seq, state=state), updateReasons=["state"])
        await lab.server.socket.push(push)
        update = await listener.heard("channelUpdated", seq - 10)
        assert (update.channel, update.update_reasons, general.state) == (general, ("state",), state)


async def test_the_refusal_of_a_closed_conversation_is_raised_with_its_code(lab: Lab) -> None:
    _, general = await lab.in_channel(state="closed")
    lab.server.answers["sendMessage"] = refusing(400, 50377, "Conversation is closed")
    with pytest.raises(RequestError) as refused:
        await general.send_message("too late")
    assert (refused.value.status, refused.value.code, refused.value.message) == (400, 50377, "Conversation is closed")
    assert lab.server.count("sendMessage") == 1


async def test_a_message_shows_its_record(lab: Lab) -> None:
    listener, general = await lab.in_channel()
    await lab.server.socket.push(added(0, 11, attributes='{"mood": "good"}', last_updated_by="carol"))
    shown = (await listener.heard("messageAdded")).message
    assert (shown.index, shown.sid, shown.body, shown.author) == (0, "IM0", "message 0", "bob")
    assert (shown.attributes, shown.last_updated_by, shown.type) == ({"mood": "good"}, "carol", "text")
    assert (shown.date_created, shown.channel) == (NINE, general)


async def test_a_media_message_shows_its_file(lab: Lab) -> None:
    listener, _ = await lab.in_channel()
    file = {"sid": "ME1", "size": 3, "content_type": "text/plain", "filename": "a.txt"}
    await lab.server.socket.push(added(0, 11, body=None, type="media", media=file))
    shown = (await listener.heard("messageAdded")).message
    assert (shown.type, shown.body) == ("media", None)
    assert (shown.media.sid, shown.media.size, shown.media.filename) == ("ME1", 3, "a.txt")


async def test_members_without_an_identity_are_one_object_each_named_by_sid_and_no_users(lab: Lab) -> None:
    listener, general = await lab.in_channel()
    phones = [{**member(name, seq), "identity": None} for seq, name in enumerate(("one", "two"), 1)]
    lab.server.answers["listMembers"] = lambda frame: {"members": phones, "next": None}
    one, two = await general.get_members()
    assert (one.sid, two.sid, one.identity) == ("MB-one", "MB-two", None)
    lab.server.answers["updateMember"] = lambda frame: {**phones[0], "seq": 4}
    await one.update_attributes({"a": 1})
    await two.remove()
    asked = [lab.server.last(action)["identity"] for action in ("updateMember", "removeMember")]
    assert asked == ["MB-one", "MB-two"]
    with pytest.raises(ValueError, match="no user"):
        await one.get_user()
    assert (await general.get_user_descriptors()).items == []
    await lab.server.socket.push(changed("memberLeft", 11, member={"sid": "MB-one", "seq": 11}))
    assert (await listener.heard("memberLeft")).member is one


async def test_a_member_shows_its_record(lab: Lab) -> None:
    _, general = await lab.in_channel()
    read = {"last_consumed_message_index": 3, "last_consumption_timestamp": "2026-11-20T09:00:00Z"}
    lab.server.answers["fetchMember"] = lambda frame: member("bob", 5, role_sid="RL1", **read)
    bob = await general.get_member_by_identity("bob")
    assert (bob.identity, bob.sid, bob.role_sid, bob.channel) == ("bob", "MB-bob", "RL1", general)
    assert (bob.last_consumed_message_index, bob.last_consumption_timestamp) == (3, NINE)


# Kept up to date.


@pytest.mark.parametrize("kind", ["message", "member"])
async def test_an_object_with_a_callback_is_kept_and_told_what_changed(lab: Lab, kind: str) -> None:
    listener, general = await lab.in_channel()
    lab.server.answers["fetchMessage"] = lambda frame: message(0, 9)
    lab.server.answers["fetchMember"] = lambda frame: member("bob", 9)
    heard: list[Any] = []
    if kind == "message":
        (await general.get_message(0)).on("updated", heard.append)
    else:
        (await general.get_member_by_identity("bob")).on("updated", heard.append)
    gc.collect()
    record = message(0, 11, attributes='{"a": 1}') if kind == "message" else member("bob", 11, attributes='{"a": 1}')
    await lab.server.socket.push(changed(f"{kind}Updated", 11, updateReasons=["attributes"], **{kind: record}))
    event = await listener.heard(f"{kind}Updated")
    assert heard == [event]
    assert event.update_reasons == ("attributes",)
    assert getattr(event, kind).attributes == {"a": 1}


async def test_an_older_version_does_not_replace_a_newer_one(lab: Lab) -> None:
    _, general = await lab.in_channel()
    lab.server.answers["fetchMessage"] = lambda frame: message(0, 11, body="edited")
    shown = await general.get_message(0)
    lab.server.answers["fetchMessage"] = lambda frame: message(0, 5, body="stale")
    assert (await general.get_message(0)) is shown
    assert shown.body == "edited"


async def test_a_channel_that_was_read_while_it_was_renamed_has_the_new_name(lab: Lab) -> None:
    listener, general = await lab.in_channel(version=3)
    lab.server.answers["fetchChannel"] = lambda frame: channel(12, version=3)
    await listener.client.get_channel_by_sid(CHANNEL)
    renamed = channel(11, version=11, friendly_name="New")
    await lab.server.socket.push(changed("channelUpdated", 11, channel=renamed, updateReasons=["friendlyName"]))
    event = await listener.heard("channelUpdated")
    assert (event.update_reasons, general.friendly_name) == (("friendlyName",), "New")


async def test_a_channel_keeps_its_name_when_something_else_is_told_with_an_older_one(lab: Lab) -> None:
    listener, general = await lab.in_channel(version=10, friendly_name="New")
    older = channel(11, version=3, friendly_name="Old")
    await lab.server.socket.push(changed("channelUpdated", 11, channel=older, updateReasons=["notificationLevel"]))
    await listener.heard("channelUpdated")
    assert general.friendly_name == "New"


async def test_a_removed_message_that_is_held_still_shows_its_text(lab: Lab) -> None:
    listener, _ = await lab.in_channel()
    await lab.server.socket.push(added(0, 11))
    shown = (await listener.heard("messageAdded")).message
    await lab.server.socket.push(changed("messageRemoved", 12, message={"sid": "IM0", "index": 0, "seq": 12}))
    event = await listener.heard("messageRemoved")
    assert (event.message is shown, event.message.body) == (True, "message 0")


async def test_a_new_message_is_the_last_one_until_it_is_removed(lab: Lab) -> None:
    listener, general = await lab.in_channel()
    assert general.last_message is None
    held = []
    for index in range(3):
        await lab.server.socket.push(added(index, 11 + index))
        held.append((await listener.heard("messageAdded", index + 1)).message)
        assert general.last_message is not None
        assert (general.last_message.index, general.last_message.date_created) == (index, NINE)
    for seq, index, newest in ((14, 1, 2), (15, 2, 0), (16, 0, None)):
        gone = {"sid": f"IM{index}", "index": index, "seq": seq}
        await lab.server.socket.push(changed("messageRemoved", seq, message=gone, last_message_index=newest))
        await listener.heard("messageRemoved", seq - 13)
        assert (general.last_message and general.last_message.index) == newest
    updates = await listener.heard_all("channelUpdated")
    assert [event.update_reasons for event in updates] == [("lastMessage",)] * 5


async def test_a_channel_that_was_left_is_forgotten_when_nobody_holds_it(lab: Lab) -> None:
    listener, general = await lab.in_channel()
    await lab.server.socket.push(changed("channelLeft", 11, channel=channel(11)))
    await listener.heard("channelLeft")
    await lab.server.socket.push({"event": "connectionError"})
    await listener.heard("connectionError")
    listener.events.clear()
    del general
    gc.collect()
    await until(lambda: not list(listener.client._book._channels))


# What is told.


async def test_a_channel_tells_of_everything_in_it(lab: Lab) -> None:
    listener, general = await lab.in_channel()
    heard: list[str] = []
    names = ["messageAdded", "messageUpdated", "messageRemoved", "memberJoined", "memberUpdated", "memberLeft"]
    for name in [*names, "updated", "removed"]:
        general.on(name, lambda event, name=name: heard.append(name))
    await lab.server.socket.push(
        *(changed(name, 11 + at, message=message(0, 11 + at)) for at, name in enumerate(names[:3])),
        *(changed(name, 14 + at, member=member("bob", 14 + at)) for at, name in enumerate(names[3:])),
        changed("channelUpdated", 17, channel=channel(17), updateReasons=["attributes"]),
        changed("channelRemoved", 18, channel=channel(18)),
    )
    await listener.heard("channelRemoved")
    assert heard == ["messageAdded", "updated", *names[1:3], "updated", *names[3:], "updated", "removed"]


async def test_a_status_that_changes_is_an_update_of_the_channel(lab: Lab) -> None:
    listener = await lab.start()
    await lab.server.socket.push(
        changed("channelInvited", 11, channel=channel(11), user_channel={"status": "invited"}),
        changed("channelJoined", 12, channel=channel(12), user_channel={"status": "joined"}),
        changed("channelLeft", 13, channel=channel(13)),
        changed("channelRemoved", 13, channel=channel(13)),
    )
    await listener.heard("channelRemoved")
    told = [event.name for event in listener.events if event.name.startswith("channel")]
    updated = "channelUpdated"
    assert told == ["channelInvited", updated, "channelJoined", updated, "channelLeft", updated, "channelRemoved"]
    assert {event.update_reasons for event in listener.named(updated)} == {("status",)}


async def test_a_status_that_was_there_from_the_start_is_no_update(lab: Lab) -> None:
    listener, _ = await lab.in_channel()
    assert await listener.has_not_heard("channelUpdated")


async def test_a_channel_that_was_created_here_is_told_but_not_joined(lab: Lab) -> None:
    listener = await lab.start()
    lab.server.answers["createChannel"] = lambda frame: channel(1)
    made = await listener.client.create_channel()
    await lab.server.socket.push(changed("channelAdded", 1, channel=channel(1)))
    assert (await listener.heard("channelAdded")).channel is made
    assert made.status == "notParticipating"


@pytest.mark.parametrize(
    ("push", "reason"),
    [
        (
            changed("memberUpdated", 11, member=member("alice", 11, last_consumed_message_index=5)),
            "lastConsumedMessageIndex",
        ),
        (
            changed("channelUpdated", 11, channel=channel(11), user_channel={"notification_level": "muted"}),
            "notificationLevel",
        ),
    ],
)
async def test_a_setting_that_another_device_changed_is_announced(lab: Lab, push: dict[str, Any], reason: str) -> None:
    listener, general = await lab.in_channel()
    await lab.server.socket.push(push)
    assert (await listener.heard("channelUpdated")).update_reasons == (reason,)
    assert (general.last_consumed_message_index, general.notification_level) in [(5, "default"), (None, "muted")]


async def test_how_far_this_user_has_read_is_told_once_whether_push_or_reply_comes_first(lab: Lab) -> None:
    listener, general = await lab.in_channel()
    for seq, horizon in ((11, 5), (12, None), (13, 6)):
        reply = {"last_consumed_message_index": horizon, "unread_messages_count": None}
        lab.server.answers["updateLastConsumedMessageIndex"] = lambda frame, reply=reply: reply
        push = changed("memberUpdated", seq, member=member("alice", seq, last_consumed_message_index=horizon))
        if seq == 12:
            await lab.server.socket.push(push)
        await general.update_last_consumed_message_index(horizon or 0)
        if seq != 12:
            await lab.server.socket.push(push)
        await listener.heard("memberUpdated", seq - 10)
    updates = await listener.heard_all("channelUpdated")
    assert [event.update_reasons for event in updates] == [("lastConsumedMessageIndex",)] * 3


# Sending, in order.


async def test_messages_sent_at_once_go_out_one_after_the_other(lab: Lab) -> None:
    _, general = await lab.in_channel()
    lab.server.silent.add("sendMessage")
    sending = [asyncio.create_task(general.send_message(body)) for body in ("one", "two", "three")]
    for count, body in enumerate(("one", "two", "three"), 1):
        request = await lab.server.asked("sendMessage", count)
        assert (request["body"], lab.server.count("sendMessage")) == (body, count)
        await lab.server.socket.reply(request, message(count, 10 + count))
    assert await soon(asyncio.gather(*sending)) == [1, 2, 3]


@pytest.mark.parametrize("fate", ["refused", "given up"])
async def test_a_message_that_fails_does_not_keep_the_next_from_being_sent(lab: Lab, fate: str) -> None:
    def answer(frame: dict[str, Any]) -> Any:
        return refusing(400, 50501)(frame) if frame["body"] == "first" else message(1, 11)

    _, general = await lab.in_channel()
    lab.server.answers["sendMessage"] = answer
    if fate == "given up":
        lab.server.silent.add("sendMessage")
    first, second = [asyncio.create_task(general.send_message(body)) for body in ("first", "second")]
    await lab.server.asked("sendMessage")
    lab.server.silent.clear()
    if fate == "given up":
        first.cancel()
    assert await soon(second) == 1
    await asyncio.wait([first])
    assert first.cancelled() or first.exception() is not None
