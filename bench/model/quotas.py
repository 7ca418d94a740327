"""What AWS allows an account in one Region, and what Parley's template sets: one table, with date and sources.

If Service Quotas can raise a limit, its row has the limit's name there, and the code by which the console finds it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple

READ_ON = "2026-11-22"
"""When the sources were read."""

FIXED = "nobody can raise it"
QUOTAS = "Service Quotas"
PARAMETER = "a parameter"
TEMPLATE = "a number in template.yaml"
WARMING = "warm throughput of the table"


@dataclass(frozen=True)
class Limit:
    """One limit.

    Attributes:
        name: As AWS's console or the template calls it.
        owner: Whose limit it is.
        value: The default, in `unit`.
        raised: How it is raised, or FIXED.
        source: Where it is documented.
        code: The code of the quota.
    """

    name: str
    owner: str
    value: float
    unit: str
    raised: str
    source: str
    code: str = ""


class Setting(NamedTuple):
    """A limit that is raised, and to what."""

    key: str
    value: float


_DOCS = "docs.aws.amazon.com"
_GATEWAY = f"{_DOCS}/apigateway/latest/developerguide/limits.html"
_SOCKETS = f"{_DOCS}/apigateway/latest/developerguide/apigateway-execution-service-websocket-limits-table.html"
_LAMBDA = f"{_DOCS}/lambda/latest/dg/gettingstarted-limits.html"
_SCALING = f"{_DOCS}/lambda/latest/dg/scaling-behavior.html"
_STREAMS = f"{_DOCS}/lambda/latest/dg/services-ddb-params.html"
_TABLES = f"{_DOCS}/amazondynamodb/latest/developerguide/ServiceQuotas.html"
_WARM = f"{_DOCS}/amazondynamodb/latest/developerguide/warm-throughput-scenarios.html"
_POSTER = "ports/sockets/gateway.py"

LIMITS: Mapping[str, Limit] = {
    "gateway": Limit("Throttle rate", "API Gateway", 10_000, "requests/s", QUOTAS, _GATEWAY, "L-8A5B8E43"),
    "gateway burst": Limit("Throttle burst rate", "API Gateway", 5_000, "requests", FIXED, _GATEWAY, "L-CDF5615A"),
    "connections": Limit(
        "WebSocket new connections rate", "API Gateway", 500, "connections/s", QUOTAS, _SOCKETS, "L-9ED1E49A"
    ),
    "stage": Limit("RequestsPerSecond", "Parley", 2_000, "frames/s", PARAMETER, "template.yaml"),
    "concurrency": Limit("Concurrent executions", "Lambda", 1_000, "executions", QUOTAS, _LAMBDA, "L-B99A9384"),
    "starts": Limit("Concurrency scaling rate, each function", "Lambda", 100, "starts/s", FIXED, _SCALING),
    "polls": Limit("Polls of a shard of a stream", "Lambda", 4, "polls/s", FIXED, _STREAMS),
    "table writes": Limit(
        "Table-level write throughput limit", "DynamoDB", 40_000, "units/s", QUOTAS, _TABLES, "L-AB614373"
    ),
    "table reads": Limit(
        "Table-level read throughput limit", "DynamoDB", 40_000, "units/s", QUOTAS, _TABLES, "L-CF0CBE56"
    ),
    "warm writes": Limit("Writes of a new table", "DynamoDB", 4_000, "units/s", WARMING, _WARM),
    "warm reads": Limit("Reads of a new table", "DynamoDB", 12_000, "units/s", WARMING, _WARM),
    "partition writes": Limit("Writes in one partition", "DynamoDB", 1_000, "units/s", FIXED, _WARM),
    "partition reads": Limit("Reads in one partition", "DynamoDB", 3_000, "units/s", FIXED, _WARM),
    "posts": Limit("Pushes of one container", "Parley", 8_000, "pushes/s", FIXED, _POSTER),
    "deliveries": Limit("MaximumConcurrency of Deliveries", "Parley", 20, "executions", TEMPLATE, "template.yaml"),
    "notifications": Limit("MaximumConcurrency of Notifications", "Parley", 5, "executions", TEMPLATE, "template.yaml"),
    "tick": Limit("Time of the tick of fan_out", "Parley", 45, "s a minute", FIXED, "functions/fan_out/app.py"),
}


def limits(*settings: Setting) -> dict[str, Limit]:
    """All limits, with those that are raised.

    Raises:
        ValueError: for a limit that nobody can raise.
    """
    found = dict(LIMITS)
    for key, value in settings:
        if found[key].raised == FIXED:
            raise ValueError(f"{found[key].name}: {FIXED}")
        found[key] = replace(found[key], value=value)
    return found
