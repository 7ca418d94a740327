"""Subscriptions: the answer and the outcomes, a user's own channels, and who follows what."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from parley.ids import member_sid, user_sid
from parley.sockets.sdk import objects
from parley.sockets.sdk.objects import SyncObject
from parley.store import keys
from tests.sdk.device import SUBSCRIPTIONS, SdkDevice
from tests.sdk.listener import STRICT, Listener
from tests.sdk.rounds import TTL, again, asked, pass_time
from tests.sdk.sync_paths import document, info, messages, roster
from tests.sockets.deployment import House, Room


def test_the_answer_comes_before_the_outcomes_and_names_the_time_to_live(alices: Listener) -> None:
    reply, *outcomes = alices.subscribe()
    assert reply.body == {"max_batch_size": 100, "ttl_in_s": TTL, "estimated_delivery_in_ms": 10000}
    (outcome,) = outcomes
    assert (outcome.header["method"], outcome.header["message_type"]) == ("notification", STRICT)
    assert outcome.body["event_type"] == "subscription_established"
    assert {event["object_sid"] for event in outcome.body["events"]} == set(alices.types)


def test_the_older_protocol_gets_one_event_per_packet(alices: Listener) -> None:
    alices.version = 3
    _, *outcomes = alices.subscribe()
    assert [outcome.body["event"]["object_sid"] for outcome in outcomes] == list(alices.types)


def test_a_users_channels_that_changed_come_again(house: House, alices: Listener, room: Room) -> None:
    joined = house.channel("alice")
    invited = house.channel("bob", Type="private")
    house.rest.post(f"{invited.path}/Invites", Identity="alice")
    room.update("/Members/alice", LastConsumedMessageIndex=1)
    house.deployment.skip_stream()
    assert {event for event in again(house, alices) if str(event[1]).startswith("CH")} == {
        ("map_item_added", joined.sid),
        ("map_item_added", invited.sid),
        ("map_item_updated", room.sid),
    }


def test_a_membership_from_just_before_the_last_subscription_comes_too(house: House, alice: SdkDevice) -> None:
    """A membership can be found in the index only a moment after it was written."""
    joined = house.channel("alice")
    pass_time(house, 5)
    of = objects.channels(user_sid(house.sid, "alice"))
    last = objects.established_id(house.deployment.world.clock.now_ms())
    _, told, _ = alice.request("POST", SUBSCRIPTIONS, asked((of.sid, of.type), last=last))
    assert joined.sid in [event["item_key"] for event in told.body["events"]]


def test_a_removed_member_hears_of_the_removal_though_the_push_was_lost(house: House, alices: Listener) -> None:
    hidden = house.channel("alice", Type="private")
    house.deployment.announce()
    alices.open(messages(hidden), roster(hidden))
    hidden.delete("/Members/alice")
    house.deployment.skip_stream()
    # The tombstone is gone long before the client asks.
    house.deployment.world.table.erase_many([keys.member(hidden.sid, member_sid(hidden.sid, "alice"))])
    assert ("map_item_removed", hidden.sid) in again(house, alices)
    assert sorted(alices.failed.values()) == [54150, 54200]


def test_nobody_hears_of_the_channels_of_an_earlier_user_of_the_identity(house: House, room: Room) -> None:
    assert house.rest("DELETE", f"{house.path}/Users/alice").status == 204
    pass_time(house, 11)
    of = objects.channels(user_sid(house.sid, "alice"))
    _, *told = SdkDevice(house, "alice").request("POST", SUBSCRIPTIONS, asked((of.sid, of.type)))
    assert [packet.body["event_type"] for packet in told] == ["subscription_established"]


def test_a_user_who_is_no_longer_invited_hears_of_that_though_the_push_was_lost(
    house: House, alices: Listener, room: Room
) -> None:
    public = house.channel("bob")
    invite = house.rest.post(f"{public.path}/Invites", Identity="alice")
    house.deployment.skip_stream()
    alices.open(document(public))
    again(house, alices)
    public.delete(f"/Invites/{invite['sid']}")
    house.deployment.skip_stream()
    assert ("map_item_removed", public.sid) in again(house, alices)


def test_a_deleted_channel_fails_and_leaves_the_users_channels(house: House, alices: Listener, room: Room) -> None:
    room.delete()
    house.deployment.skip_stream()
    alices.subscribe()
    assert ("map_item_removed", room.sid) in alices.news()
    assert sorted(alices.failed.values()) == [54100, 54150, 54200]


def test_a_subscription_to_a_user_follows_it_until_it_is_cancelled(house: House, alices: Listener) -> None:
    bobs = info(house, "bob")
    alices.open(bobs)
    house.rest.post(f"{house.path}/Users/bob", FriendlyName="Bob")
    alices.listen()
    assert alices.news() == [("map_item_updated", "friendlyName")]
    alices.subscribe("cancel", alices.sid(bobs))
    alices.types.pop(sid := alices.sid(bobs))
    house.rest.post(f"{house.path}/Users/bob", FriendlyName="Robert")
    assert alices.device.heard() == []
    follower = keys.follower(user_sid(house.sid, "bob"), alices.device.connection_id)
    assert house.deployment.world.table.fetch(follower) is None and sid


def test_a_client_that_cancels_and_at_once_subscribes_again_still_hears(house: House, alices: Listener) -> None:
    """The server keeps a connection's record for some seconds. That must not hide what the client has just cancelled."""
    bobs = info(house, "bob")
    alices.open(bobs)
    alices.subscribe("cancel", alices.sid(bobs))
    alices.open(bobs)
    alices.news()
    house.rest.post(f"{house.path}/Users/bob", FriendlyName="Bob")
    alices.listen()
    assert alices.news() == [("map_item_updated", "friendlyName")]


