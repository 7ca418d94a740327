"""Where v1 takes less than v2, and that both do the same to the same records (Twilio's v1 pages)."""

from __future__ import annotations

from typing import Any

import pytest
from twilio.rest.chat.v1.service import ServiceContext as ServiceContextV1
from twilio.rest.chat.v2.service import ServiceContext

from tests.rest.support import sids, unchanged
from tests.support.doors import Raw


@pytest.mark.proves(
    "v1:UpdateRole",
    "v1:DeleteRole",
    "v1:UpdateUser",
    "v1:DeleteUser",
    "v1:UpdateChannel",
    "v1:DeleteChannel",
    "v1:DeleteInvite",
    "v1:UpdateMember",
    "v1:DeleteMember",
    "v1:UpdateMessage",
    "v1:DeleteMessage",
)
def test_the_library_goes_through_the_life_of_a_conversation(service_v1: ServiceContextV1):
    role = service_v1.roles.create(friendly_name="guest", type="channel", permission=["leaveChannel"])
    assert service_v1.roles(role.sid).update(permission=["sendMessage"]).permissions == ["sendMessage"]
    assert len(service_v1.roles.list()) == 5
    service_v1.users.create(identity="alice", friendly_name="Alice")
    assert service_v1.users("alice").update(attributes='{"a":1}').attributes == '{"a":1}'
    made = service_v1.channels.create(unique_name="team", type="private")
    channel = service_v1.channels(made.sid)
    assert service_v1.channels("team").update(friendly_name="The team").friendly_name == "The team"
    invite = channel.invites.create(identity="bob", role_sid=role.sid)
    assert (channel.invites(invite.sid).fetch().identity, len(channel.invites.list())) == ("bob", 1)
    assert channel.invites(invite.sid).delete() is True
    member = channel.members.create(identity="alice")
    assert channel.members(member.sid).update(role_sid=role.sid, last_consumed_message_index=3).role_sid == role.sid
    assert channel.members(member.sid).fetch().last_consumed_message_index == 3
    assert sids(channel.members.list(identity=["alice"])) == [member.sid]
    message = channel.messages.create(body="hi", from_="alice")
    assert channel.messages(message.sid).update(body="hello").was_edited is True
    assert channel.messages(message.sid).fetch().body == "hello"
    assert [said.body for said in channel.messages.list(order="desc")] == ["hello"]
    assert [seen.channel_sid for seen in service_v1.users("alice").user_channels.list()] == [made.sid]
    assert channel.messages(message.sid).delete() is True
    assert channel.members(member.sid).delete() is True
    assert service_v1.channels("team").delete() is True
    assert service_v1.users("alice").delete() is True
    # One that was given to somebody within the last minute counts as held.
    spare = service_v1.roles.create(friendly_name="spare", type="channel", permission=["leaveChannel"])
    assert service_v1.roles(spare.sid).delete() is True
    assert service_v1.channels.list() == []
    assert [user.identity for user in service_v1.users.list()] == ["bob"]


def test_both_versions_work_on_the_same_records(service_v1: ServiceContextV1, service: ServiceContext):
    channel = service_v1.channels.create(unique_name="team")
    assert service.channels("team").update(friendly_name="x").sid == channel.sid
    assert service_v1.channels("team").fetch().friendly_name == "x"
    service.channels("team").members.create(identity="alice")
    (member,) = service_v1.channels(channel.sid).members.list()
    service_v1.channels(channel.sid).members(member.sid).delete()
    assert service.channels("team").members.list() == []
    assert service.users("alice").delete() is True
    assert service_v1.users.list() == []


BELOW_A_NAME = ["Members", "Messages", "Invites"]


@pytest.mark.parametrize("kind", BELOW_A_NAME)
def test_a_unique_name_addresses_the_channel_but_nothing_below_it(raw: Raw, v1_path: str, kind: str):
    made = raw.post(f"{v1_path}/Channels", UniqueName="team")
    raw.post(f"{v1_path}/Channels/{made['sid']}/Members", Identity="alice")
    with unchanged(raw, made["url"], f"{v1_path}/Channels/{made['sid']}/{kind}"):
        for address in ("team", "team%2F", made["sid"].lower()):
            path = f"{v1_path}/Channels/{address}/{kind}"
            text = f"The requested resource {path.removeprefix('/chat/v1')} was not found"
            assert raw("GET", path).refusal() == (404, 20404, text)
            assert raw("POST", path, {"Identity": "bob", "Body": "hi"}).refusal() == (404, 20404, text)


