"""How many webhooks a second one worker delivers: the webhooks function against a plain loop with `requests`.

Both tell the same sink of the same messages, in alternating rounds of one run, so that a busy machine slows both. The
function does all of its work: it decodes and plans changes as the stream brings them, then takes the planned deliveries
in batches of ten, signs, posts, judges, counts and logs them; only the queue in between is in memory. The loop posts
what was planned beforehand, signed with Twilio's library, one after another, as a simple back end would. Every
delivery is a connection of its own in both: a target is resolved and checked anew each time.
"""

from __future__ import annotations

import io
import itertools
import logging
import os
import statistics
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import Any

import requests
from twilio.request_validator import RequestValidator

from bench.figures import RATIO, TIME, Figure, Findings
from bench.sink import sink
from parley.ids import message_sid
from parley.log import logger
from parley.ports.http.outgoing import Outgoing
from parley.runtime import Runtime
from parley.settings import Settings
from parley.store.items import to_item
from tests.ports.fakes import FakeQueue
from tests.support.functions import imported
from tests.support.queued import received

AUTH_TOKEN = "0123456789abcdef0123456789abcdef"
ACCOUNT, SERVICE = "AC51af3dc0da7711e4872e1234567b84fc", "IS019bc17db64000000000000000005e11"
BODY = "x" * 600
BATCH, CHANGES = 10, 25
ROUNDS, QUICK_ROUNDS = 5, 2
COUNTS = {0.0: 200, 0.010: 66}
"""How many webhooks a round delivers, by the seconds after which the sink answers."""
Delivering = Callable[[int], None]


class _Unhurried:
    """A Lambda context that always has a minute left."""

    def get_remaining_time_in_millis(self) -> int:
        return 60_000


class _Service:
    """A service whose post-events go to the sink, as a warm container remembers it."""

    def __init__(self, url: str):
        self._record = {"sid": SERVICE, "post_webhook_url": url, "webhook_filters": ["onMessageSent"]}

    def fetch(self, key: Any) -> dict[str, Any]:
        return self._record

    def present(self, keys: Iterable[Any]) -> set[Any]:
        """The account has no configuration, and so no webhooks of its own."""
        return set()


class Function:
    """The webhooks function with its queue in memory."""

    def __init__(self, url: str, channels: int):
        self.queue = FakeQueue(keeps_order=True)
        settings = Settings(account_sid=ACCOUNT, delivery_queue_url="deliveries", delivery_age_seconds=3600)
        self._module = _load()
        runtime = Runtime(
            settings,
            client=lambda service: None,
            secret=lambda secret_id: AUTH_TOKEN,
            outgoing=Outgoing(allow_loopback=True),
            queue=lambda url: self.queue if url == "deliveries" else FakeQueue(),
        )
        configuration: Any = _Service(url)
        runtime.configuration = configuration
        self._module.runtime = runtime
        self._channels = [f"CH{number:032x}" for number in range(channels)]
        self._numbers = itertools.count()

    def plan(self, count: int) -> list[dict[str, Any]]:
        """The webhook deliveries of `count` new messages."""
        changes = [self._change(next(self._numbers)) for _ in range(count)]
        for start in range(0, count, CHANGES):
            answer = self._module.handler({"Records": changes[start : start + CHANGES]}, None)
            if answer["batchItemFailures"]:
                raise RuntimeError("a change could not be planned")
        return self.queue.take()

    def __call__(self, count: int) -> None:
        deliveries = self.plan(count)
        for start in range(0, count, BATCH):
            batch = deliveries[start : start + BATCH]
            records = [received(one, one["id"], group=one["group"], queue="deliveries.fifo") for one in batch]
            if self._module.handler({"Records": records}, _Unhurried())["batchItemFailures"]:
                raise RuntimeError("the sink did not take every delivery")

    def _change(self, number: int) -> dict[str, Any]:
        channel_sid = self._channels[number % len(self._channels)]
        sid = message_sid(channel_sid, number)
        now = int(time.time() * 1000)
        cause = {"id": f"{number:032x}", "actor": "alice", "source": "SDK", "webhooks": True, "at": now}
        record = {"sid": sid, "service_sid": SERVICE, "channel_sid": channel_sid, "index": number, "author": "alice"}
        record |= {"body": BODY, "date_created": now, "seq": number, "cause": cause}
        item = to_item({"pk": f"CHANNEL#{channel_sid}", "sk": f"MESSAGE#{number:011d}", **record})
        image = {"Keys": {name: item[name] for name in ("pk", "sk")}, "NewImage": item, "SequenceNumber": str(number)}
        return {"eventSource": "aws:dynamodb", "eventName": "INSERT", "dynamodb": image}


