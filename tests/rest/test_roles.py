"""Roles and permissions, https://www.twilio.com/docs/chat/rest/role-resource and /docs/chat/permissions."""

from __future__ import annotations

import pytest
from twilio.rest.chat.v2.service import ServiceContext

from tests.rest.support import DATE, refused, sid, sids
from tests.support.doors import Door, Raw
from tests.support.fakes import FakeClock

SERVICE_ADMIN = (
    "addMember createChannel deleteAnyMessage destroyChannel editAnyMessage editAnyMessageAttributes editAnyUserInfo "
    "editChannelAttributes editChannelName inviteMember joinChannel removeMember"
)
SERVICE_USER = "createChannel joinChannel editOwnUserInfo"
CHANNEL_ADMIN = (
    "sendMessage sendMediaMessage leaveChannel editNotificationLevel destroyChannel inviteMember removeMember "
    "editChannelName editChannelAttributes addMember editAnyMemberAttributes editAnyMessage editAnyMessageAttributes "
    "deleteAnyMessage"
)
CHANNEL_USER = (
    "sendMessage sendMediaMessage leaveChannel editNotificationLevel editOwnMemberAttributes editOwnMessage "
    "editOwnMessageAttributes deleteOwnMessage"
)
DEPLOYMENT_ONLY = ["createChannel", "joinChannel"]
CHANNEL_ONLY = ["leaveChannel", "sendMessage", "sendMediaMessage", "deleteOwnMessage", "editNotificationLevel"]
IN_BOTH = [
    "addMember",
    "inviteMember",
    "removeMember",
    "destroyChannel",
    "editChannelName",
    "editChannelAttributes",
    "editAnyMessage",
    "editOwnMessage",
    "editAnyMessageAttributes",
    "editOwnMessageAttributes",
    "deleteAnyMessage",
    "editAnyUserInfo",
    "editOwnUserInfo",
    "editAnyMemberAttributes",
    "editOwnMemberAttributes",
]


def test_a_fresh_service_has_four_roles(service: ServiceContext):
    found = {role.friendly_name: (role.type, set(role.permissions)) for role in service.roles.list()}
    assert list(found) == ["service admin", "service user", "channel admin", "channel user"]
    assert found["service admin"] == ("deployment", set(SERVICE_ADMIN.split()))
    assert found["service user"] == ("deployment", set(SERVICE_USER.split()))


@pytest.mark.inferred
def test_the_channel_roles_of_a_fresh_service_allow_what_the_console_showed(service: ServiceContext):
    found = {role.friendly_name: (role.type, set(role.permissions)) for role in service.roles.list()}
    assert found["channel admin"] == ("channel", set(CHANNEL_ADMIN.split()))
    assert found["channel user"] == ("channel", set(CHANNEL_USER.split()))


def test_three_of_the_four_roles_are_the_defaults(service: ServiceContext):
    by_name = {role.friendly_name: role.sid for role in service.roles.list()}
    fetched = service.fetch()
    assert fetched.default_service_role_sid == by_name["service user"]
    assert fetched.default_channel_role_sid == by_name["channel user"]
    assert fetched.default_channel_creator_role_sid == by_name["channel admin"]


@pytest.mark.proves("v2:CreateRole", "v2:FetchRole")
def test_a_role_is_shown_whole(raw: Raw, door: Door, service_path: str, service_sid: str):
    form = {"FriendlyName": "moderator", "Type": "channel", "Permission": ["sendMessage", "deleteAnyMessage"]}
    body = raw.post(f"{service_path}/Roles", form)
    assert body == {
        "sid": sid("RL"),
        "account_sid": door.account_sid,
        "service_sid": service_sid,
        "friendly_name": "moderator",
        "type": "channel",
        "permissions": ["sendMessage", "deleteAnyMessage"],
        "date_created": DATE,
        "date_updated": body["date_created"],
        "url": f"{door.base_url}{service_path}/Roles/{body['sid']}",
    }
    assert raw.get(body["url"]) == body


@pytest.mark.parametrize(
    ("role_type", "permissions"), [("deployment", DEPLOYMENT_ONLY + IN_BOTH), ("channel", CHANNEL_ONLY + IN_BOTH)]
)
def test_every_documented_permission_can_stand_in_its_type_of_role(
    service: ServiceContext, role_type: str, permissions: list[str]
):
    role = service.roles.create(friendly_name="all", type=role_type, permission=permissions)
    assert role.permissions == permissions


@pytest.mark.inferred
@pytest.mark.parametrize(
    ("role_type", "permission"),
    [("deployment", name) for name in CHANNEL_ONLY] + [("channel", name) for name in DEPLOYMENT_ONLY],
)
def test_a_permission_of_the_other_type_of_role_is_refused(service: ServiceContext, role_type: str, permission: str):
    with refused(400, 50104, f"Unknown permission for a {role_type} role: {permission}"):
        service.roles.create(friendly_name="x", type=role_type, permission=[permission])


def test_an_unknown_permission_is_refused(service: ServiceContext):
    with refused(400, 50104, "Unknown permission for a channel role: flyAway"):
        service.roles.create(friendly_name="x", type="channel", permission=["sendMessage", "flyAway"])


def test_a_permission_given_twice_counts_once(service: ServiceContext):
    role = service.roles.create(friendly_name="x", type="channel", permission=["sendMessage"] * 3)
    assert role.permissions == ["sendMessage"]


def test_a_role_type_must_be_channel_or_deployment(service: ServiceContext):
    with refused(400, 50105, "Role type must be channel or deployment"):
        service.roles.create(friendly_name="x", type="service", permission=["sendMessage"])


