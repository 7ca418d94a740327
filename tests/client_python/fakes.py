"""A service that a test scripts, in this process and on loopback, and time that a test moves."""

from __future__ import annotations

import asyncio
import base64
import itertools
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import Any, TypeVar

from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response
from websockets.typing import Subprotocol

from parley_client import Channel, Client
from parley_client.wire import SUBPROTOCOL, open_wire

CHANNEL = "CH" + "1" * 32
Frame = dict[str, Any]
T = TypeVar("T")


async def until(condition: Callable[[], Any], seconds: float = 120.0) -> Any:
    """Wait until `condition` returns something true, and return that."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if result := condition():
            return result
        await asyncio.sleep(0.002)
    raise AssertionError(f"not within {seconds} s")


async def soon(awaitable: Awaitable[T]) -> T:
    """What comes of something that must not take long."""
    return await asyncio.wait_for(awaitable, 120.0)


def jwt(expires_at: float, name: str = "") -> str:
    """A token that says when it expires."""
    claims = json.dumps({"exp": int(expires_at), "jti": name}).encode()
    return f"h.{base64.urlsafe_b64encode(claims).decode().rstrip('=')}.s"


class FakeTimer:
    def __init__(self, at: float, callback: Callable[[], object]) -> None:
        self.at = at
        self.callback = callback
        self.is_cancelled = False

    def cancel(self) -> None:
        self.is_cancelled = True


class FakeTiming:
    """Time that stands still until it is moved, and chance that is always the same."""

    def __init__(self) -> None:
        self.time = 1000.0
        self.chance = 0.0
        self._timers: list[FakeTimer] = []

    def now(self) -> float:
        return self.time

    def wall(self) -> float:
        return 1_800_000_000.0 + self.time

    def random(self) -> float:
        return self.chance

    def later(self, seconds: float, callback: Callable[[], object]) -> FakeTimer:
        timer = FakeTimer(self.time + seconds, callback)
        self._timers.append(timer)
        return timer

    def waits(self) -> list[float]:
        """In how many seconds timers will go off."""
        return sorted(round(timer.at - self.time, 9) for timer in self._timers if not timer.is_cancelled)

    def advance(self, seconds: float) -> None:
        """Move time, letting timers go off on the way."""
        end = self.time + seconds
        while due := [timer for timer in self._timers if timer.at <= end and not timer.is_cancelled]:
            timer = min(due, key=lambda timer: timer.at)
            self._timers.remove(timer)
            self.time = max(self.time, timer.at)
            timer.callback()
        self._timers = [timer for timer in self._timers if not timer.is_cancelled]
        self.time = end


class Refusal(Exception):
    """An error reply."""

    def __init__(self, status: int, code: int, message: str = "no") -> None:
        super().__init__(message)
        self.status, self.code, self.message = status, code, message


def refusing(status: int, code: int, message: str = "no") -> Callable[[Frame], Any]:
    """An answer that refuses every request."""

    def answer(frame: Frame) -> Any:
        raise Refusal(status, code, message)

    return answer


def first_refused(answer: Callable[[Frame], Any], status: int = 500, code: int = 20500) -> Callable[[Frame], Any]:
    """An answer that refuses the first request."""
    refusals = [Refusal(status, code)]

    def answer_or_refuse(frame: Frame) -> Any:
        if refusals:
            raise refusals.pop()
        return answer(frame)

    return answer_or_refuse


class FakeSocket:
    """The server's end of one socket."""

    def __init__(self, connection: ServerConnection) -> None:
        self._connection = connection
        self.frames: list[Frame] = []
        self.fragments: list[list[int]] = []
        self.is_closed = False

    def asked(self, action: str) -> list[Frame]:
        """The requests for an action."""
        return [frame for frame in self.frames if frame.get("action") == action]

    async def push(self, *pushes: Frame) -> None:
        """Push, in one frame."""
        await self.send(pushes[0] if len(pushes) == 1 else list(pushes))

    async def send(self, frame: Any) -> None:
        await self._connection.send(frame if isinstance(frame, str) else json.dumps(frame))

    async def reply(self, request: Frame, result: Any = None) -> None:
        await self.send({"id": request["id"], "status": 200, "result": result})

    async def close(self) -> None:
        await self._connection.close()

    def drop(self) -> None:
        """As if the network were gone."""
        self._connection.transport.abort()


