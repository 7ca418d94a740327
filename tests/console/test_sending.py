"""What is on its way, and what becomes of it when the service does not answer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from local.stack.running import Stack
from tests.console.browser import Page
from tests.console.console import Console

PATIENCE = (Path(__file__).parent / "patience.js").read_text()
UNKNOWN = "It is unknown whether this was sent: no reply in time"


@pytest.fixture
def console(page: Page, stack: Stack, service: Any, other: Any) -> Console:
    """Alice and bob, and between the page and the service somebody who can hold and spoil what is sent."""
    page.command("Page.addScriptToEvaluateOnNewDocument", source=f"({PATIENCE})()")
    opened = Console(page, stack)
    opened.open(service.sid)
    opened.alice.opens("General")
    return opened


def verdicts(console: Console) -> list[str]:
    """What alice is told of that which did not come back."""
    return [text.splitlines()[0].strip() for text in console.page.texts(console.alice.within(".failed"))]


def loses_patience(console: Console, text: str) -> None:
    """Alice says something of which she hears nothing in time."""
    console.page.evaluate("window.holds = 'sendMessage'")
    console.alice.says(text)
    console.page.until("held.length === 1")
    console.page.evaluate("losePatience()")
    console.page.wait_for(console.alice.within(".failed"))


def test_what_is_on_its_way_is_still_there_after_a_look_at_another_channel(console: Console) -> None:
    console.page.evaluate("window.holds = 'sendMessage'")
    console.alice.says("precious")
    console.alice.opens("Other")
    assert console.page.count(console.alice.within(".pending")) == 0
    console.alice.opens("General")
    console.page.wait_for(console.alice.within(".pending .sending"))
    console.page.evaluate("letGo()")
    console.alice.sees("precious")


def test_what_is_sent_while_another_channel_is_shown_is_shown_once(console: Console) -> None:
    console.page.evaluate("window.holds = 'sendMessage'")
    console.alice.says("precious")
    console.alice.opens("Other")
    console.page.evaluate("letGo()")
    console.bob.opens("General")
    console.bob.sees("precious")
    console.alice.opens("General")
    console.alice.sees("precious")


def test_what_comes_to_nothing_while_another_channel_is_shown_is_told_and_found_again(console: Console) -> None:
    page = console.page
    page.evaluate("window.holds = 'sendMessage'")
    console.alice.says("precious")
    console.alice.opens("Other")
    page.until("held.length === 1")
    page.evaluate("losePatience()")
    page.wait_for(".toast", "alice to General: It is unknown whether this was sent: no reply in time")
    console.alice.opens("General")
    page.wait_for(console.alice.within(".failed"))
    assert verdicts(console) == [UNKNOWN]


def test_of_what_was_not_answered_it_is_said_that_nobody_knows(console: Console) -> None:
    loses_patience(console, "slow")
    assert verdicts(console) == [UNKNOWN]


def test_what_was_sent_after_all_is_there_once_and_no_longer_in_question(console: Console) -> None:
    loses_patience(console, "slow")
    console.page.evaluate("letGo()")
    console.alice.sees("slow")


def test_the_same_words_from_elsewhere_do_not_stand_for_what_is_in_question(console: Console, general: Any) -> None:
    loses_patience(console, "slow")
    general.messages.create(from_="alice", body="slow")
    console.page.wait_for(console.alice.within(".message[data-index='0']"))
    assert verdicts(console) == [UNKNOWN]
    console.page.evaluate("letGo()")
    console.alice.sees("slow", "slow")


def test_what_a_new_connection_brings_stands_for_what_was_in_question(console: Console, general: Any) -> None:
    loses_patience(console, "slow")
    console.page.click(console.alice.within("button"), "Disconnect")
    general.messages.create(from_="alice", body="slow")
    console.page.click(console.alice.within("button"), "Connect")
    console.alice.sees("slow")


def test_what_a_broken_connection_missed_stands_for_what_was_in_question(console: Console, general: Any) -> None:
    loses_patience(console, "slow")
    console.page.evaluate("window.holds = 'fetchSession'")
    console.page.evaluate("cut()")
    general.messages.create(from_="alice", body="slow")
    console.page.evaluate("letGo()")
    console.alice.sees("slow")
    console.bob.sees("slow")


def test_of_what_was_refused_it_is_said_that_it_was_not_sent_and_it_is_sent_again(console: Console) -> None:
    console.page.evaluate("window.spoils = 'sendMessage'")
    console.alice.says("spoilt")
    console.page.wait_for(console.alice.within(".failed"))
    assert verdicts(console)[0].startswith("Not sent: ")
    console.page.evaluate("window.spoils = null")
    console.page.click(console.alice.within(".failed button"), "Try again")
    console.alice.sees("spoilt")


def fails_to_open(console: Console, other: Any) -> None:
    """Bob opens a channel of which he hears nothing in time."""
    other.messages.create(from_="alice", body="in Other")
    console.bob.opens("General")
    console.page.evaluate("window.holds = 'listMessages'")
    console.bob.opens("Other")
    console.page.until("held.length === 1")
    console.page.evaluate("losePatience(), window.holds = null")
    console.page.wait_for(console.bob.within(".nothing"), "The channel cannot be shown: no reply in time")


def test_a_channel_that_could_not_be_shown_is_shown_with_the_next_connection(console: Console, other: Any) -> None:
    fails_to_open(console, other)
    console.page.evaluate("cut()")
    console.bob.sees("in Other")


def test_a_channel_that_could_not_be_shown_is_shown_when_it_is_clicked_on(console: Console, other: Any) -> None:
    fails_to_open(console, other)
    console.bob.opens("Other")
    console.bob.sees("in Other")