@pytest.mark.parametrize("missing", ["FriendlyName", "Type", "Permission"])
def test_a_new_role_needs_name_type_and_a_permission(raw: Raw, service_path: str, missing: str):
    form = {"FriendlyName": "x", "Type": "channel", "Permission": "sendMessage"}
    del form[missing]
    expected = (400, 20001, f"Missing required parameter {missing} in the post body")
    assert raw("POST", f"{service_path}/Roles", form).refusal() == expected


def test_a_role_needs_at_least_one_permission(raw: Raw, service_path: str):
    expected = (400, 20001, "Missing required parameter Permission in the post body")
    form = {"FriendlyName": "x", "Type": "channel", "Permission": ""}
    assert raw("POST", f"{service_path}/Roles", form).refusal() == expected
    role = raw.post(f"{service_path}/Roles", {**form, "Permission": "sendMessage"})
    assert raw("POST", role["url"], {"Permission": ""}).refusal() == expected
    assert raw("POST", role["url"]).refusal() == expected


@pytest.mark.proves("v2:UpdateRole")
def test_an_update_replaces_the_whole_list_of_permissions(raw: Raw, service: ServiceContext, service_path: str):
    role = service.roles.create("x", "channel", ["sendMessage", "leaveChannel"])
    before = raw.get(f"{service_path}/Roles/{role.sid}")
    updated = service.roles(role.sid).update(permission=["editOwnMessage"])
    assert updated.permissions == ["editOwnMessage"]
    after = raw.get(f"{service_path}/Roles/{role.sid}")
    assert after == {**before, "permissions": ["editOwnMessage"], "date_updated": after["date_updated"]}


def test_name_and_type_of_a_role_are_fixed(raw: Raw, service: ServiceContext, service_path: str):
    role = service.roles.create("x", "channel", ["sendMessage"])
    form = {"FriendlyName": "y", "Type": "deployment", "Permission": "leaveChannel"}
    after = raw.post(f"{service_path}/Roles/{role.sid}", form)
    assert (after["friendly_name"], after["type"], after["permissions"]) == ("x", "channel", ["leaveChannel"])


def test_an_update_checks_permissions_against_the_type_of_the_role(service: ServiceContext):
    role = service.roles.create("x", "deployment", ["joinChannel"])
    with refused(400, 50104, "Unknown permission for a deployment role: sendMessage"):
        service.roles(role.sid).update(permission=["sendMessage"])


@pytest.mark.proves("v2:ListRole")
def test_roles_are_listed_oldest_first(service: ServiceContext):
    created = [service.roles.create(name, "channel", ["sendMessage"]).sid for name in "cab"]
    assert sids(service.roles.list())[4:] == created


@pytest.mark.proves("v2:DeleteRole")
def test_a_deleted_role_is_gone(service: ServiceContext):
    role = service.roles.create("x", "channel", ["sendMessage"])
    assert service.roles(role.sid).delete() is True
    assert role.sid not in sids(service.roles.list())


IN_USE = "Role is in use: give its users and members another role first"
# A role counts as held for so long after it was given to anybody.
A_MINUTE = 61


@pytest.mark.inferred
def test_a_default_role_cannot_be_deleted(service: ServiceContext):
    for role in service.roles.list():
        if role.friendly_name != "service admin":
            with refused(409, 20409, IN_USE):
                service.roles(role.sid).delete()


@pytest.mark.inferred
def test_a_role_that_was_a_default_cannot_be_deleted(service: ServiceContext):
    role = service.roles.create("guest", "deployment", ["joinChannel"])
    before = service.fetch().default_service_role_sid
    service.update(default_service_role_sid=role.sid)
    service.users.create(identity="alice")
    service.update(default_service_role_sid=before)
    with refused(409, 20409, IN_USE):
        service.roles(role.sid).delete()


@pytest.mark.inferred
def test_a_role_that_a_user_holds_cannot_be_deleted(service: ServiceContext, clock: FakeClock):
    role = service.roles.create("guest", "deployment", ["joinChannel"])
    user = service.users.create(identity="alice", role_sid=role.sid)
    with refused(409, 20409, IN_USE):
        service.roles(role.sid).delete()
    service.users(user.sid).update(role_sid=service.fetch().default_service_role_sid)
    with refused(409, 20409, IN_USE):
        service.roles(role.sid).delete()
    clock.advance(A_MINUTE)
    assert service.roles(role.sid).delete() is True


@pytest.mark.inferred
def test_a_role_that_a_member_holds_cannot_be_deleted(service: ServiceContext, channel_sid: str, clock: FakeClock):
    role = service.roles.create("reader", "channel", ["leaveChannel"])
    members = service.channels(channel_sid).members
    members.create(identity="alice", role_sid=role.sid)
    with refused(409, 20409, IN_USE):
        service.roles(role.sid).delete()
    service.channels(channel_sid).members("alice").delete()
    with refused(409, 20409, IN_USE):
        service.roles(role.sid).delete()
    clock.advance(A_MINUTE)
    assert service.roles(role.sid).delete() is True


def test_a_role_given_by_an_update_counts_as_held(service: ServiceContext, channel_sid: str, clock: FakeClock):
    role = service.roles.create("reader", "channel", ["leaveChannel"])
    channel = service.channels(channel_sid)
    channel.members.create(identity="alice")
    channel.members("alice").update(role_sid=role.sid)
    with refused(409, 20409, IN_USE):
        service.roles(role.sid).delete()
    channel.members("alice").update(role_sid=service.fetch().default_channel_role_sid)
    with refused(409, 20409, IN_USE):
        service.roles(role.sid).delete()
    clock.advance(A_MINUTE)
    assert service.roles(role.sid).delete() is True
