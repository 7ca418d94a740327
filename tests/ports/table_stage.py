"""Where the table port plays: one engine, a partition of the test's own, and a client that can be meddled with."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from parley import errors
from parley.errors import Refusal
from parley.store.keys import Key, Range
from parley.store.table import Table
from parley.store.writes import Bury, Cause, Create, Guard, Update, Write
from tests.ports.meddling import MeddlingClient
from tests.support.fakes import FakeClock

NOW = FakeClock().now_ms()
TAKEN, MISSING = errors.USER_EXISTS, errors.USER_NOT_FOUND
_numbers = itertools.count()


@dataclass
class Stage:
    """One engine with a partition of its own for the test."""

    table: Table
    client: MeddlingClient
    clock: FakeClock
    name: str
    pk: str

    def key(self, sort_key: str) -> Key:
        return Key(self.pk, sort_key)

    def range(self, prefix: str) -> Range:
        return Range(self.pk, prefix)

    def commit(self, *writes: Write, cause: Cause | None = None) -> list[dict[str, Any]]:
        return self.table.commit(cause or new_cause(), list(writes))

    def create(self, sort_key: str, **record: Any) -> Create:
        return Create(self.key(sort_key), record, taken=TAKEN())

    def update(self, sort_key: str, *guards: Guard, **more: Any) -> Update:
        return Update(self.key(sort_key), MISSING(), guards=guards, **more)

    def bury(self, sort_key: str, *guards: Guard, **record: Any) -> Bury:
        return Bury(self.key(sort_key), MISSING(), record, NOW // 1000 + 60, guards)

    def item(self, sort_key: str) -> dict[str, Any] | None:
        """What DynamoDB holds, without the port in between."""
        key = {"pk": {"S": self.pk}, "sk": {"S": sort_key}}
        return self.client._client.get_item(TableName=self.name, Key=key, ConsistentRead=True).get("Item")


def new_cause() -> Cause:
    return Cause(f"cause {next(_numbers)}", "alice", "SDK", True, "c1 7", NOW)


def refused(error: errors.Error, act: Callable[[], Any]) -> None:
    with pytest.raises(Refusal) as caught:
        act()
    assert caught.value.error is error
