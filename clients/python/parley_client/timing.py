"""Time and chance, so that tests can decide them."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable
from typing import Protocol


class Handle(Protocol):
    """Something that will happen."""

    def cancel(self) -> None:
        """Have it not happen."""


class Timing(Protocol):
    """Where time and chance come from."""

    def now(self) -> float:
        """Seconds of a clock that never goes back."""

    def wall(self) -> float:
        """Seconds since 1970."""

    def later(self, seconds: float, callback: Callable[[], object]) -> Handle:
        """Call once, after this time."""

    def random(self) -> float:
        """A number from 0 up to 1."""


class RealTiming:
    """The event loop's time and the system's chance."""

    def now(self) -> float:
        return time.monotonic()

    def wall(self) -> float:
        return time.time()

    def later(self, seconds: float, callback: Callable[[], object]) -> Handle:
        return asyncio.get_running_loop().call_later(seconds, callback)

    def random(self) -> float:
        return random.random()


async def pause(timing: Timing, seconds: float, over: asyncio.Event | None = None) -> None:
    """Wait, or less if `over` is set before; it is in the end."""
    over = over or asyncio.Event()
    handle = timing.later(seconds, over.set)
    try:
        await over.wait()
    finally:
        handle.cancel()