class FakeServer:
    """Answers requests with `answers`, by action, unless they are among `silent`.

    Attributes:
        channels: What `listMyChannels` lists.
        catch_ups: What `catchUp` answers, by channel.
        refusals: Status and body of handshakes to come that are refused.
    """

    def __init__(self) -> None:
        self.url = ""
        self.sockets: list[FakeSocket] = []
        self.tokens: list[str] = []
        self.refusals: list[tuple[int, Frame]] = []
        self.silent: set[str] = set()
        self.channels: list[Frame] = []
        self.catch_ups: dict[str, Frame] = {}
        self.user: Frame = {"sid": "US1", "identity": "alice", "friendly_name": "Alice", "attributes": "{}", "seq": 1}
        self.answers: dict[str, Callable[[Frame], Any]] = {
            "fetchSession": lambda frame: {
                "identity": "alice",
                "user": self.user,
                "service": {"sid": "IS1", "typing_indicator_timeout": 5},
            },
            "listMyChannels": lambda frame: {"channels": self.channels, "next": None},
            "catchUp": lambda frame: {"channels": {sid: self._catch_up(sid, frame) for sid in frame["channels"]}},
            "refreshToken": lambda frame: {"token_expires_at": "2027-01-15T08:00:00Z"},
        }

    def _catch_up(self, sid: str, frame: Frame) -> Frame:
        nothing = {"status": "changes", "seq": frame["channels"][sid], "more": False, "events": []}
        return self.catch_ups.get(sid, nothing)

    @property
    def socket(self) -> FakeSocket:
        """The newest socket."""
        return self.sockets[-1]

    async def asked(self, action: str, count: int = 1, socket: FakeSocket | None = None) -> Frame:
        """The request number `count` for an action, when it has come."""

        def found() -> list[Frame]:
            sockets = self.sockets if socket is None else [socket]
            return [frame for one in sockets for frame in one.asked(action)]

        await until(lambda: len(found()) >= count)
        return found()[count - 1]

    def last(self, action: str) -> Frame:
        """What the last request for an action gave, without its id and its action."""
        frame = [frame for socket in self.sockets for frame in socket.asked(action)][-1]
        return {name: value for name, value in frame.items() if name not in ("id", "action")}

    def count(self, action: str) -> int:
        """How many requests for an action there were."""
        return sum(len(socket.asked(action)) for socket in self.sockets)

    def _handshake(self, connection: ServerConnection, request: Request) -> Response | None:
        offered = [part.strip() for part in request.headers.get("Sec-WebSocket-Protocol", "").split(",")]
        self.tokens.append(offered[1])
        if not self.refusals:
            return None
        status, body = self.refusals.pop(0)
        return connection.respond(status, json.dumps(body))

    async def _serve(self, connection: ServerConnection) -> None:
        socket = FakeSocket(connection)
        self.sockets.append(socket)
        with suppress(ConnectionClosed):
            while True:
                parts = [part async for part in connection.recv_streaming(decode=True)]
                socket.fragments.append([len(part.encode()) for part in parts])
                await self._take(socket, json.loads("".join(parts)))
        socket.is_closed = True

    async def _take(self, socket: FakeSocket, frame: Frame) -> None:
        socket.frames.append(frame)
        if frame["action"] in self.silent:
            return
        if frame["action"] == "ping":
            await socket.send({"action": "pong"})
            return
        answer = self.answers.get(frame["action"], lambda frame: {})
        try:
            await socket.send({"id": frame["id"], "status": 200, "result": answer(frame)})
        except Refusal as refusal:
            error = {"code": refusal.code, "message": refusal.message}
            await socket.send({"id": frame["id"], "status": refusal.status, "error": error})


@asynccontextmanager
async def serving() -> AsyncIterator[FakeServer]:
    """A fake server on a port of its own."""
    fake = FakeServer()
    async with serve(
        fake._serve,
        "127.0.0.1",
        0,
        process_request=fake._handshake,
        subprotocols=[Subprotocol(SUBPROTOCOL)],
        compression=None,
    ) as server:
        fake.url = f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        yield fake


