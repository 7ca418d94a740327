"""Services, https://www.twilio.com/docs/chat/rest/service-resource."""

from __future__ import annotations

from typing import Any

import pytest
from twilio.rest import Client
from twilio.rest.chat.v2.service import ServiceContext

from tests.rest.support import DATE, refused, sid
from tests.support.doors import Door, Raw
from tests.support.fakes import FakeClock

NOT_FOUND = "The requested resource /Services/{sid} was not found"


@pytest.mark.proves("v2:CreateService")
def test_a_fresh_service_has_the_documented_defaults(raw: Raw, door: Door):
    body = raw.post("/chat/v2/Services", FriendlyName="Support")
    url = f"{door.base_url}/chat/v2/Services/{body['sid']}"
    assert body == {
        "sid": sid("IS"),
        "account_sid": door.account_sid,
        "friendly_name": "Support",
        "date_created": DATE,
        "date_updated": body["date_created"],
        "default_service_role_sid": sid("RL"),
        "default_channel_role_sid": sid("RL"),
        "default_channel_creator_role_sid": sid("RL"),
        "read_status_enabled": True,
        "reachability_enabled": False,
        "typing_indicator_timeout": 5,
        "consumption_report_interval": 10,
        "limits": {"channel_members": 100, "user_channels": 250},
        "pre_webhook_url": None,
        "post_webhook_url": None,
        "webhook_method": None,
        "webhook_filters": None,
        "pre_webhook_retry_count": 0,
        "post_webhook_retry_count": 0,
        "notifications": {
            "log_enabled": False,
            "new_message": {"enabled": False},
            "added_to_channel": {"enabled": False},
            "removed_from_channel": {"enabled": False},
            "invited_to_channel": {"enabled": False},
        },
        "media": {
            "size_limit_mb": 150,
            "compatibility_message": "Media messages are not supported by your client",
        },
        "url": url,
        "links": {
            "channels": f"{url}/Channels",
            "users": f"{url}/Users",
            "roles": f"{url}/Roles",
            "bindings": f"{url}/Bindings",
        },
    }


def test_a_fresh_account_has_no_services(raw: Raw, clock: FakeClock):
    body = raw.get("/chat/v2/Services")
    assert body["services"] == []
    assert body["meta"]["next_page_url"] is None
    assert body["meta"]["previous_page_url"] is None


@pytest.mark.proves("v2:ListService")
def test_services_are_listed_oldest_first(twilio: Client, clock: FakeClock):
    created = [twilio.chat.v2.services.create(friendly_name=f"number {number}").sid for number in range(5)]
    assert [service.sid for service in twilio.chat.v2.services.list()] == created


@pytest.mark.proves("v2:FetchService")
def test_a_service_is_fetched_as_it_was_created(raw: Raw):
    created = raw.post("/chat/v2/Services", FriendlyName="Support")
    assert raw.get(created["url"]) == created


def test_a_service_needs_a_friendly_name(twilio: Client, raw: Raw):
    expected = (400, 20001, "Missing required parameter FriendlyName in the post body")
    assert raw("POST", "/chat/v2/Services").refusal() == expected
    with refused(*expected):
        twilio.chat.v2.services.create(friendly_name="")


def test_a_service_is_created_with_a_name_and_nothing_else(raw: Raw):
    body = raw.post("/chat/v2/Services", {"FriendlyName": "x", "WebhookMethod": "GET", "Limits.ChannelMembers": 7})
    assert (body["webhook_method"], body["limits"]["channel_members"]) == (None, 100)


