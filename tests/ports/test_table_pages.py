"""The table port's pages, bookkeeping and costs, on every engine that plays DynamoDB."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from bench.meter import metered
from parley import errors
from parley.store.keys import Range
from parley.store.table import Table
from parley.store.writes import Create, Erase, Guard, Put, Write
from tests.ports.meddling import MeddlingClient, leaving_undone
from tests.ports.table_stage import NOW, TAKEN, Stage, new_cause, refused


@pytest.fixture
def stage(table_stage: Stage) -> Stage:
    return table_stage


# Pages


def stand(stage: Stage, count: int = 9, *, dead: tuple[int, ...] = ()) -> None:
    """Items P#00, P#01 and so on, between neighbours that are none of their range."""
    stage.commit(
        *(stage.create(f"P#{number:02d}", number=number) for number in range(count)),
        stage.create("P", number=-1),
        stage.create("O#05", number=-1),
        stage.create("P$05", number=-1),
        stage.create("Q#05", number=-1),
    )
    for number in dead:
        stage.commit(stage.bury(f"P#{number:02d}", number=number))


def shown(stage: Stage, limit: int, **more: Any) -> tuple[list[str], bool]:
    found, beyond = stage.table.page(stage.range("P#"), limit, **more)
    return [item.position for item in found], beyond


def test_a_page_has_the_first_items_of_its_range_and_says_whether_there_are_more(stage: Stage):
    stand(stage)
    assert shown(stage, 3) == (["00", "01", "02"], True)
    assert shown(stage, 8)[1] is True
    assert shown(stage, 9) == ([f"{number:02d}" for number in range(9)], False)
    assert shown(stage, 100) == ([f"{number:02d}" for number in range(9)], False)
    found = stage.table.page(stage.range("P#"), 1).found[0]
    assert (found.position, found.key, found.record["number"]) == ("00", stage.key("P#00"), 0)


def test_pages_go_on_after_and_back_before_a_position(stage: Stage):
    stand(stage)
    assert shown(stage, 3, after="02") == (["03", "04", "05"], True)
    assert shown(stage, 3, after="05") == (["06", "07", "08"], False)
    assert shown(stage, 3, after="08") == ([], False)
    assert shown(stage, 3, before="06", descending=True) == (["05", "04", "03"], True)
    assert shown(stage, 3, before="03", descending=True) == (["02", "01", "00"], False)
    assert shown(stage, 3, before="00", descending=True) == ([], False)
    assert shown(stage, 3, descending=True) == (["08", "07", "06"], True)
    assert shown(stage, 9, after="02", before="05") == (["03", "04"], False)


def test_a_position_need_not_be_an_items(stage: Stage):
    stand(stage, dead=(3, 4))
    assert shown(stage, 2, after="03") == (["05", "06"], True)
    assert shown(stage, 2, before="04", descending=True) == (["02", "01"], True)
    assert shown(stage, 2, after="99") == ([], False)
    assert shown(stage, 2, before="99", descending=True) == (["08", "07"], True)


def test_tombstones_are_passed_over_unless_they_are_asked_for(stage: Stage):
    stand(stage, dead=(0, 2, 3, 4, 5, 8))
    assert shown(stage, 2) == (["01", "06"], True)
    assert shown(stage, 3) == (["01", "06", "07"], False)
    assert shown(stage, 2, descending=True) == (["07", "06"], True)
    assert shown(stage, 4, buried=True) == (["00", "01", "02", "03"], True)
    assert [record["number"] for record in stage.table.every(stage.range("P#"))] == [1, 6, 7]


def test_a_range_of_tombstones_is_empty(stage: Stage):
    stand(stage, dead=tuple(range(9)))
    assert shown(stage, 3) == ([], False)
    assert stage.table.every(stage.range("P#")) == []


def test_a_page_can_be_narrowed_to_matching_items(stage: Stage):
    stage.commit(*(stage.create(f"P#{number:02d}", kind="abc"[number % 3]) for number in range(9)))
    assert shown(stage, 9, matching={"kind": ["b"]}) == (["01", "04", "07"], False)
    assert shown(stage, 3, matching={"kind": ["a", "c"]}) == (["00", "02", "03"], True)


