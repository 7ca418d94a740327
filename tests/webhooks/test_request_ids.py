"""The request id leads from a REST request or a frame to everything that followed from it, in every line of the log."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from parley.ports.http.outgoing import Response
from parley.store.changes import request_id_in
from tests.ports.fakes import FakeOutgoing
from tests.sockets.deployment import Device, sample
from tests.support.printed import MARK, Printed
from tests.webhooks.function import Remaining, WebhooksFunction, queued
from tests.webhooks.owner import Owner
from tests.webhooks.scenes import Scene

HEADER = "Twilio-Request-Id"


@pytest.fixture
def scene(owner: Owner) -> Scene:
    owner.configure(PostWebhookUrl="https://example.com/hook", WebhookFilters=["onMessageSent"])
    return Scene(owner)


def requested(outgoing: Any) -> dict[str, str]:
    """The headers of the only request."""
    assert isinstance(outgoing, FakeOutgoing)
    (request,) = outgoing.requests
    return request.headers


def by_rest(scene: Scene, listener: Device) -> str:
    answer = scene.owner.house.rest("POST", f"{scene.owner.path}{scene.path}/Messages", {"Body": MARK}, **ENABLED)
    return str(answer.headers["twilio-request-id"])


def by_socket(scene: Scene, listener: Device) -> str:
    listener.done("sendMessage", channel="room", body=MARK)
    return scene.owner.deployment.last_request_id


ENABLED: Any = {"headers": {"X-Twilio-Webhook-Enabled": "true"}}


@pytest.mark.parametrize("act", [by_rest, by_socket])
def test_a_request_id_is_in_the_cause_the_line_about_pushes_the_queue_the_attempt_and_its_line(
    scene: Scene, silent: WebhooksFunction, printed: Printed, act: Callable[[Scene, Device], str]
):
    alice = scene.alice
    alice.heard()
    silent.skip_stream()
    printed.take()
    request_id = act(scene, alice)
    (record,) = [one for one in silent.new_changes() if request_id_in(one)]
    assert request_id_in(record) == request_id
    assert [line["request_id"] for line in printed.take()] == ([request_id] if act is by_rest else [])
    assert alice.events() == ["messageAdded"]
    assert [line["request_ids"] for line in printed.take() if line["message"] == "pushed"] == [[request_id]]
    (delivery,) = silent.planned([record])
    assert delivery["request_id"] == request_id
    assert silent.deliver(delivery) == []
    assert requested(silent.outgoing)[HEADER] == request_id
    assert [line["request_id"] for line in printed.take() if line["message"] == "webhook"] == [request_id]


def test_a_batch_of_changes_names_the_request_of_each(scene: Scene, silent: WebhooksFunction, printed: Printed):
    alice = scene.alice
    alice.heard()
    silent.skip_stream()
    printed.take()
    request_ids = [by_rest(scene, alice), by_socket(scene, alice), by_rest(scene, alice)]
    alice.heard()
    (line,) = [line for line in printed.take() if line["message"] == "pushed"]
    assert line["request_ids"] == request_ids
    assert [one["request_id"] for one in silent.planned()] == request_ids


def test_attempts_in_one_batch_are_logged_under_their_own_requests(
    scene: Scene, silent: WebhooksFunction, printed: Printed
):
    alice = scene.alice
    silent.skip_stream()
    request_ids = [by_rest(scene, alice), by_rest(scene, alice)]
    first, second = silent.planned()
    # Two groups run side by side.
    second["group"] = "another group"
    printed.take()
    silent.deliver(first, second)
    lines = {line["delivery"]: line["request_id"] for line in printed.take() if line["message"] == "webhook"}
    assert lines == {first["id"]: request_ids[0], second["id"]: request_ids[1]}


def test_a_delivery_that_comes_back_is_parked_under_the_request_that_it_began_with(
    scene: Scene, silent: WebhooksFunction, printed: Printed
):
    silent.skip_stream()
    request_id = by_rest(scene, scene.alice)
    (delivery,) = silent.planned()
    assert isinstance(silent.outgoing, FakeOutgoing)
    silent.outgoing.answer = Response(500, {}, b"")
    silent.deliver({**delivery, "planned_at": 0})
    (parked,) = silent.dead_letters.take()
    assert parked["request_id"] == request_id
    assert {line["request_id"] for line in printed.take() if line["message"] == "webhook parked"} == {request_id}


def test_a_pre_event_is_asked_and_logged_under_the_request_that_asks(asked: Owner, printed: Printed):
    scene = Scene(asked)
    asked.configure(PreWebhookUrl="https://example.com/hook", WebhookFilters=["onMessageSend"])
    alice = scene.alice
    printed.take()
    request_id = by_socket(scene, alice)
    assert requested(asked.deployment.runtime.outgoing)[HEADER] == request_id
    assert [line["request_id"] for line in printed.take() if line["message"] == "webhook"] == [request_id]


def test_each_write_of_a_job_has_the_id_of_the_request_that_began_the_job(scene: Scene, silent: WebhooksFunction):
    """A user's deletion is swept by jobs: each member that they remove has the id of the deletion in its cause."""
    silent.skip_stream()
    answer = scene.owner.house.rest("DELETE", f"{scene.owner.path}/Users/bob")
    before = len(scene.owner.deployment.read_stream())
    assert silent.sweep_all() > 0
    written = scene.owner.deployment.read_stream()[before:]
    assert {request_id_in(one) for one in written if request_id_in(one)} == {answer.headers["twilio-request-id"]}


