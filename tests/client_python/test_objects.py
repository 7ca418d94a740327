"""Channels, members, messages and users: what they show, what they ask, what they tell."""

from __future__ import annotations

import asyncio
import gc
import weakref
from datetime import UTC, datetime
from typing import Any

import pytest

from parley_client import Channel, Client, Message, MessageAdded, RequestError, RequestTimeout
from tests.client_python.fakes import (
    CHANNEL,
    Lab,
    Listener,
    Refusal,
    added,
    changed,
    channel,
    listed,
    message,
    soon,
    until,
)

pytestmark = pytest.mark.anyio


def member(identity: str, seq: int, **fields: Any) -> dict[str, Any]:
    return {"sid": f"MB-{identity}", "identity": identity, "attributes": "{}", "seq": seq, **fields}


def user(identity: str, seq: int = 1, **fields: Any) -> dict[str, Any]:
    return {"sid": f"US-{identity}", "identity": identity, "friendly_name": None, "seq": seq, **fields}


async def in_channel(lab: Lab, **fields: Any) -> tuple[Listener, Channel]:
    """A client that is in a channel at 10."""
    lab.server.channels = [listed(seq=10, **fields)]
    listener = await lab.start()
    joined = await listener.heard("channelJoined")
    return listener, joined.channel


def last(lab: Lab, action: str) -> dict[str, Any]:
    """What the last request for an action gave, without its id."""
    frame = [frame for socket in lab.server.sockets for frame in socket.asked(action)][-1]
    return {name: value for name, value in frame.items() if name not in ("id", "action")}


# Messages.


async def test_a_message_shows_its_record(lab: Lab) -> None:
    listener, general = await in_channel(lab)
    await lab.server.socket.push(added(0, 11, attributes='{"mood": "good"}', last_updated_by="carol"))
    event = await listener.heard("messageAdded")
    shown = event.message
    assert (shown.index, shown.sid, shown.body, shown.author) == (0, "IM0", "message 0", "bob")
    assert (shown.attributes, shown.last_updated_by, shown.type) == ({"mood": "good"}, "carol", "text")
    assert shown.date_created == datetime(2026, 11, 20, 9, tzinfo=UTC)
    assert shown.channel is general


async def test_a_media_message_shows_its_file(lab: Lab) -> None:
    listener, _ = await in_channel(lab)
    file = {"sid": "ME1", "size": 3, "content_type": "text/plain", "filename": "a.txt"}
    await lab.server.socket.push(added(0, 11, body=None, type="media", media=file))
    shown = (await listener.heard("messageAdded")).message
    assert (shown.type, shown.body) == ("media", None)
    assert (shown.media.sid, shown.media.size, shown.media.filename) == ("ME1", 3, "a.txt")


async def test_a_message_that_is_held_is_kept_up_to_date_and_tells(lab: Lab) -> None:
    listener, general = await in_channel(lab)
    lab.server.answers["fetchMessage"] = lambda frame: message(0, 9)
    shown = await general.get_message(0)
    heard: list[Any] = []
    shown.on("updated", heard.append)
    edit = message(0, 11, body="edited")
    await lab.server.socket.push(changed("messageUpdated", 11, message=edit, updateReasons=["body", "dateUpdated"]))
    event = await listener.heard("messageUpdated")
    assert shown.body == "edited"
    assert heard == [event]
    assert event.update_reasons == ("body", "dateUpdated")


async def test_an_older_version_does_not_replace_a_newer_one(lab: Lab) -> None:
    listener, general = await in_channel(lab)
    lab.server.answers["fetchMessage"] = lambda frame: message(0, 11, body="edited")
    shown = await general.get_message(0)
    await lab.server.socket.push(added(0, 11, body="edited"))
    await listener.heard("messageAdded")
    lab.server.answers["fetchMessage"] = lambda frame: message(0, 5, body="stale")
    assert (await general.get_message(0)) is shown
    assert shown.body == "edited"


async def test_an_object_with_a_callback_is_kept(lab: Lab) -> None:
    listener, general = await in_channel(lab)
    lab.server.answers["fetchMessage"] = lambda frame: message(0, 9)
    heard: list[Any] = []
    (await general.get_message(0)).on("updated", heard.append)
    gc.collect()
    await lab.server.socket.push(changed("messageUpdated", 11, message=message(0, 11)))
    await listener.heard("messageUpdated")
    assert len(heard) == 1


async def test_a_message_changes_and_goes_by_its_sid(lab: Lab) -> None:
    listener, _ = await in_channel(lab)
    await lab.server.socket.push(added(0, 11))
    shown = (await listener.heard("messageAdded")).message
    lab.server.answers["updateMessage"] = lambda frame: message(0, 12, body=frame.get("body", shown.body))
    await shown.update_body("edited")
    assert last(lab, "updateMessage") == {"channel": CHANNEL, "message": "IM0", "body": "edited"}
    assert shown.body == "edited"
    await shown.update_attributes({"a": 1})
    assert last(lab, "updateMessage") == {"channel": CHANNEL, "message": "IM0", "attributes": {"a": 1}}
    await shown.remove()
    assert last(lab, "deleteMessage") == {"channel": CHANNEL, "message": "IM0"}


