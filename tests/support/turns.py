"""Cases that take turns: a test tries some of them on a developer's machine, and all of them if `PARLEY_EVERY_CASE=1`.

Continuous integration tries all. It is for cases that run through the same code, of which there are very many.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")

EVERY_CASE = "PARLEY_EVERY_CASE" in os.environ


def in_turn(cases: Sequence[T], turn: int) -> Sequence[T]:
    """All the cases, or a third of them: which one depends on whose turn it is."""
    return cases if EVERY_CASE else cases[turn % 3 :: 3]
