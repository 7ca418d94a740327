"""One delivery: how it is signed and sent, what each answer means, how long it is tried, and where it may not go."""

from __future__ import annotations

import json
import random
import threading
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from twilio.request_validator import RequestValidator

from local.template import Template
from parley.outgoing import NoAnswer, Response
from parley.webhooks.delivery import TIMEOUT_SECONDS, pause_seconds
from tests.contracts.fakes import FakeOutgoing, SentRequest
from tests.fakes import AUTH_TOKEN
from tests.realtime.deployment import Deployment
from tests.webhooks.function import WebhooksFunction
from tests.webhooks.receiver import Receiver, receiving

# Four hours, give or take: what docs/webhooks.md promises.
HOURS = 3600.0
MAXIMUM_RECEIVES = 25


def delivery(url: str, method: str = "POST", **parameters: str) -> dict[str, Any]:
    return {
        "id": "0123456789abcdef0123456789abcdef",
        "url": url,
        "method": method,
        "parameters": {"EventType": "onMessageSent", "Body": "hello", "Source": "SDK", **parameters},
        "planned_at": 1_768_478_400_000,
    }


@pytest.fixture
def silent(deployment: Deployment, template: Template) -> WebhooksFunction:
    """A function whose requests no network carries: answer and time-out are the test's."""
    return WebhooksFunction(deployment, template, FakeOutgoing())


def outgoing(function: WebhooksFunction) -> FakeOutgoing:
    assert isinstance(function.outgoing, FakeOutgoing)
    return function.outgoing


# Signing


@pytest.mark.parametrize("method", ["POST", "GET"])
@pytest.mark.parametrize("query", ["", "?", "?a=b", "?a=b&c=%20d&e"])
@pytest.mark.parametrize("text", ["hello", "", "Grüße & = + % \r\n\t", "日本 \U0001f600", "a\x00b"])
def test_the_vendors_validator_accepts_the_signature(
    webhooks: WebhooksFunction, owner: Receiver, method: str, query: str, text: str
) -> None:
    assert webhooks.deliver(delivery(owner.url + query, method, Body=text, Attributes=text)) == []
    (request,) = owner.received
    assert request.method == method
    assert request.is_signed_with(AUTH_TOKEN)
    assert not request.is_signed_with(AUTH_TOKEN[::-1])
    own = dict(parse_qsl(query[1:], keep_blank_values=True)) if method == "GET" else {}
    expected = {"EventType": "onMessageSent", "Body": text, "Source": "SDK", "Attributes": text, "RetryCount": "0"}
    assert request.parameters == own | expected


def test_the_port_may_be_left_out_by_whoever_validates(silent: WebhooksFunction) -> None:
    for url in ("https://example.com:8443/hook", "http://example.com:8080/hook?a=b"):
        silent.deliver(delivery(url))
        sent = outgoing(silent).requests[-1]
        form = dict(parse_qsl(sent.body.decode()))
        assert RequestValidator(AUTH_TOKEN).validate(url, form, sent.headers["X-Twilio-Signature"])


@pytest.mark.parametrize("method", ["POST", "GET"])
@pytest.mark.parametrize("path", ["", "#part", "/hook#part", "/hook?a=b#part", "?a=b"])
def test_the_signature_covers_the_url_that_the_owner_sees(
    webhooks: WebhooksFunction, owner: Receiver, method: str, path: str
) -> None:
    """A URL without a path was signed without the slash that it is asked for with, and parameters of a GET were put
    behind the fragment, which is not sent at all."""
    assert webhooks.deliver(delivery(f"http://127.0.0.1:{owner.port}{path}", method)) == []
    (request,) = owner.received
    assert request.parameters["Body"] == "hello"
    assert request.is_signed_with(AUTH_TOKEN)


def test_the_signature_covers_the_host_as_it_is_sent(webhooks: WebhooksFunction, owner: Receiver) -> None:
    assert webhooks.deliver(delivery(f"HTTP://LocalHost:{owner.port}/hook")) == []
    (request,) = owner.received
    assert request.is_signed_with(AUTH_TOKEN)


def test_a_post_is_a_form_and_a_get_has_no_body(webhooks: WebhooksFunction, owner: Receiver) -> None:
    webhooks.deliver(delivery(owner.url), delivery(owner.url, "GET"))
    requests = {request.method: request for request in owner.received}
    assert requests["POST"].headers["content-type"] == "application/x-www-form-urlencoded; charset=utf-8"
    assert urlsplit(requests["POST"].url).query == ""
    assert requests["GET"].body == b""
    assert "content-type" not in requests["GET"].headers


