"""Invites, https://www.twilio.com/docs/chat/rest/invite-resource."""

from __future__ import annotations

import pytest
from twilio.rest import Client
from twilio.rest.chat.v2.service import ServiceContext
from twilio.rest.chat.v2.service.channel import ChannelContext

from tests.rest.support import DATE, refused, sid, unchanged
from tests.support.doors import Door, Raw
from tests.support.fakes import FakeClock


@pytest.mark.proves("v2:CreateInvite", "v2:FetchInvite")
def test_an_invite_has_the_documented_defaults(
    raw: Raw, door: Door, service: ServiceContext, channel_path: str, channel_sid: str, service_sid: str
):
    body = raw.post(f"{channel_path}/Invites", Identity="alice")
    assert body == {
        "sid": sid("IN"),
        "account_sid": door.account_sid,
        "channel_sid": channel_sid,
        "service_sid": service_sid,
        "identity": "alice",
        "date_created": DATE,
        "date_updated": body["date_created"],
        "role_sid": service.fetch().default_channel_role_sid,
        "created_by": "system",
        "url": f"{door.base_url}{channel_path}/Invites/{body['sid']}",
    }
    assert raw.get(body["url"]) == body
    assert raw.get(f"{channel_path}/Invites")["invites"] == [body]


def test_an_invite_may_name_the_role_that_it_will_give(service: ServiceContext, channel: ChannelContext):
    role = service.roles.create(friendly_name="guest", type="channel", permission=["leaveChannel"])
    invite = channel.invites.create(identity="alice", role_sid=role.sid)
    assert channel.invites(invite.sid).fetch().role_sid == role.sid


@pytest.mark.inferred
def test_inviting_an_unknown_identity_makes_its_user(service: ServiceContext, channel: ChannelContext):
    channel.invites.create(identity="alice")
    user = service.users("alice").fetch()
    assert (user.identity, user.joined_channels_count) == ("alice", 0)


def test_an_identity_is_invited_once(raw: Raw, channel: ChannelContext, channel_path: str):
    channel.invites.create(identity="alice")
    with unchanged(raw, f"{channel_path}/Invites"), refused(409, 50212, "User already invited"):
        channel.invites.create(identity="alice")


@pytest.mark.inferred
def test_a_member_is_not_invited(raw: Raw, channel: ChannelContext, channel_path: str):
    channel.members.create(identity="alice")
    with unchanged(raw, channel_path, f"{channel_path}/Invites"), refused(409, 50404, "Member already exists"):
        channel.invites.create(identity="alice")


def test_an_invite_needs_an_identity(raw: Raw, channel_path: str):
    text = "Missing required parameter Identity in the post body"
    with unchanged(raw, f"{channel_path}/Invites"):
        assert raw("POST", f"{channel_path}/Invites").refusal() == (400, 20001, text)


BAD_IDENTITIES = [
    ("", 50204, "Identity must not be empty"),
    ("system", 50203, "Identity is reserved: system"),
    ("US" + "0a" * 16, 50206, "Identity must not have the form of a User SID"),
]


@pytest.mark.parametrize(("identity", "code", "text"), BAD_IDENTITIES, ids=lambda value: str(value)[:8])
def test_an_unacceptable_identity_is_not_invited(raw: Raw, channel_path: str, identity: str, code: int, text: str):
    with unchanged(raw, f"{channel_path}/Invites"):
        assert raw("POST", f"{channel_path}/Invites", {"Identity": identity}).refusal() == (400, code, text)


def test_the_role_of_an_invite_must_exist_and_be_of_type_channel(
    raw: Raw, twilio: Client, service: ServiceContext, channel: ChannelContext, channel_path: str, service_path: str
):
    foreign = twilio.chat.v2.services.create(friendly_name="other").default_channel_role_sid
    with unchanged(raw, f"{channel_path}/Invites", f"{service_path}/Users"):
        for role_sid in ("RL" + "0" * 32, foreign):
            with refused(404, 50100, f"Role not found: {role_sid}"):
                channel.invites.create(identity="alice", role_sid=role_sid)
        with refused(400, 50105, "Role type mismatch: a role of type channel is needed"):
            channel.invites.create(identity="alice", role_sid=service.fetch().default_service_role_sid)
        with refused(400, 20001, "Invalid value for parameter RoleSid: a SID beginning with RL is needed"):
            channel.invites.create(identity="alice", role_sid="guest")


@pytest.mark.proves("v2:ListInvite")
def test_invites_are_listed_oldest_first(channel: ChannelContext):
    identities = ["dave", "alice", "carol", "bob"]
    for identity in identities:
        channel.invites.create(identity=identity)
    assert [invite.identity for invite in channel.invites.list()] == identities
    assert [invite.identity for invite in channel.invites.list(page_size=2)] == identities


def test_a_list_can_be_narrowed_to_identities(channel: ChannelContext):
    for identity in ("alice", "bob", "carol"):
        channel.invites.create(identity=identity)
    found = channel.invites.list(identity=["carol", "alice", "nobody"])
    assert [invite.identity for invite in found] == ["alice", "carol"]


def test_an_invited_identity_that_is_added_is_no_longer_invited(service: ServiceContext, channel: ChannelContext):
    invite = channel.invites.create(identity="alice")
    channel.members.create(identity="alice")
    assert channel.invites.list() == []
    with refused(404, 20404, f"The requested resource {invite.url.partition('/v2')[2]} was not found"):
        invite.fetch()
    assert [held.status for held in service.users("alice").user_channels.list()] == ["joined"]


@pytest.mark.proves("v2:DeleteInvite")
def test_a_deleted_invite_is_gone_and_can_be_made_again(
    service: ServiceContext, channel: ChannelContext, clock: FakeClock
):
    invite = channel.invites.create(identity="alice")
    assert invite.delete() is True
    assert channel.invites.list() == service.users("alice").user_channels.list() == []
    clock.advance(10)
    again = channel.invites.create(identity="alice")
    assert again.date_created > invite.date_created


def test_an_invite_is_addressed_by_its_sid_only(raw: Raw, channel: ChannelContext, channel_path: str):
    channel.invites.create(identity="alice")
    for address in ("alice", "IN" + "0" * 32, "IN"):
        assert raw("GET", f"{channel_path}/Invites/{address}").status == 404
        assert raw("DELETE", f"{channel_path}/Invites/{address}").status == 404
    assert len(channel.invites.list()) == 1
