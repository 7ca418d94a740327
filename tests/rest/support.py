"""What these tests have in common: a refusal that must leave everything as it was."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from tests.doors import Raw


@contextmanager
def unchanged(raw: Raw, *paths: str) -> Iterator[None]:
    """What is done inside must leave the answers to these GET requests as they were."""
    before = [raw.get(path) for path in paths]
    yield
    assert [raw.get(path) for path in paths] == before
