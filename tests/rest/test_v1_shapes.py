"""What v1 shows of the same records: fewer fields, attributes on single fetch only (Twilio's v1 pages)."""

from __future__ import annotations

from typing import Any

import pytest
from twilio.rest import Client
from twilio.rest.chat.v1.service import ServiceContext as ServiceContextV1
from twilio.rest.chat.v2.service import ServiceContext

from tests.rest.support import DATE, refused, sid, sids
from tests.support.doors import Door, Raw

EVENTS = [
    "message_send",
    "message_update",
    "message_remove",
    "channel_add",
    "channel_destroy",
    "channel_update",
    "member_add",
    "member_remove",
    "message_sent",
    "message_updated",
    "message_removed",
    "channel_added",
    "channel_destroyed",
    "channel_updated",
    "member_added",
    "member_removed",
]


def in_v1(body: dict[str, Any]) -> dict[str, Any]:
    """A v2 answer as v1 has it, as far as names and values are the same: URLs name the version."""

    def renamed(value: Any) -> Any:
        if isinstance(value, dict):
            return {name: renamed(part) for name, part in value.items()}
        return value.replace("/chat/v2/", "/chat/v1/") if isinstance(value, str) else value

    return renamed(body)


def without(body: dict[str, Any], names: str) -> dict[str, Any]:
    return {name: value for name, value in body.items() if name not in names.split()}


@pytest.mark.proves("v1:CreateService", "v1:FetchService")
def test_a_service_is_shown_whole(raw: Raw, door: Door):
    body = raw.post("/chat/v1/Services", FriendlyName="a service")
    url = f"{door.base_url}/chat/v1/Services/{body['sid']}"
    off = {"enabled": False}
    assert body == {
        "sid": sid("IS"),
        "account_sid": door.account_sid,
        "friendly_name": "a service",
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
        "webhooks": {},
        "pre_webhook_url": None,
        "post_webhook_url": None,
        "webhook_method": None,
        "webhook_filters": None,
        "notifications": {
            "new_message": off,
            "added_to_channel": off,
            "removed_from_channel": off,
            "invited_to_channel": off,
        },
        "url": url,
        "links": {"channels": f"{url}/Channels", "users": f"{url}/Users", "roles": f"{url}/Roles"},
    }
    assert raw.get(url) == body


def test_settings_of_v2_are_not_told_in_v1(raw: Raw, v1_path: str, service_path: str):
    form = {
        "Notifications.LogEnabled": "true",
        "Notifications.NewMessage.BadgeCountEnabled": "true",
        "Notifications.NewMessage.Sound": "ding",
        "Notifications.NewMessage.Template": "${MESSAGE}",
        "PreWebhookRetryCount": 3,
        "Media.CompatibilityMessage": "no media",
    }
    raw.post(service_path, form)
    body = raw.get(v1_path)
    assert body["notifications"]["new_message"] == {"enabled": False, "template": "${MESSAGE}"}
    assert "log_enabled" not in body["notifications"]
    assert not {"media", "pre_webhook_retry_count", "post_webhook_retry_count"} & set(body)


def test_each_event_has_a_webhook_of_its_own(raw: Raw, service_v1: ServiceContextV1, v1_path: str, service_path: str):
    given: dict[str, str] = {}
    for number, event in enumerate(EVENTS):
        given[f"webhooks_on_{event}_url"] = f"https://example.com/{event}"
        given[f"webhooks_on_{event}_method"] = ("GET", "POST")[number % 2]
    service_v1.update(**given)
    assert raw.get(v1_path)["webhooks"] == {
        f"on_{event}": {"url": f"https://example.com/{event}", "method": ("GET", "POST")[number % 2]}
        for number, event in enumerate(EVENTS)
    }
    assert "webhooks" not in raw.get(service_path)
    raw.post(v1_path, {"Webhooks.OnMessageSend.Url": ""})
    assert raw.get(v1_path)["webhooks"]["on_message_send"] == {"method": "GET"}


