"""Marks that say which actions and events a test proves: `@pytest.mark.converses("sendMessage", "messageAdded")`.

As with the marks of REST (`tests/support/proofs.py`), one that lies fails: a test that carries it and passes without having done
each action it names, with success, and without having heard each event. What its fixtures did and heard does not count.
"""

from __future__ import annotations

import ast
from collections.abc import Generator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from tests.sockets.deployment import conversed
from tests.support.proofs import require_proof


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "converses(*names): the actions that the test does and the events that it hears")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, Any, Any]:
    conversed.clear()
    result = yield
    require_proof([name for mark in item.iter_markers("converses") for name in mark.args], conversed)
    return result


@cache
def proven() -> frozenset[str]:
    """The names on the marks of this folder."""
    trees = [ast.parse(file.read_text(encoding="utf-8")) for file in Path(__file__).parent.rglob("test_*.py")]
    calls = [node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Call)]
    marks = [call for call in calls if ast.unparse(call.func) == "pytest.mark.converses"]
    return frozenset(ast.literal_eval(name) for mark in marks for name in mark.args)
