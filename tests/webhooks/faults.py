"""One run of the fault test: messages at a steady pace, targets that behave or not, workers that are killed."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any
from urllib.parse import urlsplit

import boto3

from local.home import read_json
from local.process.plan import Plan
from local.pump.progress import queued_messages
from local.stack.running import Stack
from tests.stress.back_end import ASKED, BackEnd
from tests.support.target import OK, Misbehaviour, Received, Reply, Target, serving

CHANNELS, PER_SECOND = 5, 12
WRITERS = 2
SLOW_SECONDS = 0.3
# MiniStack keeps filling a long poll whose client is dead, until the poll is over.
_GHOST_SECONDS = 1.2
_DRAIN_SECONDS = 240.0

Answer = Callable[[Received], Reply | Misbehaviour]


def _slow(received: Received) -> Reply:
    time.sleep(SLOW_SECONDS)
    return OK


BAD: dict[str, Answer] = {
    "failing": lambda received: Reply(500),
    "hanging": lambda received: Misbehaviour.HANG,
    "resetting": lambda received: Misbehaviour.RESET,
    "slow": _slow,
}


class Run:
    """Posts messages to the channels of a new service and keeps when each was answered, and what each target got.

    Five targets are told of each message: the healthy one by the service, the others by each channel. Workers are
    killed in the middle of each of `kills` stretches of equal length. The bad targets recover when the healthy one has
    everything; `while_bad` says what each had got until then.
    """

    def __init__(self, stack: Stack, events: int, kills: int):
        self.stack = stack
        self.events = events
        self.kills = kills
        self.targets: dict[str, Target] = {}
        self.posted: dict[str, float] = {}
        self.while_bad: dict[str, set[str]] = {}
        self._back_end = BackEnd(stack.info)
        with ExitStack() as servers:
            for name in ("healthy", *BAD):
                self.targets[name] = servers.enter_context(serving())
            self._go()

    def _go(self) -> None:
        service = f"/chat/v2/Services/{self._back_end.post('/chat/v2/Services', {'FriendlyName': 'faults'})['sid']}"
        self._back_end.post(service, {"PostWebhookUrl": self.targets["healthy"].url, "WebhookFilters": "onMessageSent"})
        channels = [self._channel(service) for _ in range(CHANNELS)]
        for name, answer in BAD.items():
            self.targets[name].answer = answer
        writers = [threading.Thread(target=self._write, args=(channels[n::WRITERS], n)) for n in range(WRITERS)]
        for writer in writers:
            writer.start()
        for number in range(self.kills):
            self._until(lambda number=number: len(self.posted) >= (number + 0.5) * self.events / self.kills)
            kill_workers(self.stack)
        for writer in writers:
            writer.join()
        self._until(lambda: self.delivered("healthy") >= set(self.posted))
        self.while_bad = {name: self.delivered(name) for name in self.targets}
        for target in self.targets.values():
            target.recover()
        self._until(lambda: all(self.delivered(name) >= set(self.posted) for name in self.targets))

    def _channel(self, service: str) -> str:
        path = f"{service}/Channels/{self._back_end.post(f'{service}/Channels')['sid']}"
        for name in BAD:
            form = {"Type": "webhook", "Configuration.Url": self.targets[name].url}
            self._back_end.post(f"{path}/Webhooks", {**form, "Configuration.Filters": "onMessageSent"})
        return path

    def _write(self, channels: list[str], writer: int) -> None:
        started = time.monotonic()
        for number in range(self.events // WRITERS):
            time.sleep(max(0.0, started + number * WRITERS / PER_SECOND - time.monotonic()))
            channel = channels[number % len(channels)]
            message = self._back_end.post(f"{channel}/Messages", {"Body": f"{writer}/{number}"}, ASKED)
            self.posted[message["sid"]] = time.monotonic()

    def _until(self, is_so: Callable[[], bool]) -> None:
        deadline = time.monotonic() + _DRAIN_SECONDS
        while not is_so():
            missing = {name: len(set(self.posted) - self.delivered(name)) for name in self.targets}
            assert time.monotonic() < deadline, f"still missing: {missing} of {len(self.posted)}"
            time.sleep(0.05)

    # What was seen.

    def acknowledged(self, name: str) -> list[Received]:
        """What a target has answered with 200, in the order of arrival."""
        return [received for received in self.targets[name].received if received.is_acknowledged]

    def delivered(self, name: str) -> set[str]:
        return {received.message_sid for received in self.acknowledged(name)}


def kill_workers(stack: Stack) -> None:
    """Kill -9 the process that plans and delivers; its supervisor starts it again.

    What it had in hand comes back in its place, as it does in AWS after the queue's visibility timeout of six minutes,
    for which a test cannot wait. Meanwhile the supervisor is held still.
    """
    before = stack.pids["pump"]
    os.kill(stack.process.pid, signal.SIGSTOP)
    try:
        stack.kill("pump")
        time.sleep(_GHOST_SECONDS)
        _let_visibility_pass(stack)
    finally:
        os.kill(stack.process.pid, signal.SIGCONT)
    deadline = time.monotonic() + 120
    while stack.pids.get("pump", before) == before or not stack.home.pump_ready.exists():
        assert time.monotonic() < deadline, "the workers were not started again"
        time.sleep(0.02)


def _let_visibility_pass(stack: Stack) -> None:
    plan = Plan(**read_json(stack.home.plan))
    url = str(plan.physical["DeliveryQueue"]["ref"])
    messages = next(found for address, found in queued_messages(plan.ministack).items() if _same_queue(address, url))
    keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test", "region_name": "us-east-1"}
    sqs = boto3.client("sqs", endpoint_url=plan.ministack, **keys)
    sqs.purge_queue(QueueUrl=url)
    for start in range(0, len(messages), 10):
        entries = [_entry(number, message) for number, message in enumerate(messages[start : start + 10])]
        answer = sqs.send_message_batch(QueueUrl=url, Entries=entries)
        assert len(answer["Successful"]) == len(entries), answer


def _entry(number: int, message: dict[str, Any]) -> dict[str, Any]:
    once = f"{message['MessageDeduplicationId'][:60]}-{time.monotonic_ns()}"
    return {
        "Id": str(number),
        "MessageBody": message["Body"],
        "MessageGroupId": message["MessageGroupId"],
        "MessageDeduplicationId": once,
    }


def _same_queue(address: str, url: str) -> bool:
    return urlsplit(address).path == urlsplit(url).path
