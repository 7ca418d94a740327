"""Counts what operations cost in small and in large places, and says which of them grow.

    python -m bench growth          (about two minutes, loopback only)

Each *curve* is one operation, measured in places that differ in one respect: how many messages a channel has, how many
members, how many channels are in a service, how many a user is in, how many guests have left. Large places are written
straight into the table (`bench/places.py`). Containers are warm. Beside what DynamoDB counts, each curve has the
processor time that our side of an operation takes; places take turns, and the median counts.
"""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from bench.figures import COUNT, RATIO, Figure, Findings, Plot
from bench.growing import DIMENSIONS
from bench.meter import metered
from bench.places import Account, Curve, Dimension, engine

_ROUNDS, _QUICK_ROUNDS = 9, 3
# Processor time may vary so much between two places without a cause in the code.
_SAME = 1.5
_MEASURES = ("requests", "write units", "read units")


class Counts(NamedTuple):
    """What DynamoDB counted in one operation, in the order of `_MEASURES`."""

    requests: float
    write_units: float
    read_units: float


@dataclass
class Measured:
    """A curve with what was found, by the size of the place.

    Attributes:
        milliseconds: The median of the processor time.
    """

    curve: Curve
    counts: dict[int, Counts] = field(default_factory=dict)
    milliseconds: dict[int, float] = field(default_factory=dict)


def measure(quick: bool) -> Findings:
    found = Findings(tables={"curves": [["Operation", "In", "Requests", "Write units", "Read units", "CPU"]]})
    with engine() as (client, table_name):
        for dimension in DIMENSIONS:
            sizes = dimension.quick_sizes if quick else dimension.sizes
            find(found, dimension, client, table_name, sizes, rounds=_QUICK_ROUNDS if quick else _ROUNDS)
    return found


def find(
    found: Findings, dimension: Dimension, client: Any, table_name: str, sizes: Sequence[int], *, rounds: int
) -> None:
    """Measure one dimension in places of these sizes; without rounds, nothing is timed."""
    curves = dimension.places(Account(client, table_name), sizes)
    _note(found, dimension, sizes, [_measured(client, curve, sizes, rounds) for curve in curves])


def _measured(client: Any, curve: Curve, sizes: Sequence[int], rounds: int) -> Measured:
    """One curve: the counts of the second call in each place, and the processor time of the calls after that."""
    measured = Measured(curve)
    acts: dict[int, Callable[[], object]] = {size: curve.acts[size] for size in sizes}
    for size, act in acts.items():
        if curve.is_warmed:
            act()
        with metered(client) as meter:
            act()
        measured.counts[size] = Counts(meter.requests.total(), meter.write_units, meter.read_units)
    times: dict[int, list[float]] = {size: [] for size in sizes}
    gc.collect()
    gc.disable()
    for _ in range(min(rounds, curve.most_rounds)):
        for size, act in acts.items():
            times[size].append(_milliseconds(act))
    gc.enable()
    measured.milliseconds = {size: statistics.median(taken) for size, taken in times.items() if taken}
    return measured


def _milliseconds(act: Callable[[], object]) -> float:
    """The processor time of this process in one call; the emulator of DynamoDB is another process."""
    began = time.process_time()
    act()
    return (time.process_time() - began) * 1000


def _note(found: Findings, dimension: Dimension, sizes: Sequence[int], curves: list[Measured]) -> None:
    """Add what was found in one dimension: figures, plots and rows."""
    small, large = sizes[0], sizes[-1]
    for measured in curves:
        found.figures += _figures(dimension, measured, small, large)
        found.tables["curves"] += [_row(dimension, measured, size) for size in dict.fromkeys((small, large))]
    flat = [one for one in curves if one.curve.is_flat and one.milliseconds]
    if flat:
        ratios = {one.curve.name: one.milliseconds[large] / one.milliseconds[small] for one in flat}
        slowest = max(ratios, key=lambda name: ratios[name])
        name = f"CPU of what grew most, {dimension.said(large)} {dimension.where}, against {small:,}"
        growth = round(ratios[slowest], 2)
        found.figures.append(Figure(name, growth, "times", RATIO, at_most=_SAME, why=f"What grew most: {slowest}."))
    for unit, name, of in (
        ("requests to DynamoDB", "", lambda one: {size: counts.requests for size, counts in one.counts.items()}),
        ("processor time, ms", "-cpu", lambda one: one.milliseconds),
    ):
        lines = {one.curve.name: sorted((float(size), round(y, 3)) for size, y in of(one).items()) for one in curves}
        plot = f"growth-{dimension.name}{name}"
        found.plots.append(
            Plot(plot, f"More {dimension.axis}", dimension.axis, unit, lines, logarithmic=dimension.scale)
        )


def _figures(dimension: Dimension, measured: Measured, small: int, large: int) -> list[Figure]:
    """A ratio for what must be flat, and a bound for each measure that grows."""
    curve = measured.curve
    where = f"{curve.name}, {dimension.said(large)} {dimension.where}"
    least, most = measured.counts[small], measured.counts[large]
    figures = []
    flat = [name for name in _MEASURES if name not in curve.bounds]
    if flat:
        worst = max(ratio(getattr(least, _field(name)), getattr(most, _field(name))) for name in flat)
        against = f"{where}, against {small:,}: {', '.join(flat)}"
        figures.append(Figure(against, round(worst, 2), "times", COUNT, at_most=1.0))
    for name, bound in curve.bounds.items():
        value = getattr(most, _field(name))
        figures.append(Figure(f"{where}: {name}", value, name, COUNT, at_most=float(bound(large))))
    return figures


def ratio(small: float, large: float) -> float:
    """How many times as large a count has become; a count that was zero has grown by itself."""
    return large / small if small else 1.0 + large


def _field(measure: str) -> str:
    return measure.replace(" ", "_")


def _row(dimension: Dimension, measured: Measured, size: int) -> list[str]:
    cells = [f"{count:g}" for count in measured.counts[size]]
    return [
        measured.curve.name,
        f"{dimension.said(size)} {dimension.where}",
        *cells,
        f"{measured.milliseconds.get(size, 0):.1f} ms",
    ]
