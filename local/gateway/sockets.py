"""The WebSocket side of the gateway: connections, their life and limits, frames to functions, pushes to clients.

    handshake -> $connect runs -> refused: an HTTP answer, the socket never opens
                               -> open -> closed: by the client, a limit, idleness, age or DELETE -> $disconnect

A push reaches a client only while its socket is open: before `$connect` has returned and after the close it is 410.
Each message is one call of a function. Calls for one connection run side by side, so replies may overtake one another.
API Gateway runs as many calls as the account's throttle allows. Here all sockets share the threads of one machine, so
each socket gets a few calls at a time. If a client sends faster than that, its socket is not read until some messages
are handled. Only messages, from the client or to it, keep a socket from being idle. AWS does not say whether protocol
pings do.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import time
import uuid
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from websockets.datastructures import Headers
from websockets.frames import Frame, Opcode
from websockets.http11 import Request as Handshake
from websockets.protocol import State
from websockets.server import ServerProtocol

from local.gateway import socket_events as events
from local.http.server import Request, Response, encode
from local.process.functions import FunctionError, PayloadTooLarge
from local.process.report import problem
from local.template.declared import Route, SocketApi

logger = logging.getLogger("local.sockets")

FRAME_LIMIT = 32 * 1024
MESSAGE_LIMIT = 128 * 1024
URL_LIMIT = 4_096
_LINGER_SECONDS = 2
# A quarter of the gateway's threads, so that a socket that floods leaves the others theirs.
AT_ONCE = 16
# If more messages of a socket wait than this, the socket is not read.
_WAITING = 64
_REFUSALS = {401: "Unauthorized", 403: "Forbidden", 414: "URI too long", 429: "Too Many Requests"}
_ENDED, _UNSUPPORTED, _INVALID, _NORMAL, _LOST = 1001, 1003, 1007, 1000, 1006
Call = Callable[[str, dict[str, Any], float], Awaitable[Any]]


@dataclass(frozen=True)
class Limits:
    """The limits that API Gateway sets for every socket. Tests shorten the times."""

    idle_seconds: float = 600
    life_seconds: float = 7200
    buffer_bytes: int = 1024 * 1024
    """How much a slow client may leave unread. AWS does not publish its figure."""

    @classmethod
    def from_environment(cls) -> Limits:
        return cls(
            idle_seconds=float(os.environ.get("PARLEY_SOCKET_IDLE_SECONDS", cls.idle_seconds)),
            life_seconds=float(os.environ.get("PARLEY_SOCKET_LIFE_SECONDS", cls.life_seconds)),
            buffer_bytes=int(os.environ.get("PARLEY_SOCKET_BUFFER_BYTES", cls.buffer_bytes)),
        )


class SocketHub:
    """All sockets of one WebSocket API."""

    def __init__(self, api: SocketApi, limits: Limits, call: Call) -> None:
        self.api = api
        self.limits = limits
        self.call = call
        self.open: dict[str, Socket] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def begin(self, coroutine: Any) -> None:
        """Run something in the background until it ends."""
        task = asyncio.get_running_loop().create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def upgrade(self, request: Request, transport: asyncio.Transport) -> Socket:
        """Begin the handshake of a new socket."""
        socket = Socket(self, request, transport)
        self.begin(socket.connect())
        return socket

    def refuse(self, request: Request, transport: asyncio.Transport, status: int) -> Socket:
        """Answer a handshake without asking `$connect`."""
        socket = Socket(self, request, transport)
        socket.refuse(status)
        return socket

    def route(self, text: str) -> tuple[str, Route | None]:
        """The key and route of a message: by the selection expression, else `$default`."""
        key = events.selected(self.api.selection, text)
        if key not in self.api.routes or key.startswith("$"):
            key = "$default"
        return key, self.api.routes.get(key)

    async def close(self, patience_seconds: float) -> None:
        """Close all sockets, and wait this long at most for their `$disconnect` calls."""
        for socket in list(self.open.values()):
            socket.end(_ENDED, "Going away")
        deadline = time.monotonic() + patience_seconds
        while self._tasks and time.monotonic() < deadline:
            await asyncio.wait(self._tasks, timeout=max(0.0, deadline - time.monotonic()))


class Socket:
    """One client's connection."""

    def __init__(self, hub: SocketHub, request: Request, transport: asyncio.Transport) -> None:
        self.connection_id = events.new_id()
        self.connected_at = time.time()
        self.last_active_at = self.connected_at
        self.request = request
        self._hub = hub
        self._transport = transport
        self._protocol: ServerProtocol | None = None
        self._early = b""
        self._parts: list[bytes] = []
        self._waiting: deque[str] = deque()
        self._running = 0
        self._is_paused = False
        self._timers: list[asyncio.TimerHandle] = []
        self._lost = False
        self._is_closed = False

    # The handshake.

    async def connect(self) -> None:
        """Run `$connect`, then open the socket or refuse it."""
        if len(self.request.path) + len(self.request.query) + 1 > URL_LIMIT:
            self.refuse(414)
            return
        handshake = Handshake(f"{self.request.path}?{self.request.query}", Headers(self.request.headers))
        accepted = ServerProtocol().accept(handshake)
        if accepted.status_code != 101:
            ours = ("connection", "content-length", "date")
            headers = [(name, value) for name, value in accepted.headers.raw_items() if name.lower() not in ours]
            self._answer(Response(accepted.status_code, bytes(accepted.body or b""), headers))
            return
        status, subprotocol = 200, ""
        if route := self._hub.api.routes.get("$connect"):
            status, subprotocol = await self._ask(route)
        if not 200 <= status < 300:
            logger.info("socket %s refused with %s", self.connection_id, status)
            self.refuse(status)
            return
        if subprotocol:
            accepted.headers["Sec-WebSocket-Protocol"] = subprotocol
        self._open(accepted.serialize())

    async def _ask(self, route: Route) -> tuple[int, str]:
        """Call `$connect`; returns the status and the sub-protocol that it answered with."""
        event = events.connect_event(self.request, self._context("$connect", "CONNECT"))
        try:
            result = await self._hub.call(route.function, event, route.timeout_seconds)
            status = int(result["statusCode"])
        except TimeoutError:
            return 504, ""
        except (FunctionError, PayloadTooLarge) as error:
            problem(f"$connect: {error}")
            return 502, ""
        except (KeyError, TypeError, ValueError):
            problem("$connect: the result has no statusCode")
            return 500, ""
        chosen = {name.lower(): value for name, value in (result.get("headers") or {}).items()}
        chosen |= {name.lower(): values[-1] for name, values in (result.get("multiValueHeaders") or {}).items()}
        return status, str(chosen.get("sec-websocket-protocol", ""))

    def refuse(self, status: int) -> None:
        """Answer the handshake with an error."""
        body = {
            "message": _REFUSALS.get(status, "Internal server error"),
            "connectionId": self.connection_id,
            "requestId": str(uuid.uuid4()),
        }
        self._answer(Response(status, json.dumps(body).encode(), [("Content-Type", "application/json")]))

    def _answer(self, response: Response) -> None:
        self._is_closed = True
        if not self._transport.is_closing():
            self._transport.write(encode(response, True, True))
            self._hang_up()

    def _open(self, answer: bytes) -> None:
        if self._lost:
            # The client has gone, but `$connect` has accepted it, so `$disconnect` must run.
            self._finish(_LOST, "")
            return
        self._protocol = ServerProtocol(state=State.OPEN, max_size=(MESSAGE_LIMIT, FRAME_LIMIT))
        self._hub.open[self.connection_id] = self
        self._transport.write(answer)
        loop = asyncio.get_running_loop()
        self._timers = [
            loop.call_later(self._hub.limits.life_seconds, self.end, _ENDED, "Going away"),
            loop.call_later(self._hub.limits.idle_seconds, self._check_idle),
        ]
        if self._early:
            self.data_received(self._early)

    # Bytes from the client.

    def data_received(self, data: bytes) -> None:
        if self._protocol is None:
            self._early += data[: MESSAGE_LIMIT - len(self._early)]
            return
        self._protocol.receive_data(data)
        for received in self._protocol.events_received():
            if isinstance(received, Frame):
                self._take(received)
        self._flush()

    def eof_received(self) -> None:
        self._lost = True
        if self._protocol is not None:
            self._protocol.receive_eof()
            self._flush()
        self._transport.close()

    def connection_lost(self) -> None:
        self._lost = True
        if self._protocol is not None:
            self._finish(_LOST, "")

    def _take(self, frame: Frame) -> None:
        if self._is_closed or self._protocol is None:
            return
        if frame.opcode is Opcode.BINARY:
            self._fail(_UNSUPPORTED, "Binary is not supported")
        elif frame.opcode in (Opcode.TEXT, Opcode.CONT):
            self._parts.append(bytes(frame.data))
            if frame.fin:
                data, self._parts = b"".join(self._parts), []
                self.last_active_at = time.time()
                try:
                    self._waiting.append(data.decode())
                except UnicodeDecodeError:
                    self._fail(_INVALID, "Text is not UTF-8")
                self._take_turns()
        elif frame.opcode is Opcode.CLOSE and self._protocol.close_rcvd is not None:
            self._finish(self._protocol.close_rcvd.code, self._protocol.close_rcvd.reason)

    def _take_turns(self) -> None:
        """Start calls for as many messages as may run at once. If too many messages wait, stop reading the socket."""
        while self._waiting and self._running < AT_ONCE:
            self._running += 1
            self._hub.begin(self._handle_next(self._waiting.popleft()))
        is_paused = len(self._waiting) > _WAITING
        if is_paused != self._is_paused and not self._transport.is_closing():
            self._is_paused = is_paused
            (self._transport.pause_reading if is_paused else self._transport.resume_reading)()

    async def _handle_next(self, text: str) -> None:
        try:
            await self._handle(text)
        finally:
            self._running -= 1
            self._take_turns()

    async def _handle(self, text: str) -> None:
        """Call the route of one message, and send the reply back."""
        key, route = self._hub.route(text)
        context = self._context(key, "MESSAGE")
        if route is None:
            self._send_error("Forbidden", context)
            return
        if route.reply is not None:
            if route.replies:
                self.send(route.reply.encode())
            return
        try:
            event = events.message_event(text, context)
            result = await self._hub.call(route.function, event, route.timeout_seconds)
        except TimeoutError:
            self._send_error("Endpoint request timed out", context)
            return
        except (FunctionError, PayloadTooLarge) as error:
            problem(f"{key}: {error}")
            self._send_error("Internal server error", context)
            return
        if not isinstance(result, dict) or "statusCode" not in result:
            problem(f"{key}: the result has no statusCode")
            self._send_error("Internal server error", context)
        elif route.replies and result.get("body"):
            data = str(result["body"]).encode()
            if len(data) > MESSAGE_LIMIT:
                problem(f"{key}: a reply of {len(data)} bytes")
                self._send_error("Internal server error", context)
            else:
                self.send(data)

    def _send_error(self, message: str, context: dict[str, Any]) -> None:
        body = {"message": message, "connectionId": self.connection_id, "requestId": context["requestId"]}
        self.send(json.dumps(body).encode())

    # Frames to the client.

    @property
    def is_full(self) -> bool:
        """Whether the client leaves too much unread."""
        return self._transport.get_write_buffer_size() > self._hub.limits.buffer_bytes

    def send(self, data: bytes) -> bool:
        """Send a text message in frames of at most 32 KB; returns whether the socket is open."""
        if self._protocol is None or self._is_closed or self._protocol.state is not State.OPEN:
            return False
        self._protocol.send_text(data[:FRAME_LIMIT], fin=len(data) <= FRAME_LIMIT)
        for start in range(FRAME_LIMIT, len(data), FRAME_LIMIT):
            end = start + FRAME_LIMIT
            self._protocol.send_continuation(data[start:end], fin=end >= len(data))
        self.last_active_at = time.time()
        self._flush()
        return True

    def end(self, code: int, reason: str) -> None:
        """Close the socket from this side. Messages that still wait for a call are dropped."""
        self._waiting.clear()
        if self._protocol is not None and self._protocol.state is State.OPEN:
            self._protocol.send_close(code, reason)
            self._flush()
            self._finish(code, reason)
            asyncio.get_running_loop().call_later(_LINGER_SECONDS, self._transport.close)

    def _fail(self, code: int, reason: str) -> None:
        assert self._protocol is not None
        self._protocol.fail(code, reason)

    def _flush(self) -> None:
        assert self._protocol is not None
        for data in self._protocol.data_to_send():
            if data:
                if not self._transport.is_closing():
                    self._transport.write(data)
            else:
                self._hang_up()
        if self._protocol.state is not State.OPEN and self._protocol.close_sent is not None:
            self._finish(self._protocol.close_sent.code, self._protocol.close_sent.reason)

    def _hang_up(self) -> None:
        """Tell the client that nothing more comes, and close the connection a moment later."""
        if self._transport.is_closing():
            return
        if self._transport.can_write_eof():
            self._transport.write_eof()
        asyncio.get_running_loop().call_later(_LINGER_SECONDS, self._transport.close)

    def _check_idle(self) -> None:
        left = self.last_active_at + self._hub.limits.idle_seconds - time.time()
        if left <= 0:
            self.end(_ENDED, "Going away")
        else:
            self._timers[1] = asyncio.get_running_loop().call_later(left, self._check_idle)

    def _finish(self, code: int, reason: str) -> None:
        """Refuse pushes from now on, because the socket is closed, and call `$disconnect` once."""
        if self._is_closed:
            return
        self._is_closed = True
        for timer in self._timers:
            timer.cancel()
        self._hub.open.pop(self.connection_id, None)
        if route := self._hub.api.routes.get("$disconnect"):
            self._hub.begin(self._disconnect(route, code, reason))

    async def _disconnect(self, route: Route, code: int, reason: str) -> None:
        event = events.disconnect_event(self.request, self._context("$disconnect", "DISCONNECT"), code, reason)
        try:
            await self._hub.call(route.function, event, route.timeout_seconds)
        except (FunctionError, PayloadTooLarge, TimeoutError) as error:
            problem(f"$disconnect: {error!r}")

    def _context(self, route_key: str, kind: str) -> dict[str, Any]:
        return events.context(self._hub.api, self.request, self.connection_id, self.connected_at, route_key, kind)

    def described(self) -> dict[str, Any]:
        """The answer to GET of the connection."""
        return {
            "connectedAt": _timestamp(self.connected_at),
            "identity": {"sourceIp": self.request.client[0], "userAgent": self.request.header("user-agent")},
            "lastActiveAt": _timestamp(self.last_active_at),
        }


def _timestamp(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