async def test_the_last_message_is_the_one_before_when_it_is_removed(lab: Lab) -> None:
    listener, general = await in_channel(lab)
    held = [await listener_hears_added(lab, listener, index) for index in range(3)]

    async def removed(seq: int, index: int, newest: int | None) -> None:
        gone = {"sid": f"IM{index}", "index": index, "seq": seq}
        await lab.server.socket.push(changed("messageRemoved", seq, message=gone, last_message_index=newest))
        await listener.heard("messageRemoved", seq - 13)

    await removed(14, 1, 2)
    assert general.last_message is not None
    assert general.last_message.index == 2
    await removed(15, 2, 0)
    assert (general.last_message.index, general.last_message.date_created) == (0, held[0].date_created)
    await removed(16, 0, None)
    assert general.last_message is None
    await until(lambda: listener.named("channelUpdated")[-1].update_reasons == ("lastMessage",))
    assert len(listener.named("channelUpdated")) == 5


async def listener_hears_added(lab: Lab, listener: Listener, index: int) -> Message:
    await lab.server.socket.push(added(index, 11 + index))
    return (await listener.heard("messageAdded", index + 1)).message


async def test_a_removed_message_tells_what_it_was_where_it_is_held(lab: Lab) -> None:
    listener, _ = await in_channel(lab)
    await lab.server.socket.push(added(0, 11))
    shown = (await listener.heard("messageAdded")).message
    await lab.server.socket.push(changed("messageRemoved", 12, message={"sid": "IM0", "index": 0, "seq": 12}))
    event = await listener.heard("messageRemoved")
    assert event.message is shown
    assert event.message.body == "message 0"


async def test_sending_returns_the_index(lab: Lab) -> None:
    _, general = await in_channel(lab)
    lab.server.answers["sendMessage"] = lambda frame: message(4, 12)
    assert await general.send_message("hello", {"mood": "good"}) == 4
    assert last(lab, "sendMessage") == {"channel": CHANNEL, "body": "hello", "attributes": {"mood": "good"}}
    await general.send_message(media_sid="ME1")
    assert last(lab, "sendMessage") == {"channel": CHANNEL, "media_sid": "ME1"}


async def test_messages_sent_at_once_go_out_one_after_the_other(lab: Lab) -> None:
    _, general = await in_channel(lab)
    lab.server.silent.add("sendMessage")
    sending = [asyncio.create_task(general.send_message(body)) for body in ("one", "two", "three")]
    for count, body in enumerate(("one", "two", "three"), 1):
        request = await lab.server.asked("sendMessage", count)
        assert (request["body"], lab.server.count("sendMessage")) == (body, count)
        await lab.server.socket.reply(request, message(count, 10 + count))
    assert await soon(asyncio.gather(*sending)) == [1, 2, 3]


async def test_a_message_that_is_refused_does_not_keep_the_next_from_being_sent(lab: Lab) -> None:
    def answer(frame: dict[str, Any]) -> dict[str, Any]:
        if frame["body"] == "bad":
            raise Refusal(400, 50501)
        return message(1, 11)

    _, general = await in_channel(lab)
    lab.server.answers["sendMessage"] = answer
    refused, sent = await soon(
        asyncio.gather(general.send_message("bad"), general.send_message("good"), return_exceptions=True)
    )
    assert isinstance(refused, RequestError)
    assert sent == 1


async def test_a_message_that_is_given_up_does_not_keep_the_next_from_being_sent(lab: Lab) -> None:
    _, general = await in_channel(lab)
    lab.server.silent.add("sendMessage")
    lab.server.answers["sendMessage"] = lambda frame: message(1, 11)
    first, second = [asyncio.create_task(general.send_message(body)) for body in ("one", "two")]
    await lab.server.asked("sendMessage")
    lab.server.silent.clear()
    first.cancel()
    assert await soon(second) == 1


def forty_messages(lab: Lab) -> None:
    """Have the server hold messages 0 to 39."""

    def answer(frame: dict[str, Any]) -> dict[str, Any]:
        indexes = list(range(40)) if frame["order"] == "asc" else list(range(39, -1, -1))
        anchor = frame.get("anchor")
        if anchor is not None:
            indexes = [i for i in indexes if (i >= anchor if frame["order"] == "asc" else i <= anchor)]
        page, rest = indexes[: frame["page_size"]], indexes[frame["page_size"] :]
        return {"messages": [message(i, i + 1) for i in page], "next_anchor": rest[0] if rest else None}

    lab.server.answers["listMessages"] = answer


def indexes(page: Any) -> list[int]:
    return [one.index for one in page.items]


async def test_messages_are_read_backwards_from_the_end_thirty_at_a_time(lab: Lab) -> None:
    _, general = await in_channel(lab)
    forty_messages(lab)
    newest = await general.get_messages()
    assert indexes(newest) == list(range(10, 40))
    assert (newest.has_prev_page, newest.has_next_page) == (True, False)
    older = await newest.prev_page()
    assert indexes(older) == list(range(10))
    assert (older.has_prev_page, older.has_next_page) == (False, True)
    assert indexes(await older.next_page()) == list(range(10, 40))
    with pytest.raises(LookupError):
        await newest.next_page()
    with pytest.raises(LookupError):
        await older.prev_page()


async def test_a_page_knows_of_newer_messages_before_they_are_pushed(lab: Lab) -> None:
    _, general = await in_channel(lab)
    forty_messages(lab)
    older = await (await general.get_messages()).prev_page()
    assert older.has_next_page
    ending_with_the_newest = await general.get_messages(10, 39)
    assert not ending_with_the_newest.has_next_page
    lab.server.answers["sendMessage"] = lambda frame: message(40, 50)
    await general.send_message("one more")
    assert (await general.get_messages(10, 39)).has_next_page


