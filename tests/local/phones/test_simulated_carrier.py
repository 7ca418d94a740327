"""The simulated carrier: what it reports of messages to phones, what it keeps, and writing as a phone."""

from __future__ import annotations

import json
from typing import Any

import pytest

from local.http.server import Request
from local.phones.account import Own
from local.phones.carrier import CARRIER_PATH, PHONES_PATH
from local.stack.running import Stack
from parley.ports.http.outgoing import Response as Received
from parley.ports.http.targets import TargetRefused
from parley.ports.phones import HttpCarrier, Outbound, Rejected, Silent
from tests.ports.fakes import FakeOutgoing, SentRequest
from tests.support.doors import HttpDoor, Raw
from tests.support.fakes import AUTH_TOKEN
from tests.support.handsets import Stage, answered
from tests.support.waiting import until

HOST = "127.0.0.1:8080"
NUMBER, PHONE = "+12025550143", "+4917212345678"


class Phones(Stage):
    """The phones of a run without numbers at AWS, and Parley's port to the simulated carrier without a network."""

    def __init__(self, auth_token: str = AUTH_TOKEN) -> None:
        super().__init__(Own())
        outgoing: Any = FakeOutgoing(self._carry, allow_loopback=True)
        self.port = HttpCarrier(f"http://{HOST}{CARRIER_PATH}", outgoing, lambda: auth_token)

    def _carry(self, request: SentRequest) -> Any:
        headers = [("Host", HOST), *request.headers.items()]
        asked = Request("POST", CARRIER_PATH, "", headers, request.body, ("127.0.0.1", 1), 8080)
        answer = answered(self.phones.owner.respond(asked))
        return Received(answer.status, dict(answer.headers), answer.body)

    def messages(self, phone: str) -> list[dict[str, Any]]:
        return list(self.handset(phone)["messages"])


@pytest.fixture
def phones() -> Phones:
    return Phones()


ENDINGS: list[tuple[str, list[tuple[str, int]]]] = [
    (PHONE, [("delivered", 0)]),
    (f"whatsapp:{PHONE}", [("delivered", 0), ("read", 0)]),
    ("+491721230003", [("undelivered", 30003)]),
    ("whatsapp:+491721230004", [("failed", 30008)]),
]


@pytest.mark.parametrize(("phone", "expected"), ENDINGS)
def test_the_number_decides_what_happens_with_a_message(
    phones: Phones, phone: str, expected: list[tuple[str, int]]
) -> None:
    sid = phones.port.send(Outbound("a.b.0.c", NUMBER, phone, "hello"))
    assert [(job["status"], job["error_code"]) for job, _ in phones.queued] == expected
    assert [delay for _, delay in phones.queued] == list(range(1, len(expected) + 1))
    assert {(job["job"], job["reference"], job["sid"]) for job, _ in phones.queued} == {
        ("phone_status", "a.b.0.c", sid)
    }
    assert [(one["from"], one["body"], one["sid"]) for one in phones.messages(phone)] == [(NUMBER, "hello", sid)]


@pytest.mark.parametrize(("phone", "code"), [("+491721230001", 21211), ("whatsapp:+491721230002", 21610)])
def test_some_numbers_are_refused_at_once(phones: Phones, phone: str, code: int) -> None:
    with pytest.raises(Rejected) as refused:
        phones.port.send(Outbound("a.b.0.c", NUMBER, phone, "hello"))
    assert (refused.value.error_code, phones.queued, phones.messages(phone)) == (code, [], [])


def test_a_message_that_is_handed_over_twice_reaches_the_phone_once(phones: Phones) -> None:
    sids = {phones.port.send(Outbound("a.b.0.c", NUMBER, PHONE, "hello")) for _ in range(2)}
    assert (len(sids), len(phones.messages(PHONE)), len(phones.queued)) == (1, 1, 1)


def test_a_message_that_is_handed_over_again_meanwhile_reaches_the_phone_once(phones: Phones) -> None:
    outbound = Outbound("a.b.0.c", NUMBER, PHONE, "hello")
    again = [lambda: phones.port.send(outbound)]

    def queue(entry: dict[str, Any], delay: int) -> None:
        while again:
            again.pop()()
        phones.queued.append((entry, delay))

    phones.phones.owner._carrier._queue = queue
    phones.port.send(outbound)
    assert (len(phones.messages(PHONE)), len(phones.queued)) == (1, 1)


