"""Parts of a resource's page: the table of its fields, and its operations with examples and errors."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from parley.faces.errors import answer
from parley.faces.spec import Mount
from parley.records.spec import VERBS
from tools.api import refusals, schemas, snippets, words
from tools.api.examples import Example, key_of
from tools.api.operations import DOES
from tools.api.schemas import Schema
from tools.published import Offered

_LONGEST_EXAMPLE = 40
_TYPES = {"integer": "whole number", "boolean": "`true` or `false`", "object": "object", "string": "text"}

# Texts that the recorded answers do not have.
_SAMPLES = {
    "friendly_name": "The den",
    "unique_name": "den",
    "conversation_unique_name": "den",
    "conversation_friendly_name": "The den",
    "identity": "alice",
    "participant_identity": "alice",
    "last_updated_by": "alice",
    "body": "Hello, bob!",
    "filename": "tea.png",
    "content_type": "image/png",
    "address": "+12025550100",
    "proxy_address": "+12025550143",
    "projected_address": "+12025550143",
    "address_country": "US",
    "name": "Alice",
    "level": "to",
    "template": "${USER} in ${CHANNEL}: ${MESSAGE}",
    "sound": "bell",
    "default_inactive_timer": "PT10M",
    "default_closed_timer": "PT1H",
    "triggers": "help",
    "flow_sid": "FW00000000000000000000000000000001",
    "date_created": "Thu, 15 Jan 2026 12:00:00 +0000",
    "date_updated": "Thu, 15 Jan 2026 12:00:00 +0000",
}


def fields(mounts: Sequence[Mount], labels: Mapping[int, str], examples: Mapping[str, Example]) -> Iterator[str]:
    """The table of the fields that these mounts show; `labels` name the mounts by their `id`."""
    rows: dict[str, tuple[str, Schema, list[str]]] = {}
    for mount in mounts:
        has_create_only = bool(mount.once)
        for name, schema in _flat(schemas.answer(mount, once=has_create_only)):
            rows.setdefault(name, (schema.get("description", ""), schema, []))[2].append(labels[id(mount)])
    shown = _example_of(mounts, examples)
    is_in_several = len(mounts) > 1
    yield "## Fields\n"
    yield f"| Field | Type |{' In |' if is_in_several else ''} Example | Meaning |"
    yield f"| --- | --- |{' --- |' if is_in_several else ''} --- | --- |"
    for name, (about, schema, where) in rows.items():
        within = f" {', '.join(dict.fromkeys(where))} |" if is_in_several else ""
        yield f"| `{name}` | {type_of(schema)} |{within} {_short(shown, name) or _sample(name, schema)} | {about} |"
    yield ""


def _flat(schema: Schema, within: str = "") -> Iterator[tuple[str, Schema]]:
    """The properties of an object's schema; those of objects in it by their whole names."""
    for name, one in schema.get("properties", {}).items():
        yield within + name, one
        inner = one.get("items", one)
        if inner.get("properties"):
            yield from _flat(inner, f"{within}{name}{'[]' if 'items' in one else ''}.")


def type_of(schema: Schema) -> str:
    """A schema in words: `SID CH`, `date or null`."""
    types = schema.get("type", "object")
    several = types if isinstance(types, list) else [types]
    said = [_type(schema, one) for one in several if one != "null"]
    return " or ".join([*said, *(["null"] if "null" in several else [])])


def _type(schema: Schema, one: str) -> str:
    if one == "array":
        return f"list of {type_of(schema['items'])}"
    if "enum" in schema:
        return words.quoted(str(word) for word in schema["enum"] if word is not None)
    if schema.get("pattern", "").startswith("^") and schema["pattern"].endswith("[0-9a-fA-F]{32}$"):
        return f"SID `{schema['pattern'][1:3]}`"
    return {"date-time": "date", "uri": "URL"}.get(schema.get("format", ""), _TYPES[one])


