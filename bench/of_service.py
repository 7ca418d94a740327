"""One service in a warm container, whose operations are measured one request at a time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from bench.meter import Allowed, Cost
from tests.support.doors import Raw
from tests.support.world import World

Measure = Callable[[str, Allowed, Callable[[], object]], Cost]
"""Measures an operation: its name, what it may cost, and the operation itself."""


@dataclass(frozen=True)
class OfService:
    """What the operations of a service are measured with.

    Attributes:
        cost: Measures an operation.
    """

    world: World
    raw: Raw
    service_sid: str
    cost: Measure
