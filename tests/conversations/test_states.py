"""States of conversations (https://www.twilio.com/docs/conversations/states-timers): what each allows, and how they follow."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from twilio.rest import Client

from parley.store import keys
from tests.rest.support import refusal
from tests.support.invariants import everything
from tests.support.lean import LeanClient
from tests.support.world import World

CLOSED, INITIALIZING = 50377, 50386

# Changes of a conversation that has a participant (alice) and a message.
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


@pytest.mark.parametrize("name", CHANGES)
def test_a_conversation_that_is_being_made_takes_no_change(used: Any, world: World, name: str):
    sid = used.fetch().sid
    world.table.touch(keys.tail(sid), {"state": "initializing"})
    assert refusal(lambda: CHANGES[name](used)) == (400, INITIALIZING)
    ALWAYS["list messages"](used)


@pytest.mark.parametrize("name", ["post a message", "edit a message", "add a participant"])
def test_chat_meets_closed_conversations_too(twilio: Client, service_sid: str, name: str):
    api = twilio.conversations.v1.services(service_sid)
    sid = api.conversations.create(unique_name="den").sid
    channel = twilio.chat.v2.services(service_sid).channels(sid)
    message = channel.messages.create(body="hello")
    api.conversations(sid).update(state="closed")
    acts = {
        "post a message": lambda: channel.messages.create(body="more"),
        "edit a message": lambda: channel.messages(message.sid).update(body="other"),
        "add a participant": lambda: channel.members.create(identity="alice"),
    }
    assert refusal(acts[name]) == (400, CLOSED)
    assert channel.fetch().messages_count == 1


def test_a_closed_conversation_keeps_its_unique_name_until_it_is_deleted(twilio: Client, service_sid: str):
    conversations = twilio.conversations.v1.services(service_sid).conversations
    conversations.create(unique_name="den")
    conversations("den").update(state="closed")
    assert refusal(lambda: conversations.create(unique_name="den")) == (409, 50353)
    conversations("den").delete()
    assert conversations.create(unique_name="den").state == "active"


def test_a_refused_change_leaves_a_closed_conversation_as_it_was(used: Any, world: World, lean: LeanClient):
    used.update(state="closed")
    before = everything(lean, world._table_name, world.account_sid)
    for act in CHANGES.values():
        refusal(lambda act=act: act(used))
    assert everything(lean, world._table_name, world.account_sid) == before


def test_a_transition_stores_what_webhooks_report_of_it(used: Any, world: World):
    sid = used.fetch().sid
    told = []
    for act in (lambda: used.update(state="inactive"), lambda: used.messages.create(body="more")):
        act()
        stored = world.table.fetch(keys.channel(sid)) or {}
        told.append([stored.get(name) for name in ("state_from", "state", "state_reason")])
        assert 0 <= world.clock.now_ms() - stored["state_at"] < 1000
    assert told == [["active", "inactive", "API"], ["inactive", None, "EVENT"]]


def test_adding_somebody_who_is_there_already_does_not_wake_the_conversation(used: Any):
    used.update(state="inactive")
    assert refusal(lambda: used.participants.create(identity="alice")) == (409, 50433)
    assert used.fetch().state == "inactive"