def _example_of(mounts: Sequence[Mount], examples: Mapping[str, Example]) -> dict[str, Any]:
    """The values of one example answer: that of a create, which has all fields, or else another one."""
    for verb in ("create", "fetch", "update", "list"):
        for mount in mounts:
            if verb in mount.verbs and (text := examples[key_of(Offered(mount, verb))].text):
                shown = json.loads(text)
                return dict(shown[mount.key][0] if verb == "list" else shown)
    return {}


def _short(shown: Any, name: str) -> str:
    """A value as JSON; empty for objects, of which each part has a line, and for what is long."""
    for part in name.split("."):
        is_list = part.endswith("[]")
        shown = shown.get(part.removesuffix("[]")) if isinstance(shown, dict) else None
        shown = shown[0] if is_list and shown else shown
    if shown is None or isinstance(shown, dict):
        return ""
    text = json.dumps(shown, ensure_ascii=False)
    if len(text) > _LONGEST_EXAMPLE:
        return f"`{text[:_LONGEST_EXAMPLE]}…`"
    return f"`{text}`"


def _sample(name: str, schema: Schema) -> str:
    """An example of a field that the recorded answer lacks; empty for objects, of which each part has a line."""
    types = schema.get("type", "object")
    one = types[0] if isinstance(types, list) else types
    last = name.rpartition(".")[2]
    if one in ("object", "null"):
        return ""
    if last == "auth_token":
        return "`null`"
    if one == "array":
        within = _sample(name, schema["items"]).strip("`")
        return f"`[{within}]`" if within else ""
    if one in ("integer", "boolean"):
        return "`0`" if one == "integer" else "`true`"
    if type_of(schema).startswith("SID"):
        return f'`"{schema["pattern"][1:3]}{1:032x}"`'
    if "enum" in schema:
        return f'`"{schema["enum"][0]}"`'
    if schema.get("format") == "date-time":
        return '`"2026-01-15T12:00:00Z"`'
    is_url = schema.get("format") == "uri" or last in ("url", "webhook_url") or last.endswith("_url")
    return f'`"{"https://example.com/hook" if is_url else _SAMPLES.get(last, _SAMPLES["friendly_name"])}"`'


def operations(mounts: Sequence[Mount], every: Sequence[Mount], examples: Mapping[str, Example]) -> Iterator[str]:
    """What each operation does, with an example and its errors; `every` has also the mounts of the default service."""
    yield "## Operations\n"
    for verb in VERBS:
        offering = [mount for mount in mounts if verb in mount.verbs]
        if not offering:
            continue
        mount = offering[0]
        example = examples[key_of(Offered(mount, verb))]
        yield f"### {verb.capitalize()}\n"
        yield words.in_words_of(mount, DOES[mount.resource, verb]) + "\n"
        routes = dict.fromkeys(
            f"`{Offered(one, verb).method} {words.path_of(one, verb)}`" for one in every if verb in one.verbs
        )
        yield "\n".join(f"- {route}" for route in routes) + "\n"
        yield f"```sh\n{snippets.curl(example)}\n```\n"
        if code := snippets.python(example):
            yield f"```python\n{code}\n```\n"
        yield _answered(example)
        yield from _errors(offering, verb)


def _answered(example: Example) -> str:
    if not example.text:
        return f"The answer is {example.status} without a body.\n"
    shown = json.dumps(json.loads(example.text), indent=2, ensure_ascii=False)
    return f"The answer is {example.status}:\n\n```json\n{shown}\n```\n"


def _errors(mounts: Sequence[Mount], verb: str) -> Iterator[str]:
    rows: dict[tuple[int, int, str], None] = {}
    for mount in mounts:
        for error in refusals.own(mount, verb):
            told = answer(mount.face.errors, error)
            rows[told.code, told.status, told.text] = None
    if not rows:
        yield "It has no errors but [those of every request](errors.md#every-request).\n"
        return
    yield "Its errors, beside [those of every request](errors.md#every-request):\n"
    yield "| Code | Status | Message |\n| --- | --- | --- |"
    yield (
        "\n".join(
            f"| [{code}](errors.md#{code}) | {status} | {words.message(text)} |" for code, status, text in sorted(rows)
        )
        + "\n"
    )