def test_more_than_a_megabyte_is_one_page(stage: Stage):
    for number in range(40):
        stage.commit(stage.create(f"P#{number:02d}", body="x" * 60_000))
    assert shown(stage, 40) == ([f"{number:02d}" for number in range(40)], False)
    assert shown(stage, 39, descending=True)[1] is True
    assert len(stage.table.every(stage.range("P#"))) == 40


def _queries(stage: Stage, act: Callable[[], Any]) -> tuple[int, Any]:
    before = stage.client.calls["query"]
    result = act()
    return stage.client.calls["query"] - before, result


def _bury_many(stage: Stage, numbers: range) -> None:
    """Tombstones as large as those of messages."""
    remains = {"sid": "M" * 34, "service_sid": "I" * 34, "channel_sid": "C" * 34, "deleted_at": NOW, "index": 1}
    stage.table.put_many(
        {stage.key(f"A{number:05d}"): {**remains, "cause": new_cause().record()} for number in numbers}
    )


def test_the_newest_item_behind_800_tombstones_is_found_with_three_queries(stage: Stage):
    """Each query looked at two more items than were dropped, and 400 of them were sent."""
    stage.commit(stage.create("A00000", number=1))
    _bury_many(stage, range(1, 801))
    queries, page = _queries(stage, lambda: stage.table.page(stage.range("A"), 1, descending=True))
    assert ([item.position for item in page.found], page.more) == (["00000"], False)
    assert queries <= 3


def test_a_page_behind_3000_tombstones_costs_three_queries(stage: Stage):
    _bury_many(stage, range(3000))
    stage.commit(*(stage.create(f"A{number:05d}", number=number) for number in range(3000, 3060)))
    queries, page = _queries(stage, lambda: stage.table.page(stage.range("A"), 50))
    assert ([item.record["number"] for item in page.found], page.more) == (list(range(3000, 3050)), True)
    assert queries <= 3


def test_few_tombstones_on_a_page_make_the_next_query_look_at_few_more(stage: Stage):
    stage.commit(*(stage.create(f"A{number:05d}", number=number) for number in range(80)))
    stage.commit(stage.bury("A00007"), stage.bury("A00009"))
    looked_at: list[int] = []

    def note(call: Any, request: dict[str, Any]) -> dict[str, Any]:
        answer: dict[str, Any] = call()
        looked_at.append(answer["ScannedCount"])
        return answer

    stage.client.script("query", note, note, note)
    assert len(stage.table.page(stage.range("A"), 50).found) == 50
    assert sum(looked_at) <= 60
    assert len(looked_at) == 2


def test_a_page_of_living_items_is_one_request(stage: Stage):
    stage.commit(*(stage.create(f"P#{number:02d}") for number in range(60)))
    stage.client.calls.clear()
    assert shown(stage, 50)[1] is True
    assert shown(stage, 60)[1] is False
    assert stage.client.calls == {"query": 2}


def indexed(stage: Stage, number: int) -> Create:
    return Create(stage.key(f"P#{number:02d}"), {}, TAKEN(), {"gsi1pk": stage.pk, "gsi1sk": f"{99 - number}"})


def test_an_index_gives_keys_in_its_own_order(stage: Stage):
    stage.commit(*(indexed(stage, number) for number in range(5)), stage.create("P#09"))
    where = Range(stage.pk, "", "gsi1")
    found, more = stage.table.page(where, 3)
    assert [(item.position, item.key, item.record) for item in found] == [
        ("95", stage.key("P#04"), {}),
        ("96", stage.key("P#03"), {}),
        ("97", stage.key("P#02"), {}),
    ]
    assert more is True
    assert [item.position for item in stage.table.page(where, 9, after="97").found] == ["98", "99"]
    assert [item.position for item in stage.table.page(where, 9, before="97", descending=True).found] == ["96", "95"]
    assert [item.position for item in stage.table.page(where, 9, descending=True).found] == [
        "99",
        "98",
        "97",
        "96",
        "95",
    ]


