"""When AWS's events leave: a thread that sends what is due, and a seeded disorder for tests.

AWS promises no order, and at least one copy, of its events. With a disorder, an event leaves late by a random time,
twice, or not at all. The seed, and the order in which the events were planned, decide what happens to each.
"""

from __future__ import annotations

import heapq
import itertools
import json
import logging
import random
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import Any

logger = logging.getLogger("local.phones")

Send = Callable[[str, dict[str, Any]], None]
"""Publishes a document to a topic."""
_TRIES, _PAUSE_SECONDS = 5, 0.2


@dataclass(frozen=True)
class Disorder:
    """What goes wrong between AWS and Parley.

    Attributes:
        seed: What the chances are drawn from.
        delay: The longest time, in seconds, by which an event is late. Events overtake each other.
        duplicate: The share of events that come twice.
        loss: The share of events that never come.
        throttle: The share of requests to send that AWS answers with throttling.
    """

    seed: int = 0
    delay: float = 0.0
    duplicate: float = 0.0
    loss: float = 0.0
    throttle: float = 0.0

    @classmethod
    def read(cls, text: str) -> Disorder:
        """A disorder from JSON with the attributes' names; no text is none. Raises `ValueError`."""
        given = json.loads(text) if text else {}
        names = {one.name for one in fields(cls)}
        if not isinstance(given, Mapping) or not given.keys() <= names:
            raise ValueError(f"a disorder has {', '.join(sorted(names))}")
        if not all(isinstance(value, int | float) and value >= 0 for value in given.values()):
            raise ValueError("a disorder has numbers that are not below 0")
        return cls(**given)


class Schedule:
    """Sends documents to topics when they are due. Safe to use from several threads."""

    def __init__(self, send: Send, disorder: Disorder | None = None, now: Callable[[], float] = time.monotonic) -> None:
        self._send = send
        self._disorder = disorder or Disorder()
        self._now = now
        self._chance = random.Random(self._disorder.seed)
        self._due: list[tuple[float, int, Callable[[], None]]] = []
        self._numbers = itertools.count()
        self._changed = threading.Condition()
        self._ends = False
        self._thread: threading.Thread | None = None

    def publish(self, topic: str, document: dict[str, Any], delay: float = 0.0) -> None:
        """Send a document after `delay` seconds, as far as the disorder lets it through."""
        with self._changed:
            if self._happens(self._disorder.loss):
                return
            for _ in range(2 if self._happens(self._disorder.duplicate) else 1):
                late = self._chance.uniform(0, self._disorder.delay) if self._disorder.delay else 0.0
                self.after(delay + late, lambda: self._send(topic, document))

    def after(self, delay: float, act: Callable[[], None]) -> None:
        """Call `act` after `delay` seconds. If it raises, it is called again a few times."""
        with self._changed:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="phones", daemon=True)
                self._thread.start()
            heapq.heappush(self._due, (self._now() + delay, next(self._numbers), act))
            self._changed.notify()

    def throttles(self) -> bool:
        """Whether AWS throttles the request that is being answered."""
        with self._changed:
            return self._happens(self._disorder.throttle)

    def close(self, within: float = 0.0) -> None:
        """Send what is due within so many seconds at once, and end."""
        with self._changed:
            self._ends = True
            last = self._now() + within
            rest = [act for at, _, act in sorted(self._due, key=lambda one: one[:2]) if at <= last]
            self._due.clear()
            self._changed.notify()
        if self._thread is not None:
            self._thread.join()
        for act in rest:
            self._do(act)

    def _happens(self, share: float) -> bool:
        return share > 0 and self._chance.random() < share

    def _run(self) -> None:
        while True:
            with self._changed:
                if self._ends:
                    return
                wait = self._due[0][0] - self._now() if self._due else None
                if wait is None or wait > 0:
                    self._changed.wait(wait)
                    continue
                _, _, act = heapq.heappop(self._due)
            self._do(act)

    def _do(self, act: Callable[[], None]) -> None:
        for attempt in range(1, _TRIES + 1):
            try:
                return act()
            except Exception:
                if attempt == _TRIES:
                    logger.exception("an event of a phone was lost")
                elif not self._ends:
                    time.sleep(_PAUSE_SECONDS * attempt)
        return None
