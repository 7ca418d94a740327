"""One open socket: the requests that wait for replies, its pushes, and its pings."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum
from typing import Any

from parley_client.errors import CONNECTION_IS_OVER, ConnectionLost, MessageTooLarge, ParleyError, RequestError
from parley_client.timing import Handle, Timing
from parley_client.wire import Wire

IDLE_SECONDS = 240.0
"""The client sends a ping after this long without sending anything."""
PONG_SECONDS = 10.0
"""If a ping gets no answer for this long, the line is dead."""

_log = logging.getLogger("parley_client")
_PING = json.dumps({"action": "ping"})


class Kind(Enum):
    """What happens to a request if the connection breaks before the reply."""

    READ = "it is sent again"
    WRITE = "it fails, because the server may have carried it out or not"
    REPEATABLE = "it is sent again under the same id, so that the server recognises it"


@dataclass(eq=False)
class Pending:
    """A request that has no reply yet.

    Attributes:
        is_bound: Whether it must go over one line only, and fails if that line breaks.
        line: The line over which it was sent.
    """

    id: str
    action: str
    text: str
    kind: Kind
    reply: asyncio.Future[Any]
    is_bound: bool = False
    line: Line | None = None

    def fail(self, error: ParleyError) -> None:
        """Raise this error where the caller awaits the request."""
        if not self.reply.done():
            self.reply.set_exception(error)


class Line:
    """An open socket with a task that reads it.

    It calls `on_push` with each push, and `on_lost` once, when the socket has closed for any reason. If the line is
    retiring, it calls `on_drained` when no more replies are due.

    Attributes:
        token: The token by which the server knows this connection.
        pending: The requests that were sent over this line and have no reply, by id.
        is_open: Whether requests may be sent. After the line was cut, it reads nothing more.
        is_established: Whether a session has begun on it.
        is_retiring: Whether another line has replaced it.
        ending: The last `connectionError` that the server pushed.
    """

    def __init__(
        self,
        wire: Wire,
        token: str,
        timing: Timing,
        on_push: Callable[[dict[str, Any], Line], None],
        on_lost: Callable[[Line], None],
        on_drained: Callable[[], None],
    ) -> None:
        self._wire = wire
        self.token = token
        self._timing = timing
        self._on_push = on_push
        self._on_lost = on_lost
        self._on_drained = on_drained
        self._last_sent = timing.now()
        self._pong_timer: Handle | None = None
        self._pinging: asyncio.Task[None] | None = None
        self.pending: dict[str, Pending] = {}
        self.is_open = True
        self.is_established = False
        self.is_retiring = False
        self.ending: dict[str, Any] | None = None
        self._idle_timer = timing.later(IDLE_SECONDS, self._look_idle)
        self._reader = asyncio.create_task(self._read(), name="parley reader")

    async def transmit(self, pending: Pending) -> None:
        """Send a request. It gets its reply, or is in `pending` when `on_lost` is called."""
        self.pending[pending.id] = pending
        pending.line = self
        self._last_sent = self._timing.now()
        try:
            # If the line is lost, the reader ends too and calls `on_lost`.
            with suppress(ConnectionLost):
                await self._wire.send(pending.text)
        except MessageTooLarge as error:
            self.pending.pop(pending.id, None)
            pending.fail(error)

    def check(self) -> None:
        """Send a ping, unless one is under way. If no answer comes in time, cut the line."""
        if self._pinging is None or self._pinging.done():
            self._pinging = asyncio.create_task(self._ping(), name="parley ping")

    async def _ping(self) -> None:
        if not self.is_open or self._pong_timer is not None:
            return
        self._last_sent = self._timing.now()
        self._pong_timer = self._timing.later(PONG_SECONDS, self.abort)
        with suppress(ConnectionLost):
            await self._wire.send(_PING)

    async def close(self) -> None:
        """Close the socket properly and wait until it is closed."""
        await self._wire.close()
        await asyncio.wait([self._reader])

    def abort(self) -> None:
        """Cut the line at once."""
        self.is_open = False
        self._wire.abort()

    def _look_idle(self) -> None:
        if not self.is_open:
            return
        left = self._last_sent + IDLE_SECONDS - self._timing.now()
        if left <= 0:
            self.check()
        self._idle_timer = self._timing.later(left if left > 0 else IDLE_SECONDS, self._look_idle)

    async def _read(self) -> None:
        try:
            async for text in self._wire.texts():
                if self.is_open:
                    self._forget_pong()
                    self._take(text)
        finally:
            self.is_open = False
            self._idle_timer.cancel()
            self._forget_pong()
            self._on_lost(self)

    def _forget_pong(self) -> None:
        if self._pong_timer is not None:
            self._pong_timer.cancel()
            self._pong_timer = None

    def _take(self, text: str) -> None:
        try:
            frame = json.loads(text)
        except ValueError:
            _log.warning("a frame that is not JSON was ignored")
            return
        # A reply may come with the pushes of what it caused.
        for one in frame if isinstance(frame, list) else [frame]:
            if not isinstance(one, dict):
                continue
            if "id" in one:
                self._take_reply(one)
            elif isinstance(one.get("event"), str):
                self._take_push(one)

    def _take_reply(self, frame: dict[str, Any]) -> None:
        pending = self.pending.pop(str(frame["id"]), None)
        if pending is None or pending.reply.done():
            return
        error = frame.get("error")
        if not error:
            pending.reply.set_result(frame.get("result"))
        elif error.get("code") in CONNECTION_IS_OVER and not pending.is_bound:
            self._end(pending, {**error, "status": frame.get("status")})
        else:
            code, message = int(error.get("code", 0)), str(error.get("message", ""))
            pending.fail(RequestError(int(frame.get("status", 0)), code, message, pending.action))
        if self.is_retiring and not self.pending:
            self._on_drained()

    def _end(self, pending: Pending, error: dict[str, Any]) -> None:
        """The connection is over and the server did not carry out the request: send it again over the next one."""
        pending.kind = Kind.READ
        self.pending[pending.id] = pending
        # The server will push the same error, and then close the connection.
        self._take_push({**error, "event": "connectionError", "terminal": True})
        self.abort()

    def _take_push(self, push: dict[str, Any]) -> None:
        if push["event"] == "connectionError":
            self.ending = push
        try:
            self._on_push(push, self)
        except Exception:
            # One push that the client cannot understand must not end the connection.
            _log.exception("a push was ignored: %s", push["event"])
