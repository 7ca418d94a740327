"""Circuits: after several failures, a target gets no requests for a while, so that it does not hold up other targets.

    closed --(five failures in a row)--> open --(pause over)--> one delivery is let through --> closed, or open again

If the delivery that was let through fails, the pause doubles. Each warm container has circuits of its own. A target
that hangs costs it a few time-outs at once, and then one per pause.
"""

from __future__ import annotations

import threading
from urllib.parse import urlsplit

from parley.clock import Clock

# One more than the attempts of a delivery with the largest retry count, which come a second apart as Twilio's do.
FAILURES = 5
_FIRST_PAUSE_MS, _LONGEST_PAUSE_MS = 5_000, 60_000
# After the first of these times, a probe counts as lost. No attempt takes that long, so there is one probe at a time.
# Deliveries that wait for a probe look again after the second: a target that is back answers quickly.
_PROBE_MS, _LOOK_AGAIN_MS = 10_000, 2_000
_MOST_TARGETS = 1_000
# How many requests one target gets at the same time: before it has answered once, and afterwards. If all of them are
# under way, a delivery waits a moment, which is long enough for a fast target.
_AT_ONCE_UNPROVEN, _AT_ONCE = FAILURES, 10
_PATIENCE_SECONDS, _BUSY_MS = 0.2, 1_000


class _Target:
    def __init__(self) -> None:
        self.under_way = 0
        self.has_answered = False
        self.failures = 0
        self.open_until = 0
        self.is_probed = False

    @property
    def is_free(self) -> bool:
        return self.under_way < (_AT_ONCE if self.has_answered else _AT_ONCE_UNPROVEN)


class Circuits:
    """The targets that this container has met, by URL without query."""

    def __init__(self, clock: Clock):
        self._clock = clock
        self._targets: dict[str, _Target] = {}
        self._changed = threading.Condition()

    def wait_ms(self, url: str) -> int:
        """How long to wait before a request to this target; 0 if it may be made now. Then call `report` afterwards."""
        with self._changed:
            target = self._target(url)
            self._changed.wait_for(lambda: target.is_free or target.failures >= FAILURES, _PATIENCE_SECONDS)
            left = self._left_ms(target) if target.failures >= FAILURES else 0 if target.is_free else _BUSY_MS
            target.under_way += not left
            return left

    def _target(self, url: str) -> _Target:
        if len(self._targets) >= _MOST_TARGETS:
            self._targets.clear()
        return self._targets.setdefault(_name(url), _Target())

    def _left_ms(self, target: _Target) -> int:
        now = self._clock.now_ms()
        if now < target.open_until:
            left = target.open_until - now
            return min(left, _LOOK_AGAIN_MS) if target.is_probed else left
        # This request probes the target for all; the others wait for the result.
        target.is_probed = True
        target.open_until = now + _PROBE_MS
        return 0

    def report(self, url: str, *, failed: bool) -> None:
        """Count a request as failed or answered."""
        with self._changed:
            target = self._target(url)
            target.under_way = max(target.under_way - 1, 0)
            if not failed:
                target.has_answered, target.failures, target.is_probed = True, 0, False
            elif target.failures < FAILURES or target.is_probed:
                # A failure of a request that began before the circuit opened does not count again.
                self._count_failure(target)
            self._changed.notify_all()

    def _count_failure(self, target: _Target) -> None:
        target.failures += 1
        target.is_probed = False
        if target.failures >= FAILURES:
            pause = _FIRST_PAUSE_MS * 2 ** min(target.failures - FAILURES, 10)
            target.has_answered = False
            target.open_until = self._clock.now_ms() + min(pause, _LONGEST_PAUSE_MS)


def _name(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}{parts.path}"