def test_a_user_that_changed_unheard_comes_again(house: House, alices: Listener) -> None:
    alices.open(info(house, "bob"))
    house.rest.post(f"{house.path}/Users/bob", FriendlyName="Bob")
    house.deployment.skip_stream()
    assert {event[1] for event in again(house, alices)} == {"friendlyName", "attributes"}


def test_a_users_change_that_was_lost_before_a_later_one_comes_again(house: House, alices: Listener) -> None:
    alices.open(info(house, "bob"))
    house.rest.post(f"{house.path}/Users/bob", FriendlyName="Bob")
    house.deployment.skip_stream()
    house.rest.post(f"{house.path}/Users/bob", Attributes="[1]")
    alices.listen()
    assert alices.news() == [("map_item_updated", "attributes")]
    assert again(house, alices) == [("map_item_updated", "friendlyName")]


def test_ones_own_info_needs_no_following(house: House, alices: Listener) -> None:
    record = house.deployment.world.table.fetch(keys.connection(alices.device.connection_id)) or {}
    assert "follows" not in record


def test_a_user_who_opens_a_public_channel_without_joining_follows_its_document(house: House, alice: SdkDevice) -> None:
    public = house.channel("bob")
    listener = Listener(alice)
    listener.open(document(public))
    listener.news()
    public.update(FriendlyName="new name")
    listener.listen()
    assert [data["friendlyName"] for _, data in listener.news()] == ["new name"]
    listener.subscribe("cancel")
    public.update(FriendlyName="newer name")
    assert alice.heard() == []


def test_an_invited_user_hears_of_the_document(house: House, alice: SdkDevice) -> None:
    hidden = house.channel("bob", Type="private")
    house.rest.post(f"{hidden.path}/Invites", Identity="alice")
    listener = Listener(alice)
    listener.open(document(hidden))
    assert listener.failed == {}
    house.rest("DELETE", f"{hidden.path}/Invites/{house.rest.get(f'{hidden.path}/Invites')['invites'][0]['sid']}")
    listener.subscribe()
    assert list(listener.failed.values()) == [54100]


def test_the_creator_of_a_private_channel_hears_of_the_document_without_joining(house: House, alice: SdkDevice) -> None:
    hidden = Room(house, alice.ask("POST", "/Client/v1/Conversations", {"type": "private"}).body)
    listener = Listener(alice)
    listener.open(document(hidden))
    listener.news()
    hidden.update(FriendlyName="new name")
    listener.listen()
    assert [data["friendlyName"] for _, data in listener.news()] == ["new name"]


# Rights, and requests that make no sense.


