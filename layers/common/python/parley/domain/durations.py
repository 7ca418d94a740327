"""Durations in ISO 8601, for timers of conversations (https://www.twilio.com/docs/conversations/states-timers).

Weeks, days, hours, minutes and seconds have an exact length. Years and months have none, so they are refused.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from parley.errors import (
    CLOSED_TIMER_INVALID,
    CLOSED_TIMER_TOO_SMALL,
    INACTIVE_TIMER_INVALID,
    INACTIVE_TIMER_TOO_SMALL,
    Error,
)

# `PT0S` is a legal duration. It removes a timer (unconfirmed). If this is False, Parley refuses `PT0S` as too short.
ZERO_REMOVES = True
# A timer may run for a hundred years.
_LONGEST_MS = 36_525 * 86_400_000
_NUMBER = r"(\d{1,12})"
_DURATION = re.compile(
    rf"P(?:{_NUMBER}W|(?:{_NUMBER}D)?(?:T(?=\d)(?:{_NUMBER}H)?(?:{_NUMBER}M)?(?:{_NUMBER}(?:[.,](\d{{1,9}}))?S)?)?)",
    re.ASCII,
)
_ANY_LENGTH = re.compile("[1-9]")
_UNITS_MS = (7 * 86_400_000, 86_400_000, 3_600_000, 60_000, 1000)


def milliseconds(text: str) -> int | None:
    """The length of a duration, rounded down to milliseconds; None if a timer may not have the duration in `text`."""
    match = _DURATION.fullmatch(text)
    if match is None or not any(match.groups()):
        return None
    *numbers, fraction = match.groups()
    whole = sum(int(number or 0) * unit for number, unit in zip(numbers, _UNITS_MS, strict=True))
    length = whole + int((fraction or "").ljust(3, "0")[:3])
    return length if length <= _LONGEST_MS else None


def _timer(least_ms: int, invalid: Error, too_small: Error) -> Callable[[str], str | None]:
    def check(text: str) -> str | None:
        length = milliseconds(text)
        if length is None:
            raise invalid()
        if ZERO_REMOVES and not _ANY_LENGTH.search(text):
            return None
        if length < least_ms:
            raise too_small()
        return text

    return check


# The duration of a timer; None for one that removes it. They raise 50379 and 50375, or 50380 and 50376.
check_inactive_timer = _timer(60_000, INACTIVE_TIMER_INVALID, INACTIVE_TIMER_TOO_SMALL)
check_closed_timer = _timer(600_000, CLOSED_TIMER_INVALID, CLOSED_TIMER_TOO_SMALL)
