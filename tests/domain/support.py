"""Expectations that the tables of the domain share."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from parley.errors import Error, Refusal


@contextmanager
def refuses(error: Error, text: str = "") -> Iterator[None]:
    """What is done inside must be refused with this row of the error table, and this text if one is given."""
    with pytest.raises(Refusal) as caught:
        yield
    assert caught.value.error is error
    assert str(caught.value) == text or not text
