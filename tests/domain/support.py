"""Expectations that the tables of the domain share."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from parley.errors import Error, Refusal
from parley.faces.errors import translate


@contextmanager
def refuses(error: Error, text: str = "") -> Iterator[None]:
    """What is done inside must be refused for this reason, and with this text for Chat if one is given."""
    with pytest.raises(Refusal) as caught:
        yield
    assert caught.value.error is error
    assert not text or translate("chat", caught.value).text == text
