"""The table port's records and commits: what operations may rely on, on every engine that plays DynamoDB."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from botocore.exceptions import ClientError

from parley import errors
from parley.errors import Refusal
from parley.store import patience
from parley.store.keys import Range
from parley.store.writes import Absent, Create, Erase, Guard, Put, Write
from tests.ports.meddling import (
    client_error,
    hanging,
    leaving_undone,
    losing_the_answer,
    refusing,
    without_an_answer,
)
from tests.ports.table_stage import MISSING, NOW, TAKEN, Stage, new_cause, refused


@pytest.fixture
def stage(table_stage: Stage) -> Stage:
    return table_stage


# Records


RECORD = {
    "text": "zażółć \U0001f600 \x00",
    "empty": "",
    "number": 10**15,
    "negative": -7,
    "zero": 0,
    "yes": True,
    "no": False,
    "list": ["a", 1, None, {"b": []}],
    "map": {"a.b": {"c": [True, None]}, "": 1},
    "empty_list": [],
    "empty_map": {},
}


def test_a_record_comes_out_as_it_went_in_with_its_cause(stage: Stage):
    cause = new_cause()
    (stored,) = stage.commit(stage.create("A", **RECORD, nothing=None), cause=cause)
    expected = {**RECORD, "cause": cause.record()}
    assert stage.table.fetch(stage.key("A")) == expected
    assert {name: value for name, value in stored.items() if value is not None} == expected


def test_a_value_that_a_record_cannot_hold_is_refused_before_anything_is_sent(stage: Stage):
    for value in (1.5, b"bytes", {1, 2}, object()):
        with pytest.raises(TypeError):
            stage.commit(stage.create("A", value=value))
    assert stage.client.calls.total() == 0


def test_nothing_is_found_where_nothing_is(stage: Stage):
    assert stage.table.fetch(stage.key("A")) is None
    assert stage.table.fetch_many([stage.key("A"), stage.key("B")]) == {}
    assert stage.table.fetch_many([]) == {}


def test_any_number_of_keys_is_fetched_a_hundred_a_request(stage: Stage):
    for start in range(0, 240, 80):
        stage.commit(*(stage.create(f"A{number:03d}", number=number) for number in range(start, start + 80)))
    wanted = [stage.key(f"A{number:03d}") for number in range(250)]
    found = stage.table.fetch_many([*wanted, *wanted[:10]])
    assert {key.sk: record["number"] for key, record in found.items()} == {f"A{n:03d}": n for n in range(240)}
    assert stage.client.calls["batch_get_item"] == 3


def test_keys_left_unread_are_asked_for_again(stage: Stage):
    stage.commit(*(stage.create(f"A{number}") for number in range(10)))
    stage.client.script("batch_get_item", leaving_undone(4), leaving_undone(0), leaving_undone(3))
    assert len(stage.table.fetch_many(stage.key(f"A{number}") for number in range(10))) == 10
    assert stage.client.calls["batch_get_item"] == 4
    assert stage.clock.slept == sorted(stage.clock.slept) and len(stage.clock.slept) == 3


def test_keys_that_stay_unread_are_an_error_and_not_a_gap(stage: Stage):
    stage.client.script("batch_get_item", *[leaving_undone(0)] * 20)
    refused(errors.UNAVAILABLE, lambda: stage.table.fetch_many([stage.key("A")]))
    assert sum(stage.clock.slept) < 5


# One write


def test_a_record_is_created_where_none_lives(stage: Stage):
    stage.commit(stage.create("A", number=1))
    refused(TAKEN, lambda: stage.commit(stage.create("A", number=2)))
    assert (stage.table.fetch(stage.key("A")) or {})["number"] == 1


@pytest.mark.parametrize("beside", [0, 1])
def test_a_refusal_can_name_what_is_in_the_way(stage: Stage, beside: int):
    stage.commit(stage.create("A", channel_sid="CH1"))
    taken = Create(stage.key("A"), {}, lambda stored: errors.PAIR_EXISTS(channel_sid=stored["channel_sid"]))
    with pytest.raises(Refusal) as caught:
        stage.commit(taken, *(stage.create(f"B{number}") for number in range(beside)))
    assert (caught.value.error, caught.value.details) == (errors.PAIR_EXISTS, {"channel_sid": "CH1"})


def test_a_tombstone_is_not_found_and_gives_way(stage: Stage):
    stage.commit(stage.create("A", number=1, old=True))
    stage.commit(stage.bury("A", sid="A"))
    assert stage.table.fetch(stage.key("A")) is None
    assert stage.table.fetch_many([stage.key("A")]) == {}
    cause = new_cause()
    stage.commit(stage.create("A", number=2), cause=cause)
    assert stage.table.fetch(stage.key("A")) == {"number": 2, "cause": cause.record()}


def test_a_tombstone_keeps_what_it_is_told_and_nothing_else(stage: Stage):
    cause = new_cause()
    stage.commit(Create(stage.key("A"), {"body": "secret"}, TAKEN(), index={"gsi1pk": stage.pk, "gsi1sk": "A"}))
    stage.commit(stage.bury("A", sid="A", seq=7), cause=cause)
    item = stage.item("A") or {}
    assert set(item) == {"pk", "sk", "sid", "seq", "cause", "deleted_at", "expires_at"}
    assert item["deleted_at"] == {"N": str(NOW)} and item["expires_at"] == {"N": str(NOW // 1000 + 60)}
    assert stage.table.page(Range(stage.pk, "", "gsi1"), 10).found == []


def test_a_missing_or_buried_record_cannot_be_changed_or_buried(stage: Stage):
    refused(MISSING, lambda: stage.commit(stage.update("A", set={"number": 1})))
    refused(MISSING, lambda: stage.commit(stage.bury("A")))
    assert stage.item("A") is None
    stage.commit(stage.create("A"))
    stage.commit(stage.bury("A"))
    refused(MISSING, lambda: stage.commit(stage.update("A", set={"number": 1})))
    refused(MISSING, lambda: stage.commit(stage.bury("A")))


def test_an_update_sets_removes_and_adds_and_answers_with_the_whole(stage: Stage):
    stage.commit(stage.create("A", kept=1, changed=1, removed=1, counted=5))
    cause = new_cause()
    write = stage.update("A", set={"changed": 2, "removed": None, "new": [1]}, add={"counted": -7, "fresh": 3})
    expected = {"kept": 1, "changed": 2, "new": [1], "counted": -2, "fresh": 3, "cause": cause.record()}
    assert stage.commit(write, cause=cause) == [expected]
    assert stage.table.fetch(stage.key("A")) == expected


def test_an_update_can_lift_one_field_above_another(stage: Stage):
    stage.commit(stage.create("A", seq=40, ceiling=40))
    (lifted,) = stage.commit(stage.update("A", set={"at": 1}, above={"ceiling": ("seq", 75)}, announced=False))
    assert (lifted["seq"], lifted["ceiling"], lifted["at"]) == (40, 115, 1)


def test_bookkeeping_keeps_the_cause(stage: Stage):
    cause = new_cause()
    stage.commit(stage.create("A", number=1), cause=cause)
    stage.commit(stage.update("A", set={"number": 2}, announced=False))
    assert stage.table.fetch(stage.key("A")) == {"number": 2, "cause": cause.record()}


def test_a_put_needs_no_condition_and_leaves_no_cause(stage: Stage):
    for number in (1, 2):
        stage.commit(Put(stage.key("A"), {"number": number}))
    assert stage.table.fetch(stage.key("A")) == {"number": 2}


def test_erasing_leaves_nothing(stage: Stage):
    stage.commit(stage.create("A"))
    stage.commit(Erase(stage.key("A")))
    assert stage.item("A") is None
    stage.commit(Erase(stage.key("A")))
    refused(MISSING, lambda: stage.commit(Erase(stage.key("A"), missing=MISSING())))


STORED = {"number": 5, "name": "x", "limit": 6, "same": 5}
HOLDING = [
    ("number", "=", 5),
    ("name", "=", "x"),
    ("number", "<", 6),
    ("number", "<>", 4),
    ("absent", "missing", None),
    ("number", "below", "limit"),
]
FAILING = [
    ("number", "=", 4),
    ("name", "=", "y"),
    ("absent", "=", 1),
    ("number", "<", 5),
    ("absent", "<", 5),
    ("number", "<>", 5),
    ("number", "missing", None),
    ("number", "below", "same"),
    ("absent", "below", "limit"),
    ("number", "below", "absent"),
]


@pytest.mark.parametrize("guard", HOLDING, ids=lambda guard: " ".join(map(str, guard)))
def test_a_guard_that_holds_lets_the_write_pass(stage: Stage, guard: tuple[str, str, Any]):
    stage.commit(stage.create("A", **STORED))
    made = Guard(*guard, errors.CHANNEL_FULL())
    assert made.holds(STORED)
    assert stage.commit(stage.update("A", made, set={"done": True}))[0]["done"] is True
    stage.commit(stage.update("A", made, set={"done": 2}), Put(stage.key("B"), {}))
    stage.commit(stage.bury("A", made))


@pytest.mark.parametrize("guard", FAILING, ids=lambda guard: " ".join(map(str, guard)))
def test_a_guard_that_fails_refuses_with_its_own_error_and_changes_nothing(stage: Stage, guard: tuple[str, str, Any]):
    stage.commit(stage.create("A", **STORED))
    before = stage.item("A")
    made = Guard(*guard, errors.CHANNEL_FULL())
    assert not made.holds(STORED)
    refused(errors.CHANNEL_FULL, lambda: stage.commit(stage.update("A", made, set={"done": True})))
    refused(errors.CHANNEL_FULL, lambda: stage.commit(stage.bury("A", made)))
    refused(
        errors.CHANNEL_FULL, lambda: stage.commit(Put(stage.key("B"), {}), stage.update("A", made, set={"done": 2}))
    )
    assert stage.item("A") == before
    assert stage.item("B") is None


def test_the_first_guard_that_fails_names_the_refusal(stage: Stage):
    stage.commit(stage.create("A", **STORED))
    guards = [
        Guard("number", "=", 5, errors.NOT_FOUND()),
        Guard("number", "<", 1, errors.CHANNEL_FULL()),
        Guard("name", "=", "y", errors.USER_CHANNELS_FULL()),
    ]
    refused(errors.CHANNEL_FULL, lambda: stage.commit(stage.update("A", *guards, set={"done": True})))


# Several writes


def test_all_writes_of_a_commit_are_done_and_answered_in_their_order(stage: Stage):
    stage.commit(stage.create("B", number=1, kept=1))
    stage.commit(stage.create("C"), stage.create("D"))
    cause = new_cause()
    results = stage.commit(
        stage.create("A", number=1),
        stage.update("B", set={"changed": 2}, add={"number": 1}),
        stage.bury("C", sid="C"),
        Erase(stage.key("D")),
        Put(stage.key("E"), {"number": 5}),
        Absent(stage.key("F"), TAKEN()),
        cause=cause,
    )
    stamp = {"cause": cause.record()}
    assert results[0] == {"number": 1, **stamp}
    assert results[1] == {"changed": 2, **stamp}
    assert results[4] == {"number": 5}
    assert len(results) == 6
    assert stage.table.fetch(stage.key("B")) == {"number": 2, "kept": 1, "changed": 2, **stamp}
    assert stage.table.fetch(stage.key("C")) is None and stage.item("C") is not None
    assert stage.item("D") is None and stage.item("F") is None
    assert stage.client.calls["transact_write_items"] == 2


@pytest.mark.parametrize("failing", range(4))
def test_one_failed_condition_undoes_the_whole_commit(stage: Stage, failing: int):
    stage.commit(stage.create("A"), stage.create("B", number=1))
    writes: list[Write] = [
        stage.create("NEW"),
        stage.update("B", add={"number": 1}),
        Put(stage.key("PUT"), {}),
    ]
    writes.insert(failing, stage.create("A"))
    refused(TAKEN, lambda: stage.commit(*writes))
    assert stage.item("NEW") is None and stage.item("PUT") is None
    assert (stage.table.fetch(stage.key("B")) or {})["number"] == 1


def test_the_first_failed_write_names_the_refusal(stage: Stage):
    stage.commit(stage.create("A"))
    refused(TAKEN, lambda: stage.commit(stage.create("A"), stage.update("X"), stage.bury("Y")))
    refused(MISSING, lambda: stage.commit(stage.create("B"), stage.update("X", set={"a": 1}), stage.create("A")))


def test_a_condition_alone_holds_a_commit_back(stage: Stage):
    stage.commit(stage.create("A"))
    refused(TAKEN, lambda: stage.commit(Absent(stage.key("A"), TAKEN()), stage.create("B")))
    assert stage.item("B") is None
    stage.commit(stage.bury("A"))
    stage.commit(Absent(stage.key("A"), TAKEN()), stage.create("B"))


def test_a_hundred_writes_are_one_commit(stage: Stage):
    stage.commit(*(stage.create(f"A{number:03d}") for number in range(100)))
    assert len(stage.table.every(stage.range("A"))) == 100
    assert stage.client.calls["transact_write_items"] == 1


# Several at once


def in_parallel(count: int, act: Callable[[int], Any]) -> list[Any]:
    """The results, or refusals, of acting `count` times in eight threads."""

    def attempt(number: int) -> Any:
        try:
            return act(number)
        except Refusal as refusal:
            return refusal.error

    with ThreadPoolExecutor(8) as pool:
        return list(pool.map(attempt, range(count)))


def test_one_of_many_creations_at_once_wins(stage: Stage):
    outcomes = in_parallel(24, lambda number: stage.commit(stage.create("A", number=number)))
    assert outcomes.count(TAKEN) == 23


def test_one_of_many_commits_at_once_wins_whole(stage: Stage):
    def act(number: int) -> Any:
        return stage.commit(stage.create("A", number=number), Put(stage.key(f"B{number}"), {}))

    outcomes = in_parallel(24, act)
    winners = [number for number, outcome in enumerate(outcomes) if outcome is not TAKEN]
    assert len(winners) == 1
    assert [item.key.sk for item in stage.table.page(stage.range("B"), 100).found] == [f"B{winners[0]}"]


def test_no_addition_is_lost_and_each_sees_its_own_number(stage: Stage):
    stage.commit(stage.create("A", number=0))
    outcomes = in_parallel(80, lambda _: stage.commit(stage.update("A", add={"number": 1}))[0]["number"])
    assert sorted(outcomes) == list(range(1, 81))


def test_commits_that_collide_are_tried_again_until_all_are_done(stage: Stage):
    stage.commit(stage.create("A", number=0))

    def act(number: int) -> Any:
        return stage.commit(stage.update("A", add={"number": 1}), stage.create(f"B{number:02d}"))

    outcomes = in_parallel(40, act)
    done = [outcome for outcome in outcomes if outcome is not errors.CONCURRENT_UPDATE]
    assert (stage.table.fetch(stage.key("A")) or {})["number"] == len(done) == len(stage.table.every(stage.range("B")))


def test_a_guarded_counter_never_passes_its_limit(stage: Stage):
    stage.commit(stage.create("A", number=0))
    room = Guard("number", "<", 10, errors.CHANNEL_FULL())

    def act(number: int) -> Any:
        return stage.commit(stage.update("A", room, add={"number": 1}), stage.create(f"B{number:02d}"))

    outcomes = in_parallel(40, act)
    assert sum(isinstance(outcome, list) for outcome in outcomes) == 10
    assert (stage.table.fetch(stage.key("A")) or {})["number"] == 10


# When DynamoDB does not cooperate

CONFLICTS = [
    ("put_item", refusing("TransactionConflictException")),
    ("transact_write_items", refusing("TransactionCanceledException", "TransactionConflict", "None")),
    ("transact_write_items", refusing("TransactionInProgressException")),
]
THROTTLED = [
    ("put_item", refusing("ThrottlingException")),
    ("put_item", refusing("ProvisionedThroughputExceededException")),
    ("put_item", refusing("RequestLimitExceeded")),
    ("put_item", refusing("InternalServerError")),
    ("transact_write_items", refusing("TransactionCanceledException", "None", "ThrottlingError")),
]


def writes_for(stage: Stage, operation: str) -> list[Write]:
    return [stage.create("A")] if operation == "put_item" else [stage.create("A"), stage.create("B")]


@pytest.mark.parametrize(("operation", "step"), CONFLICTS + THROTTLED)
def test_a_request_that_may_succeed_later_is_tried_again_after_growing_pauses(stage: Stage, operation: str, step: Any):
    stage.client.script(operation, step, step, step)
    stage.commit(*writes_for(stage, operation))
    assert stage.client.calls[operation] == 4
    assert stage.clock.slept == [0.01, 0.02, 0.04]


@pytest.mark.parametrize(
    ("operation", "step", "error"),
    [
        *((operation, step, errors.CONCURRENT_UPDATE) for operation, step in CONFLICTS),
        *((operation, step, errors.UNAVAILABLE) for operation, step in THROTTLED),
    ],
)
def test_a_request_that_never_succeeds_is_given_up_with_nothing_written(
    stage: Stage, operation: str, step: Any, error: errors.Error
):
    stage.client.script(operation, *[step] * 30)
    refused(error, lambda: stage.commit(*writes_for(stage, operation)))
    assert stage.item("A") is None
    assert stage.client.calls[operation] == 10
    assert max(stage.clock.slept) <= 0.5 and sum(stage.clock.slept) < 5


@pytest.mark.parametrize("code", ["ValidationException", "ResourceNotFoundException", "AccessDeniedException"])
def test_an_error_that_no_repetition_can_help_is_raised_as_it_is(stage: Stage, code: str):
    for operation in ("put_item", "transact_write_items"):
        stage.client.script(operation, refusing(code))
        with pytest.raises(ClientError, match=code):
            stage.commit(*writes_for(stage, operation))
        assert stage.client.calls[operation] == 1
    assert stage.clock.slept == []


def test_a_repeat_of_our_own_write_counts_as_done(stage: Stage):
    stage.client.script("put_item", losing_the_answer())
    cause = new_cause()
    assert stage.commit(stage.create("A", number=1), cause=cause) == [{"number": 1, "cause": cause.record()}]
    stage.client.script("put_item", losing_the_answer())
    assert stage.commit(stage.bury("A", sid="A"))[0]["sid"] == "A"
    assert stage.table.fetch(stage.key("A")) is None


def test_a_repeat_of_our_own_commit_counts_as_done(stage: Stage):
    stage.commit(stage.create("COUNT", number=0))
    step = losing_the_answer("TransactionCanceledException", "TransactionConflict")
    stage.client.script("transact_write_items", step)
    stage.commit(stage.create("A", number=1), stage.update("COUNT", add={"number": 1}))
    assert (stage.table.fetch(stage.key("A")) or {})["number"] == 1
    assert (stage.table.fetch(stage.key("COUNT")) or {})["number"] == 1


def test_the_same_write_by_somebody_else_is_not_ours(stage: Stage):
    stage.commit(stage.create("A", number=1))
    stage.client.script("put_item", refusing("ThrottlingException"))
    refused(TAKEN, lambda: stage.commit(stage.create("A", number=1)))


# When a request is carried out and its answer is lost


def test_a_write_whose_answer_is_lost_is_done_once(stage: Stage):
    stage.client.script("put_item", without_an_answer, without_an_answer)
    stage.commit(stage.create("A", number=1))
    stage.client.script("update_item", without_an_answer)
    assert stage.commit(stage.update("A", add={"number": 1}))[0]["number"] == 2
    stage.client.script("put_item", without_an_answer)
    stage.commit(stage.bury("A", sid="A"))
    assert stage.table.fetch(stage.key("A")) is None


def test_an_addition_that_is_not_announced_is_made_once_though_its_answer_is_lost(stage: Stage):
    """The client repeated it, and the counter said 2: no cause in the item tells that this very write was there."""
    stage.commit(stage.create("COUNT", number=0))
    stage.client.script("update_item", without_an_answer)
    counting = stage.update("COUNT", add={"number": 1}, announced=False)
    assert stage.commit(counting)[0]["number"] == 1
    assert stage.commit(counting)[0]["number"] == 2


def test_a_commit_whose_answer_is_lost_is_done_once(stage: Stage):
    stage.commit(stage.create("COUNT", number=0))
    stage.client.script("transact_write_items", without_an_answer, without_an_answer)
    stage.commit(stage.create("A", number=1), stage.update("COUNT", add={"number": 1}, announced=False))
    assert (stage.table.fetch(stage.key("COUNT")) or {})["number"] == 1


def test_a_commit_names_the_same_token_each_time_it_is_sent_and_another_one_than_other_commits(stage: Stage):
    """DynamoDB tells by the token that a transaction was carried out before; emulators need not."""
    tokens: list[str] = []

    def note(call: Any, request: dict[str, Any]) -> dict[str, Any]:
        tokens.append(request["ClientRequestToken"])
        raise client_error("TransactionInProgressException")

    for name in "AB":
        stage.client.script("transact_write_items", note, note)
        stage.commit(stage.create(name), stage.create(f"{name}2"))
    assert tokens[0] == tokens[1] != tokens[2] == tokens[3]


# When the table is too busy, or does not answer at all

READS_AND_WRITES: list[tuple[str, Callable[[Stage], Any]]] = [
    ("get_item", lambda stage: stage.table.fetch(stage.key("A"))),
    ("batch_get_item", lambda stage: stage.table.fetch_many([stage.key("A")])),
    ("query", lambda stage: stage.table.every(stage.range("A"))),
    ("query", lambda stage: stage.table.page(stage.range("A"), 3)),
    ("put_item", lambda stage: stage.commit(stage.create("A"))),
    ("update_item", lambda stage: stage.commit(stage.update("A", add={"number": 1}))),
    ("transact_write_items", lambda stage: stage.commit(stage.create("A"), stage.create("B"))),
    ("update_item", lambda stage: stage.table.touch(stage.key("A"), {"number": 1})),
    ("update_item", lambda stage: stage.table.detach(stage.key("A"), ["number"])),
    ("delete_item", lambda stage: stage.table.take(stage.key("A"))),
    ("batch_write_item", lambda stage: stage.table.erase_many([stage.key("A")])),
    ("batch_write_item", lambda stage: stage.table.put_many({stage.key("A"): {}})),
]


@pytest.mark.parametrize(("operation", "act"), READS_AND_WRITES)
def test_a_throttled_table_ends_in_a_refusal_that_says_so(stage: Stage, operation: str, act: Callable[[Stage], Any]):
    """Reads raised what botocore raises, and commits said that somebody else had changed the resource."""
    stage.client.script(operation, *[refusing("ThrottlingException")] * 100)
    before = stage.clock.now_ms()
    refused(errors.UNAVAILABLE, lambda: act(stage))
    assert stage.clock.now_ms() - before < patience.LONGEST_REQUEST_SECONDS * 1000


@pytest.mark.parametrize(("operation", "act"), READS_AND_WRITES)
def test_a_table_that_does_not_answer_ends_in_a_refusal_in_time(
    stage: Stage, operation: str, act: Callable[[Stage], Any]
):
    stage.client.script(operation, *[hanging(stage.clock, patience.ATTEMPT_SECONDS)] * 100)
    before = stage.clock.now_ms()
    refused(errors.UNAVAILABLE, lambda: act(stage))
    assert stage.clock.now_ms() - before <= patience.LONGEST_REQUEST_SECONDS * 1000


def test_a_short_absence_is_bridged(stage: Stage):
    for operation in {operation for operation, _ in READS_AND_WRITES}:
        if operation != "transact_write_items":
            stage.client.script(operation, refusing("InternalServerError"), refusing("ThrottlingException"))
    stage.commit(stage.create("A", number=1))
    assert stage.table.fetch(stage.key("A")) == stage.table.fetch_many([stage.key("A")])[stage.key("A")]
