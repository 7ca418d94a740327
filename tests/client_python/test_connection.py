"""One connection that outlives its sockets: opening, waiting, repeating, keeping alive, moving over."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from parley_client import ClientClosed, ConnectionLost, Denied, MessageTooLarge, RequestError, RequestTimeout
from parley_client.connection import pause_seconds
from tests.client_python.fakes import CHANNEL, Lab, Listener, Refusal, added, listed, message, soon, until

pytestmark = pytest.mark.anyio


def states(listener: Listener) -> list[str]:
    return [event.state for event in listener.named("connectionStateChanged")]


async def reconnected(lab: Lab, sockets: int = 2) -> None:
    """Wait until the client has a further socket and has begun its session there."""
    await until(lambda: len(lab.server.sockets) == sockets and lab.server.socket.asked("listMyChannels"))


# Opening.


async def test_the_token_travels_in_a_sub_protocol(lab: Lab) -> None:
    token = lab.token()
    await lab.start(token)
    assert lab.server.tokens == [token]


async def test_the_states_are_those_of_the_vendor(lab: Lab) -> None:
    listener = await lab.start()
    await listener.close()
    assert states(listener) == ["connecting", "connected", "disconnecting", "disconnected"]


async def test_a_client_is_connected_when_it_has_caught_up(lab: Lab) -> None:
    lab.server.silent.add("listMyChannels")
    listener = lab.construct()
    starting = asyncio.create_task(listener.client.start())
    listing = await lab.server.asked("listMyChannels")
    assert states(listener) == ["connecting"]
    await lab.server.socket.reply(listing, {"channels": [listed()], "next": None})
    await soon(starting)
    await listener.heard("connectionStateChanged", 2)
    told = [event.name for event in listener.events]
    assert told == ["connectionStateChanged", "channelJoined", "connectionStateChanged"]
    assert states(listener) == ["connecting", "connected"]


@pytest.mark.parametrize("silent", ["fetchSession", "listMyChannels"])
async def test_a_start_that_is_given_up_leaves_nothing_behind(lab: Lab, silent: str) -> None:
    before = asyncio.all_tasks()
    lab.server.silent.add(silent)
    client = lab.client()
    starting = asyncio.create_task(client.start())
    await lab.server.asked(silent)
    starting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await soon(starting)
    assert client.connection_state == "disconnected"
    await until(lambda: lab.server.socket.is_closed)
    names = {task.get_name() for task in asyncio.all_tasks() - before}
    assert not [name for name in names if name.startswith("parley")]


async def test_each_attempt_has_a_token_of_its_own(lab: Lab) -> None:
    lab.server.refusals = [(503, {}), (503, {})]
    await lab.start()
    assert len(set(lab.server.tokens)) == 3


async def test_a_provider_of_tokens_may_be_a_coroutine_function(lab: Lab) -> None:
    async def provider() -> str:
        return lab.token()

    await lab.start(provider)
    assert len(lab.server.tokens) == 1


async def test_a_provider_that_fails_is_asked_again(lab: Lab) -> None:
    failures = [RuntimeError("no network")]

    def provider() -> str:
        if failures:
            raise failures.pop()
        return lab.token()

    listener = await lab.start(provider)
    error = await listener.heard("connectionError")
    assert (error.terminal, error.message) == (False, "no network")


@pytest.mark.parametrize("status", [400, 401, 403, 404])
async def test_a_refused_token_is_final(lab: Lab, status: int) -> None:
    lab.server.refusals = [(status, {"code": 20104, "message": "Access Token expired"})]
    listener = lab.construct()
    with pytest.raises(Denied) as denied:
        await soon(listener.client.start())
    assert (denied.value.status, denied.value.code) == (status, 20104)
    error = await listener.heard("connectionError")
    assert (error.terminal, error.http_status_code, error.error_code) == (True, status, 20104)
    assert "denied" in states(listener)
    assert len(lab.server.tokens) == 1


async def test_a_token_refused_later_is_replaced_by_hand(lab: Lab) -> None:
    listener = await lab.start()
    lab.server.refusals = [(401, {"code": 20103})]
    lab.server.socket.drop()
    await until(lambda: listener.client.connection_state == "denied")
    with pytest.raises(Denied):
        await soon(listener.client.request("fetchUser", identity="bob"))
    await soon(listener.client.update_token(lab.token()))
    await until(lambda: listener.client.connection_state == "connected")


async def test_a_server_that_is_not_ready_is_tried_again(lab: Lab) -> None:
    lab.server.refusals = [(503, {"message": "Service Unavailable"})]
    listener = await lab.start()
    error = await listener.heard("connectionError")
    assert (error.terminal, error.http_status_code) == (False, 503)


def test_pauses_grow_up_to_half_a_minute_and_are_left_to_chance() -> None:
    assert [pause_seconds(failures, 1.0) for failures in range(8)] == [0.5, 1, 2, 4, 8, 16, 30, 30]
    assert pause_seconds(3, 0.25) == 1.0
    assert pause_seconds(3, 0.0) == 0.0


async def test_failures_in_a_row_lengthen_the_pause_and_a_connection_that_lasted_starts_anew(lab: Lab) -> None:
    lab.timing.chance = 1.0
    lab.server.refusals = [(503, {}), (503, {})]
    listener = lab.construct()
    starting = asyncio.create_task(listener.client.start())
    await until(lambda: lab.timing.waits() and lab.timing.waits()[0] == 0.5)
    lab.timing.advance(0.5)
    await until(lambda: lab.timing.waits() and lab.timing.waits()[0] == 1.0)
    lab.timing.advance(1.0)
    await soon(starting)
    lab.timing.advance(30.0)
    lab.server.socket.drop()
    await until(lambda: lab.timing.waits() and lab.timing.waits()[0] == 0.5)


async def test_a_client_that_was_closed_for_a_newer_one_comes_back_slowly(lab: Lab) -> None:
    listener = await lab.start()
    lab.timing.chance = 1.0
    error = {"event": "connectionError", "terminal": True, "status": 429, "code": 51001, "message": "Too many"}
    await lab.server.socket.push(error)
    await lab.server.socket.close()
    heard = await listener.heard("connectionError")
    assert (heard.http_status_code, heard.error_code, heard.message) == (429, 51001, "Too many")
    await until(lambda: 30.0 in lab.timing.waits())
    assert len(lab.server.sockets) == 1


async def test_a_client_without_a_usable_token_waits_for_one(lab: Lab) -> None:
    listener = await lab.start(lab.token(seconds=600))
    lab.timing.advance(601)
    lab.server.socket.drop()
    await until(lambda: listener.client.connection_state == "disconnected")
    await soon(listener.client.update_token(lab.token()))
    await until(lambda: listener.client.connection_state == "connected")


# Requests.


async def test_a_refused_request_is_raised_with_status_code_and_message(lab: Lab) -> None:
    def refuse(frame: object) -> None:
        raise Refusal(403, 50107, "User not authorized for command")

    lab.server.answers["deleteChannel"] = refuse
    listener = await lab.start()
    with pytest.raises(RequestError) as error:
        await soon(listener.client.request("deleteChannel", channel="general"))
    assert (error.value.status, error.value.code) == (403, 50107)
    assert error.value.message == "User not authorized for command"
    assert lab.server.count("deleteChannel") == 1


@pytest.mark.parametrize("code", [51002, 50063, 50074])
async def test_a_request_above_a_rate_limit_is_asked_again_three_times(lab: Lab, code: int) -> None:
    def refuse(frame: object) -> None:
        raise Refusal(429, code)

    lab.server.answers["fetchUser"] = refuse
    listener = await lab.start()
    asking = asyncio.create_task(listener.client.request("fetchUser", identity="bob"))
    for attempt in range(1, 4):
        await lab.server.asked("fetchUser", attempt)
        await until(lambda: 1.0 in lab.timing.waits())
        lab.timing.advance(1.0)
    with pytest.raises(RequestError):
        await soon(asking)
    assert lab.server.count("fetchUser") == 4


async def test_a_request_without_a_reply_times_out(lab: Lab) -> None:
    lab.server.silent.add("fetchUser")
    listener = await lab.start()
    asking = asyncio.create_task(listener.client.request("fetchUser", identity="bob"))
    await lab.server.asked("fetchUser")
    lab.timing.advance(29.9)
    # What would end it has had its turn when this one is answered.
    await soon(listener.client.request("fetchSession"))
    assert not asking.done()
    lab.timing.advance(0.2)
    with pytest.raises(RequestTimeout):
        await soon(asking)


async def test_a_read_whose_connection_breaks_is_asked_again(lab: Lab) -> None:
    lab.server.silent.add("fetchUser")
    listener = await lab.start()
    asking = asyncio.create_task(listener.client.request("fetchUser", identity="bob"))
    await lab.server.asked("fetchUser")
    lab.server.silent.clear()
    lab.server.answers["fetchUser"] = lambda frame: {"identity": frame["identity"]}
    lab.server.socket.drop()
    assert await soon(asking) == {"identity": "bob"}


async def test_a_write_whose_connection_breaks_fails(lab: Lab) -> None:
    lab.server.silent.add("deleteChannel")
    listener = await lab.start()
    asking = asyncio.create_task(listener.client.request("deleteChannel", channel="general"))
    await lab.server.asked("deleteChannel")
    lab.server.socket.drop()
    with pytest.raises(ConnectionLost):
        await soon(asking)
    await reconnected(lab)
    assert lab.server.count("deleteChannel") == 1


async def test_a_message_whose_connection_breaks_is_sent_again_under_the_same_id(lab: Lab) -> None:
    lab.server.channels = [listed()]
    lab.server.silent.add("sendMessage")
    listener = await lab.start()
    joined = await listener.heard("channelJoined")
    sending = asyncio.create_task(joined.channel.send_message("hello"))
    first = await lab.server.asked("sendMessage")
    lab.server.silent.clear()
    lab.server.answers["sendMessage"] = lambda frame: message(7, 11)
    lab.server.socket.drop()
    assert await soon(sending) == 7
    second = await lab.server.asked("sendMessage", 2)
    assert second == first
    assert len(first["id"]) >= 16


@pytest.mark.parametrize("action", ["typing", "advanceLastConsumedMessageIndex", "followUsers"])
async def test_what_may_be_done_twice_is_asked_again_when_its_connection_breaks(lab: Lab, action: str) -> None:
    lab.server.silent.add(action)
    listener = await lab.start()
    asking = asyncio.create_task(listener.client.request(action))
    await lab.server.asked(action)
    lab.server.silent.clear()
    lab.server.socket.drop()
    await soon(asking)
    assert lab.server.count(action) == 2


def refused_over_the_first_socket(lab: Lab, action: str, code: int) -> None:
    """Have the server refuse an action for the connection's sake, as long as there is only one."""

    def answer(frame: dict[str, Any]) -> dict[str, Any]:
        if len(lab.server.sockets) == 1:
            raise Refusal(401, code)
        return {"index": 7}

    lab.server.answers[action] = answer


