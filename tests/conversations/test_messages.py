"""Messages as Conversations shows them: who wrote them, what they carry, and content templates."""

from __future__ import annotations

from typing import Any

import pytest
from twilio.rest import Client

from tests.rest.support import refused

CONTENT = "HX" + "0a" * 16


def test_a_message_of_a_participant_names_the_participant(conversation: Any):
    participant = conversation.participants.create(identity="alice")
    by_alice = conversation.messages.create(author="alice", body="hello")
    by_nobody = conversation.messages.create(body="hello")
    assert (by_alice.participant_sid, by_nobody.participant_sid, by_nobody.author) == (participant.sid, None, "system")
    assert [message.participant_sid for message in conversation.messages.list()] == [participant.sid, None]


def test_another_author_is_another_participant(conversation: Any):
    alice, bob = (conversation.participants.create(identity=name) for name in ("alice", "bob"))
    message = conversation.messages.create(author="alice", body="hello")
    assert conversation.messages(message.sid).update(author="bob").participant_sid == bob.sid
    assert conversation.messages(message.sid).update(author="carol").participant_sid is None
    assert conversation.messages(message.sid).update(author="alice").participant_sid == alice.sid


@pytest.mark.inferred
def test_an_author_whom_chat_names_is_the_participant_who_was_there_and_still_is(twilio: Client, service_sid: str):
    messages = (
        twilio.chat.v2.services(service_sid)
        .channels(twilio.chat.v2.services(service_sid).channels.create(type="private").sid)
        .messages
    )
    conversation = twilio.conversations.v1.services(service_sid).conversations(messages._solution["channel_sid"])
    early = messages.create(body="hello", from_="bob")
    alice, _, carol = (conversation.participants.create(identity=name) for name in ("alice", "bob", "carol"))
    for name in ("alice", "dave", "carol", None):
        messages.create(body="hello", **({"from_": name} if name else {}))
    by_alice = conversation.messages.create(author="alice", body="hello")
    messages.get(by_alice.sid).update(from_="carol")
    carol_s = conversation.messages.list()[-1]
    assert [one.participant_sid for one in conversation.messages.list()] == [
        *(None, alice.sid, None, carol.sid, None),
        carol.sid,
    ]
    assert [conversation.messages(one.sid).fetch().participant_sid for one in (early, carol_s)] == [None, carol.sid]
    assert conversation.messages(carol_s.sid).update(body="x").participant_sid == carol.sid
    carol.delete()
    assert conversation.messages(carol_s.sid).fetch().participant_sid is None


def test_a_message_without_phones_to_go_to_has_no_delivery_and_no_receipts(conversation: Any):
    conversation.participants.create(identity="alice")
    message = conversation.messages.create(author="alice", body="hello")
    assert message.delivery is None
    assert conversation.messages(message.sid).delivery_receipts.list() == []
    with refused(404, 20404, f"The requested resource {_receipt(conversation, message)._uri} was not found"):
        _receipt(conversation, message).fetch()


def _receipt(conversation: Any, message: Any) -> Any:
    return conversation.messages(message.sid).delivery_receipts("DY" + "0" * 32)


def test_a_message_may_name_a_template_in_place_of_a_body(conversation: Any):
    message = conversation.messages.create(content_sid=CONTENT, content_variables='{"1": "Alice"}', subject="Hello")
    assert (message.content_sid, message.body) == (CONTENT, None)


REFUSED = [
    ({}, 50503, "Message body is required"),
    ({"content_sid": "HX1"}, 50526, "ContentSid must be a SID beginning with HX"),
    ({"content_sid": CONTENT, "content_variables": "[1]"}, 50527, "ContentVariables is not a JSON object with texts"),
    ({"content_sid": CONTENT, "content_variables": "{"}, 50527, "ContentVariables is not a JSON object with texts"),
    # Half of a pair of surrogates is no text.
    (
        {"content_sid": CONTENT, "content_variables": r'{"1": "\ud800"}'},
        50527,
        "ContentVariables is not a JSON object with texts",
    ),
    ({"body": "x", "content_variables": "{}"}, 50528, "ContentVariables was given without ContentSid"),
    (
        {"content_sid": CONTENT, "content_variables": '{"1": "' + "x" * 27_800 + '"}'},
        50529,
        "ContentVariables is too long: at most 100 variables and 27801 characters",
    ),
    (
        {"content_sid": CONTENT, "content_variables": '{"' + "x" * 17 + '": ""}'},
        50540,
        "The name of a content variable is too long: at most 16 characters",
    ),
    (
        {"content_sid": CONTENT, "content_variables": '{"1": "' + "x" * 257 + '"}'},
        50541,
        "A content variable is too long: at most 256 characters",
    ),
]


@pytest.mark.parametrize(("form", "code", "text"), REFUSED, ids=lambda value: value if isinstance(value, int) else "")
def test_a_message_that_cannot_be_is_refused(conversation: Any, form: dict[str, str], code: int, text: str):
    with refused(400, code, text):
        conversation.messages.create(**form)
    assert conversation.messages.list() == []


def test_conversations_shows_the_message_that_chat_writes(twilio: Client, service_sid: str):
    channel = twilio.chat.v2.services(service_sid).channels.create(type="private")
    written = twilio.chat.v2.services(service_sid).channels(channel.sid).messages.create(body="hello", from_="alice")
    (message,) = twilio.conversations.v1.services(service_sid).conversations(channel.sid).messages.list()
    assert (message.sid, message.index, message.author, message.body) == (written.sid, 0, "alice", "hello")
