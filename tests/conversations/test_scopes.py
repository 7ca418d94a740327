"""The same resources below a service and, for the account's default service, without one."""

from __future__ import annotations

from typing import Any

import pytest
from twilio.rest import Client

from parley.operations import bindings, services
from tests.rest.support import refusal
from tests.support.doors import Raw
from tests.support.world import World


def test_a_conversation_with_a_participant_takes_a_message(conversation: Any):
    participant = conversation.participants.create(identity="alice")
    message = conversation.messages.create(author="alice", body="hello")
    assert [one.sid for one in conversation.participants.list()] == [participant.sid]
    assert [(one.sid, one.index, one.body) for one in conversation.messages.list()] == [(message.sid, 0, "hello")]


def test_the_default_service_is_made_when_it_is_first_needed(twilio: Client, world: World):
    api = twilio.conversations.v1
    configuration = api.configuration().fetch()
    conversation = api.conversations.create()
    assert conversation.chat_service_sid == configuration.default_chat_service_sid
    assert [service.sid for service in api.services.list()] == [configuration.default_chat_service_sid]


def test_a_service_that_conversations_makes_has_room_for_more_than_one_that_chat_makes(twilio: Client):
    makers = twilio.conversations.v1.services, twilio.chat.v2.services
    made = [maker.create(friendly_name="x").sid for maker in makers]
    assert [twilio.chat.v2.services(sid).fetch().limits for sid in made] == [
        {"channel_members": 1000, "user_channels": 1000},
        {"channel_members": 100, "user_channels": 250},
    ]


def test_connections_are_a_type_of_binding_that_no_push_registration_has(raw: Raw, world: World, service_sid: str):
    path = f"/conversations/v1/Services/{service_sid}"
    raw.post(f"{path}/Users", Identity="alice")
    credential = raw.post("/conversations/v1/Credentials", Type="fcm", Secret="x")["sid"]
    place = {"endpoint": "phone", "binding_type": "fcm", "address": "token", "message_types": []}
    bindings.register(world.context(), service_sid, "alice", credential_sid=credential, **place)
    assert [len(raw.get(f"{path}/Bindings", BindingType=name)["bindings"]) for name in ("fcm", "twilsock")] == [1, 0]


def test_another_default_service_takes_over_all_paths_without_a_service(twilio: Client, world: World, service_sid: str):
    api = twilio.conversations.v1
    api.configuration().update(default_chat_service_sid=service_sid)
    assert api.conversations.create().chat_service_sid == service_sid


def test_the_answer_to_a_new_default_service_shows_the_whole_configuration(
    twilio: Client, world: World, service_sid: str
):
    configuration = twilio.conversations.v1.configuration()
    before = configuration.update(default_closed_timer="PT1H")
    after = configuration.update(default_chat_service_sid=service_sid, default_inactive_timer="PT5M")
    assert (after.default_chat_service_sid, after.default_inactive_timer) == (service_sid, "PT5M")
    assert after.default_closed_timer == "PT1H"
    assert after.default_messaging_service_sid == before.default_messaging_service_sid is not None
    assert after.url == before.url


@pytest.mark.inferred
def test_no_service_takes_the_place_of_a_deleted_default_service_until_the_account_names_one(
    twilio: Client, world: World, service_sid: str
):
    api = twilio.conversations.v1
    default = api.configuration().fetch().default_chat_service_sid
    api.services(default).delete()
    for act in (api.conversations.create, lambda: api.users("alice").fetch()):
        assert refusal(act)[0] == 404
    assert api.configuration().fetch().default_chat_service_sid == default
    assert refusal(lambda: api.configuration().update(default_chat_service_sid=default))[0] == 404
    api.configuration().update(default_chat_service_sid=service_sid)
    assert api.conversations.create().chat_service_sid == service_sid
    assert [one.sid for one in api.services.list()] == [service_sid]


def test_a_service_that_is_only_remembered_does_not_become_the_default(twilio: Client, world: World, service_sid: str):
    api = twilio.conversations.v1
    before = api.configuration().fetch().default_chat_service_sid
    api.services(service_sid).conversations.list()
    elsewhere = world.another_container().context()
    services.delete(elsewhere, {"account_sid": world.account_sid, "sid": service_sid}, {})
    assert refusal(lambda: api.configuration().update(default_chat_service_sid=service_sid)) == (404, 50050)
    assert api.configuration().fetch().default_chat_service_sid == before


def test_a_private_channel_is_a_conversation_and_a_public_one_is_not(twilio: Client, service_sid: str):
    channels = twilio.chat.v2.services(service_sid).channels
    private, public = channels.create(type="private"), channels.create(type="public")
    conversations = twilio.conversations.v1.services(service_sid).conversations
    assert [one.sid for one in conversations.list()] == [private.sid]
    assert conversations(private.sid).fetch().state == "active"
    assert public.sid not in [one.sid for one in conversations.list()]


def test_a_change_of_an_identity_reveals_no_public_channel_and_changes_no_closed_one(twilio: Client, service_sid: str):
    channels = twilio.chat.v2.services(service_sid).channels
    public, closed = channels.create(type="public"), channels.create(type="private")
    for channel in (public, closed):
        channel.members.create(identity="ann")
    conversations = twilio.conversations.v1.services(service_sid).conversations
    conversations(closed.sid).update(state="closed")
    for channel, refused in ((public, (404, 20404)), (closed, (400, 50377))):
        participant = conversations(channel.sid).participants("ann")
        assert refusal(lambda one=participant: one.update(identity="bob")) == refused
