"""The rules of channels, messages, users, roles and the consumption horizon."""

from __future__ import annotations

from typing import Any

import pytest

from parley import errors
from parley.domain import channels, horizon, messages, roles, users
from parley.faces import chat_events
from parley.faces.events import names
from parley.ids import message_sid
from tests.domain.support import refuses

CHANNEL = {"sid": "CH" + "0" * 32, "friendly_name": "x"}


@pytest.mark.parametrize(
    ("name", "expected"),
    [("team", "team"), ("", None), ("x" * 256, "x" * 256), (" ", " "), ("US" + "0" * 32, "US" + "0" * 32)],
)
def test_a_unique_name_is_kept_and_an_empty_one_is_none(name: str, expected: str | None):
    assert channels.check_unique_name(name) == expected


def test_a_unique_name_is_no_sid_and_not_too_long():
    with refuses(errors.UNIQUE_NAME_IS_SID):
        channels.check_unique_name(CHANNEL["sid"])
    with refuses(errors.UNIQUE_NAME_TOO_LONG):
        channels.check_unique_name("x" * 257)


TAIL = {"members_count": 2, "counted_index": 4, "counted": 3, "last_index": 4, "seq": 9}


@pytest.mark.parametrize(
    ("tail", "newest"),
    [
        (TAIL, 4),
        ({**TAIL, "last_message_index": 2}, 2),
        ({**TAIL, "last_message_index": -1}, -1),
        ({**TAIL, "last_index": -1}, -1),
    ],
)
def test_the_newest_message_is_the_last_one_that_was_not_deleted(tail: dict[str, Any], newest: int):
    assert channels.newest_index(tail) == newest
    expected = message_sid(CHANNEL["sid"], newest) if newest >= 0 else None
    assert channels.with_counters(CHANNEL, tail)["last_message_sid"] == expected


def test_counters_join_the_channel_and_never_show_less_than_nothing():
    shown = channels.with_counters(CHANNEL, {**TAIL, "members_count": -1, "counted": -2})
    assert (shown["members_count"], shown["messages_count"], shown["seq"], shown["friendly_name"]) == (0, 0, 9, "x")


def test_a_new_channel_is_empty():
    tail = {**channels.new_tail("IS1", "public", 0), "seq": 0}
    shown = channels.with_counters(CHANNEL, tail)
    assert (shown["members_count"], shown["messages_count"], shown["last_message_sid"]) == (0, 0, None)
    assert tail["service_sid"] == "IS1"


@pytest.mark.parametrize("body", ["", "x", "x" * 32768, "\U0001f600" * 8192])
def test_a_body_of_up_to_32_kilobytes_is_kept(body: str):
    assert messages.check_body(body) == body


@pytest.mark.parametrize("body", ["x" * 32769, "ż" * 16385])
def test_a_longer_body_is_refused(body: str):
    with refuses(errors.BODY_TOO_LONG):
        messages.check_body(body)


@pytest.mark.parametrize("identity", ["alice", "x" * 256, "System", " ", "US1", "CH" + "0" * 32, "\x00", "ż/"])
def test_almost_any_identity_is_acceptable(identity: str):
    assert users.check_identity(identity) == identity


@pytest.mark.parametrize(
    ("identity", "error"),
    [
        ("", errors.IDENTITY_EMPTY),
        ("x" * 257, errors.IDENTITY_TOO_LONG),
        ("system", errors.IDENTITY_RESERVED),
        ("private", errors.IDENTITY_RESERVED),
        ("unique", errors.IDENTITY_RESERVED),
        ("US" + "0" * 32, errors.IDENTITY_IS_SID),
    ],
)
def test_some_identities_are_not(identity: str, error: errors.Error):
    with refuses(error):
        users.check_identity(identity)


NOW = 1_768_478_400_000


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, {}),
        ({"attributes": "{}"}, {"attributes": "{}"}),
        ({"last_consumed_message_index": 5}, {"last_consumed_message_index": 5, "last_consumption_timestamp": NOW}),
        ({"last_consumed_message_index": 0}, {"last_consumed_message_index": 0, "last_consumption_timestamp": NOW}),
        (
            {"last_consumed_message_index": None},
            {"last_consumed_message_index": None, "last_consumption_timestamp": None},
        ),
        (
            {"last_consumed_message_index": 5, "last_consumption_timestamp": 7},
            {"last_consumed_message_index": 5, "last_consumption_timestamp": 7},
        ),
        ({"last_consumption_timestamp": 7}, {"last_consumption_timestamp": 7}),
    ],
)
def test_the_horizon_moves_with_its_time(changes: dict[str, Any], expected: dict[str, Any]):
    assert horizon.consumption(changes, NOW) == expected


@pytest.mark.parametrize(
    ("last", "consumed", "unread"), [(9, None, None), (9, 9, 0), (9, 0, 9), (9, 20, 0), (-1, 0, 0), (-1, None, None)]
)
def test_unread_is_what_is_above_the_horizon(last: int, consumed: int | None, unread: int | None):
    assert horizon.unread_count(last, consumed) == unread


def test_the_generated_roles_hold_known_permissions_only():
    known = {**roles.PERMISSIONS, **roles.CONVERSATIONS_PERMISSIONS}
    for role in roles.GENERATED:
        assert roles.check_permissions(role.type, role.permissions, known) == list(role.permissions)


def test_every_default_points_to_one_generated_role():
    defaults = [role.default_for for role in roles.GENERATED if role.default_for]
    assert sorted(defaults) == [
        "default_channel_creator_role_sid",
        "default_channel_role_sid",
        "default_service_role_sid",
    ]


def test_there_are_22_permissions_and_each_can_stand_somewhere():
    assert len(roles.PERMISSIONS) == 22
    assert all(types and types <= {"deployment", "channel"} for types in roles.PERMISSIONS.values())


@pytest.mark.parametrize("role_type", ["deployment", "channel"])
def test_a_role_without_a_permission_is_refused(role_type: str):
    with refuses(errors.MISSING_PARAMETER, "Missing required parameter Permission in the post body"):
        roles.check_permissions(role_type, [])


@pytest.mark.parametrize(
    ("role_type", "name"),
    [("channel", "createChannel"), ("deployment", "sendMessage"), ("channel", "fly"), ("other", "addMember")],
)
def test_a_permission_that_cannot_stand_in_a_role_is_refused(role_type: str, name: str):
    with refuses(errors.UNKNOWN_PERMISSION, f"Unknown permission for a {role_type} role: {name}"):
        roles.check_permissions(role_type, [name])


@pytest.mark.parametrize(
    ("deployment", "channel", "expected"),
    [([], [], False), (["a"], [], True), ([], ["a"], True), (["b"], ["c"], False)],
)
def test_rights_are_those_of_both_roles_together(deployment: list[str], channel: list[str], expected: bool):
    assert roles.is_allowed("a", deployment, channel) is expected


def test_the_documented_numbers_of_webhook_events():
    pre, post = names(chat_events.PRE_EVENTS), names(chat_events.POST_EVENTS)
    assert (len(pre), len(post)) == (11, 12)
    assert not set(pre) & set(post)
