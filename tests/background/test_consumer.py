"""The consumer has a job table carry out queued jobs, and acts on each answer, in a FIFO queue and in a plain one."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from parley.background.consumer import work_off
from parley.background.job import Job
from parley.jobs import Again, Entry, Turn
from tests.ports.fakes import FakeQueue
from tests.support.queued import received

Answer = Callable[[Entry], Again | None]


@dataclass
class Bench:
    """A job table with one job, `count`, whose handler answers as the test says."""

    queue: FakeQueue
    answer: Answer = lambda entry: None
    done: list[Any] = field(default_factory=list)
    untried: list[Any] = field(default_factory=list)

    def work_off(self, *records: dict[str, Any]) -> list[str]:
        jobs = {"count": Job(self.queue, self._carry_out, not_tried=lambda entry: self.untried.append(entry["n"]))}
        return work_off(jobs, list(records), lambda: 60_000)  # type: ignore[arg-type]

    def _carry_out(self, entry: Entry, turn: Turn) -> Again | None:
        self.done.append(entry["n"])
        return self.answer(entry)


@pytest.fixture
def fifo() -> Bench:
    return Bench(FakeQueue(keeps_order=True))


@pytest.fixture
def plain() -> Bench:
    return Bench(FakeQueue())


def record(n: int, group: str = "", **more: Any) -> dict[str, Any]:
    """A job as SQS hands it out."""
    return received({"job": "count", "n": n, **more}, f"message {n}", handle=f"handle {n}", group=group)


def failing(n: int, answer: Again | None = None) -> Answer:
    """An answer to job `n` alone: an exception, or that it is to be done again."""

    def answered(entry: Entry) -> Again | None:
        if entry["n"] != n:
            return None
        if answer is None:
            raise RuntimeError("no luck")
        return answer

    return answered


def test_a_job_that_is_done_is_forgotten(plain: Bench) -> None:
    assert plain.work_off(record(1)) == []
    assert (plain.done, plain.queue.entries) == ([1], [])


@pytest.mark.parametrize("body", ['{"job": "unheard of", "n": 1}', '{"n": 1}', "{", "[]", "null"])
def test_a_job_that_the_table_does_not_know_is_logged_and_stays_for_the_dead_letter_queue(
    plain: Bench, body: str, caplog: pytest.LogCaptureFixture
) -> None:
    unknown = {**record(1), "body": body}
    assert plain.work_off(unknown, record(2)) == ["message 1"]
    assert plain.done == [2]
    (logged,) = [entry for entry in caplog.records if entry.levelname == "ERROR"]
    assert vars(logged)["message_id"] == "message 1"


def test_a_job_that_raises_stays_queued(plain: Bench) -> None:
    plain.answer = failing(1)
    assert plain.work_off(record(1)) == ["message 1"]
    assert plain.queue.entries == []


def test_a_job_that_goes_on_is_sent_anew_at_once(plain: Bench) -> None:
    plain.answer = lambda entry: Again()
    assert plain.work_off(record(1)) == []
    assert plain.queue.delays == [0]
    (entry,) = plain.queue.take()
    assert (entry["job"], entry["n"]) == ("count", 1)


def test_a_job_that_waits_for_something_waits_twice_as_long_each_time_up_to_fifteen_minutes(plain: Bench) -> None:
    plain.answer = lambda entry: Again(5)
    waiting, pauses = record(1), []
    for _ in range(10):
        assert plain.work_off(waiting) == []
        pauses += plain.queue.delays
        (entry,) = plain.queue.take()
        waiting = {**waiting, "body": json.dumps(entry)}
    assert pauses == [5, 10, 20, 40, 80, 160, 320, 640, 900, 900]


def test_after_progress_the_pauses_of_a_job_start_over(plain: Bench) -> None:
    answers = [Again(5), Again(5), Again(), Again(5)]
    plain.answer = lambda entry: answers.pop(0)
    waiting, pauses = record(1), []
    while answers:
        assert plain.work_off(waiting) == []
        pauses += plain.queue.delays
        (entry,) = plain.queue.take()
        waiting = {**waiting, "body": json.dumps(entry)}
    assert pauses == [5, 10, 0, 5]


def test_in_a_fifo_queue_a_job_that_is_to_be_done_again_is_hidden_and_holds_back_those_behind_it(fifo: Bench) -> None:
    fifo.answer = failing(2, Again(7))
    assert fifo.work_off(*(record(n, "a") for n in (1, 2, 3, 4))) == ["message 2", "message 3", "message 4"]
    assert fifo.done == [1, 2]
    assert fifo.queue.pauses == [("handle 2", 7), ("handle 3", 0), ("handle 4", 0)]
    assert fifo.untried == [3, 4]
    assert fifo.queue.entries == []


def test_a_job_that_raises_holds_back_its_group_and_no_other(fifo: Bench) -> None:
    fifo.answer = failing(1)
    assert fifo.work_off(record(1, "a"), record(2, "b"), record(3, "a"), record(4, "b")) == ["message 1", "message 3"]
    assert sorted(fifo.done) == [1, 2, 4]
    assert sorted(fifo.queue.forgotten) == ["handle 2", "handle 4"]


def test_groups_are_worked_off_side_by_side(fifo: Bench) -> None:
    both = threading.Barrier(2, timeout=120)

    def meet(entry: Entry) -> None:
        both.wait()

    fifo.answer = meet
    assert fifo.work_off(record(1, "a"), record(2, "b")) == []


def test_a_done_job_is_deleted_before_the_batch_ends_unless_its_group_is_alone(fifo: Bench) -> None:
    fifo.work_off(record(1, "a"), record(2, "b"))
    assert sorted(fifo.queue.forgotten) == ["handle 1", "handle 2"]
    fifo.queue.forgotten.clear()
    fifo.work_off(record(1, "a"), record(2, "a"))
    assert fifo.queue.forgotten == []
