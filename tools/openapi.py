"""docs/openapi/: a description of each API in OpenAPI 3.1, made from its mounts, with recorded examples.

`make reference` writes it, together with the pages of docs/reference/.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from parley.faces import media
from parley.faces.errors import answer
from parley.faces.spec import Face, Mount
from parley.version import VERSION
from tools.api import refusals, schemas, words
from tools.api.examples import BASE_URL, Example, key_of
from tools.api.operations import DOES
from tools.api.schemas import Schema
from tools.published import REPOSITORY, Offered, offered

FOLDER = REPOSITORY / "docs/openapi"
_TITLES = {
    "chat_v1": "Chat v1",
    "chat_v2": "Chat v2",
    "chat_v3": "Chat v3",
    "conversations_v1": "Conversations v1",
    "account": "Account and API keys",
    "media_v1": "Media v1",
    "messaging_v1": "Messaging v1",
}
_FORM = "application/x-www-form-urlencoded"
_JSON = "application/json"
_WEBHOOKS = {
    "name": "X-Twilio-Webhook-Enabled",
    "in": "header",
    "description": "Whether the change fires webhooks.",
    "schema": {"type": "string", "enum": ["true", "false"]},
}
_SECURITY: dict[str, Schema] = {
    "account": {
        "type": "http",
        "scheme": "basic",
        "description": "The account SID with the auth token, or the SID of an API key with its secret.",
    },
    "token": {
        "type": "apiKey",
        "in": "header",
        "name": "X-Twilio-Token",
        "description": "The access token of a client.",
    },
}


def documents(examples: Mapping[str, Example]) -> dict[str, dict[str, Any]]:
    """Every document by file name."""
    faces = {one.mount.face.name: one.mount.face for one in offered()}
    return {f"{name.replace('_', '-')}.json": _document(face, examples) for name, face in faces.items()}


def written(examples: Mapping[str, Example]) -> dict[str, str]:
    """The text of every document by file name."""
    made = documents(examples).items()
    return {name: json.dumps(document, indent=1, ensure_ascii=False) + "\n" for name, document in made}


def _document(face: Face, examples: Mapping[str, Example]) -> dict[str, Any]:
    own = [one for one in offered() if one.mount.face == face]
    paths: dict[str, dict[str, Any]] = {}
    for one in own:
        path = paths.setdefault(words.path_of(one.mount, one.verb), {})
        path[one.method.lower()] = _operation(one, examples.get(key_of(one)))
    if face is media.FACE:
        paths |= _paths_of_files()
    tags = {_tag(one.mount): one.mount for one in own}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": f"Parley: {_TITLES[face.name]}",
            "version": VERSION,
            "description": "Made from the tables that also make the routes, so it says what the service does.",
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": [{"url": BASE_URL, "description": "The REST URL of your deployment."}],
        "security": [{name: []} for name in (_SECURITY if face is media.FACE else ("account",))],
        "tags": [{"name": tag} for tag in tags],
        "paths": paths,
        "components": {
            "securitySchemes": _SECURITY if face is media.FACE else {"account": _SECURITY["account"]},
            "schemas": {"Error": schemas.ERROR, **_components(own)},
        },
    }


def _tag(mount: Mount) -> str:
    return words.in_words_of(mount, mount.resource.replace("_", " ")).capitalize().replace("Api", "API")


def component(mount: Mount) -> str:
    """The name of the schema of what a mount shows."""
    name = words.in_words_of(mount, mount.resource.replace("_", " ")).title().replace(" ", "")
    name += "OfSigningKeys" if mount.plural == "signing_keys" else ""
    return name + ("InDefaultService" if mount.is_in_default_service else "")


def _components(own: list[Offered]) -> dict[str, Schema]:
    found: dict[str, Schema] = {}
    for mount in {id(one.mount): one.mount for one in own}.values():
        found[component(mount)] = schemas.answer(mount)
        if mount.view.absent_from_lists:
            found[component(mount) + "InList"] = schemas.answer(mount, listed=True)
        if mount.once:
            found[component(mount) + "Created"] = schemas.answer(mount, once=True)
    return found


def _operation(one: Offered, example: Example | None) -> dict[str, Any]:
    mount, verb = one.mount, one.verb
    parameters = [_path_parameter(mount, name) for name in words.names_in(mount, verb)]
    parameters += [
        _in_query(given.form_name, schemas.parameter(given), words.in_words_of(mount, given.about), given.is_required)
        for given in _query(one)
    ]
    if verb == "list":
        parameters += _paging(mount)
    if verb in mount.webhooks.split():
        parameters.append(_WEBHOOKS)
    made: dict[str, Any] = {
        "operationId": f"{verb}{component(mount)}",
        "tags": [_tag(mount)],
        "summary": words.in_words_of(mount, DOES[mount.resource, verb]),
        "parameters": parameters,
    }
    if body := _body(one, example):
        made["requestBody"] = body
    return {**made, "responses": {**_success(one, example), **_errors(one)}}


def _query(one: Offered) -> list[Any]:
    is_file = one.mount is media.FILES and one.verb == "create"
    return list(one.mount.form(one.verb)) if one.verb == "list" or is_file else []


def _path_parameter(mount: Mount, name: str) -> dict[str, Any]:
    return {
        "name": words.path_name(mount, name),
        "in": "path",
        "required": True,
        "description": words.in_path(mount, name),
        "schema": {"type": "string"},
    }


def _in_query(name: str, schema: Schema, about: str, is_required: bool = False) -> dict[str, Any]:
    made = {"name": name, "in": "query", "description": about, "schema": schema}
    return {**made, "required": True} if is_required else made


def _paging(mount: Mount) -> list[dict[str, Any]]:
    default, most = mount.page_limits
    size = {"type": "integer", "minimum": 1, "maximum": 1000, "default": default}
    cut = f" More than {most} count as {most}." if most < 1000 else ""
    return [
        _in_query("PageSize", size, schemas.PAGING["PageSize"] + cut),
        _in_query("Page", {"type": "integer", "minimum": 0}, schemas.PAGING["Page"]),
        _in_query("PageToken", {"type": "string"}, schemas.PAGING["PageToken"]),
    ]


def _body(one: Offered, example: Example | None) -> dict[str, Any] | None:
    mount, verb = one.mount, one.verb
    if mount is media.FILES and verb == "create":
        file = {"schema": {"type": "string", "format": "binary"}}
        return {"required": True, "description": "The file.", "content": {"*/*": file}}
    form = mount.form(verb)
    if one.method != "POST":
        return None
    properties = {
        given.form_name: {**schemas.parameter(given), "description": words.in_words_of(mount, given.about)}
        for given in form
    }
    needed = [given.form_name for given in form if given.is_required]
    schema: Schema = {"type": "object", "properties": properties}
    if needed:
        schema["required"] = needed
    content: dict[str, Any] = {"schema": schema}
    if example and example.form:
        content["example"] = _typed(schema, example.form)
    return {"required": bool(needed), "content": {_FORM: content}}


def _typed(schema: Schema, form: Mapping[str, Any]) -> dict[str, Any]:
    """A form's values in the types of its schema: a form itself has texts only."""
    readers = {"integer": int, "boolean": lambda text: text == "true"}
    return {
        name: readers.get(schema["properties"][name]["type"], lambda value: value)(value)
        for name, value in form.items()
    }


