"""Time as Parley uses it: milliseconds since the epoch inside, ISO 8601 in UTC outside."""

from __future__ import annotations

import re
import time
from datetime import UTC, datetime, timedelta

_ISO_8601 = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)"
    r"(?:[Tt ](\d\d):(\d\d)(?::(\d\d)(?:[.,](\d{1,9}))?)?\s*(Z|z|[+-]\d\d(?::?\d\d)?)?)?",
    re.ASCII,
)


class Clock:
    """The system's clock; tests hand in their own with the same two methods."""

    def now_ms(self) -> int:
        """Milliseconds since the epoch."""
        return time.time_ns() // 1_000_000

    def sleep(self, seconds: float) -> None:
        """Pause the calling thread (used between retries only)."""
        time.sleep(seconds)


def iso_seconds(milliseconds: int) -> str:
    """`2021-04-17T12:52:31Z`: dates in REST answers."""
    return datetime.fromtimestamp(milliseconds // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def iso_millis(milliseconds: int) -> str:
    """`2021-04-17T12:52:31.295Z`: dates in webhooks and socket frames."""
    moment = datetime.fromtimestamp(milliseconds // 1000, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{milliseconds % 1000:03d}Z"


def iso_or_none(milliseconds: int | None) -> str | None:
    """As `iso_millis`; None without a time."""
    return None if milliseconds is None else iso_millis(milliseconds)


def parse_iso(text: str) -> int | None:
    """Milliseconds of an ISO 8601 date or date-time (UTC when no offset is given); None if `text` is not one."""
    match = _ISO_8601.fullmatch(text.strip())
    if not match:
        return None
    year, month, day, hour, minute, second, fraction, zone = match.groups()
    try:
        day_part = datetime(int(year), int(month), int(day), tzinfo=UTC)
        time_part = timedelta(hours=_under(24, hour), minutes=_under(60, minute), seconds=_under(60, second))
        moment = day_part + time_part - _offset(zone)
        # Before 1970 there is no chat to import, and negative numbers would not sort in padded keys.
        milliseconds = int(moment.timestamp()) * 1000 + int((fraction or "0").ljust(3, "0")[:3])
    except (ValueError, OverflowError):
        return None
    return milliseconds if milliseconds >= 0 else None


def _under(limit: int, digits: str | None) -> int:
    number = int(digits or 0)
    if number >= limit:
        raise ValueError(digits)
    return number


def _offset(zone: str | None) -> timedelta:
    if zone is None or zone in "Zz":
        return timedelta()
    digits = zone[1:].replace(":", "").ljust(4, "0")
    offset = timedelta(hours=_under(24, digits[:2]), minutes=_under(60, digits[2:]))
    return offset if zone[0] == "+" else -offset
