"""The console with a keyboard only, on a phone, in light and dark."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from local.stack.running import Stack
from tests.console.browser import Page
from tests.console.console import Console

CONTRAST = (Path(__file__).parent / "contrast.js").read_text()
# Content that is too wide also widens what a phone takes for its window.
WIDTH = "Math.max(document.scrollingElement.scrollWidth, innerWidth)"
MOST_TABS = 80


def tab_to(page: Page, label: str, within: str = "*") -> None:
    """Press Tab until an element with that name has the focus, inside of `within`."""
    for _ in range(MOST_TABS):
        if page.focused() == label and page.focused(f"element.closest('{within}') !== null"):
            return
        page.press("Tab")
    raise AssertionError(f"{label} cannot be reached with Tab")


def back_to_messages(page: Page) -> None:
    """Press Shift and Tab until a message has the focus, past its buttons."""
    for _ in range(4):
        page.press("Tab", shift=True)
        if page.focused("element.matches('.message')"):
            return
    raise AssertionError("the messages cannot be reached with Tab")


# Keyboard.


def test_two_people_converse_with_the_keyboard_only(console: Console) -> None:
    page = console.page
    tab_to(page, "Message as alice")
    page.type("Hello")
    page.press("Enter")
    console.bob.sees("Hello")
    page.press("2", alt=True)
    page.focuses("Message as bob")
    page.type("Helo back")
    page.press("Enter")
    for person in (console.alice, console.bob):
        person.sees("Hello", "Helo back")
    page.press("ArrowUp")  # edits the last one
    page.evaluate("document.activeElement.select()")
    page.type("Hello back")
    page.press("Enter")
    console.alice.sees("Hello", "Hello back")


def test_messages_are_edited_and_deleted_with_keys(console: Console) -> None:
    page = console.page
    for body in ("one", "two", "three"):
        console.alice.says(body)
    console.alice.sees("one", "two", "three")
    back_to_messages(page)
    page.focuses("2", "element.dataset.index")
    page.press("ArrowUp")
    page.press("ArrowUp")
    page.press("ArrowDown")
    page.focuses("1", "element.dataset.index")
    page.press("e")
    page.focuses("two", "element.value")
    page.press("Escape")
    page.focuses("", "element.value")
    back_to_messages(page)
    page.press("Home")
    page.press("Delete")
    page.wait_for("dialog")
    page.press("Enter")
    console.bob.sees("two", "three")
    page.focuses("Message as alice")


def test_a_message_is_edited_with_its_key_while_caps_lock_is_on(console: Console) -> None:
    console.alice.says("one")
    console.alice.sees("one")
    back_to_messages(console.page)
    console.page.press("E")
    console.page.focuses("one", "element.value")


def test_the_focus_stays_on_a_message_while_a_read_mark_passes_it(console: Console, general: Any) -> None:
    for body in ("one", "two", "three"):
        console.alice.says(body)
    console.alice.sees("one", "two", "three")
    general.members("bob").update(last_consumed_message_index=0)
    console.alice.has_read_mark("bob", 0)
    back_to_messages(console.page)
    console.page.press("ArrowUp")
    general.members("bob").update(last_consumed_message_index=2)
    console.alice.has_read_mark("bob", 2)
    console.page.focuses("1", "element.dataset.index")


def test_escape_closes_a_dialog_and_gives_the_focus_back(console: Console) -> None:
    page = console.page
    tab_to(page, "New channel")
    page.press("Enter")
    page.wait_for("dialog")
    page.focuses("friendlyName", "element.name")
    page.press("Escape")
    page.wait_gone("dialog")
    page.focuses("New channel")


def test_somebody_is_invited_with_the_keyboard_only(console: Console) -> None:
    page = console.page
    tab_to(page, "New channel", console.alice.within("*"))
    page.press("Enter")
    page.wait_for("dialog")
    page.type("Keys only")
    page.press("Enter")
    page.wait_gone("dialog")
    page.until("document.querySelector('[data-identity=alice] .title').textContent === 'Keys only'")
    tab_to(page, "Members, invite", console.alice.within("*"))
    page.press("Enter")
    page.wait_for("dialog")
    page.evaluate("document.activeElement.select()")
    page.type("bob")
    page.press("Enter")
    page.wait_for(console.bob.within(".banner"))
    page.press("Escape")
    page.wait_gone("dialog")
    tab_to(page, "Accept", console.bob.within("*"))
    page.press("Enter")
    page.until("document.querySelector('[data-identity=bob] .title').textContent === 'Keys only'")


def test_every_control_is_reached_with_tab_has_a_name_and_shows_its_focus(console: Console) -> None:
    page = console.page
    console.alice.says("Hello")
    for person in (console.alice, console.bob):
        person.sees("Hello")
    page.evaluate("document.activeElement.blur()")
    page.evaluate("document.querySelector('.skip').focus()")
    seen: set[Any] = set()
    for _ in range(MOST_TABS):
        page.press("Tab")
        mark = page.focused("element.dataset.reached ??= String(document.querySelectorAll('[data-reached]').length)")
        if mark in seen or page.focused("element === document.body"):
            break
        seen.add(mark)
        shows = "(element) => getComputedStyle(element).outlineStyle !== 'none' && element.matches(':focus-visible')"
        outlined = f"({shows})(element) || element.closest('.chip, .composer-row') !== null"
        assert page.focused(outlined), page.focused("element.outerHTML.slice(0, 200)")
    missed = page.evaluate(
        """[...document.querySelectorAll('button, select, input, textarea, summary')].filter((element) =>
             element.checkVisibility() && element.tabIndex >= 0 && !element.disabled && element.type !== 'radio'
             && !element.dataset.reached).map((element) => element.outerHTML.slice(0, 120))"""
    )
    assert missed == []
    nameless = page.evaluate(
        """[...document.querySelectorAll('button, select, input, textarea')].filter((element) =>
             !(element.getAttribute('aria-label') || element.labels?.length || element.textContent.trim()))
             .map((element) => element.outerHTML.slice(0, 120))"""
    )
    assert nameless == []


def test_the_skip_link_leads_to_the_chat(showcase: Console) -> None:
    showcase.page.evaluate("document.querySelector('.skip').focus()")
    showcase.page.press("Enter")
    showcase.page.until("document.activeElement.id === 'panes'")


def test_a_message_of_the_other_is_said_to_assistive_technology_once(console: Console, general: Any) -> None:
    console.alice.says("from alice")
    console.alice.sees("from alice")
    general.messages.create(from_="bob", body="from bob")
    console.alice.sees("from alice", "from bob")
    assert console.page.texts("#live p") == ["bob: from bob"]


def test_the_page_has_landmarks_and_headings(showcase: Console) -> None:
    page = showcase.page
    assert page.count("main") == 1
    assert page.count("header.top") == 1
    assert page.texts("h1") == ["Parley"]
    assert page.texts("h2") == ["alice", "bob"]
    assert page.evaluate("document.querySelector('#live').ariaLive") == "polite"
    assert page.evaluate("document.documentElement.lang") == "en"


def test_reduced_motion_is_honoured(console: Console) -> None:
    console.bob.types("…")
    console.page.wait_for(console.alice.within(".dots i"))
    running = "document.getAnimations().length"
    assert console.page.evaluate(running) == 0
    console.page.look(1440, 900, still=False)
    console.page.until(f"{running} > 0")


# Phone.


def fits(page: Page) -> None:
    """What is shown is as wide as the phone, be it a small one; the page is left with the larger."""
    for width, height in ((320, 640), (390, 844)):
        page.look(width, height, phone=True)
        page.until(f"screen.width === {width}")
        assert page.evaluate(WIDTH) == width


def test_two_people_converse_on_a_phone_without_scrolling_sideways(page: Page, stack: Stack, service: Any) -> None:
    page.look(390, 844, phone=True)
    console = Console(page, stack)
    page.open(f"{console.link}&service={service.sid}&people=alice,bob")
    page.until("document.querySelectorAll('.pane .pill[data-state=connected]').length === 2", 20)
    console.alice.opens("General")
    console.alice.says(
        "Hello from a phone, with a_very_long_word_that_does_not_fit_into_one_line_of_a_telephone_at_all"
    )
    page.wait_for(console.alice.within(".message .text"))
    fits(page)
    page.until("document.querySelector('#tabs .unread-badge')?.firstChild.textContent === '1'")
    page.click("#tabs button:nth-child(2)")
    assert page.count(console.alice.within("*")) == 0
    fits(page)
    console.bob.opens("General")
    console.bob.says("Hello back")
    page.click(console.bob.within("button[aria-label='Members, invite']"))
    page.wait_for("dialog")
    fits(page)
    page.press("Escape")
    page.click(console.bob.within("button[aria-label='Back to the channels']"))
    page.wait_for(console.bob.within(".channel"))
    page.click("#tabs button:nth-child(3)")
    for tool in ("Events", "Webhooks", "Snippets"):
        page.click("[role=tab]", tool)
        page.wait_for(f"#tool-{tool.lower()}")
        fits(page)
    page.click("#tabs button:nth-child(1)")
    page.until("document.querySelectorAll('[data-identity=alice] .message').length === 2")


# The right edge of what goes beyond the phone, unless it is cut off on purpose.
BEYOND = """[...document.querySelectorAll('.pane.shown *, dialog *, .drawer *')].filter((element) => {
  const range = document.createRange();
  range.selectNodeContents(element);
  return element.checkVisibility() && range.getBoundingClientRect().right > screen.width
    && getComputedStyle(element).textOverflow !== 'ellipsis' && element.closest('.hidden, pre, .title') === null
    && !element.querySelector('.who, .brief, .title, .subtitle, h2, .channel-name');
}).map((element) => element.outerHTML.slice(0, 100))"""


@pytest.fixture
def wordy(twilio: Any, service: Any, general: Any) -> str:
    """A member whose identity is one long word, who has said something, and an invitation to a channel without name."""
    identity = "deadbeef" * 25
    general.members.create(identity=identity)
    general.messages.create(from_=identity, body="This is an ordinary message, that is to be read to its end.")
    channels = twilio.chat.v2.services(service.sid).channels
    channels(channels.create(type="private").sid).invites.create(identity="alice")
    return identity


@pytest.fixture
def narrow(page: Page, stack: Stack, service: Any, wordy: str) -> Console:
    """A small phone, with that conversation."""
    page.look(360, 740, phone=True)
    console = Console(page, stack)
    page.open(f"{console.link}&service={service.sid}&people=alice")
    page.wait_for(console.alice.within(".banner"))
    console.alice.opens("General")
    page.wait_for(console.alice.within(".message .text"))
    return console


def test_messages_and_invitations_with_long_words_fit_on_a_phone(narrow: Console) -> None:
    assert narrow.page.evaluate(BEYOND) == []


def test_members_with_long_names_do_not_lie_on_each_other(narrow: Console, wordy: str) -> None:
    narrow.page.click(narrow.alice.within("button[aria-label='Members, invite']"))
    narrow.page.wait_for(f"dialog li[data-identity={wordy}]")
    assert narrow.page.evaluate(BEYOND) == []
    lying = """[...document.querySelectorAll('dialog .people li')].filter((row) =>
      row.querySelector('.person').getBoundingClientRect().height > row.getBoundingClientRect().height).length"""
    assert narrow.page.evaluate(lying) == 0


def test_a_long_name_leaves_room_for_the_rest_of_an_entry_of_the_log(
    page: Page, stack: Stack, service: Any, wordy: str
) -> None:
    console = Console(page, stack)
    console.open(service.sid, f"alice,{wordy}")
    page.look(1024, 700)
    rows = """[...document.querySelectorAll('#tool-events summary')].filter((row) =>
      row.querySelector('.who').textContent.length > 100)"""
    page.until(f"{rows}.length > 0")
    assert page.evaluate(f"{rows}.filter((row) => row.querySelector('.brief').clientWidth < 300).length") == 0


def test_a_note_on_a_phone_does_not_cover_the_field_to_write_in(page: Page, stack: Stack, service: Any) -> None:
    page.look(390, 844, phone=True)
    console = Console(page, stack)
    page.open(f"{console.link}&service={service.sid}&people=alice,bob")
    console.alice.opens("General")
    page.click(console.alice.within("button[aria-label='Members, invite']"))
    page.fill("dialog input", "carol")
    page.click("dialog button", "Invite")
    page.wait_for(".toast")
    page.press("Escape")
    page.wait_gone("dialog")
    bottom, top = (
        page.evaluate(f"document.querySelector({selector!r}).getBoundingClientRect().{side}")
        for selector, side in ((".toast", "bottom"), (".composer", "top"))
    )
    assert bottom <= top


def test_three_people_on_a_small_screen_keep_their_names(page: Page, stack: Stack, service: Any) -> None:
    page.look(1024, 700)
    console = Console(page, stack)
    page.open(f"{console.link}&service={service.sid}&people=alice,bob,carol")
    page.until("document.querySelectorAll('.pane .pill[data-state=connected]').length === 3")
    cut = "[...document.querySelectorAll('.pane h2')].filter((name) => name.scrollWidth > name.clientWidth).length"
    assert page.evaluate(cut) == 0


def test_a_tap_on_a_message_shows_what_can_be_done_with_it(page: Page, stack: Stack, service: Any) -> None:
    page.look(390, 844, phone=True)
    console = Console(page, stack)
    page.open(f"{console.link}&service={service.sid}&people=alice")
    console.alice.opens("General")
    console.alice.says("Helo")
    console.alice.sees("Helo")
    page.click(console.alice.within(".message .bubble"))
    page.click(console.alice.within(".message button"), "Edit message")
    page.focuses("Helo", "element.value")


def test_controls_of_a_phone_are_large_enough_to_touch(page: Page, stack: Stack, service: Any) -> None:
    page.look(390, 844, phone=True)
    console = Console(page, stack)
    page.open(f"{console.link}&service={service.sid}")
    page.until("document.querySelectorAll('.pane .pill[data-state=connected]').length === 2", 20)
    console.alice.opens("General")
    small = page.evaluate(
        """[...document.querySelectorAll('button, select, textarea')].filter((element) => element.checkVisibility())
             .map((element) => [element.getBoundingClientRect(), element.getAttribute('aria-label')])
             .filter(([box]) => box.width < 24 || box.height < 24).map(([, name]) => name)"""
    )
    assert small == []


# Contrast.


def busy(console: Console, general: Any) -> None:
    """Everything that has a colour of its own is on the page."""
    console.alice.says("Helo")
    console.alice.sees("Helo")
    console.bob.looks()
    console.alice.has_read_mark("bob", 0)
    general.messages(general.messages.list()[0].sid).update(body="Hello")
    console.page.wait_for(console.alice.within(".edited"))
    general.messages.create(from_="carol", body="from somebody else")
    console.bob.types("…")
    console.page.wait_for(console.alice.within(".dots"))
    console.alice.has_unread("General", 1)


def stands_out(page: Page, texts: int = 20) -> None:
    """Nothing on the page, with more texts than that, is too pale in light or dark."""
    for dark in (False, True):
        page.look(1440, 900, dark=dark)
        page.until(f"document.documentElement.dataset.theme === '{'dark' if dark else 'light'}'")
        measured = page.evaluate(CONTRAST)
        assert measured["texts"] > texts
        assert measured["found"] == []


def test_everything_stands_out_enough(console: Console, general: Any) -> None:
    page = console.page
    busy(console, general)
    for tool in ("Events", "Webhooks", "Snippets"):
        if page.evaluate(f"document.querySelector('#tab-{tool.lower()}').ariaSelected") != "true":
            page.click("[role=tab]", tool)
        stands_out(page)
    for opener in ("Members, invite", "Channel settings", "Chat as somebody else"):
        page.click(console.alice.within("button"), opener)
        page.wait_for("dialog")
        stands_out(page)
        page.press("Escape")
        page.wait_gone("dialog")


def test_the_first_page_stands_out_enough(page: Page, stack: Stack) -> None:
    page.open(f"{stack.info['console_url']}/")
    page.wait_for("#field-account")
    stands_out(page, texts=5)


def test_the_colours_of_all_identities_stand_out_enough(console: Console, general: Any) -> None:
    page = console.page
    for name in "abcdefgh":
        general.messages.create(from_=name, body=f"from {name}")
    page.until("document.querySelectorAll('[data-identity=alice] .message').length === 8")
    tones = (
        "new Set([...document.querySelectorAll('[data-identity=alice] .message')].map((row) => row.dataset.tone)).size"
    )
    assert page.evaluate(tones) == 8
    stands_out(page)


def test_the_theme_follows_the_system_until_one_is_chosen(console: Console) -> None:
    page = console.page
    theme = "document.documentElement.dataset.theme"
    page.look(1440, 900, dark=True)
    page.until(f"{theme} === 'dark'")
    page.click("header button[aria-label='Dark or light']")
    assert page.evaluate(theme) == "light"
    page.reload()
    assert page.evaluate(theme) == "light"