async def test_messages_are_read_forward_from_an_index(lab: Lab) -> None:
    _, general = await in_channel(lab)
    forty_messages(lab)
    page = await general.get_messages(10, 25, "forward")
    assert indexes(page) == list(range(25, 35))
    assert indexes(await page.next_page()) == list(range(35, 40))
    assert indexes(await page.prev_page()) == list(range(15, 25))
    first = await general.get_messages(10, 0, "forward")
    assert not first.has_prev_page


async def test_messages_are_read_forward_from_the_first_where_no_index_is_given(lab: Lab) -> None:
    _, general = await in_channel(lab)
    forty_messages(lab)
    page = await general.get_messages(10, "end", "forward")
    assert indexes(page) == list(range(10))
    assert (page.has_prev_page, page.has_next_page) == (False, True)
    assert indexes(await page.next_page()) == list(range(10, 20))


async def test_a_paginator_goes_on_to_the_last_page(lab: Lab) -> None:
    _, general = await in_channel(lab)
    forty_messages(lab)
    page = await general.get_messages(15, 0, "forward")
    assert [one.index async for one in page] == list(range(40))


# Channels.


async def test_a_channel_shows_its_record(lab: Lab) -> None:
    _, general = await in_channel(lab, attributes='{"a": 1}', created_by="alice", last_message_index=7)
    assert (general.sid, general.unique_name, general.friendly_name) == (CHANNEL, "general", "General")
    assert (general.attributes, general.created_by, general.type) == ({"a": 1}, "alice", "private")
    assert (general.status, general.is_private, general.notification_level) == ("joined", True, "default")
    assert general.last_message is not None
    assert (general.last_message.index, general.last_consumed_message_index) == (7, None)


async def test_a_new_message_is_the_last_one(lab: Lab) -> None:
    listener, general = await in_channel(lab)
    assert general.last_message is None
    await lab.server.socket.push(added(3, 11))
    update = await listener.heard("channelUpdated")
    assert update.update_reasons == ("lastMessage",)
    assert general.last_message is not None
    assert (general.last_message.index, general.last_message.date_created) == (3, datetime(2026, 11, 20, 9, tzinfo=UTC))


async def test_a_channel_tells_of_everything_in_it(lab: Lab) -> None:
    listener, general = await in_channel(lab)
    heard: list[str] = []
    names = ["messageAdded", "messageUpdated", "messageRemoved", "memberJoined", "memberUpdated", "memberLeft"]
    for name in [*names, "updated", "removed"]:
        general.on(name, lambda event, name=name: heard.append(name))
    await lab.server.socket.push(
        changed("messageAdded", 11, message=message(0, 11)),
        changed("messageUpdated", 12, message=message(0, 12)),
        changed("messageRemoved", 13, message=message(0, 13), last_message_index=None),
        changed("memberJoined", 14, member=member("bob", 14)),
        changed("memberUpdated", 15, member=member("bob", 15)),
        changed("memberLeft", 16, member=member("bob", 16)),
        changed("channelUpdated", 17, channel=channel(17), updateReasons=["attributes"]),
        changed("channelRemoved", 18, channel=channel(18)),
    )
    await listener.heard("channelRemoved")
    assert heard == ["messageAdded", "updated", *names[1:3], "updated", *names[3:], "updated", "removed"]


async def test_a_channel_that_was_read_while_it_was_renamed_has_the_new_name(lab: Lab) -> None:
    listener, general = await in_channel(lab, version=3)
    lab.server.answers["fetchChannel"] = lambda frame: channel(12, version=3)
    await listener.client.get_channel_by_sid(CHANNEL)
    renamed = channel(11, version=11, friendly_name="New")
    await lab.server.socket.push(changed("channelUpdated", 11, channel=renamed, updateReasons=["friendlyName"]))
    event = await listener.heard("channelUpdated")
    assert (event.update_reasons, general.friendly_name) == (("friendlyName",), "New")


async def test_a_channel_keeps_its_name_when_something_else_is_told_with_an_older_one(lab: Lab) -> None:
    listener, general = await in_channel(lab, version=10, friendly_name="New")
    older = channel(11, version=3, friendly_name="Old")
    await lab.server.socket.push(changed("channelUpdated", 11, channel=older, updateReasons=["notificationLevel"]))
    await listener.heard("channelUpdated")
    assert general.friendly_name == "New"


async def test_joining_accepts_an_invitation_where_there_is_one(lab: Lab) -> None:
    lab.server.channels = [listed(status="invited")]
    lab.server.answers["acceptInvitation"] = lambda frame: member("alice", 11)
    listener = await lab.start()
    general = (await listener.heard("channelInvited")).channel
    await general.join()
    assert last(lab, "acceptInvitation") == {"channel": CHANNEL}
    assert general.status == "joined"


async def test_a_status_that_changes_is_an_update_of_the_channel(lab: Lab) -> None:
    listener = await lab.start()
    own = {"status": "joined"}
    await lab.server.socket.push(
        changed("channelInvited", 11, channel=channel(11), user_channel={"status": "invited"}),
        changed("channelJoined", 12, channel=channel(12), user_channel=own),
        changed("channelLeft", 13, channel=channel(13)),
        changed("channelRemoved", 13, channel=channel(13)),
    )
    await listener.heard("channelRemoved")
    told = [event.name for event in listener.events if event.name.startswith("channel")]
    updated = "channelUpdated"
    assert told == ["channelInvited", updated, "channelJoined", updated, "channelLeft", updated, "channelRemoved"]
    assert {event.update_reasons for event in listener.named(updated)} == {("status",)}


async def test_a_status_that_was_there_from_the_start_is_no_update(lab: Lab) -> None:
    listener, _ = await in_channel(lab)
    assert await listener.has_not_heard("channelUpdated")


