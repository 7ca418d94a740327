"""Channels, https://www.twilio.com/docs/chat/rest/channel-resource."""

from __future__ import annotations

from datetime import UTC, datetime
from urllib.parse import quote

import pytest
from twilio.rest import Client
from twilio.rest.chat.v2.service import ServiceContext
from twilio.rest.chat.v2.service.channel import ChannelContext

from tests.rest.support import DATE, refused, sid, sids
from tests.support.doors import Door, Raw
from tests.support.fakes import FakeClock

TAKEN = (409, 50307, "Channel with provided unique name already exists")


@pytest.mark.proves("v2:CreateChannel", "v2:FetchChannel")
def test_a_channel_has_the_documented_defaults(raw: Raw, door: Door, service_path: str, service_sid: str):
    body = raw.post(f"{service_path}/Channels")
    url = f"{door.base_url}{service_path}/Channels/{body['sid']}"
    assert body == {
        "sid": sid("CH"),
        "account_sid": door.account_sid,
        "service_sid": service_sid,
        "friendly_name": None,
        "unique_name": None,
        "attributes": "{}",
        "type": "public",
        "date_created": DATE,
        "date_updated": body["date_created"],
        "created_by": "system",
        "members_count": 0,
        "messages_count": 0,
        "url": url,
        "links": {
            "members": f"{url}/Members",
            "messages": f"{url}/Messages",
            "invites": f"{url}/Invites",
            "webhooks": f"{url}/Webhooks",
            "last_message": None,
        },
    }
    assert raw.get(url) == body


def test_a_channel_can_be_created_with_everything(service: ServiceContext):
    channel = service.channels.create(
        friendly_name="The team",
        unique_name="team",
        attributes='{"colour":"green"}',
        type="private",
        date_created=datetime(2015, 7, 30, 20, 0, tzinfo=UTC),
        date_updated=datetime(2016, 7, 30, 20, 0, tzinfo=UTC),
        created_by="alice",
    )
    assert (channel.friendly_name, channel.unique_name, channel.type) == ("The team", "team", "private")
    assert (channel.attributes, channel.created_by) == ('{"colour":"green"}', "alice")
    assert channel.date_created == datetime(2015, 7, 30, 20, 0, tzinfo=UTC)
    assert channel.date_updated == datetime(2016, 7, 30, 20, 0, tzinfo=UTC)


def test_an_imported_channel_without_a_date_of_update_was_never_updated(raw: Raw, service_path: str):
    body = raw.post(f"{service_path}/Channels", DateCreated="2015-07-30T20:00:00Z")
    assert (body["date_created"], body["date_updated"]) == ("2015-07-30T20:00:00Z", "2015-07-30T20:00:00Z")


@pytest.mark.parametrize("name", ["DateCreated", "DateUpdated"])
@pytest.mark.parametrize(
    "value", ["yesterday", "2015-13-01", "2015-02-30T00:00:00Z", "1500000000", "1969-12-31T23:59:59Z"]
)
def test_an_unreadable_date_is_refused(raw: Raw, service_path: str, name: str, value: str):
    code = {"DateCreated": 50308, "DateUpdated": 50309}[name]
    expected = (400, code, f"{name} is not a date in ISO 8601 format")
    assert raw("POST", f"{service_path}/Channels", {name: value}).refusal() == expected


def test_a_channel_type_must_be_public_or_private(raw: Raw, service_path: str):
    expected = (400, 20001, "Parameter Type must be one of: public, private")
    for value in ("secret", "", "Private"):
        assert raw("POST", f"{service_path}/Channels", {"Type": value}).refusal() == expected
    assert raw("GET", f"{service_path}/Channels?Type=secret").refusal() == expected


def test_a_unique_name_is_taken_once_in_a_service(twilio: Client, service: ServiceContext):
    first = service.channels.create(unique_name="team")
    with refused(*TAKEN):
        service.channels.create(unique_name="team", type="private")
    second = service.channels.create()
    with refused(*TAKEN):
        service.channels(second.sid).update(unique_name="team")
    assert service.channels("team").fetch().sid == first.sid
    other = twilio.chat.v2.services(twilio.chat.v2.services.create(friendly_name="other").sid)
    assert other.channels.create(unique_name="team").sid != first.sid


def test_a_refused_channel_is_not_listed(service: ServiceContext):
    kept = service.channels.create(unique_name="team")
    with refused(*TAKEN):
        service.channels.create(unique_name="team")
    assert sids(service.channels.list()) == [kept.sid]


NAMES = [
    "team",
    "x" * 256,
    "ż" * 256,
    "a/b",
    "a//b",
    "/",
    "a b",
    "100%",
    "a%2Fb",
    "?x=y#z",
    "日本 \U0001f600",
    "CH123",
    "a\tb",
]