def _load() -> Any:
    # The function makes a client for its secret when it starts. This client asks nothing here.
    os.environ.update(AWS_ACCESS_KEY_ID="bench", AWS_SECRET_ACCESS_KEY="bench")
    return imported("webhooks")


def requests_loop(url: str) -> Delivering:
    """The loop that a simple back end would have; its deliveries are planned beforehand."""
    planned = itertools.cycle(Function(url, channels=10).plan(100))
    validator = RequestValidator(AUTH_TOKEN)

    def deliver(count: int) -> None:
        for delivery in itertools.islice(planned, count):
            form = {**delivery["parameters"], "RetryCount": "0"}
            headers = {
                "X-Twilio-Signature": validator.compute_signature(url, form),
                "I-Twilio-Idempotency-Token": delivery["id"],
            }
            requests.post(url, data=form, headers=headers, timeout=5).raise_for_status()

    return deliver


def _round(deliver: Delivering, count: int) -> tuple[float, float]:
    """Deliveries per second and CPU microseconds per delivery of this process."""
    started, started_cpu = time.perf_counter(), time.process_time()
    deliver(count)
    seconds, cpu_seconds = time.perf_counter() - started, time.process_time() - started_cpu
    return count / seconds, cpu_seconds / count * 1e6


def measure(quick: bool) -> Findings:
    """Compare both, against a sink that answers at once and one that answers after 10 ms."""
    found = Findings()
    for delay_seconds, count in COUNTS.items():
        _compare(found, delay_seconds, QUICK_ROUNDS if quick else ROUNDS, count)
    return found


def _compare(found: Findings, delay_seconds: float, rounds: int, count: int) -> None:
    with sink(delay_seconds) as address:
        url = f"{address}/hook"
        candidates = {
            "requests loop": requests_loop(url),
            "worker, one channel": Function(url, channels=1),
            "worker, many channels": Function(url, channels=50),
        }
        results: dict[str, list[tuple[float, float]]] = {name: [] for name in candidates}
        with silence():
            for deliver in candidates.values():
                deliver(20)
            for _ in range(rounds):
                for name, deliver in candidates.items():
                    results[name].append(_round(deliver, count))
    when = f"{delay_seconds * 1000:.0f} ms" if delay_seconds else "no delay"
    loop, *workers = results
    for name in workers:
        pairs = list(zip(results[loop], results[name], strict=True))
        faster = statistics.median(own / other for (other, _), (own, _) in pairs)
        dearer = statistics.median(own / other for (_, other), (_, own) in pairs)
        found.figures += [
            Figure(f"webhooks/s, {name}, times a loop with requests, {when}", faster, "times", RATIO),
            Figure(f"CPU per webhook, {name}, by the loop's, {when}", dearer, "times", RATIO),
        ]
    for name, measured in results.items():
        rate, cpu = (statistics.median(figures) for figures in zip(*measured, strict=True))
        found.figures += [
            Figure(f"{name}, {when}", rate, "webhooks/s", TIME),
            Figure(f"{name}, {when}, CPU", cpu, "us a webhook", TIME),
        ]


@contextmanager
def silence() -> Iterator[None]:
    """Write logs and metrics to nowhere; formatting them is still measured."""
    handler = logger.registered_handler
    assert isinstance(handler, logging.StreamHandler)
    with Path(os.devnull).open("w", encoding="utf-8") as nowhere, redirect_stdout(io.StringIO()):
        before = handler.setStream(nowhere)
        yield
        handler.setStream(before)
