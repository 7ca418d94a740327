"""What the functions count: one table of metrics, and the lines in CloudWatch's embedded metric format that carry them.

A metric costs money for each combination of its name and dimensions. So there are few dimensions: the function
(`service`) and, for refused requests, the code of the answer, which comes from the table of answers. Nothing that a
client chooses is a dimension. A metric that was not counted in an invocation is not written, so it costs nothing.
"""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import NamedTuple

from aws_lambda_powertools.metrics import EphemeralMetrics

COUNT, MILLISECONDS = "Count", "Milliseconds"


class Metric(NamedTuple):
    """One metric.

    Attributes:
        name: Its name in CloudWatch.
        unit: Its unit in CloudWatch.
        functions: The functions that count it, the values of the dimension `service`.
        meaning: What one count of it says.
        by_code: Whether it has the dimension `code` beside `service`.
    """

    name: str
    unit: str
    functions: str
    meaning: str
    by_code: bool = False


_DOORS = "rest_api ws_connect ws_message"
_PUSHING = "fan_out ws_message ws_connect"
_ALL = "rest_api ws_connect ws_message ws_disconnect fan_out webhooks push carriers"

REQUESTS = Metric("Requests", COUNT, _DOORS, "a REST request, an opened socket or a frame was answered")
REQUEST_ERRORS = Metric("RequestErrors", COUNT, _DOORS, "such a request was refused with this code", by_code=True)
SERVER_ERRORS = Metric("ServerErrors", COUNT, _DOORS, "such a request was answered with a status of 500 or more")
MESSAGES = Metric("Messages", COUNT, "rest_api ws_message webhooks", "a new message was stored")
FAN_OUT_LAG = Metric(
    "FanOutLag", MILLISECONDS, "fan_out", "the time from the write of a change to the end of the pushes of its batch"
)
PUSHES = Metric("Pushes", COUNT, _PUSHING, "API Gateway took a push to a socket")
PUSHES_GONE = Metric("PushesGone", COUNT, _PUSHING, "a push met a closed socket (410), which Parley then forgot")
PUSHES_THROTTLED = Metric(
    "PushesThrottled", COUNT, _PUSHING, "API Gateway answered a push with 429; Parley tries again"
)
PUSHES_DROPPED = Metric(
    "PushesDropped", COUNT, "fan_out", "a socket missed changes, because Parley gave up pushes to it"
)
FAST_PUSHES = Metric(
    "FastPushes", COUNT, "rest_api ws_message", "a socket was pushed a message by the function that wrote it"
)
GAPS_TOLD = Metric("GapsTold", COUNT, "fan_out", "a client that missed pushes was told to catch up")
WEBHOOK_DELIVERED = Metric("WebhookDelivered", COUNT, "webhooks", "a webhook was answered with 2xx")
WEBHOOK_REJECTED = Metric(
    "WebhookRejected", COUNT, "webhooks", "a webhook was answered with a status that no further attempt would change"
)
WEBHOOK_FAILED = Metric("WebhookFailed", COUNT, "webhooks", "an attempt met a server error or a forbidden address")
WEBHOOK_UNREACHABLE = Metric("WebhookUnreachable", COUNT, "webhooks", "an attempt got no answer, or 429, 503 or 504")
WEBHOOK_RETRIED = Metric("WebhookRetried", COUNT, "webhooks", "a delivery went back into the queue for another attempt")
WEBHOOK_PARKED = Metric("WebhookParked", COUNT, "webhooks", "Parley parked a delivery, which waits for a replay")
WEBHOOK_DURATION = Metric("WebhookDuration", MILLISECONDS, "webhooks", "the time that an attempt took")
TEXTS = Metric("Texts", COUNT, "carriers", "AWS took a text to a phone")
TEXTS_REFUSED = Metric(
    "TextsRefused", COUNT, "carriers", "a text cannot be sent; its receipt has this code", by_code=True
)
TEXTS_RETRIED = Metric("TextsRetried", COUNT, "carriers", "AWS was busy or did not answer; Parley tries again")
TEXTS_HELD_BACK = Metric(
    "TextsHeldBack", COUNT, "carriers", "a text waits, because the account has spent what it may at AWS"
)
NOTIFICATIONS = Metric("Notifications", COUNT, "push", "SNS took a notification for a phone or a browser")
NOTIFICATIONS_GONE = Metric("NotificationsGone", COUNT, "push", "a device is gone; Parley removed its registration")
NOTIFICATIONS_REFUSED = Metric(
    "NotificationsRefused", COUNT, "push", "a credential cannot be used; the log names it", by_code=True
)
NOTIFICATIONS_RETRIED = Metric(
    "NotificationsRetried", COUNT, "push", "a device could not be reached; Parley tries again"
)
NOTIFICATIONS_GIVEN_UP = Metric(
    "NotificationsGivenUp", COUNT, "push", "a device could not be reached for ten minutes and misses a notification"
)
TEXTS_DELIVERED = Metric("TextsDelivered", COUNT, "webhooks carriers", "a message to a phone has arrived there")
TEXTS_FAILED = Metric(
    "TextsFailed", COUNT, "webhooks carriers", "a message to a phone did not arrive; its receipt says why"
)
TEXTS_COST = Metric("TextsCost", COUNT, "carriers", "AWS named the price of a text; in millionths of a US dollar")
TABLE_THROTTLES = Metric("TableThrottles", COUNT, _ALL, "DynamoDB refused a request because of throttling")

