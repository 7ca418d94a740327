"""Brings events to the application: through callbacks on the client and its objects, and through streams."""

from __future__ import annotations

import asyncio
import inspect
import logging
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any, ClassVar, TypeVar, overload


@dataclass(frozen=True)
class Event:
    """The base of all events.

    Attributes:
        name: Twilio's name: by default the class's name with a small first letter.
    """

    name: ClassVar[str] = ""

    def __init_subclass__(cls) -> None:
        if "name" not in cls.__dict__:
            cls.name = cls.__name__[0].lower() + cls.__name__[1:]


E = TypeVar("E", bound=Event)
Callback = Callable[[Any], object]

_log = logging.getLogger("parley_client")


class EventStream(AsyncIterator[Event]):
    """All events since the stream was made, kept until you read them. The stream ends when the client is shut down."""

    def __init__(self) -> None:
        self._queue: asyncio.Queue[Event | None] = asyncio.Queue()

    def __repr__(self) -> str:
        return f"<EventStream with {self._queue.qsize()} unread>"

    def put(self, event: Event | None) -> None:
        """Append an event, or None for the end."""
        self._queue.put_nowait(event)

    async def __anext__(self) -> Event:
        event = await self._queue.get()
        if event is None:
            self._queue.put_nowait(None)
            raise StopAsyncIteration
        return event


class Emitter:
    """An object that has callbacks for its events.

    The client forgets objects that the application does not hold. An object with callbacks adds itself to `keepers`, so
    that it stays.
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
        """Call this callback with each event of a class, or of Twilio's name; returns a function that ends it.

        A callback may be a coroutine function. It then runs in a task, and the next event does not wait for it.
        """
        name = event if isinstance(event, str) else event.name
        self._callbacks.setdefault(name, []).append(callback)
        self._keepers.add(self)
        return lambda: self.off(name, callback)

    def off(self, event: type[Event] | str, callback: Callback) -> None:
        """Stop calling this."""
        name = event if isinstance(event, str) else event.name
        callbacks = self._callbacks.get(name, [])
        if callback in callbacks:
            callbacks.remove(callback)
        if not any(self._callbacks.values()):
            self._keepers.discard(self)

    def emit(self, event: Event, name: str | None = None) -> None:
        """Call the callbacks for this event. An exception in one is logged, and the others are still called."""
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