# What an answer means


@pytest.mark.parametrize("status", [200, 201, 204, 301, 302, 400, 401, 403, 404, 410, 422, 500, 501, 502, 505])
def test_an_answer_settles_the_delivery(webhooks: WebhooksFunction, owner: Receiver, status: int) -> None:
    owner.answer = lambda received: status
    assert webhooks.deliver(delivery(owner.url)) == []
    assert webhooks.delays == []
    assert len(owner.received) == 1


@pytest.mark.parametrize("status", [429, 503, 504])
def test_an_answer_that_asks_for_patience_brings_the_delivery_back(
    webhooks: WebhooksFunction, owner: Receiver, status: int
) -> None:
    owner.answer = lambda received: status
    assert webhooks.deliver(delivery(owner.url)) == ["message-0"]
    ((handle, seconds),) = webhooks.delays
    assert (handle, seconds) == ("handle-0", 1)


@pytest.mark.parametrize("reason", ["timeout", "the name has no address", "Connection refused"])
def test_no_answer_brings_the_delivery_back(silent: WebhooksFunction, reason: str) -> None:
    outgoing(silent).answer = NoAnswer(reason)
    assert silent.deliver(delivery("https://example.com/hook"), attempt=3) == ["message-0"]
    ((_, seconds),) = silent.delays
    assert 6 <= seconds <= 8


def test_a_closed_port_brings_the_delivery_back(webhooks: WebhooksFunction) -> None:
    with receiving() as closed:
        url = closed.url
    assert webhooks.deliver(delivery(url)) == ["message-0"]


def test_an_owner_has_five_seconds(silent: WebhooksFunction) -> None:
    silent.deliver(delivery("https://example.com/hook"))
    assert outgoing(silent).requests[0].timeout_seconds == TIMEOUT_SECONDS == 5


@pytest.mark.parametrize(
    ("answer", "code", "level"),
    [
        (Response(200, {}, b""), None, "INFO"),
        (Response(500, {}, b""), 50057, "WARNING"),
        (Response(503, {}, b""), 50057, "WARNING"),
        (NoAnswer("timeout"), 50076, "WARNING"),
    ],
)
def test_what_became_of_a_delivery_is_logged_without_its_content(
    silent: WebhooksFunction, caplog: pytest.LogCaptureFixture, answer: Any, code: int | None, level: str
) -> None:
    outgoing(silent).answer = answer
    caplog.clear()
    silent.deliver(delivery("https://example.com/hook", Body="a secret"), attempt=2)
    (record,) = caplog.records
    facts = vars(record)
    assert (record.levelname, facts.get("code"), facts["attempt"]) == (level, code, 2)
    assert (facts["delivery"], facts["event"]) == ("0123456789abcdef0123456789abcdef", "onMessageSent")
    assert "a secret" not in str(facts)


# Trying again


class Patience:
    """A queue on a fake clock: gives a delivery out again when its delay is over, so often at most."""

    def __init__(self, function: WebhooksFunction):
        self.function = function
        self.seconds = 0.0
        self.attempts = 0

    def run(self, entry: dict[str, Any]) -> bool:
        """Whether the delivery was settled; if not, it is a dead letter."""
        for attempt in range(MAXIMUM_RECEIVES):
            self.attempts += 1
            if not self.function.deliver(entry, attempt=attempt):
                return True
            self.seconds += self.function.delays[-1][1]
        return False


def test_a_delivery_is_tried_for_about_four_hours_with_one_token_and_a_rising_count(silent: WebhooksFunction) -> None:
    outgoing(silent).fall_silent()
    patience = Patience(silent)
    assert not patience.run(delivery("https://example.com/hook"))
    assert patience.attempts == MAXIMUM_RECEIVES
    assert 3 * HOURS < patience.seconds < 4.5 * HOURS
    sent = outgoing(silent).requests
    assert {request.headers["I-Twilio-Idempotency-Token"] for request in sent} == {"0123456789abcdef" * 2}
    counts = [dict(parse_qsl(request.body.decode()))["RetryCount"] for request in sent]
    assert counts == [str(number) for number in range(MAXIMUM_RECEIVES)]
    assert len({request.headers["X-Twilio-Signature"] for request in sent}) == MAXIMUM_RECEIVES


def test_the_template_gives_a_delivery_as_many_attempts(template: Template) -> None:
    queue = dict(template.resources("AWS::SQS::Queue"))["DeliveryQueue"]
    assert queue["RedrivePolicy"]["maxReceiveCount"] == MAXIMUM_RECEIVES


