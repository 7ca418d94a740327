"""The checker itself: what it must not let pass."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.published import refused
from tests.published.checker import ContractBroken, check, operation_of

BASE = "https://api.example.com/prod"
SERVICE, ROLE, ACCOUNT = "IS" + "0" * 32, "RL" + "0" * 32, "AC" + "0" * 32
LIST = f"{BASE}/chat/v2/Services/{SERVICE}/Roles"
ITEM = f"{LIST}/{ROLE}"
BODY = {
    "sid": ROLE,
    "account_sid": ACCOUNT,
    "service_sid": SERVICE,
    "friendly_name": "x",
    "type": "channel",
    "permissions": ["sendMessage"],
    "date_created": "2026-01-15T12:00:00Z",
    "date_updated": "2026-01-15T12:00:00Z",
    "url": ITEM,
}
ENVELOPE = {
    "meta": {
        "page": 0,
        "page_size": 50,
        "first_page_url": LIST,
        "previous_page_url": None,
        "url": LIST,
        "next_page_url": None,
        "key": "roles",
    },
    "roles": [BODY],
}
ERROR = {"code": 20404, "message": "x", "more_info": "https://www.twilio.com/docs/errors/20404", "status": 404}
Edit = Callable[[dict[str, Any]], Any]


def answer(body: Any, verb: str = "GET", url: str = ITEM, status: int = 200) -> None:
    check(BASE, verb, url, status, body if isinstance(body, str) else json.dumps(body))


def edited(body: dict[str, Any], edit: Edit) -> dict[str, Any]:
    changed = copy.deepcopy(body)
    edit(changed)
    return changed


def test_answers_as_published_pass():
    answer(BODY)
    answer(BODY, "POST", LIST, 201)
    answer(ENVELOPE, url=LIST)
    answer("", "DELETE", status=204)
    answer(ERROR, status=404)
    answer("", "HEAD")
    answer({**BODY, "friendly_name": None})


EDITS: list[tuple[str, Edit]] = [
    ("a field is missing", lambda body: body.pop("permissions")),
    ("a field too many", lambda body: body.update(colour="green")),
    ("a number for a text", lambda body: body.update(friendly_name=7)),
    ("a text for a list", lambda body: body.update(permissions="sendMessage")),
    ("a number in a list of texts", lambda body: body.update(permissions=[1])),
    ("another kind of SID", lambda body: body.update(sid=SERVICE)),
    ("a word that is none of the published", lambda body: body.update(type="service")),
    ("null where it is not allowed", lambda body: body.update(type=None)),
    ("a date in another format", lambda body: body.update(date_created="Thu, 15 Jan 2026 12:00:00 +0000")),
    ("a relative URL", lambda body: body.update(url="/chat/v2/Services")),
    ("Twilio's URL", lambda body: body.update(url="https://chat.twilio.com/v2/Services")),
]


@pytest.mark.parametrize(("what", "edit"), EDITS, ids=[what for what, _ in EDITS])
def test_another_body_does_not_pass(what: str, edit: Edit):
    with pytest.raises(ContractBroken):
        answer(edited(BODY, edit))
    with pytest.raises(ContractBroken):
        answer(edited(ENVELOPE, lambda body: edit(body["roles"][0])), url=LIST)


ENVELOPE_EDITS: list[tuple[str, Edit]] = [
    ("no meta", lambda body: body.pop("meta")),
    ("a total", lambda body: body["meta"].update(total=1)),
    ("no link", lambda body: body["meta"].pop("next_page_url")),
    ("another key", lambda body: body["meta"].update(key="items")),
    ("more items than a page has", lambda body: body["meta"].update(page_size=0)),
    ("a boolean for a number", lambda body: body["meta"].update(page=False)),
    ("a link elsewhere", lambda body: body["meta"].update(url="https://chat.twilio.com/")),
]


@pytest.mark.parametrize(("what", "edit"), ENVELOPE_EDITS, ids=[what for what, _ in ENVELOPE_EDITS])
def test_another_envelope_does_not_pass(what: str, edit: Edit):
    with pytest.raises(ContractBroken):
        answer(edited(ENVELOPE, edit), url=LIST)


ERROR_EDITS: list[tuple[str, Edit]] = [
    ("no code", lambda body: body.pop("code")),
    ("another status", lambda body: body.update(status=400)),
    ("another address", lambda body: body.update(more_info="https://example.com/")),
    ("a code as text", lambda body: body.update(code="20404")),
    ("no words", lambda body: body.update(message="")),
    ("a trace", lambda body: body.update(detail="Traceback")),
]


@pytest.mark.parametrize(("what", "edit"), ERROR_EDITS, ids=[what for what, _ in ERROR_EDITS])
def test_another_error_does_not_pass(what: str, edit: Edit):
    with pytest.raises(ContractBroken):
        answer(edited(ERROR, edit), status=404)


def test_another_status_does_not_pass():
    for verb, url, status, body in (
        ("GET", ITEM, 201, BODY),
        ("POST", LIST, 200, BODY),
        ("DELETE", ITEM, 200, ""),
        ("DELETE", ITEM, 204, BODY),
        ("GET", ITEM, 500, ERROR),
        ("GET", ITEM, 503, ERROR),
    ):
        with pytest.raises(ContractBroken):
            answer(body, verb, url, status)


def test_an_answer_that_twilio_publishes_nowhere_does_not_pass():
    with pytest.raises(ContractBroken):
        answer(BODY, url=f"{BASE}/chat/v2/Services/{SERVICE}/Colours")


def test_an_operation_is_found_by_verb_and_path():
    def named(verb: str, path: str) -> str:
        found = operation_of(verb, path)
        return f"{found[0]}:{found[1]['id']}" if found else ""

    assert named("GET", f"/chat/v2/Services/{SERVICE}/Roles") == "v2:ListRole"
    assert named("POST", f"/chat/v2/Services/{SERVICE}/Roles/{ROLE}") == "v2:UpdateRole"
    assert named("GET", f"/conversations/v1/Services/{SERVICE}/Roles") == "conversations:ListServiceRole"
    assert named("PUT", f"/chat/v2/Services/{SERVICE}/Roles") == ""
    assert named("GET", f"/chat/v2/Services/{SERVICE}/Roles/") == ""


NO_BODY = '{"code":50503,"message":"Message body is required","more_info":"","status":400}'


def test_a_refusal_that_the_reference_names_is_accepted():
    refused.check(BASE, "POST", f"{BASE}/chat/v2/Services/IS1/Channels/CH1/Messages", 400, NO_BODY)


def test_a_refusal_that_the_reference_does_not_name_is_noticed():
    with pytest.raises(refused.NotInReference, match=r"chat\.channel\.create answered 400"):
        refused.check(BASE, "POST", f"{BASE}/chat/v2/Services/IS1/Channels", 400, NO_BODY)


def test_a_refusal_of_which_no_table_knows_is_noticed():
    with pytest.raises(refused.NotInReference):
        refused.check(BASE, "GET", f"{BASE}/chat/v2/Services", 400, NO_BODY.replace("required", "wanted"))


def test_a_refusal_of_a_path_without_an_operation_is_not_looked_up():
    refused.check(BASE, "POST", f"{BASE}/chat/v2/Nothing", 400, NO_BODY)