async def test_an_invitation_is_declined(lab: Lab) -> None:
    lab.server.channels = [listed(status="invited")]
    listener = await lab.start()
    general = (await listener.heard("channelInvited")).channel
    await general.decline()
    assert last(lab, "declineInvitation") == {"channel": CHANNEL}
    assert general.status == "notParticipating"


async def test_a_channel_is_joined_and_left(lab: Lab) -> None:
    lab.server.answers["fetchChannel"] = lambda frame: channel(type="public")
    lab.server.answers["joinChannel"] = lambda frame: member("alice", 11)
    listener = await lab.start()
    general = await listener.client.get_channel_by_unique_name("general")
    assert (last(lab, "fetchChannel"), general.status) == ({"channel": "general"}, "notParticipating")
    await general.join()
    assert general.status == "joined"
    await general.leave()
    assert (last(lab, "leaveChannel"), general.status) == ({"channel": CHANNEL}, "notParticipating")
    assert await listener.client.get_channel_by_sid(CHANNEL) is general


async def test_what_changes_a_channel_takes_over_the_answer(lab: Lab) -> None:
    _, general = await in_channel(lab)
    lab.server.answers["updateChannel"] = lambda frame: channel(11, friendly_name="New", unique_name="new")
    await general.update_friendly_name("New")
    assert last(lab, "updateChannel") == {"channel": CHANNEL, "friendly_name": "New"}
    assert (general.friendly_name, general.unique_name) == ("New", "new")
    await general.update_unique_name("new")
    assert last(lab, "updateChannel") == {"channel": CHANNEL, "unique_name": "new"}
    await general.update_attributes({"a": 1})
    assert last(lab, "updateChannel") == {"channel": CHANNEL, "attributes": {"a": 1}}
    await general.delete()
    assert last(lab, "deleteChannel") == {"channel": CHANNEL}


async def test_a_notification_level_is_set(lab: Lab) -> None:
    listener, general = await in_channel(lab)
    lab.server.answers["setNotificationLevel"] = lambda frame: {"notification_level": frame["notification_level"]}
    await general.set_user_notification_level("muted")
    assert general.notification_level == "muted"
    own = {"status": "joined", "notification_level": "muted"}
    push = changed("channelUpdated", 11, channel=channel(11), user_channel=own, updateReasons=["notificationLevel"])
    await lab.server.socket.push(push)
    assert (await listener.heard("channelUpdated")).update_reasons == ("notificationLevel",)


async def test_counts_are_asked_for(lab: Lab) -> None:
    _, general = await in_channel(lab)
    lab.server.answers["fetchChannel"] = lambda frame: channel(10, members_count=2, messages_count=7)
    own = {"last_consumed_message_index": 4, "unread_messages_count": 3}
    lab.server.answers["fetchMyChannel"] = lambda frame: {"channel": channel(), "user_channel": own}
    assert (await general.get_members_count(), await general.get_messages_count()) == (2, 7)
    assert await general.get_unconsumed_messages_count() == 3
    assert general.last_consumed_message_index == 4


@pytest.mark.parametrize(
    ("method", "action", "arguments"),
    [
        ("advance_last_consumed_message_index", "advanceLastConsumedMessageIndex", [5]),
        ("update_last_consumed_message_index", "updateLastConsumedMessageIndex", [5]),
        ("set_all_messages_consumed", "setAllMessagesConsumed", []),
        ("set_no_messages_consumed", "setNoMessagesConsumed", []),
    ],
)
async def test_what_was_read_is_said(lab: Lab, method: str, action: str, arguments: list[int]) -> None:
    _, general = await in_channel(lab)
    lab.server.answers[action] = lambda frame: {"last_consumed_message_index": 5, "unread_messages_count": 2}
    assert await getattr(general, method)(*arguments) == 2
    assert general.last_consumed_message_index == 5
    assert last(lab, action) == {"channel": CHANNEL, **({"index": 5} if arguments else {})}


async def test_what_was_read_on_another_device_is_told(lab: Lab) -> None:
    listener, general = await in_channel(lab)
    push = changed("memberUpdated", 11, member=member("alice", 11, last_consumed_message_index=5))
    await lab.server.socket.push(push)
    assert (await listener.heard("channelUpdated")).update_reasons == ("lastConsumedMessageIndex",)
    assert general.last_consumed_message_index == 5


async def test_a_channel_is_created_but_not_joined(lab: Lab) -> None:
    listener = await lab.start()
    lab.server.answers["createChannel"] = lambda frame: channel(1)
    made = await listener.client.create_channel(friendly_name="General", is_private=True, attributes={"a": 1})
    assert last(lab, "createChannel") == {"friendly_name": "General", "type": "private", "attributes": {"a": 1}}
    assert made.status == "notParticipating"
    await lab.server.socket.push(changed("channelAdded", 1, channel=channel(1)))
    assert (await listener.heard("channelAdded")).channel is made


async def test_lists_of_channels_come_in_pages(lab: Lab) -> None:
    listener = await lab.start()
    pages = {None: ("CH1", "x"), "x": ("CH2", None)}

    def public(frame: dict[str, Any]) -> dict[str, Any]:
        sid, following = pages[frame.get("after")]
        return {"channels": [channel(sid=sid)], "next": following}

    lab.server.answers["listPublicChannels"] = public
    first = await listener.client.get_public_channel_descriptors()
    second = await first.next_page()
    assert [one.sid for one in (*first.items, *second.items)] == ["CH1", "CH2"]
    assert [one.sid for one in (await second.prev_page()).items] == ["CH1"]
    assert (first.has_prev_page, second.has_next_page) == (False, False)
    lab.server.channels = [listed(status="invited")]
    mine = await listener.client.get_subscribed_channels()
    assert [(one.sid, one.status) for one in mine.items] == [(CHANNEL, "invited")]


