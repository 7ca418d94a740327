"""Which way the client's imports point: the package's docstring has the order, and no import goes against it."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import pytest

import parley_client

PACKAGE = Path(parley_client.__file__).parent
MODULES = {path.stem: path for path in PACKAGE.glob("*.py") if path.stem != "__init__"}
# The indented lines of the docstring, from the client down.
ORDER = [line.split() for line in (parley_client.__doc__ or "").splitlines() if line.startswith("    ")]
LEVEL = {name: level for level, names in enumerate(ORDER) for name in names}


def imported(path: Path) -> set[str]:
    """All modules that a file imports, also inside of functions and for type checkers only."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {name.name for name in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path.name} imports relatively"
            is_package = node.module == "parley_client"
            found |= {f"parley_client.{name.name}" for name in node.names} if is_package else {node.module or ""}
    return found


def test_each_module_has_one_place_in_the_order():
    assert sorted(name for names in ORDER for name in names) == sorted(MODULES)


@pytest.mark.parametrize("name", sorted(MODULES))
def test_a_module_imports_only_modules_below_it(name: str):
    own = {other.partition(".")[2] for other in imported(MODULES[name]) if other.split(".")[0] == "parley_client"}
    assert {other for other in own if LEVEL.get(other, -1) <= LEVEL[name]} == set()


def test_the_client_needs_nothing_but_websockets():
    roots = {name.split(".")[0] for path in MODULES.values() for name in imported(path)}
    assert roots - set(sys.stdlib_module_names) == {"parley_client", "websockets"}
