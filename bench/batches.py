"""How long messages wait for the batch before them, without notifications and with them, if requests take their time.

    python -m bench.batches          (two minutes, loopback only)

A shard's batches are worked off one after the other, so what a batch takes longer, messages behind it wait longer. Here
the messages of a busy shard come at random moments, the same moments for a channel without notifications and for one
with them. Fan-out gets all that have come, as Lambda hands them over. Each request to the table, to
the queue and to a socket takes as long as in AWS; the emulators of a local stack answer sooner. What is measured is the
time from the moment when a change came to the one when its pushes were answered.
"""

from __future__ import annotations

import logging
import random
import statistics
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

# The package lies in the layer, where `python -m` would not look.
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "layers/common/python"))

from local.emulators.engine import start_engine
from local.home import REPOSITORY, Home
from local.template.template import Template
from parley.ids import member_sid, user_sid
from parley.ports.sockets.gateway import Outcome
from parley.sockets.protocols import NATIVE
from parley.store import keys
from parley.store.items import Record, to_item
from parley.store.keys import Key
from tests.ports.fakes import FakeGateway, FakeQueue
from tests.support.doors import LambdaDoor, Raw
from tests.support.world import World

TABLE_SECONDS, QUEUE_SECONDS, SOCKET_SECONDS = 0.005, 0.012, 0.012
MESSAGES, PER_SECOND, ROUNDS = 150, 15, 4
ROOMS = 2, 50
_LARGEST_BATCH = 50


class _SlowGateway(FakeGateway):
    """Takes its time for each call; `answered_at` is when it last answered."""

    answered_at = 0.0

    def post(
        self,
        pushes: Iterable[tuple[str, bytes]],
        deadline_seconds: float = 10.0,
        when_sent: Callable[[], None] | None = None,
    ) -> dict[str, Outcome]:
        outcomes = super().post(pushes, deadline_seconds, when_sent)
        time.sleep(SOCKET_SECONDS)
        self.answered_at = time.monotonic()
        return outcomes


class _SlowQueue(FakeQueue):
    def send(self, entries: Sequence[Any], delay_seconds: int = 0) -> None:
        time.sleep(QUEUE_SECONDS)
        super().send(entries, delay_seconds)


class Shard:
    """An account whose changes come in one shard, and a container of fan-out that works them off."""

    def __init__(self, client: Any, table_name: str) -> None:
        self._world = World(client, table_name)
        self._gateway, self._queue = _SlowGateway(), _SlowQueue(keeps_order=True)
        settings = {"rest_url": LambdaDoor.base_url, "push_queue_url": "push.fifo"}
        self._runtime = self._world.wire(settings, sockets=self._gateway, queue=lambda url: self._queue)
        self._raw = Raw(LambdaDoor(self._world))

    def messages(self, members: int, *, notifying: bool) -> list[dict[str, Any]]:
        """New messages of a channel of which each member has a socket open, as the stream carries them."""
        service = self._raw.post("/chat/v2/Services", FriendlyName="x")["sid"]
        path = f"/chat/v2/Services/{service}"
        if notifying:
            self._raw.post(path, {"Notifications.NewMessage.Enabled": "true"})
        channel = self._raw.post(f"{path}/Channels")["sid"]
        self._fill(service, channel, members)
        return [self._sent(path, channel) for _ in range(MESSAGES)]

    def _fill(self, service: str, channel: str, members: int) -> None:
        until = self._world.clock.now_ms() // 1000 + 7200
        records: dict[Key[Any], Record] = {}
        for number in range(members):
            identity = f"user {number}"
            user, member = user_sid(service, identity), member_sid(channel, identity)
            names = {"sid": member, "identity": identity, "channel_sid": channel, "service_sid": service}
            records[keys.member(channel, member)] = {**names, "cause": {"id": "x", "at": 0}}
            entry = {"at": 0, "until": until, "codec": NATIVE}
            records[keys.presence(user)] = {f"connection:{channel} {number}": entry, "expires_at": until}
            self._gateway.open(f"{channel} {number}")
        self._world.table.put_many(records)

    def _sent(self, path: str, channel: str) -> dict[str, Any]:
        index = self._raw.post(f"{path}/Channels/{channel}/Messages", Body="hello")["index"]
        key = keys.message(channel, index)
        item = to_item({**key._asdict(), **(self._world.table.fetch(key) or {})})
        image = {"Keys": {name: item[name] for name in ("pk", "sk")}, "NewImage": item}
        return {"eventName": "INSERT", "dynamodb": {**image, "SequenceNumber": str(index)}}

    def work_off(self, records: list[dict[str, Any]], moments: list[float]) -> list[float]:
        """Seconds from the moment when each record came until its pushes were answered."""
        began, taken = time.monotonic(), list[float]()
        while len(taken) < len(records):
            time.sleep(max(0.0, began + moments[len(taken)] - time.monotonic()))
            come = sum(began + moment <= time.monotonic() for moment in moments)
            batch = records[len(taken) : min(come, len(taken) + _LARGEST_BATCH)]
            assert self._runtime.fan_out.deliver(batch) is None
            taken += [
                self._gateway.answered_at - began - moment for moment in moments[len(taken) : len(taken) + len(batch)]
            ]
        return taken

    def queued(self) -> int:
        """How many people are to be notified of something since this was last asked."""
        return sum(len(entry["people"]) for entry in self._queue.take())


