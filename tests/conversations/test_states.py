"""States of conversations (https://www.twilio.com/docs/conversations/states-timers): what each allows, and how they follow."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from twilio.base.exceptions import TwilioRestException

CLOSED, INITIALIZING = 50377, 50386

# What is done to a conversation that has a participant (alice) and a message.
CHANGES: dict[str, Callable[[Any], Any]] = {
    "post a message": lambda one: one.messages.create(body="more"),
    "edit a message": lambda one: one.messages(one.messages.list()[0].sid).update(body="other"),
    "add a participant": lambda one: one.participants.create(identity="bob"),
    "update a participant": lambda one: one.participants("alice").update(attributes="{}"),
    "move a read horizon": lambda one: one.participants("alice").update(last_read_message_index=0),
    "update the conversation": lambda one: one.update(friendly_name="other"),
    "set the state": lambda one: one.update(state="active"),
}
ALWAYS: dict[str, Callable[[Any], Any]] = {
    "fetch the conversation": lambda one: one.fetch(),
    "list messages": lambda one: one.messages.list(),
    "fetch a participant": lambda one: one.participants("alice").fetch(),
    "remove a participant": lambda one: one.participants("alice").delete(),
    "remove a message": lambda one: one.messages(one.messages.list()[0].sid).delete(),
    "delete the conversation": lambda one: one.delete(),
}


@pytest.fixture
def used(conversation: Any) -> Any:
    conversation.participants.create(identity="alice")
    conversation.messages.create(body="hello")
    return conversation


def refusal(act: Callable[[], Any]) -> tuple[int, int | None]:
    with pytest.raises(TwilioRestException) as refused:
        act()
    return refused.value.status, refused.value.code


@pytest.mark.parametrize("state", ["active", "inactive"])
@pytest.mark.parametrize("name", [*CHANGES, *ALWAYS])
def test_everything_can_be_done_in_a_conversation_that_is_open(used: Any, name: str, state: str):
    used.update(state=state)
    {**CHANGES, **ALWAYS}[name](used)


@pytest.mark.parametrize("name", CHANGES)
def test_a_closed_conversation_takes_no_change(used: Any, name: str):
    used.update(state="closed")
    assert refusal(lambda: CHANGES[name](used)) == (400, CLOSED)


@pytest.mark.parametrize("name", ALWAYS)
def test_a_closed_conversation_can_be_read_and_cleared(used: Any, name: str):
    used.update(state="closed")
    ALWAYS[name](used)


@pytest.mark.parametrize("name", ["post a message", "add a participant", "set the state"])
def test_an_inactive_conversation_becomes_active_when_something_happens_in_it(used: Any, name: str):
    used.update(state="inactive")
    CHANGES[name](used)
    assert used.fetch().state == "active"


@pytest.mark.parametrize("name", ["edit a message", "update a participant", "update the conversation"])
def test_an_inactive_conversation_stays_inactive_while_it_is_edited(used: Any, name: str):
    used.update(state="inactive")
    CHANGES[name](used)
    assert used.fetch().state == "inactive"


@pytest.mark.parametrize("state", ["inactive", "active"])
def test_a_conversation_may_be_created_in_a_state(scope: Any, state: str):
    made = scope.conversations.create(state=state)
    assert (made.state, scope.conversations(made.sid).fetch().state) == (state, state)


@pytest.mark.parametrize(
    ("given", "code"), [("", 50374), ("asleep", 50378), ("initializing", 50378), ("Active", 50378)]
)
def test_a_state_that_there_is_not_is_refused(conversation: Any, given: str, code: int):
    assert refusal(lambda: conversation.update(state=given)) == (400, code)


def test_a_conversation_cannot_be_created_closed(scope: Any):
    assert refusal(lambda: scope.conversations.create(state="closed")) == (400, 50384)
