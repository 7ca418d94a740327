"""Circuits: a target that keeps failing is left alone for a while, so that it does not take the place of others.

    closed --(five failures in a row)--> open --(pause over)--> one delivery is let through --> closed, or open again

Each failed probe doubles the pause. Each warm container learns for itself; a target that hangs costs it a few
time-outs, and then one per pause.
"""

from __future__ import annotations

import threading
from urllib.parse import urlsplit

from parley.clock import Clock

# One more than the attempts of a delivery with the largest retry count, which come a second apart as the vendor's do.
FAILURES = 5
_FIRST_PAUSE_MS, _LONGEST_PAUSE_MS = 5_000, 60_000
# Longer than an attempt may take, so that there is one probe at a time; after that, it is taken for lost. Others look
# again soon, for a target that is back answers in no time.
_PROBE_MS, _LOOK_AGAIN_MS = 10_000, 2_000
_MOST_TARGETS = 1_000


class _Target:
    def __init__(self) -> None:
        self.failures = 0
        self.open_until = 0
        self.is_probed = False


class Circuits:
    """The targets that this container knows to be failing, by URL without query."""

    def __init__(self, clock: Clock):
        self._clock = clock
        self._targets: dict[str, _Target] = {}
        self._lock = threading.Lock()

    def wait_ms(self, url: str) -> int:
        """0 if a request to this target may be made now (the caller then owes `report`), else how long to wait."""
        now = self._clock.now_ms()
        with self._lock:
            target = self._targets.get(_name(url))
            if target is None or target.failures < FAILURES:
                return 0
            if now < target.open_until:
                left = target.open_until - now
                return min(left, _LOOK_AGAIN_MS) if target.is_probed else left
            # This one finds out for all; the others wait until it has.
            target.is_probed = True
            target.open_until = now + _PROBE_MS
            return 0

    def report(self, url: str, *, failed: bool) -> None:
        """What became of a request."""
        now = self._clock.now_ms()
        with self._lock:
            if not failed:
                self._targets.pop(_name(url), None)
                return
            if len(self._targets) >= _MOST_TARGETS:
                self._targets.clear()
            target = self._targets.setdefault(_name(url), _Target())
            if target.failures >= FAILURES and not target.is_probed:
                # One that was under way when the circuit opened says nothing new.
                return
            target.failures += 1
            target.is_probed = False
            if target.failures >= FAILURES:
                pause = _FIRST_PAUSE_MS * 2 ** min(target.failures - FAILURES, 10)
                target.open_until = now + min(pause, _LONGEST_PAUSE_MS)


def _name(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}{parts.path}"
