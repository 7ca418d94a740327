"""Waiting for what another process or thread does."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any


def until(is_so: Callable[[], Any], seconds: float = 120.0, what: str = "") -> Any:
    """Wait for a condition, looking often; its value, or a failure after `seconds`."""
    deadline = time.monotonic() + seconds
    while True:
        if value := is_so():
            return value
        assert time.monotonic() < deadline, f"not within {seconds} s: {what or is_so}"
        time.sleep(0.01)
