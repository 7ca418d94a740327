"""The console on a phone and on other small screens: nothing is cut off, covered or wider than the screen."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import expect

from tests.console.console import Console
from tests.console.looks import fits

# What goes beyond the right edge of the phone, unless it is cut off on purpose.
BEYOND = """[...document.querySelectorAll('.pane.shown *, dialog *, .drawer *')].filter((element) => {
  const range = document.createRange();
  range.selectNodeContents(element);
  return element.checkVisibility() && range.getBoundingClientRect().right > screen.width
    && getComputedStyle(element).textOverflow !== 'ellipsis' && element.closest('.hidden, pre, .title') === null
    && !element.querySelector('.who, .brief, .title, .subtitle, h2, .channel-name');
}).map((element) => element.outerHTML.slice(0, 100))"""


def test_two_people_converse_on_a_phone_without_scrolling_sideways(pocket: Console) -> None:
    pocket.begin()
    alice, bob, tabs = pocket.alice, pocket.bob, pocket.page.locator("#tabs button")
    alice.opens("General")
    alice.says("Hello from a phone, with a_very_long_word_that_does_not_fit_into_one_line_of_a_telephone_at_all")
    expect(alice.within(".message .text")).to_be_visible()
    fits(pocket.page)
    expect(pocket.page.locator("#tabs .unread-badge")).to_have_text("1 unread")
    tabs.nth(1).click()
    expect(alice.pane).to_be_hidden()
    fits(pocket.page)
    bob.opens("General")
    bob.says("Hello back")
    bob.button("Members, invite").click()
    expect(pocket.dialog).to_be_visible()
    fits(pocket.page)
    pocket.page.keyboard.press("Escape")
    bob.button("Back to the channels").click()
    expect(bob.channel("General")).to_be_visible()
    tabs.nth(2).click()
    for tool in ("Events", "Webhooks", "Phones", "Usage", "Snippets"):
        pocket.choose_tool(tool)
        fits(pocket.page)
    tabs.nth(0).click()
    expect(alice.within(".message")).to_have_count(2)


@pytest.fixture
def wordy(channels: Any, general: Any) -> str:
    """A member whose identity is one long word, who has said something, and an invitation to a channel without name."""
    identity = "deadbeef" * 25
    general.members.create(identity=identity)
    general.messages.create(from_=identity, body="This is an ordinary message, that is to be read to its end.")
    channels(channels.create(type="private").sid).invites.create(identity="alice")
    return identity


def test_messages_invitations_and_members_with_long_words_fit_on_a_phone(pocket: Console, wordy: str) -> None:
    pocket.page.set_viewport_size({"width": 360, "height": 740})
    pocket.begin("alice")
    expect(pocket.alice.within(".banner")).to_be_visible()
    pocket.alice.opens("General")
    expect(pocket.alice.within(".message .text")).to_be_visible()
    assert pocket.page.evaluate(BEYOND) == []
    pocket.alice.button("Members, invite").click()
    expect(pocket.dialog.locator(f"li[data-identity={wordy}]")).to_be_visible()
    assert pocket.page.evaluate(BEYOND) == []
    overlapping = """[...document.querySelectorAll('dialog .people li')].filter((row) =>
      row.querySelector('.person').getBoundingClientRect().height > row.getBoundingClientRect().height).length"""
    assert pocket.page.evaluate(overlapping) == 0


def test_a_long_name_leaves_room_for_the_rest_of_an_entry_of_the_log(unopened: Console, wordy: str) -> None:
    unopened.page.set_viewport_size({"width": 1024, "height": 700})
    unopened.open(f"alice,{wordy}")
    entries = unopened.events.filter(has=unopened.page.locator(".who", has_text=wordy))
    expect(entries.first).to_be_visible()
    widths = entries.locator(".brief").evaluate_all("(briefs) => briefs.map((brief) => brief.clientWidth)")
    assert min(widths) >= 300


def test_a_note_on_a_phone_does_not_cover_the_field_to_write_in(pocket: Console) -> None:
    pocket.begin()
    pocket.alice.opens("General")
    pocket.alice.button("Members, invite").click()
    pocket.dialog.locator("input").fill("carol")
    pocket.dialog_button("Invite").click()
    expect(pocket.page.locator(".toast")).to_be_visible()
    pocket.page.keyboard.press("Escape")
    expect(pocket.dialog).to_have_count(0)
    note, field = pocket.page.locator(".toast").bounding_box(), pocket.alice.within(".composer").bounding_box()
    assert note and field and note["y"] + note["height"] <= field["y"]


def test_three_people_on_a_small_screen_keep_their_names(unopened: Console) -> None:
    unopened.page.set_viewport_size({"width": 1024, "height": 700})
    unopened.begin("alice,bob,carol")
    cut = "(names) => names.filter((name) => name.scrollWidth > name.clientWidth).length"
    assert unopened.page.locator(".pane h2").evaluate_all(cut) == 0


def test_a_tap_on_a_message_shows_what_can_be_done_with_it(pocket: Console) -> None:
    pocket.begin("alice")
    pocket.alice.opens("General")
    pocket.alice.says("Helo")
    pocket.alice.sees("Helo")
    pocket.alice.within(".message .bubble").tap()
    pocket.alice.button("Edit message").tap()
    expect(pocket.alice.field).to_be_focused()
    expect(pocket.alice.field).to_have_value("Helo")
