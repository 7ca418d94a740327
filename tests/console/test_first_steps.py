"""A newcomer's first minute on a stack that nobody has used, and a conversation whose connection breaks."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from local.stack.running import Stack, start_stack
from tests.console.console import Console
from tests.support.waiting import until


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[Stack]:
    """A stack in which there is nothing yet."""
    running = start_stack(tmp_path / "home")
    yield running
    running.stop()


def test_a_newcomer_is_one_click_from_a_conversation_which_survives_a_broken_connection(
    fresh: Stack, page: Page, problems: list[str]
) -> None:
    printed = until(lambda: re.search(r"console +(\S+)", fresh.printed))
    page.goto(printed[1])
    page.get_by_role("button", name="Start a conversation").click()
    console = Console(page, fresh)
    console.await_ready()
    console.alice.says("Hello, bob")
    console.bob.sees("Hello, bob")
    console.alice.has_presence("bob", True)
    fresh.kill("gateway")
    console.alice.says("meanwhile")
    # Alice's pane shows the message only when the gateway runs again and her client has connected anew.
    console.bob.sees("Hello, bob", "meanwhile")
    problems.clear()  # the browser's own notes on connections that broke
    console.bob.says("after")
    console.alice.sees("Hello, bob", "meanwhile", "after")
    expect(page.locator(".pane .pill[data-state=connected]")).to_have_count(2)


def test_a_service_that_stands_in_no_list_any_more_is_opened_by_its_sid(unopened: Console) -> None:
    """The page lists the 500 oldest services."""
    nothing = json.dumps({"services": [], "meta": {"next_page_url": None}})
    unopened.page.route("**/chat/v2/Services?PageSize=100", lambda route: route.fulfill(body=nothing))
    unopened.open()
    unopened.alice.says("Here")
    unopened.bob.sees("Here")
