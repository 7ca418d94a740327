"""Record types: which fields are stored, which of them clients may set, and where the records live.

A record type is data and knows no API: paths, form names, views and page sizes belong to the faces (`parley/faces`). A
field appears in an answer, form, client action or webhook only if a face names it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from functools import cached_property
from typing import Any, Generic, Literal

from parley.errors import DATE_CREATED_INVALID, DATE_UPDATED_INVALID, Error
from parley.frozen import frozen
from parley.records.kinds import EMPTY_ATTRIBUTES, Attributes, Kind, Moment, Sid
from parley.store.keys import Key, R, Range

Path = dict[str, str]
Parent = Literal["account", "service", "channel"]
VERBS = ("create", "fetch", "list", "update", "delete")
# Stands in `Field.reason` if `updateReasons` does not name changes of the field.
NO_REASON = "-"


@frozen
class Right:
    """The permissions with which a client may set a field.

    Any one of them is enough. If there are none, every client in the record's channel or service may set it.

    Attributes:
        own: Those for the client's own record; None if the client may not set the field there.
        others: Those for the records of others; None if the client may not set the field there.
    """

    own: tuple[str, ...] | None
    others: tuple[str, ...] | None

    def needed(self, *, is_own: bool) -> tuple[str, ...] | None:
        """The permissions, any one of which is enough; None if no client may set the field."""
        return self.own if is_own else self.others


FREELY = Right((), ())


def needs(*permissions: str) -> Right:
    """The right to set a field of any record, with any one of `permissions`."""
    return Right(permissions, permissions)


def own_or_any(noun: str) -> Right:
    """`editAny<noun>` for every record; for the client's own, `editOwn<noun>` is enough too."""
    return Right((f"editAny{noun}", f"editOwn{noun}"), (f"editAny{noun}",))


def own_only(*permissions: str) -> Right:
    """Only the client's own record; with one of `permissions`, if any are given."""
    return Right(permissions, None)


@frozen
class Field:
    """One field of a record.

    Attributes:
        name: As stored; a dot makes it part of an object in views (`limits.user_channels`).
        kind: How it is parsed and shown.
        about: What it means, in one sentence for readers of the API reference.
        default: What is shown while nothing is stored.
        always: Whether a record always has it, so that it cannot be cleared.
        on_create: The right that a client needs to set it on create; None if no client may.
        on_update: The same for update.
        reason: The name of its changes in `updateReasons`, or `NO_REASON`. If clients have events for a type, each of
            its fields has one of the two.
        missing: The refusal of a create without it, if that is not the general one.
    """

    name: str
    kind: Kind
    about: str
    default: Any = None
    always: bool = False
    on_create: Right | None = None
    on_update: Right | None = None
    reason: str = ""
    missing: Error | None = None


# The fields that every record may have; no type declares them, unless clients are told of their changes.
COMMON = (
    Field("sid", Sid(""), "The SID of this resource."),
    Field("account_sid", Sid("AC"), "The account to which it belongs."),
    Field("service_sid", Sid("IS"), "The service to which it belongs."),
    Field("channel_sid", Sid("CH"), "The channel to which it belongs."),
    Field("date_created", Moment(), "When it was created."),
    Field("date_updated", Moment(), "When it last changed."),
)
COMMON_FIELDS = tuple(field.name for field in COMMON)


def attributes(longest: int, *, on_create: Right | None, on_update: Right) -> Field:
    """The application's own JSON document, of at most `longest` bytes."""
    return Field(
        "attributes",
        Attributes(longest),
        "A JSON document of the application's own, as text.",
        default=EMPTY_ATTRIBUTES,
        on_create=on_create,
        on_update=on_update,
        reason="attributes",
    )


def dates(noun: str, began: str) -> tuple[Field, Field]:
    """The dates of a record that may be imported; `began` says what happened to it first, such as `joined`."""
    imported = f"imported {noun}s bring their own date."
    return (
        Field(
            "date_created",
            Moment(DATE_CREATED_INVALID),
            f"When the {noun} {began}; {imported}",
            reason="dateCreated",
        ),
        Field(
            "date_updated",
            Moment(DATE_UPDATED_INVALID),
            f"When the {noun} last changed; {imported}",
            reason="dateUpdated",
        ),
    )


@frozen
class RecordType(Generic[R]):
    """One type of record: everything that is special about it, except rules.

    Attributes:
        name: Its name in changes, logs, entries of the channel's log and tables.
        prefix: SID prefix.
        parent: What its records live in. If that is a channel, each change gets a number in the channel's log and is
            refused once the channel is deleted. If they stand in the channel's partition, a sweep erases them with it.
        fields: Its own fields, mostly without `COMMON_FIELDS`.
        key: The item's key, from a path whose addresses are resolved to SIDs.
        range: The range of the table in which all records of one parent stand; None if they do not stand together.
        computed: Fields that operations add to an answer and that are never stored.
        remains: The names of the fields that its tombstone keeps beside SIDs, separated by blanks.
    """

    name: str
    prefix: str
    parent: Parent
    fields: tuple[Field, ...]
    key: Callable[[Path], Key[R]]
    range: Callable[[Path], Range[R]] | None = None
    computed: tuple[Field, ...] = ()
    remains: str = ""

    @cached_property
    def by_name(self) -> dict[str, Field]:
        """Its fields by name."""
        return {field.name: field for field in self.fields}

    def right(self, verb: str, name: str) -> Right | None:
        """The right that a client needs to set a field on create or update; None if no client may."""
        field = self.by_name.get(name)
        if field is None:
            return None
        return {"create": field.on_create, "update": field.on_update}.get(verb)


class Registry(Collection[RecordType[Any]]):
    """All record types, by name."""

    def __init__(self, *types: RecordType[Any]):
        self._types = {record_type.name: record_type for record_type in types}

    def __iter__(self) -> Iterator[RecordType[Any]]:
        return iter(self._types.values())

    def __len__(self) -> int:
        return len(self._types)

    def __contains__(self, wanted: object) -> bool:
        return wanted in self._types.values()

    def __getitem__(self, name: str) -> RecordType[Any]:
        return self._types[name]

    def including(self, *types: RecordType[Any]) -> Registry:
        """A copy with more types."""
        return Registry(*self, *types)
