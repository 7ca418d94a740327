"""Responses against the published contract: every field present, of the right form, and nothing besides.

The tables hold the published operations as plain facts. They are not made from the code, so they can contradict it.
"""

from __future__ import annotations

import json
import re
from functools import cache
from typing import Any
from urllib.parse import urlsplit

from tools.published import TABLES, VERSIONS

_DATE_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
_TYPES: dict[str, type | tuple[type, ...]] = {
    "string": str,
    "integer": int,
    "boolean": bool,
    "array": list,
    "object": dict,
    "number": (int, float),
}
_ERROR_NAMES = {"code", "message", "more_info", "status"}
_META_NAMES = {"page", "page_size", "first_page_url", "previous_page_url", "url", "next_page_url", "key"}
# The tables say that there are links, not which; these are the documented ones. `last_message` is null while a channel
# is empty, and is in no published description. The link without credentials is null until a file is ready.
_LINKS = {
    "v2:Service": {"channels", "users", "roles", "bindings"},
    "v1:Service": {"channels", "users", "roles"},
    "v2:Channel": {"members", "messages", "invites", "webhooks", "last_message"},
    "v1:Channel": {"members", "messages", "invites", "last_message"},
    "v2:User": {"user_channels", "user_bindings"},
    "v1:User": {"user_channels"},
    "v2:UserChannel": {"channel", "member"},
    "v1:UserChannel": {"channel", "member"},
    "v2:Binding": {"user"},
    "conversations:Service": {
        "conversations",
        "users",
        "roles",
        "bindings",
        "configuration",
        "participant_conversations",
    },
    "conversations:Conversation": {"participants", "messages", "webhooks"},
    "conversations:ServiceConversation": {"participants", "messages", "webhooks"},
    "conversations:ConversationMessage": {"delivery_receipts", "channel_metadata"},
    "conversations:ServiceConversationMessage": {"delivery_receipts", "channel_metadata"},
    "conversations:Configuration": {"service", "webhooks"},
    "conversations:ConversationWithParticipants": {"participants", "messages", "webhooks"},
    "conversations:ServiceConversationWithParticipants": {"participants", "messages", "webhooks"},
    "conversations:ParticipantConversation": {"participant", "conversation"},
    "conversations:ServiceParticipantConversation": {"participant", "conversation"},
    "conversations:ServiceConfiguration": {"notifications", "webhooks"},
    "conversations:User": {"user_conversations"},
    "conversations:UserConversation": {"participant", "conversation"},
    "conversations:ServiceUserConversation": {"participant", "conversation"},
    "conversations:ServiceUser": {"user_conversations"},
    "media:Media": {"content", "content_direct_temporary"},
    "media:MediaSet": {"content", "content_direct_temporary"},
    "messaging:Service": {"phone_numbers"},
}
_VERBS = re.compile("Create|Fetch|List|Update|Delete")
# What has been answered as published since a test began, `v2:CreateChannel`; `tests/support/proofs.py` reads and empties it.
answered: set[str] = set()


class ContractBroken(AssertionError):
    """A response that the published description does not allow."""


@cache
def operations(api: str) -> list[dict[str, Any]]:
    """The published operations of an API, by its key in `VERSIONS`."""
    return _table(api)["operations"]


@cache
def _table(api: str) -> dict[str, Any]:
    return json.loads((TABLES / VERSIONS[api].table).read_text(encoding="utf-8"))


@cache
def _patterns() -> list[tuple[str, re.Pattern[str], str, dict[str, Any]]]:
    found = []
    for api, version in VERSIONS.items():
        for operation in [*operations(api), *_table(api).get("special", ())]:
            path = re.sub(r"\\{\w+\\}", "[^/]+", re.escape(version.prefix + operation["path"]))
            found.append((operation["verb"], re.compile(path), api, operation))
    return found


def operation_of(verb: str, path: str) -> tuple[str, dict[str, Any]] | None:
    """The API and the published operation that a request means; `path` begins with the API's prefix."""
    return next(
        (
            (api, operation)
            for known, pattern, api, operation in _patterns()
            if known == verb and pattern.fullmatch(path)
        ),
        None,
    )


def check(base_url: str, verb: str, url: str, status: int, text: str) -> None:
    """Raise `ContractBroken` unless the contract allows this answer. Of paths of other APIs only errors are checked."""
    assert url.startswith(base_url), f"{url} is not below {base_url}"
    if status >= 500:
        raise ContractBroken(f"{verb} {url} was answered with {status}: {text}")
    if verb in ("HEAD", "OPTIONS"):
        return
    path = urlsplit(url[len(base_url) :]).path
    if status >= 400:
        _check_error(status, text)
        return
    found = operation_of(verb, path)
    if found and found[0] == "2010":
        answered.add(f"2010:{found[1]['id']}")
    elif any(version.prefix and path.startswith(f"{version.prefix}/") for version in VERSIONS.values()):
        _expect(found is not None, f"{verb} {path} is answered with {status} and in no contract")
        assert found is not None
        _check_success(base_url, *found, status, text)