METRICS = (
    REQUESTS,
    REQUEST_ERRORS,
    SERVER_ERRORS,
    MESSAGES,
    FAN_OUT_LAG,
    PUSHES,
    PUSHES_GONE,
    PUSHES_THROTTLED,
    PUSHES_DROPPED,
    FAST_PUSHES,
    GAPS_TOLD,
    WEBHOOK_DELIVERED,
    WEBHOOK_REJECTED,
    WEBHOOK_FAILED,
    WEBHOOK_UNREACHABLE,
    WEBHOOK_RETRIED,
    WEBHOOK_PARKED,
    WEBHOOK_DURATION,
    TEXTS,
    TEXTS_REFUSED,
    TEXTS_RETRIED,
    TEXTS_HELD_BACK,
    NOTIFICATIONS,
    NOTIFICATIONS_GONE,
    NOTIFICATIONS_REFUSED,
    NOTIFICATIONS_RETRIED,
    NOTIFICATIONS_GIVEN_UP,
    TEXTS_DELIVERED,
    TEXTS_FAILED,
    TEXTS_COST,
    TABLE_THROTTLES,
)


# Takes a metric, how much to add, and the code of a metric by code (0 for any other).
Counter = Callable[[Metric, float, int], None]
_counter: ContextVar[Counter | None] = ContextVar("counter", default=None)


def count(metric: Metric, value: float = 1, code: int = 0) -> None:
    """Count a metric for the invocation that is under way; outside of one, nothing happens."""
    if counter := _counter.get():
        counter(metric, value, code)


@contextmanager
def counting(counter: Counter) -> Iterator[None]:
    """Hand what is counted in the block to `counter`."""
    token = _counter.set(counter)
    try:
        yield
    finally:
        _counter.reset(token)


class Counts:
    """What one function has counted since it last wrote its metrics. Safe to call from several threads."""

    def __init__(self, namespace: str, service: str):
        self._namespace = namespace
        self._service = service
        self._lock = threading.Lock()
        self._values: dict[tuple[Metric, int], list[float]] = {}

    def add(self, metric: Metric, value: float, code: int) -> None:
        """Keep a count. Counts of one metric are summed; times are kept one by one, so that percentiles are right."""
        with self._lock:
            values = self._values.setdefault((metric, code if metric.by_code else 0), [])
            if values and metric.unit == COUNT:
                values[0] += value
            else:
                values.append(value)

    def write(self) -> None:
        """Print what was counted: one line, and one more for each code of a refusal."""
        with self._lock:
            counted, self._values = self._values, {}
        lines: dict[int, EphemeralMetrics] = {}
        for (metric, code), values in counted.items():
            if code not in lines:
                lines[code] = EphemeralMetrics(namespace=self._namespace, service=self._service)
                if code:
                    lines[code].add_dimension("code", str(code))
            for value in values:
                lines[code].add_metric(metric.name, metric.unit, value)
        for line in lines.values():
            if line.metric_set:
                # Text and end of line in one piece: local functions write to one file from several threads.
                sys.stdout.write(json.dumps(line.serialize_metric_set(), separators=(",", ":")) + "\n")
                sys.stdout.flush()
