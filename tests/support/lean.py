"""The client of the table that most tests use: the functions' own, which takes a tenth of botocore's time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from bench.meter import Meter, metered
from local.template.template import REGION
from parley.ports.aws import AwsClient
from parley.settings import Credentials


class LeanClient(AwsClient):
    """Asks an emulator, and waits for long: a machine that runs many tests is slow. Threads may share it."""

    def __init__(self, endpoint: str):
        waiting: dict[str, Any] = {"attempts": 1, "connect_seconds": 120, "read_seconds": 120}
        super().__init__("dynamodb", REGION, lambda: Credentials("test", "test"), endpoint=endpoint, **waiting)

    def scan(self, **request: Any) -> dict[str, Any]:
        """Everything in the table, which tests look through and functions never do."""
        return self.ask("Scan", **request)

    @contextmanager
    def metered(self) -> Iterator[Meter]:
        """Count what is done inside, by whichever thread."""
        with metered(self) as meter:
            yield meter
