"""One delivery: what is sent, how long its owner has, and where nothing is sent."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from local.template.template import Template
from parley.ports.http.outgoing import NoAnswer, Outgoing
from parley.webhooks.delivery import TIMEOUT_SECONDS
from tests.ports.fakes import FakeOutgoing
from tests.sockets.deployment import Deployment
from tests.support.fakes import AUTH_TOKEN, NOON_MS
from tests.support.target import Target, serving
from tests.webhooks.function import LONGEST_AGE_SECONDS, WebhooksFunction

_numbers = itertools.count()


def delivery(url: str, method: str = "POST") -> dict[str, Any]:
    """A planned delivery in a group of its own."""
    return {
        "id": f"{next(_numbers):032x}",
        "group": f"group {next(_numbers)}",
        "url": url,
        "method": method,
        "parameters": {"EventType": "onMessageSent", "Body": "hello", "Source": "SDK"},
        "retries": 0,
        "planned_at": NOON_MS,
    }


def requests(function: WebhooksFunction) -> list[Any]:
    """What a function without a network has sent."""
    assert isinstance(function.outgoing, FakeOutgoing)
    return function.outgoing.requests


def test_the_signature_covers_the_host_as_it_is_sent(webhooks: WebhooksFunction, target: Target) -> None:
    assert webhooks.deliver(delivery(f"HTTP://LocalHost:{target.port}/hook")) == []
    (request,) = target.received
    assert request.is_signed_with(AUTH_TOKEN)


@pytest.mark.parametrize("reason", ["timeout", "the name has no address", "Connection refused"])
def test_no_answer_brings_the_delivery_back_after_a_pause_that_grows(silent: WebhooksFunction, reason: str) -> None:
    assert isinstance(silent.outgoing, FakeOutgoing)
    silent.outgoing.answer = NoAnswer(reason)
    one = delivery("https://example.com/hook")
    assert silent.deliver(one, receives=4) == [one["id"]]
    ((handle, seconds),) = silent.delays
    assert handle == f"handle-{one['id']}"
    assert 12 <= seconds <= 16


def test_a_closed_port_brings_the_delivery_back(webhooks: WebhooksFunction) -> None:
    with serving() as closed:
        one = delivery(closed.url)
    assert webhooks.deliver(one) == [one["id"]]


def test_an_owner_has_five_seconds(silent: WebhooksFunction) -> None:
    silent.deliver(delivery("https://example.com/hook"))
    assert requests(silent)[0].timeout_seconds == TIMEOUT_SECONDS == 5


def test_the_template_lets_a_delivery_come_back_often_enough(template: Template) -> None:
    queue = dict(template.resources("AWS::SQS::Queue"))["DeliveryQueue"]
    assert queue["RedrivePolicy"]["maxReceiveCount"] == 1000
    age = template.resolve({"Ref": "WebhookAgeSeconds"})
    assert int(age) == LONGEST_AGE_SECONDS


# `tests/ports/test_targets.py` knows many more.
@pytest.mark.parametrize(
    "url",
    ["http://127.0.0.1/hook", "http://169.254.169.254/latest/meta-data/", "http://0x7f.1/hook", "ftp://example.com/"],
)
def test_nothing_is_sent_to_private_addresses_and_the_log_says_why(
    deployment: Deployment, template: Template, caplog: pytest.LogCaptureFixture, url: str
) -> None:
    guarded = WebhooksFunction(deployment, template, FakeOutgoing(allow_loopback=False))
    caplog.clear()
    one = delivery(url)
    assert guarded.deliver(one) == [one["id"]]
    assert requests(guarded) == []
    (record,) = caplog.records
    facts = vars(record)
    assert (record.levelname, facts["code"], facts["outcome"], facts["status"]) == ("WARNING", 50057, "failed", 0)
    assert facts["reason"].startswith("the URL ")


def test_an_owner_on_this_machine_gets_nothing_unless_that_is_allowed(
    deployment: Deployment, template: Template, target: Target
) -> None:
    guarded = WebhooksFunction(deployment, template, Outgoing(allow_loopback=False))
    both = [delivery(target.url), delivery(f"http://localhost:{target.port}/")]
    assert sorted(guarded.deliver(*both)) == sorted(one["id"] for one in both)
    assert target.received == []