def test_only_parley_hands_messages_over_and_only_the_account_looks_at_phones() -> None:
    strangers = Phones(auth_token="another")
    with pytest.raises(Rejected):
        strangers.port.send(Outbound("a.b.0.c", NUMBER, PHONE, "hello"))
    assert strangers.messages(PHONE) == []
    assert strangers.ask("GET", PHONE, password="another").status == 401


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (json.dumps({"To": NUMBER, "Body": "hello"}), "application/json"),
        ("To=%2B12025550143&Body=hello", "application/x-www-form-urlencoded"),
    ],
)
def test_writing_as_a_phone_queues_a_message_from_it(phones: Phones, body: str, kind: str) -> None:
    written = phones.ask("POST", PHONE, body.encode(), kind)
    ((job, delay),) = phones.queued
    assert (written.status, delay) == (201, 0)
    assert job == {
        "job": "phone_inbound",
        "from": PHONE,
        "to": NUMBER,
        "sid": json.loads(written.body)["sid"],
        "body": "hello",
    }
    assert [one["direction"] for one in phones.messages(PHONE)] == ["out"]


NO_MESSAGES = (
    "",
    "[]",
    '{"To": "x", "Body": "y"}',
    '{"To": "+12025550143"}',
    '{"Body": "y"}',
    '{"To": "+12025550143", "Body": "\\ud800"}',
)


@pytest.mark.parametrize("body", NO_MESSAGES)
def test_a_message_that_no_phone_could_write_is_refused(phones: Phones, body: str) -> None:
    assert phones.ask("POST", PHONE, body.encode()).status == 400
    assert phones.queued == []


def test_there_is_no_phone_without_a_number(phones: Phones) -> None:
    assert phones.ask("GET", "alice").status == 404


UNKNOWN: list[Any] = [500, 503, 429, 408, 302, TargetRefused("not public")]


@pytest.mark.parametrize("answer", UNKNOWN, ids=str)
def test_a_carrier_without_a_clear_answer_may_have_taken_the_message(answer: Any) -> None:
    outgoing: Any = FakeOutgoing(Received(answer, {}, b"") if isinstance(answer, int) else answer)
    with pytest.raises(Silent):
        HttpCarrier("https://carrier.example.com/", outgoing, lambda: "token").send(Outbound("r", NUMBER, PHONE))


NONSENSE = (b"no", b"[]", b'{"code": "x"}', b'{"code": true}', b'{"code": -1}', b'{"code": 1000000}')


@pytest.mark.parametrize(("body", "code"), [(b'{"code": 21610}', 21610), *((body, 30008) for body in NONSENSE)])
def test_a_carrier_that_refuses_a_message_says_why(body: bytes, code: int) -> None:
    outgoing: Any = FakeOutgoing(Received(400, {}, body))
    with pytest.raises(Rejected) as refused:
        HttpCarrier("https://carrier.example.com/", outgoing, lambda: "token").send(Outbound("r", NUMBER, PHONE))
    assert refused.value.error_code == code


@pytest.mark.parametrize("body", [b"", b"no", b'{"sid": ""}', b'{"sid": 1}', b'{"sid": "\\u0000"}'])
def test_without_a_sid_that_can_be_stored_the_reference_names_the_message(body: bytes) -> None:
    outgoing: Any = FakeOutgoing(Received(201, {}, body))
    carrier = HttpCarrier("https://carrier.example.com/", outgoing, lambda: "token")
    assert carrier.send(Outbound("r", NUMBER, PHONE)) == "r"


def test_a_conversation_with_a_phone_on_a_local_stack(stack: Stack, http_door: HttpDoor) -> None:
    raw = Raw(http_door)
    sender = stack.info["carrier_numbers"][-1]
    phone = f"whatsapp:+49172{stack.process.pid:07d}"
    path = f"/conversations/v1/Conversations/{raw.post('/conversations/v1/Conversations')['sid']}"
    raw.post(f"{path}/Participants", {"MessagingBinding.Address": phone, "MessagingBinding.ProxyAddress": sender})
    sent = raw.post(f"{path}/Messages", Body="hello")["sid"]
    until(
        lambda: [one["status"] for one in raw.get(f"{path}/Messages/{sent}/Receipts")["delivery_receipts"]] == ["read"]
    )
    raw.post(f"{PHONES_PATH}{phone}", To=sender, Body="hello yourself")
    until(lambda: [one["body"] for one in raw.get(f"{path}/Messages")["messages"]] == ["hello", "hello yourself"])
    received = raw.get(f"{PHONES_PATH}{phone}")["messages"]
    assert [(one["direction"], one["body"]) for one in received] == [("in", "hello"), ("out", "hello yourself")]
