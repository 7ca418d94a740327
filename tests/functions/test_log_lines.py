"""The functions' log lines as Lambda and CloudWatch read them."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Iterator

import pytest

from parley.log import logger
from parley.runtime import Runtime
from parley.settings import Settings


@pytest.fixture(autouse=True)
def usual_level() -> Iterator[None]:
    yield
    logger.setLevel("INFO")


@pytest.mark.parametrize(
    ("setting", "expected"),
    [("INFO", {"INFO", "WARNING", "ERROR"}), ("WARN", {"WARNING", "ERROR"}), ("ERROR", {"ERROR"})],
)
def test_a_function_logs_lines_of_the_level_in_its_settings_and_worse(setting: str, expected: set[str]):
    Runtime(Settings.from_environment({"PARLEY_LOG_LEVEL": setting}))
    levels = {"DEBUG", "INFO", "WARNING", "ERROR"}
    assert {level for level in levels if logger.isEnabledFor(logging.getLevelName(level))} == expected


def test_a_line_has_a_level_and_a_time_of_the_form_that_lambda_demands():
    record = logging.LogRecord("parley", logging.WARNING, __file__, 1, "socket refused", None, None)
    line = json.loads(logger.registered_formatter.format(record))
    assert line["level"] == "WARNING"
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+00:00", line["timestamp"])
