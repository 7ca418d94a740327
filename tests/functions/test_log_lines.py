"""The functions' log lines as Lambda and CloudWatch read them."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Iterator

import pytest

from parley.log import logger
from parley.metrics import REQUESTS, count
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


@pytest.mark.parametrize("level", ["INFO", "WARN", "ERROR"])
def test_metrics_are_written_whatever_level_is_chosen(level: str, capsys: pytest.CaptureFixture[str]):
    runtime = Runtime(Settings.from_environment({"PARLEY_LOG_LEVEL": level, "POWERTOOLS_SERVICE_NAME": "rest_api"}))
    with runtime.invocation({}, None):
        count(REQUESTS)
    line = json.loads(capsys.readouterr().out)
    assert (line["service"], line["Requests"]) == ("rest_api", [1])
    # CloudWatch reads metrics from a line with `_aws`, and Lambda takes a line without a level for INFO.
    assert "_aws" in line and "level" not in line
