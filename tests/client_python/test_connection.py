"""One connection that outlives its sockets: opening, waiting, repeating, keeping alive, moving over."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import pytest

from parley_client import Client, Denied, ParleyError, RequestTimeout, UnusableUrl
from tests.client_python.fakes import (
    CHANNEL,
    Lab,
    Listener,
    added,
    listed,
    soon,
    until,
)

pytestmark = pytest.mark.anyio


def states(listener: Listener) -> list[str]:
    return [event.state for event in listener.named("connectionStateChanged")]


# What cannot be connected to.


@pytest.mark.parametrize(
    "url",
    [
        "",
        "http://127.0.0.1:8080",
        "https://chat.example.com/prod",
        "127.0.0.1:8080/ws",
        "chat.example.com/prod",
        "wss://",
        "ws:///ws",
        "wss://chat.example.com:99999/prod",
        "wss://chat.example.com/prod#here",
        None,
    ],
)
def test_a_url_that_cannot_be_that_of_a_socket_is_refused_at_once(url: Any) -> None:
    with pytest.raises(UnusableUrl, match=r"Give the one that begins with wss:// or ws://: `SocketUrl`") as refused:
        Client(url, "token")
    assert str(refused.value).startswith(f"{url!r} is not the address of a socket.")
    assert isinstance(refused.value, ParleyError) and isinstance(refused.value, ValueError)


@pytest.mark.parametrize("url", ["wss://chat.example.com/prod", "ws://localhost:8080/ws", "ws://[::1]:8080/ws?a=b"])
def test_a_url_of_a_socket_is_accepted(url: str) -> None:
    assert Client(url, "token").connection_state == "disconnected"


# The log.


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]


async def test_the_log_says_once_of_each_cause_why_there_is_no_connection(
    lab: Lab, caplog: pytest.LogCaptureFixture
) -> None:
    lab.server.refusals = [(503, {"message": "Busy"}), (503, {"message": "Busy"}), (502, {}), (503, {})]
    await lab.start()
    assert warnings(caplog) == [
        f"cannot connect to {lab.server.url}, will try again: Busy (status 503, code 0)",
        f"cannot connect to {lab.server.url}, will try again: the server answered 502 (status 502, code 0)",
    ]


async def test_the_log_says_it_again_if_it_happens_after_a_session(lab: Lab, caplog: pytest.LogCaptureFixture) -> None:
    lab.server.refusals = [(503, {})]
    listener = await lab.start()
    lab.server.refusals = [(503, {})]
    lab.server.socket.drop()
    await listener.heard("connectionError", 2)
    assert len(warnings(caplog)) == 2


async def test_the_log_never_holds_the_query_of_the_url(lab: Lab, caplog: pytest.LogCaptureFixture) -> None:
    lab.server.refusals = [(503, {}), (401, {"message": "No"})]
    lab.server.url += "/ws?key=secret"
    with pytest.raises(Denied):
        await soon(lab.construct().client.start())
    assert len(warnings(caplog)) == 2
    assert warnings(caplog)[1].endswith(
        "/ws refused the token, update_token takes another one: No (status 401, code 0)"
    )
    assert "secret" not in caplog.text


async def test_the_log_says_that_a_token_has_expired_and_nothing_replaces_it(
    lab: Lab, caplog: pytest.LogCaptureFixture
) -> None:
    listener = await lab.start(lab.token(seconds=600))
    lab.timing.advance(601)
    lab.server.socket.drop()
    await until(lambda: listener.client.connection_state == "disconnected")
    assert warnings(caplog) == ["the token has expired, update_token takes another one"]


# Opening.


async def test_the_token_travels_in_a_sub_protocol_and_the_states_are_twilios(lab: Lab) -> None:
    token = lab.token()
    listener = await lab.start(token)
    assert lab.server.tokens == [token]
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


async def test_a_server_that_is_not_ready_is_tried_again_each_time_with_a_token_of_its_own(lab: Lab) -> None:
    lab.server.refusals = [(503, {"message": "Service Unavailable"}), (503, {})]
    listener = await lab.start()
    error = await listener.heard("connectionError")
    assert (error.terminal, error.http_status_code) == (False, 503)
    assert len(set(lab.server.tokens)) == 3


async def test_a_provider_of_tokens_may_be_a_coroutine_function_and_is_asked_again_if_it_fails(lab: Lab) -> None:
    failures = [RuntimeError("no network")]

    async def provider() -> str:
        if failures:
            raise failures.pop()
        return lab.token()

    listener = await lab.start(provider)
    error = await listener.heard("connectionError")
    assert (error.terminal, error.message, len(lab.server.tokens)) == (False, "no network", 1)


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
        await soon(listener.client.request("fetchUser"))
    await soon(listener.client.update_token(lab.token()))
    await until(lambda: listener.client.connection_state == "connected")


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


async def test_a_request_gets_its_reply_in_time_however_often_sessions_broke_before(lab: Lab) -> None:
    listener = await lab.start()
    lab.timing.chance = 1.0
    for breaks in range(1, 9):
        lab.server.socket.drop()
        await until(lambda: listener.client.connection_state == "connecting")
        asking = asyncio.create_task(listener.client.request("fetchUser"))
        await until(lambda: 30.0 in lab.timing.waits() and len(lab.timing.waits()) > 1)
        lab.timing.advance(4.0)
        await soon(asking)
        await until(lambda: listener.client.connection_state == "connected")
        assert len(lab.server.sockets) == breaks + 1


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


# Keeping alive.


async def test_a_ping_goes_out_after_four_minutes_without_a_request(lab: Lab) -> None:
    listener = await lab.start()
    for _ in range(2):
        lab.timing.advance(239)
        await soon(listener.client.request("fetchUser"))
    assert lab.server.count("ping") == 0
    lab.timing.advance(241)
    assert await lab.server.asked("ping") == {"action": "ping"}


async def test_a_connection_that_answers_no_ping_is_replaced_and_writes_wait_for_the_next_one(lab: Lab) -> None:
    lab.server.silent.add("ping")
    listener = await lab.start()
    lab.timing.advance(241)
    await lab.server.asked("ping")
    assert 10.0 in lab.timing.waits()
    lab.timing.advance(11)
    await soon(listener.client.request("deleteChannel", channel="general"))
    assert lab.server.sockets[1].asked("deleteChannel")


async def test_a_connection_that_answers_its_pings_stays(lab: Lab) -> None:
    listener = await lab.start()
    lab.timing.advance(241)
    await lab.server.asked("ping")
    await soon(listener.client.request("fetchUser"))
    lab.timing.advance(11)
    await soon(listener.client.request("fetchUser"))
    assert len(lab.server.sockets) == 1


async def time_out(lab: Lab, listener: Listener) -> None:
    """Let a request time out. The client then pings."""
    asking = await lab.ask(listener, "fetchUser")
    lab.timing.advance(30)
    with pytest.raises(RequestTimeout):
        await soon(asking)
    await lab.server.asked("ping")


async def test_a_dead_connection_is_noticed_though_requests_go_out(lab: Lab) -> None:
    listener = await lab.start()
    lab.server.silent |= {"fetchUser", "ping"}
    await time_out(lab, listener)
    lab.timing.advance(11)
    await lab.reconnected()


async def test_a_connection_that_answers_its_ping_after_a_time_out_stays(lab: Lab) -> None:
    listener = await lab.start()
    lab.server.silent.add("fetchUser")
    await time_out(lab, listener)
    await soon(listener.client.request("fetchSession"))
    lab.timing.advance(11)
    await soon(listener.client.request("fetchSession"))
    assert len(lab.server.sockets) == 1


# Moving over.


async def test_before_the_two_hours_are_up_a_second_socket_takes_over(lab: Lab) -> None:
    listener, _ = await lab.in_channel()
    first, second, finish = await lab.move()
    await soon(listener.client.update_token(lab.token()))
    await soon(listener.client.request("fetchUser"))
    assert (len(first.asked("fetchUser")), len(second.asked("fetchUser"))) == (1, 0)
    await finish(listed(seq=10))
    await until(lambda: first.is_closed)
    await soon(listener.client.request("fetchUser"))
    assert [frame["action"] for frame in second.frames] == ["fetchSession", "listMyChannels", "fetchUser"]
    assert states(listener) == ["connecting", "connected"]


async def test_the_first_socket_is_closed_when_it_owes_no_reply(lab: Lab) -> None:
    lab.server.silent.add("deleteChannel")
    listener = await lab.start()
    await lab.leap(listener, 110 * 60 - 10)
    asking = await lab.ask(listener, "deleteChannel")
    lab.timing.advance(11)
    await until(lambda: len(lab.server.sockets) == 2)
    first, second = lab.server.sockets
    while not second.asked("fetchUser"):
        await soon(listener.client.request("fetchUser"))
    assert not first.is_closed
    await first.reply(lab.server.sockets[0].asked("deleteChannel")[0], None)
    await soon(asking)
    await until(lambda: first.is_closed)


async def test_an_event_that_both_sockets_bring_is_delivered_once(lab: Lab) -> None:
    listener, _ = await lab.in_channel()
    first, second, finish = await lab.move()
    await first.push(added(0, 11))
    await second.push(added(0, 11), added(1, 12))
    await finish(listed(seq=12))
    await listener.heard("messageAdded", 2)
    await until(lambda: first.is_closed)
    assert [event.message.index for event in listener.named("messageAdded")] == [0, 1]


async def test_a_second_socket_that_does_not_open_is_tried_again_while_the_first_is_used(lab: Lab) -> None:
    listener = await lab.start()
    lab.server.refusals = [(503, {})]
    lab.timing.advance(110 * 60 + 1)
    await listener.heard("connectionError")
    await soon(listener.client.request("fetchUser"))
    assert len(lab.server.sockets) == 1
    lab.timing.advance(61)
    await until(lambda: len(lab.server.sockets) == 2)


async def test_a_second_socket_that_breaks_at_once_is_tried_again_while_the_first_is_used(lab: Lab) -> None:
    listener = await lab.start()
    first, second, _ = await lab.move()
    second.drop()
    await until(lambda: 60.0 in lab.timing.waits())
    await soon(listener.client.request("fetchUser"))
    assert first.asked("fetchUser")
    lab.timing.advance(61)
    await until(lambda: first.is_closed)
    assert len(lab.server.sockets) == 3


async def test_the_second_socket_takes_over_when_the_first_breaks_meanwhile(lab: Lab) -> None:
    listener = await lab.start()
    first, second, finish = await lab.move()
    first.drop()
    await soon(listener.client.request("fetchUser"))
    assert second.asked("fetchUser")
    assert states(listener) == ["connecting", "connected", "connecting"]
    await finish()
    await listener.heard("connectionStateChanged", 4)
    assert (states(listener)[3:], len(lab.server.sockets)) == (["connected"], 2)


async def test_a_reply_that_the_first_socket_owes_when_it_breaks_is_asked_for_over_the_second(lab: Lab) -> None:
    lab.server.silent.add("fetchUser")
    listener = await lab.start()
    await lab.leap(listener, 110 * 60 - 10)
    asking = await lab.ask(listener, "fetchUser")
    lab.timing.advance(11)
    await until(lambda: len(lab.server.sockets) == 2)
    first, second = lab.server.sockets
    while not second.asked("deleteChannel"):
        await soon(listener.client.request("deleteChannel"))
    lab.server.silent.clear()
    first.drop()
    await soon(asking)
    assert second.asked("fetchUser")


# Frames.


async def test_frames_that_mean_nothing_are_ignored(lab: Lab) -> None:
    listener, _ = await lab.in_channel()
    for frame in ["not json", "[]", "7", {"message": "Internal server error"}, {"event": "brandNew"}, {"event": 7}]:
        await lab.server.socket.send(frame)
    await lab.server.socket.push({"event": "messageAdded", "channel_sid": CHANNEL, "seq": 11})
    await lab.server.socket.push(added(0, 12))
    assert (await listener.heard("messageAdded")).message.index == 0


async def test_a_client_has_three_tasks(lab: Lab) -> None:
    before = asyncio.all_tasks()
    listener = await lab.start()
    await soon(listener.client.request("fetchUser"))
    names = {task.get_name() for task in asyncio.all_tasks() - before}
    assert {name for name in names if name.startswith("parley")} == {
        "parley connection",
        "parley reader",
        "parley session",
    }