@pytest.mark.parametrize("name", NAMES, ids=lambda value: ascii(value[:12]))
def test_any_unicode_unique_name_addresses_the_channel_and_what_is_in_it(raw: Raw, service_path: str, name: str):
    body = raw.post(f"{service_path}/Channels", UniqueName=name)
    path = f"{service_path}/Channels/{quote(name, safe='')}"
    assert raw.get(path) == body
    member = raw.post(f"{path}/Members", Identity="alice")
    message = raw.post(f"{path}/Messages", Body="hi")
    assert member["channel_sid"] == message["channel_sid"] == body["sid"]
    assert raw.get(f"{path}/Members")["members"] == [member]
    assert raw.get(f"{path}/Messages")["messages"] == [message]
    assert raw.get(f"{path}/Members/alice") == member
    assert raw.get(f"{path}/Messages/{message['sid']}") == message
    assert raw("DELETE", path).status == 204
    assert raw("GET", path).status == 404


BAD_NAMES = [
    ("CH" + "0a" * 16, 50306, "Unique name must not have the form of a Channel SID"),
    ("CH" + "FF" * 16, 50306, "Unique name must not have the form of a Channel SID"),
]


@pytest.mark.parametrize(("name", "code", "text"), BAD_NAMES, ids=lambda value: str(value)[:8])
def test_an_unacceptable_unique_name_is_refused(
    raw: Raw, service_path: str, channel_path: str, name: str, code: int, text: str
):
    assert raw("POST", f"{service_path}/Channels", {"UniqueName": name}).refusal() == (400, code, text)
    assert raw("POST", channel_path, {"UniqueName": name}).refusal() == (400, code, text)


def test_a_renamed_channel_frees_its_old_name_at_once(service: ServiceContext):
    channel = service.channels.create(unique_name="old")
    assert service.channels("old").update(unique_name="new").unique_name == "new"
    assert service.channels("new").fetch().sid == channel.sid
    assert service.channels.create(unique_name="old").sid != channel.sid
    assert service.channels("new").fetch().sid == channel.sid


def test_a_channel_may_keep_its_own_name_in_an_update(service: ServiceContext):
    service.channels.create(unique_name="team")
    updated = service.channels("team").update(unique_name="team", friendly_name="The team")
    assert (updated.unique_name, updated.friendly_name) == ("team", "The team")


@pytest.mark.inferred
def test_an_empty_value_clears_the_texts_of_a_channel(raw: Raw, service: ServiceContext, service_path: str):
    channel = service.channels.create(unique_name="team", friendly_name="The team", attributes='{"a":1}')
    path = f"{service_path}/Channels/{channel.sid}"
    after = raw.post(path, UniqueName="", FriendlyName="", Attributes="")
    assert (after["unique_name"], after["friendly_name"], after["attributes"]) == (None, None, "{}")
    assert raw.get(path) == after
    assert service.channels.create(unique_name="team").unique_name == "team"


@pytest.mark.inferred
def test_empty_values_at_creation_are_as_good_as_none(raw: Raw, service_path: str):
    body = raw.post(
        f"{service_path}/Channels", UniqueName="", FriendlyName="", Attributes="", CreatedBy="", DateCreated=""
    )
    assert (body["unique_name"], body["friendly_name"], body["attributes"]) == (None, None, "{}")
    assert (body["created_by"], body["date_updated"]) == ("system", body["date_created"])
    assert raw.post(f"{service_path}/Channels", UniqueName="")["unique_name"] is None


@pytest.mark.proves("v2:UpdateChannel")
def test_an_update_leaves_what_it_does_not_name_alone(raw: Raw, service: ServiceContext, service_path: str):
    channel = service.channels.create(
        unique_name="team", friendly_name="The team", attributes='{"a":1}', type="private"
    )
    path = f"{service_path}/Channels/{channel.sid}"
    before = raw.get(path)
    after = raw.post(path, FriendlyName="renamed")
    assert after == {**before, "friendly_name": "renamed", "date_updated": after["date_updated"]}
    assert raw.get(path) == after


def test_the_type_of_a_channel_is_fixed(raw: Raw, channel_path: str):
    assert raw.post(channel_path, Type="private", FriendlyName="x")["type"] == "public"
    expected = (400, 50347, "The channel update names no parameter that can be changed")
    assert raw("POST", channel_path, {"Type": "private"}).refusal() == expected
    assert raw("POST", channel_path).refusal() == expected


