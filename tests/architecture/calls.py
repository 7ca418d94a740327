"""Finds the errors that a function can raise, by a call graph over the syntax trees of the package.

A name leads to its definition, through imports too. A method's name leads to every method of that name: rather too many
than too few. Connections that only data makes (an operation in a table, a kind in a form) are given as roots.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

from local.home import REPOSITORY

PACKAGE = REPOSITORY / "layers" / "common" / "python" / "parley"
ERRORS = "parley.errors"
# The constants of these packages are data about all requests, so they are not followed. The methods of their kinds are
# given as roots.
_DECLARING = ("parley.records", "parley.faces")
# The packages whose code is followed. Code above operations is given as roots.
_FOLLOWED = ("operations", "domain", "records", "store", "rest", "faces", "webhooks")


class _Module:
    """One module: what its names mean, and what each of its functions and constants mentions."""

    def __init__(self, path: Path):
        parts = path.relative_to(PACKAGE).with_suffix("").parts
        self.name = ".".join(("parley", *(parts[:-1] if parts[-1] == "__init__" else parts)))
        self.meanings: dict[str, str] = {}
        self.nodes: dict[str, ast.AST] = {}
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom):
                for alias in node.names:
                    self.meanings[alias.asname or alias.name] = f"{node.module}.{alias.name}"
        for name, node in self._declared(tree):
            self.nodes[f"{self.name}.{name}"] = node
            self.meanings.setdefault(name.partition(".")[0], f"{self.name}.{name.partition('.')[0]}")

    def _declared(self, tree: ast.Module) -> Iterator[tuple[str, ast.AST]]:
        for node in tree.body:
            if isinstance(node, ast.FunctionDef):
                yield node.name, node
            elif isinstance(node, ast.ClassDef):
                for part in node.body:
                    if isinstance(part, ast.FunctionDef):
                        yield f"{node.name}.{part.name}", part
            elif isinstance(node, ast.Assign | ast.AnnAssign) and not self.name.startswith(_DECLARING):
                targets = node.targets if isinstance(node, ast.Assign) else [node.target]
                yield from ((target.id, node) for target in targets if isinstance(target, ast.Name))

    def mentioned(self, node: ast.AST) -> set[str]:
        """Full names that a function mentions, and `.name` for what may be a method."""
        found = set()
        for part in ast.walk(node):
            if isinstance(part, ast.Name) and part.id in self.meanings:
                found.add(self.meanings[part.id])
            elif isinstance(part, ast.Attribute):
                base = self.meanings.get(part.value.id) if isinstance(part.value, ast.Name) else None
                found.add(f"{base}.{part.attr}" if base else f".{part.attr}")
        return found


@cache
def _graph() -> dict[str, frozenset[str]]:
    paths = [path for folder in _FOLLOWED for path in sorted((PACKAGE / folder).rglob("*.py"))]
    modules = [_Module(path) for path in paths]
    nodes = {name for module in modules for name in module.nodes}
    declared_in = {module.name for module in modules}
    methods: dict[str, set[str]] = {}
    for name in nodes:
        if name.rpartition(".")[0] not in declared_in and not name.startswith("parley.records.kinds."):
            methods.setdefault("." + name.rpartition(".")[2], set()).add(name)
    graph = {}
    for module in modules:
        for name, node in module.nodes.items():
            mentioned = module.mentioned(node)
            called = {called for each in mentioned for called in methods.get(each, ())}
            graph[name] = frozenset((mentioned & nodes) | called | {each for each in mentioned if _is_error(each)})
    return graph


def _is_error(name: str) -> bool:
    return name.startswith(f"{ERRORS}.") and name.rpartition(".")[2].isupper()


def errors_within(roots: Iterable[str]) -> set[str]:
    """The names of the errors that functions mention, themselves or in functions that they call."""
    graph = _graph()
    seen: set[str] = set()
    waiting = list(roots)
    while waiting:
        name = waiting.pop()
        if name not in seen:
            seen.add(name)
            waiting += graph.get(name, ())
    return {name.rpartition(".")[2] for name in seen if _is_error(name)}


def is_known(name: str) -> bool:
    """Whether a root is in the graph."""
    return name in _graph()