@pytest.mark.parametrize("code", [51006, 20103, 20104])
@pytest.mark.parametrize("action", ["fetchUser", "deleteChannel"])
async def test_what_is_refused_for_the_connection_is_asked_over_the_next_one(lab: Lab, action: str, code: int) -> None:
    refused_over_the_first_socket(lab, action, code)
    listener = await lab.start()
    assert await soon(listener.client.request(action)) == {"index": 7}
    error = await listener.heard("connectionError")
    assert (error.terminal, error.http_status_code, error.error_code) == (True, 401, code)
    assert len(lab.server.sockets) == 2


async def test_a_message_that_is_refused_for_the_connection_is_sent_again_under_the_same_id(lab: Lab) -> None:
    refused_over_the_first_socket(lab, "sendMessage", 51006)
    listener = await lab.start()
    await soon(listener.client.request("sendMessage", channel="general", body="hello"))
    assert await lab.server.asked("sendMessage", 2) == await lab.server.asked("sendMessage")


async def test_a_write_that_was_not_sent_waits_for_the_connection(lab: Lab) -> None:
    listener = await lab.start()
    lab.timing.chance = 1.0
    lab.server.socket.drop()
    await until(lambda: listener.client.connection_state == "connecting")
    asking = asyncio.create_task(listener.client.request("deleteChannel", channel="general"))
    await until(lambda: 30.0 in lab.timing.waits())
    lab.timing.advance(1.0)
    await soon(asking)
    assert lab.server.sockets[1].asked("deleteChannel")