def test_history_can_be_imported_by_an_update(raw: Raw, channel_path: str):
    form = {
        "DateCreated": "2015-07-30T20:00:00+02:00",
        "DateUpdated": "2015-07-30T21:00:00.999Z",
        "CreatedBy": "alice",
    }
    after = raw.post(channel_path, form)
    assert (after["date_created"], after["date_updated"]) == ("2015-07-30T18:00:00Z", "2015-07-30T21:00:00Z")
    assert after["created_by"] == "alice"
    assert raw.get(channel_path) == after


def test_an_update_without_a_date_of_update_sets_it_to_now(raw: Raw, service_path: str, clock: FakeClock):
    created = raw.post(f"{service_path}/Channels", DateCreated="2015-07-30T20:00:00Z")
    clock.advance(7)
    updated = raw.post(created["url"], FriendlyName="x")
    assert (updated["date_created"], updated["date_updated"]) == ("2015-07-30T20:00:00Z", "2026-01-15T12:00:07Z")


@pytest.mark.inferred
def test_a_date_that_is_given_empty_stays(raw: Raw, service_path: str, clock: FakeClock):
    created = raw.post(f"{service_path}/Channels")
    clock.advance(7)
    updated = raw.post(created["url"], FriendlyName="x", DateCreated="", DateUpdated="")
    assert (updated["date_created"], updated["date_updated"]) == ("2026-01-15T12:00:00Z", "2026-01-15T12:00:07Z")


def test_a_list_shows_public_channels_unless_asked_otherwise(service: ServiceContext):
    public = [service.channels.create(type="public").sid for _ in range(2)]
    private = [service.channels.create(type="private").sid for _ in range(2)]
    assert sids(service.channels.list()) == public
    assert sids(service.channels.list(type=["private"])) == private


@pytest.mark.proves("v2:ListChannel")
def test_types_of_a_list_can_be_combined_and_keep_the_order_of_creation(service: ServiceContext):
    created = [service.channels.create(type=kind).sid for kind in ("public", "private", "private", "public", "public")]
    for types in (["public", "private"], ["private", "public"], ["private", "public", "private"]):
        assert sids(service.channels.list(type=types)) == created
        assert sids(service.channels.list(type=types, page_size=2, limit=100)) == created


def test_counters_follow_members_and_messages(channel: ChannelContext):
    for identity in ("alice", "bob", "carol"):
        channel.members.create(identity=identity)
    messages = [channel.messages.create(body="x") for _ in range(4)]
    fetched = channel.fetch()
    assert (fetched.members_count, fetched.messages_count) == (3, 4)
    channel.members("bob").delete()
    messages[0].delete()
    fetched = channel.fetch()
    assert (fetched.members_count, fetched.messages_count) == (2, 3)


def test_an_update_answers_with_the_counters(channel: ChannelContext):
    channel.members.create(identity="alice")
    channel.messages.create(body="x")
    updated = channel.update(friendly_name="x")
    assert (updated.members_count, updated.messages_count) == (1, 1)


def test_the_link_to_the_last_message_moves_with_messages(raw: Raw, channel_path: str):
    for _ in range(2):
        message = raw.post(f"{channel_path}/Messages", Body="x")
        link = raw.get(channel_path)["links"]["last_message"]
        assert link == message["url"]
        assert raw.get(link) == message


@pytest.mark.inferred
def test_the_link_to_the_last_message_moves_back_when_it_is_deleted(raw: Raw, channel_path: str):
    urls = [raw.post(f"{channel_path}/Messages", Body="x")["url"] for _ in range(4)]
    expected = {3: urls[2], 1: urls[2], 2: urls[0], 0: None}
    for deleted, newest in expected.items():
        raw("DELETE", urls[deleted])
        assert raw.get(channel_path)["links"]["last_message"] == newest
    again = raw.post(f"{channel_path}/Messages", Body="x")
    assert raw.get(channel_path)["links"]["last_message"] == again["url"]


@pytest.mark.inferred
def test_messages_and_members_are_no_update_of_their_channel(
    raw: Raw, channel: ChannelContext, channel_path: str, clock: FakeClock
):
    before = raw.get(channel_path)
    clock.advance(60)
    channel.members.create(identity="alice")
    channel.messages.create(body="x")
    assert raw.get(channel_path)["date_updated"] == before["date_updated"]


@pytest.mark.proves("v2:DeleteChannel")
def test_a_deleted_channel_is_not_listed_and_its_name_is_free_again(service: ServiceContext):
    deleted = service.channels.create(unique_name="team", type="private")
    service.channels("team").delete()
    assert service.channels.list(type=["public", "private"]) == []
    again = service.channels.create(unique_name="team")
    assert again.sid != deleted.sid
    assert service.channels("team").fetch().sid == again.sid
    assert service.channels.list()[0].messages_count == 0
