"""The pump: carries out every event source mapping and schedule of the template, in a process of its own.

Each mapping has a thread. After every call of a function, in the gateway or here, the streams are read at once. So a
change reaches its function within milliseconds. Streams are also read a few times a second, to find what other programs
wrote.

Lambda is slower: it reads each stream four times a second and no more
(https://docs.aws.amazon.com/lambda/latest/dg/with-ddb.html). `PARLEY_STREAM_POLL_MS=250` makes the pump do the same,
for measurements.
"""

from __future__ import annotations

import logging
import os
import sys
import threading
import time
import uuid
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from local.emulators import ttl
from local.emulators.engine import Endpoints
from local.home import Home
from local.process.functions import Invoker
from local.process.plan import Descriptors, Plan, begin_child, end_child
from local.process.report import problem
from local.process.silent_targets import watch_targets
from local.pump import progress
from local.pump.queues import QueuePump
from local.pump.stream_reader import StreamReader
from local.pump.streams import StreamPump
from local.template.declared import ACCOUNT, REGION, Schedule, Table, arn

logger = logging.getLogger("local.pump")

_THREADS = 64
_BUSY_POLL_SECONDS = 0.02
_IDLE_POLL_SECONDS = 0.25
_BUSY_SECONDS = 2.0
_KEEP_SECONDS = 0.5
_KEEP_SHARE = 20
"""Keeping progress takes at most one part in twenty of the pump's time."""
_SWEEP_SECONDS = 300
_TROUBLE_SECONDS = 1.0
_DRAIN_SECONDS = 3.0
_GIVEN_UP_SECONDS = 0.2


def scheduled_event(schedule: Schedule, now: float) -> dict[str, Any]:
    """The event with which EventBridge calls the function of a schedule."""
    return {
        "version": "0",
        "id": str(uuid.uuid4()),
        "detail-type": "Scheduled Event",
        "source": "aws.events",
        "account": ACCOUNT,
        "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now)),
        "region": REGION,
        "resources": [arn("events", f"rule/{schedule.function}{schedule.name}")],
        "detail": {},
    }


class Wake:
    """Wakes the threads that read streams when there may be new records. Signals are counted, so none is lost."""

    def __init__(self) -> None:
        self._condition = threading.Condition()
        self._count = 0

    def signal(self) -> None:
        with self._condition:
            self._count += 1
            self._condition.notify_all()

    def wait(self, seen: int, timeout: float) -> int:
        """Wait for another signal than the `seen` ones, or for the timeout; returns the number of signals so far."""
        with self._condition:
            self._condition.wait_for(lambda: self._count != seen, timeout)
            return self._count

    def follow(self, descriptor: int) -> None:
        """Signal whenever bytes arrive in a pipe, until it is closed."""
        while os.read(descriptor, 4096):
            self.signal()


def at_fixed_times(act: Callable[[], object], seconds: float, stopping: threading.Event) -> None:
    """Act once in so many seconds until `stopping`. What an act takes is part of the pause after it."""
    due = time.monotonic()
    while not stopping.is_set():
        act()
        due = max(due + seconds, time.monotonic())
        stopping.wait(due - time.monotonic())


