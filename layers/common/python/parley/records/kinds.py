"""Kinds of values: how a parameter's text becomes a value, and how a value is shown.

`parse(name, values)` takes the form name (for the error text) and the values given under it, in order; for everything
but lists the last one counts. It returns a storable value, None for "cleared", or raises the documented Refusal.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from parley.clock import iso_seconds, parse_iso
from parley.errors import (
    ATTRIBUTES_NOT_JSON,
    ATTRIBUTES_TOO_LONG,
    INVALID_PARAMETER,
    UNKNOWN_VALUE,
    WEBHOOK_METHOD_INVALID,
    Error,
)
from parley.frozen import frozen
from parley.ids import is_sid
from parley.ports.http.targets import TargetRefused, check_url

EMPTY_ATTRIBUTES = "{}"


def attributes_of(record: Mapping[str, Any]) -> str:
    """The attributes of a record as JSON text."""
    return record.get("attributes") or EMPTY_ATTRIBUTES


class Kind(Protocol):
    """What each kind below offers."""

    def parse(self, name: str, values: Sequence[str]) -> Any: ...

    def show(self, value: Any) -> Any: ...


class _Shown:
    """Most values are shown as they are stored."""

    def show(self, value: Any) -> Any:
        return value


@frozen
class Text(_Shown):
    """Up to `longest` characters; an empty one clears the field, unless it is `kept` as it is."""

    longest: int = 256
    too_long: Error | None = None
    kept: bool = False

    def parse(self, name: str, values: Sequence[str]) -> str | None:
        text = values[-1]
        if len(text) > self.longest:
            raise (
                self.too_long(longest=self.longest)
                if self.too_long
                else INVALID_PARAMETER(name=name, reason=f"over {self.longest} characters")
            )
        return text if text or self.kept else None


@frozen
class Checked(_Shown):
    """Text that a rule of the domain accepts, changes or refuses."""

    rule: Callable[[str], str | None]

    def parse(self, name: str, values: Sequence[str]) -> str | None:
        return self.rule(values[-1])


@frozen
class Attributes(_Shown):
    """A JSON document kept as the text it came in, up to `longest` bytes; empty clears it."""

    longest: int

    def parse(self, name: str, values: Sequence[str]) -> str | None:
        text = values[-1]
        if not text:
            return None
        if len(text.encode()) > self.longest:
            raise ATTRIBUTES_TOO_LONG(limit=self.longest)
        try:
            json.loads(text, parse_constant=_refuse_constant)
        except (ValueError, RecursionError):
            raise ATTRIBUTES_NOT_JSON() from None
        return text


def _refuse_constant(name: str) -> None:
    raise ValueError(name)  # NaN and Infinity are Python's, not JSON's


@frozen
class Whole(_Shown):
    """A whole number from `least` to `most`; an empty one clears the field where that is `clearable`."""

    least: int = 0
    most: int = 2**31 - 1
    error: Error | None = None
    clearable: bool = False

    def parse(self, name: str, values: Sequence[str]) -> int | None:
        text = values[-1].strip()
        if not text and self.clearable:
            return None
        # `isdecimal` alone would let other scripts' digits through.
        if (
            text.isascii()
            and text.removeprefix("-").isdigit()
            and len(text) < 20
            and self.least <= int(text) <= self.most
        ):
            return int(text)
        reason = f"a whole number from {self.least} to {self.most} is needed"
        raise self.error() if self.error else INVALID_PARAMETER(name=name, reason=reason)


@frozen
class Stored(_Shown):
    """An object that operations make; no parameter sets it. `parts` are the fields in it (`parley/records/spec.py`)."""

    parts: tuple[Any, ...] = ()

    def parse(self, name: str, values: Sequence[str]) -> Any:
        raise INVALID_PARAMETER(name=name, reason="it cannot be set")


@frozen
class Flag:
    """`true` or `false`; answered as text where Twilio does so."""

    as_text: bool = False

    def show(self, value: bool | None) -> bool | str | None:
        return str(value).lower() if self.as_text and value is not None else value

    def parse(self, name: str, values: Sequence[str]) -> bool:
        text = values[-1].lower()
        if text not in ("true", "false"):
            raise UNKNOWN_VALUE(name=name, choices="true, false")
        return text == "true"


@frozen
class Moment:
    """A date in ISO 8601, stored as milliseconds; an empty one means "not given"."""

    error: Error | None = None

    def parse(self, name: str, values: Sequence[str]) -> int | None:
        if not values[-1]:
            return None
        milliseconds = parse_iso(values[-1])
        if milliseconds is None:
            raise self.error() if self.error else INVALID_PARAMETER(name=name, reason="a date in ISO 8601 is needed")
        return milliseconds

    def show(self, value: int | None) -> str | None:
        return None if value is None else iso_seconds(value)


@frozen
class Choice(_Shown):
    """One of a few words."""

    words: tuple[str, ...]
    error: Error | None = None

    def parse(self, name: str, values: Sequence[str]) -> str:
        if values[-1] not in self.words:
            raise self.error() if self.error else UNKNOWN_VALUE(name=name, choices=", ".join(self.words))
        return values[-1]


WEBHOOK_METHOD = Choice(("GET", "POST"), WEBHOOK_METHOD_INVALID)


@frozen
class Sid(_Shown):
    """A SID with this prefix; an empty one clears the field, unless it is refused with `empty`."""

    prefix: str
    error: Error | None = None
    empty: Error | None = None

    def parse(self, name: str, values: Sequence[str]) -> str | None:
        if not values[-1]:
            if self.empty:
                raise self.empty()
            return None
        if not is_sid(self.prefix, values[-1]):
            reason = f"a SID beginning with {self.prefix} is needed"
            raise self.error() if self.error else INVALID_PARAMETER(name=name, reason=reason)
        return values[-1]


@frozen
class Listed(_Shown):
    """A parameter that may be repeated; a single empty value means "none". With `words`, only they are taken."""

    words: tuple[str, ...] = ()
    error: Error | None = None
    most: int = 100

    def parse(self, name: str, values: Sequence[str]) -> list[str]:
        given = [value for value in values if value]
        if len(given) > self.most:
            raise INVALID_PARAMETER(name=name, reason=f"at most {self.most} values")
        for value in given:
            if self.words and value not in self.words:
                raise (
                    self.error(name=value) if self.error else UNKNOWN_VALUE(name=name, choices=", ".join(self.words))
                )
        return list(dict.fromkeys(given))


@frozen
class Sids(Listed):
    """SIDs with this prefix, each in a parameter of its own; one that is repeated counts once."""

    prefix: str = ""
    malformed: Error | None = None

    def parse(self, name: str, values: Sequence[str]) -> list[str]:
        given = super().parse(name, values)
        for value in given:
            Sid(self.prefix, self.malformed).parse(name, [value])
        return given


@frozen
class Objects(_Shown):
    """At most `most` JSON objects, each in a parameter of its own."""

    most: int
    too_many: Error
    malformed: Error

    def parse(self, name: str, values: Sequence[str]) -> list[dict[str, Any]]:
        if len(values) > self.most:
            raise self.too_many()
        return [self._object(text) for text in values]

    def _object(self, text: str) -> dict[str, Any]:
        try:
            found = json.loads(text, parse_constant=_refuse_constant)
            # JSON can contain half a character (a lone surrogate), but DynamoDB cannot store it.
            json.dumps(found, ensure_ascii=False).encode()
        except (ValueError, RecursionError):
            raise self.malformed() from None
        if not isinstance(found, dict):
            raise self.malformed()
        return found


@frozen
class Url(_Shown):
    """An absolute http or https URL; an empty one clears the field.

    A URL with an address that is not public is refused here. A host name is resolved and checked at each delivery.
    """

    error: Error
    longest: int = 2048
    too_long: Error | None = None

    def parse(self, name: str, values: Sequence[str]) -> str | None:
        text = values[-1].strip()
        if not text:
            return None
        if len(text) > self.longest:
            raise self.too_long() if self.too_long else self.error(reason=f"over {self.longest} characters")
        try:
            # Loopback is refused at delivery, unless this is a local run.
            check_url(text, allow_loopback=True)
        except TargetRefused as refused:
            raise self.error(reason=refused.reason) from None
        return text