@pytest.mark.proves("v1:UpdateService")
def test_the_library_changes_the_settings_of_a_service(
    twilio: Client, service_v1: ServiceContextV1, service: ServiceContext
):
    role = service.roles.create("guest", "channel", ["leaveChannel"]).sid
    updated = service_v1.update(
        friendly_name="renamed",
        default_channel_role_sid=role,
        read_status_enabled=False,
        reachability_enabled=True,
        typing_indicator_timeout=7,
        consumption_report_interval=3,
        notifications_new_message_enabled=True,
        notifications_new_message_template="${USER}: ${MESSAGE}",
        pre_webhook_url="https://example.com/pre",
        post_webhook_url="https://example.com/post",
        webhook_method="GET",
        webhook_filters=["onMessageSend", "onMessageSent"],
        limits_channel_members=7,
        limits_user_channels=8,
    )
    fetched = service.fetch()
    for name in ("friendly_name", "default_channel_role_sid", "read_status_enabled", "reachability_enabled"):
        assert getattr(updated, name) == getattr(fetched, name)
    assert (fetched.friendly_name, fetched.default_channel_role_sid) == ("renamed", role)
    assert (fetched.read_status_enabled, fetched.reachability_enabled) == (False, True)
    assert (fetched.typing_indicator_timeout, fetched.consumption_report_interval) == (7, 3)
    assert fetched.limits == updated.limits == {"channel_members": 7, "user_channels": 8}
    assert (fetched.pre_webhook_url, fetched.post_webhook_url) == (
        "https://example.com/pre",
        "https://example.com/post",
    )
    assert (fetched.webhook_method, fetched.webhook_filters) == ("GET", ["onMessageSend", "onMessageSent"])
    assert fetched.notifications["new_message"] == {"enabled": True, "template": "${USER}: ${MESSAGE}"}


@pytest.mark.proves("v1:ListService", "v1:DeleteService")
def test_a_service_is_created_fetched_and_deleted(twilio: Client):
    made = twilio.chat.v1.services.create(friendly_name="x")
    assert twilio.chat.v1.services(made.sid).fetch().friendly_name == "x"
    assert made.sid in sids(twilio.chat.v1.services.list())
    assert twilio.chat.v1.services(made.sid).delete() is True
    with refused(404, 20404, f"The requested resource /Services/{made.sid} was not found"):
        twilio.chat.v1.services(made.sid).fetch()


@pytest.mark.proves("v1:CreateRole", "v1:FetchRole", "v1:ListRole")
def test_a_role_is_shown_as_in_v2(raw: Raw, v1_path: str, service_path: str):
    form = {"FriendlyName": "guest", "Type": "channel", "Permission": ["sendMessage", "leaveChannel"]}
    body = raw.post(f"{v1_path}/Roles", form)
    assert body == in_v1(raw.get(f"{service_path}/Roles/{body['sid']}"))
    assert raw.get(body["url"]) == body
    assert body in raw.get(f"{v1_path}/Roles")["roles"]


@pytest.mark.proves("v1:CreateUser", "v1:FetchUser", "v1:ListUser")
def test_a_user_is_shown_without_attributes_in_lists(raw: Raw, door: Door, v1_path: str, service_path: str):
    body = raw.post(f"{v1_path}/Users", Identity="alice", FriendlyName="Alice", Attributes='{"a":1}')
    in_v2 = in_v1(raw.get(f"{service_path}/Users/alice"))
    assert body["links"] == {"user_channels": f"{body['url']}/Channels"}
    assert without(body, "links") == without(in_v2, "links")
    assert raw.get(body["url"]) == raw.get(f"{v1_path}/Users/alice") == body
    assert raw.get(f"{v1_path}/Users")["users"] == [{**body, "attributes": None}]
    assert raw.get(f"{service_path}/Users")["users"][0]["attributes"] == '{"a":1}'


@pytest.mark.proves("v1:CreateChannel", "v1:FetchChannel", "v1:ListChannel")
def test_a_channel_is_shown_without_attributes_in_lists(raw: Raw, door: Door, v1_path: str, service_path: str):
    form = {"FriendlyName": "The team", "UniqueName": "team", "Attributes": '{"a":1}', "Type": "public"}
    body = raw.post(f"{v1_path}/Channels", form)
    in_v2 = in_v1(raw.get(f"{service_path}/Channels/team"))
    assert without(body, "links") == without(in_v2, "links")
    assert body["links"] == without(in_v2["links"], "webhooks")
    assert set(body["links"]) == {"members", "messages", "invites", "last_message"}
    assert raw.get(body["url"]) == raw.get(f"{v1_path}/Channels/team") == body
    assert raw.get(f"{v1_path}/Channels")["channels"] == [{**body, "attributes": None}]