def _success(one: Offered, example: Example | None) -> dict[str, Any]:
    mount, verb = one.mount, one.verb
    if verb == "delete":
        return {"204": {"description": "It is deleted."}}
    content: dict[str, Any] = {"schema": answer_schema(one)}
    if example and example.text:
        content["example"] = json.loads(example.text)
    found = {str(mount.status(verb)): {"description": _SAID[verb], "content": {_JSON: content}}}
    if verb == "create" and mount.accepted:
        later = "The resource is created, and its participants are still being added."
        found["202"] = {"description": later, "content": {_JSON: {"schema": answer_schema(one)}}}
    return found


_SAID = {
    "create": "The created resource.",
    "fetch": "The resource.",
    "list": "A page of the list.",
    "update": "The resource after the change.",
}


def answer_schema(one: Offered) -> Schema:
    """The schema of the answer to an operation that succeeds."""
    name = component(one.mount)
    if one.verb == "create" and one.mount.once:
        name += "Created"
    if one.verb == "list" and one.mount.view.absent_from_lists:
        name += "InList"
    item: Schema = {"$ref": f"#/components/schemas/{name}"}
    return schemas.page(one.mount, item) if one.verb == "list" else item


def _errors(one: Offered) -> dict[str, Any]:
    """The refusals of an operation, by status; each lists its codes."""
    mount = one.mount
    found: dict[int, dict[int, str]] = {}
    for error in refusals.of(mount, one.verb):
        told = answer(mount.face.errors, error)
        found.setdefault(told.status, {}).setdefault(told.code, told.text)
    return {
        str(status): {
            "description": "\n".join(f"- {code}: {text}" for code, text in sorted(codes.items())),
            "content": {_JSON: {"schema": {"$ref": "#/components/schemas/Error"}}},
        }
        for status, codes in sorted(found.items())
    }


