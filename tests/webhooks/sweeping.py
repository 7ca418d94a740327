"""What the tests of sweeps have in common: ways to interrupt a sweep, and a look at what is left."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

import pytest

from parley.operations.context import Caller
from parley.operations.sweeps import sweep
from parley.operations.table import OPERATIONS
from tests.sockets.deployment import Deployment, House, Room
from tests.support.killing import Killed, killed_every
from tests.webhooks.function import WebhooksFunction


def left_in(house: House, partition: str) -> Counter[str]:
    """What is stored under a partition key, by what its sort keys begin with; tombstones apart."""
    found: Counter[str] = Counter()
    for item in items(house, partition):
        kind = item["sk"]["S"].partition("#")[0]
        found["tombstone" if "deleted_at" in item else kind] += 1
    return found


def items(house: House, partition: str) -> list[dict[str, Any]]:
    client = house.deployment.world._client
    request: dict[str, Any] = {
        "TableName": house.deployment.world._table_name,
        "KeyConditionExpression": "pk = :pk",
        "ExpressionAttributeValues": {":pk": {"S": partition}},
        "ConsistentRead": True,
    }
    items = []
    while True:
        answer = client.query(**request)
        items += answer["Items"]
        if "LastEvaluatedKey" not in answer:
            return items
        request["ExclusiveStartKey"] = answer["LastEvaluatedKey"]


def joined(house: House, identity: str) -> int:
    return int(house.rest.get(f"{house.path}/Users/{identity}")["joined_channels_count"])


def status(house: House, *paths: str) -> set[int]:
    """The statuses of GETs below the service."""
    return {house.rest("GET", house.path + path).status for path in paths}


def do(house: House, kind: str, room: Room | None, given: dict[str, Any]) -> Any:
    """Create something without the way through the door, for there is much to create."""
    house.deployment.world.clock.advance(0.001)
    path = {"service_sid": house.sid} | ({"channel_sid": room.sid} if room else {})
    return OPERATIONS[kind, "create"](house.deployment.world.context(), path, given)


def sweep_among_deaths(house: House, job: dict[str, Any], every: int) -> None:
    """Sweep to the end, although the sweep dies after each `every` requests and begins again."""
    context = house.deployment.world.context(Caller())
    with killed_every(every):
        for _ in range(400):
            with suppress(Killed):
                if sweep(context, job, lambda: False) is None:
                    return
    pytest.fail("the sweep does not end")


def late_after(looks: int) -> Callable[[], bool]:
    """A function that is in a hurry from the given look at the clock on."""
    seen = iter(range(looks))
    return lambda: next(seen, None) is None


def at_once(deployment: Deployment, job: dict[str, Any], times: int) -> None:
    """Run a sweep in several containers side by side; each must come to its end."""
    with ThreadPoolExecutor(times) as pool:
        containers = [deployment.world.another_container() for _ in range(times)]
        running = [pool.submit(sweep, each.context(Caller()), job, lambda: False) for each in containers]
        assert [each.result() for each in running] == [None] * times


def jobs(webhooks: WebhooksFunction) -> list[dict[str, Any]]:
    webhooks.plan()
    return webhooks.work.take()
