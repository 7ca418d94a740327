"""`docs/webhooks.md`: what is made from the event table is up to date, and its examples are good ones."""

from __future__ import annotations

import re
from typing import NamedTuple

import pytest
from twilio.request_validator import RequestValidator

from parley.faces import chat_events as events
from tools import webhook_docs
from tools.webhook_docs import AUTH_TOKEN, PAGE


class Example(NamedTuple):
    event: str
    url: str
    headers: dict[str, str]
    form: dict[str, str]


def _examples() -> list[Example]:
    """The examples as a reader takes them from the page."""
    found = []
    for name, text in re.findall(
        r"^### `(\w+)`\n\n```\n(.*?)\n```$", PAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL
    ):
        head, _, body = text.partition("\n\n")
        (first, *rest) = head.splitlines()
        headers = dict(line.split(": ", 1) for line in rest)
        found.append(Example(name, first.removeprefix("POST "), headers, dict(re.findall(r"^(\w+)=(.*)$", body, re.M))))
    return found


EXAMPLES = {example.event: example for example in _examples()}


def test_the_page_is_up_to_date() -> None:
    text = PAGE.read_text("utf-8")
    assert webhook_docs.page(text) == text, "run `python -m tools.webhook_docs`"


def test_each_event_has_its_example() -> None:
    assert list(EXAMPLES) == list(events.SERVICE_FILTERS)


@pytest.mark.parametrize("event", EXAMPLES)
def test_an_example_is_signed_as_the_vendors_validator_expects(event: str) -> None:
    example = EXAMPLES[event]
    assert RequestValidator(AUTH_TOKEN).validate(example.url, example.form, example.headers["X-Twilio-Signature"])
    assert example.form["EventType"] == event
    assert AUTH_TOKEN in PAGE.read_text("utf-8")


@pytest.mark.parametrize("event", EXAMPLES)
def test_an_example_has_every_parameter_that_the_table_above_it_names(event: str) -> None:
    rows = re.findall(rf"^\|.*`{event}` \| `([^`]*)`", PAGE.read_text("utf-8"), re.MULTILINE)
    named = set(rows[0].split())
    common = {"AccountSid", "InstanceSid", "EventType", "Source", "ClientIdentity", "RetryCount"}
    # A media message has no body, and a service that does without reachability does not tell it.
    unset = {"Body"} if "Media" in event else {"IsOnline", "IsNotifiable"}
    assert set(EXAMPLES[event].form) == common | named - unset


def test_a_page_without_places_for_the_tables_is_refused() -> None:
    with pytest.raises(SystemExit, match="no place for before"):
        webhook_docs.page("# Webhooks\n")
