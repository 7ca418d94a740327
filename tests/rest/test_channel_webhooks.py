"""Channel webhooks as they are stored and shown, https://www.twilio.com/docs/chat/rest/channel-webhook-resource."""

from __future__ import annotations

from typing import Any

import pytest
from twilio.rest.chat.v2.service import ServiceContext
from twilio.rest.chat.v2.service.channel import ChannelContext

from tests.rest.support import DATE, sid, sids, unchanged
from tests.support.doors import Door, Raw
from tests.support.fakes import FakeClock

URL = "https://example.com/hook"
FLOW = "FW" + "0a" * 16
WEBHOOK = {"Type": "webhook", "Configuration.Url": URL, "Configuration.Filters": ["onMessageSent"]}
TRIGGER = {"Type": "trigger", "Configuration.Url": URL, "Configuration.Triggers": ["help"]}
STUDIO = {"Type": "studio", "Configuration.FlowSid": FLOW}
FILTERS = [
    "onMessageSent",
    "onMediaMessageSent",
    "onMessageUpdated",
    "onMessageRemoved",
    "onChannelAdded",
    "onChannelUpdated",
    "onChannelDestroyed",
    "onMemberAdded",
    "onMemberUpdated",
    "onMemberRemoved",
]


@pytest.fixture
def path(channel_path: str) -> str:
    return f"{channel_path}/Webhooks"


SHOWN = [
    (WEBHOOK, {"url": URL, "method": "POST", "filters": ["onMessageSent"], "retry_count": 0}),
    (TRIGGER, {"url": URL, "method": "POST", "triggers": ["help"], "retry_count": 0}),
    (STUDIO, {"flow_sid": FLOW, "retry_count": 0}),
]


@pytest.mark.parametrize(("form", "configuration"), SHOWN, ids=["webhook", "trigger", "studio"])
@pytest.mark.proves("v2:CreateChannelWebhook", "v2:FetchChannelWebhook", "v2:ListChannelWebhook")
def test_a_webhook_is_shown_whole(
    raw: Raw, door: Door, path: str, service_sid: str, channel_sid: str, form: dict[str, Any], configuration: Any
):
    body = raw.post(path, form)
    assert body == {
        "sid": sid("WH"),
        "account_sid": door.account_sid,
        "service_sid": service_sid,
        "channel_sid": channel_sid,
        "type": form["Type"],
        "url": f"{door.base_url}{path}/{body['sid']}",
        "configuration": configuration,
        "date_created": DATE,
        "date_updated": body["date_created"],
    }
    assert raw.get(body["url"]) == body
    assert raw.get(path)["webhooks"] == [body]


@pytest.mark.proves("v2:UpdateChannelWebhook", "v2:DeleteChannelWebhook")
def test_the_library_creates_changes_and_deletes_webhooks(channel: ChannelContext):
    webhook = channel.webhooks.create(
        type="webhook",
        configuration_url=URL,
        configuration_method="GET",
        configuration_filters=["onMessageSent", "onMemberAdded"],
        configuration_retry_count=3,
    )
    expected = {"url": URL, "method": "GET", "filters": ["onMessageSent", "onMemberAdded"], "retry_count": 3}
    assert webhook.configuration == expected
    updated = webhook.update(configuration_filters=["onChannelUpdated"], configuration_retry_count=0)
    assert updated.configuration == {**expected, "filters": ["onChannelUpdated"], "retry_count": 0}
    assert channel.webhooks(webhook.sid).fetch().configuration == updated.configuration
    assert webhook.delete() is True
    assert channel.webhooks.list() == []


def test_settings_that_a_type_of_webhook_does_not_use_are_not_kept(raw: Raw, path: str):
    everything = {
        "Configuration.Url": URL,
        "Configuration.Filters": ["onMessageSent"],
        "Configuration.Triggers": ["help"],
        "Configuration.FlowSid": FLOW,
        "Configuration.RetryCount": 2,
    }
    shown = {form["Type"]: raw.post(path, {**everything, "Type": form["Type"]})["configuration"] for form, _ in SHOWN}
    assert shown == {
        "webhook": {"url": URL, "method": "POST", "filters": ["onMessageSent"], "retry_count": 2},
        "trigger": {"url": URL, "method": "POST", "triggers": ["help"], "retry_count": 2},
        "studio": {"flow_sid": FLOW, "filters": ["onMessageSent"], "retry_count": 2},
    }


