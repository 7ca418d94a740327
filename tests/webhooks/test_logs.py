"""Logs of webhooks: they have the outcome of each delivery, and never a body or a secret."""

from __future__ import annotations

import json
from typing import Any

import pytest

from parley.ports.http.outgoing import NoAnswer, Response, TargetRefused
from tests.ports.fakes import FakeOutgoing
from tests.support.printed import MARK, Printed
from tests.webhooks.function import Remaining, WebhooksFunction, queued
from tests.webhooks.owner import Owner
from tests.webhooks.scenes import Scene

URL = f"https://example.com/{MARK}?key={MARK}"


def said(scene: Scene) -> dict[str, Any]:
    scene.owner.configure(PostWebhookUrl=URL, WebhookFilters=["onMessageSent"])
    message = {"Body": MARK, "Attributes": json.dumps(MARK)}
    return scene.owner.post(f"{scene.path}/Messages", **message)


def fake(webhooks: WebhooksFunction) -> FakeOutgoing:
    assert isinstance(webhooks.outgoing, FakeOutgoing)
    return webhooks.outgoing


OUTCOMES: list[tuple[Any, str, int, int | None]] = [
    (Response(200, {"x": MARK}, MARK.encode()), "delivered", 200, None),
    (Response(404, {"location": MARK}, MARK.encode()), "rejected", 404, 50057),
    (Response(500, {}, MARK.encode()), "failed", 500, 50057),
    (Response(503, {}, MARK.encode()), "unreachable", 503, 50076),
    (NoAnswer("timeout"), "unreachable", 0, 50076),
    (TargetRefused("the URL leads to an address that is not public"), "failed", 0, 50057),
]


@pytest.mark.parametrize(("answer", "outcome", "status", "code"), OUTCOMES, ids=lambda value: str(value)[:20])
def test_a_delivery_is_logged_with_sids_status_and_duration_and_nothing_that_was_said(
    owner: Owner, silent: WebhooksFunction, printed: Printed, answer: Any, outcome: str, status: int, code: int | None
) -> None:
    """The duration was missing."""
    scene = Scene(owner)
    message = said(scene)
    (delivery,) = silent.planned()
    fake(silent).answer = answer
    printed.take()
    silent.deliver(delivery, receives=3)
    line, *metrics = printed.take()
    assert line["level"] == ("INFO" if code is None else "WARNING")
    assert (line["outcome"], line["status"], line.get("code")) == (outcome, status, code)
    assert (line["delivery"], line["attempt"]) == (delivery["id"], 2)
    assert (line["InstanceSid"], line["ChannelSid"], line["MessageSid"]) == (owner.sid, scene.channel, message["sid"])
    assert line["EventType"] == "onMessageSent"
    assert isinstance(line["duration_ms"], int) and 0 <= line["duration_ms"] < 5_000
    assert metrics == []


def test_the_metrics_tell_what_was_delivered_retried_and_parked_and_how_long_it_took(
    owner: Owner, silent: WebhooksFunction, printed: Printed
) -> None:
    said(Scene(owner))
    (delivery,) = silent.planned()
    for answer, old in ((200, False), (404, False), (500, False), (503, False), (500, True)):
        fake(silent).answer = Response(answer, {}, b"")
        silent.deliver({**delivery, "planned_at": 0} if old else delivery)
    counts = [name for name, _ in silent.counted]
    outcomes = ["Delivered", "Rejected", "Failed", "Unreachable", "Retried", "Retried", "Failed", "Parked"]
    assert sorted(counts) == sorted(f"Webhook{name}" for name in ["Duration"] * 5 + outcomes)
    assert printed.take()


def test_metrics_are_printed_in_the_form_that_cloudwatch_reads(
    owner: Owner, silent: WebhooksFunction, printed: Printed
) -> None:
    said(Scene(owner))
    (delivery,) = silent.planned()
    silent.is_writing_metrics = True
    printed.take()
    silent.deliver(delivery)
    (line,) = [line for line in printed.take() if "_aws" in line]
    assert line["_aws"]["CloudWatchMetrics"][0]["Namespace"] == "Parley"
    assert line["WebhookDelivered"] == [1.0]
    assert len(line["WebhookDuration"]) == 1


def test_an_error_of_the_webhooks_function_is_logged_without_what_people_wrote(
    owner: Owner, silent: WebhooksFunction, printed: Printed
) -> None:
    scene = Scene(owner)
    said(scene)
    changes = silent.new_changes()
    silent.deliveries.broken = True
    with pytest.raises(Exception, match="not queued"):
        silent.planned(changes)
    silent.deliveries.broken = False
    (delivery,) = silent.planned(changes)
    printed.take()
    fake(silent).answer = RuntimeError("a defect")
    assert silent.deliver(delivery) == [delivery["id"]]
    unreadable = {**queued(delivery), "body": json.dumps(delivery)[:-1]}
    assert silent.handler({"Records": [unreadable]}, Remaining())["batchItemFailures"]
    incomplete = {name: value for name, value in delivery.items() if name != "retries"}
    fake(silent).answer = Response(500, {}, b"")
    assert silent.deliver(incomplete) == [delivery["id"]]
    errors = [line for line in printed.take() if line["level"] == "ERROR"]
    assert [line["exception_name"] for line in errors] == ["RuntimeError", "JSONDecodeError", "KeyError"]


def test_a_change_that_cannot_be_planned_is_logged_without_what_was_said(
    owner: Owner, silent: WebhooksFunction, printed: Printed
) -> None:
    scene = Scene(owner)
    said(scene)
    change = silent.new_changes()[-1]
    del change["dynamodb"]["NewImage"]["index"], change["dynamodb"]["NewImage"]["service_sid"]
    answer = silent.handler({"Records": [change]}, Remaining())
    assert answer["batchItemFailures"] == [{"itemIdentifier": change["dynamodb"]["SequenceNumber"]}]
    assert printed.take()[-1]["message"] == "change cannot be planned"


def test_a_parked_delivery_is_logged_with_its_age_and_token(
    owner: Owner, silent: WebhooksFunction, printed: Printed
) -> None:
    said(Scene(owner))
    (delivery,) = silent.planned()
    fake(silent).answer = Response(500, {}, b"")
    silent.deliver({**delivery, "planned_at": delivery["planned_at"] - 86_400_000})
    (line,) = [line for line in printed.take() if line["message"] == "webhook parked"]
    assert (line["delivery"], line["age_seconds"]) == (delivery["id"], 86_400)


@pytest.mark.parametrize(
    "answer",
    [
        Response(200, {"content-type": "application/json"}, json.dumps({"body": MARK}).encode()),
        Response(200, {"content-type": "application/json"}, MARK.encode()),
        Response(200, {"content-type": "application/json"}, json.dumps({"attributes": MARK}).encode()),
        Response(403, {}, MARK.encode()),
        NoAnswer("timeout"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_a_pre_event_is_logged_without_question_and_answer(asked: Owner, printed: Printed, answer: Any) -> None:
    scene = Scene(asked)
    asked.configure(PreWebhookUrl=URL, WebhookFilters=["onMessageSend"])
    outgoing = asked.deployment.runtime.outgoing
    assert isinstance(outgoing, FakeOutgoing)
    outgoing.answer = answer
    _ = scene.alice
    printed.take()
    scene.alice.ask("sendMessage", channel="room", body=MARK, attributes=json.dumps(MARK))
    lines = printed.take()
    assert lines[0]["message"] == "webhook"
    assert {line["EventType"] for line in lines if line["message"] == "webhook"} == {"onMessageSend"}
