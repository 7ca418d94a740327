"""The queue port: what planners may rely on, for the fake and for SQS as MiniStack plays it."""

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from parley.clock import Clock
from parley.ports.queue import ATTEMPTS, BATCH_BYTES, NotQueued, Queue
from tests.ports.fakes import FakeQueue


class StillClock(Clock):
    """Sleeps no time and remembers how long it would have been."""

    def __init__(self) -> None:
        self.slept: list[float] = []

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)


@pytest.fixture(scope="module")
def sqs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A client of an SQS that lives as long as this module's tests."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    folder = tmp_path_factory.mktemp("ministack")
    environment = {
        **os.environ,
        "BIND_HOST": "127.0.0.1",
        "GATEWAY_PORT": str(port),
        "SERVICES": "sqs",
        "TMPDIR": str(folder),
    }
    command = [str(Path(sys.executable).with_name("ministack"))]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, env=environment, cwd=folder, stdout=log, stderr=log)
    try:
        _await_port(port, process)
        yield boto3.client(
            "sqs",
            endpoint_url=f"http://127.0.0.1:{port}",
            region_name="us-east-1",
            aws_access_key_id="test",
            aws_secret_access_key="test",
        )
    finally:
        process.terminate()
        process.wait(120)


def _await_port(port: int, process: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + 120
    while process.poll() is None and time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            time.sleep(0.02)
    raise RuntimeError("MiniStack did not start")


# The contract, for the real port and the fake.


@dataclass
class Stage:
    queue: Queue | FakeQueue
    sqs: Any = None
    url: str = ""

    def drain(self) -> list[Any]:
        """Everything that can be received now."""
        if isinstance(self.queue, FakeQueue):
            return self.queue.take()
        entries = []
        while messages := self.sqs.receive_message(QueueUrl=self.url, MaxNumberOfMessages=10).get("Messages"):
            for message in messages:
                entries.append(json.loads(message["Body"]))
                self.sqs.delete_message(QueueUrl=self.url, ReceiptHandle=message["ReceiptHandle"])
        return entries


@pytest.fixture(params=["real", "fake"])
def stage(request: pytest.FixtureRequest) -> Stage:
    if request.param == "fake":
        return Stage(FakeQueue())
    client = request.getfixturevalue("sqs")
    name = f"q{time.time_ns()}"
    url = client.create_queue(QueueName=name)["QueueUrl"]
    return Stage(Queue(url, client), client, url)


def numbers(entries: list[Any]) -> list[int]:
    return sorted(entry["number"] for entry in entries)


def test_an_entry_comes_out_as_it_went_in(stage: Stage) -> None:
    entry = {"body": "zażółć \U0001f600 \ufffe \x00 \ud800", "nested": {"list": [1, None, True]}, "empty": ""}
    stage.queue.send([entry])
    assert stage.drain() == [entry]


def test_nothing_is_sent_when_there_is_nothing(stage: Stage) -> None:
    stage.queue.send([])
    assert stage.drain() == []


def test_more_entries_than_a_batch_holds_all_arrive(stage: Stage) -> None:
    stage.queue.send([{"number": number} for number in range(25)])
    assert numbers(stage.drain()) == list(range(25))


def test_more_bytes_than_a_batch_holds_all_arrive(stage: Stage) -> None:
    stage.queue.send([{"number": number, "body": "x" * 60_000} for number in range(10)])
    assert numbers(stage.drain()) == list(range(10))


def test_an_entry_above_the_limit_is_refused_and_nothing_is_sent(stage: Stage) -> None:
    with pytest.raises(NotQueued) as caught:
        stage.queue.send([{"number": 1}, {"body": "x" * BATCH_BYTES}])
    assert (caught.value.count, caught.value.codes) == (1, {"TooLong"})
    assert stage.drain() == []


def test_a_delayed_entry_stays_hidden_at_first(sqs: Any) -> None:
    url = sqs.create_queue(QueueName="delayed")["QueueUrl"]
    Queue(url, sqs).send([{"number": 1}], delay_seconds=900)
    assert "Messages" not in sqs.receive_message(QueueUrl=url)
    names = ["ApproximateNumberOfMessagesDelayed"]
    assert sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"] == {names[0]: "1"}


def test_a_missing_queue_is_an_error_of_its_own(sqs: Any) -> None:
    url = sqs.create_queue(QueueName="here")["QueueUrl"].replace("here", "nowhere")
    with pytest.raises(ClientError):
        Queue(url, sqs).send([{"number": 1}])


# Partial failures, which no emulator produces.


@dataclass
class FlakyClient:
    """Fails each entry as scripted: its body to a list of codes, one for each attempt ('' is success)."""

    script: dict[str, list[str]]
    taken: list[str] = field(default_factory=list)
    batches: list[list[str]] = field(default_factory=list)

    def send_message_batch(self, QueueUrl: str, Entries: list[dict[str, Any]]) -> dict[str, Any]:  # noqa: N803
        self.batches.append([entry["MessageBody"] for entry in Entries])
        answer: dict[str, Any] = {"Successful": [], "Failed": []}
        for entry in Entries:
            codes = self.script.get(entry["MessageBody"], [])
            code = codes.pop(0) if codes else ""
            if code:
                fault = code.startswith("Invalid")
                answer["Failed"].append({"Id": entry["Id"], "Code": code, "SenderFault": fault})
            else:
                self.taken.append(entry["MessageBody"])
                answer["Successful"].append({"Id": entry["Id"]})
        return answer


def test_only_what_failed_is_sent_again_with_growing_waits() -> None:
    client, clock = FlakyClient({'{"n":1}': ["InternalError"] * 3}), StillClock()
    Queue("url", client, clock=clock, randomness=lambda: 1.0).send([{"n": 0}, {"n": 1}, {"n": 2}])
    assert client.batches == [['{"n":0}', '{"n":1}', '{"n":2}']] + [['{"n":1}']] * 3
    assert clock.slept == [0.1, 0.2, 0.4]
    assert len(client.taken) == 3


def test_an_entry_that_fails_every_time_is_raised_after_the_rest_was_sent() -> None:
    client = FlakyClient({'{"n":1}': ["InternalError"] * 99})
    with pytest.raises(NotQueued) as caught:
        Queue("url", client, clock=StillClock()).send([{"n": number} for number in range(30)])
    assert (caught.value.count, caught.value.codes) == (1, {"InternalError"})
    assert len(client.taken) == 29
    assert sum(batch == ['{"n":1}'] for batch in client.batches) == ATTEMPTS - 1


def test_an_error_that_is_the_senders_fault_is_raised_and_not_repeated() -> None:
    client, clock = FlakyClient({'{"n":1}': ["InvalidMessageContents"] * 99}), StillClock()
    with pytest.raises(NotQueued, match="InvalidMessageContents"):
        Queue("url", client, clock=clock).send([{"n": 1}, {"n": 2}])
    assert clock.slept == []


def test_waits_are_spread_by_chance() -> None:
    waits = []
    for chance in (0.0, 0.5, 1.0):
        clock = StillClock()
        client = FlakyClient({'{"n":1}': ["InternalError"]})
        Queue("url", client, clock=clock, randomness=lambda chance=chance: chance).send([{"n": 1}])
        waits += clock.slept
    assert waits == pytest.approx([0.05, 0.075, 0.1])


def test_batches_keep_to_ten_entries_and_the_size_limit() -> None:
    client = FlakyClient({})
    bodies = ["x" * (number * 7_919 % 120_000) for number in range(60)]
    Queue("url", client).send([{"body": body} for body in bodies])
    assert [json.loads(taken)["body"] for taken in client.taken] == bodies
    assert all(len(batch) <= 10 and sum(map(len, batch)) < 256 * 1024 for batch in client.batches)


def test_a_broken_fake_loses_nothing_in_silence() -> None:
    queue = FakeQueue(broken=True)
    with pytest.raises(NotQueued):
        queue.send([{"n": 1}])
    assert queue.entries == []