@pytest.mark.inferred
def test_every_event_of_a_channel_can_be_chosen(raw: Raw, path: str):
    assert raw.post(path, {**WEBHOOK, "Configuration.Filters": FILTERS})["configuration"]["filters"] == FILTERS


REFUSED = [
    ({}, "Type", None, 50328, "Missing required parameter Type in the post body"),
    (WEBHOOK, "Type", "hook", 50324, "Webhook type must be one of: webhook, trigger, studio"),
    (WEBHOOK, "Type", "", 50324, "Webhook type must be one of: webhook, trigger, studio"),
    (WEBHOOK, "Configuration.Url", None, 50329, "Missing required parameter Configuration.Url in the post body"),
    (WEBHOOK, "Configuration.Url", "", 50329, "Missing required parameter Configuration.Url in the post body"),
    (TRIGGER, "Configuration.Url", None, 50329, "Missing required parameter Configuration.Url in the post body"),
    (
        WEBHOOK,
        "Configuration.Filters",
        None,
        50330,
        "Missing required parameter Configuration.Filters in the post body",
    ),
    (WEBHOOK, "Configuration.Filters", "", 50330, "Missing required parameter Configuration.Filters in the post body"),
    (
        WEBHOOK,
        "Configuration.Filters",
        ["onMessageSent", "onMessageSend"],
        50325,
        "Configuration.Filters: there is no event onMessageSend for a channel",
    ),
    (
        WEBHOOK,
        "Configuration.Filters",
        "onUserAdded",
        50325,
        "Configuration.Filters: there is no event onUserAdded for a channel",
    ),
    (
        TRIGGER,
        "Configuration.Triggers",
        None,
        50331,
        "Missing required parameter Configuration.Triggers in the post body",
    ),
    (TRIGGER, "Configuration.Triggers", list("abcdef"), 50322, "Webhook has too many triggers: at most 5"),
    (TRIGGER, "Configuration.Triggers", "x" * 249, 50326, "Configuration.Triggers: a trigger has 1 to 248 characters"),
    (STUDIO, "Configuration.FlowSid", None, 50327, "Configuration.FlowSid must be a SID beginning with FW"),
    (STUDIO, "Configuration.FlowSid", "FW0", 50327, "Configuration.FlowSid must be a SID beginning with FW"),
    (STUDIO, "Configuration.FlowSid", "x" * 40, 50327, "Configuration.FlowSid must be a SID beginning with FW"),
    (WEBHOOK, "Configuration.Method", "PUT", 50055, "WebhookMethod must be GET or POST"),
    (WEBHOOK, "Configuration.RetryCount", "4", 50065, "Webhook retry count must be a whole number from 0 to 3"),
    (WEBHOOK, "Configuration.RetryCount", "-1", 50065, "Webhook retry count must be a whole number from 0 to 3"),
    (WEBHOOK, "Configuration.RetryCount", "many", 50065, "Webhook retry count must be a whole number from 0 to 3"),
    (
        WEBHOOK,
        "Configuration.Url",
        "https://example.com/" + "x" * 493,
        50332,
        "Configuration.Url is too long: at most 512 characters",
    ),
    (
        WEBHOOK,
        "Configuration.Url",
        "ftp://example.com",
        20001,
        "Invalid value for parameter Configuration.Url: the URL must be absolute and begin with http:// or https://",
    ),
]


@pytest.mark.parametrize(("form", "name", "value", "code", "text"), REFUSED, ids=lambda value: str(value)[:24])
def test_an_unusable_webhook_is_refused(
    raw: Raw, path: str, form: dict[str, Any], name: str, value: Any, code: int, text: str
):
    given = {key: part for key, part in {**form, name: value}.items() if part is not None}
    with unchanged(raw, path):
        assert raw("POST", path, given).refusal() == (400, code, text)


