"""Key patterns: each is in the table of keys, unique, can be read back, and sorts as its numbers do."""

from __future__ import annotations

import inspect
import re
import typing
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parley.store import keys
from parley.store.keys import Key, Range, Span

SIDS = {
    "account_sid": "AC" + "a" * 32,
    "service_sid": "IS" + "b" * 32,
    "channel_sid": "CH" + "c" * 32,
    "user_sid": "US" + "d" * 32,
    "role_sid": "RL" + "e" * 32,
}
OTHER: dict[str, Any] = {
    "wamid": "wamidHBgL=",
    "sid": "XX" + "f" * 32,
    "index": 7,
    "seq": 8,
    "place": 13,
    "created_ms": 9,
    "due_ms": 10,
    "at_ms": 10,
    "hour": 11,
    "channel_type": "public",
    "state": "active",
    "name": "a name",
    "token": "a token",
    "connection_id": "L0SM9cOF=",
    "followed_sid": "US" + "9" * 32,
    "minute": 10,
    "kind": "connection",
    "id_": "L0SM9cOF=",
    "session_sid": "EL" + "1" * 32,
    "window": 12,
    "command_id": "a command",
    "address": "whatsapp:+12025550143",
    "proxy": "whatsapp:+12025550178",
    "arn": "arn:aws:sns:us-east-1:123456789012:app/APNS/CR" + "5" * 32,
    "digest": "0f" * 16,
    "holder": Key("USER#US", "USER"),
}


def functions(returned: object) -> dict[str, Callable[..., Any]]:
    """The module's functions that return a type, of whatever record."""

    def returns(function: Callable[..., Any]) -> bool:
        found = typing.get_type_hints(function)["return"]
        return found == returned or typing.get_origin(found) is returned

    return {
        name: function
        for name, function in inspect.getmembers(keys, inspect.isfunction)
        if function.__module__ == keys.__name__ and returns(function)
    }


def call(function: Callable[..., Any]) -> Any:
    return function(*({**SIDS, **OTHER}[name] for name in inspect.signature(function).parameters))


def table() -> list[tuple[str, str, str, str]]:
    """The access-pattern table: question, index, partition key, sort key."""
    found = []
    for line in (keys.__doc__ or "").splitlines():
        if match := re.match(
            r"\s{4}(\S.*?)\s{2,}(gsi\d|)pk (\S+)\s+(?:gsi\d)?sk (<pk of the holder>|<[^>]*>|\S+)(.*)", line
        ):
            question, index, partition, sort = match.groups()[:4]
            found.append((question, index, partition, sort + match[5].partition("  ")[0]))
    return found


KEY_FUNCTIONS, RANGE_FUNCTIONS = functions(Key), functions(Range)
INDEX_FUNCTIONS = functions(dict[str, str])
TABLE = table()


def fits(pattern: str, text: str) -> bool:
    """Whether a key has the form of a pattern of the table, `CHANNELS#<type>#<CH>`."""
    parts = re.split(r"<[^>]+>", pattern)
    return re.fullmatch(".+".join(re.escape(part) for part in parts), text, re.DOTALL) is not None


def listed_as(pk: str, sk: str | None, index: str) -> list[str]:
    """The questions whose pattern these keys are of; `sk` is None for a range without a prefix."""
    return [
        question
        for question, at, partition, sort in TABLE
        if at == index and fits(partition, pk) and (sk is None or fits(sort, sk))
    ]


def test_the_table_is_read_whole():
    lines = [line for line in (keys.__doc__ or "").splitlines() if re.search(r"\S  +(gsi\d)?pk ", line)]
    assert len(TABLE) == len(lines) > 15


@pytest.mark.parametrize("name", KEY_FUNCTIONS)
def test_a_key_has_exactly_one_line_in_the_table(name: str):
    key = call(KEY_FUNCTIONS[name])
    assert len(listed_as(key.pk, key.sk, "")) == 1


@pytest.mark.parametrize("name", RANGE_FUNCTIONS)
def test_a_range_has_exactly_one_line_in_the_table(name: str):
    where = call(RANGE_FUNCTIONS[name])
    sort = where.prefix + "x#x" if where.prefix and not where.index else None
    assert len(listed_as(where.pk, sort, where.index)) == 1