# Members.


async def test_members_come_from_all_pages(lab: Lab) -> None:
    _, general = await in_channel(lab)
    pages = {None: ("alice", "x"), "x": ("bob", None)}

    def answer(frame: dict[str, Any]) -> dict[str, Any]:
        identity, following = pages[frame.get("after")]
        return {"members": [member(identity, 1)], "next": following}

    lab.server.answers["listMembers"] = answer
    assert [one.identity for one in await general.get_members()] == ["alice", "bob"]


async def test_a_member_shows_its_record_and_is_kept_up_to_date(lab: Lab) -> None:
    listener, general = await in_channel(lab)
    read = {"last_consumed_message_index": 3, "last_consumption_timestamp": "2026-11-20T09:00:00Z"}
    lab.server.answers["fetchMember"] = lambda frame: member("bob", 5, role_sid="RL1", **read)
    bob = await general.get_member_by_identity("bob")
    assert (bob.identity, bob.sid, bob.role_sid, bob.channel) == ("bob", "MB-bob", "RL1", general)
    assert bob.last_consumed_message_index == 3
    assert bob.last_consumption_timestamp == datetime(2026, 11, 20, 9, tzinfo=UTC)
    heard: list[Any] = []
    bob.on("updated", heard.append)
    push = changed("memberUpdated", 11, member=member("bob", 11, attributes='{"a": 1}'), updateReasons=["attributes"])
    await lab.server.socket.push(push)
    event = await listener.heard("memberUpdated")
    assert heard == [event]
    assert bob.attributes == {"a": 1}


async def test_a_member_is_found_by_its_sid(lab: Lab) -> None:
    _, general = await in_channel(lab)
    lab.server.answers["fetchMember"] = lambda frame: member("bob", 5)
    bob = await general.get_member_by_sid("MB-bob")
    assert last(lab, "fetchMember") == {"channel": CHANNEL, "identity": "MB-bob"}
    assert await general.get_member_by_identity("bob") is bob


async def test_the_users_of_a_channel_are_read_page_by_page(lab: Lab) -> None:
    _, general = await in_channel(lab)
    pages = {None: (["alice", "bob"], "x"), "x": (["carol"], None)}

    def members(frame: dict[str, Any]) -> dict[str, Any]:
        identities, following = pages[frame.get("after")]
        return {"members": [member(identity, 1) for identity in identities], "next": following}

    lab.server.answers["listMembers"] = members
    lab.server.answers["fetchUser"] = lambda frame: user(frame["identity"], 5)
    first = await general.get_user_descriptors()
    assert [one.identity for one in first.items] == ["alice", "bob"]
    assert last(lab, "listMembers") == {"channel": CHANNEL}
    second = await first.next_page()
    assert ([one.identity for one in second.items], second.has_next_page) == (["carol"], False)
    assert [one.identity for one in (await second.prev_page()).items] == ["alice", "bob"]
    assert not second.items[0].is_subscribed


async def test_a_user_who_was_deleted_meanwhile_is_left_out(lab: Lab) -> None:
    def fetch(frame: dict[str, Any]) -> dict[str, Any]:
        if frame["identity"] == "bob":
            raise Refusal(404, 20404)
        return user(frame["identity"])

    _, general = await in_channel(lab)
    listing = {"members": [member("bob", 1), member("carol", 1)], "next": None}
    lab.server.answers |= {"listMembers": lambda frame: listing, "fetchUser": fetch}
    assert [one.identity for one in (await general.get_user_descriptors()).items] == ["carol"]


async def test_members_are_invited_added_changed_and_removed(lab: Lab) -> None:
    _, general = await in_channel(lab)
    lab.server.answers["addMember"] = lambda frame: member("bob", 11)
    lab.server.answers["updateMember"] = lambda frame: member("bob", 12, attributes='{"a": 1}')
    await general.invite("carol")
    assert last(lab, "inviteMember") == {"channel": CHANNEL, "identity": "carol"}
    bob = await general.add("bob")
    assert last(lab, "addMember") == {"channel": CHANNEL, "identity": "bob"}
    await bob.update_attributes({"a": 1})
    assert last(lab, "updateMember") == {"channel": CHANNEL, "identity": "bob", "attributes": {"a": 1}}
    assert bob.attributes == {"a": 1}
    await bob.remove()
    assert last(lab, "removeMember") == {"channel": CHANNEL, "identity": "bob"}


# Typing.


async def test_typing_is_said_once_per_time_that_it_holds(lab: Lab) -> None:
    _, general = await in_channel(lab)
    lab.server.answers["typing"] = lambda frame: {"typing_timeout": 5}
    await general.typing()
    lab.timing.advance(4.9)
    await general.typing()
    assert lab.server.count("typing") == 1
    lab.timing.advance(0.2)
    await general.typing()
    assert lab.server.count("typing") == 2


async def test_typing_is_said_again_after_a_message(lab: Lab) -> None:
    _, general = await in_channel(lab)
    lab.server.answers["typing"] = lambda frame: {"typing_timeout": 5}
    lab.server.answers["sendMessage"] = lambda frame: message(0, 11)
    await general.typing()
    await general.send_message("hello")
    await general.typing()
    assert lab.server.count("typing") == 2