@pytest.mark.parametrize(
    ("form", "name", "value", "code", "text"),
    [row for row in REFUSED if row[1] != "Type" and row[2] is not None],
    ids=lambda value: str(value)[:24],
)
def test_an_update_to_something_unusable_is_refused(
    raw: Raw, path: str, form: dict[str, Any], name: str, value: Any, code: int, text: str
):
    url = raw.post(path, form)["url"]
    with unchanged(raw, url):
        assert raw("POST", url, {name: value}).refusal() == (400, code, text)


def test_longest_values_are_accepted(raw: Raw, path: str):
    longest = "https://example.com/" + "x" * 492
    triggers = [letter * 248 for letter in "abcde"]
    body = raw.post(path, {**TRIGGER, "Configuration.Url": longest, "Configuration.Triggers": triggers})
    assert (body["configuration"]["url"], body["configuration"]["triggers"]) == (longest, triggers)


def test_a_channel_has_five_webhooks_at_most(raw: Raw, service: ServiceContext, path: str):
    made = [raw.post(path, form)["sid"] for form in (WEBHOOK, TRIGGER, STUDIO, WEBHOOK, WEBHOOK)]
    with unchanged(raw, path):
        for form in (WEBHOOK, TRIGGER, STUDIO):
            assert raw("POST", path, form).refusal() == (400, 50321, "Channel has the maximum number of webhooks (5)")
    assert raw("DELETE", f"{path}/{made[1]}").status == 204
    made.append(raw.post(path, TRIGGER)["sid"])
    del made[1]
    assert [webhook["sid"] for webhook in raw.get(path)["webhooks"]] == made
    # Another channel has room of its own.
    other = service.channels(service.channels.create().sid)
    assert other.webhooks.create(type="studio", configuration_flow_sid=FLOW).sid


def test_a_refused_webhook_takes_no_room(raw: Raw, path: str):
    for _ in range(6):
        assert raw("POST", path, {"Type": "studio"}).status == 400
    for _ in range(5):
        raw.post(path, STUDIO)


def test_deleting_twice_makes_room_once(raw: Raw, path: str):
    made = [raw.post(path, STUDIO)["sid"] for _ in range(5)]
    assert [raw("DELETE", f"{path}/{made[0]}").status for _ in range(3)] == [204, 404, 404]
    raw.post(path, STUDIO)
    assert raw("POST", path, STUDIO).refusal()[1] == 50321


def test_the_type_of_a_webhook_is_fixed(raw: Raw, path: str):
    body = raw.post(path, WEBHOOK)
    after = raw.post(body["url"], {"Type": "studio", "Configuration.FlowSid": FLOW, "Configuration.RetryCount": 1})
    assert after["type"] == "webhook"
    assert after["configuration"] == {**body["configuration"], "retry_count": 1}


def test_an_update_leaves_what_it_does_not_name_alone(raw: Raw, path: str, clock: FakeClock):
    body = raw.post(path, {**WEBHOOK, "Configuration.Method": "GET", "Configuration.RetryCount": 2})
    clock.advance(60)
    after = raw.post(body["url"], {"Configuration.Url": URL + "/2"})
    configuration = {**body["configuration"], "url": URL + "/2"}
    assert after == {**body, "configuration": configuration, "date_updated": "2026-01-15T12:01:00Z"}
    assert raw.get(body["url"]) == after


def test_webhooks_are_listed_oldest_first_five_a_page(raw: Raw, channel: ChannelContext, path: str):
    made = [raw.post(path, form)["sid"] for form in (STUDIO, WEBHOOK, TRIGGER, STUDIO, WEBHOOK)]
    assert sids(channel.webhooks.list()) == made
    assert raw.get(path)["meta"]["page_size"] == raw.get(path, PageSize=50)["meta"]["page_size"] == 5
    assert sids(channel.webhooks.list(page_size=2)) == made
