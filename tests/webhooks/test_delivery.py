"""One delivery: how it is signed and sent, what each answer means, how long it is tried, and where it may not go."""

from __future__ import annotations

import itertools
import json
import random
import threading
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from twilio.request_validator import RequestValidator

from local.template.template import Template
from parley.ports.http.outgoing import NoAnswer, Outgoing, Response
from parley.webhooks.delivery import TIMEOUT_SECONDS, Outcome, pause_seconds
from tests.ports.fakes import FakeOutgoing, SentRequest
from tests.sockets.deployment import Deployment
from tests.support.fakes import AUTH_TOKEN, NOON_MS
from tests.support.target import OK, Reply, Target, serving
from tests.webhooks.function import LONGEST_AGE_SECONDS, WebhooksFunction

_groups = itertools.count()


def delivery(url: str, method: str = "POST", *, group: str = "", retries: int = 0, **parameters: str) -> dict[str, Any]:
    """A planned delivery; in a group of its own unless told."""
    return {
        "id": "0123456789abcdef0123456789abcdef",
        "group": group or f"group {next(_groups)}",
        "url": url,
        "method": method,
        "parameters": {"EventType": "onMessageSent", "Body": "hello", "Source": "SDK", **parameters},
        "retries": retries,
        "planned_at": NOON_MS,
    }


@pytest.fixture
def silent(deployment: Deployment, template: Template) -> WebhooksFunction:
    """A function whose requests no network carries: answer and time-out are the test's."""
    return WebhooksFunction(deployment, template, FakeOutgoing())


def outgoing(function: WebhooksFunction) -> FakeOutgoing:
    assert isinstance(function.outgoing, FakeOutgoing)
    return function.outgoing


# Signing


TEXTS = ["hello", "", "Grüße & = + % \r\n\t", "日本 \U0001f600", "a\x00b"]


@pytest.mark.parametrize("method", ["POST", "GET"])
@pytest.mark.parametrize("query", ["", "?", "?a=b", "?a=b&c=%20d&e"])
def test_the_vendors_validator_accepts_the_signature(
    webhooks: WebhooksFunction, owner: Target, method: str, query: str
) -> None:
    own = dict(parse_qsl(query[1:], keep_blank_values=True)) if method == "GET" else {}
    for text in TEXTS:
        assert webhooks.deliver(delivery(owner.url + query, method, Body=text, Attributes=text)) == []
        request = owner.received[-1]
        assert request.method == method
        assert request.is_signed_with(AUTH_TOKEN)
        assert not request.is_signed_with(AUTH_TOKEN[::-1])
        expected = {"EventType": "onMessageSent", "Body": text, "Source": "SDK", "Attributes": text, "RetryCount": "0"}
        assert request.parameters == own | expected
    assert len(owner.received) == len(TEXTS)


def test_the_port_may_be_left_out_by_whoever_validates(silent: WebhooksFunction) -> None:
    for url in ("https://example.com:8443/hook", "http://example.com:8080/hook?a=b"):
        silent.deliver(delivery(url))
        sent = outgoing(silent).requests[-1]
        form = dict(parse_qsl(sent.body.decode()))
        assert RequestValidator(AUTH_TOKEN).validate(url, form, sent.headers["X-Twilio-Signature"])


@pytest.mark.parametrize("method", ["POST", "GET"])
@pytest.mark.parametrize("path", ["", "#part", "/hook#part", "/hook?a=b#part", "?a=b"])
def test_the_signature_covers_the_url_that_the_owner_sees(
    webhooks: WebhooksFunction, owner: Target, method: str, path: str
) -> None:
    """A URL without a path was signed without the slash that it is asked for with, and parameters of a GET were put
    behind the fragment, which is not sent at all."""
    assert webhooks.deliver(delivery(f"http://127.0.0.1:{owner.port}{path}", method)) == []
    (request,) = owner.received
    assert request.parameters["Body"] == "hello"
    assert request.is_signed_with(AUTH_TOKEN)


def test_the_signature_covers_the_host_as_it_is_sent(webhooks: WebhooksFunction, owner: Target) -> None:
    assert webhooks.deliver(delivery(f"HTTP://LocalHost:{owner.port}/hook")) == []
    (request,) = owner.received
    assert request.is_signed_with(AUTH_TOKEN)


def test_a_post_is_a_form_and_a_get_has_no_body(webhooks: WebhooksFunction, owner: Target) -> None:
    webhooks.deliver(delivery(owner.url), delivery(owner.url, "GET"))
    requests = {request.method: request for request in owner.received}
    assert requests["POST"].headers["content-type"] == "application/x-www-form-urlencoded; charset=utf-8"
    assert urlsplit(requests["POST"].url).query == ""
    assert requests["GET"].body == b""
    assert "content-type" not in requests["GET"].headers


# What an answer means


@pytest.mark.parametrize("status", [200, 201, 204, 301, 302, 307, 400, 401, 403, 404, 410, 422])
def test_an_answer_settles_the_delivery(webhooks: WebhooksFunction, owner: Target, status: int) -> None:
    owner.answer = lambda received: Reply(status)
    assert webhooks.deliver(delivery(owner.url)) == []
    assert webhooks.delays == []
    assert len(owner.received) == 1


