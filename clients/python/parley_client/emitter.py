"""How events reach the application: callbacks, on the client and on each object, and streams."""

from __future__ import annotations

import asyncio
import inspect
import logging
from collections.abc import AsyncIterator, Callable
from typing import Any, TypeVar, overload

from parley_client.events import Event

E = TypeVar("E", bound=Event)
Callback = Callable[[Any], object]

_log = logging.getLogger("parley_client")


class EventStream(AsyncIterator[Event]):
    """Events since the stream was made, kept until they are read; ends when the client is shut down."""

    def __init__(self) -> None:
        self._queue: asyncio.Queue[Event | None] = asyncio.Queue()

    def put(self, event: Event | None) -> None:
        """Append an event, or the end."""
        self._queue.put_nowait(event)

    async def __anext__(self) -> Event:
        event = await self._queue.get()
        if event is None:
            self._queue.put_nowait(None)
            raise StopAsyncIteration
        return event


class Emitter:
    """Something that events happen to.

    Objects are forgotten when the application holds them no more; one with callbacks is kept by `keepers`.
    """

    def __init__(self, keepers: set[Emitter]) -> None:
        self._callbacks: dict[str, list[Callback]] = {}
        self._tasks: set[asyncio.Future[Any]] = set()
        self._keepers = keepers

    @overload
    def on(self, event: type[E], callback: Callable[[E], object]) -> Callable[[], None]: ...

    @overload
    def on(self, event: str, callback: Callback) -> Callable[[], None]: ...

    def on(self, event: type[Event] | str, callback: Callback) -> Callable[[], None]:
        """Call this with each such event, named by its class or its vendor's name; returns what ends it.

        A callback may be a coroutine function: it then runs by itself, and the next event does not wait for it.
        """
        name = event if isinstance(event, str) else event.name
        self._callbacks.setdefault(name, []).append(callback)
        self._keepers.add(self)
        return lambda: self.off(name, callback)

    def off(self, event: type[Event] | str, callback: Callback) -> None:
        """Do not call this any more."""
        name = event if isinstance(event, str) else event.name
        callbacks = self._callbacks.get(name, [])
        if callback in callbacks:
            callbacks.remove(callback)
        if not any(self._callbacks.values()):
            self._keepers.discard(self)

    def emit(self, event: Event, name: str | None = None) -> None:
        """Tell whoever asked for it. What a callback raises is logged and does no harm to others."""
        for callback in list(self._callbacks.get(name or event.name, ())):
            try:
                returned = callback(event)
            except Exception:
                _log.exception("a callback for %s failed", event.name)
                continue
            if inspect.isawaitable(returned):
                task = asyncio.ensure_future(returned)
                self._tasks.add(task)
                task.add_done_callback(self._finished)

    def _finished(self, task: asyncio.Future[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.error("a callback failed", exc_info=error)
