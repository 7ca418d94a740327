"""A sweep of very many items, step by step as the queue hands the steps out, on a clock that only requests move on."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

from local.template.intrinsics import read
from parley.background.consumer import work_off
from parley.background.sweeping import sweeps
from parley.operations.context import Context
from parley.store.keys import Key, Range, Span
from parley.store.table import Found, Page
from tests.ports.fakes import FakeQueue
from tests.support.queued import received

TEMPLATE = read(Path(__file__).resolve().parents[2] / "template.yaml")
FUNCTION = TEMPLATE["Resources"]["WebhooksFunction"]["Properties"]
LAMBDA_STOPS_LOOPS_AFTER = 16
# About as long as DynamoDB takes.
QUERY_MS, BATCH_MS, BATCH = 10, 20, 25


class FullChannel:
    """The table as the sweep of one deleted channel sees it: nothing but messages."""

    def __init__(self, messages: int):
        self.left = messages
        self.now_ms = 0

    def page(self, where: Range[Any], limit: int, **_: Any) -> Page[Any]:
        self.now_ms += QUERY_MS
        held = self.left if isinstance(where, Span) else 0
        message = Found("MESSAGE#", Key("CHANNEL#", "MESSAGE#"), {})
        return Page([message] * min(limit, held), held > limit)

    def erase_many(self, keys: Iterable[Key[Any]]) -> None:
        erased = len(list(keys))
        self.now_ms += BATCH_MS * -(-erased // BATCH)
        self.left -= erased

    def fetch_many(self, keys: Iterable[Key[Any]], **_: Any) -> dict[Key[Any], Any]:
        return {}

    def every(self, where: Range[Any]) -> Sequence[Any]:
        return []


def test_a_sweep_of_a_million_messages_takes_more_steps_than_lambda_allows_a_loop_and_each_ends_in_time():
    table, queue = FullChannel(1_000_000), FakeQueue()
    clock = SimpleNamespace(now_ms=lambda: 3_600_000 + table.now_ms)
    jobs = {"sweep": sweeps(cast(Context, SimpleNamespace(table=table, clock=clock, account_sid="AC")), queue)}  # type: ignore[arg-type]
    queue.send([{"job": "sweep", "kind": "channel", "sid": "CH", "at": 0}])
    steps = 0
    while queue.entries:
        assert queue.delays == [0]
        (entry,), began = queue.take(), table.now_ms
        ends = began + FUNCTION["Timeout"] * 1000
        assert work_off(jobs, [received(entry, "1")], lambda ends=ends: ends - table.now_ms) == []  # type: ignore[misc]
        assert began < table.now_ms < ends
        steps += 1
    assert table.left == 0
    assert LAMBDA_STOPS_LOOPS_AFTER < steps < 30
    assert FUNCTION["RecursiveLoop"] == "Allow"
