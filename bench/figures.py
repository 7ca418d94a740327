"""What a benchmark found out: figures beside their goals, and series for plots.

Each part of `make bench` is a module with `measure(quick) -> Findings`; `bench/parts.py` lists them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

COUNT = "count"
"""Two runs agree exactly: requests, units, bytes, dollars that follow from them."""
RATIO = "ratio"
"""Two things that took turns in one run, divided. Two runs on different days agree within a fifth."""
TIME = "time"
"""Milliseconds, messages a second, megabytes: they say something only beside other figures of the same run."""


@dataclass(frozen=True)
class Figure:
    """One number, and what it should be.

    Attributes:
        name: What was measured, as a reader of the table sees it. Unique in its part.
        value: In `unit`.
        kind: COUNT, RATIO or TIME.
        at_most: The goal, for what should be small. A figure has at most one goal.
        at_least: The goal, for what should be large.
        why: One sentence on a goal that is missed: which limit remains.
    """

    name: str
    value: float
    unit: str
    kind: str
    at_most: float | None = None
    at_least: float | None = None
    why: str = ""

    @property
    def is_missed(self) -> bool:
        too_large = self.at_most is not None and self.value > self.at_most
        too_small = self.at_least is not None and self.value < self.at_least
        return too_large or too_small


@dataclass(frozen=True)
class Plot:
    """Lines over one axis, drawn to `docs/images/bench/<name>.svg`.

    Attributes:
        lines: The points (x, y) of each line by the line's name.
        logarithmic: Which axes are: "", "x", "y" or "xy".
    """

    name: str
    title: str
    x: str
    y: str
    lines: Mapping[str, Sequence[tuple[float, float]]]
    logarithmic: str = ""


@dataclass
class Findings:
    """What one part of the benchmark found out.

    Attributes:
        tables: Rows for pages, by the table's name; the first row is the heading. `bench/pages.py` writes them there.
        notes: Sentences that belong under the table of figures.
        about: What is known about the run, where the part knows it better than who started it.
    """

    figures: list[Figure] = field(default_factory=list)
    plots: list[Plot] = field(default_factory=list)
    tables: dict[str, list[list[str]]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    about: dict[str, str] = field(default_factory=dict)

    def save(self, path: Path, **about: str) -> None:
        """Write everything to a file, with what else is known about the run."""
        path.parent.mkdir(parents=True, exist_ok=True)
        found = {**asdict(self), "about": {**about, **self.about}}
        path.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n")

    @classmethod
    def load(cls, path: Path) -> Findings:
        """What `save` wrote."""
        found: dict[str, Any] = json.loads(path.read_text())
        return cls(
            [Figure(**figure) for figure in found["figures"]],
            [Plot(**plot) for plot in found["plots"]],
            found["tables"],
            found["notes"],
            found["about"],
        )
