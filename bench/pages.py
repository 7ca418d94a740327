"""Writes the published results into `docs/`: tables between two marks, and plots.

A page has the marks `<!-- measured: PART TABLE -->` and `<!-- end -->`; what stands between them is written from
`bench/results/PART.json`. Everything else on the page is written by people.
"""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

from bench.figures import Findings
from local.home import REPOSITORY

PAGES = ("cost.md", "latency.md", "local.md", "scale.md", "speed.md")
RESULTS = REPOSITORY / "bench" / "results"
_REGION = re.compile(r"<!-- measured: (\S+) (.+?) -->\n.*?<!-- end -->", re.S)


def write() -> bool:
    """Write every page and plot anew; returns whether the plots could be drawn."""
    for name in PAGES:
        path = REPOSITORY / "docs" / name
        if path.exists():
            path.write_text(rendered(path.read_text()))
    return subprocess.run(["make", "plots"], cwd=REPOSITORY, check=False).returncode == 0


def rendered(page: str) -> str:
    """A page with the published tables in it. Where a part has no published results, the page stays as it is."""
    return _REGION.sub(_rendered_region, page)


def _rendered_region(region: re.Match[str]) -> str:
    part, table = region[1], region[2]
    return _region(part, table) if (RESULTS / f"{part}.json").exists() else region[0]


def _region(part: str, table: str) -> str:
    heading, *rows = Findings.load(RESULTS / f"{part}.json").tables[table]
    lines = [_row(heading), _row(["---"] * len(heading)), *map(_row, rows)]
    return f"<!-- measured: {part} {table} -->\n\n" + "\n".join(lines) + "\n\n<!-- end -->"


def _row(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"


def results() -> list[Path]:
    """The files of published results."""
    return sorted(RESULTS.glob("*.json"))
