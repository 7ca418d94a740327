"""Finding one public channel among many."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from local.stack.running import Stack

BROWSE = (Path(__file__).parent / "browse.js").read_text()


@pytest.fixture
def many(page: Page, stack: Stack) -> Page:
    """The dialog, in a service with 700 public channels."""
    page.goto(f"{stack.info['console_url']}/")
    page.locator("#field-account").wait_for()
    page.evaluate(BROWSE, 700)
    page.locator("dialog li").first.wait_for()
    return page


def search(page: Page, text: str) -> None:
    page.get_by_label("Filter channels").fill(text)


def test_a_channel_far_down_the_list_is_found_by_its_name(many: Page) -> None:
    search(many, "room 654")
    expect(many.locator("dialog li strong")).to_have_text(["Room 654"])


def test_a_channel_is_found_by_its_unique_name_before_the_list_was_read_to_its_end(many: Page) -> None:
    many.evaluate("window.upTo = 300")
    search(many, "far")
    expect(many.locator("dialog li strong")).to_have_text(["Far away"])


def test_the_dialog_says_when_it_shows_only_a_part_of_the_list(many: Page) -> None:
    state = many.get_by_role("dialog").get_by_role("status")
    expect(state).to_have_text("The first 200 of 300 are shown. The search has read 300 channels; there are more.")
    many.get_by_role("button", name="Look further").click()
    expect(state).to_have_text("The first 200 of 700 are shown.")
    expect(many.locator("dialog li")).to_have_count(200)


def test_the_dialog_says_that_there_is_no_such_channel_only_after_it_read_all(many: Page) -> None:
    many.evaluate("window.upTo = 500")
    search(many, "nowhere")
    state = many.get_by_role("dialog").get_by_role("status")
    expect(state).to_have_text("Nothing yet. The search has read 500 channels; there are more.")
    expect(many.locator("dialog .nothing")).to_have_count(0)


def test_the_dialog_says_that_there_is_no_such_channel(many: Page) -> None:
    search(many, "nowhere")
    expect(many.locator("dialog .nothing")).to_have_text("There is no such public channel.")
