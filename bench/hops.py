"""A model of how long a message takes on AWS: its hops, each with a p50 and a p95, and their sums.

AWS publishes few such times. Each hop says whether its times are published, follow from what is published, or are
assumed. The sums come from a hundred thousand messages, whose hops are drawn from log-normal distributions with these
two percentiles, independently of each other. The numbers that are drawn are the same in every run.
"""

from __future__ import annotations

import math
import random
from typing import NamedTuple

_MESSAGES = 100_000
_P95 = 1.645
"""How many standard deviations the p95 of a normal distribution lies above its middle."""


class Hop(NamedTuple):
    """One hop of a message.

    Attributes:
        p50: In milliseconds; so is `p95`.
        source: Where the times come from.
    """

    name: str
    p50: float
    p95: float
    source: str


_NETWORK = "assumed: a phone or a browser on the same continent"
_SINGLE_DIGIT = (
    "assumed, with [single-digit milliseconds on average](https://repost.aws/knowledge-center/dynamodb-high-latency) "
    "inside DynamoDB, and the way there"
)
_GATEWAY = (
    "assumed; AWS publishes [under 10 ms for 99 % of requests]"
    "(https://aws.amazon.com/blogs/compute/building-better-apis-http-apis-now-generally-available/) for HTTP APIs, and "
    "that other APIs take up to 2.5 times as long"
)
UP = Hop("the network, from the sender", 15, 40, _NETWORK)
SOCKET_IN = Hop("API Gateway, a frame from a socket", 8, 20, _GATEWAY)
REST_IN = Hop("API Gateway, a REST request", 8, 20, _GATEWAY)
INVOKE = Hop("Lambda, to a warm container", 4, 12, "assumed; AWS publishes nothing")
_WORK = "[CPU](speed.md#operations), divided by the share of a processor that {} MB of memory bring"
SOCKET_CODE = Hop("the own work of `ws_message`", 6, 12, _WORK.format(512))
REST_CODE = Hop("the own work of `rest_api`", 4, 8, _WORK.format("1,024"))
FAN_OUT_CODE = Hop("the own work of `fan_out`", 2, 4, "CPU for a room of ten, on one whole processor")
DYNAMODB = Hop("DynamoDB, one request", 5, 10, _SINGLE_DIGIT)
STREAM = Hop(
    "the stream, from the write until fan-out begins",
    213,
    417,
    "[measured by others, over 1,024 messages](https://bitesizedserverless.com/bite/serverless-messaging-latency-compared/)"
    " (P50 213 ms, P90 341 ms, P99 552 ms). Lambda polls "
    "[four times a second](https://docs.aws.amazon.com/lambda/latest/dg/with-ddb.html)",
)
POST = Hop("a post to `@connections`", 12, 30, "assumed: one request to API Gateway inside the region")
DOWN = Hop("the network, to the receiver", 15, 40, _NETWORK)
HOPS = (UP, SOCKET_IN, REST_IN, INVOKE, SOCKET_CODE, REST_CODE, FAN_OUT_CODE, DYNAMODB, STREAM, POST, DOWN)

# Rights, counters and message are three requests in a row. Who is in the room is read beside the rights.
_WRITTEN = (INVOKE, SOCKET_CODE, DYNAMODB, DYNAMODB, DYNAMODB)
# The account's requests need no rights.
_WRITTEN_BY_REST = (INVOKE, REST_CODE, DYNAMODB, DYNAMODB)
# Fan-out reads the members and their presence.
_FANNED_OUT = (STREAM, FAN_OUT_CODE, DYNAMODB, DYNAMODB)
PATHS = {
    "by socket, with the fast path": (UP, SOCKET_IN, *_WRITTEN, POST, DOWN),
    "by socket with a token, with the fast path": (UP, SOCKET_IN, *_WRITTEN, DYNAMODB, POST, DOWN),
    "by socket, without it": (UP, SOCKET_IN, *_WRITTEN, *_FANNED_OUT, POST, DOWN),
    "by REST, with the fast path": (UP, REST_IN, *_WRITTEN_BY_REST, POST, DOWN),
    "by REST, without it": (UP, REST_IN, *_WRITTEN_BY_REST, *_FANNED_OUT, POST, DOWN),
}


def table() -> list[list[str]]:
    """The hops with their times and sources."""
    rows = [[hop.name, f"{hop.p50:g} ms", f"{hop.p95:g} ms", hop.source] for hop in HOPS]
    return [["Hop", "p50", "p95", "Source"], *rows]


def totals() -> list[list[str]]:
    """The p50 and the p95 of whole paths, and of what happens inside AWS."""
    rows = [["A message 1:1", "p50", "p95", "p50 inside AWS", "p95 inside AWS"]]
    for name, hops in PATHS.items():
        inside = tuple(hop for hop in hops if hop not in (UP, DOWN))
        rows.append([name, *(f"{time:.0f} ms" for path in (hops, inside) for time in _percentiles(path))])
    return rows


def _percentiles(path: tuple[Hop, ...]) -> tuple[float, float]:
    draw = random.Random(1).gauss
    shapes = [(math.log(hop.p50), math.log(hop.p95 / hop.p50) / _P95) for hop in path]
    sums = sorted(sum(math.exp(draw(middle, width)) for middle, width in shapes) for _ in range(_MESSAGES))
    return sums[_MESSAGES // 2], sums[_MESSAGES * 95 // 100]
