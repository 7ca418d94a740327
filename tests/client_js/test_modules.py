"""How the JavaScript client is put together: small modules behind one entry, which import one another in one direction."""

from __future__ import annotations

import json
import re
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

from local.home import REPOSITORY

CLIENT = REPOSITORY / "clients" / "js"
ENTRY = CLIENT / "parley.js"
MODULES = [ENTRY, *sorted((CLIENT / "parley").glob("*.js"))]
MOST_LINES = 400

_COMMENT = re.compile(r"/\*.*?\*/|^\s*//[^\n]*", re.S | re.M)
_FROM = re.compile(r"^(?:import|export) (?:\{[^}]*\}|\* as \w+|\*|\w+) from \"([^\"]+)\";$", re.M)
_ANY_IMPORT = re.compile(r"^import\b|^export\b.*\bfrom\b|\bimport\s*\(|\brequire\s*\(", re.M)

every_module = pytest.mark.parametrize("module", MODULES, ids=lambda path: path.name)


def code(module: Path) -> str:
    """A module without its comments."""
    return _COMMENT.sub("", module.read_text(encoding="utf-8"))


def imports(module: Path) -> list[str]:
    """What a module imports, or exports from elsewhere, as it is written there."""
    return _FROM.findall(code(module))


def order(graph: dict[str, list[str]]) -> list[str]:
    """The modules, each after those that it imports; fails on a circle."""
    return list(TopologicalSorter(graph).static_order())


@every_module
def test_a_module_has_at_most_four_hundred_lines(module: Path) -> None:
    assert len(module.read_text(encoding="utf-8").splitlines()) <= MOST_LINES


@every_module
def test_a_module_imports_other_modules_of_the_client_only_and_by_their_place(module: Path) -> None:
    text = code(module)
    assert len(_ANY_IMPORT.findall(re.sub(r"\{[^}]*\}", "{}", text))) == len(imports(module))
    for place in imports(module):
        assert place.startswith("./")
        assert (module.parent / place).resolve() in MODULES


def test_no_module_imports_itself_by_way_of_others() -> None:
    graph = {
        module.name: [(module.parent / place).resolve().name for place in imports(module)]
        for module in MODULES
        if module != ENTRY
    }
    assert set(order(graph)) == {module.name for module in MODULES if module != ENTRY}


def test_a_circle_would_be_found() -> None:
    with pytest.raises(CycleError):
        order({"one.js": ["other.js"], "other.js": ["one.js"]})


def test_every_module_is_reached_from_the_entry() -> None:
    reached: set[Path] = set()
    waiting = [ENTRY]
    while waiting:
        module = waiting.pop()
        if module not in reached:
            reached.add(module)
            waiting += [(module.parent / place).resolve() for place in imports(module)]
    assert reached == set(MODULES)


def test_the_package_contains_every_module_and_the_types() -> None:
    packed = json.loads((CLIENT / "package.json").read_text(encoding="utf-8"))["files"]
    for path in (*MODULES, CLIENT / "parley.d.ts"):
        assert path.relative_to(CLIENT).parts[0] in packed
