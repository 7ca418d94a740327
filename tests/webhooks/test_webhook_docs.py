"""The pages about webhooks: what is made from the tables of events is up to date, and the examples are good ones."""

from __future__ import annotations

import re
from typing import NamedTuple

import pytest
from twilio.request_validator import RequestValidator

from parley.faces import chat_events, conversations_events
from tools import webhook_docs
from tools.webhook_docs import AUTH_TOKEN, PAGES, Page


class Example(NamedTuple):
    page: Page
    event: str
    url: str
    headers: dict[str, str]
    form: dict[str, str]


def _examples(page: Page) -> list[Example]:
    """The examples as a reader takes them from a page."""
    found = []
    for name, text in re.findall(
        r"^### `(\w+)`\n\n```\n(.*?)\n```$", page.path.read_text("utf-8"), re.MULTILINE | re.DOTALL
    ):
        head, _, body = text.partition("\n\n")
        (first, *rest) = head.splitlines()
        headers = dict(line.split(": ", 1) for line in rest)
        form = dict(re.findall(r"^([\w.]+)=(.*)$", body, re.M))
        found.append(Example(page, name, first.removeprefix("POST "), headers, form))
    return found


EXAMPLES = {f"{page.family.name}:{example.event}": example for page in PAGES for example in _examples(page)}
# Parameters that no example has: a phone's, those of what a phone's message makes, and those of reachability.
UNSET = {"IsOnline", "IsNotifiable", "isOnline", "isNotifiable", "MessageBody"}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.path.name)
def test_the_page_is_up_to_date(page: Page) -> None:
    text = page.path.read_text("utf-8")
    assert webhook_docs.page(page, text) == text, "run `python -m tools.webhook_docs`"


def test_each_event_has_its_example() -> None:
    chats = [f"chat:{name}" for name in chat_events.SERVICE_FILTERS]
    others = [f"conversations:{name}" for name in conversations_events.SERVICE_FILTERS]
    assert list(EXAMPLES) == chats + others, "run `python -m tools.webhook_docs`"


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_is_signed_as_twilios_validator_expects(name: str) -> None:
    example = EXAMPLES[name]
    assert RequestValidator(AUTH_TOKEN).validate(example.url, example.form, example.headers["X-Twilio-Signature"])
    assert example.form["EventType"] == example.event
    assert AUTH_TOKEN in example.page.path.read_text("utf-8")


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_has_every_parameter_that_the_table_above_it_names(name: str) -> None:
    example = EXAMPLES[name]
    rows = re.findall(rf"^\|.*`{example.event}` \| `([^`]*)`", example.page.path.read_text("utf-8"), re.MULTILINE)
    named = set(rows[0].split())
    service = example.page.family.service_parameter
    common = {"AccountSid", service, "EventType", "Source", "ClientIdentity", "RetryCount"}
    # A media message of Chat has no body, a text message no media, and a chat participant no addresses.
    phone = {parameter for parameter in named if parameter.endswith("Address")}
    unset = UNSET | phone | ({"Body"} if "Media" in example.event else {"Media"})
    assert set(example.form) == common | named - unset


def test_a_page_without_places_for_the_tables_is_refused() -> None:
    with pytest.raises(SystemExit, match="no place for before"):
        webhook_docs.page(PAGES[0], "# Webhooks\n")