async def test_a_request_that_waits_for_the_connection_times_out_too(lab: Lab) -> None:
    listener = await lab.start()
    lab.timing.chance = 1.0
    lab.server.refusals = [(503, {})] * 9
    lab.server.socket.drop()
    await until(lambda: listener.client.connection_state == "connecting")
    asking = asyncio.create_task(listener.client.request("deleteChannel", channel="general"))
    await until(lambda: 30.0 in lab.timing.waits())
    lab.timing.advance(30.0)
    with pytest.raises(RequestTimeout):
        await soon(asking)


async def test_a_large_request_travels_in_frames_of_less_than_32_kb(lab: Lab) -> None:
    listener = await lab.start()
    body = "é" * 40_000
    await soon(listener.client.request("sendMessage", channel="general", body=body))
    assert lab.server.socket.asked("sendMessage")[0]["body"] == body
    sizes = lab.server.socket.fragments[-1]
    assert len(sizes) > 2
    assert max(sizes) <= 32 * 1024


async def test_a_large_request_that_is_given_up_half_way_leaves_no_broken_connection(lab: Lab) -> None:
    listener = await lab.start()
    lab.server.answers["deleteChannel"] = lambda frame: "deleted"
    wire = listener.client._connection._line._wire._connection
    # What the transport says when the network takes nothing more, and when it does again.
    wire.pause_writing()
    sending = asyncio.create_task(listener.client.request("sendMessage", channel="general", body="x" * 120_000))
    await until(lambda: wire.send_in_progress)
    sending.cancel()
    with pytest.raises(asyncio.CancelledError):
        await soon(sending)
    if wire.paused:
        wire.resume_writing()
    assert await soon(listener.client.request("deleteChannel", channel="general")) == "deleted"
    assert len(lab.server.sockets) == 2


