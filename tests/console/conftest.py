"""A browser for the run, and the console of the shared local stack with a service of its own for each test."""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from twilio.rest import Client

from local.stack.running import Stack
from tests.console.browser import Browser, Page, find_chromium
from tests.console.console import Console
from tests.story.clients import helper_library


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    program = find_chromium()
    if program is None:
        pytest.skip("Chromium is not installed, so the console is NOT tested")
    with Browser(program) as running:
        yield running


@contextlib.contextmanager
def tab(browser: Browser, *, beside: bool = False) -> Iterator[Page]:
    """A tab. What its console reports as an error fails the test."""
    opened = browser.page(beside=beside)
    opened.look(1440, 900)
    yield opened
    problems = opened.problems
    opened.close()
    assert problems == []


def new_service(twilio: Client) -> Any:
    """A service with presence and a public channel in which alice, its administrator, and bob are members."""
    made = twilio.chat.v2.services.create(friendly_name=f"console {uuid.uuid4().hex[:6]}")
    # What ends earlier than that was ended by something.
    made = made.update(reachability_enabled=True, typing_indicator_timeout=60)
    twilio.chat.v2.services(made.sid).channels.create(unique_name="general", friendly_name="General")
    members = twilio.chat.v2.services(made.sid).channels("general").members
    members.create(identity="alice", role_sid=made.default_channel_creator_role_sid)
    members.create(identity="bob")
    return made


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    with tab(browser) as opened:
        yield opened


@pytest.fixture(scope="session")
def twilio(stack: Stack) -> Client:
    """The vendor's helper library with the account's credentials."""
    return helper_library(stack.info)


@pytest.fixture
def service(twilio: Client) -> Any:
    return new_service(twilio)


@pytest.fixture
def general(twilio: Client, service: Any) -> Any:
    """The service's channel over REST."""
    return twilio.chat.v2.services(service.sid).channels("general")


@pytest.fixture
def other(twilio: Any, service: Any) -> Any:
    """A second channel of alice, bob and carol, over REST; alice is its administrator."""
    channels = twilio.chat.v2.services(service.sid).channels
    made = channels(channels.create(friendly_name="Other", type="private").sid)
    made.members.create(identity="alice", role_sid=service.default_channel_creator_role_sid)
    for identity in ("bob", "carol"):
        made.members.create(identity=identity)
    return made


@pytest.fixture
def console(page: Page, stack: Stack, service: Any) -> Console:
    """The console, opened on the service, alice and bob connected and their channel shown."""
    opened = Console(page, stack)
    opened.open(service.sid)
    return opened


@pytest.fixture(scope="module")
def showcase(browser: Browser, stack: Stack, twilio: Client) -> Iterator[Console]:
    """A console that is opened once for all tests of a file that only look: none changes what another looks at."""
    with tab(browser, beside=True) as page:
        opened = Console(page, stack)
        opened.open(new_service(twilio).sid)
        yield opened
