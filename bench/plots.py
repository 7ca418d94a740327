"""Draws the plots of the published results to `docs/images/bench/`.

It runs in an environment of its own (`make plots`), because nothing else needs a library that draws.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import matplotlib
from matplotlib import pyplot

REPOSITORY = Path(__file__).resolve().parents[1]
IMAGES = REPOSITORY / "docs" / "images" / "bench"
_COLOURS = ("#3b6fd4", "#d4663b", "#2e8b57", "#8a4fbe", "#b08a1e", "#4d4d4d")
_MARKS = "osD^vP"


def main() -> None:
    # Ids in the file that do not change from run to run, and text that stays text.
    matplotlib.rcParams.update({"svg.hashsalt": "parley", "svg.fonttype": "none", "font.size": 10})
    IMAGES.mkdir(parents=True, exist_ok=True)
    for path in sorted((REPOSITORY / "bench" / "results").glob("*.json")):
        for plot in json.loads(path.read_text())["plots"]:
            _draw(plot)


def _draw(plot: dict[str, Any]) -> None:
    figure, axes = pyplot.subplots(figsize=(7, 4))
    for number, (name, points) in enumerate(plot["lines"].items()):
        style = {"color": _COLOURS[number % len(_COLOURS)], "marker": _MARKS[number % len(_MARKS)], "markersize": 4}
        axes.plot([x for x, _ in points], [y for _, y in points], label=name, **style)
    if "x" in plot["logarithmic"]:
        axes.set_xscale("log")
    if "y" in plot["logarithmic"]:
        axes.set_yscale("log")
    else:
        axes.set_ylim(bottom=0)
    axes.set(title=plot["title"], xlabel=plot["x"], ylabel=plot["y"])
    axes.grid(alpha=0.3)
    if len(plot["lines"]) > 1:
        axes.legend(frameon=False)
    figure.savefig(IMAGES / f"{plot['name']}.svg", metadata={"Date": None}, bbox_inches="tight")
    pyplot.close(figure)


if __name__ == "__main__":
    main()