def _check_error(status: int, text: str) -> None:
    body = json.loads(text)
    _expect(set(body) == _ERROR_NAMES, f"an error has {sorted(_ERROR_NAMES)}, not {sorted(body)}")
    _expect(body["status"] == status, f"status {body['status']} in an answer with {status}")
    _expect(isinstance(body["code"], int) and 10_000 <= body["code"] < 100_000, f"code {body['code']!r}")
    _expect(body["more_info"] == f"https://www.twilio.com/docs/errors/{body['code']}", f"more_info of {body}")
    _expect(isinstance(body["message"], str) and bool(body["message"]), f"message of {body}")


def _check_success(base_url: str, api: str, operation: dict[str, Any], status: int, text: str) -> None:
    expected = operation["responses"]
    _expect(str(status) in expected, f"{operation['id']} answered {status}, published are {list(expected)}")
    schema = expected[str(status)]
    where = f"{api}:{operation['id']}"
    if not schema:
        _expect(text == "", f"{where} has a body: {text[:80]}")
    elif operation["id"].startswith("List"):
        _check_envelope(base_url, where, schema, json.loads(text))
    else:
        _check_value(base_url, where, schema, json.loads(text))
    answered.add(where)


def _check_envelope(base_url: str, where: str, schema: dict[str, Any], body: dict[str, Any]) -> None:
    (key,) = set(schema["properties"]) - {"meta"}
    _expect(set(body) == {"meta", key}, f"{where}: {sorted(body)}")
    _expect(set(body["meta"]) == _META_NAMES, f"{where}: meta has {sorted(body['meta'])}")
    _expect(body["meta"]["key"] == key, f"{where}: key {body['meta']['key']!r}")
    _expect(len(body[key]) <= body["meta"]["page_size"], f"{where}: more items than page_size")
    _check_value(base_url, where, schema, body)


def _check_value(base_url: str, where: str, schema: dict[str, Any], value: Any) -> None:
    if value is None:
        _expect(schema.get("nullable", False), f"{where} is null")
        return
    if forms := schema.get("anyOf"):
        _check_forms(base_url, where, forms, value)
    if kind := schema.get("type"):
        fits = isinstance(value, _TYPES[kind]) and (kind == "boolean" or not isinstance(value, bool))
        _expect(fits, f"{where} is no {kind}: {value!r}")
    if pattern := schema.get("pattern"):
        _expect(re.search(pattern, value) is not None, f"{where} does not match {pattern}: {value!r}")
    if choices := schema.get("enum"):
        _expect(value in choices, f"{where} is none of {choices}: {value!r}")
    _check_format(base_url, where, schema.get("format", ""), value)
    if properties := schema.get("properties"):
        _expect(set(value) == set(properties), f"{where}: {sorted(set(value) ^ set(properties))} differ")
        for name, part in properties.items():
            _check_value(base_url, f"{where}.{name}", part, value[name])
    if items := schema.get("items"):
        for number, item in enumerate(value):
            _check_value(base_url, f"{where}[{number}]", items, item)


def _check_forms(base_url: str, where: str, forms: list[dict[str, Any]], value: Any) -> None:
    """One of several forms must fit; if none does, what is wrong with the last is told."""
    for form in forms[:-1]:
        try:
            return _check_value(base_url, where, form, value)
        except ContractBroken:
            pass
    _check_value(base_url, where, forms[-1], value)


def _check_format(base_url: str, where: str, form: str, value: Any) -> None:
    match form:
        case "date-time":
            _expect(_DATE_TIME.fullmatch(value) is not None, f"{where} is no date: {value!r}")
        case "uri" if not where.endswith("_webhook_url"):
            _expect(value.startswith(base_url + "/"), f"{where} leads elsewhere: {value!r}")
        case "uri-map":
            kind = _VERBS.sub("", re.split(r"[.\[]", where)[0], count=1)
            _expect(set(value) == _LINKS[kind], f"{where}: {sorted(value)}")
            for name, link in value.items():
                nullable = name in ("last_message", "content_direct_temporary")
                _check_value(
                    base_url, f"{where}.{name}", {"type": "string", "format": "uri", "nullable": nullable}, link
                )


def _expect(claim: bool, otherwise: str) -> None:
    if not claim:
        raise ContractBroken(otherwise)
