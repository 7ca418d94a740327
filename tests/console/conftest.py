"""A browser for each file, and the console of the shared local stack with a service of its own for each test."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect
from twilio.rest import Client

from local.stack.running import Stack
from tests.console.browser import PHONE, installed_chromium, tab
from tests.console.console import Console
from tests.console.looks import Checker, checker
from tests.end_to_end.clients import helper_library
from tests.support.node_packages import install

HERE = Path(__file__).resolve().parent
READ_AGAIN = (HERE / "read_again.js").read_text()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with installed_chromium("the console is") as running:
        yield running


@pytest.fixture
def problems() -> list[str]:
    """Errors that the test's pages report. A test that causes one clears the list; what is left at the end fails it."""
    return []


@pytest.fixture
def page(browser: Browser, problems: list[str]) -> Iterator[Page]:
    with tab(browser, problems) as opened:
        yield opened
    assert problems == []


@pytest.fixture
def phone(browser: Browser, problems: list[str]) -> Iterator[Page]:
    with tab(browser, problems, PHONE) as opened:
        yield opened
    assert problems == []


def new_service(twilio: Client) -> Any:
    """A service with presence and a public channel in which alice, its administrator, and bob are members."""
    made = twilio.chat.v2.services.create(friendly_name=f"console {uuid.uuid4().hex[:6]}")
    # Typing does not end by itself within a test.
    made = made.update(reachability_enabled=True, typing_indicator_timeout=60)
    twilio.chat.v2.services(made.sid).channels.create(unique_name="general", friendly_name="General")
    members = twilio.chat.v2.services(made.sid).channels("general").members
    members.create(identity="alice", role_sid=made.default_channel_creator_role_sid)
    members.create(identity="bob")
    return made


@pytest.fixture(scope="session")
def twilio(stack: Stack) -> Client:
    """Twilio's helper library with the account's credentials."""
    return helper_library(stack.info)


@pytest.fixture
def service(twilio: Client) -> Any:
    return new_service(twilio)


@pytest.fixture
def channels(twilio: Client, service: Any) -> Any:
    """The service's channels over REST."""
    return twilio.chat.v2.services(service.sid).channels


@pytest.fixture
def general(channels: Any) -> Any:
    """The service's channel over REST."""
    return channels("general")


@pytest.fixture
def other(channels: Any, service: Any) -> Any:
    """A second channel of alice, bob and carol, over REST; alice is its administrator."""
    made = channels(channels.create(friendly_name="Other", type="private").sid)
    made.members.create(identity="alice", role_sid=service.default_channel_creator_role_sid)
    for identity in ("bob", "carol"):
        made.members.create(identity=identity)
    return made


@pytest.fixture
def unopened(page: Page, stack: Stack, service: Any) -> Console:
    """The console, for a test that opens it itself."""
    return Console(page, stack, service.sid)


@pytest.fixture
def console(unopened: Console) -> Console:
    """The console, opened on the service, alice and bob connected and their channel shown."""
    unopened.open()
    return unopened


@pytest.fixture
def alone(page: Page, stack: Stack) -> Page:
    """A page with one conversation, which shows the messages 0 and 1 and can be told to read them again."""
    page.goto(f"{stack.info['console_url']}/")
    page.locator("#field-account").wait_for()
    page.evaluate(READ_AGAIN)
    expect(page.locator(".message")).to_have_count(2)
    return page


@pytest.fixture(scope="module")
def showcase(browser: Browser, stack: Stack, twilio: Client) -> Iterator[Console]:
    """A console that is opened once for all tests of a file that only look: none changes what another looks at."""
    problems: list[str] = []
    with tab(browser, problems) as page:
        opened = Console(page, stack, new_service(twilio).sid)
        opened.open()
        yield opened
    assert problems == []


@pytest.fixture
def pocket(phone: Page, stack: Stack, service: Any) -> Console:
    """The console on a phone, for a test that opens it itself."""
    return Console(phone, stack, service.sid)


@pytest.fixture(scope="session")
def axe() -> str:
    """axe-core, as a script for a page."""
    return (install(HERE, "console", "the accessibility of the console is") / "axe-core" / "axe.min.js").read_text()


@pytest.fixture
def check(axe: str) -> Checker:
    """Checks whether a page is accessible."""
    return checker(axe)