async def test_a_request_larger_than_a_socket_carries_is_refused_here(lab: Lab) -> None:
    listener = await lab.start()
    with pytest.raises(MessageTooLarge):
        await soon(listener.client.request("sendMessage", channel="general", body="x" * 140_000))
    assert listener.client.connection_state == "connected"
    assert lab.server.count("sendMessage") == 0


async def test_requests_fail_when_the_client_is_shut_down(lab: Lab) -> None:
    lab.server.silent.add("fetchUser")
    listener = await lab.start()
    asking = asyncio.create_task(listener.client.request("fetchUser", identity="bob"))
    await lab.server.asked("fetchUser")
    await listener.close()
    with pytest.raises(ClientClosed):
        await soon(asking)
    with pytest.raises(ClientClosed):
        await soon(listener.client.request("fetchUser", identity="bob"))
    with pytest.raises(ClientClosed):
        await soon(listener.client.update_token(lab.token()))


# Keeping alive.


async def test_a_ping_goes_out_after_four_minutes_of_silence(lab: Lab) -> None:
    await lab.start()
    assert 240.0 in lab.timing.waits()
    lab.timing.advance(241)
    assert await lab.server.asked("ping") == {"action": "ping"}


async def test_no_ping_goes_out_while_requests_do(lab: Lab) -> None:
    listener = await lab.start()
    lab.timing.advance(200)
    await soon(listener.client.request("fetchUser", identity="bob"))
    lab.timing.advance(200)
    await soon(listener.client.request("fetchUser", identity="bob"))
    assert lab.server.count("ping") == 0
    lab.timing.advance(241)
    await lab.server.asked("ping")


async def test_a_connection_that_answers_no_ping_is_replaced(lab: Lab) -> None:
    lab.server.silent.add("ping")
    await lab.start()
    lab.timing.advance(241)
    await lab.server.asked("ping")
    assert 10.0 in lab.timing.waits()
    lab.timing.advance(11)
    await reconnected(lab)


