"""Errors that all operations share, https://www.twilio.com/docs/api/errors."""

from __future__ import annotations

from typing import Any

import pytest

from parley.version import VERSION
from tests.published.checker import operations
from tests.support.doors import Door, Raw

REQUIRING = [
    operation
    for operation in operations("v2")
    if operation["form_required"]
    and operation["id"] in ("CreateService", "CreateRole", "UpdateRole", "CreateUser", "CreateMember")
]


def test_an_error_has_the_documented_body(raw: Raw, service_path: str, door: Door):
    answer = raw("GET", f"{service_path}/Channels/nowhere")
    assert answer.headers["content-type"] == "application/json"
    assert answer.json == {
        "code": 20404,
        "message": f"The requested resource {service_path.removeprefix('/chat/v2')}/Channels/nowhere was not found",
        "more_info": "https://www.twilio.com/docs/errors/20404",
        "status": 404,
    }


UNKNOWN_PATHS = [
    "/chat/v2",
    "/chat/v2/",
    "/chat/v2/Service",
    "/chat/v2/services",
    "/chat/v2/Services/",
    "/chat/v2//Services",
    "/chat/v4/Services",
    "/v2/Services",
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


def test_an_answer_tells_the_version_and_a_refusal_does_not(raw: Raw):
    assert raw("GET", "/chat/v2/Services").headers["parley-version"] == VERSION
    for credentials in (None, ("AC" + "0" * 32, "wrong")):
        answer = raw("GET", "/chat/v2/Services", credentials=credentials)
        assert answer.status == 401
        assert "parley-version" not in answer.headers