def test_a_member_is_addressed_by_its_sid_only(raw: Raw, v1_path: str, channel_sid: str):
    path = f"{v1_path}/Channels/{channel_sid}/Members"
    member = raw.post(path, Identity="alice")
    with unchanged(raw, path):
        for verb, form in (("GET", {}), ("POST", {"LastConsumedMessageIndex": 1}), ("DELETE", {})):
            text = f"The requested resource {path.removeprefix('/chat/v1')}/alice was not found"
            assert raw(verb, f"{path}/alice", form).refusal() == (404, 20404, text)
    assert raw.get(f"{path}/{member['sid']}") == member


@pytest.mark.inferred
def test_a_user_is_addressed_by_identity_too(raw: Raw, v1_path: str):
    user = raw.post(f"{v1_path}/Users", Identity="a/b ż")
    assert raw.get(f"{v1_path}/Users/a%2Fb%20%C5%BC") == raw.get(user["url"]) == user


def test_bytes_that_are_not_utf_8_do_not_mean_the_replacement_character(raw: Raw, v1_path: str):
    user = raw.post(f"{v1_path}/Users", Identity="\ufffd")
    assert raw.get(f"{v1_path}/Users/%EF%BF%BD") == user
    for address in ("%FF", "%C3", "%ED%A0%80"):
        assert raw("GET", f"{v1_path}/Users/{address}").refusal()[:2] == (404, 20404)


def test_a_message_needs_a_body(raw: Raw, v1_path: str, channel_sid: str):
    path = f"{v1_path}/Channels/{channel_sid}/Messages"
    expected = (400, 20001, "Missing required parameter Body in the post body")
    with unchanged(raw, path, f"{v1_path}/Channels/{channel_sid}"):
        assert raw("POST", path, {"From": "alice"}).refusal() == expected
        assert raw("POST", path, {"MediaSid": "ME" + "0" * 32}).refusal() == expected


V2_ONLY = [
    ("Channels", {"DateCreated": "2015-01-01", "DateUpdated": "x", "CreatedBy": "alice"}, {}),
    (
        "Channels/{}/Members",
        {"DateCreated": "2015-01-01", "DateUpdated": "x", "LastConsumptionTimestamp": "x", "Attributes": "x"},
        {"Identity": "alice"},
    ),
    ("Channels/{}/Members", {"LastConsumedMessageIndex": "5"}, {"Identity": "alice"}),
    ("Channels/{}/Messages", {"DateCreated": "2015-01-01", "DateUpdated": "x", "LastUpdatedBy": "bob"}, {"Body": "hi"}),
]


@pytest.mark.parametrize(("path", "extra", "needed"), V2_ONLY, ids=lambda value: str(value)[:40])
def test_parameters_that_only_v2_knows_are_ignored_at_creation(
    raw: Raw,
    v1_path: str,
    service_path: str,
    channel_sid: str,
    path: str,
    extra: dict[str, str],
    needed: dict[str, str],
):
    body = raw.post(f"{v1_path}/{path.format(channel_sid)}", {**needed, **extra})
    seen = raw.get(body["url"].replace("/v1/", "/v2/"))
    assert not seen["date_created"].startswith("2015")
    assert seen["date_updated"] == seen["date_created"]
    assert seen.get("created_by", "system") == "system"
    assert (
        seen.get("last_consumption_timestamp")
        is seen.get("last_updated_by")
        is seen.get("last_consumed_message_index")
        is None
    )


@pytest.mark.parametrize(
    ("path", "needed", "form"),
    [
        ("Channels", {}, {"DateCreated": "2015-01-01", "CreatedBy": "alice"}),
        ("Channels/{}/Members", {"Identity": "alice"}, {"Attributes": "{}", "LastConsumptionTimestamp": "2015-01-01"}),
        ("Channels/{}/Messages", {"Body": "hi"}, {"LastUpdatedBy": "bob", "From": "bob", "DateUpdated": "2015-01-01"}),
    ],
    ids=lambda value: str(value)[:40],
)
def test_an_update_with_nothing_but_what_v2_knows_is_refused(
    raw: Raw, v1_path: str, channel_sid: str, path: str, needed: dict[str, str], form: dict[str, str]
):
    url = raw.post(f"{v1_path}/{path.format(channel_sid)}", needed)["url"]
    with unchanged(raw, url):
        assert raw("POST", url, form).refusal()[:2] == (400, 50347 if path == "Channels" else 20161)


