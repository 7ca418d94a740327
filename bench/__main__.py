"""Measures everything that Parley claims about its speed and its cost, and prints each figure beside its goal.

    python -m bench [PART ...] [--counted] [--quick] [--publish]

Each part runs in a process of its own, one after the other. What it finds is written to `.parley/bench/<part>.json`.
With `--publish` it also replaces the published results in `bench/results`, and the pages and plots that show them.
The exit status is 1 if a count misses its goal, and 2 if a part could not be measured.
"""

from __future__ import annotations

import argparse
import importlib
import os
import platform
import subprocess
import sys
import time
from pathlib import Path

# The package lies in the layer, where `python -m` would not look.
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "layers/common/python"))

from bench import pages
from bench.figures import COUNT, Figure, Findings
from bench.parts import PARTS
from local.home import REPOSITORY

FOUND = REPOSITORY / ".parley" / "bench"
RESULTS = REPOSITORY / "bench" / "results"


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench", description="Measures what Parley claims.")
    names = [part.name for part in PARTS]
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"{', '.join(names)}; all if none is named")
    parser.add_argument("--counted", action="store_true", help="only what is counted, and not timed")
    parser.add_argument("--quick", action="store_true", help="fewer rounds: shows that it works, and little more")
    parser.add_argument("--publish", action="store_true", help="replace the published results, pages and plots")
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if unknown := set(options.parts) - set(names):
        parser.error(f"no part is named {', '.join(sorted(unknown))}; there are {', '.join(names)}")
    if options.quick and options.publish:
        parser.error("quick results are not published")
    if options.inside:
        _measure(options.parts[0], quick=options.quick)
        return 0
    named = [part for part in PARTS if not options.parts or part.name in options.parts]
    wanted = [part for part in named if part.counted or not options.counted]
    if options.quick and not options.parts:
        wanted = [part for part in wanted if part.quick]
    unmeasured = [part.name for part in wanted if not _run(part.name, part.says, quick=options.quick)]
    measured = [part.name for part in wanted if part.name not in unmeasured]
    missed = _summary(measured)
    if options.publish:
        for name in measured:
            (RESULTS / f"{name}.json").write_bytes((FOUND / f"{name}.json").read_bytes())
        pages.write()
    if unmeasured:
        print(f"\nNOT measured: {', '.join(unmeasured)}. The reason stands above.")
        return 2
    return 1 if any(figure.kind == COUNT for figure in missed) else 0


def _measure(name: str, *, quick: bool) -> None:
    found = importlib.import_module(f"bench.{name}").measure(quick)
    cores = str(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count())
    about = {
        "date": time.strftime("%Y-%m-%d"),
        "machine": f"{cores} cores, {platform.system()} on {platform.machine()}",
        "python": platform.python_version(),
    }
    found.save(FOUND / f"{name}.json", **about)


def _run(name: str, says: str, *, quick: bool) -> bool:
    """Measure a part in a process of its own, and print its figures; False if that failed."""
    print(f"\n== {name}: {says} ==", flush=True)
    started = time.monotonic()
    command = [sys.executable, "-m", "bench", name, "--inside", *(["--quick"] if quick else [])]
    if subprocess.run(command, cwd=REPOSITORY, check=False).returncode != 0:
        return False
    found = Findings.load(FOUND / f"{name}.json")
    width = max((len(figure.name) for figure in found.figures), default=0)
    for figure in found.figures:
        print(f"{figure.name:<{width}}  {_shown(figure)}")
    for note in found.notes:
        print(note)
    print(f"({time.monotonic() - started:.0f} s)")
    return True


def _summary(measured: list[str]) -> list[Figure]:
    """Print which goals were met and which were missed; returns the missed ones."""
    figures = [figure for name in measured for figure in Findings.load(FOUND / f"{name}.json").figures]
    goals = [figure for figure in figures if figure.at_most is not None or figure.at_least is not None]
    missed = [figure for figure in goals if figure.is_missed]
    print(f"\n{len(goals) - len(missed)} of {len(goals)} goals are met.")
    for figure in missed:
        print(f"missed: {figure.name}  {_shown(figure)}{f'  {figure.why}' if figure.why else ''}")
    return missed


def _shown(figure: Figure) -> str:
    goal = ""
    if figure.at_most is not None:
        goal = f"at most {_number(figure.at_most)}"
    elif figure.at_least is not None:
        goal = f"at least {_number(figure.at_least)}"
    verdict = "   MISSED" if figure.is_missed else ""
    return f"{_number(figure.value):>12} {figure.unit:<24} {goal}{verdict}".rstrip()


def _number(value: float) -> str:
    return (
        f"{value:,.0f}"
        if value == int(value) or abs(value) >= 1000
        else f"{value:,.3g}"
        if abs(value) < 10
        else f"{value:,.1f}"
    )


if __name__ == "__main__":
    sys.exit(main())
