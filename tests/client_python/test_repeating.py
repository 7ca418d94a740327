"""Requests that are refused, get no reply, or lose their connection."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from parley_client import ClientClosed, ConnectionLost, MessageTooLarge, RequestError, RequestTimeout
from tests.client_python.fakes import Lab, first_refused, message, refusing, soon, until

pytestmark = pytest.mark.anyio


async def test_a_refused_request_is_raised_with_status_code_and_message(lab: Lab) -> None:
    lab.server.answers["deleteChannel"] = refusing(403, 50107, "User not authorized for command")
    listener = await lab.start()
    with pytest.raises(RequestError) as error:
        await soon(listener.client.request("deleteChannel", channel="general"))
    assert (error.value.status, error.value.code) == (403, 50107)
    assert error.value.message == "User not authorized for command"
    assert lab.server.count("deleteChannel") == 1


@pytest.mark.parametrize("code", [51002, 50063, 50074])
async def test_a_request_above_a_rate_limit_is_asked_again_three_times(lab: Lab, code: int) -> None:
    lab.server.answers["fetchUser"] = refusing(429, code)
    asking = await lab.ask(await lab.start(), "fetchUser")
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
    asking = await lab.ask(listener, "fetchUser")
    lab.timing.advance(29.9)
    # If the request had timed out, the task would have had its turn when this one is answered.
    await soon(listener.client.request("fetchSession"))
    assert not asking.done()
    lab.timing.advance(0.2)
    with pytest.raises(RequestTimeout):
        await soon(asking)


@pytest.mark.parametrize("action", ["fetchUser", "typing", "advanceLastConsumedMessageIndex", "followUsers"])
async def test_a_request_that_reads_or_may_be_done_twice_is_sent_again_if_its_connection_breaks(
    lab: Lab, action: str
) -> None:
    lab.server.silent.add(action)
    asking = await lab.ask(await lab.start(), action)
    lab.server.silent.clear()
    lab.server.answers[action] = lambda frame: "answer"
    lab.server.socket.drop()
    assert await soon(asking) == "answer"
    assert lab.server.count(action) == 2


async def test_a_write_whose_connection_breaks_fails(lab: Lab) -> None:
    lab.server.silent.add("deleteChannel")
    asking = await lab.ask(await lab.start(), "deleteChannel")
    lab.server.socket.drop()
    with pytest.raises(ConnectionLost):
        await soon(asking)
    await lab.reconnected()
    assert lab.server.count("deleteChannel") == 1


async def test_a_message_whose_connection_breaks_is_sent_again_under_the_same_id(lab: Lab) -> None:
    lab.server.silent.add("sendMessage")
    _, general = await lab.in_channel()
    sending = asyncio.create_task(general.send_message("hello"))
    first = await lab.server.asked("sendMessage")
    lab.server.silent.clear()
    lab.server.answers["sendMessage"] = lambda frame: message(7, 11)
    lab.server.socket.drop()
    assert await soon(sending) == 7
    assert await lab.server.asked("sendMessage", 2) == first
    assert len(first["id"]) >= 16


@pytest.mark.parametrize("code", [51006, 20103, 20104])
@pytest.mark.parametrize("action", ["fetchUser", "deleteChannel", "sendMessage"])
async def test_a_request_that_is_refused_because_the_connection_is_over_is_sent_over_the_next_one(
    lab: Lab, action: str, code: int
) -> None:
    lab.server.answers[action] = first_refused(lambda frame: {"index": 7}, 401, code)
    listener = await lab.start()
    assert await soon(listener.client.request(action)) == {"index": 7}
    error = await listener.heard("connectionError")
    assert (error.terminal, error.http_status_code, error.error_code) == (True, 401, code)
    first, second = lab.server.sockets
    assert first.asked(action) == second.asked(action) != []


async def without_connection(lab: Lab) -> asyncio.Task[Any]:
    """A write that waits for the next connection, which is tried in half a minute."""
    listener = await lab.start()
    lab.timing.chance = 1.0
    lab.server.socket.drop()
    await until(lambda: listener.client.connection_state == "connecting")
    asking = asyncio.create_task(listener.client.request("deleteChannel", channel="general"))
    await until(lambda: 30.0 in lab.timing.waits())
    return asking


async def test_a_write_that_was_not_sent_waits_for_the_connection(lab: Lab) -> None:
    asking = await without_connection(lab)
    lab.timing.advance(1.0)
    await soon(asking)
    assert lab.server.sockets[1].asked("deleteChannel")


async def test_a_request_that_waits_for_the_connection_times_out_too(lab: Lab) -> None:
    asking = await without_connection(lab)
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
    asking = await lab.ask(listener, "fetchUser")
    await listener.close()
    for attempt in (asking, listener.client.request("fetchUser"), listener.client.update_token(lab.token())):
        with pytest.raises(ClientClosed):
            await soon(attempt)
