"""Times: milliseconds inside, ISO 8601 outside."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parley.clock import Clock, iso_millis, iso_seconds, parse_iso

NOON = 1_768_478_400_000

READABLE = [
    ("2026-01-15T12:00:00Z", NOON),
    ("2026-01-15t12:00:00z", NOON),
    ("2026-01-15 12:00:00", NOON),
    ("2026-01-15T12:00", NOON),
    ("  2026-01-15T12:00:00Z\n", NOON),
    ("2026-01-15T13:00:00+01:00", NOON),
    ("2026-01-15T13:00:00+0100", NOON),
    ("2026-01-15T13:00:00 +01", NOON),
    ("2026-01-15T06:30:00-05:30", NOON),
    ("2026-01-15T12:00:00.295Z", NOON + 295),
    ("2026-01-15T12:00:00,2Z", NOON + 200),
    ("2026-01-15T12:00:00.295999999Z", NOON + 295),
    ("2026-01-15", NOON - 12 * 3_600_000),
    ("1970-01-01T00:00:00Z", 0),
    ("2024-02-29", 1_709_164_800_000),
    ("9999-12-31T23:59:59Z", 253_402_300_799_000),
]


@pytest.mark.parametrize(("text", "expected"), READABLE)
def test_iso_8601_dates_are_read(text: str, expected: int):
    assert parse_iso(text) == expected


UNREADABLE = [
    "",
    " ",
    "now",
    "1768478400",
    "2026-1-15",
    "2026-13-01",
    "2026-02-29",
    "2026-01-15T24:00:00Z",
    "2026-01-15T12:60:00Z",
    "2026-01-15T12:00:60Z",
    "2026-01-15T12Z",
    "2026-01-15T12:00:00ZZ",
    "2026-01-15T12:00:00.Z",
    "2026-01-15T12:00:00.1234567890Z",
    "2026-01-15T12:00:00+24:00",
    "2026-01-15T12:00:00+01:60",
    "2026-01-15T12:00:00-99:99",
    "2026-01-15T12:00:00+01:",
    "Thu, 15 Jan 2026 12:00:00 +0000",
    "٢٠٢٦-٠١-١٥",
    "1969-12-31T23:59:59Z",
    "1970-01-01T00:00:00+01:00",
    "0001-01-01T00:00:00+23:00",
    "9999-12-31T23:59:59-23:00",
    "2026-01-15T12:00:00Z" * 2,
]


@pytest.mark.parametrize("text", UNREADABLE)
def test_anything_else_is_no_date(text: str):
    assert parse_iso(text) is None


def test_dates_in_answers_have_seconds_and_dates_in_webhooks_milliseconds():
    assert iso_seconds(NOON + 999) == "2026-01-15T12:00:00Z"
    assert iso_millis(NOON + 7) == "2026-01-15T12:00:00.007Z"
    assert iso_millis(NOON) == "2026-01-15T12:00:00.000Z"


@given(st.integers(0, 253_402_300_799_999))
def test_a_shown_date_is_read_back(milliseconds: int):
    assert parse_iso(iso_millis(milliseconds)) == milliseconds
    assert parse_iso(iso_seconds(milliseconds)) == milliseconds - milliseconds % 1000


@given(st.text())
def test_no_text_breaks_the_reader(text: str):
    assert parse_iso(text) is None or isinstance(parse_iso(text), int)


def test_the_clock_is_the_systems():
    before = time.time()
    assert before - 1 <= Clock().now_ms() / 1000 <= time.time() + 1
