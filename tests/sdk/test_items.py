"""The Sync objects and the data of their items."""

from __future__ import annotations

from typing import Any

import pytest

from parley.ids import member_sid, user_sid
from parley.sockets.sdk import objects
from parley.sockets.sdk.items import channel_data, membership_item, message_item, roster_item, user_items

CHANNEL, USER, SERVICE = "CH" + "1" * 32, "US" + "2" * 32, "IS" + "3" * 32
AT, AT_SHOWN = 1_700_000_000_123, "2023-11-14T22:13:20.123Z"
# Attributes that every record has, and one that nothing declares.
STORED = {"service_sid": SERVICE, "channel_sid": CHANNEL, "seq": 7, "hooks": 1, "cause": {"id": "x"}, "secret": "no"}
TAIL: dict[str, Any] = {"last_index": 4, "seq": 9, "activity_at": AT, "members_count": 2, "type": "private"}
EVERY = [
    objects.document(CHANNEL),
    objects.messages(CHANNEL),
    objects.roster(CHANNEL),
    objects.channels(USER),
    objects.info(USER),
]


@pytest.mark.parametrize("made", EVERY, ids=lambda made: made.kind)
def test_an_object_is_found_by_its_sid_and_by_its_name(made: objects.SyncObject) -> None:
    assert objects.parse(made.sid) == objects.parse(made.unique_name) == made


def test_no_two_objects_share_a_name_or_a_sid() -> None:
    assert len({name for made in EVERY for name in made[:2]}) == 10


@pytest.mark.parametrize(
    "name",
    [
        "",
        ".channel",
        CHANNEL,
        "ET",
        f"{CHANNEL}.info",
        f"{USER}.channel",
        f"ET{'g' * 32}",
        f"ET{'1' * 33}",
        "MP.roster",
    ],
)
def test_other_names_belong_to_no_object(name: str) -> None:
    assert objects.parse(name) is None


def test_an_id_tells_the_change_and_how_the_client_came_to_know_it() -> None:
    ids = objects.event_id(5), objects.described_id(5), objects.established_id(5)
    assert ids == (20, 21, 22)
    assert [objects.number_in(id_) for id_ in ids] == [5, 5, 5]
    assert [objects.is_from_descriptor(id_) for id_ in ids] == [False, True, False]


def test_a_message_shows_what_the_clients_read() -> None:
    media = {"sid": "ME1", "size": 3, "content_type": "text/plain", "filename": "a.txt"}
    message = {"sid": "IM1", "author": "alice", "body": "hi", "date_created": AT, "author_birth": "b", "media": media}
    shown = {"sid": "ME1", "size": 3, "contentType": "text/plain", "filename": "a.txt", "category": "media"}
    assert message_item({**STORED, **message, "type": "media", "delivery": {"total": 2, "sent": 1}}) == {
        **{"sid": "IM1", "author": "alice", "text": "hi", "type": "media", "timestamp": AT_SHOWN, "dateUpdated": None},
        **{"lastUpdatedBy": None, "attributes": "{}", "memberSid": member_sid(CHANNEL, "alice"), "subject": None},
        **{"media": shown, "medias": [shown], "contentSid": None, "channelMetadata": False},
        "delivery": {
            **{"total": 2, "sent": "some", "delivered": "none", "read": "none"},
            **{"failed": "none", "undelivered": "none"},
        },
    }


def test_a_member_is_shown_with_its_user_and_its_horizon_but_without_its_notification_level() -> None:
    member = {"sid": "MB1", "identity": "alice", "role_sid": "RL1", "attributes": '{"a":1}', "birth": "b"}
    horizon = {"last_consumed_message_index": 0, "last_consumption_timestamp": AT, "notification_level": "muted"}
    assert roster_item({**STORED, **member, **horizon, "date_created": AT, "date_updated": AT}) == {
        **{"identity": "alice", "type": "chat", "attributes": '{"a":1}', "roleSid": "RL1", "bindings": {}},
        **{"lastConsumedMessageIndex": 0, "lastConsumptionTimestamp": AT_SHOWN},
        **{"dateCreated": AT_SHOWN, "dateUpdated": AT_SHOWN},
        "userInfo": objects.info(user_sid(SERVICE, "alice")).unique_name,
    }


