"""One story about conversations: in the default service and below a service, with the libraries for Python and for Node."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from local.stack.running import Stack
from local.template.template import Template
from parley.operations import bindings
from tests.conversations.story.story import HERE, STEPS, settled, tell
from tests.helper_libraries.transcripts import helper_library_for_node, transcript
from tests.support.behind import world_behind
from tests.support.doors import LambdaDoor, Library
from tests.support.lean import LeanClient
from tests.support.receipts import delivered
from tests.support.world import World

REFUSED = {
    "create half a credential": (400, 20001),
    "create half a webhook": (400, 50370),
    "create one with nonsense": (400, 50424),
    "configure the address again": (409, 20409),
    "configure another's address": (400, 20001),
    "create an impossible role": (400, 50104),
    "create the user again": (409, 50201),
    "create a reserved user": (400, 50203),
    "fetch an unknown user": (404, 20404),
    "take a taken name": (409, 50353),
    "take a timer that is too short": (400, 50375),
    "break its attributes": (400, 50304),
    "list backwards days": (400, 50396),
    "add the participant again": (409, 50433),
    "add the phone elsewhere": (409, 50416),
    "add half a phone": (400, 50407),
    "add nobody": (400, 50204),
    "find conversations of both": (400, 50451),
    "find conversations of nobody": (400, 20001),
    "delete a role in use": (409, 20409),
    "send nothing": (400, 50503),
    "delete it again": (404, 20404),
    "send to a closed conversation": (400, 50377),
    "open a closed conversation": (400, 50377),
    "add to a closed conversation": (400, 50377),
    "delete a role given a moment ago": (409, 20409),
}
# The resources that do not show their service in the default scope (`contract`).
_IN_DEFAULT_SCOPE = re.compile(r"(conversations/v1|resource )/(\w*Conversations?\w*|Roles|Users)\b")
_WITHOUT_SERVICE = ("participants", "messages", "delivery_receipts", "webhooks")


def prepared(world: World, library: Library) -> dict[str, str]:
    """A service with what only clients and carriers can make; SIDs by their names in the story."""
    api = library.client().conversations.v1
    for left in api.address_configurations.list():
        left.delete()
    service = api.services.create(friendly_name="a service").sid
    api.services(service).users.create(identity="alice")
    credential = api.credentials.create(type="fcm", secret="x").sid
    place = {"endpoint": "phone", "binding_type": "fcm", "address": "token", "message_types": []}
    binding = bindings.register(world.context(), service, "alice", credential_sid=credential, **place)
    conversation = api.services(service).conversations(api.services(service).conversations.create().sid)
    participant = conversation.participants.create(identity="alice")
    message = conversation.messages.create(author="alice", body="to a phone")
    path = {"service_sid": service, "channel_sid": message.conversation_sid, "index": message.index}
    return {
        "service": service,
        "binding": binding["sid"],
        "told": message.conversation_sid,
        "sent": message.sid,
        "receipt": delivered(world.context(), path, message.sid, participant.sid),
    }


def told_in_python(world: World, *, below_service: bool) -> list[list[Any]]:
    """What the library for Python was told."""
    library = Library(LambdaDoor(world))
    names = prepared(world, library)
    api = library.client().conversations.v1
    calls = tell(api, api.services(names["service"]) if below_service else api, names)
    return settled(calls, LambdaDoor.base_url)


def below_a_service(step: list[Any], call: list[Any]) -> list[Any]:
    """What must be told below a service, if this was told in the default scope."""
    if not step[1].startswith("scope."):
        return call
    title, told = json.loads(_IN_DEFAULT_SCOPE.sub(r"\1/Services/IS 1/\2", json.dumps(call, ensure_ascii=False)))
    if re.sub(r"\(.*?\)", "", step[1]).rpartition(".")[2] in _WITHOUT_SERVICE:
        for item in told if isinstance(told, list) else [told]:
            if isinstance(item, dict) and "account_sid" in item:
                item["chat_service_sid"] = "IS 1"
    return [title, told]


@pytest.mark.proves(
    "conversations:CreateConfigurationAddress", "conversations:CreateConversation",
    "conversations:CreateConversationMessage", "conversations:CreateConversationParticipant",
    "conversations:CreateConversationScopedWebhook", "conversations:CreateConversationWithParticipants",
    "conversations:CreateCredential", "conversations:CreateRole", "conversations:CreateService",
    "conversations:CreateServiceConversation", "conversations:CreateServiceConversationMessage",
    "conversations:CreateServiceConversationParticipant", "conversations:CreateServiceConversationScopedWebhook",
    "conversations:CreateServiceConversationWithParticipants", "conversations:CreateServiceRole",
    "conversations:CreateServiceUser", "conversations:CreateUser", "conversations:DeleteConfigurationAddress",
    "conversations:DeleteConversation", "conversations:DeleteConversationMessage",
    "conversations:DeleteConversationParticipant", "conversations:DeleteConversationScopedWebhook",
    "conversations:DeleteCredential", "conversations:DeleteRole", "conversations:DeleteService",
    "conversations:DeleteServiceBinding", "conversations:DeleteServiceConversation",
    "conversations:DeleteServiceConversationMessage", "conversations:DeleteServiceConversationParticipant",
    "conversations:DeleteServiceConversationScopedWebhook", "conversations:DeleteServiceRole",
    "conversations:DeleteServiceUser", "conversations:DeleteServiceUserConversation", "conversations:DeleteUser",
    "conversations:DeleteUserConversation", "conversations:FetchConfiguration",
    "conversations:FetchConfigurationAddress", "conversations:FetchConfigurationWebhook",
    "conversations:FetchConversation", "conversations:FetchConversationMessage",
    "conversations:FetchConversationMessageReceipt", "conversations:FetchConversationParticipant",
    "conversations:FetchConversationScopedWebhook", "conversations:FetchCredential", "conversations:FetchRole",
    "conversations:FetchService", "conversations:FetchServiceBinding", "conversations:FetchServiceConfiguration",
    "conversations:FetchServiceConversation", "conversations:FetchServiceConversationMessage",
    "conversations:FetchServiceConversationMessageReceipt", "conversations:FetchServiceConversationParticipant",
    "conversations:FetchServiceConversationScopedWebhook", "conversations:FetchServiceNotification",
    "conversations:FetchServiceRole", "conversations:FetchServiceUser",
    "conversations:FetchServiceUserConversation", "conversations:FetchServiceWebhookConfiguration",
    "conversations:FetchUser", "conversations:FetchUserConversation", "conversations:ListConfigurationAddress",
    "conversations:ListConversation", "conversations:ListConversationMessage",
    "conversations:ListConversationMessageReceipt", "conversations:ListConversationParticipant",
    "conversations:ListConversationScopedWebhook", "conversations:ListCredential",
    "conversations:ListParticipantConversation", "conversations:ListRole", "conversations:ListService",
    "conversations:ListServiceBinding", "conversations:ListServiceConversation",
    "conversations:ListServiceConversationMessage", "conversations:ListServiceConversationMessageReceipt",
    "conversations:ListServiceConversationParticipant", "conversations:ListServiceConversationScopedWebhook",
    "conversations:ListServiceParticipantConversation", "conversations:ListServiceRole",
    "conversations:ListServiceUser", "conversations:ListServiceUserConversation", "conversations:ListUser",
    "conversations:ListUserConversation", "conversations:UpdateConfiguration",
    "conversations:UpdateConfigurationAddress", "conversations:UpdateConfigurationWebhook",
    "conversations:UpdateConversation", "conversations:UpdateConversationMessage",
    "conversations:UpdateConversationParticipant", "conversations:UpdateConversationScopedWebhook",
    "conversations:UpdateCredential", "conversations:UpdateRole", "conversations:UpdateServiceConfiguration",
    "conversations:UpdateServiceConversation", "conversations:UpdateServiceConversationMessage",
    "conversations:UpdateServiceConversationParticipant", "conversations:UpdateServiceConversationScopedWebhook",
    "conversations:UpdateServiceNotification", "conversations:UpdateServiceRole", "conversations:UpdateServiceUser",
    "conversations:UpdateServiceUserConversation", "conversations:UpdateServiceWebhookConfiguration",
    "conversations:UpdateUser", "conversations:UpdateUserConversation",
)  # fmt: skip
def test_default_scope_and_service_scope_tell_the_same(world: World, lean: LeanClient, template: Template):
    (table,) = template.tables()
    service = told_in_python(World(lean, table.name), below_service=True)
    default = told_in_python(world, below_service=False)
    for step, told, in_default in zip(STEPS, service, default, strict=True):
        assert told == below_a_service(step, in_default)
    refused = {
        title: (told["status"], told["code"]) for title, told in default if isinstance(told, dict) and "code" in told
    }
    assert refused == REFUSED


@pytest.mark.parametrize("below_service", [False, True], ids=["default scope", "service scope"])
def test_the_library_for_node_is_told_what_the_one_for_python_is(stack: Stack, world: World, below_service: bool):
    node_path = str(helper_library_for_node())
    expected = told_in_python(world, below_service=below_service)
    behind = world_behind(stack)
    names = prepared(behind, Library(LambdaDoor(behind)))
    api = Library(LambdaDoor(behind)).client().conversations.v1
    before = api.configuration().fetch().default_chat_service_sid
    variables = {"NAMES": json.dumps(names), "BELOW_SERVICE": "yes" if below_service else "", "NODE_PATH": node_path}
    try:
        told = transcript(stack, ["node", str(HERE / "story.cjs")], **variables)
    finally:
        api.configuration().update(default_chat_service_sid=before)
    for in_node, in_python in zip(settled(told, stack.info["rest_url"]), expected, strict=True):
        assert in_node == in_python
