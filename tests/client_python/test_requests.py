"""What each method asks of the server, and what it makes of the answer."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from types import SimpleNamespace
from typing import Any

import pytest

from tests.client_python.fakes import CHANNEL, Lab, channel, listed, member, message, refusing, user

pytestmark = pytest.mark.anyio

HORIZON = {"last_consumed_message_index": 5, "unread_messages_count": 2}
ANSWERS: dict[str, Any] = {
    "createChannel": channel(1),
    "updateChannel": channel(11, friendly_name="New", attributes='{"a": 1}'),
    "joinChannel": member("alice", 11),
    "acceptInvitation": member("alice", 11),
    "setNotificationLevel": {"notification_level": "muted"},
    "addMember": member("bob", 11),
    "fetchMember": member("bob", 5),
    "updateMember": member("bob", 12, attributes='{"a": 1}'),
    "fetchMessage": message(0, 9),
    "sendMessage": message(4, 12),
    "updateMessage": message(0, 12, body="edited", attributes='{"a": 1}'),
    "updateUser": user("alice", 2, friendly_name="New", attributes='{"a": 1}'),
    "registerBinding": {"sid": "BS1"},
    "advanceLastConsumedMessageIndex": HORIZON,
    "updateLastConsumedMessageIndex": HORIZON,
    "setAllMessagesConsumed": HORIZON,
    "setNoMessagesConsumed": HORIZON,
}
A1 = {"a": 1}
MADE = {"friendly_name": "General", "type": "private", "attributes": A1}
BOUND = {"binding_type": "fcm", "address": "here", "message_types": ["m"]}
# Of whom, what is called, the action that is asked for, and its members; those of objects in a channel name it too.
REQUESTS: list[tuple[str, Callable[[Any], Awaitable[Any]], str, dict[str, Any]]] = [
    (
        "client",
        lambda of: of.create_channel(friendly_name="General", type="private", attributes=A1),
        "createChannel",
        MADE,
    ),
    ("client", lambda of: of.get_channel_by_unique_name("general"), "fetchChannel", {"channel": "general"}),
    ("client", lambda of: of.get_channel_by_sid(CHANNEL), "fetchChannel", {"channel": CHANNEL}),
    ("client", lambda of: of.register_binding("fcm", "here", message_types=["m"]), "registerBinding", BOUND),
    ("client", lambda of: of.remove_binding("BS1"), "removeBinding", {"binding": "BS1"}),
    ("channel", lambda of: of.join(), "joinChannel", {}),
    ("channel", lambda of: of.accept_invitation(), "acceptInvitation", {}),
    ("channel", lambda of: of.decline(), "declineInvitation", {}),
    ("channel", lambda of: of.leave(), "leaveChannel", {}),
    ("channel", lambda of: of.invite("carol"), "inviteMember", {"identity": "carol"}),
    ("channel", lambda of: of.add("bob"), "addMember", {"identity": "bob"}),
    ("channel", lambda of: of.add("bob", A1), "addMember", {"identity": "bob", "attributes": A1}),
    ("channel", lambda of: of.remove_member("bob"), "removeMember", {"identity": "bob"}),
    ("channel", lambda of: of.get_member_by_sid("MB-bob"), "fetchMember", {"identity": "MB-bob"}),
    ("channel", lambda of: of.send_message("hello", A1), "sendMessage", {"body": "hello", "attributes": A1}),
    ("channel", lambda of: of.send_message(media_sid="ME1"), "sendMessage", {"media_sid": "ME1"}),
    ("channel", lambda of: of.get_message(0), "fetchMessage", {"message": 0}),
    (
        "channel",
        lambda of: of.set_user_notification_level("muted"),
        "setNotificationLevel",
        {"notification_level": "muted"},
    ),
    ("channel", lambda of: of.advance_last_consumed_message_index(5), "advanceLastConsumedMessageIndex", {"index": 5}),
    ("channel", lambda of: of.update_last_consumed_message_index(5), "updateLastConsumedMessageIndex", {"index": 5}),
    ("channel", lambda of: of.set_all_messages_consumed(), "setAllMessagesConsumed", {}),
    ("channel", lambda of: of.set_no_messages_consumed(), "setNoMessagesConsumed", {}),
    ("channel", lambda of: of.update_attributes(A1), "updateChannel", {"attributes": A1}),
    ("channel", lambda of: of.update_friendly_name("New"), "updateChannel", {"friendly_name": "New"}),
    ("channel", lambda of: of.update_unique_name("new"), "updateChannel", {"unique_name": "new"}),
    ("channel", lambda of: of.delete(), "deleteChannel", {}),
    ("message", lambda of: of.update_body("edited"), "updateMessage", {"message": "IM0", "body": "edited"}),
    ("message", lambda of: of.update_attributes(A1), "updateMessage", {"message": "IM0", "attributes": A1}),
    ("message", lambda of: of.remove(), "deleteMessage", {"message": "IM0"}),
    ("message", lambda of: of.get_member(), "fetchMember", {"identity": "bob"}),
    ("member", lambda of: of.update_attributes(A1), "updateMember", {"identity": "bob", "attributes": A1}),
    ("member", lambda of: of.remove(), "removeMember", {"identity": "bob"}),
    ("user", lambda of: of.update_friendly_name("New"), "updateUser", {"identity": "alice", "friendly_name": "New"}),
    ("user", lambda of: of.update_attributes(A1), "updateUser", {"identity": "alice", "attributes": A1}),
]


async def things(lab: Lab) -> SimpleNamespace:
    """A client of a server that answers everything, its channel, and a message, a member and the user."""
    lab.server.answers |= {action: lambda frame, answer=answer: answer for action, answer in ANSWERS.items()}
    lab.server.answers["fetchChannel"] = lambda frame: channel()
    listener, general = await lab.in_channel()
    held = {"message": await general.get_message(0), "member": await general.get_member_by_identity("bob")}
    return SimpleNamespace(client=listener.client, channel=general, user=listener.client.user, **held)


@pytest.mark.parametrize(
    ("name", "call", "action", "members"), REQUESTS, ids=[f"{row[0]} {row[2]} {' '.join(row[3])}" for row in REQUESTS]
)
async def test_a_method_asks_for_its_action(
    lab: Lab, name: str, call: Callable[[Any], Awaitable[Any]], action: str, members: dict[str, Any]
) -> None:
    await call(getattr(await things(lab), name))
    is_in_channel = name in ("channel", "message", "member")
    assert lab.server.last(action) == members | ({"channel": CHANNEL} if is_in_channel else {})


@pytest.mark.parametrize("of", ["channel", "message", "member", "user"])
async def test_a_method_that_changes_an_object_takes_over_the_answer(lab: Lab, of: str) -> None:
    changed = getattr(await things(lab), of)
    await changed.update_attributes(A1)
    assert changed.attributes == A1


@pytest.mark.parametrize(
    ("before", "method", "action", "after"),
    [
        ("joined", "leave", "leaveChannel", "notParticipating"),
        ("invited", "decline", "declineInvitation", "notParticipating"),
        ("invited", "accept_invitation", "acceptInvitation", "joined"),
        ("invited", "join", "acceptInvitation", "joined"),
    ],
)
async def test_a_status_changes_with_the_reply(lab: Lab, before: str, method: str, action: str, after: str) -> None:
    lab.server.answers[action] = lambda frame: member("alice", 11)
    lab.server.channels = [listed(status=before)]
    listener = await lab.start()
    general = (await listener.client.get_subscribed_channels()).items[0]
    await getattr(general, method)()
    assert (lab.server.count(action), general.status) == (1, after)


async def test_a_channel_that_was_looked_up_is_joined(lab: Lab) -> None:
    lab.server.answers["fetchChannel"] = lambda frame: channel(type="public")
    lab.server.answers["joinChannel"] = lambda frame: member("alice", 11)
    listener = await lab.start()
    general = await listener.client.get_channel_by_unique_name("general")
    assert general.status == "notParticipating"
    await general.join()
    assert general.status == "joined"
    assert await listener.client.get_channel_by_sid(CHANNEL) is general


async def test_a_method_returns_what_the_server_has_made(lab: Lab) -> None:
    asked = await things(lab)
    assert await asked.channel.send_message("hello") == 4
    assert await asked.client.register_binding("fcm", "here") == "BS1"
    assert await asked.channel.add("bob") is asked.member
    assert await asked.channel.get_member_by_sid("MB-bob") is asked.member
    await asked.channel.set_user_notification_level("muted")
    assert asked.channel.notification_level == "muted"


@pytest.mark.parametrize("row", [row for row in REQUESTS if ANSWERS.get(row[2]) is HORIZON], ids=lambda row: row[2])
async def test_the_reply_tells_how_much_is_unread(lab: Lab, row: Any) -> None:
    general = (await things(lab)).channel
    assert await row[1](general) == 2
    assert general.last_consumed_message_index == 5


async def test_counts_are_asked_for(lab: Lab) -> None:
    _, general = await lab.in_channel()
    lab.server.answers["fetchChannel"] = lambda frame: channel(10, members_count=2, messages_count=7)
    lab.server.answers["fetchMyChannel"] = lambda frame: {"channel": channel(), "user_channel": HORIZON}
    assert (await general.get_members_count(), await general.get_messages_count()) == (2, 7)
    assert await general.get_unconsumed_messages_count() == 2
    assert general.last_consumed_message_index == 5


# Lists.


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


async def test_members_come_from_all_pages(lab: Lab) -> None:
    _, general = await lab.in_channel()
    pages = {None: ("alice", "x"), "x": ("bob", None)}

    def answer(frame: dict[str, Any]) -> dict[str, Any]:
        identity, following = pages[frame.get("after")]
        return {"members": [member(identity, 1)], "next": following}

    lab.server.answers["listMembers"] = answer
    assert [one.identity for one in await general.get_members()] == ["alice", "bob"]
    assert lab.server.last("listMembers") == {"channel": CHANNEL, "page_size": 100, "after": "x"}


async def test_the_users_of_a_channel_are_read_page_by_page_without_those_that_were_deleted(lab: Lab) -> None:
    _, general = await lab.in_channel()
    pages = {None: (["alice", "bob", "gone"], "x"), "x": (["carol"], None)}

    def members(frame: dict[str, Any]) -> dict[str, Any]:
        identities, following = pages[frame.get("after")]
        return {"members": [member(identity, 1) for identity in identities], "next": following}

    def fetch(frame: dict[str, Any]) -> dict[str, Any]:
        return refusing(404, 20404)(frame) if frame["identity"] == "gone" else user(frame["identity"], 5)

    lab.server.answers |= {"listMembers": members, "fetchUser": fetch}
    first = await general.get_user_descriptors()
    assert [one.identity for one in first.items] == ["alice", "bob"]
    second = await first.next_page()
    assert ([one.identity for one in second.items], second.has_next_page) == (["carol"], False)
    assert [one.identity for one in (await second.prev_page()).items] == ["alice", "bob"]
    assert not second.items[0].is_subscribed


async def test_users_are_read_without_following_them(lab: Lab) -> None:
    listener = await lab.start()
    lab.server.answers["fetchUser"] = lambda frame: user(frame["identity"])
    lab.server.answers["listUsers"] = lambda frame: {"users": [user("bob"), user("carol")], "next": None}
    bob = await listener.client.get_user_descriptor("bob")
    page = await listener.client.get_user_descriptors()
    assert (bob.is_subscribed, page.items[0] is bob) == (False, True)


def forty_messages(lab: Lab) -> None:
    """Have the server hold messages 0 to 39."""

    def answer(frame: dict[str, Any]) -> dict[str, Any]:
        is_ascending = frame["order"] == "asc"
        indexes = list(range(40)) if is_ascending else list(range(39, -1, -1))
        anchor = frame.get("anchor", indexes[0])
        indexes = [index for index in indexes if (index >= anchor if is_ascending else index <= anchor)]
        page, rest = indexes[: frame["page_size"]], indexes[frame["page_size"] :]
        return {"messages": [message(index, index + 1) for index in page], "next_anchor": rest[0] if rest else None}

    lab.server.answers["listMessages"] = answer


def shown(page: Any) -> tuple[list[int], bool, bool]:
    """The indexes of a page, and whether there are pages before and after it."""
    return [one.index for one in page.items], page.has_prev_page, page.has_next_page


async def test_messages_are_read_backwards_from_the_end_thirty_at_a_time(lab: Lab) -> None:
    _, general = await lab.in_channel()
    forty_messages(lab)
    newest = await general.get_messages()
    assert shown(newest) == (list(range(10, 40)), True, False)
    older = await newest.prev_page()
    assert shown(older) == (list(range(10)), False, True)
    assert shown(await older.next_page())[0] == list(range(10, 40))
    with pytest.raises(LookupError):
        await newest.next_page()
    with pytest.raises(LookupError):
        await older.prev_page()


async def test_messages_are_read_forward_from_an_index_or_from_the_first(lab: Lab) -> None:
    _, general = await lab.in_channel()
    forty_messages(lab)
    page = await general.get_messages(10, 25, "forward")
    assert shown(page) == (list(range(25, 35)), True, True)
    assert shown(await page.next_page()) == (list(range(35, 40)), True, False)
    assert shown(await page.prev_page())[0] == list(range(15, 25))
    for anchor in ("end", 0):
        assert shown(await general.get_messages(10, anchor, "forward")) == (list(range(10)), False, True)


async def test_a_page_knows_of_newer_messages_before_they_are_pushed(lab: Lab) -> None:
    _, general = await lab.in_channel()
    forty_messages(lab)
    await general.get_messages()
    assert not (await general.get_messages(10, 39)).has_next_page
    lab.server.answers["sendMessage"] = lambda frame: message(40, 50)
    await general.send_message("one more")
    assert (await general.get_messages(10, 39)).has_next_page


async def test_a_paginator_goes_on_to_the_last_page(lab: Lab) -> None:
    _, general = await lab.in_channel()
    forty_messages(lab)
    assert [one.index async for one in await general.get_messages(15, 0, "forward")] == list(range(40))
