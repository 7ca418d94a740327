"""What the tests of the REST API share: expectations, refusals that leave everything as it was, and writers at the same time."""

from __future__ import annotations

import asyncio
import re
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, TypeVar

import pytest
from twilio.base.exceptions import TwilioRestException

from tests.support.doors import Raw

_Result = TypeVar("_Result")


class Matching:
    """Equal to every text that a pattern describes completely."""

    def __init__(self, pattern: str):
        self._pattern = re.compile(pattern)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, str) and self._pattern.fullmatch(other) is not None

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"<{self._pattern.pattern}>"


DATE = Matching(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")


def sid(prefix: str) -> Matching:
    """Any SID of a kind."""
    return Matching(prefix + "[0-9a-f]{32}")


@contextmanager
def refused(status: int, code: int, text: str) -> Iterator[None]:
    """What is done inside must be refused by the server with this status, code and text."""
    with pytest.raises(TwilioRestException) as caught:
        yield
    error = caught.value
    # The library puts its own words before the server's: "Unable to create record: User already exists".
    found, expected = (error.status, error.code, error.msg.partition(": ")[2]), (status, code, text)
    assert found == expected, f"{found} instead of {expected}"


def refusal(act: Callable[[], Any]) -> tuple[int, int | None]:
    """The status and code with which the server refuses something."""
    with pytest.raises(TwilioRestException) as caught:
        act()
    return caught.value.status, caught.value.code


def sids(items: Any) -> list[str]:
    """The SIDs of listed instances."""
    return [item.sid for item in items]


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