async def test_an_answer_to_typing_before_a_message_does_not_silence_typing_after_it(lab: Lab) -> None:
    _, general = await in_channel(lab)
    lab.server.silent.add("typing")
    lab.server.answers["typing"] = lambda frame: {"typing_timeout": 5}
    lab.server.answers["sendMessage"] = lambda frame: message(0, 11)
    saying = asyncio.create_task(general.typing())
    request = await lab.server.asked("typing")
    sending = asyncio.create_task(general.send_message("hello"))
    await until(lambda: 1.0 in lab.timing.waits())
    lab.timing.advance(1.0)
    await soon(sending)
    lab.server.silent.clear()
    await lab.server.socket.reply(request, {"typing_timeout": 5})
    await soon(saying)
    await general.typing()
    assert lab.server.count("typing") == 2


async def test_a_message_follows_the_typing_that_is_under_way(lab: Lab) -> None:
    listener, general = await in_channel(lab)
    lab.server.silent.add("typing")
    lab.server.answers["sendMessage"] = lambda frame: message(0, 11)
    saying = asyncio.create_task(general.typing())
    request = await lab.server.asked("typing")
    sending = asyncio.create_task(general.send_message("hello"))
    await soon(listener.client.request("fetchSession"))
    assert lab.server.count("sendMessage") == 0
    await lab.server.socket.reply(request, {"typing_timeout": 5})
    await soon(sending)
    await soon(saying)


async def test_a_message_waits_a_second_for_the_typing_that_is_under_way(lab: Lab) -> None:
    _, general = await in_channel(lab)
    lab.server.silent.add("typing")
    lab.server.answers["sendMessage"] = lambda frame: message(0, 11)
    saying = asyncio.create_task(general.typing())
    request = await lab.server.asked("typing")
    sending = asyncio.create_task(general.send_message("hello"))
    await until(lambda: 1.0 in lab.timing.waits())
    lab.timing.advance(1.0)
    assert await soon(sending) == 0
    await lab.server.socket.reply(request, {"typing_timeout": 5})
    await soon(saying)


async def test_typing_that_could_not_be_said_is_said_again(lab: Lab) -> None:
    def refuse(frame: object) -> None:
        raise Refusal(403, 50400)

    _, general = await in_channel(lab)
    lab.server.answers["typing"] = refuse
    for _ in range(2):
        with pytest.raises(RequestError):
            await general.typing()
    assert lab.server.count("typing") == 2


def typing(identity: str, seconds: int = 6) -> dict[str, Any]:
    return {"event": "typingStarted", "channel_sid": CHANNEL, "identity": identity, "typing_timeout": seconds}


async def test_typing_ends_with_time(lab: Lab) -> None:
    listener, _ = await in_channel(lab)
    await lab.server.socket.push(typing("bob"))
    event = await listener.heard("typingStarted")
    assert (event.member.identity, event.member.is_typing) == ("bob", True)
    lab.timing.advance(5)
    await lab.server.socket.push(typing("bob"))
    await lab.server.socket.push(typing("carol"))
    await listener.heard("typingStarted", 2)
    lab.timing.advance(5)
    assert await listener.has_not_heard("typingEnded")
    lab.timing.advance(2)
    await listener.heard("typingEnded", 2)
    assert {event.member.identity for event in listener.named("typingEnded")} == {"bob", "carol"}
    assert not event.member.is_typing
    assert [event.member.identity for event in listener.named("typingStarted")] == ["bob", "carol"]


async def test_typing_ends_with_a_message_of_that_member(lab: Lab) -> None:
    listener, _ = await in_channel(lab)
    await lab.server.socket.push(typing("bob"), typing("carol"))
    await lab.server.socket.push(added(0, 11))
    await listener.heard("messageAdded")
    assert [event.member.identity for event in listener.named("typingEnded")] == ["bob"]


# Users.


def people(lab: Lab, unfollowed: list[str] | None = None) -> None:
    """Have the server know whoever is asked for."""
    lab.server.answers["followUsers"] = lambda frame: {
        "users": [user(identity, 3) for identity in frame["identities"]],
        "unfollowed": unfollowed or [],
    }


async def test_a_user_is_followed_from_then_on(lab: Lab) -> None:
    listener = await lab.start()
    people(lab)
    bob = await listener.client.get_user("bob")
    assert (await listener.heard("userSubscribed")).user is bob
    assert bob.is_subscribed
    online = user("bob", 4, is_online=True, friendly_name="Bob")
    await lab.server.socket.push({"event": "userUpdated", "user": online, "updateReasons": ["online", "friendlyName"]})
    event = await listener.heard("userUpdated")
    assert (event.user, event.update_reasons) == (bob, ("online", "friendlyName"))
    assert (bob.online, bob.notifiable, bob.friendly_name) == (True, None, "Bob")


async def test_a_change_of_a_user_is_told_once(lab: Lab) -> None:
    listener = await lab.start()
    people(lab)
    await listener.client.get_user("bob")
    push = {"event": "userUpdated", "user": user("bob", 4), "updateReasons": ["attributes"]}
    older = {"event": "userUpdated", "user": user("bob", 2), "updateReasons": ["attributes"]}
    await lab.server.socket.push(push, push, older)
    await lab.server.socket.push({**push, "user": user("bob", 5)})
    await listener.heard("userUpdated", 2)
    await soon(listener.client.request("fetchSession"))
    assert len(listener.named("userUpdated")) == 2


async def test_ones_own_horizon_is_told_once_whichever_comes_first_push_or_reply(lab: Lab) -> None:
    listener, general = await in_channel(lab)
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
    await soon(listener.client.request("fetchSession"))
    assert [event.update_reasons for event in listener.named("channelUpdated")] == [("lastConsumedMessageIndex",)] * 3


