"""The console with a keyboard only: every control is reached, shows its focus, and the focus stays where it was."""

from __future__ import annotations

from typing import Any

from playwright.sync_api import Locator, Page, expect

from tests.console.console import Console

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


def test_the_focus_comes_back_to_the_same_message_until_a_new_one_comes(console: Console, general: Any) -> None:
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
