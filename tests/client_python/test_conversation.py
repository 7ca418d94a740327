"""The client and a running stack: each client hears of what the others do, even if connections break."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import AsyncIterator, Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from local.stack.running import Stack
from parley_client import Channel, Client, Denied, File, Message, RequestError, TransferFailed
from parley_client.wire import open_wire
from tests.client_python.fakes import Listener, until
from tests.end_to_end.clients import access_token, helper_library

pytestmark = pytest.mark.anyio

_SECONDS = 30.0


class House:
    """A service on the stack, and clients of it."""

    def __init__(self, stack: Stack) -> None:
        self.info = stack.info
        self.rest = helper_library(stack.info)
        self.sid = self.rest.chat.v2.services.create(friendly_name="python client").sid
        self.service = self.rest.chat.v2.services(self.sid)
        self.listeners: list[Listener] = []

    def token(self, identity: str, **changes: Any) -> str:
        return access_token(self.info, self.sid, identity, **changes)

    async def client(self, identity: str, token: str | Callable[[], str] | None = None) -> Listener:
        """A client that has started, and everything that it tells."""
        source = token or (lambda: self.token(identity))
        client = Client(self.info["ws_url"], source, connect=partial(open_wire, proxy=None))
        self.listeners.append(Listener(client))
        await client.start()
        return self.listeners[-1]

    async def room(self, *identities: str) -> tuple[Any, list[Listener], list[Channel]]:
        """A private channel, clients of its members, and the channel as they see it."""
        made = await asyncio.to_thread(self.service.channels.create, unique_name="general", type="private")
        for identity in identities:
            await asyncio.to_thread(made.members.create, identity)
        listeners = [await self.client(identity) for identity in identities]
        channels = [(await heard(listener, "channelJoined")).channel for listener in listeners]
        return made, listeners, channels


async def heard(listener: Listener, name: str, count: int = 1) -> Any:
    """The event number `count` of a name, when it has come."""
    return await listener.heard(name, count, _SECONDS)


def cut(listener: Listener) -> None:
    """Break a client's connection, as if its network were gone."""
    line = listener.client._connection._line
    if line is not None:
        line.abort()


@pytest.fixture
async def house(stack: Stack) -> AsyncIterator[House]:
    house = await asyncio.to_thread(House, stack)
    yield house
    for listener in house.listeners:
        await listener.close()


async def test_two_users_talk(house: House) -> None:
    _, (alice, bob), (general, _) = await house.room("alice", "bob")
    assert await general.send_message("hello", {"mood": "good"}) == 0
    event = await heard(bob, "messageAdded")
    message: Message = event.message
    assert (message.body, message.author, message.attributes, message.index) == ("hello", "alice", {"mood": "good"}, 0)
    assert (await heard(alice, "messageAdded")).message.sid == message.sid
    mine = alice.named("messageAdded")[0].message
    await mine.update_body("hello, bob")
    update = await heard(bob, "messageUpdated")
    assert (update.message is message, message.body) == (True, "hello, bob")
    assert "body" in update.update_reasons
    await mine.remove()
    assert (await heard(bob, "messageRemoved")).message.sid == message.sid


async def test_messages_sent_at_once_keep_their_order(house: House) -> None:
    _, (_, bob), (general, _) = await house.room("alice", "bob")
    indexes = await asyncio.gather(*(general.send_message(f"message {number}") for number in range(10)))
    assert indexes == list(range(10))
    await heard(bob, "messageAdded", 10)
    assert [event.message.body for event in bob.named("messageAdded")] == [f"message {number}" for number in range(10)]


async def test_a_message_larger_than_a_frame_arrives(house: House) -> None:
    _, (_, bob), (general, _) = await house.room("alice", "bob")
    body = "é" * 16_000
    await general.send_message(body, {"filler": "x" * 3000})
    assert (await heard(bob, "messageAdded")).message.body == body


