"""What a client does over each new socket, and what it tells of what it finds out."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from parley_client.channel import Channel
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
OTHER = "CH" + "2" * 32


async def again(lab: Lab, listener: Listener) -> None:
    """Break the connection, and wait until the session over the next one is over."""
    sockets = len(lab.server.sockets)
    lab.server.socket.drop()
    await until(lambda: len(lab.server.sockets) > sockets)
    ready = listener.client._session
    await until(lambda: ready._line is not None and ready._line.is_open and ready._line.is_established)


def told(listener: Listener) -> list[str]:
    """The names of the events, but for those of the connection."""
    return [event.name for event in listener.events if not event.name.startswith("connection")]


def fetchable(lab: Lab, own: dict[str, Any] | None, seen: bool = True) -> None:
    """What `fetchMyChannel` and `fetchChannel` find."""

    def fetch(frame: dict[str, Any], found: Any) -> Any:
        if not found:
            raise Refusal(404, 20404)
        return found

    lab.server.answers["fetchMyChannel"] = lambda frame: fetch(frame, own)
    lab.server.answers["fetchChannel"] = lambda frame: fetch(frame, channel() if seen else None)


# The first session.


async def test_each_channel_is_told_at_the_start(lab: Lab) -> None:
    lab.server.channels = [listed(), listed(sid=OTHER, status="invited")]
    listener = await lab.start()
    invited = await listener.heard("channelInvited")
    assert told(listener) == ["channelJoined", "channelInvited"]
    assert (listener.named("channelJoined")[0].channel.status, invited.channel.status) == ("joined", "invited")


async def test_all_pages_of_the_list_are_read(lab: Lab) -> None:
    pages = {None: ([listed()], "x"), "x": ([listed(sid=OTHER)], None)}

    def answer(frame: dict[str, Any]) -> dict[str, Any]:
        channels, following = pages[frame.get("after")]
        return {"channels": channels, "next": following}

    lab.server.answers["listMyChannels"] = answer
    listener = await lab.start()
    await listener.heard("channelJoined", 2)
    assert {event.channel.sid for event in listener.named("channelJoined")} == {CHANNEL, OTHER}


async def test_a_started_client_knows_its_user(lab: Lab) -> None:
    listener = await lab.start()
    assert (listener.client.identity, listener.client.user.friendly_name) == ("alice", "Alice")


async def test_pushes_that_come_while_the_list_is_read_are_delivered_after_it(lab: Lab) -> None:
    lab.server.silent.add("listMyChannels")
    listener = lab.construct()
    starting = asyncio.create_task(listener.client.start())
    listing = await lab.server.asked("listMyChannels")
    await lab.server.socket.push(added(0, 11))
    await lab.server.socket.reply(listing, {"channels": [listed(seq=10)], "next": None})
    await soon(starting)
    await listener.heard("messageAdded")
    assert told(listener)[:2] == ["channelJoined", "messageAdded"]


async def test_a_session_that_cannot_begin_is_begun_again_over_another_connection(lab: Lab) -> None:
    failures = [Refusal(500, 20500)]
    answer = lab.server.answers["fetchSession"]

    def fail_once(frame: dict[str, Any]) -> Any:
        if failures:
            raise failures.pop()
        return answer(frame)

    lab.server.answers["fetchSession"] = fail_once
    await lab.start()
    assert len(lab.server.sockets) == 2


# Holes.


async def test_a_hole_is_asked_about_and_filled(lab: Lab) -> None:
    lab.server.channels = [listed(seq=10)]
    listener = await lab.start()
    await lab.server.socket.push(added(1, 12))
    await until(lambda: 0.25 in lab.timing.waits())
    lab.server.catch_ups[CHANNEL] = {
        "status": "changes",
        "seq": 12,
        "more": False,
        "events": [added(0, 11), added(1, 12)],
    }
    lab.timing.advance(0.25)
    request = await lab.server.asked("catchUp")
    assert request["channels"] == {CHANNEL: 10}
    await listener.heard("messageAdded", 2)
    assert [event.message.index for event in listener.named("messageAdded")] == [0, 1]


async def test_a_hole_that_fills_by_itself_is_not_asked_about(lab: Lab) -> None:
    lab.server.channels = [listed(seq=10)]
    listener = await lab.start()
    await lab.server.socket.push(added(1, 12), added(0, 11))
    await listener.heard("messageAdded", 2)
    lab.timing.advance(5)
    await soon(listener.client.request("fetchUser", identity="bob"))
    assert lab.server.count("catchUp") == 0


async def test_a_question_about_a_hole_that_is_refused_is_asked_again(lab: Lab) -> None:
    lab.server.channels = [listed(seq=10)]
    listener = await lab.start()
    answer = lab.server.answers["catchUp"]
    failures = [Refusal(500, 20500)]

    def fail_once(frame: dict[str, Any]) -> Any:
        if failures:
            raise failures.pop()
        return answer(frame)

    lab.server.answers["catchUp"] = fail_once
    lab.server.catch_ups[CHANNEL] = {"status": "changes", "seq": 11, "more": False, "events": [added(0, 11)]}
    await lab.server.socket.push(added(1, 12))
    await until(lambda: 0.25 in lab.timing.waits())
    lab.timing.advance(0.25)
    await until(lambda: 1.0 in lab.timing.waits())
    lab.timing.advance(1.0)
    await listener.heard("messageAdded", 2)
    assert len(lab.server.sockets) == 1


async def test_a_channel_about_which_the_server_tells_nothing_three_times_is_to_be_fetched_again(lab: Lab) -> None:
    def refuse(frame: dict[str, Any]) -> None:
        raise Refusal(500, 20500)

    lab.server.channels = [listed(seq=10)]
    lab.server.answers["catchUp"] = refuse
    fetchable(lab, listed(seq=12))
    listener = await lab.start()
    await lab.server.socket.push(added(1, 12))
    for seconds in (0.25, 1.0, 1.0):
        await until(lambda seconds=seconds: seconds in lab.timing.waits())
        lab.timing.advance(seconds)
    await listener.heard("channelRefetched")
    assert told(listener)[:2] == ["channelJoined", "messageAdded"]
    assert (lab.server.count("catchUp"), len(lab.server.sockets)) == (3, 1)


# Further sessions.


async def test_what_was_missed_is_caught_up_with_over_as_many_answers_as_it_takes(lab: Lab) -> None:
    lab.server.channels = [listed(seq=10)]
    listener = await lab.start()
    pages = {10: (12, True, [added(0, 11), added(1, 12)]), 12: (13, False, [added(2, 13)])}

    def answer(frame: dict[str, Any]) -> dict[str, Any]:
        seq, more, events = pages[frame["channels"][CHANNEL]]
        return {"channels": {CHANNEL: {"status": "changes", "seq": seq, "more": more, "events": events}}}

    lab.server.answers["catchUp"] = answer
    lab.server.channels = [listed(seq=13)]
    await again(lab, listener)
    await listener.heard("messageAdded", 3)
    assert [event.message.index for event in listener.named("messageAdded")] == [0, 1, 2]


async def test_more_than_a_hundred_channels_are_caught_up_with_in_several_requests(lab: Lab) -> None:
    lab.server.channels = [listed(seq=10, sid=f"CH{number}") for number in range(150)]
    listener = await lab.start()
    lab.server.channels = [listed(seq=11, sid=f"CH{number}") for number in range(150)]
    lab.server.answers["catchUp"] = lambda frame: {
        "channels": {sid: {"status": "changes", "seq": 11, "more": False, "events": []} for sid in frame["channels"]}
    }
    await again(lab, listener)
    sizes = [len(frame["channels"]) for frame in lab.server.socket.asked("catchUp")]
    assert sizes == [100, 50]


async def test_channels_joined_and_left_meanwhile_are_told(lab: Lab) -> None:
    lab.server.channels = [listed()]
    listener = await lab.start()
    lab.server.channels = [listed(sid=OTHER)]
    lab.server.catch_ups[CHANNEL] = {"status": "gone"}
    await again(lab, listener)
    await listener.heard("channelRemoved")
    joined, left = ["channelJoined", "channelUpdated"], ["channelLeft", "channelUpdated"]
    assert told(listener) == ["channelJoined", *joined, *left, "channelRemoved"]
    assert [event.channel.sid for event in listener.named("channelJoined")] == [CHANNEL, OTHER]
    assert listener.named("channelRemoved")[0].channel.status == "notParticipating"


async def test_a_public_channel_left_meanwhile_is_not_removed(lab: Lab) -> None:
    lab.server.channels = [listed()]
    listener = await lab.start()
    lab.server.channels = []
    lab.server.catch_ups[CHANNEL] = {"status": "refetch", "seq": 99}
    fetchable(lab, None)
    await again(lab, listener)
    await listener.heard("channelUpdated")
    assert told(listener) == ["channelJoined", "channelLeft", "channelUpdated"]


async def test_a_channel_that_is_too_far_behind_is_to_be_fetched_again(lab: Lab) -> None:
    lab.server.channels = [listed(seq=10)]
    listener = await lab.start()
    lab.server.channels = [listed(seq=5000, friendly_name="New")]
    lab.server.catch_ups[CHANNEL] = {"status": "refetch", "seq": 5000}
    fetchable(lab, listed(seq=5000, friendly_name="New"))
    await again(lab, listener)
    event = await listener.heard("channelRefetched")
    assert event.channel.friendly_name == "New"
    await lab.server.socket.push(added(4000, 5001))
    await listener.heard("messageAdded")
    assert told(listener) == ["channelJoined", "channelRefetched", "messageAdded", "channelUpdated"]


async def test_followed_users_are_followed_again_and_what_changed_is_told(lab: Lab) -> None:
    bob = {"sid": "US2", "identity": "bob", "friendly_name": "Bob", "attributes": "{}", "seq": 3}
    lab.server.answers["followUsers"] = lambda frame: {"users": [bob], "unfollowed": []}
    listener = await lab.start()
    user = await listener.client.get_user("bob")
    await again(lab, listener)
    assert lab.server.socket.asked("followUsers")[0]["identities"] == ["bob"]
    assert await listener.has_not_heard("userUpdated")
    bob |= {"friendly_name": "Robert", "seq": 4}
    await again(lab, listener)
    event = await listener.heard("userUpdated")
    assert (event.user is user, user.friendly_name) == (True, "Robert")
    assert event.update_reasons == ("friendlyName",)


def person(identity: str) -> dict[str, Any]:
    return {"sid": f"US-{identity}", "identity": identity, "friendly_name": None, "attributes": "{}", "seq": 3}


async def following(lab: Lab, number: int) -> Listener:
    """A client that follows so many users."""
    lab.server.answers["followUsers"] = lambda frame: {"users": [person(one) for one in frame["identities"]]}
    listener = await lab.start()
    for one in range(number):
        await listener.client.get_user(f"user {one}")
    return listener


async def test_many_followed_users_are_followed_again_ten_at_a_time(lab: Lab) -> None:
    listener = await following(lab, 25)
    await again(lab, listener)
    parts = [frame["identities"] for frame in lab.server.socket.asked("followUsers")]
    assert [len(part) for part in parts] == [10, 10, 5]
    assert [identity for part in parts for identity in part] == [f"user {one}" for one in range(25)]


async def test_a_session_begins_though_users_cannot_be_followed_again(lab: Lab) -> None:
    listener = await following(lab, 11)
    follow = lab.server.answers["followUsers"]

    def answer(frame: dict[str, Any]) -> Any:
        if len(frame["identities"]) == 10:
            raise Refusal(413, 20413)
        return follow(frame)

    lab.server.answers["followUsers"] = answer
    await again(lab, listener)
    assert len(lab.server.sockets) == 2
    assert [len(frame["identities"]) for frame in lab.server.socket.asked("followUsers")] == [10, 1]
    assert len(await listener.client.get_subscribed_users()) == 1 + 11


async def test_a_followed_user_who_was_deleted_meanwhile_is_followed_no_more(lab: Lab) -> None:
    listener = await following(lab, 2)
    lab.server.answers["followUsers"] = lambda frame: {"users": [person("user 1")]}
    await again(lab, listener)
    assert (await listener.heard("userUnsubscribed")).user.identity == "user 0"
    assert [user.identity for user in await listener.client.get_subscribed_users()] == ["alice", "user 1"]


async def test_a_change_of_ones_own_user_meanwhile_is_told(lab: Lab) -> None:
    listener = await lab.start()
    await again(lab, listener)
    assert await listener.has_not_heard("userUpdated")
    lab.server.user = {**lab.server.user, "friendly_name": "Alicia", "seq": 2}
    await again(lab, listener)
    event = await listener.heard("userUpdated")
    assert event.user is listener.client.user
    assert listener.client.user.friendly_name == "Alicia"


async def test_objects_outlive_their_connection(lab: Lab) -> None:
    lab.server.channels = [listed(seq=10)]
    listener = await lab.start()
    before: Channel = (await listener.heard("channelJoined")).channel
    lab.server.channels = [listed(seq=11)]
    lab.server.catch_ups[CHANNEL] = {
        "status": "changes",
        "seq": 11,
        "more": False,
        "events": [changed("channelUpdated", 11, channel=channel(11, friendly_name="New"))],
    }
    await again(lab, listener)
    event = await listener.heard("channelUpdated")
    assert event.channel is before
    assert before.friendly_name == "New"


async def test_a_message_missed_is_told_with_its_object(lab: Lab) -> None:
    lab.server.channels = [listed(seq=10)]
    lab.server.answers["fetchMessage"] = lambda frame: message(0, 10)
    listener = await lab.start()
    shown = await (await listener.heard("channelJoined")).channel.get_message(0)
    lab.server.channels = [listed(seq=11)]
    edited = changed("messageUpdated", 11, message=message(0, 11, body="edited"), updateReasons=["body"])
    lab.server.catch_ups[CHANNEL] = {"status": "changes", "seq": 11, "more": False, "events": [edited]}
    await again(lab, listener)
    event = await listener.heard("messageUpdated")
    assert (event.message is shown, shown.body, event.update_reasons) == (True, "edited", ("body",))


async def test_what_was_read_elsewhere_meanwhile_is_told(lab: Lab) -> None:
    lab.server.channels = [listed(seq=10)]
    listener = await lab.start()
    general: Channel = (await listener.heard("channelJoined")).channel
    entry = listed(seq=11)
    entry["user_channel"]["last_consumed_message_index"] = 4
    lab.server.channels = [entry]
    me = {"sid": "MB1", "identity": "alice", "seq": 11, "last_consumed_message_index": 4}
    lab.server.catch_ups[CHANNEL] = {
        "status": "changes",
        "seq": 11,
        "more": False,
        "events": [changed("memberUpdated", 11, member=me, updateReasons=["lastConsumedMessageIndex"])],
    }
    await again(lab, listener)
    event = await listener.heard("channelUpdated")
    assert event.update_reasons == ("lastConsumedMessageIndex",)
    assert general.last_consumed_message_index == 4
    assert len(listener.named("channelUpdated")) == 1


async def test_a_channel_that_is_fetched_again_shows_what_was_read(lab: Lab) -> None:
    lab.server.channels = [listed(seq=10)]
    listener = await lab.start()
    entry = listed(seq=5000)
    entry["user_channel"]["last_consumed_message_index"] = 4
    lab.server.channels = [entry]
    lab.server.catch_ups[CHANNEL] = {"status": "refetch", "seq": 5000}
    fetchable(lab, entry)
    await again(lab, listener)
    event = await listener.heard("channelRefetched")
    assert event.channel.last_consumed_message_index == 4
