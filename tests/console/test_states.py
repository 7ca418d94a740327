"""Conversations that are inactive or closed: how the console shows them, and what can be done in them."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import expect

from tests.console.console import Console, Person
from tests.console.sockets import Sockets

CLOSED = "This conversation is closed. You can read it, but nothing more can be sent."


@pytest.fixture
def conversation(twilio: Any, service: Any, other: Any) -> Any:
    """The private channel, as a back end sees it through Conversations; bob has said something in it."""
    other.messages.create(from_="bob", body="Good bye")
    return twilio.conversations.v1.services(service.sid).conversations(other.fetch().sid)


@pytest.fixture
def talking(conversation: Any, unopened: Console) -> Console:
    """Alice and bob have the conversation open."""
    unopened.open()
    for person in (unopened.alice, unopened.bob):
        person.opens("Other")
        person.sees("Good bye")
    return unopened


def sees_it_closed(person: Person) -> None:
    expect(person.within(".read-only")).to_have_text(CLOSED)
    expect(person.field).to_be_hidden()
    expect(person.channel("Other").locator(".channel-state")).to_have_text("closed")
    expect(person.within(".subtitle")).to_contain_text("closed")
    person.sees("Good bye")


def test_a_conversation_that_is_closed_while_two_look_at_it_can_only_be_read(
    talking: Console, conversation: Any
) -> None:
    alice, bob = talking.alice, talking.bob
    bob.types("But I …")
    expect(alice.within(".typing")).to_have_text("bob is typing")
    conversation.update(state="closed")
    for person in (alice, bob):
        sees_it_closed(person)
    expect(alice.within(".typing")).to_have_text("")
    # Bob's cursor does not get lost, and who cannot see the page is told.
    expect(bob.within(".read-only")).to_be_focused()
    expect(talking.page.locator("#live")).to_contain_text(CLOSED)
    for button, count in (("Edit message", 0), ("Delete message", 1)):
        expect(bob.within(f".message button[aria-label='{button}']")).to_have_count(count)
    for dialog in ("Members, invite", "Channel settings"):
        alice.button(dialog).click()
        expect(talking.dialog.locator(".note")).to_have_text(CLOSED)
        expect(talking.dialog.locator("input")).to_have_count(0)
        talking.page.keyboard.press("Escape")


def test_a_conversation_that_was_closed_before_shows_no_unread_messages(conversation: Any, unopened: Console) -> None:
    conversation.update(state="closed")
    unopened.open()
    unopened.alice.has_unread("Other", 0)
    expect(unopened.page).to_have_title("Parley console")
    unopened.alice.opens("Other")
    sees_it_closed(unopened.alice)


def test_an_inactive_conversation_is_marked_until_somebody_says_something(talking: Console, conversation: Any) -> None:
    conversation.update(state="inactive")
    mark = talking.alice.channel("Other").locator(".channel-state")
    expect(mark).to_have_text("inactive")
    expect(talking.alice.within(".subtitle")).to_contain_text("inactive")
    talking.bob.says("One more thing")
    talking.alice.sees("Good bye", "One more thing")
    expect(mark).to_have_count(0)
    assert conversation.fetch().state == "active"


def test_a_message_that_meets_a_closed_conversation_is_shown_as_not_sent(unopened: Console, conversation: Any) -> None:
    sockets = Sockets(unopened.page)
    unopened.open()
    alice = unopened.alice
    alice.opens("Other")
    sockets.hold("sendMessage")
    alice.says("too late")
    conversation.update(state="closed")
    expect(alice.within(".read-only")).to_be_visible()
    sockets.let_go()
    expect(alice.within(".failed")).to_contain_text("Not sent: Conversation is closed (50377)")
    expect(alice.button("Try again")).to_have_count(0)
    alice.button("Discard").click()
    alice.sees("Good bye")


def test_the_settings_of_a_private_channel_change_the_state_of_the_conversation(
    talking: Console, conversation: Any
) -> None:
    for state in ("inactive", "active", "closed"):
        talking.alice.button("Channel settings").click()
        talking.dialog.get_by_label("State").select_option(state)
        talking.dialog_button("Save").click()
        expect(talking.dialog).to_have_count(0)
        assert conversation.fetch().state == state
        expect(talking.bob.channel("Other").locator(".channel-state")).to_have_text(
            [state] if state != "active" else []
        )
    sees_it_closed(talking.alice)
