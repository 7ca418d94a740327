"""Alarms and the dashboard: what is watched, what somebody is told, and what watching costs."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from parley.metrics import METRICS
from tests.architecture.declared import QUEUES, ROOT, dead_letter_queues, nested


def name_of(queue: str) -> Any:
    """What names a queue in the words of template.yaml."""
    return QUEUES[queue].get("QueueName", {"Fn::GetAtt": [queue, "QueueName"]})


def alarms() -> dict[str, dict[str, Any]]:
    return {
        name: spec["Properties"] for name, spec in nested("Watch").items() if spec["Type"] == "AWS::CloudWatch::Alarm"
    }


@pytest.mark.parametrize("queue", QUEUES)
def test_every_queue_is_watched(queue: str):
    name = [{"Name": "QueueName", "Value": name_of(queue)}]
    assert name in [alarm.get("Dimensions") for alarm in alarms().values()]


def watched_metrics() -> set[tuple[str, str, str]]:
    """The alarms that watch a metric, its name, and the function that counts it, for Parley's own metrics."""
    found = set()
    for name, alarm in alarms().items():
        metrics = [entry.get("MetricStat", {}).get("Metric", {}) for entry in alarm.get("Metrics", [])]
        for metric in metrics or [alarm]:
            if metric.get("Namespace") == {"Fn::Sub": "Parley/${AWS::StackName}"}:
                (service,) = (one["Value"] for one in metric["Dimensions"] if one["Name"] == "service")
                found.add((name, metric["MetricName"], service))
    return found


def shown_metrics() -> set[tuple[str, str]]:
    """The names of Parley's own metrics on the dashboard, with the function that counts each."""
    body = nested("Watch")["Dashboard"]["Properties"]["DashboardBody"]["Fn::Sub"]
    found = set()
    for widget in json.loads(body)["widgets"]:
        before: list[Any] = []
        for line in widget["properties"]["metrics"]:
            said = [part for part in line if not isinstance(part, dict)]
            if said[0] == "...":
                said = before[: len(before) - len(said) + 1] + said[1:]
            before = [before[place] if part == "." else part for place, part in enumerate(said)]
            if before[0].startswith("Parley/"):
                found.add((before[1], before[3]))
    return found


COUNTED = {(metric.name, function) for metric in METRICS for function in metric.functions.split()}


def test_alarms_and_the_dashboard_name_metrics_that_the_functions_count():
    assert {(name, function) for _, name, function in watched_metrics()} <= COUNTED
    assert shown_metrics() <= COUNTED and len(shown_metrics()) > 10


@pytest.mark.parametrize(
    ("alarm", "metric"), [("DroppedPushesAlarm", "PushesDropped"), ("TableThrottlesAlarm", "TableThrottles")]
)
def test_an_alarm_watches_every_function_that_counts_its_metric(alarm: str, metric: str):
    watched = {function for name, _, function in watched_metrics() if name == alarm}
    assert watched == {function for name, function in COUNTED if name == metric}


def test_slow_answers_errors_on_sockets_and_changes_that_wait_raise_alarms():
    simple = {(alarm.get("MetricName"), alarm.get("ExtendedStatistic")) for alarm in alarms().values()}
    assert {("Latency", "p99"), ("IteratorAge", None), ("5XXError", None)} <= simple
    sockets = {
        entry["MetricStat"]["Metric"]["MetricName"]
        for entry in alarms()["SocketErrorsAlarm"]["Metrics"]
        if "MetricStat" in entry
    }
    assert sockets == {"ExecutionError", "IntegrationError", "ServerErrors"}


def test_the_page_about_costs_counts_the_metrics_that_alarms_watch():
    page = (ROOT / "docs/cost.md").read_text()
    watched = {True: 0, False: 0}
    for name, alarm in alarms().items():
        metrics = sum("MetricStat" in one for one in alarm.get("Metrics", []))
        watched[nested("Watch")[name].get("Condition") == "HasPhones"] += max(1, metrics)
    assert f"| alarms: {watched[False]} metrics, $0.10 each | ${watched[False] / 10:.2f} |" in page
    more = f"alarms over {watched[True]} more metrics, $0.10 each | ${watched[True] / 10:.2f} |"
    assert f"| with `Phones`: {more}" in page


def test_the_price_of_a_stack_that_nobody_uses_is_the_sum_of_its_parts():
    page = (ROOT / "docs/cost.md").read_text().partition("## A stack that nobody uses")[2]
    parts = re.findall(r"^\| (.*) \| \$(\d+\.\d\d) \|$", page, re.MULTILINE)
    total = sum(float(price) for part, price in parts if not part.startswith("with "))
    assert f"Together that is some ${total:.0f}," in page
    assert f"[${total:.0f} a month]" in (ROOT / "README.md").read_text()


@pytest.mark.parametrize("name", alarms())
def test_an_alarm_tells_somebody_what_to_think_of_it(name: str):
    assert alarms()[name]["AlarmDescription"] and alarms()[name]["TreatMissingData"] == "notBreaching"
    assert f"`{name}`" in (ROOT / "docs/operating.md").read_text(), "docs/operating.md says what to do"
    assert alarms()[name]["AlarmActions"]["Fn::If"][0] == "HasAlarmTarget"


@pytest.mark.parametrize("queue", sorted(dead_letter_queues()))
def test_a_dead_letter_queue_keeps_messages_as_long_as_possible_and_raises_an_alarm(queue: str):
    assert QUEUES[queue]["MessageRetentionPeriod"] == 14 * 24 * 3600
    watched = [alarm.get("Dimensions") for alarm in alarms().values()]
    assert [{"Name": "QueueName", "Value": name_of(queue)}] in watched
