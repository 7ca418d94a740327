"""Counts what a DynamoDB client asks for, writes and reads: requests, write units and read units."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

from botocore.exceptions import ClientError

from parley.ports.aws import AwsClient

_WRITES = {"PutItem", "UpdateItem", "DeleteItem", "BatchWriteItem", "TransactWriteItems"}

Allowed = tuple[int, float, float]
"""What an operation may cost: requests, write units and read units."""


@dataclass(frozen=True)
class Cost:
    """One operation: what it cost, and what it may."""

    operation: str
    requests: int
    write_units: float
    read_units: float
    allowed: Allowed

    @property
    def found(self) -> Allowed:
        """What it cost, in the order of `allowed`."""
        return self.requests, self.write_units, self.read_units

    @property
    def is_within_budget(self) -> bool:
        return all(found <= most for found, most in zip(self.found, self.allowed, strict=True))


class Meter:
    """Reads the capacity that DynamoDB reports with every answer; `requests` counts refused ones too.

    Units are those of the table and of its indexes together. Several threads may use the client.
    """

    def __init__(self) -> None:
        self.requests: Counter[str] = Counter()
        self.write_units = 0.0
        self.read_units = 0.0
        self._lock = threading.Lock()

    def ask(self, params: dict[str, Any], **_: Any) -> None:
        """Have the next request report its capacity."""
        params["ReturnConsumedCapacity"] = "TOTAL"

    def note(self, parsed: Mapping[str, Any], model: Any, **_: Any) -> None:
        """Count an answer."""
        reported = parsed.get("ConsumedCapacity") or []
        units = sum(part["CapacityUnits"] for part in (reported if isinstance(reported, list) else [reported]))
        with self._lock:
            self.requests[model.name] += 1
            if model.name in _WRITES:
                self.write_units += units
            else:
                self.read_units += units


@contextmanager
def metered(client: Any) -> Iterator[Meter]:
    """Count what a client does inside, Parley's own or botocore's."""
    meter = Meter()
    if isinstance(client, AwsClient):
        with _watched(client, meter):
            yield meter
        return
    events = client.meta.events
    events.register("before-parameter-build.dynamodb", meter.ask)
    events.register("after-call.dynamodb", meter.note)
    try:
        yield meter
    finally:
        events.unregister("before-parameter-build.dynamodb", meter.ask)
        events.unregister("after-call.dynamodb", meter.note)


@contextmanager
def _watched(client: AwsClient, meter: Meter) -> Iterator[None]:
    ask = client.ask

    def counted(operation: str, **request: Any) -> dict[str, Any]:
        meter.ask(request)
        answer: Mapping[str, Any] = {}
        try:
            answer = ask(operation, **request)
        except ClientError as error:
            answer = error.response
            raise
        finally:
            meter.note(answer, SimpleNamespace(name=operation))
        return dict(answer)

    client.ask = counted  # type: ignore[method-assign]
    try:
        yield
    finally:
        del client.ask
