"""JSON schemas of answers and parameters, made from views, forms and the kinds of fields."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from parley.domain.states import ACTIVE, CLOSED, INACTIVE
from parley.faces import kinds as of_faces
from parley.faces.names import Name
from parley.faces.spec import Mount, Parameter
from parley.records import kinds
from parley.records.services import EVENTS_WITH_WEBHOOKS
from parley.records.spec import COMMON, Field
from tools.api import words

Schema = dict[str, Any]

_DATE: Schema = {"type": "string", "format": "date-time"}
# The account API writes `Thu, 15 Jan 2026 12:00:00 +0000`.
_DATE_OF_2010: Schema = {"type": "string", "pattern": r"^\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d \+0000$"}
_URL: Schema = {"type": "string", "format": "uri"}
_DURATION: Schema = {"type": "string", "pattern": "^P[0-9WDTHMS.,]+$"}
# What the rules of the domain accept, by the rule's name.
_RULES: dict[str, Schema] = {
    "check_identity": {"type": "string", "minLength": 1, "maxLength": 256},
    "check_unique_name": {"type": "string", "maxLength": 256},
    "check_body": {"type": "string", "maxLength": 32768},
    "check": _DURATION,
    "check_state": {"type": "string", "enum": [ACTIVE, INACTIVE, CLOSED]},
    "check_sid": {"type": "string", "pattern": "^HX[0-9a-fA-F]{32}$"},
    "check_content_type": {"type": "string", "maxLength": 255},
    "check_sha256": {"type": "string", "pattern": "^[0-9a-fA-F]{64}$"},
    "clean_filename": {"type": "string", "maxLength": 255},
    "check_variables": {"type": "string", "contentMediaType": "application/json"},
    "str": {"type": "string"},
}
# The fields that an answer always has, and the types of records that lack some of them. All others may be null.
_ALWAYS = {"sid", "account_sid", "service_sid", "channel_sid", "date_created", "date_updated"}
_LACKING = {
    # The account is not stored.
    "account": ("date_created", "date_updated"),
    # A file that no message carries.
    "media": ("channel_sid", "date_updated"),
}
# Fields that have no default, and that every record of a type has nevertheless.
_SET = {
    "service": ("default_service_role_sid", "default_channel_role_sid", "default_channel_creator_role_sid"),
    "user": ("role_sid",),
    "channel": ("type", "created_by"),
    "member": ("status", "channel_attributes", "channel_state", "channel_timers"),
    "message": ("author", "index"),
    "invite": ("role_sid", "created_by"),
    "binding": ("endpoint", "identity", "user_sid", "binding_type"),
    "media": ("author", "content_type", "size"),
    "receipt": ("message_sid", "participant_sid", "status"),
}
PLACES = {
    "url": ("The absolute URL of this resource.", _URL),
    "uri": ("The path of this resource.", {"type": "string"}),
}
# Objects that are made of fields.
OBJECTS = {
    "auto_creation": "How a message to the address creates a conversation.",
    "bindings": "The addresses of the conversation itself.",
    "bindings.email": "The address of the conversation for mail.",
    "configuration": "When the webhook is called, and how.",
    "limits": "How much there may be in the service.",
    "media": "How the service treats files.",
    "notifications": "Which notifications the service sends.",
    "notifications.added_to_channel": "The notification of being added to a channel.",
    "notifications.invited_to_channel": "The notification of being invited to a channel.",
    "notifications.new_message": "The notification of a new message.",
    "notifications.new_message.with_media": "The notification of a new message with a file.",
    "notifications.removed_from_channel": "The notification of being removed from a channel.",
    "timers": "When the conversation changes its state if nothing happens before.",
    "webhooks": "The URL and method of the webhook for each event.",
    **{f"webhooks.on_{event}": f"The webhook for the event `{event}`." for event in EVENTS_WITH_WEBHOOKS},
}
LINKS = "The absolute URLs of what belongs to this resource."
ERROR: Schema = {
    "type": "object",
    "description": "Why a request was refused.",
    "properties": {
        "code": {"type": "integer", "description": "The code of the error."},
        "message": {"type": "string", "description": "What was wrong, in words."},
        "more_info": {**_URL, "description": "Twilio's page about the code."},
        "status": {"type": "integer", "description": "The HTTP status, once more."},
    },
    "required": ["code", "message", "more_info", "status"],
    "additionalProperties": False,
}
_WHERE = "null if there is none"
_ENVELOPES: dict[str, dict[str, tuple[str, Schema]]] = {
    "modern": {
        "page": ("The number of the page, from 0.", {"type": "integer"}),
        "page_size": ("How many items a page has at most.", {"type": "integer"}),
        "first_page_url": ("The URL of the first page.", _URL),
        "previous_page_url": (f"The URL of the page before, {_WHERE}.", {"type": ["string", "null"], "format": "uri"}),
        "url": ("The URL of this page.", _URL),
        "next_page_url": (f"The URL of the next page, {_WHERE}.", {"type": ["string", "null"], "format": "uri"}),
        "key": ("The name of the list in this answer.", {"type": "string"}),
    },
    "2010": {
        "page": ("The number of the page, from 0.", {"type": "integer"}),
        "page_size": ("How many items a page has at most.", {"type": "integer"}),
        "start": ("The number of the first item, from 0.", {"type": "integer"}),
        "end": ("The number of the last item.", {"type": "integer"}),
        "first_page_uri": ("The path of the first page.", {"type": "string"}),
        "previous_page_uri": (f"The path of the page before, {_WHERE}.", {"type": ["string", "null"]}),
        "uri": ("The path of this page.", {"type": "string"}),
        "next_page_uri": (f"The path of the next page, {_WHERE}.", {"type": ["string", "null"]}),
    },
}
PAGING = {
    "PageSize": "How many items a page has at most.",
    "Page": "The number of the page; links of answers have it.",
    "PageToken": "The place where the page begins; links of answers have it.",
}


def field_of(mount: Mount, path: str) -> Field | None:
    """The declaration of a field that a view or form names; None for an object that is made of fields."""
    known = {field.name: field for field in (*COMMON, *mount.record.computed, *mount.record.fields)}
    return known.get(path)


def answer(mount: Mount, *, listed: bool = False, once: bool = False) -> Schema:
    """The schema of one item as a mount shows it."""
    absent = mount.view.absent_from_lists.split() if listed else []
    shown = {name.shown: _shown(mount, name) for name in mount.view.shown}
    shown |= {name: {**shown[name], "type": "null"} for name in absent}
    if mount.view.links is not None:
        named = {
            name: {
                "type": ["string", "null"] if callable(link) else "string",
                "format": "uri",
                "description": f"The URL of its {name.replace('_', ' ')}{'; ' + _WHERE if callable(link) else ''}.",
            }
            for name, link in mount.view.links.items()
        }
        shown["links"] = _object(LINKS, named, named)
    if once:
        (field,) = (field for field in mount.record.computed if field.name == mount.once)
        shown[mount.once] = {"type": "string", "description": field.about}
    return _object("", shown, shown)


def page(mount: Mount, item: Schema) -> Schema:
    """The schema of a page of a list whose items have a schema."""
    around = {name: {**schema, "description": about} for name, (about, schema) in _ENVELOPES[mount.face.style].items()}
    items = {"type": "array", "description": "The items of this page.", "items": item}
    if mount.face.style == "2010":
        shown = {mount.key: items, **around}
    else:
        shown = {"meta": _object("The position of this page in the list.", around, around), mount.key: items}
    return _object("", shown, shown)


def _object(about: str, properties: Mapping[str, Schema], required: Iterable[str]) -> Schema:
    said = {"description": about} if about else {}
    needed = {"required": list(required)} if required else {}
    return {"type": "object", **said, "properties": dict(properties), **needed, "additionalProperties": False}


def _shown(mount: Mount, name: Name, within: str = "") -> Schema:
    path = within + name.field
    if name.field in PLACES and not within:
        about, schema = PLACES[name.field]
        return {**schema, "description": about}
    field = field_of(mount, path)
    if field is None:
        parts = {part.shown: _shown(mount, part, f"{path}.") for part in name.parts}
        return _object(words.in_words_of(mount, OBJECTS[path]), parts, ())
    schema = _of_view(mount, field, name)
    if _may_be_null(mount, field) and not within:
        schema = _or_null(schema)
    return {**schema, "description": words.in_words_of(mount, mount.abouts.get(field.name, field.about))}


def _may_be_null(mount: Mount, field: Field) -> bool:
    kind = mount.kind(field)
    if field.name in _ALWAYS:
        return field.name in _LACKING.get(mount.record.name, ())
    if isinstance(kind, of_faces.OrElse) or field.name in _SET.get(mount.record.name, ()):
        return False
    if isinstance(kind, of_faces.RenamedList | of_faces.OnlyThese):
        return False
    # Phones have no identity.
    return field.default is None and (not field.always or field.name in ("identity", "default_messaging_service_sid"))


def _or_null(schema: Schema) -> Schema:
    made = {**schema, "type": [schema["type"], "null"]}
    if "enum" in schema:
        made["enum"] = [*schema["enum"], None]
    return made


def _of_view(mount: Mount, field: Field, name: Name) -> Schema:
    kind = mount.kind(field)
    while isinstance(kind, of_faces.AnyCase | of_faces.OrElse):
        kind = kind.kind
    if field is COMMON[0]:
        return _sid(mount.record.prefix)
    match kind:
        case kinds.Moment():
            return _DATE_OF_2010 if mount.face.style == "2010" else _DATE
        case kinds.Stored() | of_faces.Files() | of_faces.Summary() | of_faces.WithEvery():
            return _object_of(mount, field, kind, name)
        case kinds.Flag():
            return {"type": "string", "enum": ["true", "false"]} if kind.as_text else {"type": "boolean"}
        case kinds.Whole():
            return {"type": "integer"}
        case kinds.Url():
            return {"type": "string"}
        case kinds.Text():
            return {"type": "string"}
        case kinds.Checked() if kind.rule.__name__ == "check_state":
            # A conversation that is made with its participants begins so.
            return {"type": "string", "enum": ["initializing", ACTIVE, INACTIVE, CLOSED]}
    return taken(kind)


def _object_of(mount: Mount, field: Field, kind: Any, name: Name) -> Schema:
    declared = mount.record.by_name.get(field.name, field).kind
    assert isinstance(declared, kinds.Stored), field.name
    wanted = {part.field for part in name.parts} or {part.name for part in declared.parts}
    parts = {}
    for part in declared.parts:
        if part.name in wanted:
            schema = _of_view(mount, part, Name(part.name, part.name, False, ()))
            is_nullable = isinstance(kind, of_faces.WithEvery) or part.name == "filename"
            about = words.in_words_of(mount, part.about)
            parts[part.name] = {**(_or_null(schema) if is_nullable else schema), "description": about}
    required = parts if isinstance(kind, of_faces.Summary | of_faces.WithEvery) else ()
    made = _object("", parts, required) if parts else {"type": "object", "additionalProperties": True}
    is_list = isinstance(kind, of_faces.Files) and not isinstance(kind, of_faces.FirstFile)
    return {"type": "array", "items": made} if is_list else made


def _sid(prefix: str) -> Schema:
    return {"type": "string", "pattern": f"^{prefix}[0-9a-fA-F]{{32}}$"}


def parameter(given: Parameter) -> Schema:
    """The schema of a parameter of a form or a query."""
    kind = given.kind
    while isinstance(kind, of_faces.OrElse | of_faces.AnyCase):
        kind = kind.kind
    return taken(kind)


def taken(kind: Any) -> Schema:
    """The schema of the values of a kind as parameters carry them; a parameter that may be repeated is an array."""
    match kind:
        case of_faces.Renamed():
            return {"type": "string", "enum": list(kind.words)}
        case of_faces.RenamedList() | of_faces.OnlyThese():
            return _several({"type": "string", "enum": list(kind.words)})
        case of_faces.Selected():
            return _several({"type": "string", "enum": [*kind.stored, *kind.older]})
        case kinds.Text():
            return {"type": "string", "maxLength": kind.longest}
        case kinds.Checked():
            return _RULES[kind.rule.__name__]
        case kinds.Attributes():
            return {"type": "string", "contentMediaType": "application/json"}
        case kinds.Whole():
            return {"type": "integer", "minimum": kind.least, "maximum": kind.most}
        case kinds.Flag():
            return {"type": "boolean"}
        case kinds.Moment():
            return _DATE
        case kinds.Choice():
            return {"type": "string", "enum": list(kind.words)}
        case kinds.Sid():
            return _sid(kind.prefix)
        case kinds.Sids():
            return {**_several(_sid(kind.prefix)), "maxItems": kind.most}
        case kinds.Listed():
            return _several({"type": "string", **({"enum": list(kind.words)} if kind.words else {})})
        case kinds.Url():
            return {**_URL, "maxLength": kind.longest}
        case kinds.Objects():
            return {**_several({"type": "string", "contentMediaType": "application/json"}), "maxItems": kind.most}
    raise TypeError(f"no schema for {type(kind).__name__}")


def _several(item: Schema) -> Schema:
    return {"type": "array", "items": item}