def test_an_update_can_take_a_record_into_an_index_and_out_of_it(stage: Stage):
    where = Range(stage.pk, "", "gsi2")
    stage.commit(stage.create("A"))
    stage.commit(stage.update("A", set={"gsi2pk": stage.pk, "gsi2sk": "1"}))
    assert [item.key for item in stage.table.page(where, 9).found] == [stage.key("A")]
    stage.commit(stage.update("A", set={"gsi2pk": None, "gsi2sk": None}))
    assert stage.table.page(where, 9).found == []


# Capacity


def test_writes_are_charged_by_their_number_and_not_by_their_conditions(stage: Stage):
    room = Guard("number", "<", 9, errors.CHANNEL_FULL())
    commits: list[tuple[int, list[Write]]] = [
        (1, [stage.create("A", number=1)]),
        (1, [stage.update("A", room, set={"x": 1}, add={"number": 1})]),
        (1, [stage.bury("A")]),
        (2, [indexed(stage, 1)]),  # and its entry in the index
        (1, [stage.update("P#01", set={"x": 1})]),  # whose keys do not change
        (4, [stage.create("B"), Put(stage.key("C"), {})]),
        (6, [stage.update("B", set={"x": 1}), Erase(stage.key("C")), Put(stage.key("D"), {})]),
    ]
    for units, writes in commits:
        with metered(stage.client._client) as meter:
            stage.commit(*writes)
        assert (meter.requests.total(), meter.write_units) == (1, units), writes


def test_reads_write_nothing(stage: Stage):
    stand(stage)
    with metered(stage.client._client) as meter:
        stage.table.fetch(stage.key("P#01"))
        stage.table.fetch_many([stage.key("P#01")])
        stage.table.page(stage.range("P#"), 3)
        stage.table.every(stage.range("P#"))
    assert (meter.requests.total(), meter.write_units) == (4, 0)


# What is no part of a conversation


def test_a_touch_makes_what_is_not_there_and_changes_what_is(stage: Stage):
    assert stage.table.touch(stage.key("A"), {"a": 1}) == {"a": 1}
    assert stage.table.touch(stage.key("A"), {"b": {"until": 2}}) == {"a": 1, "b": {"until": 2}}


def test_attributes_are_detached_from_what_is_there(stage: Stage):
    stage.table.touch(stage.key("A"), {"a": 1, "b": 2, "c": 3})
    assert stage.table.detach(stage.key("A"), ["a", "c", "never"]) == {"b": 2}
    assert stage.table.detach(stage.key("B"), ["a"]) is None
    assert stage.item("B") is None


def test_an_item_can_be_taken_once(stage: Stage):
    stage.table.touch(stage.key("A"), {"a": 1})
    assert stage.table.take(stage.key("A")) == ({"a": 1}, True)
    assert stage.table.take(stage.key("A")) == (None, True)


def test_any_number_of_items_is_erased_25_a_request(stage: Stage):
    stage.commit(*(stage.create(f"P#{number:02d}") for number in range(60)))
    stage.client.calls.clear()
    stage.table.erase_many(stage.key(f"P#{number:02d}") for number in range(61))
    assert stage.table.page(stage.range("P#"), 1, buried=True).found == []
    assert stage.client.calls["batch_write_item"] == 3
    stage.table.erase_many([])


def test_items_left_unerased_are_erased_by_another_request(stage: Stage):
    stage.commit(*(stage.create(f"P#{number:02d}") for number in range(10)))
    stage.client.script("batch_write_item", leaving_undone(4), leaving_undone(3))
    stage.table.erase_many(stage.key(f"P#{number:02d}") for number in range(10))
    assert stage.table.page(stage.range("P#"), 1).found == []
    assert stage.client.calls["batch_write_item"] == 3
    stage.client.script("batch_write_item", *[leaving_undone(0)] * 20)
    refused(errors.UNAVAILABLE, lambda: stage.table.erase_many([stage.key("A")]))


def test_the_client_is_made_once_and_only_when_needed(stage: Stage):
    made: list[MeddlingClient] = []

    def make() -> MeddlingClient:
        made.append(stage.client)
        return stage.client

    table = Table(stage.name, make, stage.clock)
    assert made == []
    table.fetch(stage.key("A"))
    table.fetch(stage.key("B"))
    assert len(made) == 1
