"""What connected people ask of AWS each second, from what operations cost and from how people use a service.

Everything except the stream's readers grows with the number of people, so each limit is reached at a certain number of
people. The figures are for the busiest minute of a day, in a table that has been busy before.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from bench.model.quotas import Limit
from parley.sockets.fast_push import FEWEST_CONNECTIONS, MOST_CONNECTIONS, MOST_PUSHES, REMEMBERED_MS


class Cost(NamedTuple):
    """What one operation costs: DynamoDB's requests, write units and read units."""

    requests: float
    writes: float
    reads: float


class Costs(NamedTuple):
    """What the operations cost that people carry out all the time.

    Attributes:
        send, typing, fan_out: By the number of sockets in the room. The fan-out is that of one message.
        session: The frames with which a client begins, together.
    """

    send: Mapping[int, Cost]
    read_on: Cost
    typing: Mapping[int, Cost]
    connect: Cost
    disconnect: Cost
    session: Cost
    fan_out: Mapping[int, Cost]


@dataclass(frozen=True)
class Use:
    """How people use a service at the busiest time.

    Attributes:
        sockets: How many sockets are open in a room, the sender's included.
        messages: How many messages each connected person sends a second.
        typing: How often a person says that it types, for each message.
        reads: How many of a room report that they have read a message, for each message.
        is_fast: Whether the function that writes a message pushes it, too.

    Raises:
        ValueError: if the fast path leaves such a room to fan-out.
    """

    name: str
    sockets: int
    messages: float
    typing: float
    reads: float
    is_fast: bool

    def __post_init__(self) -> None:
        pushes = self.sockets * self.messages * max(self.sockets, FEWEST_CONNECTIONS)
        is_busy = pushes * REMEMBERED_MS / 1000 > MOST_PUSHES
        if self.is_fast and (self.sockets > MOST_CONNECTIONS or is_busy):
            raise ValueError(f"{self.name}: fan-out pushes in such rooms, so is_fast must be False")


PING_SECONDS = 240
"""A client that has sent nothing for so long pings."""
LIFE_SECONDS = 6450
"""A client moves to a new socket after 105 to 110 minutes."""
SESSION_FRAMES = 3
"""`fetchSession`, `listMyChannels`, `catchUp`."""
TOKEN_SECONDS = 3600
"""Connections are listed under the minute in which their token ends, and a tick works such a minute off."""
_TICK_SECONDS = 0.001
_SECONDS_PER_REQUEST, _SECONDS_BESIDE = 0.006, 0.01
_SECONDS_TO_PUSH = 0.02
_REMEMBERED_SECONDS, _REMEMBERED_OF_ACCOUNT = 10, 2
LEAST_SHARDS = 4
_WEBHOOK_SECONDS, _SIDE_BY_SIDE = 0.1, 10
_NOTIFICATION_SECONDS, _IN_FLIGHT = 0.03, 16


def seconds(cost: Cost, *, pushes: bool = False) -> float:
    """How long a function runs for an operation: its requests one after the other, and its own work."""
    return _SECONDS_BESIDE + cost.requests * _SECONDS_PER_REQUEST + (_SECONDS_TO_PUSH if pushes else 0)


def demand(users: float, use: Use, costs: Costs, due_shards: int) -> dict[str, float]:
    """How much of each limit the users need, in the limit's unit."""
    sent = users * use.messages
    typed, read = sent * use.typing, sent * use.reads
    opened = users / LIFE_SECONDS
    send, typing, fan_out = (of[use.sockets] for of in (costs.send, costs.typing, costs.fan_out))
    frames = sent + typed + read + users / PING_SECONDS + opened * SESSION_FRAMES
    # The fast path lays the sender's own push into the reply.
    told = sent * (use.sockets - 1 if use.is_fast else use.sockets)
    read_told = read * use.sockets
    pushes = told + typed * (use.sockets - 1) + read_told
    writes = (
        sent * send.writes + read * costs.read_on.writes + opened * (costs.connect.writes + costs.disconnect.writes)
    )
    reads = (
        sent * (send.reads + fan_out.reads)
        + read * (costs.read_on.reads + fan_out.reads)
        + typed * typing.reads
        + opened * (costs.connect.reads + costs.session.reads)
    )
    executions = (
        sent * seconds(send, pushes=use.is_fast)
        + typed * seconds(typing, pushes=True)
        + read * seconds(costs.read_on)
        + opened * (seconds(costs.connect) + seconds(costs.disconnect) + seconds(costs.session))
    )
    shards = max(LEAST_SHARDS, math.ceil(writes / 1_000))
    deliveries, notifications = sent * _WEBHOOK_SECONDS / _SIDE_BY_SIDE, sent * _NOTIFICATION_SECONDS / _IN_FLIGHT
    return {
        "gateway": frames + 2 * opened + pushes,
        "stage": frames + 2 * opened,
        "connections": opened,
        # Both readers of the stream run once for each shard.
        "concurrency": executions + 2 * shards + deliveries + notifications,
        "table writes": writes,
        "table reads": reads,
        # Everybody who connects is listed under the minute in which it ends, in a few partitions.
        "partition writes": opened / due_shards,
        # Each container reads the service and the API key again every ten seconds, both in the account's partition.
        "partition reads": executions * _REMEMBERED_OF_ACCOUNT / _REMEMBERED_SECONDS,
        "posts": ((0 if use.is_fast else told) + read_told) / shards,
        "deliveries": deliveries,
        "notifications": notifications,
        "tick": users / TOKEN_SECONDS * 60 * _TICK_SECONDS,
    }


class Used(NamedTuple):
    """How much of a limit is used: 1 is all of it."""

    key: str
    needed: float
    share: float


def used(needed: Mapping[str, float], limits: Mapping[str, Limit]) -> list[Used]:
    """How much of each limit is used, the fullest first."""
    found = [Used(key, amount, amount / limits[key].value) for key, amount in needed.items()]
    return sorted(found, key=lambda one: -one.share)


def breaking_point(use: Use, costs: Costs, limits: Mapping[str, Limit], due_shards: int) -> tuple[str, float]:
    """The limit that is reached first, and with how many people."""
    low, high = 1.0, 1e9
    while high / low > 1.0001:
        middle = math.sqrt(low * high)
        if used(demand(middle, use, costs, due_shards), limits)[0].share > 1:
            high = middle
        else:
            low = middle
    return used(demand(high, use, costs, due_shards), limits)[0].key, low
