"""What a client asks over each new socket, and which events it makes of the answers."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.client_python.fakes import (
    CHANNEL,
    Frame,
    Lab,
    Listener,
    added,
    caught_up,
    changed,
    channel,
    first_refused,
    listed,
    message,
    refusing,
    soon,
    until,
)

pytestmark = pytest.mark.anyio
OTHER = "CH" + "2" * 32


def told(listener: Listener) -> list[str]:
    """The names of the events, but for those of the connection."""
    return [event.name for event in listener.events if not event.name.startswith("connection")]


def indexes(listener: Listener) -> list[int]:
    """The indexes of the messages that were added, in the order in which they were told."""
    return [event.message.index for event in listener.named("messageAdded")]


async def waiting(lab: Lab, *seconds: float) -> None:
    """Wait for one timer after the other, and let it go off."""
    for one in seconds:
        await until(lambda one=one: one in lab.timing.waits())
        lab.timing.advance(one)


# The first session.


async def test_each_channel_is_told_at_the_start(lab: Lab) -> None:
    lab.server.channels = [listed(), listed(sid=OTHER, status="invited")]
    listener = await lab.start()
    invited = await listener.heard("channelInvited")
    assert told(listener) == ["channelJoined", "channelInvited"]
    assert (listener.named("channelJoined")[0].channel.status, invited.channel.status) == ("joined", "invited")


async def test_all_pages_of_the_list_are_read(lab: Lab) -> None:
    pages = {None: ([listed()], "x"), "x": ([listed(sid=OTHER)], None)}

    def answer(frame: Frame) -> Frame:
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
    lab.server.answers["fetchSession"] = first_refused(lab.server.answers["fetchSession"])
    await lab.start()
    assert len(lab.server.sockets) == 2


# Gaps.


async def test_a_gap_is_asked_about_and_filled(lab: Lab) -> None:
    listener, _ = await lab.in_channel()
    lab.server.catch_ups[CHANNEL] = caught_up(12, added(0, 11), added(1, 12))
    await lab.server.socket.push(added(1, 12))
    await waiting(lab, 0.6)
    assert (await lab.server.asked("catchUp"))["channels"] == {CHANNEL: 10}
    await listener.heard("messageAdded", 2)
    assert indexes(listener) == [0, 1]


@pytest.mark.parametrize("is_reply_first", [True, False], ids=["reply first", "pushes first"])
async def test_a_reply_and_pushes_may_come_in_one_frame(lab: Lab, is_reply_first: bool) -> None:
    listener, channel = await lab.in_channel()
    lab.server.silent.add("sendMessage")
    sending = asyncio.create_task(channel.send_message("hello"))
    reply = {"id": (await lab.server.asked("sendMessage"))["id"], "status": 201, "result": message(1, 12)}
    pushes = [added(0, 11), added(1, 12)]
    await lab.server.socket.send([reply, *pushes] if is_reply_first else [*pushes, reply])
    assert await soon(sending) == 1
    await listener.heard("messageAdded", 2)
    assert indexes(listener) == [0, 1]


async def test_a_push_that_came_with_the_reply_is_not_delivered_again_when_fan_out_repeats_it(lab: Lab) -> None:
    listener, channel = await lab.in_channel()
    lab.server.silent.add("sendMessage")
    sending = asyncio.create_task(channel.send_message("hello"))
    reply = {"id": (await lab.server.asked("sendMessage"))["id"], "status": 201, "result": message(0, 11)}
    await lab.server.socket.send([reply, added(0, 11)])
    await soon(sending)
    await lab.server.socket.push(added(0, 11), added(1, 12))
    await listener.heard("messageAdded", 2)
    assert indexes(listener) == [0, 1]


async def test_a_skipped_number_is_asked_about_after_a_reconnect(lab: Lab) -> None:
    listener, _ = await lab.in_channel()
    await lab.server.socket.push(added(1, 12))
    await waiting(lab, 0.6, 1.0, 1.0)
    await listener.heard("messageAdded")
    lab.server.channels = [listed(seq=12)]
    lab.server.catch_ups[CHANNEL] = caught_up(12, added(0, 11), added(1, 12))
    await lab.again(listener)
    await listener.heard("messageAdded", 2)
    assert indexes(listener) == [1, 0]
    assert lab.server.count("catchUp") == 4


async def test_pushes_that_the_server_gave_up_are_asked_for_at_once(lab: Lab) -> None:
    listener, _ = await lab.in_channel()
    lab.server.catch_ups[CHANNEL] = caught_up(11, added(0, 11))
    await lab.server.socket.push({"event": "pushesMissed", "channels": {CHANNEL: 11, "CH0": 5}})
    await waiting(lab, 0.0)
    await listener.heard("messageAdded")
    assert [frame["channels"] for frame in lab.server.socket.asked("catchUp")] == [{CHANNEL: 10}]


async def test_a_gap_that_fills_by_itself_is_not_asked_about(lab: Lab) -> None:
    listener, _ = await lab.in_channel()
    await lab.server.socket.push(added(1, 12), added(0, 11))
    await listener.heard("messageAdded", 2)
    lab.timing.advance(5)
    await soon(listener.client.request("fetchUser", identity="bob"))
    assert lab.server.count("catchUp") == 0


async def test_a_question_about_a_gap_that_is_refused_is_asked_again(lab: Lab) -> None:
    listener, _ = await lab.in_channel()
    lab.server.answers["catchUp"] = first_refused(lab.server.answers["catchUp"])
    lab.server.catch_ups[CHANNEL] = caught_up(11, added(0, 11))
    await lab.server.socket.push(added(1, 12))
    await waiting(lab, 0.6, 1.0)
    await listener.heard("messageAdded", 2)
    assert len(lab.server.sockets) == 1


async def test_after_three_refusals_to_answer_the_application_is_told_to_fetch_the_channel_again(lab: Lab) -> None:
    listener, _ = await lab.in_channel()
    lab.server.answers |= {"catchUp": refusing(500, 20500), "fetchMyChannel": lambda frame: listed(seq=12)}
    await lab.server.socket.push(added(1, 12))
    await waiting(lab, 0.6, 1.0, 1.0)
    await listener.heard("channelRefetched")
    assert told(listener)[:2] == ["channelJoined", "messageAdded"]
    assert (lab.server.count("catchUp"), len(lab.server.sockets)) == (3, 1)


async def test_questions_that_are_refused_because_the_connection_is_over_do_not_count(lab: Lab) -> None:
    listener, _ = await lab.in_channel()
    lab.server.answers |= {"catchUp": refusing(401, 51006), "fetchMyChannel": lambda frame: listed(seq=12)}
    await lab.server.socket.push(added(1, 12))
    await waiting(lab, 0.6, 1.0, 1.0)
    await until(lambda: lab.server.count("catchUp") == 3 and 1.0 in lab.timing.waits())
    assert told(listener) == ["channelJoined"]


# Further sessions.


async def test_what_was_missed_is_caught_up_with_over_as_many_answers_as_it_takes(lab: Lab) -> None:
    listener, _ = await lab.in_channel()
    pages = {10: caught_up(12, added(0, 11), added(1, 12), more=True), 12: caught_up(13, added(2, 13))}
    lab.server.answers["catchUp"] = lambda frame: {"channels": {CHANNEL: pages[frame["channels"][CHANNEL]]}}
    lab.server.channels = [listed(seq=13)]
    await lab.again(listener)
    await listener.heard("messageAdded", 3)
    assert indexes(listener) == [0, 1, 2]


async def test_more_than_a_hundred_channels_are_caught_up_with_in_several_requests(lab: Lab) -> None:
    lab.server.channels = [listed(seq=10, sid=f"CH{number}") for number in range(150)]
    listener = await lab.start()
    lab.server.channels = [listed(seq=11, sid=f"CH{number}") for number in range(150)]
    lab.server.answers["catchUp"] = lambda frame: {"channels": {sid: caught_up(11) for sid in frame["channels"]}}
    await lab.again(listener)
    asked = [set(frame["channels"]) for frame in lab.server.socket.asked("catchUp")]
    assert ([len(one) for one in asked], len(asked[0] | asked[1])) == ([100, 50], 150)


async def test_channels_joined_and_left_meanwhile_are_told(lab: Lab) -> None:
    listener, _ = await lab.in_channel()
    lab.server.channels = [listed(sid=OTHER)]
    lab.server.catch_ups[CHANNEL] = {"status": "gone"}
    await lab.again(listener)
    await listener.heard("channelRemoved")
    joined, left = ["channelJoined", "channelUpdated"], ["channelLeft", "channelUpdated"]
    assert told(listener) == ["channelJoined", *joined, *left, "channelRemoved"]
    assert [event.channel.sid for event in listener.named("channelJoined")] == [CHANNEL, OTHER]
    assert listener.named("channelRemoved")[0].channel.status == "notParticipating"


async def test_a_public_channel_left_meanwhile_is_not_removed(lab: Lab) -> None:
    listener, _ = await lab.in_channel()
    lab.server.channels = []
    lab.server.catch_ups[CHANNEL] = {"status": "refetch", "seq": 99}
    lab.server.answers |= {"fetchMyChannel": refusing(404, 20404), "fetchChannel": lambda frame: channel()}
    await lab.again(listener)
    await listener.heard("channelUpdated")
    assert told(listener) == ["channelJoined", "channelLeft", "channelUpdated"]


async def test_a_channel_that_is_too_far_behind_is_to_be_fetched_again(lab: Lab) -> None:
    listener, _ = await lab.in_channel()
    entry = listed(seq=5000, friendly_name="New")
    entry["user_channel"]["last_consumed_message_index"] = 4
    lab.server.channels = [entry]
    lab.server.catch_ups[CHANNEL] = {"status": "refetch", "seq": 5000}
    lab.server.answers["fetchMyChannel"] = lambda frame: entry
    await lab.again(listener)
    event = await listener.heard("channelRefetched")
    assert (event.channel.friendly_name, event.channel.last_consumed_message_index) == ("New", 4)
    await lab.server.socket.push(added(4000, 5001))
    await listener.heard("messageAdded")
    assert told(listener) == ["channelJoined", "channelRefetched", "messageAdded", "channelUpdated"]


async def missed(lab: Lab, listener: Listener, event: Frame, **own: Any) -> None:
    """Have a client catch up with one change."""
    entry = listed(seq=11)
    entry["user_channel"] |= own
    lab.server.channels = [entry]
    lab.server.catch_ups[CHANNEL] = caught_up(11, event)
    await lab.again(listener)


async def test_a_channel_outlives_its_connection(lab: Lab) -> None:
    listener, general = await lab.in_channel()
    await missed(lab, listener, changed("channelUpdated", 11, channel=channel(11, friendly_name="New")))
    assert (await listener.heard("channelUpdated")).channel is general
    assert general.friendly_name == "New"


async def test_a_message_missed_is_told_with_its_object(lab: Lab) -> None:
    listener, general = await lab.in_channel()
    lab.server.answers["fetchMessage"] = lambda frame: message(0, 10)
    shown = await general.get_message(0)
    edit = changed("messageUpdated", 11, message=message(0, 11, body="edited"), updateReasons=["body"])
    await missed(lab, listener, edit)
    event = await listener.heard("messageUpdated")
    assert (event.message is shown, shown.body, event.update_reasons) == (True, "edited", ("body",))


async def test_what_was_read_elsewhere_meanwhile_is_told_once(lab: Lab) -> None:
    listener, general = await lab.in_channel()
    me = {"sid": "MB1", "identity": "alice", "seq": 11, "last_consumed_message_index": 4}
    read = changed("memberUpdated", 11, member=me, updateReasons=["lastConsumedMessageIndex"])
    await missed(lab, listener, read, last_consumed_message_index=4)
    updates = await listener.heard_all("channelUpdated")
    assert [event.update_reasons for event in updates] == [("lastConsumedMessageIndex",)]
    assert general.last_consumed_message_index == 4
