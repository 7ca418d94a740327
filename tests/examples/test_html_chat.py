"""The page of HTML in two windows, served by the token server, on a running stack."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.console.browser import tab
from tests.end_to_end.clients import helper_library
from tests.examples.programs import EXAMPLES, Place, python, running

PAGE = EXAMPLES / "html-chat"


@pytest.fixture
def url(place: Place) -> Iterator[str]:
    """Where the token server has the page."""
    command = python("token-server/server.py")
    with running(command, place, r"http://127\.0\.0\.1:\d+", PORT="0", PAGES=str(PAGE)) as found:
        yield f"{found[0]}/index.html"


@pytest.fixture
def windows(browser: Browser, place: Place, url: str) -> Iterator[tuple[Page, Page]]:
    """The page as alice sees it, and as bob sees it, on a stack with a port of its own."""
    problems: list[str] = []
    with tab(browser, problems) as alice, tab(browser, problems) as bob:
        for page, identity in ((alice, "alice"), (bob, "bob")):
            page.goto(f"{url}?identity={identity}")
            expect(page.get_by_role("status")).to_have_text(f"{identity} is connected")
        yield alice, bob
    assert problems == []


def say(page: Page, text: str) -> None:
    page.get_by_label("Message").fill(text)
    page.get_by_role("button", name="Send").click()


def test_two_windows_talk_and_a_window_opened_later_shows_what_was_said(windows: tuple[Page, Page]) -> None:
    alice, bob = windows
    say(alice, "Hello, bob")
    expect(bob.get_by_role("listitem")).to_have_text(["alice: Hello, bob"])
    say(bob, "Hello, alice")
    for page in windows:
        expect(page.get_by_role("listitem")).to_have_text(["alice: Hello, bob", "bob: Hello, alice"])
    bob.reload()
    expect(bob.get_by_role("listitem")).to_have_text(["alice: Hello, bob", "bob: Hello, alice"])


def test_edits_and_removals_are_shown_and_a_message_that_cannot_be_sent_is_told(
    windows: tuple[Page, Page], place: Place
) -> None:
    alice, bob = windows
    general = helper_library(place.info).chat.v2.services(place.service_sid).channels("general")
    for text in ("helo", "bye"):
        say(alice, text)
        expect(bob.get_by_role("listitem").last).to_have_text(f"alice: {text}")
    edited, removed = general.messages.list()
    edited.update(body="hello")
    removed.delete()
    expect(bob.get_by_role("listitem")).to_have_text(["alice: hello"])
    say(alice, "x" * 40_000)
    expect(alice.get_by_role("status")).to_contain_text("over the 32000")


def test_the_page_has_at_most_sixty_lines() -> None:
    assert len((PAGE / "index.html").read_text(encoding="utf-8").splitlines()) <= 60