class Listener:
    """A client and everything that it told."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.events: list[Any] = []
        self._stream = client.events()
        self._task = asyncio.create_task(self._listen())

    async def _listen(self) -> None:
        async for event in self._stream:
            self.events.append(event)

    def named(self, name: str) -> list[Any]:
        """The events of a name."""
        return [event for event in self.events if event.name == name]

    async def heard(self, name: str, count: int = 1, seconds: float = 120.0) -> Any:
        """The event number `count` of a name, when it has come."""
        await until(lambda: len(self.named(name)) >= count, seconds)
        return self.named(name)[count - 1]

    async def heard_all(self, name: str) -> list[Any]:
        """The events of a name, after everything that is underway has come."""
        await soon(self.client.request("fetchSession"))
        return self.named(name)

    async def has_not_heard(self, name: str) -> bool:
        """Whether there was no event of a name, after everything that is underway has come."""
        return not await self.heard_all(name)

    async def settled(self, seconds: float = 120.0) -> None:
        """Wait until the client has begun a session over its present connection."""
        session = self.client._session
        await until(
            lambda: session._line is not None and session._line.is_open and session._line.is_established, seconds
        )

    async def close(self) -> None:
        await self.client.shutdown()
        await self._task


class Lab:
    """A server, time, and clients of it."""

    def __init__(self, server: FakeServer) -> None:
        self.server = server
        self.timing = FakeTiming()
        self.listeners: list[Listener] = []
        self._names = itertools.count(1)

    def token(self, seconds: float = 24 * 3600.0) -> str:
        """A new token that lives so long."""
        return jwt(self.timing.wall() + seconds, str(next(self._names)))

    def client(self, token: Any = None) -> Client:
        """A client that nobody listens to and that a test closes itself."""
        connect = partial(open_wire, proxy=None)
        return Client(self.server.url, token or self.token, timing=self.timing, connect=connect)

    def construct(self, token: Any = None) -> Listener:
        """A client that has not started."""
        self.listeners.append(Listener(self.client(token)))
        return self.listeners[-1]

    async def start(self, token: Any = None) -> Listener:
        """A client that has started."""
        listener = self.construct(token)
        await soon(listener.client.start())
        return listener

    async def in_channel(self, **fields: Any) -> tuple[Listener, Channel]:
        """A client that is a member of one channel, which has come to 10, and the channel as it sees it."""
        self.server.channels = [listed(seq=10, **fields)]
        listener = await self.start()
        return listener, (await listener.heard("channelJoined")).channel

    async def ask(self, listener: Listener, action: str, **members: Any) -> asyncio.Task[Any]:
        """A request of a client that has come to the server."""
        count = self.server.count(action)
        task = asyncio.create_task(listener.client.request(action, **members))
        await self.server.asked(action, count + 1)
        return task

    async def move(self) -> tuple[FakeSocket, FakeSocket, Callable[..., Awaitable[None]]]:
        """Have a client open a second socket. The session there begins when what is returned last is called."""
        self.server.silent.add("listMyChannels")
        self.timing.advance(110 * 60 + 1)
        await until(lambda: len(self.server.sockets) == 2)
        first, second = self.server.sockets
        listing = await self.server.asked("listMyChannels", socket=second)
        self.server.silent.discard("listMyChannels")

        async def finish(*channels: Frame) -> None:
            await second.reply(listing, {"channels": list(channels), "next": None})

        return first, second, finish

    async def reconnected(self) -> None:
        """Wait until a client has a second socket and has begun its session there."""
        await until(lambda: len(self.server.sockets) == 2 and self.server.socket.asked("listMyChannels"))

    async def again(self, listener: Listener) -> None:
        """Break the connection, and wait until the session over the next one has begun."""
        sockets = len(self.server.sockets)
        self.server.socket.drop()
        await until(lambda: len(self.server.sockets) > sockets)
        await listener.settled()

    async def leap(self, listener: Listener, seconds: float) -> None:
        """Move time by more than a client may be silent, and let it hear the answer to its ping."""
        self.timing.advance(seconds)
        await self.server.asked("ping")
        await soon(listener.client.request("fetchSession"))

    async def close(self) -> None:
        for listener in self.listeners:
            await listener.close()


# Records.


def channel(seq: int = 10, sid: str = CHANNEL, **fields: Any) -> Frame:
    """A channel's record."""
    return {
        "sid": sid,
        "friendly_name": "General",
        "unique_name": "general",
        "attributes": "{}",
        "type": "private",
        "last_message_index": None,
        "seq": seq,
        **fields,
    }


def listed(seq: int = 10, sid: str = CHANNEL, status: str = "joined", **fields: Any) -> Frame:
    """An entry of `listMyChannels`."""
    own = {"status": status, "notification_level": "default", "last_consumed_message_index": None}
    return {"channel": channel(seq, sid, **fields), "user_channel": own}


def message(index: int, seq: int, **fields: Any) -> Frame:
    """A message's record."""
    return {
        "sid": f"IM{index}",
        "index": index,
        "seq": seq,
        "body": f"message {index}",
        "from": "bob",
        "attributes": "{}",
        "date_created": "2026-11-20T09:00:00Z",
        **fields,
    }


def added(index: int, seq: int, **fields: Any) -> Frame:
    """The push of a new message."""
    record = message(index, seq, **fields)
    return {"event": "messageAdded", "channel_sid": CHANNEL, "seq": seq, "message": record}


def changed(event: str, seq: int, **members: Any) -> Frame:
    """The push of another change."""
    return {"event": event, "channel_sid": CHANNEL, "seq": seq, **members}


def caught_up(seq: int, *events: Frame, more: bool = False) -> Frame:
    """What `catchUp` tells of a channel."""
    return {"status": "changes", "seq": seq, "more": more, "events": list(events)}


def member(identity: str, seq: int, **fields: Any) -> Frame:
    """A member's record."""
    return {"sid": f"MB-{identity}", "identity": identity, "attributes": "{}", "seq": seq, **fields}


def user(identity: str, seq: int = 3, **fields: Any) -> Frame:
    """A user's record."""
    return {"sid": f"US-{identity}", "identity": identity, "friendly_name": None, "seq": seq, **fields}
