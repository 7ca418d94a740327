"""Measures everything that Parley claims about its speed and its cost, and prints each figure beside its goal.

    python -m bench [PART ...] [--counted] [--quick] [--publish]
    python -m bench --compare FOLDER FOLDER

Each part runs in a process of its own, one after the other. What it finds is written to `.parley/bench/<part>.json`.
With `--publish` it also replaces the published results in `bench/results`, and the pages and plots that show them.
The exit status is 1 if a count is higher than the published one, or misses its goal for no known reason. It is 2 if a
part could not be measured, or the plots not drawn, and 130 after Ctrl-C. `--compare` compares two runs and measures
nothing: the status is 1 unless all counts are equal and all ratios within a fifth.
"""

from __future__ import annotations

import argparse
import importlib
import os
import platform
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

# The package lies in the layer, where `python -m` would not look.
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "layers/common/python"))

from bench import pages
from bench.comparing import differences, grown
from bench.figures import COUNT, Figure, Findings
from bench.parts import PARTS, Part
from local.home import REPOSITORY

FOUND = REPOSITORY / ".parley" / "bench"
RESULTS = REPOSITORY / "bench" / "results"
_STOPPED = 130


def main(
    arguments: Sequence[str] | None = None,
    *,
    parts: Sequence[Part] = PARTS,
    run: Callable[[str, bool], bool] | None = None,
    found_in: Path = FOUND,
    published_in: Path = RESULTS,
) -> int:
    """Measure the parts that the arguments name, and print what was found; returns the exit status.

    `run` measures a part, quickly or not, and leaves what it finds in `found_in`; it returns whether that succeeded.
    """
    parser = argparse.ArgumentParser(
        prog="python -m bench",
        description="Measures what Parley claims.",
        epilog="parts:\n" + "\n".join(_explained(part) for part in parts),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    names = [part.name for part in parts]
    parser.add_argument("parts", nargs="*", metavar="PART", help="if none is named, all but those that say otherwise")
    parser.add_argument("--counted", action="store_true", help="only what is counted, and not timed")
    parser.add_argument("--quick", action="store_true", help="fewer rounds: shows that it works, and little more")
    parser.add_argument("--publish", action="store_true", help="replace the published results, pages and plots")
    parser.add_argument("--compare", nargs=2, type=Path, metavar="FOLDER", help="compare the results of two runs")
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if unknown := set(options.parts) - set(names):
        parser.error(f"no part is named {', '.join(sorted(unknown))}; there are {', '.join(names)}")
    if options.quick and options.publish:
        parser.error("quick results are not published")
    if options.compare:
        if options.parts or options.counted or options.quick or options.publish:
            parser.error("--compare measures nothing, so it goes with no part and no other option")
        if missing := [str(folder) for folder in options.compare if not folder.is_dir()]:
            parser.error(f"no folder: {', '.join(missing)}")
        return _compare(*options.compare)
    if options.counted and (timed := [part.name for part in parts if part.name in options.parts and not part.counted]):
        parser.error(f"--counted leaves out what is timed: {', '.join(timed)}")
    if options.inside:
        _measure(*options.parts, quick=options.quick)
        return 0
    try:
        return _measured(options, parts, run or _run, found_in, published_in)
    except KeyboardInterrupt:
        print("\nStopped.")
        return _STOPPED


def _measured(
    options: argparse.Namespace,
    parts: Sequence[Part],
    run: Callable[[str, bool], bool],
    found_in: Path,
    published_in: Path,
) -> int:
    """Measure the wanted parts, and print or publish what was found; returns the exit status."""
    named = [part for part in parts if (part.name in options.parts if options.parts else part.unnamed)]
    wanted = [part for part in named if part.counted or not options.counted]
    if options.quick and not options.parts:
        wanted = [part for part in wanted if part.quick]
    succeeds = {part.name: _shows(part, options.quick, run, found_in) for part in wanted}
    measured = [name for name, is_measured in succeeds.items() if is_measured]
    unmeasured = [name for name in succeeds if name not in measured]
    found = {name: found_in / f"{name}.json" for name in measured}
    missed = _summary([figure for path in found.values() for figure in Findings.load(path).figures])
    higher: list[str] = []
    is_drawn = True
    if options.publish:
        published_in.mkdir(exist_ok=True)
        for path in found.values():
            (published_in / path.name).write_bytes(path.read_bytes())
        is_drawn = pages.write()
    else:
        higher = _grown([path for part in wanted if part.counted and (path := found.get(part.name))], published_in)
    if unmeasured:
        print(f"\nNOT measured: {', '.join(unmeasured)}. The reason stands above.")
    if not is_drawn:
        print("\nNOT drawn: the plots. The reason stands above. The pages are written; make plots draws the plots.")
    if unmeasured or not is_drawn:
        return 2
    return 1 if higher or any(figure.kind == COUNT and not figure.why for figure in missed) else 0


def _explained(part: Part) -> str:
    """A line about a part, for the list in the help."""
    when = "" if part.unnamed else " (only if it is named)"
    when += "" if part.quick else " (not with --quick, unless it is named)"
    return f"  {part.name:<12}{part.says}{when}"


def _compare(first: Path, second: Path) -> int:
    """Print what two runs disagree on; returns the exit status."""
    found = differences(first, second)
    print("\n".join(found) or "Both runs agree on all counts, and within a fifth on all ratios.")
    return 1 if found else 0


def _grown(measured: list[Path], published_in: Path) -> list[str]:
    """Print which counts are higher than the published ones; returns them."""
    found = [text for path in measured for text in grown(published_in / path.name, path)]
    for text in found:
        print(f"grown: {text}")
    if found:
        print('If that is meant, make bench BENCH="--counted --publish" publishes it.')
    return found


def _measure(name: str, *, quick: bool) -> None:
    found = importlib.import_module(f"bench.{name}").measure(quick)
    cores = str(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count())
    about = {
        "date": time.strftime("%Y-%m-%d"),
        "machine": f"{cores} cores, {platform.system()} on {platform.machine()}",
        "python": platform.python_version(),
    }
    if quick:
        about["quick"] = "yes"
    found.save(FOUND / f"{name}.json", **about)


def _run(name: str, quick: bool) -> bool:
    """Measure a part in a process of its own; returns whether that succeeded.

    Ctrl-C reaches that process too. It stops the servers that it has started, so this waits until it has ended.
    """
    command = [sys.executable, "-m", "bench", name, "--inside", *(["--quick"] if quick else [])]
    with subprocess.Popen(command, cwd=REPOSITORY) as process:
        try:
            return process.wait() == 0
        except KeyboardInterrupt:
            process.wait()
            raise


def _shows(part: Part, quick: bool, run: Callable[[str, bool], bool], found_in: Path) -> bool:
    """Measure a part, and print its figures; False if that failed."""
    print(f"\n== {part.name}: {part.says} ==", flush=True)
    started = time.monotonic()
    if not run(part.name, quick):
        return False
    found = Findings.load(found_in / f"{part.name}.json")
    width = max((len(figure.name) for figure in found.figures), default=0)
    for figure in found.figures:
        print(f"{figure.name:<{width}}  {_shown(figure)}")
    for note in found.notes:
        print(note)
    print(f"({time.monotonic() - started:.0f} s)")
    return True


def _summary(figures: list[Figure]) -> list[Figure]:
    """Print which goals were met and which were missed; returns the missed ones."""
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
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        # A part of its own process: the process that waits for it says so.
        sys.exit(_STOPPED)
