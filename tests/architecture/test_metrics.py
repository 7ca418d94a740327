"""Metrics: each is documented, is counted somewhere, and has dimensions that no client chooses."""

from __future__ import annotations

import json
import re

import pytest

from local.home import REPOSITORY
from parley.metrics import COUNT, METRICS, MILLISECONDS, Metric
from tests.architecture.declared import RESOURCES

FUNCTIONS = {path.parent.name for path in (REPOSITORY / "functions").glob("*/app.py")}


def test_the_documented_metrics_are_the_metrics():
    text = (REPOSITORY / "docs" / "operating.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(\w+)` \| (Count|Milliseconds) \| ([\w, ]+) \| (.+) \|$", text, re.MULTILINE)
    assert rows == [(one.name, one.unit, one.functions.replace(" ", ", "), one.meaning) for one in METRICS]


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.name)
def test_a_metric_names_functions_that_exist_and_a_unit_that_cloudwatch_knows(metric: Metric):
    assert set(metric.functions.split()) <= FUNCTIONS
    assert metric.unit in (COUNT, MILLISECONDS)


def test_no_two_metrics_have_the_same_name():
    assert len({metric.name for metric in METRICS}) == len(METRICS)


def test_access_logs_have_the_request_id_that_no_client_can_choose():
    rest = RESOURCES["RestApi"]["Properties"]["AccessLogSetting"]["Format"]
    socket = RESOURCES["SocketApi"]["Properties"]["AccessLogSettings"]["Format"]
    for line in map(json.loads, (rest, socket)):
        assert line["request_id"] == "$context.extendedRequestId"
        assert "$context.requestId" not in line.values()