async def test_files_go_from_one_user_to_another(house: House, tmp_path: Path) -> None:
    film = tmp_path / "film.mp4"
    film.write_bytes(random.Random(1).randbytes(5_000_000))
    _, (_, bob), (general, _) = await house.room("alice", "bob")
    told: list[tuple[int, int]] = []
    sent = await general.send_media(film, File(b"a,b", "table.csv"), on_progress=lambda *now: told.append(now))
    message: Message = (await heard(bob, "messageAdded")).message
    assert (message.index, message.type, told[-1]) == (sent, "media", (5_000_003, 5_000_003))
    seen, table = message.attached_media
    assert (seen.filename, seen.content_type, seen.size) == ("film.mp4", "video/mp4", 5_000_000)
    assert (table.filename, table.content_type, await table.download()) == ("table.csv", "text/csv", b"a,b")
    await seen.save(tmp_path / "seen.mp4")
    assert (tmp_path / "seen.mp4").read_bytes() == film.read_bytes()
    assert await seen.download(4_000_000, 4_000_010) == film.read_bytes()[4_000_000:4_000_010]
    with pytest.raises(TransferFailed, match="416"):
        await seen.download(5_000_000)


async def test_a_file_is_gone_with_its_message(house: House) -> None:
    _, (_, bob), (general, _) = await house.room("alice", "bob")
    await general.send_media(b"some bytes")
    message: Message = (await heard(bob, "messageAdded")).message
    media = message.media
    assert media is not None
    await (await general.get_message(0)).remove()
    await heard(bob, "messageRemoved")
    with pytest.raises(RequestError) as refused:
        await media.get_content_temporary_url()
    assert (refused.value.status, refused.value.code) == (404, 20404)


async def test_a_file_that_is_too_large_is_refused_before_it_is_sent(house: House, tmp_path: Path) -> None:
    film = tmp_path / "film.mp4"
    with film.open("wb") as target:
        target.truncate(151 * 1024 * 1024)
    _, _, (general,) = await house.room("alice")
    with pytest.raises(RequestError) as refused:
        await general.send_media(film)
    assert (refused.value.status, refused.value.code) == (413, 50512)


async def test_a_channel_is_made_shared_and_deleted(house: House) -> None:
    alice, bob, carol = [await house.client(identity) for identity in ("alice", "bob", "carol")]
    general = await alice.client.create_channel(friendly_name="General", unique_name="general", type="private")
    assert (await heard(alice, "channelAdded")).channel is general
    with pytest.raises(RequestError) as refused:
        await bob.client.get_channel_by_unique_name("general")
    assert refused.value.status == 404
    await general.join()
    await heard(alice, "channelJoined")
    await general.invite("bob")
    invited = (await heard(bob, "channelInvited")).channel
    assert (invited.status, invited.friendly_name) == ("invited", "General")
    await invited.join()
    assert (await heard(bob, "channelJoined")).channel is invited
    assert [event.member.identity for event in alice.named("memberJoined")][:1] == ["alice"]
    await heard(alice, "memberJoined", 2)
    await general.invite("carol")
    await (await heard(carol, "channelInvited")).channel.decline()
    await heard(carol, "channelLeft")
    assert [one async for one in await carol.client.get_subscribed_channels()] == []
    await general.add("carol")
    assert (await heard(carol, "channelJoined")).channel.unique_name == "general"
    await general.update_friendly_name("New name")
    await until(lambda: invited.friendly_name == "New name", _SECONDS)
    assert [member.identity for member in await general.get_members()] == ["alice", "bob", "carol"]
    await invited.leave()
    await heard(bob, "channelLeft")
    await heard(bob, "channelRemoved")
    await general.remove_member("carol")
    await heard(carol, "channelRemoved", 2)
    await heard(alice, "memberLeft", 2)
    await general.delete()
    await heard(alice, "channelRemoved")
    assert general.status == "notParticipating"


async def test_typing_is_heard_until_the_message(house: House) -> None:
    _, (_, bob), (general, _) = await house.room("alice", "bob")
    await general.typing()
    event = await heard(bob, "typingStarted")
    assert (event.member.identity, event.member.is_typing) == ("alice", True)
    await general.send_message("done")
    await heard(bob, "typingEnded")
    assert not event.member.is_typing


