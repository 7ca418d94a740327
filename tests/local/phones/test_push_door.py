"""The door to the stand-in of SNS: functions ask for actions, the owner looks at phones and turns them off and on."""

from __future__ import annotations

import base64
import json
from typing import Any
from urllib.parse import urlencode

import pytest

from local.http.server import Request
from local.phones.push import PushServices
from local.phones.push_door import PushDoor
from tests.support.push import ACCOUNT, REGION, SERVICE_ACCOUNT

OWNER, TOKEN = "AC" + "1" * 32, "f" * 32
SIGNED = ("Authorization", "AWS4-HMAC-SHA256 Credential=test/20260115/us-east-1/sns/aws4_request")
BASIC = ("Authorization", "Basic " + base64.b64encode(f"{OWNER}:{TOKEN}".encode()).decode())
FORM = ("Content-Type", "application/x-www-form-urlencoded")
JSON = ("Content-Type", "application/json")


@pytest.fixture
def services() -> PushServices:
    return PushServices(REGION, ACCOUNT)


@pytest.fixture
def door(services: PushServices) -> PushDoor:
    return PushDoor(services, OWNER, lambda: (TOKEN,))


def ask(door: PushDoor, method: str, path: str, body: bytes = b"", *headers: tuple[str, str]) -> tuple[int, Any]:
    answer = door.respond(Request(method, path, "", list(headers), body, ("127.0.0.1", 1), 1))
    is_json = ("Content-Type", "application/json") in answer.headers
    return answer.status, json.loads(answer.body) if is_json else answer.body.decode()


@pytest.fixture
def phone(services: PushServices) -> str:
    """The id of a phone that got one notification."""
    for given in (
        {
            "Action": "CreatePlatformApplication",
            "Name": "CR1",
            "Platform": "GCM",
            "Attributes.entry.1.key": "PlatformCredential",
            "Attributes.entry.1.value": SERVICE_ACCOUNT,
        },
        {"Action": "CreatePlatformEndpoint", "PlatformApplicationArn": services_arn("GCM/CR1"), "Token": "token"},
    ):
        status, _ = services.answer(encoded(given))
        assert status == 200
    (made,) = services.phones()
    message = {"fcmV1Message": {"message": {"data": {"twi_body": "hello"}}}}
    publish = {"Action": "Publish", "TargetArn": made["endpoint"], "MessageStructure": "json"}
    publish["Message"] = json.dumps({"default": "", "GCM": json.dumps(message)})
    assert services.answer(encoded(publish))[0] == 200
    return str(made["id"])


def services_arn(name: str) -> str:
    return f"arn:aws:sns:{REGION}:{ACCOUNT}:app/{name}"


def encoded(given: dict[str, str]) -> bytes:
    return urlencode(given).encode()


def test_the_owner_sees_phones_and_what_they_got(door: PushDoor, phone: str):
    status, listed = ask(door, "GET", "/_push/phones", b"", BASIC)
    assert status == 200
    (summary,) = listed["phones"]
    shown = {"platform": "GCM", "credential_sid": "CR1", "address": "token", "state": "on", "badge": None}
    assert {name: summary[name] for name in shown} == shown
    status, whole = ask(door, "GET", f"/_push/phones/{phone}", b"", BASIC)
    assert (status, [one["text"] for one in whole["shown"]]) == (200, ["hello"])
    assert "shown" not in summary and summary["notifications"] == 1


@pytest.mark.parametrize(("body", "kind"), [(b"State=offline", FORM), (b'{"state":"offline"}', JSON)])
def test_the_owner_turns_a_phone_off(door: PushDoor, phone: str, body: bytes, kind: tuple[str, str]):
    status, after = ask(door, "POST", f"/_push/phones/{phone}", body, BASIC, kind)
    assert (status, after["state"]) == (200, "offline")


REFUSED = [
    ("GET", "/_push/phones", b"", (), 401),
    ("GET", "/_push/phones", b"", (("Authorization", "Basic e30="),), 401),
    ("GET", "/_push/phones", b"", (SIGNED,), 401),
    ("POST", "/_push/phones", b"", (BASIC,), 405),
    ("GET", "/_push/nothing", b"", (BASIC,), 404),
    ("GET", "/_push/phones/nobody", b"", (BASIC,), 404),
    ("POST", "/_push/phones/nobody", b"State=on", (BASIC, FORM), 404),
    ("DELETE", "/_push/phones/nobody", b"", (BASIC,), 405),
    ("POST", "/_push/phones/nobody", b"State=lost", (BASIC, FORM), 400),
    ("POST", "/_push/phones/nobody", b"\xff", (BASIC, FORM), 400),
    ("POST", "/_push/phones/nobody", b"[" * 5000, (BASIC, JSON), 400),
    ("POST", "/_push/phones/nobody", b"[]", (BASIC, JSON), 400),
    ("POST", "/_push/sns/", b"Action=Publish", (), 403),
    ("POST", "/_push/sns/", b"Action=Publish", (BASIC,), 403),
    ("GET", "/_push/sns/", b"", (SIGNED,), 405),
    ("POST", "/_push/sns/", b"Action=Subscribe", (SIGNED,), 400),
]


@pytest.mark.parametrize(("method", "path", "body", "headers", "status"), REFUSED)
def test_all_else_is_refused(
    door: PushDoor, method: str, path: str, body: bytes, headers: tuple[tuple[str, str], ...], status: int
):
    assert ask(door, method, path, body, *headers)[0] == status