@pytest.mark.parametrize("status", [429, 503, 504, 500, 501, 502, 599])
def test_an_answer_that_is_no_last_word_brings_the_delivery_back(
    webhooks: WebhooksFunction, owner: Target, status: int
) -> None:
    owner.answer = lambda received: Reply(status)
    assert webhooks.deliver(delivery(owner.url)) == ["message-0"]
    ((handle, seconds),) = webhooks.delays
    assert handle == "handle-0"
    assert 1 <= seconds <= 2


@pytest.mark.parametrize("reason", ["timeout", "the name has no address", "Connection refused"])
def test_no_answer_brings_the_delivery_back(silent: WebhooksFunction, reason: str) -> None:
    outgoing(silent).answer = NoAnswer(reason)
    assert silent.deliver(delivery("https://example.com/hook"), attempt=3) == ["message-0"]
    ((_, seconds),) = silent.delays
    assert 12 <= seconds <= 16


def test_a_closed_port_brings_the_delivery_back(webhooks: WebhooksFunction) -> None:
    with serving() as closed:
        url = closed.url
    assert webhooks.deliver(delivery(url)) == ["message-0"]


def test_an_owner_has_five_seconds(silent: WebhooksFunction) -> None:
    silent.deliver(delivery("https://example.com/hook"))
    assert outgoing(silent).requests[0].timeout_seconds == TIMEOUT_SECONDS == 5


@pytest.mark.parametrize(
    ("answer", "code", "level", "outcome"),
    [
        (Response(200, {}, b""), None, "INFO", "delivered"),
        (Response(404, {}, b""), 50057, "WARNING", "rejected"),
        (Response(500, {}, b""), 50057, "WARNING", "failed"),
        (Response(503, {}, b""), 50076, "WARNING", "unreachable"),
        (NoAnswer("timeout"), 50076, "WARNING", "unreachable"),
    ],
)
def test_what_became_of_a_delivery_is_logged_without_its_content(
    silent: WebhooksFunction,
    caplog: pytest.LogCaptureFixture,
    answer: Any,
    code: int | None,
    level: str,
    outcome: str,
) -> None:
    outgoing(silent).answer = answer
    caplog.clear()
    silent.deliver(delivery("https://example.com/hook?key=another-secret", Body="a secret"), attempt=2)
    (record,) = caplog.records
    facts = vars(record)
    assert (record.levelname, facts.get("code"), facts["attempt"], facts["outcome"]) == (level, code, 2, outcome)
    assert (facts["delivery"], facts["EventType"]) == ("0123456789abcdef0123456789abcdef", "onMessageSent")
    assert "secret" not in str(facts)


# Trying again


class Patience:
    """A queue on a fake clock: gives a delivery out again when its delay is over, until it is settled or parked."""

    def __init__(self, function: WebhooksFunction):
        self.function = function
        self.clock = function.deployment.world.clock
        self.receives = 0

    def run(self, entry: dict[str, Any]) -> None:
        while self.function.deliver(entry, attempt=self.receives):
            self.receives += 1
            assert self.receives < 1000, "the queue would have parked it"
            self.clock.advance(self.function.delays[-1][1])


def test_a_delivery_is_tried_for_four_hours_with_one_token_and_then_parked(silent: WebhooksFunction) -> None:
    outgoing(silent).fall_silent()
    entry = delivery("https://example.com/hook", group="a group")
    patience = Patience(silent)
    patience.run(entry)
    assert LONGEST_AGE_SECONDS < (patience.clock.now_ms() - NOON_MS) / 1000 < LONGEST_AGE_SECONDS + 900
    (parked,) = silent.dead_letters.take()
    assert parked == {**parked, **entry, "group": entry["id"], "ordered_with": "a group"}
    sent = outgoing(silent).requests
    assert 15 < len(sent) < 60
    assert {request.headers["I-Twilio-Idempotency-Token"] for request in sent} == {"0123456789abcdef" * 2}
    counts = [int(dict(parse_qsl(request.body.decode()))["RetryCount"]) for request in sent]
    assert counts == sorted(set(counts))
    assert counts[0] == 0
    assert len({request.headers["X-Twilio-Signature"] for request in sent}) == len(sent)


def test_the_template_lets_a_delivery_come_back_often_enough(template: Template) -> None:
    queue = dict(template.resources("AWS::SQS::Queue"))["DeliveryQueue"]
    assert queue["RedrivePolicy"]["maxReceiveCount"] == 1000
    age = template.resolve({"Ref": "WebhookAgeSeconds"})
    assert int(age) == LONGEST_AGE_SECONDS


def test_an_owner_who_comes_back_gets_the_delivery_and_no_more(silent: WebhooksFunction) -> None:
    def answer(request: SentRequest) -> Response:
        if len(outgoing(silent).requests) < 8:
            raise NoAnswer("timeout")
        return Response(200, {}, b"")

    outgoing(silent).answer = answer
    patience = Patience(silent)
    patience.run(delivery("https://example.com/hook"))
    assert len(outgoing(silent).requests) == 8
    assert silent.dead_letters.take() == []
    assert (patience.clock.now_ms() - NOON_MS) / 1000 < 900


