"""Compares two runs: counts must be equal, ratios within a fifth, and times say nothing."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from bench.figures import COUNT, RATIO, Figure, Findings

_NEAR = 0.2
# What is counted as a fraction is the same if it is the same to so many places.
_EXACT = 1e-9


def differences(first: Path, second: Path) -> list[str]:
    """What two folders of results disagree on, a sentence each."""
    names = sorted({path.name for folder in (first, second) for path in folder.glob("*.json")})
    found = []
    for name in names:
        missing = [folder for folder in (first, second) if not (folder / name).exists()]
        if missing:
            found.append(f"{name} is not in {missing[0]}")
        else:
            quick = [folder for folder in (first, second) if "quick" in Findings.load(folder / name).about]
            found += [f"{name}: the results in {folder} are of a quick run" for folder in quick]
            found += [f"{name}: {text}" for text in _unlike(_figures(first / name), _figures(second / name))]
    if not names:
        found.append(f"there are no results in {first} and {second}")
    return found


def grown(published: Path, found: Path) -> list[str]:
    """The counts that are higher than the published ones, a sentence each. A goal that is met is limit enough."""
    if not published.exists():
        return []
    before, after = _figures(published), _figures(found)
    return [
        f"{name}: {figure.value:g} {figure.unit}, and {before[name].value:g} are published"
        for name, figure in after.items()
        if name in before and _has_no_limit(figure) and figure.value > before[name].value * (1 + _EXACT)
    ]


def _has_no_limit(figure: Figure) -> bool:
    has_goal = figure.at_most is not None or figure.at_least is not None
    return figure.kind == COUNT and (figure.is_missed or not has_goal)


def _figures(path: Path) -> dict[str, Figure]:
    return {figure.name: figure for figure in Findings.load(path).figures}


def _unlike(first: Mapping[str, Figure], second: Mapping[str, Figure]) -> list[str]:
    found = [f"only one run has {name}" for name in sorted(first.keys() ^ second.keys())]
    for name in first.keys() & second.keys():
        one, other = first[name].value, second[name].value
        allowed = {COUNT: _EXACT, RATIO: _NEAR}.get(first[name].kind)
        if allowed is not None and abs(one - other) > allowed * min(abs(one), abs(other)):
            found.append(f"{name}: {one:g} and {other:g} {first[name].unit}")
    return sorted(found)
