"""How much longer a batch of fan-out takes with notifications, if requests take as long as in AWS.

Lambda works off a shard's batches one after the other. So if a batch takes longer, the messages behind it wait longer.
Here batches of a channel with notifications and of a channel without them take turns, so that a busy machine slows
both. Each request to the table, to the queue and to a socket takes as long as in AWS; the emulators of a local stack
answer sooner. Two times are measured: until the pushes were answered, and until the whole batch was done.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from bench.engines import engine_with_table
from bench.figures import RATIO, TIME, Figure, Findings
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
ROUNDS, QUICK_ROUNDS = 60, 15
ROOMS = 2, 50
BATCHES = 1, 10


class _SlowGateway(FakeGateway):
    """Takes its time for each call; `answered_at` is when it last answered."""

    answered_at = 0.0

    def post(
        self,
        pushes: Iterable[tuple[str, bytes]],
        deadline_seconds: float = 10.0,
        when_sent: Callable[[], None] | None = None,
        *,
        is_patient: bool = True,
    ) -> dict[str, Outcome]:
        outcomes = super().post(pushes, deadline_seconds, when_sent, is_patient=is_patient)
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
        return [self._sent(path, channel) for _ in range(max(BATCHES))]

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

    def work_off(self, batch: list[dict[str, Any]]) -> tuple[float, float]:
        """Seconds until the pushes of a batch were answered, and until it was done."""
        began = time.monotonic()
        assert self._runtime.fan_out.deliver(batch) is None
        return self._gateway.answered_at - began, time.monotonic() - began

    def queued(self) -> int:
        """How many people are to be notified of something since this was last asked."""
        return sum(len(entry["people"]) for entry in self._queue.take())


def measure(quick: bool) -> Findings:
    """Let batches with notifications and without take turns."""
    found = Findings()
    with engine_with_table() as (endpoints, table):
        client = endpoints.client("dynamodb")
        shard = Shard(client, table)
        for members in ROOMS:
            _compare(found, client, shard, members, QUICK_ROUNDS if quick else ROUNDS)
    return found


def _compare(found: Findings, client: Any, shard: Shard, members: int, rounds: int) -> None:
    sent = {name: shard.messages(members, notifying=name == "with") for name in ("without", "with")}
    for size in BATCHES:
        taken: dict[str, list[tuple[float, float]]] = {name: [] for name in sent}
        with _Slow(client):
            for number in range(rounds):
                for name in sorted(sent, reverse=bool(number % 2)):
                    taken[name].append(shard.work_off(sent[name][:size]))
                    # The messages are of the system, so all members hear of them.
                    assert shard.queued() == (size * members if name == "with" else 0)
        batch = f"{size} message{'s' if size > 1 else ''} to {members} members"
        for part, name in enumerate(("pushes answered", "batch done")):
            # The fastest tenth is disturbed least by whatever else the machine does.
            best = {of: statistics.quantiles([one[part] for one in times], n=10)[0] for of, times in taken.items()}
            ratio = best["with"] / best["without"]
            found.figures += [
                Figure(f"{batch}, {name}: with notifications, by without", round(ratio, 3), "times", RATIO),
                Figure(f"{batch}, {name}: with notifications", round(best["with"] * 1000, 1), "ms", TIME),
            ]


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