async def test_both_members_learn_how_far_the_other_has_read(house: House) -> None:
    _, (alice, bob), (mine, theirs) = await house.room("alice", "bob")
    for number in range(3):
        await mine.send_message(f"message {number}")
    assert await theirs.get_unconsumed_messages_count() is None
    assert await theirs.advance_last_consumed_message_index(0) == 2
    update = await heard(alice, "memberUpdated")
    assert (update.member.identity, update.member.last_consumed_message_index) == ("bob", 0)
    assert await theirs.set_all_messages_consumed() == 0
    assert theirs.last_consumed_message_index == 2
    assert await theirs.advance_last_consumed_message_index(1) == 0
    await theirs.update_last_consumed_message_index(1)
    assert await theirs.get_unconsumed_messages_count() == 1
    await theirs.set_no_messages_consumed()
    await until(lambda: theirs.last_consumed_message_index is None, _SECONDS)
    await theirs.set_user_notification_level("muted")
    await until(lambda: any("notificationLevel" in e.update_reasons for e in bob.named("channelUpdated")), _SECONDS)
    assert theirs.notification_level == "muted"


async def test_messages_and_members_are_read_in_pages(house: House) -> None:
    _, _, (general,) = await house.room("alice")
    for number in range(7):
        await general.send_message(f"message {number}")
    newest = await general.get_messages(3)
    assert [message.index for message in newest.items] == [4, 5, 6]
    older = await newest.prev_page()
    assert [message.index for message in older.items] == [1, 2, 3]
    assert [message.index async for message in await general.get_messages(2, 0, "forward")] == list(range(7))
    assert (await general.get_message(2)).body == "message 2"
    assert (await general.get_members_count(), await general.get_messages_count()) == (1, 7)
    first = await general.get_messages(3, "end", "forward")
    assert [message.index for message in first.items] == [0, 1, 2]
    alice = (await general.get_members())[0]
    assert await general.get_member_by_sid(alice.sid) is alice
    with pytest.raises(RequestError) as refused:
        await general.get_member_by_sid("MB" + "0" * 32)
    assert (refused.value.status, refused.value.code) == (404, 20404)
    assert [user.identity async for user in await general.get_user_descriptors()] == ["alice"]


async def test_users_are_followed(house: House) -> None:
    await asyncio.to_thread(house.service.update, reachability_enabled=True)
    alice, bob = [await house.client(identity) for identity in ("alice", "bob")]
    seen = await alice.client.get_user("bob")
    assert (seen.identity, seen.is_subscribed, seen.online) == ("bob", True, True)
    with pytest.raises(RequestError) as refused:
        await alice.client.get_user("nobody")
    assert (refused.value.status, refused.value.code) == (404, 20404)
    await bob.client.user.update_friendly_name("Bob")
    await until(lambda: seen.friendly_name == "Bob", _SECONDS)
    await heard(bob, "userUpdated")
    await bob.close()
    await until(lambda: any("online" in event.update_reasons for event in alice.named("userUpdated")), _SECONDS)
    assert seen.online is False


async def test_users_with_large_attributes_are_followed_over_the_next_connection_too(house: House) -> None:
    identities = [f"user {number}" for number in range(20)]
    attributes = json.dumps({"quotes": '"' * 2000})
    for identity in identities:
        await asyncio.to_thread(house.service.users.create, identity, attributes=attributes)
    alice = await house.client("alice")
    users = [await alice.client.get_user(identity) for identity in identities]
    cut(alice)
    await until(lambda: alice.client.connection_state != "connected")
    await alice.settled(_SECONDS)
    await asyncio.to_thread(house.service.users(users[0].sid).update, friendly_name="New name")
    assert (await heard(alice, "userUpdated")).user is users[0]
    assert users[0].friendly_name == "New name"


async def test_a_token_is_replaced_while_the_connection_goes_on(house: House) -> None:
    alice = await house.client("alice", house.token("alice"))
    await alice.client.update_token(house.token("alice", ttl=7200))
    with pytest.raises(RequestError):
        await alice.client.update_token(house.token("bob"))
    assert (await alice.client.get_user_descriptor("alice")).identity == "alice"


