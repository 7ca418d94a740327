"""Messages on their way, and what the console shows of them when the service does not answer."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Locator, expect

from tests.console.console import Console
from tests.console.sockets import Sockets

UNKNOWN = "It is unknown whether this was sent: no reply in time"


@pytest.fixture
def sockets(unopened: Console) -> Sockets:
    return Sockets(unopened.page)


@pytest.fixture
def console(unopened: Console, other: Any, sockets: Sockets) -> Console:
    """Alice and bob in two channels, with sockets that the test can hold back and break."""
    unopened.open()
    unopened.alice.opens("General")
    return unopened


def verdict(console: Console) -> Locator:
    """What alice is told of a message that did not come back."""
    return console.alice.within(".failed")


def send_without_answer(console: Console, sockets: Sockets, text: str) -> None:
    """Alice says something of which she hears nothing in time."""
    sockets.hold("sendMessage")
    console.alice.says(text)
    sockets.lose_patience()
    expect(verdict(console)).to_contain_text(UNKNOWN)


def test_a_message_on_its_way_is_still_shown_after_a_look_at_another_channel(
    console: Console, sockets: Sockets
) -> None:
    sockets.hold("sendMessage")
    console.alice.says("precious")
    console.alice.opens("Other")
    expect(console.alice.within(".pending")).to_have_count(0)
    console.alice.opens("General")
    expect(console.alice.within(".pending .sending")).to_be_visible()
    sockets.let_go()
    console.alice.sees("precious")


def test_a_message_that_arrives_while_another_channel_is_shown_is_shown_once(
    console: Console, sockets: Sockets
) -> None:
    sockets.hold("sendMessage")
    console.alice.says("precious")
    console.alice.opens("Other")
    sockets.let_go()
    console.bob.opens("General")
    console.bob.sees("precious")
    console.alice.opens("General")
    console.alice.sees("precious")


def test_a_message_that_gets_no_answer_while_another_channel_is_shown_is_reported_and_kept(
    console: Console, sockets: Sockets
) -> None:
    sockets.hold("sendMessage")
    console.alice.says("precious")
    console.alice.opens("Other")
    sockets.lose_patience()
    expect(console.page.locator(".toast")).to_have_text(f"alice to General: {UNKNOWN}")
    console.alice.opens("General")
    expect(verdict(console)).to_contain_text(UNKNOWN)


def test_a_message_that_was_sent_after_all_is_shown_once(console: Console, sockets: Sockets) -> None:
    send_without_answer(console, sockets, "slow")
    sockets.let_go()
    console.alice.sees("slow")


def test_the_same_words_sent_from_elsewhere_do_not_settle_an_unknown_message(
    console: Console, sockets: Sockets, general: Any
) -> None:
    send_without_answer(console, sockets, "slow")
    general.messages.create(from_="alice", body="slow")
    expect(console.alice.within(".message[data-index='0']")).to_be_visible()
    expect(verdict(console)).to_contain_text(UNKNOWN)
    sockets.let_go()
    console.alice.sees("slow", "slow")


def test_a_message_that_a_new_connection_brings_settles_an_unknown_one(
    console: Console, sockets: Sockets, general: Any
) -> None:
    send_without_answer(console, sockets, "slow")
    console.alice.disconnects()
    general.messages.create(from_="alice", body="slow")
    console.alice.connects()
    console.alice.sees("slow")


def test_a_message_that_a_broken_connection_missed_settles_an_unknown_one(
    console: Console, sockets: Sockets, general: Any
) -> None:
    send_without_answer(console, sockets, "slow")
    sockets.hold("fetchSession")
    sockets.cut()
    general.messages.create(from_="alice", body="slow")
    sockets.let_go()
    for person in (console.alice, console.bob):
        person.sees("slow")


def test_a_refused_message_is_shown_as_not_sent_and_can_be_sent_again(console: Console, sockets: Sockets) -> None:
    sockets.spoil("sendMessage")
    console.alice.says("spoilt")
    expect(verdict(console)).to_contain_text("Not sent: ")
    sockets.spoil("")
    console.alice.button("Try again").click()
    console.alice.sees("spoilt")


@pytest.mark.parametrize("then", ["a new connection", "a click on it"])
def test_a_channel_that_could_not_be_shown_is_shown_after(
    console: Console, sockets: Sockets, other: Any, then: str
) -> None:
    other.messages.create(from_="alice", body="in Other")
    console.bob.opens("General")
    sockets.hold("listMessages")
    console.bob.opens("Other")
    sockets.lose_patience()
    expect(console.bob.within(".nothing")).to_have_text("The channel cannot be shown: no reply in time")
    sockets.let_go()
    if then == "a new connection":
        sockets.cut()
    else:
        console.bob.opens("Other")
    console.bob.sees("in Other")


# Pushes that come late.


def join_again(console: Console, sockets: Sockets, other: Any) -> None:
    """Bob joins Other again, and the request that counts what he has not read is held back."""
    row = console.bob.channel("Other")
    other.members("bob").delete()
    expect(row).to_have_count(0)
    sockets.hold("fetchMyChannel")
    other.members.create(identity="bob")
    expect(row).to_be_visible()


def require_unread(console: Console, sockets: Sockets, count: int) -> None:
    """Bob's badge shows this number when the service has counted, and still when the held pushes came after that."""
    sockets.await_held_pushes(2)
    sockets.let_go()
    console.bob.has_unread("Other", count)
    sockets.let_pushes_go()
    console.alice.says("later")
    console.bob.sees("later")
    console.bob.has_unread("Other", count)


def test_a_message_that_the_service_counts_before_its_push_comes_is_counted_once(
    console: Console, sockets: Sockets, other: Any
) -> None:
    join_again(console, sockets, other)
    sockets.hold_pushes("messageAdded")
    other.messages.create(from_="alice", body="one")
    require_unread(console, sockets, 1)


def test_a_message_that_is_removed_before_the_service_counts_is_taken_off_once(
    console: Console, sockets: Sockets, other: Any
) -> None:
    made = [other.messages.create(from_="alice", body=body) for body in ("one", "two", "three")]
    join_again(console, sockets, other)
    sockets.hold_pushes("messageRemoved")
    made[-1].delete()
    require_unread(console, sockets, 2)