async def test_users_asked_for_at_once_are_followed_one_request_after_the_other(lab: Lab) -> None:
    listener = await lab.start()
    lab.server.silent.add("followUsers")
    identities = [f"user {number}" for number in range(25)]
    following = asyncio.gather(*(listener.client.get_user(identity) for identity in [*identities, "user 0"]))
    answered: list[str] = []
    for number, count in enumerate((1, 10, 10, 4), 1):
        request = await lab.server.asked("followUsers", number)
        assert (len(request["identities"]), lab.server.count("followUsers")) == (count, number)
        answered += request["identities"]
        users = [user(identity, 3) for identity in request["identities"]]
        await lab.server.socket.reply(request, {"users": users})
    assert answered == identities
    assert [one.identity for one in await soon(following)] == [*identities, "user 0"]


async def test_of_users_asked_for_at_once_a_refused_one_harms_no_other(lab: Lab) -> None:
    listener = await lab.start()
    people(lab)
    known = lab.server.answers["followUsers"]

    def answer(frame: dict[str, Any]) -> dict[str, Any]:
        if "" in frame["identities"]:
            raise Refusal(400, 50406)
        return known(frame)

    lab.server.answers["followUsers"] = answer
    asked = (listener.client.get_user(identity) for identity in ("bob", "", "carol"))
    bob, refused, carol = await soon(asyncio.gather(*asked, return_exceptions=True))
    assert (bob.identity, refused.code, carol.identity) == ("bob", 50406, "carol")


async def test_users_asked_for_at_once_wait_no_longer_than_one_when_nothing_is_answered_after_a_refusal(
    lab: Lab,
) -> None:
    listener = await lab.start()

    def refuse(frame: dict[str, Any]) -> None:
        lab.server.silent.add("followUsers")
        raise Refusal(413, 20413)

    lab.server.silent.add("followUsers")
    asked = (listener.client.get_user(f"user {number}") for number in range(4))
    following = asyncio.gather(*asked, return_exceptions=True)
    first = await lab.server.asked("followUsers")
    lab.server.silent.clear()
    lab.server.answers["followUsers"] = refuse
    await lab.server.socket.reply(first, {"users": [user("user 0", 3)]})
    await lab.server.asked("followUsers", 3)
    lab.timing.advance(30)
    outcomes = await soon(following)
    assert [type(outcome) for outcome in outcomes[1:]] == [RequestTimeout] * 3
    assert lab.server.count("followUsers") == 3


async def test_a_user_asked_for_by_who_gives_up_is_still_followed_for_who_waits(lab: Lab) -> None:
    listener = await lab.start()
    lab.server.silent.add("followUsers")
    giving_up, waiting = (asyncio.create_task(listener.client.get_user("bob")) for _ in range(2))
    await lab.server.asked("followUsers")
    people(lab)
    lab.server.silent.clear()
    giving_up.cancel()
    assert (await soon(waiting)).identity == "bob"


async def test_a_user_that_gave_way_is_not_followed_any_more(lab: Lab) -> None:
    listener = await lab.start()
    people(lab)
    bob = await listener.client.get_user("bob")
    people(lab, unfollowed=["bob"])
    carol = await listener.client.get_user("carol")
    assert (await listener.heard("userUnsubscribed")).user is bob
    assert (bob.is_subscribed, carol.is_subscribed) == (False, True)
    assert await listener.client.get_subscribed_users() == [listener.client.user, carol]


async def test_at_most_a_hundred_users_are_followed(lab: Lab) -> None:
    listener = await lab.start()
    people(lab)
    users = [await listener.client.get_user(f"user {number}") for number in range(101)]
    assert (await listener.heard("userUnsubscribed")).user is users[0]
    assert len(await listener.client.get_subscribed_users()) == 1 + 100


async def test_following_nobody_is_refused(lab: Lab) -> None:
    lab.server.answers["followUsers"] = lambda frame: {"users": [], "unfollowed": []}
    listener = await lab.start()
    with pytest.raises(RequestError) as refused:
        await listener.client.get_user("nobody")
    assert (refused.value.status, refused.value.code) == (404, 20404)
    assert await listener.client.get_subscribed_users() == [listener.client.user]


async def test_a_user_is_followed_no_more_on_request(lab: Lab) -> None:
    listener = await lab.start()
    people(lab)
    bob = await listener.client.get_user("bob")
    await bob.unsubscribe()
    assert last(lab, "unfollowUsers") == {"identities": ["bob"]}
    assert not bob.is_subscribed
    await listener.heard("userUnsubscribed")


async def test_ones_own_user_needs_no_following(lab: Lab) -> None:
    listener = await lab.start()
    me = await listener.client.get_user("alice")
    assert (me is listener.client.user, me.is_subscribed) == (True, True)
    assert lab.server.count("followUsers") == 0


async def test_a_change_made_here_is_told_by_its_push(lab: Lab) -> None:
    listener = await lab.start()
    changed_user = user("alice", 2, friendly_name="Alicia")
    lab.server.answers["updateUser"] = lambda frame: changed_user
    await listener.client.user.update_friendly_name("Alicia")
    assert last(lab, "updateUser") == {"identity": "alice", "friendly_name": "Alicia"}
    assert listener.client.user.friendly_name == "Alicia"
    push = {"event": "userUpdated", "user": changed_user, "updateReasons": ["friendlyName"], "request": "9"}
    await lab.server.socket.push(push)
    assert (await listener.heard("userUpdated")).update_reasons == ("friendlyName",)


