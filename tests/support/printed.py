"""What functions print: log lines as they are formatted, and metrics, as CloudWatch would keep them."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest

from parley.log import logger
from tests.support.fakes import AUTH_TOKEN

# Stands in whatever a log may not hold: bodies, attributes, URLs, answers.
MARK = "UNSPEAKABLE"


class Printed:
    """Every line that functions print."""

    def __init__(self, logged: io.StringIO, capsys: pytest.CaptureFixture[str]):
        self._logged = logged
        self._capsys = capsys

    def take(self) -> list[dict[str, Any]]:
        """The lines since the last call; none of them holds what a log may not hold."""
        out, err = self._capsys.readouterr()
        text = self._logged.getvalue() + out
        self._logged.seek(0)
        self._logged.truncate()
        assert (MARK in text, AUTH_TOKEN in text, err) == (False, False, "")
        return [json.loads(line) for line in text.splitlines()]


@pytest.fixture
def printed(capsys: pytest.CaptureFixture[str]) -> Iterator[Printed]:
    logged = io.StringIO()
    handler = logger.registered_handler
    assert isinstance(handler, logging.StreamHandler)
    before = handler.setStream(logged)
    yield Printed(logged, capsys)
    handler.setStream(before)
