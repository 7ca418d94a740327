"""The local runtime's inbox for webhooks: what it accepts, how it checks signatures, and who may read it."""

from __future__ import annotations

import base64
import json
from typing import Any
from urllib.parse import urlencode

import pytest
from twilio.request_validator import RequestValidator

from local.console.webhook_inbox import BODY_LIMIT, KEPT, WebhookInbox
from local.http.server import Request, Response

ACCOUNT, TOKEN = "AC" + "0" * 32, "f" * 32
SERVICE, OTHER = "IS" + "1" * 32, "IS" + "2" * 32
HOST = "127.0.0.1:8080"


@pytest.fixture
def inbox() -> WebhookInbox:
    return WebhookInbox(ACCOUNT, lambda: (TOKEN,), now=lambda: 1_768_478_400.0)


def send(
    inbox: WebhookInbox,
    form: dict[str, str],
    *,
    service: str = SERVICE,
    query: str = "",
    signature: str | None = "",
    body: bytes | None = None,
) -> Response:
    """Deliver a webhook; an empty signature stands for the right one, None for no header."""
    path = f"/console/webhooks/{service}"
    url = f"http://{HOST}{path}" + (f"?{query}" if query else "")
    headers = [("Host", HOST), ("I-Twilio-Idempotency-Token", "once")]
    if signature is not None:
        headers.append(("X-Twilio-Signature", signature or RequestValidator(TOKEN).compute_signature(url, form)))
    sent = urlencode(form).encode() if body is None else body
    return inbox.respond(Request("POST", path, query, headers, sent, ("127.0.0.1", 1), 8080))


def basic(credentials: str) -> str:
    return f"Basic {base64.b64encode(credentials.encode()).decode()}"


def ask(
    inbox: WebhookInbox,
    *,
    authorization: str = basic(f"{ACCOUNT}:{TOKEN}"),
    service: str = SERVICE,
    query: str = "",
    method: str = "GET",
) -> Response:
    path = f"/console/webhooks/{service}"
    return inbox.respond(Request(method, path, query, [("Authorization", authorization)], b"", ("127.0.0.1", 1), 8080))


def listed(inbox: WebhookInbox, **where: str) -> list[dict[str, Any]]:
    answer = ask(inbox, **where)
    assert answer.status == 200
    found: list[dict[str, Any]] = json.loads(answer.body)["webhooks"]
    return found


def test_a_webhook_is_answered_with_an_empty_200_and_listed_with_its_form(inbox: WebhookInbox) -> None:
    answer = send(inbox, {"EventType": "onMessageSent", "Body": "Grüße", "Attributes": ""})
    assert (answer.status, answer.body) == (200, b"")
    (entry,) = listed(inbox)
    assert entry["form"] == {"EventType": "onMessageSent", "Body": "Grüße", "Attributes": ""}
    assert entry["received_at"] == "2026-01-15T12:00:00.000+00:00"
    assert entry["idempotency_token"] == "once"


@pytest.mark.parametrize("query", ["", "tenant=1&empty="])
def test_a_signature_with_the_deployments_token_is_valid(inbox: WebhookInbox, query: str) -> None:
    send(inbox, {"EventType": "onMessageSent"}, query=query)
    assert listed(inbox)[0]["signature"] == "valid"


def test_another_signature_is_invalid_and_none_is_missing(inbox: WebhookInbox) -> None:
    wrong = RequestValidator("e" * 32).compute_signature(f"http://{HOST}/console/webhooks/{SERVICE}", {"A": "1"})
    send(inbox, {"A": "1"}, signature=wrong)
    send(inbox, {"A": "1"}, signature=None)
    assert [entry["signature"] for entry in listed(inbox)] == ["invalid", "missing"]


def test_a_reader_gets_what_came_after_the_number_it_knows(inbox: WebhookInbox) -> None:
    for number in range(3):
        send(inbox, {"N": str(number)})
    first = listed(inbox)[0]["n"]
    assert [entry["form"]["N"] for entry in listed(inbox, query=f"after={first}")] == ["1", "2"]


def test_numbers_grow_over_a_restart(inbox: WebhookInbox) -> None:
    send(inbox, {"N": "0"})
    later = WebhookInbox(ACCOUNT, lambda: (TOKEN,), now=lambda: 1_768_478_401.0)
    send(later, {"N": "1"})
    assert listed(later)[0]["n"] > listed(inbox)[0]["n"]


def test_services_have_inboxes_of_their_own(inbox: WebhookInbox) -> None:
    send(inbox, {"N": "mine"})
    assert listed(inbox, service=OTHER) == []


def test_only_the_latest_are_kept(inbox: WebhookInbox) -> None:
    for number in range(KEPT + 5):
        send(inbox, {"N": str(number)})
    assert [entry["form"]["N"] for entry in listed(inbox)] == [str(number) for number in range(5, KEPT + 5)]


def test_large_webhooks_push_older_ones_out_sooner(inbox: WebhookInbox) -> None:
    for number in range(40):
        send(inbox, {"N": str(number), "Body": "x" * 60_000})
    kept = [entry["form"]["N"] for entry in listed(inbox)]
    assert 20 < len(kept) < 40
    assert kept[-1] == "39"


def test_the_inbox_of_the_service_that_was_quiet_longest_is_dropped_when_there_are_too_many(
    inbox: WebhookInbox,
) -> None:
    for number in [*range(20), 0, 20]:
        send(inbox, {"N": "1"}, service=f"IS{number:032x}")
    assert len(listed(inbox, service=f"IS{0:032x}")) == 2
    assert listed(inbox, service=f"IS{1:032x}") == []


@pytest.mark.parametrize(
    ("body", "status"),
    [(b"Body=" + b"x" * BODY_LIMIT, 413), (b"\xff\xfe", 400), (b"&".join(b"a=1" for _ in range(300)), 400)],
    ids=["too large", "not UTF-8", "too many fields"],
)
def test_a_body_that_is_no_webhook_is_refused(inbox: WebhookInbox, body: bytes, status: int) -> None:
    assert send(inbox, {}, body=body).status == status
    assert listed(inbox) == []


@pytest.mark.parametrize(
    "authorization",
    [
        *(basic(wrong) for wrong in ("", f"{ACCOUNT}:", f"{ACCOUNT}:{'e' * 32}", f"AC{'3' * 32}:{TOKEN}", "é:é")),
        *("Basic ?", "Bearer x", "Basic", ""),
    ],
)
def test_only_the_accounts_credentials_may_read(inbox: WebhookInbox, authorization: str) -> None:
    send(inbox, {"Body": "secret"})
    answer = ask(inbox, authorization=authorization)
    assert answer.status == 401
    assert b"secret" not in answer.body


@pytest.mark.parametrize("query", ["after=-1", "after=x", "after=12345678901234567890"])
def test_an_invalid_number_is_refused(inbox: WebhookInbox, query: str) -> None:
    assert ask(inbox, query=query).status == 400


@pytest.mark.parametrize("service", ["", "IS1", f"{SERVICE}/x", "CH" + "1" * 32])
def test_only_services_have_inboxes(inbox: WebhookInbox, service: str) -> None:
    assert ask(inbox, service=service).status == 404


def test_other_verbs_are_refused(inbox: WebhookInbox) -> None:
    answer = ask(inbox, method="DELETE")
    assert (answer.status, dict(answer.headers)["Allow"]) == (405, "GET, HEAD, POST")
