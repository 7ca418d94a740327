"""Fetches the list of channels and the missed changes over each new socket, and asks about gaps later."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

from parley_client.connection import Connection
from parley_client.errors import ParleyError, RequestError
from parley_client.following import Following
from parley_client.line import Line
from parley_client.payloads import CatchUpAnswer, ListedChannel, MissedPush, Push, SessionResult
from parley_client.timing import Handle, Timing

_PAGE_SIZE = 100
_GONE = (403, 404)

_log = logging.getLogger("parley_client")


class Session:
    """Runs one task that asks the questions of `Following`.

    Args:
        deliver: Called with each new push, in order.
        began: Called with the result of `fetchSession`, once for each new socket.
        refollow: Called for each new socket when everything else is done.
    """

    def __init__(
        self,
        connection: Connection,
        timing: Timing,
        *,
        deliver: Callable[[Push], None],
        began: Callable[[SessionResult], None],
        refollow: Callable[[Line], Awaitable[None]],
    ) -> None:
        self.following = Following()
        self._connection = connection
        self._timing = timing
        self._deliver = deliver
        self._began = began
        self._refollow = refollow
        self._opened: Line | None = None
        self._line: Line | None = None
        self._wake = asyncio.Event()
        self._timer: Handle | None = None
        self._timer_at: float | None = None
        self._task: asyncio.Task[None] | None = None
        self.is_ready = asyncio.Event()

    def start(self) -> None:
        """Start the task."""
        self._task = asyncio.create_task(self._run(), name="parley session")

    async def stop(self) -> None:
        """Stop the task."""
        self._set_timer(None)
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    def line_opened(self, line: Line) -> None:
        """Begin a session on this line."""
        self._opened = line
        self._wake.set()

    def push(self, push: Push) -> None:
        """A push about a channel has come."""
        if isinstance(push.get("seq"), int) and isinstance(push.get("channel_sid"), str):
            self._deliver_all(self.following.push(push, self._timing.now()))
            self._set_timer(self.following.due)

    def missed(self, push: MissedPush) -> None:
        """The server says which pushes it gave up."""
        self.following.missed(push["channels"], self._timing.now())
        self._set_timer(self.following.due)

    # The task.

    async def _run(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            line, self._opened = self._opened or self._line, None
            if line is None or not line.is_open:
                continue
            try:
                await self._work(line)
            except ParleyError as error:
                if line.is_open:
                    _log.warning("the session could not begin: %s", error)
                    line.abort()
            except Exception:
                _log.exception("the session could not begin")
                line.abort()
            else:
                self._set_timer(self.following.due)

    async def _work(self, line: Line) -> None:
        if line.is_established:
            await self._ask(line)
            return
        await self._begin(line)
        self._line = line
        self._connection.established(line)
        self.is_ready.set()

    async def _begin(self, line: Line) -> None:
        self.following.session_begins()
        self._began(await self._request(line, "fetchSession"))
        entries = await self._list(line)
        self._deliver_all(self.following.session(entries, self._timing.now()))
        await self._ask(line)
        await self._refollow(line)

    async def _list(self, line: Line) -> list[ListedChannel]:
        entries: dict[str, ListedChannel] = {}
        after: dict[str, str] = {}
        while True:
            page = await self._request(line, "listMyChannels", page_size=_PAGE_SIZE, **after)
            for item in page["channels"]:
                entries[item["channel"]["sid"]] = item
            if page.get("next") is None:
                return list(entries.values())
            after = {"after": page["next"]}

    async def _ask(self, line: Line) -> None:
        """Ask questions until none is due."""
        while True:
            asked = self.following.questions(self._timing.now())
            doubtful = self.following.doubtful(self._timing.now())
            if not asked and not doubtful:
                return
            if asked:
                await self._catch_up(line, asked)
            for sid in doubtful:
                await self._verify(line, sid)

    async def _catch_up(self, line: Line, asked: dict[str, int]) -> None:
        unanswered = set(asked)
        try:
            answers: dict[str, CatchUpAnswer] = (await self._request(line, "catchUp", channels=asked))["channels"]
            for sid in asked:
                if sid in answers:
                    delivered = self.following.answer(sid, answers[sid], self._timing.now())
                    unanswered.discard(sid)
                    self._deliver_all(delivered)
        except RequestError as error:
            _log.warning("could not catch up: %s", error)
            delivered = self.following.refused(unanswered, error.code, self._timing.now())
            unanswered.clear()
            self._deliver_all(delivered)
        finally:
            self.following.unanswered(unanswered, self._timing.now())

    async def _verify(self, line: Line, sid: str) -> None:
        """Find out whether this user is a member of a channel, is invited, or can at least see it."""
        is_known = False
        try:
            item: ListedChannel | None = await self._fetch(line, "fetchMyChannel", sid)
            if item is not None:
                delivered = self.following.present(item, self._timing.now())
            else:
                is_gone = await self._fetch(line, "fetchChannel", sid) is None
                delivered = self.following.absent(sid, is_gone=is_gone)
            is_known = True
            self._deliver_all(delivered)
        except RequestError as error:
            _log.warning("could not find out about a channel: %s", error)
        finally:
            if not is_known:
                self.following.unknown(sid, self._timing.now())

    async def _fetch(self, line: Line, action: str, sid: str) -> Any:
        """The result, or None if the server answers that this user has no such channel."""
        try:
            return await self._request(line, action, channel=sid)
        except RequestError as error:
            if error.status in _GONE:
                return None
            raise

    async def _request(self, line: Line, action: str, **members: Any) -> Any:
        return await self._connection.request(action, members, line)

    # Delivering.

    def _deliver_all(self, pushes: Iterable[Push]) -> None:
        for push in pushes:
            try:
                self._deliver(push)
            except Exception:
                # The change counts as delivered, because asking for it again would only fail again.
                _log.exception("a change could not be shown: %s", push["event"])

    def _set_timer(self, due: float | None) -> None:
        if due == self._timer_at:
            return
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._timer_at = due
        if due is not None:
            self._timer = self._timing.later(max(0.0, due - self._timing.now()), self._due)

    def _due(self) -> None:
        self._timer = self._timer_at = None
        self._wake.set()