async def test_users_are_read_without_following_them(lab: Lab) -> None:
    listener = await lab.start()
    lab.server.answers["fetchUser"] = lambda frame: user(frame["identity"])
    lab.server.answers["listUsers"] = lambda frame: {"users": [user("bob"), user("carol")], "next": None}
    bob = await listener.client.get_user_descriptor("bob")
    page = await listener.client.get_user_descriptors()
    assert (bob.is_subscribed, page.items[0] is bob) == (False, True)


async def test_a_client_knows_whether_its_service_tells_who_is_online(lab: Lab) -> None:
    session = lab.server.answers["fetchSession"]
    service = {"sid": "IS1", "reachability_enabled": True}
    assert not (await lab.start()).client.reachability_enabled
    lab.server.answers["fetchSession"] = lambda frame: {**session(frame), "service": service}
    assert (await lab.start()).client.reachability_enabled


async def test_bindings_are_registered_and_removed(lab: Lab) -> None:
    listener = await lab.start()
    lab.server.answers["registerBinding"] = lambda frame: {"sid": "BS1"}
    assert await listener.client.register_binding("fcm", "address", message_types=["new_message"]) == "BS1"
    given = {"binding_type": "fcm", "address": "address", "message_types": ["new_message"]}
    assert last(lab, "registerBinding") == given
    await listener.client.remove_binding("BS1")
    assert last(lab, "removeBinding") == {"binding": "BS1"}


# Callbacks and streams.


async def test_a_callback_that_fails_harms_nobody(lab: Lab) -> None:
    listener, general = await in_channel(lab)
    heard: list[MessageAdded] = []

    def fail(event: MessageAdded) -> None:
        raise ValueError("oops")

    general.on(MessageAdded, fail)
    general.on(MessageAdded, heard.append)
    await lab.server.socket.push(added(0, 11))
    event = await listener.heard("messageAdded")
    assert heard == [event]


async def test_a_callback_may_be_a_coroutine_function(lab: Lab) -> None:
    listener, _ = await in_channel(lab)
    done = asyncio.Event()

    async def note(event: MessageAdded) -> None:
        await asyncio.sleep(0)
        done.set()

    listener.client.on(MessageAdded, note)
    await lab.server.socket.push(added(0, 11))
    await asyncio.wait_for(done.wait(), 5)


async def test_a_callback_ends_when_it_is_taken_off(lab: Lab) -> None:
    listener, _ = await in_channel(lab)
    heard: list[MessageAdded] = []
    take_off = listener.client.on(MessageAdded, heard.append)
    await lab.server.socket.push(added(0, 11))
    await listener.heard("messageAdded")
    take_off()
    await lab.server.socket.push(added(1, 12))
    await listener.heard("messageAdded", 2)
    assert len(heard) == 1


async def test_a_stream_ends_when_the_client_is_shut_down(lab: Lab) -> None:
    listener = await lab.start()
    stream = listener.client.events()
    await listener.close()
    assert [event.name async for event in stream] == ["connectionStateChanged", "connectionStateChanged"]
    assert [event async for event in stream] == []


async def test_the_first_stream_begins_with_the_events_of_the_start(lab: Lab) -> None:
    lab.server.channels = [listed()]
    async with lab.client() as client:
        first, second = client.events(), client.events()
    state = "connectionStateChanged"
    assert [event.name async for event in first] == [state, "channelJoined", state, state, state]
    assert [event.name async for event in second] == [state, state]


async def unheard(lab: Lab) -> tuple[Client, asyncio.Event]:
    """A client in a channel that has started and not been asked for events, and whether a message has come."""
    lab.server.channels = [listed()]
    client = lab.client()
    has_come = asyncio.Event()
    client.on(MessageAdded, lambda event: has_come.set())
    await soon(client.start())
    return client, has_come


async def test_the_first_stream_has_what_happened_before_one_could_ask_for_it(lab: Lab) -> None:
    client, has_come = await unheard(lab)
    await lab.server.socket.push(added(0, 11))
    await soon(has_come.wait())
    stream = client.events()
    await client.shutdown()
    assert "messageAdded" in [event.name async for event in stream]


async def test_events_are_not_kept_for_an_application_that_never_asks(lab: Lab) -> None:
    client, has_come = await unheard(lab)
    lab.timing.advance(11)
    await lab.server.socket.push(added(0, 11))
    await soon(has_come.wait())
    stream = client.events()
    await client.shutdown()
    assert "messageAdded" not in [event.name async for event in stream]


async def test_a_stream_that_is_abandoned_is_forgotten(lab: Lab) -> None:
    listener, _ = await in_channel(lab)
    stream = listener.client.events()
    await lab.server.socket.push(added(0, 11))
    async for _ in stream:
        break
    forgotten = weakref.ref(stream)
    del stream
    gc.collect()
    assert forgotten() is None


async def test_a_stream_of_a_client_that_was_shut_down_is_empty(lab: Lab) -> None:
    client, _ = await unheard(lab)
    await client.shutdown()
    assert await soon(anext(client.events(), None)) is None


async def test_a_channel_that_was_left_is_forgotten_when_nobody_holds_it(lab: Lab) -> None:
    listener, general = await in_channel(lab)
    await lab.server.socket.push(changed("channelLeft", 11, channel=channel(11)))
    await listener.heard("channelLeft")
    await lab.server.socket.push({"event": "connectionError"})
    await listener.heard("connectionError")
    listener.events.clear()
    del general
    gc.collect()
    await until(lambda: not list(listener.client._book._channels))