def test_nobody_is_told_anything_of_what_they_may_not_see(house: House, alice: SdkDevice) -> None:
    hidden, another = house.channel("bob", Type="private"), House(house.deployment)
    hidden.post("secret")
    foreign = another.channel("alice")
    named = [
        *((make(room.sid).sid, make(room.sid).type) for room in (hidden, foreign) for make in OF_CHANNELS),
        *((make("CH" + "0" * 32).sid, make("CH" + "0" * 32).type) for make in OF_CHANNELS),
        (objects.channels(user_sid(house.sid, "bob")).sid, "map"),
        (objects.info(user_sid(another.sid, "alice")).sid, "map"),
        (objects.info(user_sid(house.sid, "nobody")).sid, "map"),
        ("", "list"),
        ("ES" + "z" * 32, "list"),
        (objects.document(hidden.sid).unique_name, "document"),
        (objects.messages(hidden.sid).sid, "map"),
    ]
    _, *told = alice.request("POST", SUBSCRIPTIONS, asked(*named))
    events = [packet.body for packet in told]
    assert {body["event_type"] for body in events} <= {"subscription_failed", "map_item_removed"}
    assert sum(len(body["events"]) for body in events if body["event_type"] == "subscription_failed") == len(named)
    assert "secret" not in str(events)
    assert "follows" not in (house.deployment.world.table.fetch(keys.connection(alice.connection_id)) or {})


OF_CHANNELS = (objects.document, objects.messages, objects.roster)
GOOD = asked(("ES" + "0" * 32, "list"))


@pytest.mark.parametrize(
    "change",
    [
        {"action": None},
        {"action": "dance"},
        {"action": ["establish"]},
        {"correlation_id": None},
        {"correlation_id": {}},
        {"correlation_id": "x" * 65},
        {"requests": None},
        {"requests": {}},
        {"requests": [1]},
        {"requests": [{}]},
        {"requests": [{"object_sid": 7, "object_type": "list"}]},
        {"requests": [{"object_sid": "ES", "object_type": "stream"}]},
        {"requests": [{"object_sid": "ES", "object_type": ["list"]}]},
        {"requests": [{"object_sid": "ES", "object_type": "list", "last_event_id": -1}]},
        {"requests": [{"object_sid": "ES", "object_type": "list", "last_event_id": 1e9}]},
        {"requests": [{"object_sid": "ES", "object_type": "list", "last_event_id": 2**70}]},
        {"requests": GOOD["requests"] * 101},
    ],
)
def test_a_request_that_makes_no_sense_is_refused(alice: SdkDevice, change: dict[str, Any]) -> None:
    (reply,) = alice.request("POST", SUBSCRIPTIONS, {**GOOD, **change})
    assert reply.refusal == (400, 20001)


@pytest.mark.parametrize("last", [None, 0, 2**53, 10**9 + 1])
def test_any_id_gets_an_answer(house: House, alice: SdkDevice, room: Room, last: int | None) -> None:
    owners = {"CH": room.sid, "US": user_sid(house.sid, "alice")}
    made = [*(make(owners["CH"]) for make in OF_CHANNELS), objects.channels(owners["US"]), objects.info(owners["US"])]
    _, *told = alice.request("POST", SUBSCRIPTIONS, asked(*((of.sid, of.type) for of in made), last=last))
    assert told[-1].body["event_type"] == "subscription_established"
    assert len(told[-1].body["events"]) == 5


# What nobody may ask for.


def subscribed(device: SdkDevice, *named: tuple[str, str], last: int = 4 * 7 + 2) -> list[Any]:
    """What comes after the answer to a request that names objects by SID and type."""
    requests = [{"object_sid": sid, "object_type": type_, "last_event_id": last} for sid, type_ in named]
    asked = {"action": "establish", "event_protocol_version": 3, "correlation_id": 1, "requests": requests}
    return [packet.body for packet in device.request("POST", SUBSCRIPTIONS, asked)[1:]]


@pytest.mark.parametrize("of", [objects.document, objects.messages, objects.roster])
def test_strangers_hear_the_same_of_a_hidden_channel_as_of_none(
    house: House, alice: SdkDevice, of: Callable[[str], SyncObject]
) -> None:
    hidden, nowhere = house.channel("bob", Type="private").sid, "CH" + "0" * 32
    heard = [str(subscribed(alice, (of(sid).sid, of(sid).type))) for sid in (hidden, nowhere)]
    assert heard[0].replace(hidden[2:], nowhere[2:]) == heard[1]


def test_an_object_that_is_named_several_times_is_answered_once(house: House, alice: SdkDevice, room: Room) -> None:
    named = [(of.sid, of.type) for of in (objects.messages(room.sid), objects.channels(user_sid(house.sid, "alice")))]
    assert len(subscribed(alice, *named * 50, last=0)) == len(subscribed(alice, *named, last=0))
