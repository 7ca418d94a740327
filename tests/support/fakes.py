"""Fakes that make a world repeatable: time that stands still, SIDs that are the same in each run, known secrets."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Callable

from parley.clock import Clock

# 2026-01-15T12:00:00Z
NOON_MS = 1_768_478_400_000
AUTH_TOKEN = "0123456789abcdef0123456789abcdef"


class FakeClock(Clock):
    """Stands still until it is moved. Sleeping moves it, and is remembered."""

    def __init__(self, now_ms: int = NOON_MS):
        self._now_ms = now_ms
        self.slept: list[float] = []

    def now_ms(self) -> int:
        return self._now_ms

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.advance(seconds)

    def advance(self, seconds: float) -> None:
        self._now_ms += round(seconds * 1000)


def seeded_hex(seed: str) -> Callable[[int], str]:
    """A source of randomness for `Ids` that gives the same sequence for the same seed."""
    numbers = itertools.count()

    def random_hex(size: int) -> str:
        return hashlib.shake_128(f"{seed}/{next(numbers)}".encode()).hexdigest(size)

    return random_hex


class FakeSecrets:
    """Secrets Manager for a Keyring: `fetch` by id, and how often that was asked."""

    def __init__(self, **secrets: str):
        self.secrets = secrets
        self.fetched: list[str] = []

    def fetch(self, secret_id: str) -> str:
        self.fetched.append(secret_id)
        return self.secrets[secret_id]
