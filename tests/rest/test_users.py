"""Users, https://www.twilio.com/docs/chat/rest/user-resource."""

from __future__ import annotations

from urllib.parse import quote

import pytest
from twilio.rest import Client
from twilio.rest.chat.v2.service import ServiceContext

from tests.rest.support import DATE, refused, sid, sids
from tests.support.doors import Door, Raw
from tests.support.fakes import FakeClock

NEEDED_TYPE = "Role type mismatch: a role of type {} is needed"


@pytest.mark.proves("v2:CreateUser", "v2:FetchUser")
def test_a_user_created_by_identity_has_the_documented_defaults(
    raw: Raw, door: Door, service: ServiceContext, service_path: str, service_sid: str
):
    body = raw.post(f"{service_path}/Users", Identity="alice")
    url = f"{door.base_url}{service_path}/Users/{body['sid']}"
    assert body == {
        "sid": sid("US"),
        "account_sid": door.account_sid,
        "service_sid": service_sid,
        "attributes": "{}",
        "friendly_name": None,
        "role_sid": service.fetch().default_service_role_sid,
        "identity": "alice",
        "is_online": None,
        "is_notifiable": None,
        "date_created": DATE,
        "date_updated": body["date_created"],
        "joined_channels_count": 0,
        "url": url,
        "links": {"user_channels": f"{url}/Channels", "user_bindings": f"{url}/Bindings"},
    }
    assert raw.get(url) == body


def test_a_user_can_be_created_with_everything(service: ServiceContext):
    role = service.roles.create("guest", "deployment", ["joinChannel"]).sid
    user = service.users.create("alice", role_sid=role, attributes='{"a": [1, null]}', friendly_name="Alice Ż")
    assert (user.role_sid, user.attributes, user.friendly_name) == (role, '{"a": [1, null]}', "Alice Ż")


def test_a_user_needs_an_identity(raw: Raw, service_path: str):
    expected = (400, 20001, "Missing required parameter Identity in the post body")
    assert raw("POST", f"{service_path}/Users").refusal() == expected
    assert raw("POST", f"{service_path}/Users", {"FriendlyName": "x", "identity": "alice"}).refusal() == expected


BAD_IDENTITIES = [
    ("", 50204, "Identity must not be empty"),
    ("system", 50203, "Identity is reserved: system"),
    ("private", 50203, "Identity is reserved: private"),
    ("unique", 50203, "Identity is reserved: unique"),
    ("US" + "0a" * 16, 50206, "Identity must not have the form of a User SID"),
    ("US" + "0A" * 16, 50206, "Identity must not have the form of a User SID"),
]


@pytest.mark.parametrize(("identity", "code", "text"), BAD_IDENTITIES, ids=lambda value: str(value)[:12])
def test_an_unacceptable_identity_is_refused_for_users_and_members(
    raw: Raw, service_path: str, channel_path: str, identity: str, code: int, text: str
):
    for path in (f"{service_path}/Users", f"{channel_path}/Members"):
        assert raw("POST", path, {"Identity": identity}).refusal() == (400, code, text)


GOOD_IDENTITIES = [
    "x" * 256,
    "ż" * 256,
    "System",
    "US123",
    "alice@example.com",
    "a/b",
    "a//b/",
    "../a",
    "a%2Fb",
    "a b+c",
    "100%",
    "?a=b&c#d",
    "日本語 \U0001f600",
    "e\u0301",
    "!*'();:@&=+$,[]",
    "a\nb",
]


@pytest.mark.parametrize("identity", GOOD_IDENTITIES, ids=lambda value: ascii(value[:16]))
def test_any_unicode_identity_addresses_its_user(raw: Raw, service_path: str, identity: str):
    body = raw.post(f"{service_path}/Users", Identity=identity)
    assert body["identity"] == identity
    path = f"{service_path}/Users/{quote(identity, safe='')}"
    assert raw.get(path) == body
    assert raw.post(path, FriendlyName="x")["sid"] == body["sid"]
    assert raw("DELETE", path).status == 204
    assert raw("GET", path).status == 404


def test_the_library_addresses_a_user_by_identity(service: ServiceContext):
    created = service.users.create(identity="alice")
    assert service.users("alice").fetch().sid == created.sid
    assert service.users("alice").update(friendly_name="Alice").friendly_name == "Alice"


def test_identities_are_case_sensitive_and_not_normalised(service: ServiceContext):
    identities = ["alice", "Alice", "ALICE", "é", "e\u0301"]
    assert len({service.users.create(identity=identity).sid for identity in identities}) == 5


def test_an_identity_is_unique_in_its_service(service: ServiceContext):
    service.users.create(identity="alice")
    with refused(409, 50201, "User already exists"):
        service.users.create(identity="alice", friendly_name="another")


def test_the_same_identity_may_exist_in_another_service(twilio: Client, service: ServiceContext):
    other = twilio.chat.v2.services(twilio.chat.v2.services.create(friendly_name="other").sid)
    first, second = service.users.create(identity="alice"), other.users.create(identity="alice")
    assert first.sid != second.sid
    other.users("alice").update(friendly_name="the other")
    assert service.users("alice").fetch().friendly_name is None


