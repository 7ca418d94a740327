"""Where a program's CPU time goes: after every millisecond of CPU time, the line that runs is noted."""

from __future__ import annotations

import signal
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from local.home import REPOSITORY

_PACKAGE = str(REPOSITORY / "layers" / "common" / "python") + "/"
_EVERY_SECONDS = 0.001


class Profile:
    """How often whose code ran. The standard library counts for whoever called it."""

    def __init__(self) -> None:
        self.shares: Counter[str] = Counter()

    def top(self, count: int) -> list[tuple[str, float]]:
        """The largest shares, from 0 to 1."""
        total = self.shares.total() or 1
        return [(owner, samples / total) for owner, samples in self.shares.most_common(count)]

    def _look(self, number: int, frame: FrameType | None) -> None:
        if frame is not None and frame.f_code.co_filename == threading.__file__:
            # The main thread waits for another, and it is that one that runs.
            own = threading.get_ident()
            others = [found for ident, found in sys._current_frames().items() if ident != own]
            frame = next((found for found in others if _running(found)), frame)
        if owner := _running(frame):
            self.shares[owner] += 1


def _running(frame: FrameType | None) -> str:
    """Whose code runs in a frame or has called it; empty if it is nobody's."""
    while frame is not None:
        if owner := _owner(frame.f_code.co_filename):
            return owner
        frame = frame.f_back
    return ""


def _owner(file: str) -> str:
    """`parley.store`, or a library's name; nothing for the standard library and the benchmark."""
    if file.startswith(_PACKAGE):
        return ".".join(Path(file.removeprefix(_PACKAGE)).with_suffix("").parts[:3]).removesuffix(".__init__")
    _, found, library = file.partition("/site-packages/")
    return Path(library).parts[0] if found else ""


@contextmanager
def profiled() -> Iterator[Profile]:
    """Sample what runs inside, in the main thread and in those for which it waits."""
    profile = Profile()
    before = signal.signal(signal.SIGPROF, profile._look)
    signal.setitimer(signal.ITIMER_PROF, _EVERY_SECONDS, _EVERY_SECONDS)
    try:
        yield profile
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)
