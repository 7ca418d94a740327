"""Time and random numbers, so that tests can set them."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable
from typing import Protocol


class Handle(Protocol):
    """A call at a later time."""

    def cancel(self) -> None:
        """Cancel the call."""


class Timing(Protocol):
    """Provides time and random numbers."""

    def now(self) -> float:
        """Seconds on a clock that never goes back."""

    def wall(self) -> float:
        """Seconds since 1970."""

    def later(self, seconds: float, callback: Callable[[], object]) -> Handle:
        """Call once, after so many seconds."""

    def random(self) -> float:
        """A number from 0 up to 1."""


class RealTiming:
    """The system's clocks, the event loop's timers, and real random numbers."""

    def now(self) -> float:
        return time.monotonic()

    def wall(self) -> float:
        return time.time()

    def later(self, seconds: float, callback: Callable[[], object]) -> Handle:
        return asyncio.get_running_loop().call_later(seconds, callback)

    def random(self) -> float:
        return random.random()


async def pause(timing: Timing, seconds: float, over: asyncio.Event | None = None) -> None:
    """Wait for so long, or until `over` is set. Sets `over` at the end."""
    over = over or asyncio.Event()
    handle = timing.later(seconds, over.set)
    try:
        await over.wait()
    finally:
        handle.cancel()
