"""Two people converse in the console: what one does, the other sees."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.console.console import Console


def test_two_people_converse(console: Console) -> None:
    said: list[str] = []
    for speaker, text in (
        (console.alice, "Hello, bob"),
        (console.bob, '<img src=x onerror=alert(1)> & "quotes" 🎉'),
        (console.alice, "How are you?"),
    ):
        speaker.says(text)
        said.append(text)
        for person in (console.alice, console.bob):
            person.sees(*said)


def test_shift_and_enter_make_a_new_line(console: Console) -> None:
    console.alice.types("one")
    console.page.keyboard.press("Shift+Enter")
    console.page.keyboard.insert_text("two")
    console.page.keyboard.press("Enter")
    console.bob.sees("one two")
    assert console.bob.within(".message .text").text_content() == "one\ntwo"


def test_typing_is_seen_by_the_other_until_the_message_comes(console: Console) -> None:
    console.bob.types("I am thinking")
    expect(console.alice.within(".typing")).to_have_text("bob is typing")
    console.page.keyboard.press("Enter")
    console.alice.sees("I am thinking")
    for person in (console.alice, console.bob):
        expect(person.within(".typing")).to_have_text("")


def test_typing_that_no_message_follows_ends_by_itself(unopened: Console, twilio: Any) -> None:
    twilio.chat.v2.services(unopened.service_sid).update(typing_indicator_timeout=1)
    unopened.open()
    # Each text that the line shows is noted on the page itself.
    unopened.alice.within(".typing").evaluate(
        """(line) => {
          const note = () => (document.body.dataset.shown = `${document.body.dataset.shown ?? ''}[${line.textContent}]`);
          new MutationObserver(note).observe(line, { childList: true });
        }"""
    )
    unopened.bob.types("…")
    expect(unopened.page.locator("body")).to_have_attribute("data-shown", "[bob is typing][]")


def test_a_badge_counts_unread_messages_and_goes_when_they_are_read(console: Console, other: Any) -> None:
    console.alice.says("one")
    console.alice.says("two")
    console.bob.has_unread("General", 2)
    expect(console.bob.within(".unread")).to_be_visible()
    console.bob.looks()
    console.bob.has_unread("General", 0)
    console.bob.opens("Other")
    console.alice.says("three")
    console.bob.has_unread("General", 1)
    console.bob.opens("General")
    console.bob.has_unread("General", 0)
    console.bob.sees("one", "two", "three")


def test_the_read_mark_moves_when_the_other_looks(console: Console) -> None:
    console.alice.says("first")
    console.bob.looks()
    console.alice.has_read_mark("bob", 0)
    console.alice.says("second")
    console.bob.sees("first", "second")
    console.alice.has_read_mark("bob", 0)
    console.bob.looks()
    console.alice.has_read_mark("bob", 1)


def test_an_answer_counts_as_reading_and_has_no_mark(console: Console) -> None:
    console.alice.says("question")
    console.bob.sees("question")
    console.bob.says("answer")
    console.alice.sees("question", "answer")
    console.bob.has_unread("General", 0)
    heard = console.events.filter(has_text="lastConsumedMessageIndex").filter(has_text="bob in General")
    expect(heard.filter(has=console.page.locator(".who", has_text="alice")).first).to_be_attached()
    expect(console.alice.within(".read")).to_have_count(0)


def test_both_see_that_a_message_was_edited_or_deleted(console: Console) -> None:
    console.alice.says("one")
    console.alice.says("to")
    console.alice.sees("one", "to")
    console.alice.acts_on(1, "Edit message")
    console.alice.field.fill("two")
    console.page.keyboard.press("Enter")
    console.bob.sees("one", "two")
    expect(console.bob.within(".message .edited")).to_be_visible()
    console.alice.acts_on(0, "Delete message")
    console.dialog_button("Delete").click()
    for person in (console.bob, console.alice):
        person.sees("two")


def test_days_that_alternate_have_a_heading_each_time(console: Console, general: Any) -> None:
    now = datetime.now(UTC)
    bodies = [f"{days} days ago" for days in (2, 0, 2, 0)]
    for body in bodies:
        general.messages.create(from_="bob", body=body, date_created=now - timedelta(days=int(body[0])))
    console.alice.sees(*bodies)
    headings = console.alice.within(".day").all_inner_texts()
    assert len(headings) == 4 and headings[0] == headings[2] != headings[1] == headings[3] == "Today"


@pytest.fixture
def long(general: Any) -> list[str]:
    """More messages in the channel than the console reads at once."""
    bodies = [f"message {number}" for number in range(45)]
    for body in bodies:
        general.messages.create(from_="bob", body=body)
    return bodies


def test_earlier_messages_come_when_somebody_scrolls_up(unopened: Console, long: list[str]) -> None:
    unopened.open()
    expect(unopened.alice.within(".message")).to_have_count(30)
    unopened.alice.within(".scroller").evaluate("(scroller) => { scroller.scrollTop = 0; }")
    unopened.alice.sees(*long)


def test_earlier_messages_come_when_a_tall_window_has_room_for_them(unopened: Console, long: list[str]) -> None:
    unopened.page.set_viewport_size({"width": 1440, "height": 3000})
    unopened.open("alice")
    unopened.alice.sees(*long)


def test_earlier_messages_come_when_a_hidden_pane_with_room_is_shown(unopened: Console, long: list[str]) -> None:
    unopened.open()
    unopened.page.set_viewport_size({"width": 600, "height": 3000})
    unopened.page.reload()
    unopened.await_ready()
    unopened.page.locator("#tabs button").nth(1).click()
    unopened.bob.sees(*long)
