"""The types of which faces are made: under which paths a record is offered, and which fields are taken and shown there.

Views and forms are allow-lists in the notation of `names.py`: a field that they do not name is neither shown nor taken.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import field
from functools import cached_property
from typing import Any, Literal, NamedTuple

from parley.errors import EMPTY_UPDATE, Error
from parley.faces.names import Name, read
from parley.frozen import frozen
from parley.operations.context import CHAT, Perspective
from parley.records.kinds import Kind
from parley.records.spec import VERBS, Field, RecordType
from parley.store.items import Record

Link = str | Callable[[Record], str | None]
Style = Literal["modern", "2010"]
_STATUSES: Mapping[str, int] = {"create": 201, "delete": 204}


@frozen
class Face:
    """One API.

    Attributes:
        name: Its name in logs and tables.
        prefix: What its paths begin with, in requests and in answers.
        style: `modern`, or `2010` for the account API's dates and paging.
        suffix: What the account API appends to its paths.
        perspective: The facts of the face that operations need.
    """

    name: str
    prefix: str
    style: Style = "modern"
    suffix: str = ""
    perspective: Perspective = CHAT

    @property
    def errors(self) -> str:
        """The column of the table of errors that it answers from."""
        return self.perspective.errors


@frozen
class View:
    """The fields of a record that are shown.

    Attributes:
        names: JSON names in order. An object shows those of its parts that have a value or a default.
        links: Link name to what follows the record's own URL, to a path of the same face (`^/Services/{service_sid}`),
            or to a function of the record that gives what follows its URL (None: null).
        absent_from_lists: Names that are null in lists, separated by blanks.
    """

    names: str
    links: Mapping[str, Link] | None = None
    absent_from_lists: str = ""

    @cached_property
    def shown(self) -> tuple[Name, ...]:
        """The names, read."""
        return read(self.names)


class Parameter(NamedTuple):
    """One parameter of a form or query string.

    Attributes:
        form_name: What it is called there.
        name: The field or filter that it means.
        kind: How it is parsed.
        is_required: Whether the verb is refused without it.
        always: Whether its field cannot be cleared.
        missing: The refusal of a form without it, if it is not the general one.
        about: What it means.
    """

    form_name: str
    name: str
    kind: Kind
    is_required: bool = False
    always: bool = False
    missing: Error | None = None
    about: str = ""


@frozen
class Mount:
    """A record's place in a face.

    Attributes:
        face: The face.
        record: The type of record.
        path: Path of one item below the prefix; without its last segment it is the collection. Names in braces are
            fields of the record, the last one is the item's own address.
        view: The fields that are shown.
        create: The fields that the form of create takes.
        update: The fields that the form of update takes.
        filters: The filters of the list.
        verbs: The verbs that are offered.
        kinds: By field, the kind as which this face reads a parameter, where it is not the record's.
        name: The name under which operations, logs and docs know it, if it is not the record's.
        plural: The list's key, if it is not the collection's last segment in lower case.
        page_limits: Default and largest page size.
        by_index: If page tokens are message indexes: the refusal of a token that is none.
        once: An extra field that only the answer to create shows (an API key's secret).
        by_sid: Path names that take no identity or unique name here, with the SID prefix each needs.
        webhooks: Verbs that read `X-Twilio-Webhook-Enabled`, separated by blanks.
        empty_update: The refusal of an update without any parameter.
        statuses: HTTP status by verb, where it is not 200.
        about: What the documentation says of it, if it says more than of the record.
        home: The path to which the URL of an item leads, if that is not `path`.
        abouts: By field, what it means here, where that is not what its record says.
        accepted: The names of states in which a created record is answered with 202, separated by blanks.
    """

    face: Face
    record: RecordType[Any]
    path: str
    view: View
    create: str = ""
    update: str = ""
    filters: tuple[Field, ...] = ()
    verbs: tuple[str, ...] = VERBS
    kinds: Mapping[str, Kind] = field(default_factory=dict)
    name: str = ""
    plural: str = ""
    page_limits: tuple[int, int] = (50, 100)
    by_index: Error | None = None
    once: str = ""
    by_sid: tuple[tuple[str, str], ...] = ()
    webhooks: str = ""
    empty_update: Error = EMPTY_UPDATE
    statuses: Mapping[str, int] = field(default_factory=lambda: _STATUSES)
    about: str = ""
    home: str = ""
    abouts: Mapping[str, str] = field(default_factory=dict)
    accepted: str = ""

    @property
    def resource(self) -> str:
        """The name under which operations, logs and docs know it."""
        return self.name or self.record.name

    @property
    def collection(self) -> str:
        """Path of the collection."""
        return self.path.rpartition("/")[0]

    @property
    def key(self) -> str:
        """The key of its lists."""
        return self.plural or self.collection.rpartition("/")[2].lower()

    @property
    def is_in_default_service(self) -> bool:
        """Whether its paths leave out the service and mean the account's default service."""
        return self.record.parent != "account" and "{service_sid}" not in self.path

    def route(self, verb: str) -> str:
        """The path of a verb, with names in braces."""
        path = self.collection if verb in ("create", "list") else self.path
        return self.face.prefix + path + self.face.suffix

    def status(self, verb: str, record: Record | None = None) -> int:
        """The HTTP status after a verb has succeeded with this record."""
        if verb == "create" and record is not None and record.get("state") in self.accepted.split():
            return 202
        return self.statuses.get(verb, 200)

    def kind(self, known: Field) -> Kind:
        """The kind as which this face reads a field."""
        return self.kinds.get(known.name, known.kind)

    def form(self, verb: str) -> tuple[Parameter, ...]:
        """The parameters that a verb takes."""
        return self._forms.get(verb, ())

    @cached_property
    def _forms(self) -> dict[str, tuple[Parameter, ...]]:
        filters = tuple(
            Parameter(pascal(known.name), known.name, known.kind, about=known.about) for known in self.filters
        )
        taken = {"create": self.create, "update": self.update}
        return {verb: tuple(self._parameters(read(text))) for verb, text in taken.items()} | {"list": filters}

    def _parameters(self, names: tuple[Name, ...], within: str = "") -> Iterator[Parameter]:
        for name in names:
            path = within + name.field
            if name.parts:
                yield from self._parameters(name.parts, f"{path}.")
                continue
            known = self.record.by_name[path]
            form_name = pascal(path) if name.shown == name.field else name.shown
            yield Parameter(
                form_name, path, self.kind(known), name.is_required, known.always, known.missing, known.about
            )


def pascal(name: str) -> str:
    """A field's name as parameters have it: `Limits.UserChannels`."""
    return ".".join("".join(word.capitalize() for word in part.split("_")) for part in name.split("."))
