"""SIDs: made in order of time, recognised by their form, derived where that saves a read."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parley.ids import Ids, is_sid, member_sid, message_index, message_sid, user_sid
from tests.support.fakes import FakeClock, seeded_hex

CHANNEL, OTHER_CHANNEL = "CH" + "0" * 32, "CH" + "1" * 32
SERVICE, OTHER_SERVICE = "IS" + "0" * 32, "IS" + "1" * 32


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("CH" + "0" * 32, True),
        ("CH" + "aF" * 16, True),
        ("CH" + "0" * 31, False),
        ("CH" + "0" * 33, False),
        ("ch" + "0" * 32, False),
        ("US" + "0" * 32, False),
        ("CH" + "g" * 32, False),
        ("CH" + "0" * 31 + "\n", False),
        ("CH" + "٠" * 32, False),
        ("", False),
    ],
)
def test_a_sid_is_its_prefix_and_32_hex_digits(text: str, expected: bool):
    assert is_sid("CH", text) is expected


def test_sids_sort_by_time_also_within_a_millisecond():
    clock = FakeClock()
    ids = Ids(clock, seeded_hex("x"))
    made = [ids.sid("CH") for _ in range(50)]
    clock.advance(0.02)  # what was made ran 30 ms ahead of the clock
    made += [ids.sid("CH") for _ in range(50)]
    clock.advance(10)
    made.append(ids.sid("CH"))
    assert made == sorted(made)
    assert len(set(made)) == 101


def test_a_clock_that_goes_back_does_not_put_sids_in_disorder():
    clock = FakeClock()
    ids = Ids(clock, seeded_hex("x"))
    first = ids.sid("CH")
    clock.advance(-3600)
    assert ids.sid("CH") > first


def test_sids_of_two_containers_differ_at_the_same_time():
    clock = FakeClock()
    assert Ids(clock).sid("CH") != Ids(clock).sid("CH")


def test_a_sid_has_the_form_of_twilios():
    assert re.fullmatch("IS[0-9a-f]{32}", Ids(FakeClock()).sid("IS"))
    assert re.fullmatch("[0-9a-f]{32}", Ids(FakeClock()).unique())


def test_threads_never_make_the_same_sid():
    ids = Ids(FakeClock(), lambda size: "0" * size * 2)
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda _: ids.sid("CH"), range(2_000)))
    assert len(set(made)) == 2_000


def test_derived_sids_depend_on_both_parts():
    assert user_sid(SERVICE, "alice") == user_sid(SERVICE, "alice")
    derived = {
        user_sid(SERVICE, "alice"),
        user_sid(SERVICE, "Alice"),
        user_sid(OTHER_SERVICE, "alice"),
        user_sid(SERVICE + "a", "lice"),
        user_sid(SERVICE, "a" * 256),
        user_sid(SERVICE, ""),
    }
    assert len(derived) == 6
    assert all(is_sid("US", sid) for sid in derived)
    assert is_sid("MB", member_sid(CHANNEL, "ż\U0001f600"))
    assert member_sid(CHANNEL, "alice") != member_sid(OTHER_CHANNEL, "alice")


@given(st.integers(0, 16**10 - 1))
def test_a_message_sid_carries_its_index(index: int):
    sid = message_sid(CHANNEL, index)
    assert is_sid("IM", sid)
    assert message_index(CHANNEL, sid) == index
    assert message_index(OTHER_CHANNEL, sid) is None


@given(st.integers(0, 16**10 - 2))
def test_message_sids_sort_by_index(index: int):
    assert message_sid(CHANNEL, index) < message_sid(CHANNEL, index + 1)


@pytest.mark.parametrize(
    "sid",
    ["", "IM", "IM" + "0" * 32, "IM" + "f" * 32, "CH" + "0" * 32, message_sid(CHANNEL, 7).upper(), "IM" + "x" * 32],
)
def test_a_text_that_is_no_message_sid_of_the_channel_has_no_index(sid: str):
    assert message_index(CHANNEL, sid) is None