SETTINGS: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({"FriendlyName": "renamed"}, {"friendly_name": "renamed"}),
    ({"ReadStatusEnabled": "false"}, {"read_status_enabled": False}),
    ({"ReachabilityEnabled": "true"}, {"reachability_enabled": True}),
    ({"ReachabilityEnabled": "True"}, {"reachability_enabled": True}),
    ({"TypingIndicatorTimeout": 0}, {"typing_indicator_timeout": 0}),
    ({"TypingIndicatorTimeout": 30}, {"typing_indicator_timeout": 30}),
    ({"ConsumptionReportInterval": 60}, {"consumption_report_interval": 60}),
    ({"Limits.ChannelMembers": 1000}, {"limits": {"channel_members": 1000, "user_channels": 250}}),
    ({"Limits.UserChannels": 1}, {"limits": {"channel_members": 100, "user_channels": 1}}),
    ({"PreWebhookUrl": "https://example.com/pre?a=b"}, {"pre_webhook_url": "https://example.com/pre?a=b"}),
    ({"PostWebhookUrl": "http://127.0.0.1:9/hook"}, {"post_webhook_url": "http://127.0.0.1:9/hook"}),
    ({"WebhookMethod": "GET"}, {"webhook_method": "GET"}),
    ({"WebhookFilters": ["onMessageSent", "onUserUpdate"]}, {"webhook_filters": ["onMessageSent", "onUserUpdate"]}),
    ({"WebhookFilters": ["onMessageSent", "onMessageSent"]}, {"webhook_filters": ["onMessageSent"]}),
    ({"PreWebhookRetryCount": 3}, {"pre_webhook_retry_count": 3}),
    ({"PostWebhookRetryCount": 1}, {"post_webhook_retry_count": 1}),
    (
        {"Media.CompatibilityMessage": "no pictures"},
        {"media": {"size_limit_mb": 150, "compatibility_message": "no pictures"}},
    ),
]


@pytest.mark.parametrize(("form", "expected"), SETTINGS, ids=lambda value: next(iter(value)))
def test_an_update_changes_the_given_setting_and_nothing_else(
    raw: Raw, service_path: str, form: dict[str, Any], expected: dict[str, Any]
):
    before = raw.get(service_path)
    after = raw.post(service_path, form)
    assert after == {**before, **expected, "date_updated": after["date_updated"]}
    assert raw.get(service_path) == after


@pytest.mark.parametrize("event", ["NewMessage", "AddedToChannel", "RemovedFromChannel", "InvitedToChannel"])
def test_push_settings_appear_once_they_are_set(raw: Raw, service_path: str, event: str):
    name = {"NewMessage": "new_message"}.get(event, event.replace("ToC", "_to_c").replace("FromC", "_from_c").lower())
    form = {
        f"Notifications.{event}.Enabled": "true",
        f"Notifications.{event}.Template": "${USER}: ${MESSAGE}",
        f"Notifications.{event}.Sound": "ping",
    }
    shown = raw.post(service_path, form)["notifications"]
    assert shown[name] == {"enabled": True, "template": "${USER}: ${MESSAGE}", "sound": "ping"}


def test_the_badge_count_setting_belongs_to_new_messages(raw: Raw, service_path: str):
    shown = raw.post(service_path, {"Notifications.NewMessage.BadgeCountEnabled": "true"})["notifications"]
    assert shown["new_message"] == {"enabled": False, "badge_count_enabled": True}


def test_the_notification_log_can_be_enabled(raw: Raw, service_path: str):
    assert raw.post(service_path, {"Notifications.LogEnabled": "true"})["notifications"]["log_enabled"] is True


@pytest.mark.proves("v2:UpdateService")
def test_the_library_sets_dotted_and_repeated_parameters(service: ServiceContext):
    updated = service.update(
        limits_channel_members=5,
        limits_user_channels=6,
        notifications_new_message_enabled=True,
        webhook_filters=["onMessageSent", "onMemberAdded"],
        webhook_method="GET",
    )
    assert updated.limits == {"channel_members": 5, "user_channels": 6}
    assert updated.notifications["new_message"] == {"enabled": True}
    assert updated.webhook_filters == ["onMessageSent", "onMemberAdded"]
    assert updated.webhook_method == "GET"


def test_every_documented_webhook_event_can_be_a_filter(service: ServiceContext):
    events = [
        *("onMessageSend", "onMediaMessageSend", "onMessageUpdate", "onMessageRemove"),
        *("onChannelAdd", "onChannelUpdate", "onChannelDestroy"),
        *("onMemberAdd", "onMemberUpdate", "onMemberRemove", "onUserUpdate"),
        *("onMessageSent", "onMediaMessageSent", "onMessageUpdated", "onMessageRemoved"),
        *("onChannelAdded", "onChannelUpdated", "onChannelDestroyed"),
        *("onMemberAdded", "onMemberUpdated", "onMemberRemoved", "onUserAdded", "onUserUpdated"),
    ]
    assert service.update(webhook_filters=events).webhook_filters == events