def test_a_change_that_cannot_be_planned_or_pushed_is_logged_under_its_request(
    scene: Scene, silent: WebhooksFunction, printed: Printed
):
    silent.skip_stream()
    request_id = by_rest(scene, scene.alice)
    record = silent.new_changes()[-1]
    del record["dynamodb"]["NewImage"]["service_sid"]
    printed.take()
    assert silent.handler({"Records": [record]}, Remaining())["batchItemFailures"]
    assert scene.owner.deployment.fan_out_handler({"Records": [record]})["batchItemFailures"]
    assert [(line["message"], line["request_id"]) for line in printed.take()] == [
        ("change cannot be planned", request_id),
        ("change cannot be pushed", request_id),
    ]


def test_a_job_that_fails_is_logged_under_its_request(scene: Scene, silent: WebhooksFunction, printed: Printed):
    silent.skip_stream()
    request_id = by_rest(scene, scene.alice)
    (delivery,) = silent.planned()
    assert isinstance(silent.outgoing, FakeOutgoing)
    silent.outgoing.answer = RuntimeError("a defect")
    printed.take()
    silent.deliver(delivery)
    assert [line["request_id"] for line in printed.take()] == [request_id]


class Invocation(Remaining):
    """Lambda's view of one call."""

    aws_request_id = "0d1c8b5e-6b0e-4a3f-9a3e-2f5b1c7d9e10"


def test_work_that_no_request_asked_for_is_logged_under_lambdas_own_id(
    scene: Scene, silent: WebhooksFunction, printed: Printed
):
    _ = scene.alice
    scene.owner.clock.advance(3601)
    printed.take()
    assert scene.owner.deployment.fan_out_handler(sample("fan_out_minute"), Invocation()) == {}
    unreadable = {**queued({"id": "one", "group": "one"}), "body": "{"}
    silent.handler({"Records": [unreadable]}, Invocation())
    lines = printed.take()
    assert [line["message"] for line in lines] == ["connections ended", "queued work failed"]
    assert {line["request_id"] for line in lines} == {Invocation.aws_request_id}


def test_a_refused_socket_is_logged_under_its_handshake(scene: Scene, printed: Printed):
    printed.take()
    _, answer = scene.owner.deployment.open(token="not a token")
    assert answer["statusCode"] == 401
    assert [line["request_id"] for line in printed.take()] == [scene.owner.deployment.last_request_id]


@pytest.mark.parametrize("path", ["/chat/v2/Services", "/chat/v2/Services/IS0", "/nowhere"])
def test_every_answer_names_its_request(owner: Owner, path: str):
    first, second = (owner.house.rest("GET", path).headers["twilio-request-id"] for _ in range(2))
    assert first and first != second


def test_a_client_cannot_choose_the_id(owner: Owner):
    """API Gateway lets clients choose the other one, `requestId`."""
    headers = {HEADER: MARK, "X-Amzn-RequestId": MARK, "X-Amzn-Trace-Id": MARK}
    answer = owner.house.rest("GET", "/chat/v2/Services", headers=headers)
    assert MARK not in json.dumps(answer.headers)
