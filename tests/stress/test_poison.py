"""A record that a stream function cannot handle: the others are delivered, it is parked, and the log says which."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from local.emulators.engine import Endpoints
from local.home import read_json
from local.stack.running import Stack, start_stack
from tests.end_to_end.clients import Socket, access_token
from tests.stress.back_end import ASKED, UNLIMITED, BackEnd
from tests.stress.templates import template_with
from tests.support.target import Target
from tests.support.waiting import until

FAILURE_QUEUES = {
    "FanOutFailureQueue": "change cannot be pushed",
    "WebhooksFailureQueue": "change cannot be planned",
}
CAUSE = {
    "actor": {"S": "system"},
    "source": {"S": "API"},
    "webhooks": {"BOOL": True},
    "request": {"S": ""},
    "at": {"N": "1768478400000"},
}
POISONS: dict[str, dict[str, Any]] = {
    "a body in bytes": {"body": {"B": b"\x00\x01"}, "service_sid": {"S": "IS" + "0" * 32}},
    "no service": {"body": {"S": "x"}},
}


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A stack that gives up on a webhook's planning after seconds, not after minutes."""
    folder = tmp_path_factory.mktemp("poison")
    template = template_with(folder / "template", {"MaximumRetryAttempts: 10": "MaximumRetryAttempts: 2"})
    running = start_stack(folder / "home", template=template, environment=UNLIMITED)
    yield running
    running.kill()


class Aws:
    """The stack's table and queues, behind the back of the functions."""

    def __init__(self, stack: Stack):
        self._plan = read_json(stack.home.plan)
        endpoints = Endpoints(self._plan["engine"], self._plan["dynamodb"], self._plan["ministack"])
        self._dynamodb, self._sqs = endpoints.client("dynamodb"), endpoints.client("sqs")

    def poison(self, channel_sid: str, name: str, attributes: dict[str, Any]) -> str:
        """Write a message that no operation would write; its sort key."""
        sort_key = f"MESSAGE#{name}"
        item = {
            "pk": {"S": f"CHANNEL#{channel_sid}"},
            "sk": {"S": sort_key},
            "sid": {"S": "IM" + "0" * 32},
            "channel_sid": {"S": channel_sid},
            "cause": {"M": {"id": {"S": name}, **CAUSE}},
            **attributes,
        }
        self._dynamodb.put_item(TableName=self._plan["physical"]["Table"]["ref"], Item=item)
        return sort_key

    def parked(self, queue: str) -> list[dict[str, Any]]:
        """What is in a failure queue now; it stays there."""
        answer = self._sqs.receive_message(
            QueueUrl=self._plan["physical"][queue]["ref"], MaxNumberOfMessages=10, VisibilityTimeout=0
        )
        return [json.loads(message["Body"]) for message in answer.get("Messages", [])]


def test_poison_records_are_parked_and_named_and_hold_nobody_up(stack: Stack, target: Target) -> None:
    back_end, aws = BackEnd(stack.info), Aws(stack)
    service_sid = back_end.post("/chat/v2/Services", {"FriendlyName": "poisoned"})["sid"]
    service = f"/chat/v2/Services/{service_sid}"
    back_end.post(service, {"PostWebhookUrl": target.url, "WebhookFilters": "onMessageSent"})
    channel_sid = back_end.post(f"{service}/Channels")["sid"]
    channel = f"{service}/Channels/{channel_sid}"
    back_end.post(f"{channel}/Members", {"Identity": "bob"})
    bodies: list[str] = []

    def post(body: str) -> None:
        back_end.post(f"{channel}/Messages", {"Body": body}, ASKED)
        bodies.append(body)

    with Socket(stack.info, access_token(stack.info, service_sid, "bob")) as bob:
        keys = []
        for number, (what, attributes) in enumerate(POISONS.items()):
            post(f"before {what}")
            keys.append(aws.poison(channel_sid, f"poison {number}", attributes))
            post(f"after {what}")
        bob.wait(lambda frames: _bodies(frames) >= set(bodies), 40)
        target.wait(lambda requests: {request.parameters["Body"] for request in requests} >= set(bodies), 40)

        for queue, message in FAILURE_QUEUES.items():
            positions = until(lambda queue=queue: _positions(aws, queue, len(POISONS)), 40, f"all are in {queue}")
            named = [line["sequence_number"] for line in _log(stack) if line.get("message") == message]
            assert set(named) == set(positions)
            said = [line for line in stack.printed.splitlines() if "parked in" in line and queue in line]
            assert len(said) == len(POISONS)
            for key in keys:
                assert sum(key in line for line in said) == 1

        # The stream goes on: a new message is delivered.
        post("at last")
        bob.wait(lambda frames: "at last" in _bodies(frames))
        target.wait(lambda requests: requests[-1].parameters["Body"] == "at last")
    assert {request.parameters["Body"] for request in target.received} == set(bodies)


def _bodies(frames: list[dict[str, Any]]) -> set[str]:
    return {frame["message"]["body"] for frame in frames if frame.get("event") == "messageAdded"}


def _positions(aws: Aws, queue: str, count: int) -> list[str] | None:
    """The sequence numbers of the parked records, once there are `count`; each is parked alone, in Lambda's form."""
    parked = aws.parked(queue)
    assert len(parked) <= count
    if len(parked) < count:
        return None
    for entry in parked:
        batch = entry["DDBStreamBatchInfo"]
        assert batch["batchSize"] == 1
        assert batch["startSequenceNumber"] == batch["endSequenceNumber"]
        assert entry["requestContext"]["condition"] == "RetryAttemptsExhausted"
    return [entry["DDBStreamBatchInfo"]["startSequenceNumber"] for entry in parked]


def _log(stack: Stack) -> list[dict[str, Any]]:
    """The functions' log lines in the pump."""
    lines = (stack.home.logs / "pump.log").read_text().splitlines()
    return [json.loads(line) for line in lines if line.startswith("{") and line.endswith("}")]