async def test_a_write_that_comes_when_the_connection_was_just_cut_waits_for_the_next_one(lab: Lab) -> None:
    lab.server.silent.add("ping")
    listener = await lab.start()
    lab.timing.advance(241)
    await lab.server.asked("ping")
    lab.timing.advance(11)
    await soon(listener.client.request("deleteChannel", channel="general"))
    assert lab.server.sockets[1].asked("deleteChannel")


async def test_a_connection_that_answers_its_pings_stays(lab: Lab) -> None:
    listener = await lab.start()
    lab.timing.advance(241)
    await lab.server.asked("ping")
    await soon(listener.client.request("fetchUser", identity="bob"))
    lab.timing.advance(11)
    await soon(listener.client.request("fetchUser", identity="bob"))
    assert len(lab.server.sockets) == 1


async def time_out(lab: Lab, listener: Listener) -> None:
    """Let a request time out, whereupon the connection is asked whether it is still there."""
    asking = asyncio.create_task(listener.client.request("fetchUser", identity="bob"))
    await lab.server.asked("fetchUser")
    lab.timing.advance(30)
    with pytest.raises(RequestTimeout):
        await soon(asking)
    await lab.server.asked("ping")


async def test_a_dead_connection_is_noticed_though_requests_go_out(lab: Lab) -> None:
    listener = await lab.start()
    lab.server.silent |= {"fetchUser", "ping"}
    await time_out(lab, listener)
    lab.timing.advance(11)
    await reconnected(lab)


async def test_a_connection_that_answers_its_ping_after_a_time_out_stays(lab: Lab) -> None:
    listener = await lab.start()
    lab.server.silent.add("fetchUser")
    await time_out(lab, listener)
    await soon(listener.client.request("fetchSession"))
    lab.timing.advance(11)
    await soon(listener.client.request("fetchSession"))
    assert len(lab.server.sockets) == 1


# Moving over.


async def moved(lab: Lab) -> None:
    lab.timing.advance(110 * 60 + 1)
    await until(lambda: len(lab.server.sockets) == 2)


async def test_before_the_two_hours_are_up_a_second_socket_takes_over(lab: Lab) -> None:
    lab.server.channels = [listed(seq=10)]
    listener = await lab.start()
    await moved(lab)
    first, second = lab.server.sockets
    await until(lambda: first.is_closed)
    assert [frame["action"] for frame in second.frames] == ["fetchSession", "listMyChannels"]
    await soon(listener.client.request("fetchUser", identity="bob"))
    assert second.asked("fetchUser")
    assert states(listener) == ["connecting", "connected"]


async def test_the_first_socket_is_used_until_the_second_knows_everything(lab: Lab) -> None:
    listener = await lab.start()
    lab.server.silent.add("listMyChannels")
    await moved(lab)
    first, second = lab.server.sockets
    listing = await lab.server.asked("listMyChannels", socket=second)
    await soon(listener.client.update_token(lab.token()))
    await soon(listener.client.request("fetchUser", identity="bob"))
    assert first.asked("fetchUser")
    await second.reply(listing, {"channels": [], "next": None})
    await until(lambda: first.is_closed)


async def test_the_first_socket_is_closed_when_it_owes_no_reply(lab: Lab) -> None:
    lab.server.silent.add("deleteChannel")
    listener = await lab.start()
    await lab.leap(listener, 110 * 60 - 10)
    asking = asyncio.create_task(listener.client.request("deleteChannel", channel="general"))
    request = await lab.server.asked("deleteChannel")
    lab.timing.advance(11)
    await until(lambda: len(lab.server.sockets) == 2)
    first, second = lab.server.sockets
    await lab.server.asked("listMyChannels", socket=second)
    while not second.asked("fetchUser"):
        await soon(listener.client.request("fetchUser", identity="bob"))
    assert not first.is_closed
    await first.reply(request, None)
    await soon(asking)
    await until(lambda: first.is_closed)