@pytest.mark.parametrize(
    "kind", ["Channels", "Users", "Roles", "Channels/{}/Members", "Channels/{}/Messages", "Channels/{}/Invites"]
)
def test_a_page_may_have_a_thousand_items(raw: Raw, v1_path: str, channel_sid: str, kind: str):
    path = f"{v1_path}/{kind.format(channel_sid)}"
    assert raw.get(path)["meta"]["page_size"] == 50
    assert raw.get(path, PageSize=1000)["meta"]["page_size"] == 1000
    assert raw("GET", path, query={"PageSize": 1001}).refusal()[1] == 20007


def test_a_page_of_services_has_a_hundred_at_most(raw: Raw):
    assert raw.get("/chat/v1/Services", PageSize=1000)["meta"]["page_size"] == 100


def test_pages_of_v1_lead_to_pages_of_v1(raw: Raw, v1_path: str):
    for name in "abc":
        raw.post(f"{v1_path}/Channels", UniqueName=name)
    names: list[str] = []
    url: str | None = f"{v1_path}/Channels?PageSize=2"
    while url:
        body = raw.get(url)
        names += [channel["unique_name"] for channel in body["channels"]]
        url = body["meta"]["next_page_url"]
        assert url is None or "/chat/v1/" in url
    assert names == ["a", "b", "c"]


def test_a_page_token_of_v2_is_refused_in_v1(raw: Raw, v1_path: str, service_path: str):
    for name in "abc":
        raw.post(f"{v1_path}/Channels", UniqueName=name)
    following = raw.get(f"{service_path}/Channels", PageSize=2)["meta"]["next_page_url"]
    assert raw("GET", following.replace("/v2/", "/v1/")).refusal()[:2] == (400, 20001)


REFUSED: list[tuple[str, dict[str, Any], int, int]] = [
    ("Channels", {"UniqueName": "taken"}, 409, 50307),
    ("Channels", {"UniqueName": "CH" + "0a" * 16}, 400, 50306),
    ("Channels", {"UniqueName": "x" * 257}, 400, 50004),
    ("Channels", {"FriendlyName": "x" * 257}, 400, 50003),
    ("Channels", {"Attributes": "{"}, 400, 50304),
    ("Channels", {"Type": "secret"}, 400, 20001),
    ("Users", {}, 400, 20001),
    ("Users", {"Identity": "known"}, 409, 50201),
    ("Users", {"Identity": "unique"}, 400, 50203),
    ("Users", {"Identity": "new", "RoleSid": "RL" + "0" * 32}, 404, 50100),
    ("Roles", {"FriendlyName": "x", "Type": "channel", "Permission": "fly"}, 400, 50104),
    ("Roles", {"FriendlyName": "x", "Type": "channel"}, 400, 20001),
    ("Roles", {"FriendlyName": "x", "Type": "service", "Permission": "joinChannel"}, 400, 50105),
    ("Channels/{}/Members", {"Identity": "known"}, 409, 50404),
    ("Channels/{}/Members", {"Identity": "new", "RoleSid": "RL" + "0" * 32}, 404, 50100),
    ("Channels/{}/Invites", {"Identity": "known"}, 409, 50404),
    ("Channels/{}/Messages", {"Body": "x" * 32769}, 400, 50504),
    ("Channels/{}/Messages", {"Body": "x", "Attributes": '"' + "x" * 4095 + '"'}, 400, 50303),
]


@pytest.mark.parametrize(("path", "form", "status", "code"), REFUSED, ids=lambda value: str(value)[:40])
def test_errors_are_those_of_v2_and_change_nothing(
    raw: Raw, service: ServiceContext, v1_path: str, path: str, form: dict[str, Any], status: int, code: int
):
    channel = service.channels.create(unique_name="taken").sid
    service.channels(channel).members.create(identity="known")
    path = f"{v1_path}/{path.format(channel)}"
    with unchanged(raw, path, f"{v1_path}/Channels/{channel}", f"{v1_path}/Users"):
        assert raw("POST", path, form).refusal()[:2] == (status, code)


@pytest.mark.parametrize(
    "path", ["Bindings", "Users/alice/Bindings", "Channels/{}/Webhooks", "Users/alice/Channels/{}"]
)
def test_resources_that_came_with_v2_are_not_in_v1(raw: Raw, v1_path: str, channel_sid: str, path: str):
    raw.post(f"{v1_path}/Channels/{channel_sid}/Members", Identity="alice")
    path = f"{v1_path}/{path.format(channel_sid)}"
    text = f"The requested resource {path.removeprefix('/chat/v1')} was not found"
    assert raw("GET", path).refusal() == (404, 20404, text)
