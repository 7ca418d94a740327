"""A small discrete-event simulation: a clock that jumps from event to event, and what events compete for.

    at(0.0) --> heap of events by time --> run: the earliest one acts, and may plan others

Nothing here is random and nothing here knows Parley. Whoever needs chance brings a seeded generator.
"""

from __future__ import annotations

import heapq
import itertools
from collections import deque
from collections.abc import Callable

Act = Callable[[], object]


class Simulation:
    """Events in the order of their times. Events of one time happen in the order in which they were planned."""

    def __init__(self) -> None:
        self.now = 0.0
        self._events: list[tuple[float, int, Act]] = []
        self._numbers = itertools.count()

    def after(self, seconds: float, act: Act) -> None:
        """Plan an event."""
        heapq.heappush(self._events, (self.now + seconds, next(self._numbers), act))

    def run(self, until: float = float("inf")) -> None:
        """Let events happen until there is none left, or none before `until`."""
        while self._events and self._events[0][0] <= until:
            self.now, _, act = heapq.heappop(self._events)
            act()


class Bucket:
    """A token bucket, as AWS throttles: `rate` tokens a second, `burst` at most."""

    def __init__(self, simulation: Simulation, rate: float, burst: float) -> None:
        self._simulation = simulation
        self._rate = rate
        self._burst = self._tokens = burst
        self._filled_at = simulation.now
        self.taken = 0
        self.refused = 0

    def take(self, count: float = 1) -> bool:
        """Take tokens, or say that there are not enough."""
        now = self._simulation.now
        self._tokens = min(self._burst, self._tokens + (now - self._filled_at) * self._rate)
        self._filled_at = now
        if self._tokens < count:
            self.refused += 1
            return False
        self._tokens -= count
        self.taken += 1
        return True


class Servers:
    """Equal servers with one queue, first come, first served.

    `in_system` is how many were waiting or being served on average; `waited` has the seconds from arrival to end.
    """

    def __init__(self, simulation: Simulation, count: int) -> None:
        self._simulation = simulation
        self._free = count
        self._queue: deque[tuple[float, float, Act]] = deque()
        self._present = 0
        self._area = 0.0
        self._changed_at = self._began_at = simulation.now
        self.waited: list[float] = []

    @property
    def in_system(self) -> float:
        """How many were there on average since the beginning."""
        self._note(0)
        return self._area / max(self._simulation.now - self._began_at, 1e-12)

    def serve(self, seconds: float, done: Act = lambda: None) -> None:
        """Let somebody arrive who needs a server for so long; `done` is called at the end."""
        self._note(1)
        self._queue.append((self._simulation.now, seconds, done))
        self._begin()

    def _begin(self) -> None:
        while self._free and self._queue:
            arrived, seconds, done = self._queue.popleft()
            self._free -= 1
            self._simulation.after(seconds, lambda arrived=arrived, done=done: self._end(arrived, done))

    def _end(self, arrived: float, done: Act) -> None:
        self._note(-1)
        self._free += 1
        self.waited.append(self._simulation.now - arrived)
        done()
        self._begin()

    def _note(self, change: int) -> None:
        now = self._simulation.now
        self._area += self._present * (now - self._changed_at)
        self._present += change
        self._changed_at = now


class Environments:
    """A Lambda function: each call runs alone in an environment, and new ones start at a limited rate. No queue.

    Nobody gets more than `most` at a time, together with what runs `beside` in the account: further calls are refused,
    as API Gateway's are.
    """

    def __init__(
        self,
        simulation: Simulation,
        most: int,
        starts: Bucket,
        cold_seconds: float,
        beside: Callable[[], int] = lambda: 0,
    ) -> None:
        self._simulation = simulation
        self._most = most
        self._starts = starts
        self._cold_seconds = cold_seconds
        self._beside = beside
        self._idle = 0
        self.running = 0
        self.highest = 0
        self.refused = 0

    def call(self, seconds: float, done: Act) -> bool:
        """Run a call for so long, longer if an environment has to start for it; False if that is refused."""
        if self.running + self._beside() >= self._most or (not self._idle and not self._starts.take()):
            self.refused += 1
            return False
        if self._idle:
            self._idle -= 1
        else:
            seconds += self._cold_seconds
        self.running += 1
        self.highest = max(self.highest, self.running)
        self._simulation.after(seconds, lambda: self._end(done))
        return True

    def _end(self, done: Act) -> None:
        self.running -= 1
        self._idle += 1
        done()
