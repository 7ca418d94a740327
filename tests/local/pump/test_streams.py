"""A stream mapping over a stream in memory: order, batches, partial failures, halving, retries, parking, positions."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import pytest

from local.process.functions import FunctionError
from local.pump.streams import StreamPump
from local.template.declared import StreamMapping

SHARD = "shard"
FAILURES = "arn:aws:sqs:us-east-1:000000000000:failures"


class MemoryStream:
    """A stream of one shard, numbered from 1."""

    def __init__(self, names: str, age_seconds: float = 0) -> None:
        self.records = [self._record(place, name, age_seconds) for place, name in enumerate(names.split(), 1)]

    def _record(self, place: int, name: str, age_seconds: float) -> dict[str, Any]:
        return {
            "eventID": f"event-{place}",
            "eventName": "INSERT",
            "dynamodb": {
                "Keys": {"sk": {"S": name}},
                "SequenceNumber": str(place),
                "ApproximateCreationDateTime": time.time() - age_seconds,
            },
        }

    def shards(self) -> list[str]:
        return [SHARD]

    def read(self, shard_id: str, position: str | None, from_now_on: bool, limit: int) -> list[dict[str, Any]]:
        start = int(position or 0)
        return self.records[start : start + limit]


class Lab:
    """A pump over such a stream with a scripted handler; keeps what was called, parked and waited for."""

    def __init__(self, stream: MemoryStream, handle: Callable[[list[str]], Any], **changes: Any) -> None:
        settings: dict[str, Any] = {
            "name": "F.Changes",
            "function": "F",
            "function_arn": "arn:f",
            "stream_arn": "arn:stream",
            "patterns": [],
            "batch_size": 4,
            "bisects": True,
            "retries": 2,
            "maximum_age_seconds": 60,
            "reports_failures": True,
            "failure_queue_arn": FAILURES,
            "from_now_on": False,
        }
        self.calls: list[str] = []
        self.delivered: list[str] = []
        self.parked: list[dict[str, Any]] = []
        self.waits: list[float] = []
        self.gives_up = False
        self._handle = handle
        mapping = StreamMapping(**{**settings, **changes})
        self.pump = StreamPump(mapping, stream, self._call, self._park, self._pause, {})  # type: ignore[arg-type]

    def _call(self, function: str, event: dict[str, Any]) -> Any:
        names = [record["dynamodb"]["Keys"]["sk"]["S"] for record in event["Records"]]
        self.calls.append(" ".join(names))
        failed = self._handle(names)
        self.delivered += names[: names.index(failed) if failed else None]
        if failed is None:
            return {"batchItemFailures": []}
        number = next(
            r["dynamodb"]["SequenceNumber"] for r in event["Records"] if r["dynamodb"]["Keys"]["sk"]["S"] == failed
        )
        return {"batchItemFailures": [{"itemIdentifier": number}]}

    def _park(self, queue_arn: str, body: str) -> None:
        assert queue_arn == FAILURES
        self.parked.append(json.loads(body))

    def _pause(self, seconds: float) -> bool:
        self.waits.append(seconds)
        return self.gives_up

    @property
    def position(self) -> str | None:
        return self.pump.positions.get(SHARD)


def nothing_fails(names: list[str]) -> None:
    return None


def fails_at(*poison: str) -> Callable[[list[str]], str | None]:
    return lambda names: next((name for name in names if name in poison), None)


def raises_at(poison: str) -> Callable[[list[str]], None]:
    def handle(names: list[str]) -> None:
        if poison in names:
            raise FunctionError("as asked")

    return handle


def test_records_come_in_order_and_in_batches():
    lab = Lab(MemoryStream("a b c d e f"), nothing_fails)
    assert lab.pump.step()
    assert lab.calls == ["a b c d", "e f"]
    assert lab.position == "6"
    assert not lab.pump.step()


def test_the_position_moves_past_records_that_the_filter_refuses():
    patterns = [{"dynamodb": {"Keys": {"sk": {"S": ["a", "c"]}}}}]
    lab = Lab(MemoryStream("a b c d"), nothing_fails, patterns=patterns)
    lab.pump.step()
    assert (lab.calls, lab.position) == (["a c"], "4")


def test_a_record_is_presented_as_lambda_does():
    stream = MemoryStream("a")
    stream.records[0]["awsRegion"] = "dynoxide"
    seen: list[dict[str, Any]] = []
    lab = Lab(stream, nothing_fails)
    lab.pump._call = lambda function, event: seen.append(event)  # type: ignore[assignment, return-value, func-returns-value]
    lab.pump.step()
    (record,) = seen[0]["Records"]
    assert (record["eventSourceARN"], record["eventSource"], record["awsRegion"]) == (
        "arn:stream",
        "aws:dynamodb",
        "us-east-1",
    )


def test_after_a_reported_failure_only_the_rest_is_tried_again():
    failing = {"c"}
    lab = Lab(MemoryStream("a b c d"), lambda names: failing.pop() if failing and "c" in names else None)
    lab.pump.step()
    assert lab.calls == ["a b c d", "c d"]
    assert lab.waits == [], "progress was made, so there is nothing to wait for"


def test_the_lowest_of_several_reported_failures_counts():
    lab = Lab(MemoryStream("a b c d"), nothing_fails)
    answers = [{"batchItemFailures": [{"itemIdentifier": "4"}, {"itemIdentifier": "2"}]}, {"batchItemFailures": []}]
    calls: list[list[str]] = []

    def call(function: str, event: dict[str, Any]) -> Any:
        calls.append([record["dynamodb"]["SequenceNumber"] for record in event["Records"]])
        return answers.pop(0)

    lab.pump._call = call
    lab.pump.step()
    assert calls == [["1", "2", "3", "4"], ["2", "3", "4"]]


@pytest.mark.parametrize("identifier", ["", "99", None])
def test_an_unknown_identifier_means_the_whole_batch(identifier: str | None):
    lab = Lab(MemoryStream("a b"), nothing_fails, bisects=False)
    answers = [{"batchItemFailures": [{"itemIdentifier": identifier}]}, {"batchItemFailures": []}]
    calls: list[int] = []

    def call(function: str, event: dict[str, Any]) -> Any:
        calls.append(len(event["Records"]))
        return answers.pop(0)

    lab.pump._call = call
    lab.pump.step()
    assert calls == [2, 2]


@pytest.mark.parametrize("handle", [fails_at("c"), raises_at("c")])
def test_a_poison_record_is_cut_out_tried_and_parked_and_the_others_are_delivered(handle: Callable[[list[str]], Any]):
    lab = Lab(MemoryStream("a b c d e"), handle)
    lab.pump.step()
    assert lab.calls.count("c") == 3, "once, and two retries"
    assert lab.delivered == ["a", "b", "d", "e"]
    assert lab.position == "5"
    assert len(lab.waits) == 2
    (parked,) = lab.parked
    assert parked["requestContext"]["condition"] == "RetryAttemptsExhausted"
    assert parked["requestContext"]["approximateInvokeCount"] == 3
    assert parked["requestContext"]["functionArn"] == "arn:f"
    batch = parked["DDBStreamBatchInfo"]
    assert (batch["startSequenceNumber"], batch["endSequenceNumber"], batch["batchSize"]) == ("3", "3", 1)
    assert (batch["shardId"], batch["streamArn"]) == (SHARD, "arn:stream")


def test_without_halving_the_whole_batch_is_parked():
    lab = Lab(MemoryStream("a b"), raises_at("b"), bisects=False, retries=0)
    lab.pump.step()
    assert lab.calls == ["a b"]
    assert lab.parked[0]["DDBStreamBatchInfo"]["batchSize"] == 2


def test_retries_wait_longer_each_time():
    lab = Lab(MemoryStream("a"), raises_at("a"), retries=3)
    lab.pump.step()
    assert lab.waits == sorted(lab.waits)
    assert lab.waits[0] < lab.waits[-1]


def test_records_that_are_too_old_are_parked_together_without_a_call():
    stream = MemoryStream("a b c d")
    for record in stream.records[:2]:
        record["dynamodb"]["ApproximateCreationDateTime"] -= 100
    lab = Lab(stream, nothing_fails)
    lab.pump.step()
    assert lab.calls == ["c d"]
    (parked,) = lab.parked
    assert parked["requestContext"]["condition"] == "RecordAgeExceeded"
    assert parked["DDBStreamBatchInfo"]["batchSize"] == 2


def test_stopping_leaves_the_position_before_the_first_record_that_is_not_done():
    lab = Lab(MemoryStream("a b c d e"), raises_at("c"))
    lab.gives_up = True
    lab.pump.step()
    assert lab.position == "2"
    assert lab.parked == []


def test_a_batch_never_exceeds_what_lambda_takes():
    stream = MemoryStream("a b c")
    for record in stream.records:
        record["dynamodb"]["NewImage"] = {"body": {"S": "x" * 2_500_000}}
    lab = Lab(stream, nothing_fails)
    lab.pump.step()
    assert lab.calls == ["a b", "c"]
