"""What these tests have in common: refusals that must leave everything as it was, and writers at the same time."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

from tests.doors import Raw

_Result = TypeVar("_Result")


@contextmanager
def unchanged(raw: Raw, *paths: str) -> Iterator[None]:
    """What is done inside must leave the answers to these GET requests as they were."""
    before = [raw.get(path) for path in paths]
    yield
    assert [raw.get(path) for path in paths] == before


def at_once(count: int, act: Callable[[int], _Result]) -> list[_Result]:
    """What `act(0)` to `act(count - 1)` return when all begin at the same moment, each in a thread of its own."""
    barrier = threading.Barrier(count)

    def run(number: int) -> _Result:
        # The handler runs the application on the thread's event loop, as Lambda's only thread has one.
        loop = asyncio.new_event_loop()
        asyncio.set_event_loop(loop)
        try:
            barrier.wait()
            return act(number)
        finally:
            asyncio.set_event_loop(None)
            loop.close()

    with ThreadPoolExecutor(count) as threads:
        return list(threads.map(run, range(count)))
