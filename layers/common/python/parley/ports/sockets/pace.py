"""How fast pushes go out. A container finds its share of the account's quota without knowing of the other containers.

All APIs of an account share one quota of requests, and several containers of fan-out push at the same time. So each
container begins with the highest rate, halves its rate when API Gateway refuses many pushes with 429, and then adds a
little every second (additive increase, multiplicative decrease). Containers that do so meet at equal shares.

API Gateway also answers 429 for a single client that does not read. A few such clients must not slow down the others.
So a rate is halved only if many clients are refused within a moment, and they are a large part of all clients.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

MOMENT_SECONDS = 0.2
"""A rate is halved once in this time at most: what is refused meanwhile was sent at the old rate."""
MANY = 10
GOOD_PART = 0.05
INCREASE = 0.05
"""What a second adds to the rate, as a part of the highest. So a hundredth of the highest is always left."""


class Pace:
    """The rate that is allowed at a time, given when clients were refused. It reads no clock."""

    def __init__(self, highest: float, now: float) -> None:
        self._highest = highest
        self._rate = highest
        self._set_at = now
        self._moment_began = now - MOMENT_SECONDS
        self._sent_before = 0
        self._refused = 0
        self._is_halved = False

    def rate(self, now: float) -> float:
        """Pushes a second."""
        return min(self._highest, self._rate + (now - self._set_at) * self._highest * INCREASE)

    def refused(self, sent: int, now: float) -> bool:
        """Note that a client was refused, after `sent` pushes in all; returns whether the rate was halved for that."""
        if now - self._moment_began >= MOMENT_SECONDS:
            self._moment_began, self._sent_before = now, sent
            self._refused, self._is_halved = 0, False
        self._refused += 1
        is_few = self._refused < MANY or self._refused < (sent - self._sent_before) * GOOD_PART
        if self._is_halved or is_few:
            return False
        self._is_halved = True
        self._rate = self.rate(now) / 2
        self._set_at = now
        return True


class Budget:
    """A token bucket at that pace, shared by the threads of a process: `rate` a second, `burst` at once, at most."""

    def __init__(self, rate: float, burst: int, monotonic: Callable[[], float]) -> None:
        self._highest = rate
        self._burst = max(1, burst)
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._tokens = float(self._burst)
        self._filled_at = monotonic()
        self._taken = 0
        self._pace = Pace(rate, self._filled_at)

    def take(self) -> bool:
        """Take one token, or say that there is none."""
        with self._lock:
            if self._tokens < 1:
                now = self._monotonic()
                rate = self._pace.rate(now)
                burst = max(1.0, self._burst * rate / self._highest)
                self._tokens = min(burst, self._tokens + (now - self._filled_at) * rate)
                self._filled_at = now
                if self._tokens < 1:
                    return False
            self._tokens -= 1
            self._taken += 1
            return True

    def refused(self) -> None:
        """Note that API Gateway refused a push to a client that it had not refused before in this call."""
        with self._lock:
            now = self._monotonic()
            if self._pace.refused(self._taken, now):
                # The account's own bucket is empty too.
                self._tokens, self._filled_at = 0.0, now

    @property
    def is_slowed(self) -> bool:
        """Whether pushes go out at less than the highest rate, because many were refused."""
        with self._lock:
            return self._pace.rate(self._monotonic()) < self._highest

    def wait_seconds(self) -> float:
        """How long until there is a token again, if nobody else takes it."""
        with self._lock:
            return max(0.0, (1 - self._tokens) / self._pace.rate(self._monotonic()))