@pytest.mark.inferred
@pytest.mark.parametrize(
    ("form_name", "field", "value", "cleared"),
    [
        ("PreWebhookUrl", "pre_webhook_url", "https://example.com/", None),
        ("PostWebhookUrl", "post_webhook_url", "https://example.com/", None),
        ("WebhookFilters", "webhook_filters", "onMessageSent", []),
    ],
)
def test_an_empty_value_clears_a_setting(
    raw: Raw, service_path: str, form_name: str, field: str, value: str, cleared: Any
):
    raw.post(service_path, {form_name: value})
    assert raw.post(service_path, {form_name: ""})[field] == cleared
    assert raw.get(service_path)[field] == cleared


@pytest.mark.inferred
def test_a_cleared_push_text_disappears(raw: Raw, service_path: str):
    raw.post(service_path, {"Notifications.NewMessage.Sound": "ping"})
    shown = raw.post(service_path, {"Notifications.NewMessage.Sound": ""})["notifications"]
    assert shown["new_message"] == {"enabled": False}


@pytest.mark.inferred
def test_a_default_role_that_is_cleared_stays(raw: Raw, service_path: str):
    before = raw.get(service_path)
    after = raw.post(service_path, {"DefaultChannelRoleSid": "", "FriendlyName": "x"})
    assert after["default_channel_role_sid"] == before["default_channel_role_sid"]


def test_the_friendly_name_of_a_service_cannot_be_cleared(service: ServiceContext):
    with refused(400, 20001, "Missing required parameter FriendlyName in the post body"):
        service.update(friendly_name="")


MALFORMED = [
    ("ReadStatusEnabled", "yes", 20001, "Parameter ReadStatusEnabled must be one of: true, false"),
    ("ReachabilityEnabled", "", 20001, "Parameter ReachabilityEnabled must be one of: true, false"),
    ("TypingIndicatorTimeout", "-1", 50053, "TypingIndicatorTimeout must be a whole number of seconds"),
    ("TypingIndicatorTimeout", "--1", 50053, "TypingIndicatorTimeout must be a whole number of seconds"),
    ("TypingIndicatorTimeout", "", 50053, "TypingIndicatorTimeout must be a whole number of seconds"),
    ("TypingIndicatorTimeout", "soon", 50053, "TypingIndicatorTimeout must be a whole number of seconds"),
    ("TypingIndicatorTimeout", "٥", 50053, "TypingIndicatorTimeout must be a whole number of seconds"),
    ("ConsumptionReportInterval", "1.5", 50052, "ConsumptionReportInterval must be a whole number of seconds"),
    ("Limits.ChannelMembers", "0", 50061, "Limits.ChannelMembers must be a whole number from 1 to 1000"),
    ("Limits.ChannelMembers", "1001", 50061, "Limits.ChannelMembers must be a whole number from 1 to 1000"),
    ("Limits.ChannelMembers", "9" * 30, 50061, "Limits.ChannelMembers must be a whole number from 1 to 1000"),
    ("Limits.UserChannels", "1001", 50060, "Limits.UserChannels must be a whole number from 1 to 1000"),
    ("WebhookMethod", "PUT", 50055, "WebhookMethod must be GET or POST"),
    ("WebhookMethod", "post", 50055, "WebhookMethod must be GET or POST"),
    ("WebhookFilters", "onMessageSaid", 50054, "WebhookFilters: Chat has no event onMessageSaid"),
    ("PreWebhookRetryCount", "4", 50065, "Webhook retry count must be a whole number from 0 to 3"),
    ("PostWebhookRetryCount", "-1", 50065, "Webhook retry count must be a whole number from 0 to 3"),
    (
        "Notifications.NewMessage.Template",
        "x" * 2049,
        50058,
        "Notification template is too long: at most 2048 characters",
    ),
    ("Notifications.NewMessage.Sound", "x" * 257, 50059, "Notification sound is too long: at most 256 characters"),
    (
        "DefaultServiceRoleSid",
        "x",
        20001,
        "Invalid value for parameter DefaultServiceRoleSid: a SID beginning with RL is needed",
    ),
    (
        "Media.CompatibilityMessage",
        "x" * 2049,
        20001,
        "Invalid value for parameter Media.CompatibilityMessage: over 2048 characters",
    ),
]


