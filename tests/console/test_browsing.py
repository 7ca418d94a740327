"""Finding one public channel among many."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from local.stack.running import Stack
from tests.console.browser import Page

BROWSE = (Path(__file__).parent / "browse.js").read_text()


@pytest.fixture
def many(page: Page, stack: Stack) -> Page:
    """The dialog, in a service with 700 public channels."""
    page.open(f"{stack.info['console_url']}/")
    page.wait_for("#field-account")
    page.evaluate(f"({BROWSE})(700)")
    page.wait_for("dialog li")
    return page


def shows(page: Page, *names: str) -> None:
    """Wait until exactly these channels are listed."""
    listed = "[...document.querySelectorAll('dialog li strong')].map((name) => name.textContent)"
    page.until(f"JSON.stringify({listed}) === JSON.stringify({json.dumps(names)})")


def test_a_channel_far_down_the_list_is_found_by_its_name(many: Page) -> None:
    many.fill("dialog input", "room 654")
    shows(many, "Room 654")


def test_a_channel_is_found_by_its_unique_name_before_the_list_was_read_to_its_end(many: Page) -> None:
    many.evaluate("window.upTo = 300")
    many.fill("dialog input", "far")
    shows(many, "Far away")


def test_of_a_list_that_is_cut_it_is_said(many: Page) -> None:
    said = many.texts("dialog [role=status]")
    assert said == ["The first 200 of 300 are shown. 300 channels were looked through, there are more."]
    many.click("dialog button", "Look further")
    many.wait_for("dialog [role=status]", "The first 200 of 700 are shown.")
    assert many.count("dialog li") == 200


def test_that_there_is_no_such_channel_is_said_when_all_were_looked_through(many: Page) -> None:
    many.fill("dialog input", "nowhere")
    many.wait_for("dialog .nothing", "There is no such public channel.")


def test_that_there_is_no_such_channel_is_not_said_before(many: Page) -> None:
    many.evaluate("window.upTo = 500")
    many.fill("dialog input", "nowhere")
    many.until("document.querySelector('dialog [role=status]').textContent.startsWith('Nothing yet. 500 channels')")
    assert many.count("dialog .nothing") == 0