class Pump:
    def __init__(self, plan: Plan, endpoints: Endpoints) -> None:
        self._home = Home(Path(plan.home))
        template = plan.bound()
        functions = plan.functions(template)
        stream_mappings, queue_mappings = template.stream_mappings(), template.queue_mappings()
        self._schedules = template.schedules()
        wanted = {mapping.function for mapping in stream_mappings} | {mapping.function for mapping in queue_mappings}
        wanted |= {schedule.function for schedule in self._schedules}
        self.wake = Wake()
        self._invoker = Invoker(functions, iter(sorted(wanted)), _THREADS)
        self._endpoints = endpoints
        self._sqs = endpoints.client("sqs")
        self._urls = {
            str(entry["attributes"]["Arn"]): str(entry["ref"])
            for entry in plan.physical.values()
            if ":sqs:" in str(entry["attributes"].get("Arn", ""))
        }
        self._poll_seconds = int(os.environ.get("PARLEY_STREAM_POLL_MS") or 0) / 1000
        self._stopping = threading.Event()
        self._draining = threading.Event()
        kept = progress.positions(self._home)
        self._streams = {
            f"{mapping.name} {mapping.stream_arn}": StreamPump(
                mapping,
                StreamReader(endpoints.dynamodb, mapping.stream_arn),
                self._call,
                self._park,
                self._pause,
                dict(kept.get(f"{mapping.name} {mapping.stream_arn}", {})),
            )
            for mapping in stream_mappings
        }
        self._queues = [
            QueuePump(mapping, self._sqs, self._urls[mapping.queue_arn], self._call) for mapping in queue_mappings
        ]
        self._threads: list[threading.Thread] = []
        self._tables = [table for table in template.tables() if table.ttl_attribute]

    def run(self, stop: threading.Event) -> None:
        """Run until `stop` is set. Then let calls that are running end, for a few seconds."""
        for pump in self._streams.values():
            self._threads.append(threading.Thread(target=self._follow, args=(pump,), daemon=True))
        for queue in self._queues:
            self._threads.append(threading.Thread(target=self._serve, args=(queue,), daemon=True))
        for schedule in self._schedules:
            self._threads.append(threading.Thread(target=self._tick, args=(schedule,), daemon=True))
        if self._endpoints.engine == "dynoxide":
            self._threads.append(threading.Thread(target=self._sweep, daemon=True))
        for thread in self._threads:
            thread.start()
        keeper = progress.ProgressKeeper(self._home, self._endpoints.ministack, self._positions)
        while not stop.is_set():
            spent = self._keep(keeper)
            stop.wait(max(_KEEP_SECONDS, _KEEP_SHARE * spent))
        self._finish(keeper)

    def _finish(self, keeper: progress.ProgressKeeper) -> None:
        """End the threads. MiniStack's stream is lost when MiniStack ends, so its records are delivered first."""
        self._draining.set()
        deadline = time.monotonic() + _DRAIN_SECONDS
        if self._endpoints.engine == "ministack":
            for pump in self._streams.values():
                while time.monotonic() < deadline and not pump.idle.wait(0.05):
                    self.wake.signal()
        self._stopping.set()
        self.wake.signal()
        for thread in self._threads[: len(self._streams)]:
            thread.join(max(0.0, deadline - time.monotonic()))
        for queue in self._queues:
            while time.monotonic() < deadline and not queue.drain():
                pass
        self._keep(keeper)

    def _keep(self, keeper: progress.ProgressKeeper) -> float:
        try:
            return keeper.keep()
        except Exception as error:
            logger.warning("progress could not be kept: %r", error)
            return 0.0

    def _positions(self) -> progress.Positions:
        return {name: dict(pump.positions) for name, pump in self._streams.items()}

    def _call(self, name: str, event: dict[str, Any]) -> Any:
        try:
            return self._invoker.call(name, event)
        finally:
            self.wake.signal()

    def _park(self, queue_arn: str, body: str) -> None:
        self._sqs.send_message(QueueUrl=self._urls[queue_arn], MessageBody=body)

    def _pause(self, seconds: float) -> bool:
        """Wait before a retry; returns true if the stack is being stopped, so that the caller gives up."""
        if not self._draining.wait(seconds):
            return False
        self._stopping.wait(_GIVEN_UP_SECONDS)
        return True

    def _guarded(self, step: Callable[[], bool]) -> bool:
        """Do one step of a mapping. If it fails, report that and wait a moment; the mapping goes on."""
        try:
            return step()
        except Exception as error:
            if not self._draining.is_set():
                logger.exception("a step of a mapping failed")
                problem(f"the pump cannot reach an emulator: {error}")
            self._stopping.wait(_TROUBLE_SECONDS)
            return False

    def _follow(self, pump: StreamPump) -> None:
        if self._poll_seconds:
            self._follow_slowly(pump)
            return
        seen, busy_until = 0, 0.0
        while not self._stopping.is_set():
            pump.idle.clear()
            if self._guarded(pump.step):
                busy_until = time.monotonic() + _BUSY_SECONDS
                continue
            pump.idle.set()
            busy = time.monotonic() < busy_until
            seen = self.wake.wait(seen, _BUSY_POLL_SECONDS if busy else _IDLE_POLL_SECONDS)

    def _follow_slowly(self, pump: StreamPump) -> None:
        """Read a stream at fixed times, however much it holds, as Lambda does."""

        def read() -> None:
            pump.idle.clear()
            if not self._guarded(pump.step):
                pump.idle.set()

        at_fixed_times(read, self._poll_seconds, self._stopping)

    def _serve(self, pump: QueuePump) -> None:
        while not self._draining.is_set():
            self._guarded(pump.step)

    def _tick(self, schedule: Schedule) -> None:
        """Call a scheduled function at full multiples of its rate. EventBridge does so too, to the minute."""
        while not self._draining.wait(schedule.seconds - time.time() % schedule.seconds):
            self._guarded(lambda: bool(self._call(schedule.function, scheduled_event(schedule, time.time()))))

    def _sweep(self) -> None:
        dynamodb = self._endpoints.client("dynamodb")
        while not self._stopping.wait(_SWEEP_SECONDS):
            for table in self._tables:
                self._guarded(partial(self._sweep_table, dynamodb, table))

    def _sweep_table(self, dynamodb: Any, table: Table) -> bool:
        if count := ttl.sweep(dynamodb, table, self._stopping.wait):
            logger.info("TTL: %d expired items deleted from %s", count, table.name)
        return bool(count)


def main(arguments: list[str]) -> None:
    plan = Plan.load(Path(arguments[0]))
    descriptors = Descriptors(*map(int, arguments[1:5]))
    stop = threading.Event()
    begin_child(stop.set, descriptors)
    endpoints = Endpoints(plan.engine, plan.dynamodb, plan.ministack)
    try:
        pump = Pump(plan, endpoints)
    except Exception as error:
        logger.exception("the pump could not start")
        problem(f"the pump could not start: {error}")
        end_child(1)
    watch_targets()
    threading.Thread(target=pump.wake.follow, args=(descriptors.wake_read,), daemon=True).start()
    Home(Path(plan.home)).pump_ready.touch()
    pump.run(stop)
    end_child()


if __name__ == "__main__":
    main(sys.argv[1:])