async def test_a_token_is_replaced_after_it_has_expired(house: House) -> None:
    alice = await house.client("alice", house.token("alice", ttl=3))
    await heard(alice, "tokenExpired")
    await alice.client.update_token(house.token("alice"))
    assert (await alice.client.get_user_descriptor("alice")).identity == "alice"


async def test_a_token_with_a_wrong_signature_is_denied(house: House) -> None:
    with pytest.raises(Denied) as denied:
        await house.client("alice", house.token("alice", secret="x" * 32))
    assert denied.value.status == 401


async def test_a_message_that_is_sent_without_a_connection_arrives_once(house: House) -> None:
    made, (alice, bob), (general, _) = await house.room("alice", "bob")
    sending = []
    for number in range(12):
        sending.append(asyncio.create_task(general.send_message(f"message {number}")))
        if number % 4 == 1:
            await asyncio.sleep(0)
            cut(alice)
    indexes = [await one for one in sending]
    await heard(bob, "messageAdded", 12)
    assert sorted(indexes) == list(range(12))
    stored = await asyncio.to_thread(made.messages.list)
    assert sorted(message.body for message in stored) == sorted(f"message {number}" for number in range(12))


def picture(listener: Listener) -> tuple[dict[int, str | None], set[str]]:
    """What an application knows that believed all events: the messages by index, and who is a member."""
    messages: dict[int, str | None] = {}
    members: set[str] = set()
    for event in list(listener.events):
        match event.name:
            case "messageAdded" | "messageUpdated":
                messages[event.message.index] = event.message.body
            case "messageRemoved":
                messages.pop(event.message.index, None)
            case "memberJoined" | "memberUpdated":
                members.add(event.member.identity)
            case "memberLeft":
                members.discard(event.member.identity)
    return messages, members - {"alice", "bob"}


@pytest.mark.parametrize("seed", range(3))
async def test_events_add_up_to_what_a_fetch_shows_however_often_the_connection_breaks(house: House, seed: int) -> None:
    chance = random.Random(seed)
    made, (alice, bob), (general, _) = await house.room("alice", "bob")
    sids: list[str] = []
    joined = {"alice", "bob"}
    for _ in range(60):
        match chance.choices(["send", "rest", "edit", "remove", "member", "cut"], [4, 3, 3, 2, 2, 2])[0]:
            case "send":
                index = await general.send_message(f"sent {chance.random()}")
                sids.append((await general.get_message(index)).sid)
            case "rest":
                sids.append((await asyncio.to_thread(made.messages.create, body=f"posted {chance.random()}")).sid)
            case "edit" if sids:
                await asyncio.to_thread(made.messages(chance.choice(sids)).update, body=f"edited {chance.random()}")
            case "remove" if sids:
                await asyncio.to_thread(made.messages(sids.pop(chance.randrange(len(sids)))).delete)
            case "member":
                identity = chance.choice(["carol", "dave"])
                if identity in joined:
                    await asyncio.to_thread(made.members(identity).delete)
                else:
                    await asyncio.to_thread(made.members.create, identity)
                joined ^= {identity}
            case "cut":
                cut(chance.choice([alice, bob]))
    stored = {message.index: message.body for message in await asyncio.to_thread(made.messages.list)}
    for listener in (alice, bob):
        await listener.settled(_SECONDS)
        fetched = (stored, joined - {"alice", "bob"})
        await until(lambda listener=listener, fetched=fetched: picture(listener) == fetched, _SECONDS)
        indexes = [event.message.index for event in listener.named("messageAdded")]
        assert indexes == sorted(set(indexes))


async def test_a_conversation_is_closed_and_takes_no_more_messages(house: House) -> None:
    made, (alice, _), (general, same) = await house.room("alice", "bob")
    conversation = house.rest.conversations.v1.services(house.sid).conversations(made.sid)
    known = len(alice.named("channelUpdated"))
    await asyncio.to_thread(conversation.update, state="closed")
    update = await heard(alice, "channelUpdated", known + 1)
    assert (update.channel, general.state, "state" in update.update_reasons) == (general, "closed", True)
    with pytest.raises(RequestError) as refused:
        await same.send_message("too late")
    assert (refused.value.status, refused.value.code) == (400, 50377)
    assert (await general.get_messages()).items == []
