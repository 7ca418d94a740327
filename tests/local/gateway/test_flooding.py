"""Sockets that send faster than their messages are handled: some messages run, some wait, then the socket is not read."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Awaitable, Callable
from typing import Any

from websockets.client import ClientProtocol
from websockets.protocol import State
from websockets.uri import parse_uri

from local.gateway.sockets import AT_ONCE, Limits, Socket, SocketHub
from local.http.server import Request
from local.template.declared import Route, SocketApi

FLOOD = 30_000
API = SocketApi(
    "SocketApi",
    "test",
    "$request.body.action",
    {
        "$default": Route("Function", None, True, 5.0),
        "ping": Route("", '{"action":"pong"}', True, 5.0),
    },
)


class Wire(asyncio.Transport):
    """A client's end that sends what it is told to, as long as it is read."""

    def __init__(self) -> None:
        super().__init__()
        self.is_read = True
        self.written = b""

    def write(self, data: Any) -> None:
        self.written += bytes(data)

    def is_closing(self) -> bool:
        return False

    def pause_reading(self) -> None:
        assert self.is_read
        self.is_read = False

    def resume_reading(self) -> None:
        assert not self.is_read
        self.is_read = True

    def get_write_buffer_size(self) -> int:
        return 0


class Functions:
    """Functions that run until they are told to end, in the order in which they were called."""

    def __init__(self) -> None:
        self.begun: list[str] = []
        self._ends: list[asyncio.Future[None]] = []

    async def call(self, name: str, event: dict[str, Any], timeout_seconds: float) -> Any:
        self.begun.append(event["body"])
        self._ends.append(asyncio.get_running_loop().create_future())
        await self._ends[-1]
        return {"statusCode": 200, "body": event["body"]}

    async def end_one(self) -> None:
        self._ends.pop(0).set_result(None)
        await settled()


async def settled() -> None:
    """Run the event loop until nothing more happens by itself: no chain of callbacks here is this long."""
    for _ in range(50):
        await asyncio.sleep(0)


async def opened(hub: SocketHub) -> tuple[Socket, Wire]:
    key = base64.b64encode(b"0" * 16).decode()
    headers = [("Host", "x"), ("Upgrade", "websocket"), ("Connection", "Upgrade")]
    headers += [("Sec-WebSocket-Key", key), ("Sec-WebSocket-Version", "13")]
    wire = Wire()
    socket = hub.upgrade(Request("GET", "/ws", "", headers, b"", ("127.0.0.1", 1), 80), wire)
    await settled()
    assert socket.connection_id in hub.open
    return socket, wire


def frames(*texts: str) -> bytes:
    client = ClientProtocol(parse_uri("ws://x/"), state=State.OPEN)
    for text in texts:
        client.send_text(text.encode())
    return b"".join(client.data_to_send())


def played(play: Callable[[SocketHub, Functions], Awaitable[None]]) -> None:
    async def run() -> None:
        functions = Functions()
        hub = SocketHub(API, Limits(), functions.call)
        await play(hub, functions)
        for socket in list(hub.open.values()):
            socket.end(1000, "")

    asyncio.run(run())


def test_a_flood_of_one_socket_holds_another_up_by_no_more_than_its_share() -> None:
    """A socket that queued 30,000 frames used to have all of them handled before anybody else's next one."""

    async def play(hub: SocketHub, functions: Functions) -> None:
        (flooding, _), (quiet, wire) = await opened(hub), await opened(hub)
        flooding.data_received(frames(*map(str, range(FLOOD))))
        await settled()
        quiet.data_received(frames("hello", json.dumps({"action": "ping"})))
        await settled()
        assert functions.begun == [*map(str, range(AT_ONCE)), "hello"]
        # A ping needs no function, and waits for none.
        assert wire.written.endswith(b'{"action":"pong"}')

    played(play)


def test_a_flooding_socket_is_not_read_until_some_of_its_messages_are_handled() -> None:
    async def play(hub: SocketHub, functions: Functions) -> None:
        socket, wire = await opened(hub)
        sent = 0
        while wire.is_read:
            socket.data_received(frames(str(sent)))
            sent += 1
            assert sent < 200
        await settled()
        ended = 0
        while not wire.is_read:
            await functions.end_one()
            ended += 1
        assert ended <= sent
        while len(functions.begun) < sent:
            await functions.end_one()
        # Everything that was read is handled, in the order in which it came.
        assert functions.begun == [str(number) for number in range(sent)]

    played(play)


def test_waiting_messages_are_dropped_when_the_gateway_closes_the_socket() -> None:
    async def play(hub: SocketHub, functions: Functions) -> None:
        socket, _ = await opened(hub)
        socket.data_received(frames(*map(str, range(1000))))
        await settled()
        socket.end(1000, "")
        for _ in range(AT_ONCE):
            await functions.end_one()
        assert len(functions.begun) == AT_ONCE

    played(play)


def test_messages_that_a_client_sent_before_it_closed_are_handled() -> None:
    async def play(hub: SocketHub, functions: Functions) -> None:
        socket, _ = await opened(hub)
        socket.data_received(frames(*map(str, range(AT_ONCE + 4))))
        socket.connection_lost()
        await settled()
        for _ in range(AT_ONCE):
            await functions.end_one()
        assert len(functions.begun) == AT_ONCE + 4

    played(play)