def _measure(client: Any, table_name: str) -> None:
    shard, chance = Shard(client, table_name), random.Random(1)
    for members in ROOMS:
        sent = {name: shard.messages(members, notifying=name == "with") for name in ("without", "with")}
        taken: dict[str, list[float]] = {name: [] for name in sent}
        with _Slow(client):
            for number in range(ROUNDS):
                moments = _moments(chance)
                for name in sorted(sent, reverse=bool(number % 2)):
                    taken[name] += shard.work_off(sent[name], moments)
                    # The messages are of the system, so all members hear of them.
                    assert shard.queued() == (MESSAGES * members if name == "with" else 0)
        _report(f"{PER_SECOND} messages a second, {members} members", taken)


def _moments(chance: random.Random) -> list[float]:
    at, moments = 0.0, list[float]()
    for _ in range(MESSAGES):
        at += chance.expovariate(PER_SECOND)
        moments.append(at)
    return moments


class _Slow:
    """Inside, each request of a client to the table takes its time."""

    def __init__(self, client: Any) -> None:
        self._events = client.meta.events

    def _wait(self, **_: Any) -> None:
        time.sleep(TABLE_SECONDS)

    def __enter__(self) -> None:
        self._events.register("before-call.dynamodb", self._wait)

    def __exit__(self, *_: object) -> None:
        self._events.unregister("before-call.dynamodb", self._wait)


def _report(pace: str, taken: dict[str, list[float]]) -> None:
    shown = {name: (statistics.median(times), statistics.quantiles(times, n=20)[18]) for name, times in taken.items()}
    for name, (half, most) in sorted(shown.items(), reverse=True):
        print(f"{pace}, {name + ' notifications':<24} p50 {half * 1000:6.1f} ms   p95 {most * 1000:6.1f} ms")
    half, most = (after / before for before, after in zip(shown["without"], shown["with"], strict=True))
    print(f"{pace}, with to without          p50 {half:6.2f}      p95 {most:6.2f}")


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        endpoints = start_engine(Home(Path(folder)))
        try:
            client = endpoints.client("dynamodb")
            (table,) = Template(REPOSITORY / "template.yaml", str(uuid.uuid4())).tables()
            client.create_table(**table.definition)
            logging.disable()
            _measure(client, table.name)
        finally:
            endpoints.stop()


if __name__ == "__main__":
    main()
