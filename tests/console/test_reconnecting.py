"""A new connection in the console: nobody has missed anything, and a channel that is read again shows it once."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from local.stack.running import Stack
from tests.console.browser import tab
from tests.console.console import Console


def test_a_person_who_reconnects_has_missed_nothing(console: Console) -> None:
    console.alice.says("before")
    console.bob.sees("before")
    console.bob.disconnects()
    console.alice.says("meanwhile")
    console.bob.connects()
    console.alice.says("after")
    console.bob.sees("before", "meanwhile", "after")


@pytest.mark.parametrize("after", ["the plug", "another identity", "presence"])
def test_a_channel_opens_after_its_pane_got_a_new_connection(
    console: Console, other: Any, general: Any, after: str
) -> None:
    reader = console.bob
    other.messages.create(from_="alice", body="in Other")
    reader.has_unread("Other", 1)
    if after == "the plug":
        reader.disconnects()
        reader.connects()
    elif after == "another identity":
        general.members.create(identity="carol")
        reader = reader.becomes("carol")
    else:
        console.switch_presence(on=False)
    reader.opens("Other")
    reader.sees("in Other")


def test_a_member_who_is_added_again_opens_the_private_channel_by_its_new_name(console: Console, other: Any) -> None:
    rows = console.bob.within(".channel")
    expect(rows).to_have_count(2)
    other.members("bob").delete()
    expect(rows).to_have_count(1)
    other.update(friendly_name="Another")
    other.members.create(identity="bob")
    console.bob.opens("Another")


def test_a_person_who_reloads_has_missed_nothing(
    browser: Browser, page: Page, problems: list[str], stack: Stack, service: Any
) -> None:
    mine = Console(page, stack, service.sid)
    mine.open("alice")
    with tab(browser, problems) as second:
        theirs = Console(second, stack, service.sid)
        theirs.open("bob")
        mine.alice.says("before")
        theirs.bob.sees("before")
        theirs.bob.says("seen")
        mine.alice.sees("before", "seen")
        held: list[Route] = []
        second.route("**/parley.js", lambda route: held.append(route))
        second.reload(wait_until="commit")
        mine.alice.has_presence("bob", False)
        meanwhile = [f"meanwhile {number}" for number in range(8)]
        for body in meanwhile:
            mine.alice.says(body)
        mine.alice.sees("before", "seen", *meanwhile)
        assert held
        for route in held:
            route.continue_()
        theirs.await_ready(1)
        mine.alice.says("after")
        theirs.bob.sees("before", "seen", *meanwhile, "after")
        theirs.bob.says("I have read it all")
        mine.alice.sees("before", "seen", *meanwhile, "after", "I have read it all")


def test_a_message_that_arrives_while_a_channel_is_read_again_stays_once_and_in_order(alone: Page) -> None:
    alone.evaluate("readAgain(2, 3, 4)")
    alone.evaluate("arrive(4), arrive(5)")
    alone.evaluate("answer(), reading")
    expect(alone.locator(".message .text")).to_have_text(["message 2", "message 3", "message 4", "message 5"])


def test_the_badge_of_a_channel_that_was_read_again_counts_its_present_messages(alone: Page) -> None:
    alone.evaluate("readAgain(1, 2, 3)")
    alone.evaluate("answer(), reading")
    assert alone.evaluate("unread") == 3


def test_nobody_is_shown_as_typing_after_a_channel_was_read_again(alone: Page) -> None:
    alone.evaluate("type()")
    alone.locator(".typing .dots").wait_for()
    alone.evaluate("readAgain(0, 1)")
    alone.evaluate("answer(), reading")
    expect(alone.locator(".typing")).to_have_text("")