@pytest.mark.parametrize(("name", "value", "code", "text"), MALFORMED, ids=lambda value: str(value)[:24])
def test_a_malformed_setting_is_refused_and_changes_nothing(
    raw: Raw, service_path: str, name: str, value: str, code: int, text: str
):
    before = raw.get(service_path)
    assert raw("POST", service_path, {"FriendlyName": "changed", name: value}).refusal() == (400, code, text)
    assert raw.get(service_path) == before


UNUSABLE_URLS = {
    "example.com/hook": "the URL must be absolute and begin with http:// or https://",
    "ftp://example.com/": "the URL must be absolute and begin with http:// or https://",
    "http://": "the URL has no valid host",
    "https://[::1": "the URL has no valid host",
    "http://x:0/": "the URL has no valid port",
    "http://exa mple.com/": "the URL has characters that must be percent-encoded",
    "https://user:password@example.com/": "the URL must not contain credentials",
    "http://169.254.169.254/": "the URL leads to an address that is not public",
    "https://10.0.0.1/hook": "the URL leads to an address that is not public",
}


@pytest.mark.parametrize("url", UNUSABLE_URLS)
def test_a_webhook_url_must_be_absolute_and_public(raw: Raw, service_path: str, url: str):
    reason = f"is not usable: {UNUSABLE_URLS[url]}"
    assert raw("POST", service_path, {"PreWebhookUrl": url}).refusal() == (400, 50077, f"PreWebhookUrl {reason}")
    assert raw("POST", service_path, {"PostWebhookUrl": url}).refusal() == (400, 50078, f"PostWebhookUrl {reason}")


def test_a_webhook_url_has_2048_characters_at_most(service: ServiceContext):
    url = "https://example.com/".ljust(2048, "x")
    assert service.update(post_webhook_url=url).post_webhook_url == url
    with refused(400, 50078, "PostWebhookUrl is not usable: over 2048 characters"):
        service.update(post_webhook_url=url + "x")


def test_other_roles_can_become_the_defaults(service: ServiceContext):
    deployment = service.roles.create(friendly_name="guest", type="deployment", permission=["joinChannel"]).sid
    in_channel = service.roles.create(friendly_name="reader", type="channel", permission=["leaveChannel"]).sid
    updated = service.update(
        default_service_role_sid=deployment,
        default_channel_role_sid=in_channel,
        default_channel_creator_role_sid=in_channel,
    )
    assert updated.default_service_role_sid == deployment
    assert updated.default_channel_role_sid == updated.default_channel_creator_role_sid == in_channel
    assert service.users.create(identity="alice").role_sid == deployment
    assert service.channels(service.channels.create().sid).members.create(identity="alice").role_sid == in_channel


@pytest.mark.parametrize("name", ["DefaultServiceRoleSid", "DefaultChannelRoleSid", "DefaultChannelCreatorRoleSid"])
def test_a_default_role_must_exist_in_the_service(raw: Raw, twilio: Client, service_path: str, name: str):
    other = twilio.chat.v2.services.create(friendly_name="another")
    for role_sid in ("RL" + "0" * 32, other.default_service_role_sid, other.default_channel_role_sid):
        assert raw("POST", service_path, {name: role_sid}).refusal() == (404, 50100, f"Role not found: {role_sid}")


def test_a_default_role_must_be_of_the_right_type(raw: Raw, service_path: str):
    service = raw.get(service_path)
    wrong = {
        "DefaultServiceRoleSid": (service["default_channel_role_sid"], "deployment"),
        "DefaultChannelRoleSid": (service["default_service_role_sid"], "channel"),
        "DefaultChannelCreatorRoleSid": (service["default_service_role_sid"], "channel"),
    }
    for name, (role_sid, needed) in wrong.items():
        text = f"Role type mismatch: a role of type {needed} is needed"
        assert raw("POST", service_path, {name: role_sid}).refusal() == (400, 50105, text)


@pytest.mark.proves("v2:DeleteService")
def test_a_deleted_service_is_not_listed_and_cannot_be_deleted_again(twilio: Client, clock: FakeClock):
    kept, deleted = (twilio.chat.v2.services.create(friendly_name=name) for name in "ab")
    assert twilio.chat.v2.services(deleted.sid).delete() is True
    assert [service.sid for service in twilio.chat.v2.services.list()] == [kept.sid]
    with refused(404, 20404, NOT_FOUND.format(sid=deleted.sid)):
        twilio.chat.v2.services(deleted.sid).delete()
