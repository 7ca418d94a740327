"""What is configured for the account and for a service (https://www.twilio.com/docs/conversations/api/configuration-resource)."""

from __future__ import annotations

from typing import Any

import pytest
from twilio.rest import Client

from parley.faces.conversations_events import SERVICE_FILTERS
from tests.rest.support import refusal
from tests.support.world import World

URL, OTHER_URL = "https://example.com/before", "https://example.com/after"
NOTHING_SET = {"enabled": False, "template": "", "sound": ""}
UNSET_PUSHES = {
    "log_enabled": False,
    "new_message": {
        **NOTHING_SET,
        "badge_count_enabled": False,
        "with_media": {"enabled": False, "template": ""},
    },
    "added_to_conversation": NOTHING_SET,
    "removed_from_conversation": NOTHING_SET,
}
PUSHES = {
    "log_enabled": True,
    "new_message_enabled": True,
    "new_message_template": "new",
    "new_message_sound": "ping",
    "new_message_badge_count_enabled": True,
    "new_message_with_media_enabled": True,
    "new_message_with_media_template": "file",
    "added_to_conversation_enabled": True,
    "added_to_conversation_template": "added",
    "added_to_conversation_sound": "dong",
    "removed_from_conversation_enabled": True,
    "removed_from_conversation_template": "removed",
    "removed_from_conversation_sound": "bong",
}


@pytest.fixture
def service(twilio: Client, service_sid: str) -> Any:
    return twilio.conversations.v1.services(service_sid)


@pytest.fixture(params=["account", "service"])
def webhooks(request: pytest.FixtureRequest, account: Any, service: Any) -> Any:
    """The webhooks of the account, and those of a service."""
    return account.webhooks() if request.param == "account" else service.configuration.webhooks()


def values(shown: Any, names: Any) -> dict[str, Any]:
    return {name: getattr(shown, name) for name in names}


def test_a_new_service_pushes_nothing_and_shows_empty_texts(service: Any):
    assert values(service.configuration.notifications().fetch(), UNSET_PUSHES) == UNSET_PUSHES


def test_all_settings_of_pushes_are_kept_and_are_chats_under_its_names(twilio: Client, service: Any, service_sid: str):
    in_chat = twilio.chat.v2.services(service_sid)
    in_chat.update(notifications_invited_to_channel_template="invited")
    service.configuration.notifications().update(**PUSHES)
    shown = service.configuration.notifications().fetch()
    assert shown.new_message == {
        "enabled": True,
        "template": "new",
        "sound": "ping",
        "badge_count_enabled": True,
        "with_media": {"enabled": True, "template": "file"},
    }
    assert shown.removed_from_conversation == {"enabled": True, "template": "removed", "sound": "bong"}
    stored = in_chat.fetch().notifications
    assert stored["added_to_channel"] == {"enabled": True, "template": "added", "sound": "dong"}
    assert stored["invited_to_channel"] == {"enabled": False, "template": "invited"}


@pytest.mark.parametrize(
    ("settings", "code"),
    [({"new_message_template": "x" * 2049}, 50058), ({"added_to_conversation_sound": "x" * 257}, 50059)],
)
def test_texts_of_pushes_that_are_too_long_are_refused(service: Any, settings: dict[str, str], code: int):
    assert refusal(lambda: service.configuration.notifications().update(**settings)) == (400, code)


ROLES = {
    "default_conversation_creator_role_sid": ("default_channel_creator_role_sid", "conversation"),
    "default_conversation_role_sid": ("default_channel_role_sid", "conversation"),
    "default_chat_service_role_sid": ("default_service_role_sid", "service"),
}


@pytest.mark.parametrize("name", ROLES)
def test_a_default_role_is_chats_and_must_fit(twilio: Client, service: Any, service_sid: str, name: str):
    in_chat, role_type = ROLES[name]
    fitting = {role.type: role.sid for role in service.roles.list()}
    role = fitting.pop(role_type)
    shown = service.configuration().update(**{name: role}, reachability_enabled=True)
    assert (getattr(shown, name), shown.reachability_enabled) == (role, True)
    assert getattr(twilio.chat.v2.services(service_sid).fetch(), in_chat) == role
    assert refusal(lambda: service.configuration().update(**{name: fitting.popitem()[1]})) == (
        404,
        {"service": 50102, "conversation": 50109}[role_type],
    )


def test_nothing_is_selected_in_new_webhooks(world: World, webhooks: Any):
    expected = {"pre_webhook_url": None, "post_webhook_url": None, "method": "POST", "filters": []}
    assert values(webhooks.fetch(), expected) == expected


def test_webhooks_are_kept_as_they_were_set(webhooks: Any):
    settings = {
        "pre_webhook_url": URL,
        "post_webhook_url": OTHER_URL,
        "method": "GET",
        "filters": list(SERVICE_FILTERS),
    }
    webhooks.update(**settings)
    assert values(webhooks.fetch(), settings) == settings
    webhooks.update(pre_webhook_url="", method="post")
    assert values(webhooks.fetch(), settings) == {**settings, "pre_webhook_url": None, "method": "POST"}


def test_older_names_of_events_are_taken_for_the_newer_ones(webhooks: Any):
    given = ["onMessageSent", "onConversationDestroyed", "onMessageAdded"]
    assert set(webhooks.update(filters=given).filters) == {"onMessageAdded", "onConversationRemoved"}


@pytest.mark.parametrize(
    ("settings", "code"),
    [
        ({"pre_webhook_url": "ftp://example.com"}, 50077),
        ({"post_webhook_url": "http://10.0.0.1/"}, 50078),
        ({"method": "PUT"}, 50055),
        ({"filters": ["onMemberAdded"]}, 50054),
    ],
)
def test_webhooks_that_cannot_work_are_refused(webhooks: Any, settings: dict[str, Any], code: int):
    assert refusal(lambda: webhooks.update(**settings)) == (400, code)


def test_the_accounts_webhooks_go_to_urls_or_to_flex(account: Any):
    webhooks = account.webhooks()
    assert webhooks.fetch().target == "webhook"
    assert webhooks.update(target="flex").target == "flex"
    assert refusal(lambda: webhooks.update(target="post")) == (400, 20001)


def test_a_services_webhooks_stand_beside_chats(twilio: Client, service: Any, service_sid: str):
    chat = {"pre_webhook_url": OTHER_URL, "webhook_filters": ["onMessageSend"], "webhook_method": "GET"}
    in_chat = twilio.chat.v2.services(service_sid)
    in_chat.update(**chat)
    service.configuration.webhooks().update(pre_webhook_url=URL, filters=["onMessageAdd"], method="POST")
    assert values(in_chat.fetch(), chat) == chat
    assert service.configuration.webhooks().fetch().pre_webhook_url == URL
