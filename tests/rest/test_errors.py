"""Errors that all operations share, https://www.twilio.com/docs/api/errors."""

from __future__ import annotations

import re
from typing import Any

import pytest

from parley.faces.registry import MOUNTS
from tests.published.checker import operations
from tests.support.doors import Door, Raw

REQUIRING = [
    operation
    for operation in operations("v2")
    if operation["form_required"]
    and operation["id"] in ("CreateService", "CreateRole", "UpdateRole", "CreateUser", "CreateMember")
]
METHODS = {"create": "POST", "list": "GET", "fetch": "GET", "update": "POST", "delete": "DELETE"}


def offered() -> dict[str, set[str]]:
    """Path templates and the HTTP methods that they take."""
    found: dict[str, set[str]] = {}
    for mount in MOUNTS:
        for verb in mount.verbs:
            found.setdefault(mount.route(verb), set()).add(METHODS[verb])
    return found


OFFERED = offered()


def test_an_error_has_the_documented_body(raw: Raw, service_path: str, door: Door):
    answer = raw("GET", f"{service_path}/Channels/nowhere")
    assert answer.headers["content-type"] == "application/json"
    assert answer.json == {
        "code": 20404,
        "message": f"The requested resource {service_path.removeprefix('/chat/v2')}/Channels/nowhere was not found",
        "more_info": "https://www.twilio.com/docs/errors/20404",
        "status": 404,
    }


@pytest.mark.parametrize("path", OFFERED)
def test_a_verb_that_is_not_offered_is_refused(raw: Raw, path: str):
    filled = re.sub(r"\{\w+\}", "XX" + "0" * 32, path)
    for method in ({"GET", "POST", "DELETE"} - OFFERED[path]) | {"PUT", "PATCH"}:
        assert raw(method, filled).refusal() == (405, 20004, "Method not allowed")


UNKNOWN_PATHS = [
    "/chat/v2",
    "/chat/v2/",
    "/chat/v2/Service",
    "/chat/v2/services",
    "/chat/v2/Services/",
    "/chat/v2//Services",
    "/chat/v4/Services",
    "/v2/Services",
    "/",
    "/favicon.ico",
    "/chat/v2/Services/IS0/Colours",
    "/2010-04-01/Accounts.json",
    "/chat/v2/Services/IS0/Channels/CH0/Messages/IM0/",
    "/chat/v2/Services/%00",
    "/chat/v2/Services/%ff%fe",
    "/chat/v2/Services/..%2f..%2f",
]


@pytest.mark.parametrize("path", UNKNOWN_PATHS)
def test_an_unknown_path_is_not_found(raw: Raw, path: str):
    named = path.removeprefix("/chat/v2") if path.startswith("/chat/v2/") else path
    for verb in ("GET", "POST", "DELETE"):
        answer = raw(verb, path, {"FriendlyName": "x"} if verb == "POST" else None)
        assert answer.refusal() == (404, 20404, f"The requested resource {named} was not found")


def test_a_very_long_path_is_not_found(raw: Raw, service_path: str):
    for address in ("x" * 10_000, "%C5%BC" * 1_500, "x/" * 4_000):
        assert raw("GET", f"{service_path}/Channels/{address}").status in (404, 414)


@pytest.mark.parametrize("operation", REQUIRING, ids=lambda operation: operation["id"])
def test_the_first_missing_required_parameter_is_named(
    raw: Raw, operation: dict[str, Any], service_path: str, service_sid: str, channel_sid: str
):
    role = raw.get(f"{service_path}/Roles")["roles"][0]["sid"]
    path = "/chat" + operation["path"].replace("{ServiceSid}", service_sid).replace("{ChannelSid}", channel_sid)
    missing = operation["form_required"][0]
    expected = (400, 20001, f"Missing required parameter {missing} in the post body")
    assert raw("POST", path.replace("{Sid}", role), {"Unknown": "x"}).refusal() == expected


def test_a_resource_without_its_parent_is_not_found(raw: Raw, service_path: str):
    for path in (f"{service_path}/Channels/CH{'0' * 32}/Members", "/chat/v2/Services/IS" + "0" * 32 + "/Users"):
        for answer in (raw("GET", path), raw("POST", path, {"Identity": "alice"})):
            assert (answer.status, answer.json["code"]) == (404, 20404)


def test_credentials_are_asked_for_before_anything_is_told(raw: Raw, service_path: str):
    expected = (401, 20003, "Authenticate")
    for path in (service_path, "/chat/v2/Services/IS" + "0" * 32, f"{service_path}/Users?PageSize=0"):
        assert raw("GET", path, credentials=None).refusal() == expected
    assert raw("POST", f"{service_path}/Users", {"Identity": "system"}, credentials=None).refusal() == expected


def test_a_head_request_is_answered_like_a_get_without_a_body(raw: Raw, service_path: str):
    answer = raw("HEAD", service_path)
    assert (answer.status, answer.headers["content-type"]) == (200, "application/json")
    assert raw("HEAD", f"{service_path}/Channels/nowhere").status == 404
    assert raw("HEAD", service_path, credentials=None).status == 401
