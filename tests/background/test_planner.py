"""The planner: one loop over the job table for each change of a batch."""

from __future__ import annotations

from typing import Any

import pytest

from parley.background.job import Job
from parley.background.planner import plan
from parley.jobs import Entry, Memory
from parley.store.changes import Change, Removal
from tests.ports.fakes import FakeQueue
from tests.sockets.deployment import sample

CHANGES = sample("webhooks_changes")["Records"]


def row(queue: FakeQueue, name: str, delay_seconds: int = 0) -> Job:
    """A job that every change requires once. It holds the number of changes that its planner has seen in the batch."""

    def owed(change: Change, memory: Memory) -> list[Entry]:
        memory["seen"] = memory.get("seen", 0) + 1
        return [{"sid": change.record["sid"], "seen": memory["seen"], "of": name}]

    return Job(queue, lambda entry, turn: None, owed, lambda entry: delay_seconds)  # type: ignore[arg-type]


def test_every_row_plans_every_change_in_order_and_its_jobs_carry_its_name() -> None:
    first, second = FakeQueue(), FakeQueue()
    assert plan({"a": row(first, "a"), "b": row(second, "b", delay_seconds=5)}, CHANGES) is None
    count = len(CHANGES)
    assert count > 1
    assert [(entry["job"], entry["of"]) for entry in (*first.entries, *second.entries)] == [("a", "a")] * count + [
        ("b", "b")
    ] * count
    assert [entry["seen"] for entry in first.entries] == [entry["seen"] for entry in second.entries]
    assert [entry["seen"] for entry in first.entries] == list(range(1, count + 1))
    assert (set(first.delays), set(second.delays)) == ({0}, {5})


def test_a_row_without_a_planner_plans_nothing() -> None:
    queue = FakeQueue()
    assert plan({"a": Job(queue, lambda entry, turn: None)}, CHANGES) is None  # type: ignore[arg-type]
    assert queue.entries == []


def test_jobs_before_a_change_that_cannot_be_planned_are_queued_and_that_change_is_reported(
    caplog: pytest.LogCaptureFixture,
) -> None:
    queue = FakeQueue()
    broken: dict[str, Any] = {**CHANGES[1], "dynamodb": {"SequenceNumber": "42"}}
    assert plan({"a": row(queue, "a")}, [CHANGES[0], broken, *CHANGES[2:]]) == "42"
    assert [entry["seen"] for entry in queue.entries] == [1]
    assert [vars(entry)["sequence_number"] for entry in caplog.records if entry.levelname == "ERROR"] == ["42"]


def test_a_batch_whose_jobs_cannot_be_queued_fails_as_a_whole() -> None:
    queue = FakeQueue(broken=True)
    with pytest.raises(Exception, match="not queued"):
        plan({"a": row(queue, "a")}, CHANGES)


def test_an_item_that_leaves_the_table_is_planned_by_the_rows_that_want_to_know_and_is_no_change() -> None:
    image = {"service_sid": {"S": "IS1"}, "sid": {"S": "ME1"}}
    removed: dict[str, Any] = {
        "eventName": "REMOVE",
        "dynamodb": {
            "Keys": {"pk": {"S": "MEDIA#ME1"}, "sk": {"S": "MEDIA"}},
            "OldImage": image,
            "SequenceNumber": "7",
        },
    }
    other = {**removed, "dynamodb": {**removed["dynamodb"], "Keys": {"pk": {"S": "USER#US1"}, "sk": {"S": "PRESENCE"}}}}
    written = {**removed, "eventName": "MODIFY", "dynamodb": {**removed["dynamodb"], "NewImage": image}}
    changes, removals = FakeQueue(), FakeQueue()

    def owed(removal: Removal, memory: Memory) -> list[Entry]:
        return [{"kind": removal.kind, **removal.record}]

    wants = Job(removals, lambda entry, turn: None, plan_removal=owed)  # type: ignore[arg-type]
    assert plan({"a": row(changes, "a"), "b": wants}, [removed, other, written]) is None
    assert removals.entries == [{"job": "b", "kind": "media", "service_sid": "IS1", "sid": "ME1"}]
    assert changes.entries == []