def test_an_explicit_role_must_exist_and_be_of_type_deployment(twilio: Client, service: ServiceContext):
    fetched = service.fetch()
    foreign = twilio.chat.v2.services.create(friendly_name="other").default_service_role_sid
    service.users.create(identity="bob")
    for role_sid in ("RL" + "0" * 32, foreign):
        with refused(404, 50100, f"Role not found: {role_sid}"):
            service.users.create(identity="alice", role_sid=role_sid)
        with refused(404, 50100, f"Role not found: {role_sid}"):
            service.users("bob").update(role_sid=role_sid)
    with refused(400, 50105, NEEDED_TYPE.format("deployment")):
        service.users.create(identity="alice", role_sid=fetched.default_channel_role_sid)
    with refused(400, 50105, NEEDED_TYPE.format("deployment")):
        service.users("bob").update(role_sid=fetched.default_channel_role_sid)
    with refused(400, 20001, "Invalid value for parameter RoleSid: a SID beginning with RL is needed"):
        service.users.create(identity="alice", role_sid="admin")
    assert [user.identity for user in service.users.list()] == ["bob"]


@pytest.mark.parametrize("attributes", ["{}", '{"a":1}', "[1,2]", '"text"', "null", "1.5", ' {"ż": "\\u0000"} '])
def test_attributes_are_any_json_kept_as_it_was_written(service: ServiceContext, attributes: str):
    assert service.users.create(identity="alice", attributes=attributes).attributes == attributes
    assert service.users("alice").fetch().attributes == attributes


@pytest.mark.parametrize("attributes", ["{", "{'a':1}", "NaN", '{"a":Infinity}', "{} {}", " ", "[" * 3000])
def test_attributes_that_are_not_json_are_refused(raw: Raw, service_path: str, channel_path: str, attributes: str):
    expected = (400, 50304, "Attributes not valid: not a JSON document")
    for path, form in (
        (f"{service_path}/Users", {"Identity": "alice"}),
        (f"{service_path}/Channels", {}),
        (f"{channel_path}/Members", {"Identity": "alice"}),
        (f"{channel_path}/Messages", {"Body": "x"}),
    ):
        assert raw("POST", path, {**form, "Attributes": attributes}).refusal() == expected


@pytest.mark.proves("v2:UpdateUser")
def test_an_update_leaves_what_it_does_not_name_alone(raw: Raw, service: ServiceContext, service_path: str):
    service.users.create(identity="alice", attributes='{"a":1}', friendly_name="Alice")
    before = raw.get(f"{service_path}/Users/alice")
    after = raw.post(f"{service_path}/Users/alice", Attributes='{"b":2}')
    assert after == {**before, "attributes": '{"b":2}', "date_updated": after["date_updated"]}
    assert raw.get(f"{service_path}/Users/alice") == after


@pytest.mark.inferred
def test_an_empty_value_clears_name_and_attributes_and_leaves_the_role(
    raw: Raw, service: ServiceContext, service_path: str
):
    role = service.roles.create("guest", "deployment", ["joinChannel"]).sid
    service.users.create(identity="alice", role_sid=role, attributes='{"a":1}', friendly_name="Alice")
    after = raw.post(f"{service_path}/Users/alice", FriendlyName="", Attributes="", RoleSid="")
    assert (after["friendly_name"], after["attributes"], after["role_sid"]) == (None, "{}", role)
    assert raw.get(f"{service_path}/Users/alice") == after


def test_the_identity_of_a_user_is_fixed(raw: Raw, service: ServiceContext, service_path: str):
    service.users.create(identity="alice")
    after = raw.post(f"{service_path}/Users/alice", Identity="bob", FriendlyName="x")
    assert after["identity"] == "alice"


@pytest.mark.proves("v2:ListUser")
def test_users_are_listed_oldest_first(service: ServiceContext):
    identities = ["dave", "alice", "carol", "bob", "eve"]
    for identity in identities:
        service.users.create(identity=identity)
    assert [user.identity for user in service.users.list()] == identities
    assert [user.identity for user in service.users.list(page_size=2, limit=100)] == identities


def test_the_count_of_joined_channels_moves_with_memberships(service: ServiceContext):
    service.users.create(identity="alice")
    channels = [service.channels(service.channels.create().sid) for _ in range(3)]
    for channel in channels:
        channel.members.create(identity="alice")
    assert service.users("alice").fetch().joined_channels_count == 3
    channels[1].members("alice").delete()
    assert service.users("alice").fetch().joined_channels_count == 2


def test_joining_a_channel_is_no_update_of_the_user(
    raw: Raw, service: ServiceContext, service_path: str, clock: FakeClock
):
    before = raw.post(f"{service_path}/Users", Identity="alice")
    clock.advance(10)
    service.channels(service.channels.create().sid).members.create(identity="alice")
    assert raw.get(f"{service_path}/Users/alice") == {**before, "joined_channels_count": 1}


@pytest.mark.proves("v2:DeleteUser")
def test_a_deleted_user_is_gone_by_sid_and_by_identity(service: ServiceContext, service_sid: str):
    user = service.users.create(identity="alice")
    assert service.users("alice").delete() is True
    assert service.users.list() == []
    for address in (user.sid, "alice"):
        with refused(404, 20404, f"The requested resource /Services/{service_sid}/Users/{address} was not found"):
            service.users(address).delete()


def test_the_identity_of_a_deleted_user_is_free_again(service: ServiceContext):
    service.users.create(identity="alice", friendly_name="first", attributes='{"a":1}')
    service.users("alice").delete()
    again = service.users.create(identity="alice")
    assert (again.friendly_name, again.attributes, again.joined_channels_count) == (None, "{}", 0)
    assert sids(service.users.list()) == [again.sid]
