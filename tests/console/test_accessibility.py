"""The console as an accessibility checker sees it, in light and dark; what is read out, and what moves."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from playwright.sync_api import Page, expect

from local.stack.running import Stack
from tests.console.attaching import PICTURE, SOUND, STORE, TABLE, chooses, named, sends, shows_picture
from tests.console.console import Console
from tests.console.films import make_film
from tests.console.looks import Checker, fits


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
