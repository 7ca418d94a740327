"""User channels: channels as one user sees them, https://www.twilio.com/docs/chat/rest/user-channel-resource."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from twilio.rest.chat.v2.service import ServiceContext
from twilio.rest.chat.v2.service.channel import ChannelContext

from tests.rest.support import unchanged
from tests.support.doors import Door, Raw
from tests.support.fakes import FakeClock


@pytest.fixture
def member_sid(channel: ChannelContext) -> str:
    return channel.members.create(identity="alice").sid


@pytest.fixture
def path(service_path: str, member_sid: str) -> str:
    return f"{service_path}/Users/alice/Channels"


@pytest.mark.proves("v2:FetchUserChannel", "v2:ListUserChannel")
def test_a_joined_channel_is_shown_whole(
    raw: Raw,
    door: Door,
    service: ServiceContext,
    service_path: str,
    service_sid: str,
    channel_sid: str,
    channel_path: str,
    member_sid: str,
    path: str,
):
    user_sid = service.users("alice").fetch().sid
    body = raw.get(f"{path}/{channel_sid}")
    assert body == {
        "account_sid": door.account_sid,
        "service_sid": service_sid,
        "channel_sid": channel_sid,
        "user_sid": user_sid,
        "member_sid": member_sid,
        "status": "joined",
        "last_consumed_message_index": None,
        "unread_messages_count": None,
        "notification_level": "default",
        "url": f"{door.base_url}{service_path}/Users/{user_sid}/Channels/{channel_sid}",
        "links": {
            "channel": f"{door.base_url}{channel_path}",
            "member": f"{door.base_url}{channel_path}/Members/{member_sid}",
        },
    }
    assert raw.get(body["url"]) == body
    assert raw.get(path)["channels"] == [body]
    assert raw.get(body["links"]["channel"])["sid"] == channel_sid
    assert raw.get(body["links"]["member"])["sid"] == member_sid


@pytest.mark.inferred
def test_an_invited_channel_is_listed_without_a_member(
    service: ServiceContext, channel: ChannelContext, channel_sid: str
):
    channel.invites.create(identity="bob")
    (listed,) = service.users("bob").user_channels.list()
    fetched = service.users("bob").user_channels(channel_sid).fetch()
    for shown in (listed, fetched):
        assert (shown.status, shown.member_sid, shown.unread_messages_count) == ("invited", None, None)


def test_user_and_channel_are_addressed_by_name_too(raw: Raw, service: ServiceContext, service_path: str):
    service.channels.create(unique_name="a/b ż")
    service.channels("a%2Fb%20%C5%BC").members.create(identity="alice@example.com")
    body = raw.get(f"{service_path}/Users/alice%40example.com/Channels/a%2Fb%20%C5%BC")
    assert raw.get(f"{service_path}/Users/{body['user_sid']}/Channels/{body['channel_sid']}") == body
    assert raw.get(f"{service_path}/Users/alice%40example.com/Channels")["channels"] == [body]


def test_the_number_of_unread_messages_follows_messages_and_horizon(
    service: ServiceContext, channel: ChannelContext, channel_sid: str, path: str
):
    seen = service.users("alice").user_channels(channel_sid)
    for text in "abc":
        channel.messages.create(body=text)
    assert seen.fetch().unread_messages_count is None
    counts = {}
    for index in (0, 1, 2, 7):
        updated = seen.update(last_consumed_message_index=index)
        assert updated.last_consumed_message_index == index
        counts[index] = updated.unread_messages_count
        assert (
            seen.fetch().unread_messages_count == service.users("alice").user_channels.list()[0].unread_messages_count
        )
    assert counts == {0: 2, 1: 1, 2: 0, 7: 0}
    channel.members("alice").update(last_consumed_message_index=2)
    channel.messages.create(body="d")
    assert seen.fetch().unread_messages_count == 1
    channel.messages.create(body="e").delete()
    assert seen.fetch().unread_messages_count == 1


@pytest.mark.proves("v2:UpdateUserChannel")
def test_the_horizon_of_a_user_channel_is_its_members(
    raw: Raw, service: ServiceContext, channel: ChannelContext, channel_sid: str, path: str, clock: FakeClock
):
    clock.advance(60)
    raw.post(f"{path}/{channel_sid}", LastConsumedMessageIndex=4)
    member = channel.members("alice").fetch()
    assert member.last_consumed_message_index == 4
    assert member.last_consumption_timestamp == datetime(2026, 1, 15, 12, 1, tzinfo=UTC)
    raw.post(f"{path}/{channel_sid}", LastConsumedMessageIndex=5, LastConsumptionTimestamp="2020-02-29T10:00:00+01:00")
    assert channel.members("alice").fetch().last_consumption_timestamp == datetime(2020, 2, 29, 9, tzinfo=UTC)
    body = raw.post(f"{path}/{channel_sid}", LastConsumedMessageIndex="")
    assert (body["last_consumed_message_index"], body["unread_messages_count"]) == (None, None)
    assert channel.members("alice").fetch().last_consumption_timestamp is None


def test_a_channel_can_be_muted_and_unmuted(service: ServiceContext, channel_sid: str, path: str):
    seen = service.users("alice").user_channels(channel_sid)
    for level in ("muted", "default"):
        assert seen.update(notification_level=level).notification_level == level
        assert seen.fetch().notification_level == level
    assert service.users("alice").user_channels.list()[0].notification_level == "default"


REFUSED = [
    ({}, 20161, "The update names no parameter that can be changed"),
    ({"MemberSid": "x"}, 20161, "The update names no parameter that can be changed"),
    ({"NotificationLevel": "loud"}, 50210, "Notification level must be default or muted"),
    ({"NotificationLevel": ""}, 50210, "Notification level must be default or muted"),
    ({"LastConsumedMessageIndex": "-1"}, 50406, "LastConsumedMessageIndex must be a whole number, 0 or more"),
    ({"LastConsumedMessageIndex": "--1"}, 50406, "LastConsumedMessageIndex must be a whole number, 0 or more"),
    ({"LastConsumedMessageIndex": "1.5"}, 50406, "LastConsumedMessageIndex must be a whole number, 0 or more"),
    ({"LastConsumedMessageIndex": "٣"}, 50406, "LastConsumedMessageIndex must be a whole number, 0 or more"),
    (
        {"NotificationLevel": "muted", "LastConsumptionTimestamp": "soon"},
        50405,
        "LastConsumptionTimestamp is not a date in ISO 8601 format",
    ),
]


@pytest.mark.parametrize(("form", "code", "text"), REFUSED, ids=lambda value: str(value)[:40])
def test_an_unusable_update_is_refused(
    raw: Raw, channel_path: str, channel_sid: str, path: str, form: dict[str, Any], code: int, text: str
):
    with unchanged(raw, path, f"{channel_path}/Members"):
        assert raw("POST", f"{path}/{channel_sid}", form).refusal() == (400, code, text)


def test_an_invited_user_has_nothing_to_change_yet(
    raw: Raw, channel: ChannelContext, service_path: str, channel_sid: str, channel_path: str
):
    channel.invites.create(identity="bob")
    with unchanged(raw, f"{channel_path}/Invites", f"{service_path}/Users/bob/Channels"):
        assert (
            raw("POST", f"{service_path}/Users/bob/Channels/{channel_sid}", {"NotificationLevel": "muted"}).status
            == 404
        )
        assert raw("DELETE", f"{service_path}/Users/bob/Channels/{channel_sid}").status == 404


@pytest.mark.proves("v2:DeleteUserChannel")
def test_deleting_takes_the_user_out_of_the_channel(
    service: ServiceContext, channel: ChannelContext, channel_sid: str, path: str
):
    assert service.users("alice").user_channels(channel_sid).delete() is True
    assert channel.members.list() == service.users("alice").user_channels.list() == []
    assert service.users("alice").fetch().joined_channels_count == 0
    assert channel.fetch().members_count == 0


def test_channels_are_listed_oldest_first_up_to_fifty_a_page(raw: Raw, service: ServiceContext, service_path: str):
    service.users.create(identity="alice")
    made = [service.channels.create(type=kind).sid for kind in ("public", "private", "public", "private", "public")]
    for channel_sid in reversed(made):
        service.channels(channel_sid).members.create(identity="alice")
    path = f"{service_path}/Users/alice/Channels"
    for size in (2, 5, 50):
        assert [seen.channel_sid for seen in service.users("alice").user_channels.list(page_size=size)] == made
    assert raw.get(path)["meta"]["page_size"] == raw.get(path, PageSize=100)["meta"]["page_size"] == 50


def test_a_page_goes_back_as_it_went_on(raw: Raw, service: ServiceContext, service_path: str):
    for _ in range(5):
        service.channels(service.channels.create().sid).members.create(identity="alice")
    first = raw.get(f"{service_path}/Users/alice/Channels", PageSize=2)
    second = raw.get(first["meta"]["next_page_url"])
    third = raw.get(second["meta"]["next_page_url"])
    assert third["meta"]["next_page_url"] is None
    assert len(third["channels"]) == 1
    assert raw.get(third["meta"]["previous_page_url"])["channels"] == second["channels"]
    assert raw.get(second["meta"]["previous_page_url"])["channels"] == first["channels"]


def test_a_deleted_channel_is_in_no_list(raw: Raw, channel: ChannelContext, channel_sid: str, path: str):
    channel.delete()
    assert raw.get(path)["channels"] == []
    assert raw("GET", f"{path}/{channel_sid}").status == 404