def _paths_of_files() -> dict[str, dict[str, Any]]:
    """The routes of files that are no rows of a table (`parley/rest/media.py`)."""
    service = _path_parameter(media.FILES, "service_sid")
    file = _path_parameter(media.FILES, "sid")
    base = f"{media.FACE.prefix}/Services/{{ServiceSid}}"
    error = {"content": {_JSON: {"schema": {"$ref": "#/components/schemas/Error"}}}}
    refused = {
        "401": {"description": "The credentials or the token are missing or wrong.", **error},
        "404": {"description": "There is no such file for the caller.", **error},
    }
    led = {
        "307": {
            "description": "A link to the bytes, which works for a short time.",
            "headers": {"Location": {"schema": {"type": "string", "format": "uri"}}},
        }
    }
    asked = {
        "type": "object",
        "properties": {
            "command": {"type": "string", "const": "get"},
            "list": {
                "type": "array",
                "maxItems": 100,
                "items": {"type": "object", "properties": {"media_sid": {"type": "string"}}, "required": ["media_sid"]},
            },
        },
        "required": ["command", "list"],
    }
    shown = {
        "type": "array",
        "items": {
            "type": "object",
            "properties": {"code": {"type": "integer", "enum": [200, 404]}, "media_record": {"type": "object"}},
            "required": ["code", "media_record"],
        },
    }
    return {
        f"{base}/MediaSet": {
            "post": {
                "operationId": "fetchMediaSet",
                "tags": ["Media"],
                "summary": "Fetches what is known of several files, as Twilio's JavaScript SDKs ask for them.",
                "parameters": [service],
                "requestBody": {"required": True, "content": {_JSON: {"schema": asked}}},
                "responses": {
                    "200": {"description": "The files, in the order asked for.", "content": {_JSON: {"schema": shown}}},
                    "400": {"description": "The body is not such an object.", **error},
                    **refused,
                },
            }
        },
        f"{base}/Media/{{Sid}}/Content": {
            "get": {
                "operationId": "fetchMediaContent",
                "tags": ["Media"],
                "summary": "Leads a caller with credentials to the bytes of a file.",
                "parameters": [service, file],
                "responses": {**led, **refused},
            }
        },
        f"{base}/Media/{{Sid}}/Temporary": {
            "get": {
                "operationId": "fetchMediaBytes",
                "tags": ["Media"],
                "summary": "Leads whoever has a signed link to the bytes of a file.",
                "security": [{}],
                "parameters": [
                    service,
                    file,
                    _in_query("expires", {"type": "integer"}, "Until when the link works.", True),
                    _in_query("signature", {"type": "string"}, "Proves that Parley made the link.", True),
                ],
                "responses": {**led, "404": refused["404"]},
            }
        },
    }
