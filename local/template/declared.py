"""The records into which the template is read: tables, queues, buckets, functions, mappings, APIs."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ACCOUNT = "000000000000"
REGION = "us-east-1"
STACK = "parley"


def arn(service: str, resource: str) -> str:
    """The ARN of something in the local account."""
    return f"arn:aws:{service}:{REGION}:{ACCOUNT}:{resource}"


@dataclass(frozen=True)
class Table:
    logical_id: str
    name: str
    definition: dict[str, Any]
    """The arguments of CreateTable."""
    ttl_attribute: str


@dataclass(frozen=True)
class Queue:
    logical_id: str
    name: str
    attributes: dict[str, str]
    redrive: dict[str, Any] | None


@dataclass(frozen=True)
class Topic:
    logical_id: str
    name: str


@dataclass(frozen=True)
class Subscription:
    """A queue that gets what is published to a topic: as it was published if `is_raw`, else in SNS's envelope."""

    logical_id: str
    topic_arn: str
    queue_arn: str
    is_raw: bool


@dataclass(frozen=True)
class Bucket:
    logical_id: str
    name: str
    cors: list[dict[str, Any]]
    """Its CORS rules, with the names that S3's XML has."""


@dataclass(frozen=True)
class Secret:
    logical_id: str
    name: str
    text: str | None
    generate: dict[str, Any]


@dataclass(frozen=True)
class Function:
    logical_id: str
    name: str
    directory: Path
    handler: str
    environment: dict[str, str]
    libraries: tuple[Path, ...]
    timeout_seconds: int
    memory_megabytes: int

    @property
    def arn(self) -> str:
        return arn("lambda", f"function:{self.name}")


@dataclass(frozen=True)
class StreamMapping:
    """An event source mapping from a table's stream. Counts and ages of -1 mean: without limit."""

    name: str
    function: str
    function_arn: str
    stream_arn: str
    patterns: list[dict[str, Any]]
    batch_size: int
    bisects: bool
    retries: int
    maximum_age_seconds: int
    reports_failures: bool
    failure_queue_arn: str
    from_now_on: bool


@dataclass(frozen=True)
class QueueMapping:
    name: str
    function: str
    queue_arn: str
    patterns: list[dict[str, Any]]
    batch_size: int
    reports_failures: bool
    maximum_concurrency: int


@dataclass(frozen=True)
class Schedule:
    """A function that is called every so many seconds."""

    name: str
    function: str
    seconds: int


@dataclass(frozen=True)
class GatewayResponse:
    """An answer that API Gateway gives itself, without calling a function."""

    status: int
    body: str
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class RestApi:
    logical_id: str
    stage: str
    function: str
    responses: dict[str, GatewayResponse]
    binary_media_types: tuple[str, ...] = ()


@dataclass(frozen=True)
class Route:
    """Where frames of one route go: to `function`, or if that is empty, to a mock integration that answers `reply`."""

    function: str
    reply: str | None
    replies: bool
    timeout_seconds: float


@dataclass(frozen=True)
class SocketApi:
    logical_id: str
    stage: str
    selection: str
    routes: dict[str, Route]
