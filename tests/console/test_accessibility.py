"""The console with a keyboard only, on a phone, in light and dark, and as an accessibility checker sees it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from local.stack.running import Stack
from tests.console.attaching import PICTURE, SOUND, STORE, TABLE, chooses, named, sends, shows_picture
from tests.console.console import Console
from tests.console.films import make_film
from tests.support.node_packages import install

HERE = Path(__file__).resolve().parent
MOST_TABS = 80
IS_FOCUSED = "(element) => element === document.activeElement"


def tab_to(page: Page, wanted: Locator) -> None:
    """Press Tab until an element has the focus."""
    for _ in range(MOST_TABS):
        if wanted.evaluate(IS_FOCUSED):
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"{wanted} cannot be reached with Tab")


def back_to_messages(console: Console) -> None:
    """Go from the field to the messages: Shift and Tab, pressed once."""
    console.page.keyboard.press("Shift+Tab")
    expect(console.page.locator(".message:focus")).to_have_count(1)


# Keyboard.


def test_two_people_converse_with_the_keyboard_only(console: Console) -> None:
    keyboard = console.page.keyboard
    tab_to(console.page, console.alice.field)
    keyboard.insert_text("Hello")
    keyboard.press("Enter")
    console.bob.sees("Hello")
    keyboard.press("Alt+2")
    expect(console.bob.field).to_be_focused()
    keyboard.insert_text("Helo back")
    keyboard.press("Enter")
    for person in (console.alice, console.bob):
        person.sees("Hello", "Helo back")
    keyboard.press("ArrowUp")  # edits the last one
    expect(console.bob.field).to_have_value("Helo back")
    keyboard.press("Control+a")
    keyboard.insert_text("Hello back")
    keyboard.press("Enter")
    console.alice.sees("Hello", "Hello back")


def test_messages_are_edited_and_deleted_with_keys(console: Console) -> None:
    keyboard, messages = console.page.keyboard, console.alice.within(".message")
    for body in ("one", "two", "three"):
        console.alice.says(body)
    console.alice.sees("one", "two", "three")
    back_to_messages(console)
    expect(messages.nth(2)).to_be_focused()
    for key in ("ArrowUp", "ArrowUp", "ArrowDown"):
        keyboard.press(key)
    expect(messages.nth(1)).to_be_focused()
    keyboard.press("e")
    expect(console.alice.field).to_have_value("two")
    keyboard.press("Escape")
    expect(console.alice.field).to_have_value("")
    back_to_messages(console)
    keyboard.press("E")  # as it comes while Caps Lock is on
    expect(console.alice.field).to_have_value("two")
    keyboard.press("Escape")
    back_to_messages(console)
    keyboard.press("Home")
    keyboard.press("Delete")
    expect(console.dialog).to_be_visible()
    keyboard.press("Enter")
    console.bob.sees("two", "three")
    expect(console.alice.field).to_be_focused()


def test_the_focus_stays_on_a_message_while_a_read_mark_passes_it(console: Console, general: Any) -> None:
    for body in ("one", "two", "three"):
        console.alice.says(body)
    console.alice.sees("one", "two", "three")
    back_to_messages(console)
    console.page.keyboard.press("ArrowUp")
    for index in (0, 2, 0):
        general.members("bob").update(last_consumed_message_index=index)
        console.alice.has_read_mark("bob", index)
        expect(console.alice.within(".message").nth(1)).to_be_focused()


def test_who_comes_back_to_the_messages_is_where_they_were_until_a_new_one_comes(
    console: Console, general: Any
) -> None:
    for body in ("one", "two", "three"):
        console.alice.says(body)
    console.alice.sees("one", "two", "three")
    back_to_messages(console)
    console.page.keyboard.press("ArrowUp")
    console.page.keyboard.press("Escape")
    general.members("bob").update(last_consumed_message_index=2)
    console.alice.has_read_mark("bob", 2)
    back_to_messages(console)
    expect(console.alice.within(".message").nth(1)).to_be_focused()
    console.page.keyboard.press("Escape")
    general.messages.create(from_="bob", body="four")
    console.alice.sees("one", "two", "three", "four")
    back_to_messages(console)
    expect(console.alice.within(".message").nth(3)).to_be_focused()


def test_somebody_is_invited_with_the_keyboard_only(console: Console) -> None:
    keyboard = console.page.keyboard
    tab_to(console.page, console.alice.button("New channel"))
    keyboard.press("Enter")
    expect(console.dialog.get_by_label("Name", exact=True)).to_be_focused()
    keyboard.press("Escape")
    expect(console.dialog).to_have_count(0)
    expect(console.alice.button("New channel")).to_be_focused()
    keyboard.press("Enter")
    expect(console.dialog.get_by_label("Name", exact=True)).to_be_focused()
    keyboard.insert_text("Keys only")
    keyboard.press("Enter")
    console.alice.has_open("Keys only")
    tab_to(console.page, console.alice.button("Members, invite"))
    keyboard.press("Enter")
    expect(console.dialog.locator("input")).to_be_focused()
    keyboard.press("Control+a")
    keyboard.insert_text("bob")
    keyboard.press("Enter")
    expect(console.bob.within(".banner")).to_be_visible()
    keyboard.press("Escape")
    expect(console.dialog).to_have_count(0)
    tab_to(console.page, console.bob.button("Accept"))
    keyboard.press("Enter")
    console.bob.has_open("Keys only")


def test_every_control_is_reached_with_tab_and_shows_its_focus(console: Console) -> None:
    console.alice.says("Hello")
    for person in (console.alice, console.bob):
        person.sees("Hello")
    console.page.locator(".skip").focus()
    seen: set[str] = set()
    for _ in range(MOST_TABS):
        console.page.keyboard.press("Tab")
        found = console.page.evaluate(
            """() => {
              const element = document.activeElement;
              element.dataset.reached ??= String(document.querySelectorAll('[data-reached]').length);
              const outlined = getComputedStyle(element).outlineStyle !== 'none' && element.matches(':focus-visible');
              return {
                mark: element === document.body ? null : element.dataset.reached,
                shows: outlined || element.closest('.chip, .composer-row') !== null,
                markup: element.outerHTML.slice(0, 200),
              };
            }"""
        )
        if found["mark"] is None or found["mark"] in seen:
            break
        seen.add(found["mark"])
        assert found["shows"], found["markup"]
    missed = console.page.evaluate(
        """[...document.querySelectorAll('button, select, input, textarea, summary')].filter((element) =>
             element.checkVisibility() && element.tabIndex >= 0 && !element.disabled && element.type !== 'radio'
             && !element.dataset.reached).map((element) => element.outerHTML.slice(0, 120))"""
    )
    assert missed == []


def test_the_skip_link_leads_to_the_chat(showcase: Console) -> None:
    showcase.page.locator(".skip").focus()
    showcase.page.keyboard.press("Enter")
    expect(showcase.page.locator("#panes")).to_be_focused()


def test_assistive_technology_is_told_of_a_message_of_somebody_else_once(console: Console, general: Any) -> None:
    console.alice.says("from alice")
    console.alice.sees("from alice")
    general.messages.create(from_="bob", body="from bob")
    console.alice.sees("from alice", "from bob")
    expect(console.page.locator("#live[aria-live=polite] p")).to_have_text(["bob: from bob"])


def test_reduced_motion_is_honoured(console: Console) -> None:
    console.bob.types("…")
    expect(console.alice.within(".dots i")).to_have_count(3)
    assert console.page.evaluate("document.getAnimations().length") == 0
    console.page.emulate_media(reduced_motion="no-preference")
    assert console.page.evaluate("document.getAnimations().length") > 0


# Phone.

# Content that is too wide also widens what a phone takes for its window.
WIDTH = "Math.max(document.scrollingElement.scrollWidth, innerWidth)"
# What goes beyond the right edge of the phone, unless it is cut off on purpose.
BEYOND = """[...document.querySelectorAll('.pane.shown *, dialog *, .drawer *')].filter((element) => {
  const range = document.createRange();
  range.selectNodeContents(element);
  return element.checkVisibility() && range.getBoundingClientRect().right > screen.width
    && getComputedStyle(element).textOverflow !== 'ellipsis' && element.closest('.hidden, pre, .title') === null
    && !element.querySelector('.who, .brief, .title, .subtitle, h2, .channel-name');
}).map((element) => element.outerHTML.slice(0, 100))"""


def fits(page: Page) -> None:
    """The page is exactly as wide as the phone, also as a small phone."""
    for width, height in ((320, 640), (390, 844)):
        page.set_viewport_size({"width": width, "height": height})
        assert page.evaluate(f"[screen.width, {WIDTH}]") == [width, width]


@pytest.fixture
def pocket(phone: Page, stack: Stack, service: Any) -> Console:
    """The console on a phone, for a test that opens it itself."""
    return Console(phone, stack, service.sid)


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


# The accessibility checker, in each state of the page.

# What a theme changes is colours only.
OF_COLOURS = ["color-contrast", "link-in-text-block"]
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
CHECK = """async (rules) => {
  // Behind a dialog, nothing can be reached.
  const place = [...document.querySelectorAll('dialog')].at(-1) ?? document;
  const { violations, passes } = await axe.run(place, { runOnly: rules });
  const drawn = [];
  const { color } = axe.commons;
  axe.setup(document);
  for (const svg of place.querySelectorAll('svg.icon')) {
    if (!svg.checkVisibility({ visibilityProperty: true }) || svg.closest(':disabled')) continue;
    const ground = color.getBackgroundColor(svg, []);
    const line = new color.Color();
    line.parseString(getComputedStyle(svg).color);
    const ratio = ground && color.getContrast(ground, line);
    if (ratio !== null && ratio < 3) drawn.push(`${svg.closest('button, span, h3')?.outerHTML.slice(0, 120)}: ${ratio}`);
  }
  axe.teardown();
  const { nodes } = passes.find(({ id }) => id === 'color-contrast') ?? { nodes: [] };
  const faults = violations.flatMap(({ id, nodes }) => nodes.map(({ html, failureSummary }) => `${id}: ${html} ${failureSummary}`));
  return { texts: nodes.length, faults: [...faults, ...drawn] };
}"""
Checker = Callable[..., None]


@pytest.fixture(scope="session")
def axe() -> str:
    """axe-core, as a script for a page."""
    return (install(HERE, "console", "the accessibility of the console is") / "axe-core" / "axe.min.js").read_text()


@pytest.fixture
def check(axe: str) -> Checker:
    """Finds no fault on a page, in light and in dark; it has at least so many texts whose contrast was measured."""

    def is_accessible(page: Page, texts: int = 20, themes: str = "light dark") -> None:
        if page.evaluate("window.axe === undefined"):
            page.evaluate(axe)
        for theme in themes.split():
            rules = RULES if theme == "light" else OF_COLOURS
            page.emulate_media(color_scheme=theme)  # type: ignore[arg-type]
            expect(page.locator("html")).to_have_attribute("data-theme", theme)
            found = page.evaluate(CHECK, rules)
            assert found["faults"] == []
            assert found["texts"] >= texts

    return is_accessible


def make_busy(console: Console, general: Any) -> None:
    """Bring everything that has a look of its own onto the page."""
    console.alice.says("Helo")
    console.alice.sees("Helo")
    console.bob.looks()
    console.alice.has_read_mark("bob", 0)
    general.messages(general.messages.list()[0].sid).update(body="Hello")
    expect(console.alice.within(".edited")).to_be_visible()
    for name in "cdefghij":
        general.messages.create(from_=name, body=f"from {name}")
    expect(console.alice.within(".message")).to_have_count(9)
    tones = "(rows) => new Set(rows.map((row) => row.dataset.tone)).size"
    assert console.alice.within(".message").evaluate_all(tones) == 8
    console.bob.types("…")
    expect(console.alice.within(".dots")).to_be_visible()
    console.alice.has_unread("General", 8)


def make_closed(console: Console, twilio: Any) -> None:
    """Have bob look at a conversation of three that is closed, in which he has said something."""
    conversations = twilio.conversations.v1.services(console.service_sid).conversations
    conversation = conversations(conversations.create(friendly_name="Ended").sid)
    for identity in ("alice", "bob", "carol"):
        conversation.participants.create(identity=identity)
    conversation.messages.create(author="bob", body="Good bye")
    console.bob.opens("Ended")
    conversation.update(state="closed")
    expect(console.bob.within(".read-only")).to_be_visible()


def test_every_state_of_the_page_is_accessible(console: Console, general: Any, twilio: Any, check: Checker) -> None:
    make_busy(console, general)
    make_closed(console, twilio)
    for tool in ("Events", "Webhooks", "Phones", "Usage", "Snippets"):
        console.choose_tool(tool)
        check(console.page)
    for person, opener in (
        (console.alice, "Members, invite"),
        (console.alice, "Channel settings"),
        (console.bob, "Channel settings"),
        (console.alice, "New channel"),
        (console.bob, "Browse"),
        (console.alice, "Chat as somebody else"),
    ):
        person.button(opener).click()
        expect(console.dialog).to_be_visible()
        check(console.page, 4)
        console.page.keyboard.press("Escape")
        expect(console.dialog).to_have_count(0)
    for opener in ("Service settings", "Keyboard and help", "Sign out"):
        console.header(opener).click()
        expect(console.dialog).to_be_visible()
        check(console.page, 3)
        console.page.keyboard.press("Escape")
        expect(console.dialog).to_have_count(0)
    console.bob.disconnects()
    check(console.page)


def test_files_are_accessible(console: Console, check: Checker, tmp_path: Path) -> None:
    make_film(console.page, tmp_path / "film.webm", 100_000, 2)
    chooses(console.bob, PICTURE, SOUND, TABLE)
    chooses(console.bob, tmp_path / "film.webm")
    console.bob.types("Four files")
    sends(console.bob)
    shows_picture(console.alice)
    expect(console.alice.within("video, audio")).to_have_count(2)
    console.page.route(STORE, lambda route: None)
    chooses(console.alice, PICTURE, TABLE)
    sends(console.alice)
    expect(console.alice.within(".pending progress")).to_be_visible()
    chooses(console.alice, PICTURE, TABLE)
    check(console.page)
    console.alice.button("Cancel").click()


def test_files_fit_on_a_phone_and_are_accessible_there(pocket: Console, check: Checker) -> None:
    pocket.begin()
    pocket.alice.opens("General")
    long = named("a_very_long_name_of_a_table_without_a_single_blank_in_it_that_is_wider_than_a_telephone.csv")
    chooses(pocket.alice, PICTURE, long)
    fits(pocket.page)
    check(pocket.page, 5)
    sends(pocket.alice)
    shows_picture(pocket.alice)
    chooses(pocket.alice, SOUND)
    sends(pocket.alice)
    expect(pocket.alice.within("audio")).to_be_visible()
    fits(pocket.page)
    check(pocket.page, 5)


def test_the_page_that_asks_for_the_account_is_accessible(page: Page, stack: Stack, check: Checker) -> None:
    page.goto(f"{stack.info['console_url']}/")
    expect(page.locator("#field-account")).to_be_visible()
    check(page, 5)


def test_every_state_of_a_phone_is_accessible(pocket: Console, general: Any, other: Any, check: Checker) -> None:
    general.messages.create(from_="bob", body="Hello")
    pocket.begin()
    check(pocket.page, 5)
    pocket.alice.opens("General")
    pocket.alice.sees("Hello")
    check(pocket.page, 5)
    pocket.alice.button("Members, invite").click()
    expect(pocket.dialog).to_be_visible()
    check(pocket.page, 4)
    pocket.page.keyboard.press("Escape")
    pocket.page.locator("#tabs button").nth(2).click()
    for tool in ("Events", "Webhooks", "Phones", "Usage", "Snippets"):
        pocket.choose_tool(tool)
        check(pocket.page, 5)


def test_the_theme_follows_the_system_until_one_is_chosen(console: Console) -> None:
    page = console.page
    theme = page.locator("html")
    page.emulate_media(color_scheme="dark")
    expect(theme).to_have_attribute("data-theme", "dark")
    console.header("Dark or light").click()
    expect(theme).to_have_attribute("data-theme", "light")
    page.reload()
    expect(theme).to_have_attribute("data-theme", "light")
