"""One open socket: requests that await their replies, pushes that come in, and whether it is still alive."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Any

from parley_client.errors import ConnectionLost, MessageTooLarge, ParleyError, RequestError
from parley_client.timing import Handle, Timing
from parley_client.wire import Wire

IDLE_SECONDS = 240.0
"""After this long without anything sent, a ping."""
PONG_SECONDS = 10.0
"""A line that has not answered a ping by then is dead."""

_log = logging.getLogger("parley_client")
_PING = json.dumps({"action": "ping"})


class Kind(Enum):
    """What becomes of a request whose connection broke before the reply."""

    READ = "it is asked again"
    WRITE = "it fails: nobody knows whether it was carried out"
    REPEATABLE = "it is sent again under the same id"


@dataclass(eq=False)
class Pending:
    """A request that has no reply yet."""

    id: str
    action: str
    text: str
    kind: Kind
    reply: asyncio.Future[Any]
    is_bound: bool = False
    line: Line | None = None

    def fail(self, error: ParleyError) -> None:
        """Raise this to whoever waits."""
        if not self.reply.done():
            self.reply.set_exception(error)


class Line:
    """An open socket with a task that reads it.

    `on_push` is called with each push and `on_lost` once, when the socket has closed in any way.
    """

    def __init__(
        self,
        wire: Wire,
        timing: Timing,
        on_push: Callable[[dict[str, Any], Line], None],
        on_lost: Callable[[Line], None],
        on_idle: Callable[[], None],
    ) -> None:
        self._wire = wire
        self._timing = timing
        self._on_push = on_push
        self._on_lost = on_lost
        self._on_idle = on_idle
        self._last_sent = timing.now()
        self._pong_timer: Handle | None = None
        self.pending: dict[str, Pending] = {}
        self.is_open = True
        self.is_established = False
        self.is_retiring = False
        self.ending: dict[str, Any] | None = None
        self._idle_timer = timing.later(IDLE_SECONDS, self._look_idle)
        self._reader = asyncio.create_task(self._read(), name="parley reader")

    async def transmit(self, pending: Pending) -> None:
        """Send a request; its reply will be set, or `on_lost` called while it is among `pending`."""
        self.pending[pending.id] = pending
        pending.line = self
        self._last_sent = self._timing.now()
        try:
            await self._wire.send(pending.text)
        except ConnectionLost:
            if not self.is_open and pending.id in self.pending:
                self._on_lost(self)
        except MessageTooLarge as error:
            self.pending.pop(pending.id, None)
            pending.fail(error)

    @property
    def is_idle(self) -> bool:
        """Whether it is time for a ping."""
        return self.is_open and self._pong_timer is None and self._idle_seconds >= IDLE_SECONDS

    @property
    def _idle_seconds(self) -> float:
        return self._timing.now() - self._last_sent

    async def ping(self) -> None:
        """Ask whether the other end is there; without an answer in time, the line is cut."""
        self._last_sent = self._timing.now()
        self._pong_timer = self._timing.later(PONG_SECONDS, self.abort)
        try:
            await self._wire.send(_PING)
        except ConnectionLost:
            return

    async def close(self) -> None:
        """Say goodbye, and be gone when this returns."""
        await self._wire.close()
        await asyncio.wait([self._reader])

    def abort(self) -> None:
        """Cut the line."""
        self._wire.abort()

    def _look_idle(self) -> None:
        if not self.is_open:
            return
        left = IDLE_SECONDS - self._idle_seconds
        if left <= 0:
            self._on_idle()
        self._idle_timer = self._timing.later(left if left > 0 else IDLE_SECONDS, self._look_idle)

    async def _read(self) -> None:
        try:
            async for text in self._wire.texts():
                if self._pong_timer is not None:
                    self._pong_timer.cancel()
                    self._pong_timer = None
                self._take(text)
        finally:
            self.is_open = False
            self._idle_timer.cancel()
            if self._pong_timer is not None:
                self._pong_timer.cancel()
            self._on_lost(self)

    def _take(self, text: str) -> None:
        try:
            frame = json.loads(text)
        except ValueError:
            _log.warning("a frame that is not JSON was ignored")
            return
        if isinstance(frame, dict) and "id" in frame:
            self._take_reply(frame)
            return
        for push in frame if isinstance(frame, list) else [frame]:
            if isinstance(push, dict) and isinstance(push.get("event"), str):
                self._take_push(push)

    def _take_reply(self, frame: dict[str, Any]) -> None:
        pending = self.pending.pop(str(frame["id"]), None)
        if pending is None or pending.reply.done():
            return
        if error := frame.get("error"):
            code, message = int(error.get("code", 0)), str(error.get("message", ""))
            pending.fail(RequestError(int(frame.get("status", 0)), code, message, pending.action))
        else:
            pending.reply.set_result(frame.get("result"))
        if self.is_retiring and not self.pending:
            self._on_idle()

    def _take_push(self, push: dict[str, Any]) -> None:
        if push["event"] == "connectionError":
            self.ending = push
        try:
            self._on_push(push, self)
        except Exception:
            # One push that cannot be understood must not end the conversation.
            _log.exception("a push was ignored: %s", push["event"])
