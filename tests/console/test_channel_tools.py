"""What the console offers in a channel beside chatting: links, attributes, pending invites, the search."""

from __future__ import annotations

import json
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.console.console import Console
from tests.console.sockets import Sockets

LINKS = "(links) => links.map((link) => [link.getAttribute('href'), link.textContent, link.rel, link.target])"


def test_addresses_in_a_message_are_links_and_nothing_else_is(console: Console) -> None:
    text = (
        "See https://example.com/a_(b)?x=1. Or (http://example.org/c), but not javascript:alert(1), "
        "https://example.com@example.org/ or <a href='http://e.example'>this</a>"
    )
    console.alice.says(text)
    console.bob.sees(text)
    links = console.bob.within(".message .text a").evaluate_all(LINKS)
    safe = ["noopener noreferrer", "_blank"]
    assert links == [
        ["https://example.com/a_(b)?x=1", "https://example.com/a_(b)?x=1", *safe],
        ["http://example.org/c", "http://example.org/c", *safe],
        ["http://e.example/", "http://e.example", *safe],
    ]


def test_attributes_of_a_message_a_member_and_a_channel_are_edited_as_json(console: Console, general: Any) -> None:
    console.alice.says("Hello")
    console.alice.sees("Hello")
    console.page.keyboard.press("Shift+Tab")
    console.page.keyboard.press("a")
    field = console.dialog.get_by_label("Attributes (JSON)")
    expect(field).to_be_focused()
    field.fill("[1]")
    expect(console.dialog.get_by_role("alert").first).to_contain_text("a JSON object")
    field.fill('{"urgent": true}')
    console.dialog_button("Save").click()
    expect(console.dialog).to_have_count(0)
    console.alice.button("Members, invite").click()
    console.dialog.get_by_role("button", name="Attributes of bob").click()
    console.dialog.last.get_by_label("Attributes (JSON)").fill('{"seat": 2}')
    console.dialog.last.get_by_role("button", name="Save").click()
    expect(console.dialog).to_have_count(1)
    console.page.keyboard.press("Escape")
    console.alice.button("Channel settings").click()
    console.dialog.get_by_label("Attributes (JSON)").fill('{"topic": "lunch"}')
    console.dialog_button("Save").click()
    expect(console.dialog).to_have_count(0)
    stored = (general.messages.list()[0], general.members("bob").fetch(), general.fetch())
    assert [json.loads(one.attributes) for one in stored] == [{"urgent": True}, {"seat": 2}, {"topic": "lunch"}]


def test_pending_invites_are_listed_until_they_are_taken_back_or_accepted(console: Console, general: Any) -> None:
    for identity in ("carol", "dave"):
        general.invites.create(identity=identity)
    console.alice.button("Members, invite").click()
    invited = console.dialog.locator(".invited li")
    expect(invited).to_have_count(2)
    console.dialog.get_by_role("button", name="Take back the invitation of dave").click()
    expect(invited).to_have_count(1)
    expect(invited).to_have_attribute("data-identity", "carol")
    assert [invite.identity for invite in general.invites.list()] == ["carol"]
    general.members.create(identity="carol")  # who is added is a member, and no longer invited
    expect(invited).to_have_count(0)
    expect(console.dialog.locator("li[data-identity=carol]")).to_have_count(1)


def test_a_message_far_back_is_found_and_shown(unopened: Console, general: Any) -> None:
    general.messages.create(from_="bob", body="The needle")
    for number in range(40):
        general.messages.create(from_="bob", body=f"hay {number}")
    unopened.open("alice")
    unopened.alice.button("Search messages").click()
    expect(unopened.dialog.get_by_role("searchbox")).to_be_focused()
    unopened.page.keyboard.insert_text("NEEDLE bob")
    found = unopened.dialog.locator("li button")
    expect(found).to_have_count(1)
    expect(found.locator("mark")).to_have_text(["needle"])
    found.click()
    expect(unopened.alice.within(".message[data-index='0']")).to_be_focused()
    expect(unopened.alice.within(".message[data-index='0']")).to_be_in_viewport()


def test_nobody_is_shown_as_online_by_somebody_who_is_not_connected(unopened: Console) -> None:
    sockets = Sockets(unopened.page)
    unopened.open()
    dot = unopened.alice.within(".faces .dot")
    expect(dot).to_have_attribute("data-online", "true")
    sockets.shut()
    expect(dot).to_have_attribute("data-online", "unknown")
    expect(unopened.alice.within(".subtitle")).to_have_text("2 members · presence unknown")
    sockets.reopen()
    expect(dot).to_have_attribute("data-online", "true")


@pytest.fixture
def full(alone: Page) -> Page:
    """A page with one conversation of more messages than fit, which is at its end."""
    alone.set_viewport_size({"width": 800, "height": 500})
    alone.evaluate("for (let index = 2; index < 40; index += 1) arrive(index)")
    alone.locator(".message").nth(39).wait_for()
    return alone


@pytest.mark.parametrize("pixels", [300, 30], ids=["far", "a little"])
def test_a_message_that_comes_just_as_somebody_scrolls_up_does_not_pull_them_back(full: Page, pixels: int) -> None:
    """The event of the scrolling comes later than the message."""
    moved = full.evaluate(
        """(pixels) => {
          const scroller = document.querySelector('.scroller');
          scroller.scrollTop -= pixels;
          const before = scroller.scrollTop;
          arrive(40);
          return [before, scroller.scrollTop];
        }""",
        pixels,
    )
    assert moved[0] == moved[1] > 0
    expect(full.locator(".jump")).to_be_visible()


def test_a_list_at_its_end_follows_new_messages(full: Page) -> None:
    left = "(s) => s.scrollHeight - s.clientHeight - s.scrollTop"
    assert full.locator(".scroller").evaluate(left) < 2
    full.evaluate("arrive(40)")
    assert full.locator(".scroller").evaluate(left) < 2
