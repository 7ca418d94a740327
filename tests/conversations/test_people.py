"""Users, roles and user conversations: Conversations' names for Chat's records."""

from __future__ import annotations

from typing import Any

import pytest
from twilio.rest import Client

from parley.domain.horizon import capped
from tests.rest.support import refused


def test_a_role_is_the_same_in_both_apis_under_its_names_there(twilio: Client, service_sid: str):
    roles = twilio.conversations.v1.services(service_sid).roles
    names = ["addParticipant", "deleteConversation", "sendMessage"]
    role = roles.create(friendly_name="agent", type="conversation", permission=names)
    assert (role.type, role.permissions) == ("conversation", names)
    in_chat = twilio.chat.v2.services(service_sid).roles(role.sid).fetch()
    assert (in_chat.type, in_chat.permissions) == ("channel", ["addMember", "destroyChannel", "sendMessage"])


def test_an_update_of_a_role_keeps_what_the_api_cannot_name(twilio: Client, service_sid: str):
    in_chat = twilio.chat.v2.services(service_sid).roles
    in_conversations = twilio.conversations.v1.services(service_sid).roles
    role = in_chat.create(friendly_name="host", type="channel", permission=["inviteMember", "sendMessage"])
    assert in_conversations(role.sid).fetch().permissions == ["sendMessage"]
    in_conversations(role.sid).update(permission=["addNonChatParticipant"])
    assert in_chat(role.sid).fetch().permissions == ["inviteMember"]
    in_chat(role.sid).update(permission=["leaveChannel"])
    assert in_conversations(role.sid).fetch().permissions == ["leaveConversation", "addNonChatParticipant"]


@pytest.mark.inferred
def test_the_admins_of_a_new_service_may_add_phones(twilio: Client):
    made = twilio.conversations.v1.services.create(friendly_name="fresh")
    roles = twilio.conversations.v1.services(made.sid).roles.list()
    may = {role.friendly_name for role in roles if "addNonChatParticipant" in role.permissions}
    assert may == {"service admin", "channel admin"}


@pytest.mark.parametrize("name", ["inviteMember", "createChannel", "sendmessage"])
def test_a_permission_that_conversations_does_not_have_is_unknown(scope: Any, name: str):
    with refused(400, 50104, f"There is no permission {name} for a role of this type"):
        scope.roles.create(friendly_name="x", type="conversation", permission=[name])


def test_a_role_of_the_wrong_type_is_missing_under_the_code_of_its_use(scope: Any):
    service_role = next(role.sid for role in scope.roles.list() if role.type == "service")
    conversation = scope.conversations(scope.conversations.create().sid)
    with refused(404, 50109, f"Role not found: {service_role} is a role of the other type"):
        conversation.participants.create(identity="alice", role_sid=service_role)
    unknown = "RL" + "0" * 32
    with refused(404, 50102, f"Role not found: {unknown}"):
        scope.users.create(identity="alice", role_sid=unknown)


def test_a_user_conversation_shows_the_conversation_and_what_is_unread(scope: Any):
    created = scope.conversations.create(friendly_name="team", unique_name="team-of-alice", attributes='{"a": 1}')
    conversation = scope.conversations(created.sid)
    participant = conversation.participants.create(identity="alice")
    for body in ("one", "two"):
        conversation.messages.create(body=body)
    mine = scope.users("alice").user_conversations
    mine(created.sid).update(last_read_message_index=0, notification_level="muted")
    (shown,) = mine.list()
    assert shown.participant_sid == participant.sid
    assert (shown.friendly_name, shown.unique_name, shown.attributes) == ("team", "team-of-alice", '{"a": 1}')
    assert (shown.last_read_message_index, shown.unread_messages_count, shown.notification_level) == (0, 1, "muted")
    assert (shown.conversation_state, shown.timers) == ("active", conversation.fetch().timers)
    assert mine("team-of-alice").fetch().conversation_sid == created.sid


def test_leaving_by_the_user_conversation_removes_the_participant(conversation: Any, scope: Any):
    participant = conversation.participants.create(identity="alice")
    assert scope.users("alice").user_conversations(participant.conversation_sid).delete()
    assert conversation.participants.list() == []


def test_an_invited_user_does_not_take_part(twilio: Client, service_sid: str):
    chat = twilio.chat.v2.services(service_sid)
    channel = chat.channels.create(type="private")
    chat.users.create(identity="alice")
    chat.channels(channel.sid).invites.create(identity="alice")
    mine = twilio.conversations.v1.services(service_sid).users("alice").user_conversations
    assert mine.list() == []
    with refused(404, 20404, f"The requested resource {mine(channel.sid)._uri} was not found"):
        mine(channel.sid).fetch()


@pytest.mark.parametrize(("unread", "shown"), [(None, None), (0, 0), (1000, 1000), (1001, 1000), (10**9, 1000)])
def test_more_than_a_thousand_unread_messages_count_as_a_thousand(unread: int | None, shown: int | None):
    assert capped(unread) == shown
