"""A queue mapping over a queue in memory: events, deletes, partial failures, concurrency."""

from __future__ import annotations

import threading
from typing import Any

from local.process.functions import FunctionError
from local.pump.queues import QueuePump
from local.template.declared import QueueMapping
from tests.support.waiting import until

ARN = "arn:aws:sqs:us-east-1:000000000000:work"


class MemoryQueue:
    """As much of an SQS client as the pump uses. Received messages do not come back."""

    def __init__(self, *bodies: str) -> None:
        self.deleted: list[str] = []
        self._messages = [
            {
                "MessageId": f"id-{body}",
                "ReceiptHandle": f"handle-{body}",
                "Body": body,
                "MD5OfBody": "md5",
                "Attributes": {"ApproximateReceiveCount": "1"},
                "MessageAttributes": {"kind": {"DataType": "String", "StringValue": "x"}},
            }
            for body in bodies
        ]

    def receive_message(self, **arguments: Any) -> dict[str, Any]:
        count = arguments["MaxNumberOfMessages"]
        taken, self._messages = self._messages[:count], self._messages[count:]
        return {"Messages": taken} if taken else {}

    def delete_message(self, **arguments: Any) -> None:
        self.deleted.append(arguments["ReceiptHandle"])


def pump_of(queue: MemoryQueue, call: Any, **changes: Any) -> QueuePump:
    settings: dict[str, Any] = {
        "name": "F.Work",
        "function": "F",
        "queue_arn": ARN,
        "patterns": [],
        "batch_size": 10,
        "reports_failures": True,
        "maximum_concurrency": 2,
    }
    return QueuePump(QueueMapping(**{**settings, **changes}), queue, "url", call)


def carried_out(queue: MemoryQueue, call: Any, **changes: Any) -> None:
    pump = pump_of(queue, call, **changes)
    assert pump.step()
    until(pump.drain)


def test_an_event_has_the_shape_of_lambdas():
    events: list[dict[str, Any]] = []
    carried_out(MemoryQueue("a"), lambda function, event: events.append(event))
    assert events[0]["Records"] == [
        {
            "messageId": "id-a",
            "receiptHandle": "handle-a",
            "body": "a",
            "attributes": {"ApproximateReceiveCount": "1"},
            "messageAttributes": {
                "kind": {"dataType": "String", "stringValue": "x", "stringListValues": [], "binaryListValues": []}
            },
            "md5OfBody": "md5",
            "eventSource": "aws:sqs",
            "eventSourceARN": ARN,
            "awsRegion": "us-east-1",
        }
    ]


def test_a_batch_that_succeeds_is_deleted():
    queue = MemoryQueue("a", "b")
    carried_out(queue, lambda function, event: None)
    assert sorted(queue.deleted) == ["handle-a", "handle-b"]


def test_messages_that_are_reported_as_failed_are_not_deleted():
    queue = MemoryQueue("a", "b", "c")
    carried_out(queue, lambda function, event: {"batchItemFailures": [{"itemIdentifier": "id-b"}]})
    assert sorted(queue.deleted) == ["handle-a", "handle-c"]


def test_an_unknown_identifier_means_the_whole_batch():
    queue = MemoryQueue("a", "b")
    carried_out(queue, lambda function, event: {"batchItemFailures": [{"itemIdentifier": ""}]})
    assert queue.deleted == []


def test_a_function_that_raises_leaves_the_batch_in_the_queue():
    def call(function: str, event: dict[str, Any]) -> None:
        raise FunctionError("as asked")

    queue = MemoryQueue("a")
    carried_out(queue, call)
    assert queue.deleted == []


def test_messages_that_the_filter_refuses_are_deleted_without_a_call():
    calls: list[list[str]] = []
    queue = MemoryQueue('{"kind": "wanted"}', '{"kind": "other"}', "not json")
    carried_out(
        queue,
        lambda function, event: calls.append([record["body"] for record in event["Records"]]),
        patterns=[{"body": {"kind": ["wanted"]}}],
    )
    assert calls == [['{"kind": "wanted"}']]
    assert len(queue.deleted) == 3


def test_no_more_batches_run_at_once_than_the_mapping_allows():
    running = 0
    most = 0
    lock = threading.Lock()
    done = threading.Semaphore(0)

    def call(function: str, event: dict[str, Any]) -> None:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        done.acquire(timeout=0.05)
        with lock:
            running -= 1

    pump = pump_of(MemoryQueue(*"abcdef"), call, batch_size=1)
    while pump.step():
        pass
    until(pump.drain)
    assert most == 2