def test_an_owner_who_comes_back_gets_the_delivery_and_no_more(silent: WebhooksFunction) -> None:
    def answer(request: SentRequest) -> Response:
        if len(outgoing(silent).requests) < 8:
            raise NoAnswer("timeout")
        return Response(200, {}, b"")

    outgoing(silent).answer = answer
    patience = Patience(silent)
    assert patience.run(delivery("https://example.com/hook"))
    assert patience.attempts == 8
    assert patience.seconds < 130


def test_pauses_double_from_a_second_to_a_quarter_of_an_hour() -> None:
    longest = [pause_seconds(attempt, lambda: 1.0) for attempt in range(12)]
    assert longest == [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900]
    shortest = [pause_seconds(attempt, lambda: 0.0) for attempt in range(12)]
    assert shortest == [1, 2, 3, 6, 12, 24, 48, 96, 192, 384, 675, 675]
    # A queue takes no more than twelve hours, and an attempt's number may be anything after a replay.
    assert all(1 <= pause_seconds(attempt, random.random) <= 900 for attempt in range(0, 2000, 50))


def test_one_failing_delivery_does_not_bring_back_the_others(webhooks: WebhooksFunction, owner: Receiver) -> None:
    owner.answer = lambda received: int(received.parameters["Body"])
    entries = [delivery(owner.url, Body=status) for status in ("200", "503", "404", "429", "200")]
    assert webhooks.deliver(*entries) == ["message-1", "message-3"]
    assert sorted(handle for handle, _ in webhooks.delays) == ["handle-1", "handle-3"]


def test_a_slow_owner_does_not_hold_up_the_others_of_a_batch(webhooks: WebhooksFunction, owner: Receiver) -> None:
    everyone_is_here = threading.Barrier(5, timeout=10)

    def answer(received: Any) -> int:
        everyone_is_here.wait()
        return 200

    owner.answer = answer
    assert webhooks.deliver(*[delivery(owner.url)] * 5) == []


def test_an_entry_that_cannot_be_read_comes_back_alone(webhooks: WebhooksFunction, owner: Receiver) -> None:
    assert webhooks.deliver({"id": "x"}, delivery(owner.url), ["nonsense"]) == ["message-0", "message-2"]
    assert len(owner.received) == 1


# Where it may not go


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1/hook",
        "http://localhost/hook",
        "http://[::1]/hook",
        "http://10.0.0.1/hook",
        "http://172.16.0.1/hook",
        "http://192.168.1.1/hook",
        "http://100.64.0.1/hook",
        "http://0.0.0.0/hook",
        "http://169.254.169.254/latest/meta-data/",
        "http://169.254.170.2/v2/credentials",
        "http://[fd00:ec2::254]/latest/meta-data/",
        "http://[fe80::1]/hook",
        "http://[::ffff:127.0.0.1]/hook",
        "http://[64:ff9b::7f00:1]/hook",
        "http://2130706433/hook",
        "http://0177.0.0.1/hook",
        "http://0x7f.1/hook",
        "ftp://example.com/hook",
        "http://user:password@example.com/hook",
    ],
)
def test_private_addresses_are_refused_once_and_logged(
    deployment: Deployment, template: Template, caplog: pytest.LogCaptureFixture, url: str
) -> None:
    guarded = WebhooksFunction(deployment, template, FakeOutgoing(allow_loopback=False))
    caplog.clear()
    assert guarded.deliver(delivery(url)) == []
    assert outgoing(guarded).requests == []
    (record,) = caplog.records
    assert (record.levelname, record.message) == ("WARNING", "webhook target refused")
    assert vars(record)["reason"]


def test_an_owner_on_this_machine_gets_nothing_unless_that_is_allowed(
    deployment: Deployment, template: Template, owner: Receiver
) -> None:
    from parley.outgoing import Outgoing

    guarded = WebhooksFunction(deployment, template, Outgoing(allow_loopback=False))
    assert guarded.deliver(delivery(owner.url), delivery(f"http://localhost:{owner.port}/")) == []
    assert owner.received == []


def test_a_redirect_is_not_followed(webhooks: WebhooksFunction, owner: Receiver) -> None:
    owner.answer = lambda received: 307
    assert webhooks.deliver(delivery(owner.url)) == []
    assert len(owner.received) == 1


def test_planned_deliveries_survive_their_trip_through_the_queue() -> None:
    entry = delivery("https://example.com/", Body="\U0001f600 \u2028 é \x00")
    assert json.loads(json.dumps(entry)) == entry