async def test_what_both_sockets_tell_is_delivered_once(lab: Lab) -> None:
    lab.server.channels = [listed(seq=10)]
    listener = await lab.start()
    lab.server.silent.add("listMyChannels")
    await moved(lab)
    first, second = lab.server.sockets
    listing = await lab.server.asked("listMyChannels", socket=second)
    await first.push(added(0, 11))
    await second.push(added(0, 11), added(1, 12))
    await second.reply(listing, {"channels": [listed(seq=12)], "next": None})
    await listener.heard("messageAdded", 2)
    await until(lambda: first.is_closed)
    assert [event.message.index for event in listener.named("messageAdded")] == [0, 1]


async def test_a_second_socket_that_does_not_open_is_tried_again_while_the_first_is_used(lab: Lab) -> None:
    listener = await lab.start()
    lab.server.refusals = [(503, {})]
    lab.timing.advance(110 * 60 + 1)
    await listener.heard("connectionError")
    await soon(listener.client.request("fetchUser", identity="bob"))
    assert len(lab.server.sockets) == 1
    lab.timing.advance(61)
    await until(lambda: len(lab.server.sockets) == 2)


async def test_a_second_socket_that_breaks_at_once_is_tried_again_while_the_first_is_used(lab: Lab) -> None:
    listener = await lab.start()
    lab.server.silent.add("listMyChannels")
    await moved(lab)
    first, second = lab.server.sockets
    await lab.server.asked("listMyChannels", socket=second)
    lab.server.silent.clear()
    second.drop()
    await until(lambda: 60.0 in lab.timing.waits())
    await soon(listener.client.request("fetchUser", identity="bob"))
    assert first.asked("fetchUser")
    lab.timing.advance(61)
    await until(lambda: first.is_closed)
    assert len(lab.server.sockets) == 3


async def test_the_second_socket_takes_over_when_the_first_breaks_meanwhile(lab: Lab) -> None:
    listener = await lab.start()
    lab.server.silent.add("listMyChannels")
    await moved(lab)
    first, second = lab.server.sockets
    listing = await lab.server.asked("listMyChannels", socket=second)
    first.drop()
    await soon(listener.client.request("fetchUser", identity="bob"))
    assert second.asked("fetchUser")
    assert states(listener) == ["connecting", "connected", "connecting"]
    await second.reply(listing, {"channels": [], "next": None})
    await listener.heard("connectionStateChanged", 4)
    assert states(listener)[3:] == ["connected"]
    assert len(lab.server.sockets) == 2


async def test_what_the_first_socket_owes_when_it_breaks_is_asked_over_the_second(lab: Lab) -> None:
    lab.server.silent.add("fetchUser")
    listener = await lab.start()
    await lab.leap(listener, 110 * 60 - 10)
    asking = asyncio.create_task(listener.client.request("fetchUser", identity="bob"))
    await lab.server.asked("fetchUser")
    lab.timing.advance(11)
    await until(lambda: len(lab.server.sockets) == 2)
    first, second = lab.server.sockets
    await lab.server.asked("listMyChannels", socket=second)
    while not second.asked("deleteChannel"):
        await soon(listener.client.request("deleteChannel", channel="general"))
    lab.server.silent.clear()
    first.drop()
    await soon(asking)
    assert second.asked("fetchUser")


# Frames.


async def test_frames_that_mean_nothing_are_ignored(lab: Lab) -> None:
    lab.server.channels = [listed(seq=10)]
    listener = await lab.start()
    for frame in ["not json", "[]", "7", {"message": "Internal server error"}, {"event": "brandNew"}, {"event": 7}]:
        await lab.server.socket.send(frame)
    await lab.server.socket.push({"event": "messageAdded", "channel_sid": CHANNEL, "seq": 11})
    await lab.server.socket.push(added(0, 12))
    assert (await listener.heard("messageAdded")).message.index == 0


async def test_a_client_has_three_tasks(lab: Lab) -> None:
    before = asyncio.all_tasks()
    listener = await lab.start()
    await soon(listener.client.request("fetchUser", identity="bob"))
    names = {task.get_name() for task in asyncio.all_tasks() - before}
    assert {name for name in names if name.startswith("parley")} == {
        "parley connection",
        "parley reader",
        "parley session",
    }
