"""What the specification's tests have in common: expectations of values that no test can know beforehand."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from twilio.base.exceptions import TwilioRestException


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


def sids(items: Any) -> list[str]:
    """The SIDs of listed instances."""
    return [item.sid for item in items]