@pytest.mark.inferred
def test_a_member_without_identity_has_the_type_of_its_address_and_bindings() -> None:
    shown = roster_item({**STORED, "messaging_binding": {"type": "sms", "address": "+1", "proxy_address": "+2"}})
    assert (shown["identity"], shown["type"]) == (None, "sms")
    assert shown["bindings"] == {"sms": {"address": "+1", "proxy_address": "+2"}}
    assert "userInfo" not in shown


@pytest.mark.parametrize(("sid", "status"), [("MB1", "joined"), ("IN1", "invited")])
def test_a_users_channel_names_the_objects_of_the_channel_and_says_what_only_the_user_sees(
    sid: str, status: str
) -> None:
    assert membership_item({**STORED, "sid": sid, "identity": "alice"}, "private") == {
        **{"status": status, "type": "private", "notificationLevel": "default", "lastConsumedMessageIndex": None},
        **{"channel": f"{CHANNEL}.channel", "messages": f"{CHANNEL}.messages", "roster": f"{CHANNEL}.roster"},
    }


def test_a_document_shows_the_channel_and_nothing_of_one_user() -> None:
    channel = {"sid": CHANNEL, "type": "public", "created_by": "alice", "date_created": AT, "date_updated": AT}
    personal = {"status": "joined", "last_consumed_message_index": 3, "notification_level": "muted"}
    assert channel_data({**STORED, **channel, **personal, "friendly_name": "Tea"}, TAIL) == {
        **{"messages": f"{CHANNEL}.messages", "roster": f"{CHANNEL}.roster", "friendlyName": "Tea", "uniqueName": None},
        **{"attributes": "{}", "type": "public", "createdBy": "alice", "dateCreated": AT_SHOWN, "bindings": {}},
        **{"dateUpdated": AT_SHOWN, "lastMessage": {"index": 4, "timestamp": AT_SHOWN}},
        "state": {"current": "active", "dateUpdated": AT_SHOWN},
    }


@pytest.mark.parametrize(
    ("counters", "shown"),
    [
        ({"last_index": -1}, None),
        ({"last_message_index": -1}, None),
        ({"last_message_index": 2}, {"index": 2}),
        ({}, {"index": 4, "timestamp": AT_SHOWN}),
    ],
    ids=["none was sent", "all were removed", "the newest was removed", "the newest is there"],
)
def test_a_document_names_the_newest_message(counters: dict[str, int], shown: dict[str, Any] | None) -> None:
    assert channel_data({"sid": CHANNEL}, {**TAIL, **counters})["lastMessage"] == shown


def test_a_documents_state_is_that_of_the_counters_and_dates_from_its_change() -> None:
    state = channel_data({"sid": CHANNEL, "date_created": 0, "state_at": AT}, {**TAIL, "state": "closed"})["state"]
    assert state == {"current": "closed", "dateUpdated": AT_SHOWN}


def test_a_user_shows_one_item_per_field() -> None:
    user = {**STORED, "friendly_name": "Alice", "attributes": '{"a":1}', "is_online": True, "bindings_count": 1}
    shown = {"friendlyName": {"value": "Alice"}, "attributes": {"value": '{"a":1}'}}
    assert user_items(user, is_reachability_enabled=False) == shown
    reachability = {"reachability": {"online": True, "notifiable": True}}
    assert user_items(user, is_reachability_enabled=True) == shown | reachability


def test_a_user_who_never_connected_is_offline_and_not_notifiable() -> None:
    shown = user_items(STORED, is_reachability_enabled=True)
    assert shown["reachability"] == {"online": False, "notifiable": False}