def test_the_link_to_the_last_message_stays_in_v1(raw: Raw, v1_path: str, service_path: str, channel_sid: str):
    message = raw.post(f"{service_path}/Channels/{channel_sid}/Messages", Body="hi")
    link = raw.get(f"{v1_path}/Channels/{channel_sid}")["links"]["last_message"]
    assert link == message["url"].replace("/v2/", "/v1/")
    assert raw.get(link)["sid"] == message["sid"]


@pytest.mark.proves("v1:CreateMember", "v1:FetchMember", "v1:ListMember")
def test_a_member_has_no_attributes_in_v1(raw: Raw, v1_path: str, service_path: str, channel_sid: str):
    path = f"/Channels/{channel_sid}/Members"
    body = raw.post(v1_path + path, Identity="alice")
    in_v2 = in_v1(raw.get(f"{service_path}{path}/alice"))
    assert body == without(in_v2, "attributes")
    assert raw.get(body["url"]) == body
    assert raw.get(v1_path + path)["members"] == [body]


@pytest.mark.proves("v1:CreateMessage", "v1:FetchMessage", "v1:ListMessage")
def test_a_message_has_no_media_type_or_editor_in_v1(raw: Raw, v1_path: str, service_path: str, channel_sid: str):
    path = f"/Channels/{channel_sid}/Messages"
    body = raw.post(v1_path + path, {"Body": "hi", "From": "alice", "Attributes": '{"a":1}'})
    in_v2 = in_v1(raw.get(f"{service_path}{path}/{body['sid']}"))
    assert body == without(in_v2, "media type last_updated_by")
    assert (body["from"], body["body"], body["attributes"], body["was_edited"]) == ("alice", "hi", '{"a":1}', False)
    assert raw.get(body["url"]) == body
    assert raw.get(v1_path + path)["messages"] == [{**body, "attributes": None}]


@pytest.mark.proves("v1:CreateInvite", "v1:FetchInvite", "v1:ListInvite")
def test_an_invite_is_shown_as_in_v2(raw: Raw, v1_path: str, service_path: str, channel_sid: str):
    path = f"/Channels/{channel_sid}/Invites"
    body = raw.post(v1_path + path, Identity="alice")
    assert body == in_v1(raw.get(f"{service_path}{path}/{body['sid']}"))
    assert raw.get(body["url"]) == body
    assert raw.get(v1_path + path)["invites"] == [body]


@pytest.mark.proves("v1:ListUserChannel")
def test_a_user_channel_has_no_address_and_no_level_in_v1(
    raw: Raw, door: Door, v1_path: str, service_path: str, channel_sid: str
):
    channel_url = f"{door.base_url}{v1_path}/Channels/{channel_sid}"
    member = raw.post(f"{channel_url}/Members", Identity="alice")
    raw.post(f"{service_path}/Channels/{channel_sid}/Messages", Body="hi")
    raw.post(member["url"], LastConsumedMessageIndex=0)
    assert raw.get(f"{v1_path}/Users/alice/Channels")["channels"] == [
        {
            "account_sid": door.account_sid,
            "service_sid": member["service_sid"],
            "channel_sid": channel_sid,
            "member_sid": member["sid"],
            "status": "joined",
            "last_consumed_message_index": 0,
            "unread_messages_count": 0,
            "links": {"channel": channel_url, "member": f"{channel_url}/Members/{member['sid']}"},
        }
    ]


def test_every_link_of_v1_leads_to_what_v1_has(raw: Raw, v1_path: str, channel_sid: str):
    raw.post(f"{v1_path}/Channels/{channel_sid}/Members", Identity="alice")
    raw.post(f"{v1_path}/Channels/{channel_sid}/Messages", Body="hi")
    shown = [raw.get(v1_path), raw.get(f"{v1_path}/Channels/{channel_sid}"), raw.get(f"{v1_path}/Users/alice")]
    shown += raw.get(f"{v1_path}/Users/alice/Channels")["channels"]
    links = [link for body in shown for link in body["links"].values()]
    assert len(links) == 10
    for link in links:
        assert raw("GET", link).status == 200, link


@pytest.mark.inferred
def test_an_invited_channel_of_v1_links_a_member_that_is_not_there_yet(raw: Raw, v1_path: str, channel_sid: str):
    raw.post(f"{v1_path}/Channels/{channel_sid}/Invites", Identity="alice")
    (seen,) = raw.get(f"{v1_path}/Users/alice/Channels")["channels"]
    assert (seen["status"], seen["member_sid"]) == ("invited", None)
    assert raw("GET", seen["links"]["member"]).status == 404
