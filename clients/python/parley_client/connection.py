"""Keeps one socket open: connects, reconnects, moves to a new socket before the two hours are up, and carries requests.

            start                 known                   the line broke
disconnected ----> connecting ----------> connected ----------------------> connecting
                       | the token was refused      | stop
                       v                            v
                     denied                   disconnecting ----> disconnected

A request waits for a socket until its time is up. A socket takes requests as soon as it is open, so even while the
connection is still `connecting`. The states are Twilio's.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import logging
import uuid
from dataclasses import dataclass
from typing import Any, Protocol

from parley_client.complaints import Complaints
from parley_client.errors import (
    CONNECTION_IS_OVER,
    ClientClosed,
    ConnectionLost,
    Denied,
    ParleyError,
    Refused,
    RequestError,
    RequestTimeout,
)
from parley_client.line import Kind, Line, Pending
from parley_client.pauses import Pauses
from parley_client.timing import Handle, Timing, pause
from parley_client.tokens import Tokens
from parley_client.wire import Connect

CONNECTING, CONNECTED, DENIED = "connecting", "connected", "denied"
DISCONNECTING, DISCONNECTED = "disconnecting", "disconnected"

REQUEST_SECONDS = 30.0
LIFE_SECONDS = 110 * 60.0
"""After this time, less up to five minutes at random, move to a new socket. API Gateway closes one after two hours."""
_LIFE_JITTER_SECONDS = 300.0
_MOVE_AGAIN_SECONDS = 60.0
_CROWDED = 51001
_RETRIED = {51002, 50063, 50074}
_RETRIES = 3
_HOPELESS = {400, 401, 403, 404}
_REPEATED = ("fetch", "list", "catchUp", "followUsers", "unfollowUsers", "typing", "advance")
"""Actions whose names begin like this may be repeated: they only read, or doing them twice changes nothing."""

_log = logging.getLogger("parley_client")


class Owner(Protocol):
    """Is called when something happens on a connection."""

    def line_opened(self, line: Line) -> None:
        """A socket is open. The owner calls `Connection.established` when a session has begun on it."""

    def pushed(self, push: dict[str, Any], line: Line) -> None:
        """A push has come."""

    def state_changed(self, state: str) -> None:
        """The connection has another state."""

    def failed(self, error: Exception, *, is_terminal: bool) -> None:
        """An attempt to connect failed."""


@dataclass
class _Move:
    """The move from one socket to the next.

    Attributes:
        at: When it begins.
        successor: The next socket, once it is open.
    """

    at: float
    successor: Line | None = None


class Connection:
    """A connection that goes on when its sockets break."""

    def __init__(self, url: str, tokens: Tokens, connect: Connect, timing: Timing, owner: Owner) -> None:
        self._url = url
        self._tokens = tokens
        self._connect = connect
        self._timing = timing
        self._owner = owner
        self._ids = itertools.count(1)
        self._waiting: dict[str, Pending] = {}
        self._retiring: list[tuple[Line, float]] = []
        self._line: Line | None = None
        self._move = _Move(0.0)
        self._pauses = Pauses()
        self._complaints = Complaints(url)
        self._nudge = asyncio.Event()
        self._timer: Handle | None = None
        self._task: asyncio.Task[None] | None = None
        self._refusal: Refused | None = None
        self.state = DISCONNECTED
        self._is_closed = False

    # Start and stop.

    def start(self) -> None:
        """Begin to connect."""
        self._task = asyncio.create_task(self._run(), name="parley connection")
        self._task.add_done_callback(_report)

    async def stop(self) -> None:
        """Close the sockets for good. Waiting requests fail."""
        if self._is_closed:
            return
        self._is_closed = True
        self._set_state(DISCONNECTING)
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
        self._cancel_timer()
        lines = [self._line, self._move.successor, *(line for line, _ in self._retiring)]
        for line in lines:
            if line is not None:
                await line.close()
        self._fail_waiting(ClientClosed("the client was shut down"))
        self._set_state(DISCONNECTED)

    def established(self, line: Line) -> None:
        """A session has begun on this line, so the previous line may be closed."""
        line.is_established = True
        self._pauses.session_began(self._timing.now())
        self._complaints.session_began()
        if line is self._line:
            self._set_state(CONNECTED)
        self._nudge.set()

    def try_again(self) -> None:
        """There is another token: connect with it if the previous one was refused or had expired."""
        self._refusal = None
        self._nudge.set()

    # Requests.

    async def refresh(self, token: str, line: Line | None = None) -> None:
        """Give the server another token, over this line or the one in use.

        This also returns if the line is over, because the next line will be opened with the new token.

        Raises:
            RequestError: the server refused the token.
        """
        line = line or self._line
        if line is None:
            return
        try:
            await self.request("refreshToken", {"token": token}, line)
        except RequestError as error:
            # These codes can mean the connection or the new token. Another request shows which.
            if error.code not in CONNECTION_IS_OVER or await self._is_served(line):
                raise
            line.abort()
        except (ConnectionLost, RequestTimeout):
            return
        else:
            line.token = token

    async def _is_served(self, line: Line) -> bool:
        try:
            await self.request("fetchSession", {}, line)
        except ParleyError:
            return False
        return True

    async def request(self, action: str, members: dict[str, Any], line: Line | None = None) -> Any:
        """Send a request for an action and return the result.

        If a `line` is given, the request goes over that line only, and fails if the line breaks.

        Raises:
            RequestError: the server refused the request.
            ConnectionLost: the connection broke, and the request must not be repeated.
            RequestTimeout: no reply came in time.
        """
        token = str(uuid.uuid4()) if action == "sendMessage" else None
        for attempt in itertools.count():
            try:
                return await self._exchange(token or str(next(self._ids)), action, members, line)
            except RequestError as error:
                if error.status != 429 or error.code not in _RETRIED or attempt == _RETRIES:
                    raise
            await pause(self._timing, 1 + 3 * self._timing.random())

    async def _exchange(self, request_id: str, action: str, members: dict[str, Any], line: Line | None) -> Any:
        if self._is_closed:
            raise ClientClosed("the client was shut down")
        if self._refusal is not None:
            raise Denied(self._refusal.status, self._refusal.code, self._refusal.message)
        text = json.dumps({"id": request_id, "action": action, **members}, ensure_ascii=False)
        kind = _kind(action)
        pending = Pending(request_id, action, text, kind, asyncio.get_running_loop().create_future(), line is not None)
        timer = self._timing.later(REQUEST_SECONDS, lambda: self._time_out(pending))
        try:
            await self._dispatch(pending, line or self._line)
            return await pending.reply
        finally:
            timer.cancel()
            self._waiting.pop(request_id, None)
            if pending.line is not None:
                pending.line.pending.pop(request_id, None)

    @staticmethod
    def _time_out(pending: Pending) -> None:
        pending.fail(RequestTimeout(f"{pending.action}: no reply within {REQUEST_SECONDS:.0f} s"))
        if pending.line is not None:
            # The line may be dead. Requests keep it from being idle, so no ping would find that out.
            pending.line.check()

    async def _dispatch(self, pending: Pending, line: Line | None) -> None:
        if line is not None and line.is_open:
            await line.transmit(pending)
        elif pending.is_bound:
            pending.fail(ConnectionLost(f"{pending.action}: the connection is closed"))
        else:
            self._waiting[pending.id] = pending

    def _lost(self, line: Line) -> None:
        """A line is gone: send its open requests over another line, or let them fail."""
        for pending in list(line.pending.values()):
            if pending.kind is Kind.WRITE or pending.is_bound:
                pending.fail(ConnectionLost(f"{pending.action}: the connection broke before the reply"))
            elif not pending.reply.done():
                pending.line = None
                self._waiting[pending.id] = pending
        line.pending.clear()
        if line is self._line:
            self._line = None
        self._nudge.set()

    def _fail_waiting(self, error: ParleyError) -> None:
        for pending in list(self._waiting.values()):
            pending.fail(error)
        self._waiting.clear()

    # Connecting.

    async def _run(self) -> None:
        while True:
            while self._refusal is not None or not self._tokens.is_usable:
                if self._refusal is None:
                    self._complaints.has_no_token()
                    self._set_state(DISCONNECTED)
                await self._wait(None)
            self._set_state(CONNECTING)
            line = await self._attempt()
            last = None if line is None else await self._tend(line)
            if last is not None:
                self._set_state(CONNECTING)
            if self._refusal is None:
                now = self._timing.now()
                seconds = self._pauses.seconds(now, self._timing.random(), crowded=_is_crowded(last))
                await self._wait_until(now + seconds)

    async def _attempt(self) -> Line | None:
        """Open a socket with a fresh token; if that fails, tell the owner and return None."""
        token = ""
        try:
            token = await self._tokens.fresh()
            wire = await self._connect(self._url, token)
        except Refused as error:
            if error.status not in _HOPELESS or token != self._tokens.current:
                # The server is in trouble, or somebody replaced the token: the next attempt may succeed.
                self._complaints.cannot_connect(error)
                self._owner.failed(error, is_terminal=False)
            elif self._line is None:
                self._deny(error)
            return None
        except Exception as error:
            # The network, a proxy or the application's token provider failed. Each of them may recover.
            self._complaints.cannot_connect(error)
            self._owner.failed(error, is_terminal=False)
            return None
        return Line(wire, token, self._timing, self._owner.pushed, self._lost, self._nudge.set)

    def _deny(self, error: Refused) -> None:
        self._refusal = error
        self._complaints.denied(error)
        self._owner.failed(error, is_terminal=True)
        self._set_state(DENIED)
        self._fail_waiting(Denied(error.status, error.code, error.message))

    async def _tend(self, line: Line) -> Line:
        """Work with a line and its successors until none is left; returns the last one."""
        self._use(line)
        self._owner.line_opened(line)
        while await self._step():
            line = self._line or line
            await self._wait(self._next_look())
        return line

    async def _step(self) -> bool:
        """Do the work that is due; returns whether a line is left."""
        now = self._timing.now()
        successor = self._move.successor
        if successor is not None and not successor.is_open:
            self._move = _Move(now + _MOVE_AGAIN_SECONDS)
        elif successor is not None and (successor.is_established or self._line is None):
            if self._line is not None:
                self._line.is_retiring = True
                self._retiring.append((self._line, now + REQUEST_SECONDS))
            self._use(successor)
        await self._retire(now)
        if self._line is None:
            return self._move.successor is not None
        await self._send_waiting(self._line)
        if self._move.successor is None and now >= self._move.at:
            self._move = _Move(now + _MOVE_AGAIN_SECONDS, await self._attempt())
            if self._move.successor is not None:
                self._owner.line_opened(self._move.successor)
        return True

    def _use(self, line: Line) -> None:
        """Send requests over this line from now on."""
        self._line = line
        life = LIFE_SECONDS - _LIFE_JITTER_SECONDS * self._timing.random()
        self._move = _Move(self._timing.now() + life)
        self._set_state(CONNECTED if line.is_established else CONNECTING)

    async def _send_waiting(self, line: Line) -> None:
        while self._waiting and line.is_open:
            pending = self._waiting.pop(next(iter(self._waiting)))
            await self._dispatch(pending, line)

    async def _retire(self, now: float) -> None:
        """Close each replaced line when no more replies are due on it, or after the longest time of a request."""
        for entry in list(self._retiring):
            line, deadline = entry
            if not line.is_open:
                self._retiring.remove(entry)
            elif not line.pending or now >= deadline:
                await line.close()
                self._retiring.remove(entry)

    # Waiting.

    def _next_look(self) -> float:
        times = [deadline for _, deadline in self._retiring]
        if self._move.successor is None:
            times.append(self._move.at)
        return min(times, default=self._timing.now() + REQUEST_SECONDS)

    async def _wait_until(self, time: float) -> None:
        while self._timing.now() < time:
            await self._wait(time)

    async def _wait(self, until: float | None) -> None:
        """Sleep until something happens, at most until `until`."""
        if until is not None and not self._nudge.is_set():
            self._cancel_timer()
            self._timer = self._timing.later(max(0.0, until - self._timing.now()), self._nudge.set)
        await self._nudge.wait()
        self._nudge.clear()

    def _cancel_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _set_state(self, state: str) -> None:
        if state != self.state:
            self.state = state
            self._owner.state_changed(state)


def _kind(action: str) -> Kind:
    if action == "sendMessage":
        return Kind.REPEATABLE
    return Kind.READ if action.startswith(_REPEATED) else Kind.WRITE


def _report(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        _log.error("a mistake in this library ended the connection", exc_info=error)


def _is_crowded(line: Line | None) -> bool:
    """Whether the server closed the line because of newer ones."""
    return line is not None and line.ending is not None and line.ending.get("code") == _CROWDED