@pytest.mark.parametrize("retries", [0, 1, 3])
def test_the_retries_that_the_owner_asked_for_come_after_a_second_each(silent: WebhooksFunction, retries: int) -> None:
    outgoing(silent).fall_silent()
    for attempt in range(retries):
        silent.deliver(delivery("https://example.com/hook", retries=retries), attempt=attempt)
        silent.start()
    assert [seconds for _, seconds in silent.delays] == [1] * retries


def test_pauses_double_from_two_seconds_to_a_quarter_of_an_hour() -> None:
    longest = [pause_seconds(Outcome.FAILED, number, 0, lambda: 1.0) for number in range(12)]
    assert longest == [2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900, 900]
    shortest = [pause_seconds(Outcome.FAILED, number, 0, lambda: 0.0) for number in range(12)]
    assert shortest == [2, 3, 6, 12, 24, 48, 96, 192, 384, 675, 675, 675]
    later = [pause_seconds(Outcome.UNREACHABLE, number, 3, lambda: 1.0) for number in range(6)]
    assert later == [1, 1, 1, 2, 4, 8]
    # An attempt's number may be anything after a replay.
    for number in range(0, 2000, 50):
        assert 1 <= pause_seconds(Outcome.UNREACHABLE, number, 3, random.random) <= 900


def test_one_failing_delivery_does_not_bring_back_the_others(webhooks: WebhooksFunction, owner: Target) -> None:
    owner.answer = lambda received: Reply(int(received.parameters["Body"]))
    entries = [delivery(owner.url, Body=status) for status in ("200", "503", "404", "429", "200")]
    assert sorted(webhooks.deliver(*entries)) == ["message-1", "message-3"]
    assert sorted(handle for handle, _ in webhooks.delays) == ["handle-1", "handle-3"]
    # The others need not wait until the slowest of the batch is done.
    assert sorted(webhooks.forgotten) == ["handle-0", "handle-2", "handle-4"]


def test_deliveries_of_one_group_stay_in_order_behind_one_that_failed(
    webhooks: WebhooksFunction, owner: Target
) -> None:
    owner.answer = lambda received: Reply(int(received.parameters["Body"]))
    entries = [delivery(owner.url, group="one", Body=status) for status in ("200", "503", "200", "200")]
    other = delivery(owner.url, group="other", Body="200")
    assert sorted(webhooks.deliver(*entries, other)) == ["message-1", "message-2", "message-3"]
    of_the_group = [received.parameters["Body"] for received in owner.received][:]
    assert sorted(of_the_group) == ["200", "200", "503"]
    # Those behind the failed one become visible with it, not six minutes later.
    assert dict(webhooks.delays).keys() == {"handle-1", "handle-2", "handle-3"}


def test_a_slow_owner_does_not_hold_up_the_others_of_a_batch(webhooks: WebhooksFunction, owner: Target) -> None:
    everyone_is_here = threading.Barrier(5, timeout=10)

    def answer(received: Any) -> Reply:
        everyone_is_here.wait()
        return OK

    owner.answer = answer
    assert webhooks.deliver(*(delivery(owner.url) for _ in range(5))) == []


def test_an_entry_that_cannot_be_read_comes_back_alone(webhooks: WebhooksFunction, owner: Target) -> None:
    assert sorted(webhooks.deliver({"id": "x"}, delivery(owner.url), ["nonsense"])) == ["message-0", "message-2"]
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
def test_nothing_is_sent_to_private_addresses_and_the_log_says_why(
    deployment: Deployment, template: Template, caplog: pytest.LogCaptureFixture, url: str
) -> None:
    guarded = WebhooksFunction(deployment, template, FakeOutgoing(allow_loopback=False))
    caplog.clear()
    assert guarded.deliver(delivery(url)) == ["message-0"]
    assert outgoing(guarded).requests == []
    (record,) = caplog.records
    facts = vars(record)
    assert (record.levelname, facts["code"], facts["outcome"], facts["status"]) == ("WARNING", 50057, "failed", 0)
    assert facts["reason"].startswith("the URL ")


def test_an_owner_on_this_machine_gets_nothing_unless_that_is_allowed(
    deployment: Deployment, template: Template, owner: Target
) -> None:
    guarded = WebhooksFunction(deployment, template, Outgoing(allow_loopback=False))
    refused = guarded.deliver(delivery(owner.url), delivery(f"http://localhost:{owner.port}/"))
    assert sorted(refused) == ["message-0", "message-1"]
    assert owner.received == []


def test_a_redirect_is_not_followed(webhooks: WebhooksFunction, owner: Target) -> None:
    owner.answer = lambda received: Reply(307)
    assert webhooks.deliver(delivery(owner.url)) == []
    assert len(owner.received) == 1


def test_planned_deliveries_survive_their_trip_through_the_queue() -> None:
    entry = delivery("https://example.com/", Body="\U0001f600 \u2028 é \x00")
    assert json.loads(json.dumps(entry)) == entry
