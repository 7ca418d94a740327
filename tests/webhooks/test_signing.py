"""Signatures, judged by Twilio's validator: every way in which a URL, a form or a value may be written."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl

import pytest
from twilio.request_validator import RequestValidator

from parley.webhooks.signing import signature
from tests.ports.fakes import FakeOutgoing
from tests.support.fakes import AUTH_TOKEN
from tests.support.target import Target
from tests.webhooks.function import WebhooksFunction

VALIDATOR = RequestValidator(AUTH_TOKEN)


def delivery(webhooks: WebhooksFunction, url: str, method: str = "POST", **parameters: str) -> dict[str, Any]:
    return {
        "id": "0" * 32,
        "group": "g",
        "url": url,
        "method": method,
        "parameters": {"EventType": "onMessageSent", **parameters},
        "retries": 0,
        "planned_at": webhooks.clock.now_ms(),
    }


VALUES = {
    "plain": "hello",
    "empty": "",
    "blank": " ",
    "reserved": "a+b&c=d;e%20f?g#h/i@j:k",
    "line ends": "one\r\ntwo\nthree\rfour\tfive",
    "umlauts": "Grüße aus Köln, æ ø å, straße",
    "other scripts": "日本語 العربية עברית हिन्दी",
    "beyond the basic plane": "\U0001f600\U0001f468‍\U0001f469‍\U0001f467",
    "combining": "é vs é",
    "control characters": "\x00\x01\x1f\x7f",
    "quotes": "'\"`<script>",
    "json": '{"a": ["b", null], "ü": "\\u00fc"}',
    "long": "x" * 32_768,
}


# A request line of 32 KB is more than the test's server reads.
@pytest.mark.parametrize(
    ("name", "method"),
    [(name, method) for name in VALUES for method in ("POST", "GET") if (name, method) != ("long", "GET")],
)
def test_any_text_arrives_as_it_was_and_is_signed(
    webhooks: WebhooksFunction, target: Target, name: str, method: str
) -> None:
    assert webhooks.deliver(delivery(webhooks, target.url, method, Body=VALUES[name], Attributes=VALUES[name])) == []
    (received,) = target.received
    assert received.parameters["Body"] == received.parameters["Attributes"] == VALUES[name]
    assert received.is_signed_with(AUTH_TOKEN)
    assert not received.is_signed_with("f" * 32)


@pytest.mark.parametrize("method", ["POST", "GET"])
@pytest.mark.parametrize(
    "path",
    [
        "",
        "/",
        "/hook",
        "/hook?",
        "/hook?a",
        "/hook?a=",
        "/hook?a=b&a=c&a=",
        "/hook?b=2&a=1&b=1",
        "/hook?x=%20+%2B&y=%C3%BC",
        "/hook?url=https://example.com/?q=1",
        "/hook#fragment",
        "/hook?a=b#fragment",
        "?a=b",
        "/with%20blank/%C3%BC;v=1",
        "/twice//",
    ],
)
def test_any_url_is_signed_as_its_owner_sees_it(
    webhooks: WebhooksFunction, target: Target, path: str, method: str
) -> None:
    """As `received.url` is what came in, the validator sees what a web framework would hand it."""
    url = f"http://127.0.0.1:{target.port}{path}"
    assert webhooks.deliver(delivery(webhooks, url, method, Body="x")) == []
    (received,) = target.received
    form = received.parameters if method == "POST" else {}
    assert VALIDATOR.validate(received.url, form, received.headers["x-twilio-signature"])
    own = parse_qsl(received.url.partition("?")[2], keep_blank_values=True)
    wanted = parse_qsl(path.partition("#")[0].partition("?")[2], keep_blank_values=True)
    assert own[: len(wanted)] == wanted


@pytest.mark.parametrize("method", ["POST", "GET"])
@pytest.mark.parametrize(
    "url",
    [
        "https://example.com/hook",
        "https://example.com:443/hook",
        "https://example.com:8443/hook",
        "http://example.com:80/hook",
        "http://example.com:8080/hook?a=b",
        "HTTPS://Example.COM/Hook",
        "https://[2606:4700::6810:84e5]:8443/hook",
        "https://xn--bcher-kva.example/hook",
    ],
)
def test_a_validator_may_add_the_port_or_leave_it_out(silent: WebhooksFunction, url: str, method: str) -> None:
    silent.deliver(delivery(silent, url, method, Body="x"))
    assert isinstance(silent.outgoing, FakeOutgoing)
    (sent,) = silent.outgoing.requests
    form = dict(parse_qsl(sent.body.decode(), keep_blank_values=True))
    scheme, _, rest = sent.url.partition("://")
    authority, slash, path = rest.partition("/")
    host = authority.rpartition(":")[0] if authority.rpartition(":")[2].isdigit() else authority
    port = {"https": "443", "http": "80"}[scheme] if host == authority else authority.rpartition(":")[2]
    given = sent.headers["X-Twilio-Signature"]
    assert VALIDATOR.validate(f"{scheme}://{authority}{slash}{path}", form, given)
    assert VALIDATOR.validate(f"{scheme}://{host}:{port}{slash}{path}", form, given)


@pytest.mark.parametrize(
    "form",
    [
        {},
        {"a": ""},
        {"B": "1", "a": "2", "A": "3", "b": "4"},
        {"Body": "x", "BodyMore": "y", "": "z"},
        {"ü": "ö", "z": "ß"},
        {f"Name{number}": f"value {number}" for number in range(50)},
    ],
)
@pytest.mark.parametrize("url", ["https://example.com/hook", "https://example.com/hook?a=b&c="])
def test_a_signature_is_what_twilios_library_computes(form: dict[str, str], url: str) -> None:
    assert signature(AUTH_TOKEN, url, form) == VALIDATOR.compute_signature(url, form)


def test_twilios_published_example_gives_its_published_signature() -> None:
    form = {"CallSid": "CA1234567890ABCDE", "Caller": "+14158675309", "Digits": "1234"}
    form |= {"From": "+14158675309", "To": "+18005551212"}
    url = "https://mycompany.com/myapp.php?foo=1&bar=2"
    assert signature("12345", url, form) == "RSOYDt4T1cUTdK1PDd93/VVr8B8="


def test_whatever_is_changed_on_the_way_is_noticed(webhooks: WebhooksFunction, target: Target) -> None:
    webhooks.deliver(delivery(webhooks, target.url, Body="pay 10"))
    (received,) = target.received
    form, given = received.parameters, received.headers["x-twilio-signature"]
    assert VALIDATOR.validate(received.url, form, given)
    for changed in ({**form, "Body": "pay 99"}, {**form, "More": ""}, {"EventType": form["EventType"]}):
        assert not VALIDATOR.validate(received.url, changed, given)
    assert not VALIDATOR.validate(received.url + "?a=b", form, given)


def test_a_new_auth_token_signs_what_is_sent_after_some_minutes(webhooks: WebhooksFunction, target: Target) -> None:
    webhooks.deliver(delivery(webhooks, target.url))
    webhooks.container.secrets.secrets["auth"] = "f" * 32
    webhooks.clock.advance(301)
    webhooks.deliver(delivery(webhooks, target.url))
    assert [received.is_signed_with(AUTH_TOKEN) for received in target.received] == [True, False]
    assert [received.is_signed_with("f" * 32) for received in target.received] == [False, True]