@pytest.mark.parametrize("name", INDEX_FUNCTIONS)
def test_index_attributes_have_exactly_one_line_in_the_table(name: str):
    attributes = call(INDEX_FUNCTIONS[name])
    (index,) = {attribute[:4] for attribute in attributes}
    assert set(attributes) == {f"{index}pk", f"{index}sk"}
    assert len(listed_as(attributes[f"{index}pk"], attributes[f"{index}sk"], index)) == 1


def test_every_line_of_the_table_belongs_to_a_function():
    made = [(key.pk, key.sk, "") for key in map(call, KEY_FUNCTIONS.values())]
    for attributes in map(call, INDEX_FUNCTIONS.values()):
        index = next(iter(attributes))[:4]
        made.append((attributes[f"{index}pk"], attributes[f"{index}sk"], index))
    answered = {question for key in made for question in listed_as(*key)}
    assert answered == {question for question, *_ in TABLE}


def test_no_two_functions_make_the_same_key():
    made = [call(function) for function in KEY_FUNCTIONS.values()]
    assert len(set(made)) == len(made)
    ranges = [call(function) for function in RANGE_FUNCTIONS.values()]
    assert len(set(ranges)) == len(ranges)


def test_no_range_reaches_into_another_in_its_partition():
    ranges = [call(function) for function in RANGE_FUNCTIONS.values()]
    for one in ranges:
        for other in ranges:
            if one is not other and (one.pk, one.index) == (other.pk, other.index):
                assert not one.prefix.startswith(other.prefix)


def test_no_single_item_lies_in_a_range_of_its_partition():
    single = {key for key in map(call, KEY_FUNCTIONS.values()) if "#" not in key.sk}
    assert len(single) >= 8
    for where in map(call, RANGE_FUNCTIONS.values()):
        assert not [key for key in single if not where.index and key.pk == where.pk and key.sk.startswith(where.prefix)]


@pytest.mark.parametrize("name", functions(Span))
def test_a_span_covers_what_stands_in_its_partition_by_itself(name: str):
    span = call(functions(Span)[name])
    ranges = [where for where in map(call, RANGE_FUNCTIONS.values()) if not where.index]
    assert [where for where in ranges if where.pk == span.pk and where.prefix.startswith(span.prefix)]
    assert span not in ranges


@pytest.mark.parametrize("name", KEY_FUNCTIONS)
def test_every_parameter_of_a_key_can_be_read_from_it(name: str):
    key = call(KEY_FUNCTIONS[name])
    for parameter in inspect.signature(KEY_FUNCTIONS[name]).parameters:
        value = {**SIDS, **OTHER}[parameter]
        padded = keys.time if parameter.endswith("_ms") else keys.padded
        text = padded(value) if isinstance(value, int) else value
        assert text in re.split("[#.]", f"{key.pk}#{key.sk}")


@given(st.text(min_size=1, max_size=256), st.text(min_size=1, max_size=256))
def test_no_two_texts_of_a_user_make_the_same_key(one: str, other: str):
    for function in (keys.unique_name, keys.idempotency):
        assert (function("X", one) == function("X", other)) == (one == other)
    assert keys.unique_name("IS1", one) != keys.unique_name("IS2", other)


@given(st.integers(0, 10**12 - 1), st.integers(0, 10**12 - 1))
def test_padded_numbers_sort_as_numbers(one: int, other: int):
    assert (keys.padded(one) < keys.padded(other)) == (one < other)
    assert (keys.message("CH", one) < keys.message("CH", other)) == (one < other)
    assert (keys.change("CH", one) < keys.change("CH", other)) == (one < other)


@given(st.integers(0, 10**13 - 1), st.integers(0, 10**13 - 1))  # until the year 2286
def test_users_stand_in_the_order_of_their_creation(one: int, other: int):
    first, second = keys.user_position(one, "US2"), keys.user_position(other, "US1")
    if one != other:
        assert (first < second) == (one < other)
