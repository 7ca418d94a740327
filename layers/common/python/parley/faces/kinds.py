"""Kinds of values that only a face knows: each shows a stored value in another form."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import field
from typing import Any

from parley.domain.deliveries import summary
from parley.domain.messages import files_in
from parley.errors import INVALID_PARAMETER, Error, Refusal
from parley.frozen import frozen
from parley.records.kinds import Kind, Listed, Moment


@frozen
class Files:
    """The files of a message, shown as a list; null if there are none."""

    def parse(self, name: str, values: Sequence[str]) -> Any:
        raise INVALID_PARAMETER(name=name, reason="it cannot be set")

    def show(self, value: Any) -> Any:
        return files_in(value) or None


@frozen
class FirstFile(Files):
    """The files of a message, of which the first is shown; null if there is none."""

    def show(self, value: Any) -> Any:
        return next(iter(files_in(value)), None)


@frozen
class LastMoment(Moment):
    """The last moment that a filter by date includes: the end of a date, or of a second."""

    def parse(self, name: str, values: Sequence[str]) -> int | None:
        given = super().parse(name, values)
        if given is None:
            return None
        unit_ms = 86_400_000 if len(values[-1].strip()) == len("2026-01-15") else 1000
        return given - given % unit_ms + unit_ms - 1


@frozen
class Renamed:
    """A word that the face shows as another; `words` maps the face's words to the stored ones."""

    words: Mapping[str, str]
    error: Error

    def parse(self, name: str, values: Sequence[str]) -> str:
        if values[-1] not in self.words:
            raise self.error()
        return self.words[values[-1]]

    def show(self, value: str | None) -> str | None:
        return next((word for word, stored in self.words.items() if stored == value), None)


@frozen
class RenamedList:
    """A list of words that the face shows as others. A stored word that the face has no word for is not shown."""

    words: Mapping[str, str]
    unknown: Callable[[str, str], Refusal]

    def parse(self, name: str, values: Sequence[str]) -> list[str]:
        given = Listed().parse(name, values)
        for value in given:
            if value not in self.words:
                raise self.unknown(name, value)
        return [self.words[value] for value in given]

    def show(self, value: Sequence[str] | None) -> list[str]:
        words = {stored: word for word, stored in self.words.items()}
        return [words[stored] for stored in value or () if stored in words]


@frozen
class OnlyThese:
    """A list from which the face shows only these words; parameters are parsed as a plain list."""

    words: Collection[str]

    def parse(self, name: str, values: Sequence[str]) -> list[str]:
        return Listed().parse(name, values)

    def show(self, value: Sequence[str] | None) -> list[str]:
        return [word for word in value or () if word in self.words]


@frozen
class Summary:
    """Counts of receipts, shown as none, some or all of them."""

    def parse(self, name: str, values: Sequence[str]) -> Any:
        raise INVALID_PARAMETER(name=name, reason="it cannot be set")

    def show(self, value: Mapping[str, int] | None) -> dict[str, int | str] | None:
        return None if value is None else summary(value)


@frozen
class Selected:
    """The events that a webhook selects; `stored` maps the face's names to the stored ones, one or more.

    Attributes:
        older: Older names that parameters may use, each with the name that is shown instead.
    """

    stored: Mapping[str, tuple[str, ...]]
    error: Error
    older: Mapping[str, str] = field(default_factory=dict)

    def parse(self, name: str, values: Sequence[str]) -> list[str]:
        given = [self.older.get(value, value) for value in Listed().parse(name, values)]
        for value in given:
            if value not in self.stored:
                raise self.error(name=value)
        return list(dict.fromkeys(stored for value in given for stored in self.stored[value]))

    def show(self, value: Sequence[str] | None) -> list[str] | None:
        if value is None:
            return None
        return [word for word, stored in self.stored.items() if any(name in value for name in stored)]


@frozen
class OrElse:
    """A kind with another value that is shown while nothing is stored."""

    kind: Kind
    absent: Any

    def parse(self, name: str, values: Sequence[str]) -> Any:
        return self.kind.parse(name, values)

    def show(self, value: Any) -> Any:
        return self.absent if value is None else self.kind.show(value)


@frozen
class AnyCase:
    """A word in capitals that the face also takes in small letters."""

    kind: Kind

    def parse(self, name: str, values: Sequence[str]) -> Any:
        return self.kind.parse(name, [value.upper() for value in values])

    def show(self, value: Any) -> Any:
        return self.kind.show(value)


@frozen
class WithEvery:
    """An object that the face shows with all of some keys, null where it has no value."""

    names: tuple[str, ...]

    def parse(self, name: str, values: Sequence[str]) -> Any:
        raise INVALID_PARAMETER(name=name, reason="it cannot be set")

    def show(self, value: Mapping[str, Any] | None) -> dict[str, Any] | None:
        return None if value is None else {name: value.get(name) for name in self.names}
