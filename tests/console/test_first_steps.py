"""A newcomer's first minute, on a stack that nobody has used, and what a broken connection does to a conversation."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from local.stack.running import Stack, start_stack
from tests.console.browser import Page
from tests.console.console import Console
from tests.waiting import until


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A stack in which there is nothing yet."""
    running = start_stack(Path(tmp_path_factory.mktemp("fresh")) / "home")
    yield running
    running.stop()


def test_a_newcomer_is_one_click_from_a_conversation(page: Page, fresh: Stack) -> None:
    found = until(lambda: re.search(r"console +(\S+)", fresh.printed))
    page.open(found[1])
    page.click("button", "Start a conversation")
    console = Console(page, fresh)
    console.await_ready()
    console.alice.says("Hello, bob")
    console.bob.sees("Hello, bob")
    console.alice.has_presence("bob", True)


def test_a_conversation_goes_on_after_the_connection_broke(page: Page, fresh: Stack) -> None:
    console = Console(page, fresh)
    page.open(console.link)
    if page.until("document.querySelector('#chat').hidden === false") and page.count("#welcome"):
        page.click("button", "Start a conversation")
    console.await_ready()
    before = console.bob.bodies
    console.alice.says("before")
    console.bob.sees(*before, "before")
    fresh.kill("gateway")
    console.alice.says("meanwhile")
    page.until("document.querySelectorAll('.pane .pill[data-state=connected]').length < 2")
    page.problems.clear()  # the browser's notes on connections that broke
    console.bob.sees(*before, "before", "meanwhile")
    console.bob.says("after")
    console.alice.sees(*before, "before", "meanwhile", "after")
    page.problems.clear()
