"""What a resource row says: its fields, its keys, and where and how each API version shows it.

A row is data. Routes, form parsing and views are generated from it; operations carry it out.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from parley.errors import EMPTY_UPDATE, Error
from parley.records.kinds import Kind
from parley.store.items import Record
from parley.store.keys import Key, Range

Path = dict[str, str]
VERBS = ("create", "fetch", "list", "update", "delete")


@dataclass(frozen=True)
class Field:
    """One field of a record.

    Attributes:
        name: As stored; a dot makes it part of an object in views (`limits.user_channels`).
        kind: How it is parsed and shown.
        on: The verbs whose form takes it, separated by blanks.
        required: The verbs that refuse to go without it, separated by blanks.
        default: What is shown while nothing is stored.
        form: The parameter's name, if it is not the field's name in PascalCase.
        missing: The refusal of a create without it, if it is not the general one.
    """

    name: str
    kind: Kind
    on: str = ""
    required: str = ""
    default: Any = None
    form: str = ""
    missing: Error | None = None

    @cached_property
    def form_name(self) -> str:
        """The parameter's name in forms and query strings."""
        return self.form or ".".join(_pascal(part) for part in self.name.split("."))


@dataclass(frozen=True)
class View:
    """What one API version shows of a record.

    Attributes:
        names: JSON names in order, separated by blanks; `from=author` shows the stored `author` as `from`, and a name
            with dotted fields below it (`limits`) becomes an object of those that have a value or a default.
        links: Link name to what follows the record's own URL, to a path of the same API (`^/Services/{service_sid}`),
            or to a function of the record that gives what follows its URL (None: null).
        hidden: Stored names with a dot that this version does not know, separated by blanks.
        absent_from_lists: Names that are null in lists.
    """

    names: str
    links: dict[str, str | Callable[[Record], str | None]] | None = None
    hidden: str = ""
    absent_from_lists: str = ""


@dataclass(frozen=True)
class Mount:
    """A row under one API: where it hangs and how it looks.

    Attributes:
        api: Prefix of the API, `/chat/v2`. Paths in answers begin with it.
        path: Path of one item below the prefix; without its last segment it is the collection. Names in braces are
            fields of the record, the last one is the item's own address.
        view: What is shown.
        verbs: What is offered here.
        style: `modern`, or `2010` for the account API's dates and paging.
        suffix: What the account API appends to its paths.
        plural: The list's key, where it differs from the row's.
        page_limits: Default and largest page size.
        creates: An extra field that only the answer to create shows (an API key's secret).
        without: Form names that this version does not know, separated by blanks; `update:From` only on update.
        requires: Form names that create needs here beyond the row's, separated by blanks.
        by_sid: Path names that take no identity or unique name here, with the SID prefix each needs.
        webhooks: Verbs that read `X-Twilio-Webhook-Enabled`, separated by blanks.
    """

    api: str
    path: str
    view: View
    verbs: tuple[str, ...] = VERBS
    style: str = "modern"
    suffix: str = ""
    plural: str = ""
    page_limits: tuple[int, int] = (50, 100)
    creates: str = ""
    without: str = ""
    requires: str = ""
    by_sid: tuple[tuple[str, str], ...] = ()
    webhooks: str = ""

    @property
    def collection(self) -> str:
        """Path of the collection."""
        return self.path.rpartition("/")[0]

    def knows(self, verb: str, form_name: str) -> bool:
        """Whether this version takes a parameter of the row on `verb`."""
        return not {form_name, f"{verb}:{form_name}"} & set(self.without.split())


@dataclass(frozen=True)
class Resource:
    """One row: everything that is particular to a resource and is no rule.

    Attributes:
        name: Singular, also the record's kind in changes and tables.
        plural: Key of its lists.
        prefix: SID prefix.
        fields: Its own fields; SIDs and dates that all records have are understood.
        key: The item's key, from a path whose addresses are resolved to SIDs.
        range: Where its list is read; None if listing is an operation of its own.
        mounts: Where it is offered.
        filters: What its list can be narrowed by.
        by_message_index: Whether page tokens are message indexes.
        empty_update: The refusal of an update without any parameter.
    """

    name: str
    plural: str
    prefix: str
    fields: tuple[Field, ...]
    key: Callable[[Path], Key]
    range: Callable[[Path], Range] | None
    mounts: tuple[Mount, ...]
    filters: tuple[Field, ...] = ()
    by_message_index: bool = False
    empty_update: Error = EMPTY_UPDATE

    @cached_property
    def by_name(self) -> dict[str, Field]:
        """Its fields by stored name."""
        return {field.name: field for field in self.fields}

    def form(self, verb: str) -> tuple[Field, ...]:
        """The parameters a verb takes."""
        return self.filters if verb == "list" else tuple(field for field in self.fields if verb in field.on.split())


def _pascal(name: str) -> str:
    return "".join(part.capitalize() for part in name.split("_"))
