"""Marks that say which published operations a test proves: `@pytest.mark.proves("v2:CreateChannel")`.

A mark cannot lie: a test that carries it and passes without having had a successful answer, checked against the contract,
to each operation it names, fails after all. What its fixtures asked does not count. `docs/coverage.md` lists the marks.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable
from typing import Any

import pytest

from tests.published import checker


class NotProven(AssertionError):
    """A test is marked to prove what it did not do."""


def require_proof(claimed: Iterable[str], answered: Iterable[str]) -> None:
    """Raise `NotProven` unless every claimed operation was answered."""
    if missing := sorted(set(claimed) - set(answered)):
        raise NotProven(f"marked to prove {', '.join(missing)}, but had no successful answer to it")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, Any, Any]:
    checker.answered.clear()
    result = yield
    claimed = [name for mark in item.iter_markers("proves") for name in mark.args]
    require_proof(claimed, checker.answered)
    return result
