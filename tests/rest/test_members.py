"""Members and the consumption horizon, https://www.twilio.com/docs/chat/rest/member-resource."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

import pytest
from twilio.rest import Client
from twilio.rest.chat.v2.service import ServiceContext
from twilio.rest.chat.v2.service.channel import ChannelContext

from tests.rest.support import DATE, refused, sid, sids
from tests.support.doors import Door, Raw
from tests.support.fakes import FakeClock

FULL = (403, 50403, "Channel has the maximum number of members")
IN_TOO_MANY = (403, 50208, "User is already in the maximum number of channels")


@pytest.mark.proves("v2:CreateMember", "v2:FetchMember")
def test_a_member_has_the_documented_defaults(
    raw: Raw, door: Door, service: ServiceContext, service_sid: str, channel_path: str, channel_sid: str
):
    body = raw.post(f"{channel_path}/Members", Identity="alice")
    assert body == {
        "sid": sid("MB"),
        "account_sid": door.account_sid,
        "channel_sid": channel_sid,
        "service_sid": service_sid,
        "identity": "alice",
        "date_created": DATE,
        "date_updated": body["date_created"],
        "role_sid": service.fetch().default_channel_role_sid,
        "last_consumed_message_index": None,
        "last_consumption_timestamp": None,
        "url": f"{door.base_url}{channel_path}/Members/{body['sid']}",
        "attributes": "{}",
    }
    assert raw.get(body["url"]) == body
    assert raw.get(f"{channel_path}/Members/alice") == body


def test_a_member_can_be_created_with_everything(service: ServiceContext, channel: ChannelContext):
    role = service.roles.create("reader", "channel", ["leaveChannel"]).sid
    member = channel.members.create(
        identity="alice",
        role_sid=role,
        last_consumed_message_index=20,
        last_consumption_timestamp=datetime(2016, 3, 24, 21, 5, 50, tzinfo=UTC),
        date_created=datetime(2016, 3, 24, 21, 5, 48, tzinfo=UTC),
        date_updated=datetime(2016, 3, 24, 21, 5, 49, tzinfo=UTC),
        attributes='{"a":1}',
    )
    assert (member.role_sid, member.last_consumed_message_index, member.attributes) == (role, 20, '{"a":1}')
    assert member.last_consumption_timestamp == datetime(2016, 3, 24, 21, 5, 50, tzinfo=UTC)
    assert member.date_created == datetime(2016, 3, 24, 21, 5, 48, tzinfo=UTC)
    assert member.date_updated == datetime(2016, 3, 24, 21, 5, 49, tzinfo=UTC)


def test_a_member_needs_an_identity(raw: Raw, channel_path: str):
    expected = (400, 20001, "Missing required parameter Identity in the post body")
    assert raw("POST", f"{channel_path}/Members").refusal() == expected


def test_an_unknown_identity_becomes_a_user(service: ServiceContext, channel: ChannelContext):
    channel.members.create(identity="alice")
    user = service.users("alice").fetch()
    assert (user.identity, user.joined_channels_count) == ("alice", 1)
    assert user.role_sid == service.fetch().default_service_role_sid
    assert [listed.identity for listed in service.users.list()] == ["alice"]


def test_an_identity_is_a_member_once(service: ServiceContext, channel: ChannelContext):
    channel.members.create(identity="alice")
    with refused(409, 50404, "Member already exists"):
        channel.members.create(identity="alice")
    assert channel.fetch().members_count == 1
    assert service.users("alice").fetch().joined_channels_count == 1


@pytest.mark.parametrize("identity", ["a/b", "a b", "ż/\U0001f600", "100%", "x" * 256, "MB123", "../b"])
def test_any_identity_addresses_its_member(raw: Raw, channel_path: str, identity: str):
    member = raw.post(f"{channel_path}/Members", Identity=identity)
    path = f"{channel_path}/Members/{quote(identity, safe='')}"
    assert raw.get(path) == member
    assert raw.post(path, Attributes='{"a":1}')["sid"] == member["sid"]
    assert raw("DELETE", path).status == 204
    assert raw("GET", path).status == 404


def test_a_role_must_exist_and_be_of_type_channel(twilio: Client, service: ServiceContext, channel: ChannelContext):
    fetched = service.fetch()
    foreign = twilio.chat.v2.services.create(friendly_name="other").default_channel_role_sid
    channel.members.create(identity="bob")
    for role_sid in ("RL" + "0" * 32, foreign):
        with refused(404, 50100, f"Role not found: {role_sid}"):
            channel.members.create(identity="alice", role_sid=role_sid)
        with refused(404, 50100, f"Role not found: {role_sid}"):
            channel.members("bob").update(role_sid=role_sid)
    with refused(400, 50105, "Role type mismatch: a role of type channel is needed"):
        channel.members.create(identity="alice", role_sid=fetched.default_service_role_sid)
    with refused(400, 50105, "Role type mismatch: a role of type channel is needed"):
        channel.members("bob").update(role_sid=fetched.default_service_role_sid)
    assert [member.identity for member in channel.members.list()] == ["bob"]
    assert service.users.list()[0].identity == "bob" and len(service.users.list()) == 1


def test_a_channel_takes_as_many_members_as_the_service_allows(service: ServiceContext, channel: ChannelContext):
    service.update(limits_channel_members=2)
    for identity in ("alice", "bob"):
        channel.members.create(identity=identity)
    with refused(*FULL):
        channel.members.create(identity="carol")
    assert channel.fetch().members_count == 2
    channel.members("alice").delete()
    channel.members.create(identity="carol")
    with refused(*FULL):
        channel.members.create(identity="alice")


@pytest.mark.inferred
def test_lowering_the_limit_evicts_nobody(service: ServiceContext, channel: ChannelContext):
    for identity in ("alice", "bob", "carol"):
        channel.members.create(identity=identity)
    service.update(limits_channel_members=1)
    assert len(channel.members.list()) == 3
    with refused(*FULL):
        channel.members.create(identity="dave")


def test_a_user_joins_as_many_channels_as_the_service_allows(service: ServiceContext):
    service.update(limits_user_channels=2)
    channels = [service.channels(service.channels.create().sid) for _ in range(3)]
    for channel in channels[:2]:
        channel.members.create(identity="alice")
    with refused(*IN_TOO_MANY):
        channels[2].members.create(identity="alice")
    assert channels[2].fetch().members_count == 0
    channels[0].members("alice").delete()
    channels[2].members.create(identity="alice")
    assert service.users("alice").fetch().joined_channels_count == 2


def test_a_refused_join_leaves_no_trace(service: ServiceContext, channel: ChannelContext):
    service.update(limits_channel_members=1)
    channel.members.create(identity="alice")
    with refused(*FULL):
        channel.members.create(identity="bob")
    assert [user.identity for user in service.users.list()] == ["alice"]
    assert [member.identity for member in channel.members.list()] == ["alice"]


@pytest.mark.proves("v2:ListMember")
def test_members_are_listed_oldest_first(channel: ChannelContext):
    identities = ["dave", "alice", "carol", "bob", "eve"]
    for identity in identities:
        channel.members.create(identity=identity)
    assert [member.identity for member in channel.members.list()] == identities
    assert [member.identity for member in channel.members.list(page_size=2, limit=100)] == identities


def test_a_list_can_be_narrowed_to_identities(channel: ChannelContext):
    for identity in ("alice", "bob", "carol"):
        channel.members.create(identity=identity)
    assert [member.identity for member in channel.members.list(identity=["carol", "alice", "nobody"])] == [
        "alice",
        "carol",
    ]
    assert channel.members.list(identity=["nobody"]) == []
    assert len(channel.members.list(identity=["alice", "alice"])) == 1


def test_identities_of_a_narrowed_list_are_kept_from_page_to_page(raw: Raw, channel: ChannelContext, channel_path: str):
    for identity in ("a&b", "b=c", "ż", "d"):
        channel.members.create(identity=identity)
    page = raw.get(f"{channel_path}/Members", Identity=["a&b", "b=c", "ż"], PageSize=2)
    assert [member["identity"] for member in page["members"]] == ["a&b", "b=c"]
    following = raw.get(page["meta"]["next_page_url"])
    assert [member["identity"] for member in following["members"]] == ["ż"]
    assert raw.get(following["meta"]["previous_page_url"])["members"] == page["members"]


@pytest.mark.proves("v2:UpdateMember")
def test_every_parameter_of_an_update_counts(raw: Raw, service: ServiceContext, channel_path: str):
    role = service.roles.create("reader", "channel", ["leaveChannel"]).sid
    raw.post(f"{channel_path}/Members", Identity="alice")
    path = f"{channel_path}/Members/alice"
    expected = {
        "role_sid": role,
        "last_consumed_message_index": 7,
        "last_consumption_timestamp": "2016-03-24T21:05:50Z",
        "date_created": "2016-03-24T21:05:48Z",
        "date_updated": "2016-03-24T21:05:49Z",
        "attributes": '{"a":1}',
    }
    form = {name.title().replace("_", ""): value for name, value in expected.items()}
    before = raw.get(path)
    assert raw.post(path, form) == {**before, **expected}
    assert raw.get(path) == {**before, **expected}


@pytest.mark.inferred
def test_empty_values_clear_what_can_be_empty_and_leave_the_rest(
    raw: Raw, service: ServiceContext, channel_path: str, clock: FakeClock
):
    role = service.roles.create("reader", "channel", ["leaveChannel"]).sid
    created = raw.post(f"{channel_path}/Members", Identity="alice", RoleSid=role, Attributes='{"a":1}')
    clock.advance(7)
    after = raw.post(created["url"], RoleSid="", Attributes="", DateCreated="", DateUpdated="")
    assert (after["role_sid"], after["attributes"]) == (role, "{}")
    assert (after["date_created"], after["date_updated"]) == ("2026-01-15T12:00:00Z", "2026-01-15T12:00:07Z")
    assert raw.get(created["url"]) == after


def test_the_horizon_may_go_back_and_beyond_the_last_message(raw: Raw, channel_path: str):
    raw.post(f"{channel_path}/Members", Identity="alice")
    for index in (12, 3, 0, 1_000_000):
        after = raw.post(f"{channel_path}/Members/alice", LastConsumedMessageIndex=index)
        assert after["last_consumed_message_index"] == index


def test_an_empty_index_clears_the_horizon(raw: Raw, channel_path: str):
    raw.post(f"{channel_path}/Members", Identity="alice", LastConsumedMessageIndex=5)
    after = raw.post(f"{channel_path}/Members/alice", LastConsumedMessageIndex="")
    assert (after["last_consumed_message_index"], after["last_consumption_timestamp"]) == (None, None)
    assert raw.get(f"{channel_path}/Members/alice") == after


def test_the_server_never_advances_the_horizon(raw: Raw, channel_path: str):
    raw.post(f"{channel_path}/Members", Identity="alice")
    raw.post(f"{channel_path}/Messages", Body="x", From="alice")
    raw.get(f"{channel_path}/Messages")
    assert raw.get(f"{channel_path}/Members/alice")["last_consumed_message_index"] is None


MALFORMED: list[tuple[str, Any, int, str]] = [
    ("LastConsumedMessageIndex", "-1", 50406, "LastConsumedMessageIndex must be a whole number, 0 or more"),
    ("LastConsumedMessageIndex", "last", 50406, "LastConsumedMessageIndex must be a whole number, 0 or more"),
    ("LastConsumedMessageIndex", "1.0", 50406, "LastConsumedMessageIndex must be a whole number, 0 or more"),
    ("LastConsumptionTimestamp", "soon", 50405, "LastConsumptionTimestamp is not a date in ISO 8601 format"),
    ("DateCreated", "soon", 50308, "DateCreated is not a date in ISO 8601 format"),
    ("DateUpdated", "soon", 50309, "DateUpdated is not a date in ISO 8601 format"),
    ("RoleSid", "admin", 20001, "Invalid value for parameter RoleSid: a SID beginning with RL is needed"),
]


@pytest.mark.parametrize(("name", "value", "code", "text"), MALFORMED, ids=lambda value: str(value)[:24])
def test_malformed_parameters_are_refused(raw: Raw, channel_path: str, name: str, value: Any, code: int, text: str):
    expected = (400, code, text)
    assert raw("POST", f"{channel_path}/Members", {"Identity": "alice", name: value}).refusal() == expected
    raw.post(f"{channel_path}/Members", Identity="alice")
    assert raw("POST", f"{channel_path}/Members/alice", {name: value}).refusal() == expected


@pytest.mark.proves("v2:DeleteMember")
def test_a_deleted_member_is_gone_and_can_come_back(service: ServiceContext, channel: ChannelContext):
    role = service.roles.create("reader", "channel", ["leaveChannel"]).sid
    member = channel.members.create(
        identity="alice", attributes='{"a":1}', last_consumed_message_index=3, role_sid=role
    )
    assert channel.members(member.sid).delete() is True
    assert channel.members.list() == []
    again = channel.members.create(identity="alice")
    assert (again.attributes, again.last_consumed_message_index) == ("{}", None)
    assert again.role_sid == service.fetch().default_channel_role_sid
    assert sids(channel.members.list()) == [again.sid]


def test_the_user_and_its_messages_stay_when_a_member_goes(raw: Raw, service: ServiceContext, channel_path: str):
    raw.post(f"{channel_path}/Members", Identity="alice")
    message = raw.post(f"{channel_path}/Messages", Body="hi", From="alice")
    raw("DELETE", f"{channel_path}/Members/alice")
    assert service.users("alice").fetch().joined_channels_count == 0
    assert raw.get(message["url"]) == message


def test_private_channels_take_members_over_rest(service: ServiceContext):
    channel = service.channels(service.channels.create(type="private").sid)
    assert channel.members.create(identity="alice").identity == "alice"
