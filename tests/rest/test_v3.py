"""v3 has one operation: making a public channel private, https://www.twilio.com/docs/chat/rest/channel-migration-resource."""

from __future__ import annotations

import pytest
from twilio.rest import Client
from twilio.rest.chat.v2.service import ServiceContext

from tests.rest.support import sids, unchanged
from tests.support.doors import Door, Raw
from tests.support.fakes import FakeClock

MESSAGING = "MG" + "0a" * 16
NOT_PRIVATE = (400, 50393, "Type must be given as private: a channel can only be made private")


@pytest.fixture
def v3_path(service_sid: str, channel_sid: str) -> str:
    return f"/chat/v3/Services/{service_sid}/Channels/{channel_sid}"


@pytest.mark.proves("v3:UpdateChannel")
def test_a_converted_channel_is_shown_whole(raw: Raw, door: Door, channel_path: str, v3_path: str, clock: FakeClock):
    before = raw.get(channel_path)
    clock.advance(60)
    body = raw.post(v3_path, Type="private")
    expected = {**before, "type": "private", "messaging_service_sid": None, "url": door.base_url + v3_path}
    del expected["links"]
    assert body == {**expected, "date_updated": "2026-01-15T12:01:00Z"}


def test_a_converted_channel_is_private_in_every_version(
    twilio: Client, service: ServiceContext, service_sid: str, channel_sid: str
):
    converted = twilio.chat.v3.channels(service_sid, channel_sid).update(
        type="private", messaging_service_sid=MESSAGING
    )
    assert (converted.type, converted.messaging_service_sid) == ("private", MESSAGING)
    assert service.channels(channel_sid).fetch().type == "private"
    assert twilio.chat.v1.services(service_sid).channels(channel_sid).fetch().type == "private"


def test_a_converted_channel_moves_to_the_other_list(
    twilio: Client, service: ServiceContext, service_sid: str, channel_sid: str
):
    other = service.channels.create().sid
    twilio.chat.v3.channels(service_sid, channel_sid).update(type="private")
    assert sids(service.channels.list()) == sids(service.channels.list(type=["public"])) == [other]
    assert sids(service.channels.list(type=["private"])) == [channel_sid]
    assert sids(service.channels.list(type=["public", "private"])) == [channel_sid, other]


def test_members_and_messages_stay(twilio: Client, service: ServiceContext, service_sid: str, channel_sid: str):
    channel = service.channels(channel_sid)
    channel.members.create(identity="alice")
    channel.messages.create(body="hi")
    twilio.chat.v3.channels(service_sid, channel_sid).update(type="private")
    assert [member.identity for member in channel.members.list()] == ["alice"]
    assert [message.body for message in channel.messages.list()] == ["hi"]
    assert channel.fetch().messages_count == 1


def test_the_channel_may_be_named_by_its_unique_name(twilio: Client, service: ServiceContext, service_sid: str):
    made = service.channels.create(unique_name="team").sid
    assert twilio.chat.v3.channels(service_sid, "team").update(type="private").sid == made


def test_converting_twice_is_no_error(twilio: Client, service: ServiceContext, service_sid: str, channel_sid: str):
    for _ in range(2):
        twilio.chat.v3.channels(service_sid, channel_sid).update(type="private")
    assert sids(service.channels.list(type=["private"])) == [channel_sid]


@pytest.mark.parametrize("form", [{}, {"Type": "public"}, {"Type": ""}, {"MessagingServiceSid": MESSAGING}], ids=str)
def test_without_the_type_private_nothing_happens(raw: Raw, channel_path: str, v3_path: str, form: dict[str, str]):
    with unchanged(raw, channel_path):
        assert raw("POST", v3_path, form).refusal() == NOT_PRIVATE


def test_there_is_no_way_back(raw: Raw, channel_path: str, v3_path: str):
    raw.post(v3_path, Type="private")
    with unchanged(raw, channel_path):
        assert raw("POST", v3_path, {"Type": "public"}).refusal() == NOT_PRIVATE
        assert raw("POST", channel_path, {"Type": "public"}).status == 400


def test_a_malformed_messaging_service_is_refused(raw: Raw, channel_path: str, v3_path: str):
    text = "MessagingServiceSid must be a SID beginning with MG"
    with unchanged(raw, channel_path):
        assert raw("POST", v3_path, {"Type": "private", "MessagingServiceSid": "x"}).refusal() == (400, 50341, text)


def test_nothing_else_can_be_changed_here(raw: Raw, v3_path: str, channel_path: str):
    raw.post(v3_path, Type="private", FriendlyName="x", Attributes="{", UniqueName="team")
    body = raw.get(channel_path)
    assert (body["friendly_name"], body["unique_name"], body["attributes"]) == (None, None, "{}")
