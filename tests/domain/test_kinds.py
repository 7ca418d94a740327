"""Kinds of parameters: from text to value, or to the documented refusal."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parley import errors
from parley.errors import INVALID_PARAMETER, UNKNOWN_VALUE, Refusal
from parley.faces.errors import translate
from parley.records.kinds import Attributes, Checked, Choice, Flag, Kind, Listed, Moment, Sid, Text, Url, Whole
from tests.domain.support import refuses

ROLE = "RL" + "0a" * 16
PARSED: list[tuple[Kind, list[str], Any]] = [
    (Text(3), ["abc"], "abc"),
    (Text(3), ["x", "abc"], "abc"),
    (Text(3), [""], None),
    (Text(3, kept=True), [""], ""),
    (Text(3), ["żżż"], "żżż"),
    (Text(3), ["   "], "   "),
    (Checked(str.upper), ["a", "b"], "B"),
    (Attributes(9), ['{"a": 1}'], '{"a": 1}'),
    (Attributes(9), [""], None),
    (Attributes(9), ["null"], "null"),
    (Whole(), ["0"], 0),
    (Whole(), [" 7 "], 7),
    (Whole(), ["007"], 7),
    (Whole(), ["2147483647"], 2**31 - 1),
    (Whole(-5, 5), ["-5"], -5),
    (Whole(clearable=True), [""], None),
    (Whole(clearable=True), [" "], None),
    (Flag(), ["true"], True),
    (Flag(), ["False"], False),
    (Flag(), ["false", "TRUE"], True),
    (Moment(), ["2026-01-15T12:00:00Z"], 1_768_478_400_000),
    (Moment(), [""], None),
    (Choice(("a", "b")), ["b"], "b"),
    (Sid("RL"), [ROLE], ROLE),
    (Sid("RL"), [""], None),
    (Listed(), ["b", "a", "b"], ["b", "a"]),
    (Listed(), [""], []),
    (Listed(), ["", "a", ""], ["a"]),
    (Listed(("a", "b")), ["b"], ["b"]),
    (Url(errors.PRE_WEBHOOK_URL_INVALID), [""], None),
    (Url(errors.PRE_WEBHOOK_URL_INVALID), [" https://example.com/a?b=c#d "], "https://example.com/a?b=c#d"),
    (Url(errors.PRE_WEBHOOK_URL_INVALID), ["HTTP://[::1]:8080"], "HTTP://[::1]:8080"),
]


@pytest.mark.parametrize(("kind", "given_", "expected"), PARSED, ids=lambda value: repr(value)[:32])
def test_a_value_is_read(kind: Kind, given_: list[str], expected: Any):
    assert kind.parse("Name", given_) == expected


WHOLE_NEEDED = "Invalid value for parameter Name: a whole number from {} to {} is needed"
REFUSED: list[tuple[Kind, list[str], errors.Error, str]] = [
    (Text(3), ["abcd"], INVALID_PARAMETER, "Invalid value for parameter Name: over 3 characters"),
    (Text(3, errors.AUTHOR_TOO_LONG), ["abcd"], errors.AUTHOR_TOO_LONG, ""),
    (Attributes(9), ['{"a": 123}'], errors.ATTRIBUTES_TOO_LONG, "Attributes are too long: at most 9 bytes"),
    (Attributes(5), ['"żż"'], errors.ATTRIBUTES_TOO_LONG, ""),
    (Attributes(9), ["{"], errors.ATTRIBUTES_NOT_JSON, ""),
    (Attributes(9), ["NaN"], errors.ATTRIBUTES_NOT_JSON, ""),
    (Attributes(9), ["-Infinity"], errors.ATTRIBUTES_NOT_JSON, ""),
    (Attributes(10**6), ["[" * 10**5], errors.ATTRIBUTES_NOT_JSON, ""),
    (Whole(), [""], INVALID_PARAMETER, WHOLE_NEEDED.format(0, 2**31 - 1)),
    (Whole(), ["-1"], INVALID_PARAMETER, ""),
    (Whole(), ["2147483648"], INVALID_PARAMETER, ""),
    (Whole(), ["1.0"], INVALID_PARAMETER, ""),
    (Whole(), ["1e3"], INVALID_PARAMETER, ""),
    (Whole(), ["--1"], INVALID_PARAMETER, ""),
    (Whole(), ["+1"], INVALID_PARAMETER, ""),
    (Whole(), ["1_000"], INVALID_PARAMETER, ""),
    (Whole(), ["٣"], INVALID_PARAMETER, ""),
    (Whole(), ["²"], INVALID_PARAMETER, ""),
    (Whole(), ["9" * 5000], INVALID_PARAMETER, ""),
    (Whole(1, 3, errors.WEBHOOK_RETRY_COUNT_INVALID), ["4"], errors.WEBHOOK_RETRY_COUNT_INVALID, ""),
    (Flag(), ["yes"], UNKNOWN_VALUE, "Parameter Name must be one of: true, false"),
    (Flag(), [""], UNKNOWN_VALUE, ""),
    (Moment(), ["soon"], INVALID_PARAMETER, "Invalid value for parameter Name: a date in ISO 8601 is needed"),
    (Moment(errors.DATE_CREATED_INVALID), ["soon"], errors.DATE_CREATED_INVALID, ""),
    (Choice(("a", "b")), ["c"], UNKNOWN_VALUE, "Parameter Name must be one of: a, b"),
    (Choice(("a", "b")), [""], UNKNOWN_VALUE, ""),
    (Choice(("a",), errors.ROLE_TYPE_INVALID), ["c"], errors.ROLE_TYPE_INVALID, ""),
    (
        Sid("RL"),
        ["CH" + "0" * 32],
        INVALID_PARAMETER,
        "Invalid value for parameter Name: a SID beginning with RL is needed",
    ),
    (Listed(("a", "b")), ["a", "c"], UNKNOWN_VALUE, "Parameter Name must be one of: a, b"),
    (
        Listed(("a",), errors.WEBHOOK_FILTER_INVALID),
        ["c"],
        errors.WEBHOOK_FILTER_INVALID,
        "WebhookFilters: Chat has no event c",
    ),
    (Listed(most=2), ["a", "b", "c"], INVALID_PARAMETER, "Invalid value for parameter Name: at most 2 values"),
    (Url(errors.PRE_WEBHOOK_URL_INVALID), ["/hook"], errors.PRE_WEBHOOK_URL_INVALID, ""),
    (Url(errors.PRE_WEBHOOK_URL_INVALID), ["https://x/" + "y" * 2048], errors.PRE_WEBHOOK_URL_INVALID, ""),
    (Url(errors.PRE_WEBHOOK_URL_INVALID), ["https://x:99999/"], errors.PRE_WEBHOOK_URL_INVALID, ""),
    (Url(errors.PRE_WEBHOOK_URL_INVALID), ["https://x/\r\nHost: y"], errors.PRE_WEBHOOK_URL_INVALID, ""),
    (Url(errors.PRE_WEBHOOK_URL_INVALID), ["javascript:alert(1)"], errors.PRE_WEBHOOK_URL_INVALID, ""),
]


@pytest.mark.parametrize(("kind", "given_", "error", "text"), REFUSED, ids=lambda value: repr(value)[:32])
def test_an_unacceptable_value_is_refused(kind: Kind, given_: list[str], error: errors.Error, text: str):
    with refuses(error, text):
        kind.parse("Name", given_)


def test_a_date_is_shown_in_seconds_and_other_values_as_they_are_stored():
    assert Moment().show(1_768_478_400_999) == "2026-01-15T12:00:00Z"
    assert Moment().show(None) is None
    assert Text().show("x") == "x"
    assert Whole().show(0) == 0


KINDS: list[Kind] = [
    Text(),
    Attributes(100),
    Whole(),
    Whole(-(10**9), 10**12, clearable=True),
    Flag(),
    Moment(),
    Choice(("a",)),
    Sid("RL"),
    Listed(("a",)),
    Url(errors.PRE_WEBHOOK_URL_INVALID),
]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: type(kind).__name__)
@given(st.lists(st.text(), min_size=1, max_size=3))
def test_any_text_is_read_or_refused(kind: Kind, texts: list[str]):
    try:
        kind.parse("Name", texts)
    except Refusal as refusal:
        assert translate("chat", refusal).status == 400
