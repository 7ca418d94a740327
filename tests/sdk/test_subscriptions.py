"""Subscriptions: what a client missed comes again, and nothing that it knew or that was there before it came."""

from __future__ import annotations

from typing import Any

import pytest

from parley.ids import member_sid, user_sid
from parley.sockets.sdk import objects
from parley.store import keys
from tests.sdk.device import SdkDevice
from tests.sdk.listener import STRICT, SUBSCRIPTIONS, Listener
from tests.sdk.test_sync import DOCUMENTS, info, messages, mine, roster, seq
from tests.sockets.asking import address
from tests.sockets.deployment import House, Room

TTL = 600


def document(room: Room) -> str:
    return f"{DOCUMENTS}/{room.sid}.channel"


@pytest.fixture
def alices(house: House, alice: SdkDevice, room: Room) -> Listener:
    """Alice listens to everything, and the room has been quiet for a while."""
    house.deployment.world.clock.advance(1300)
    alice = SdkDevice(house, "alice")
    house.deployment.announce()
    listener = Listener(alice)
    listener.open(document(room), messages(room), roster(room), mine(house), info(house, "alice"))
    assert listener.news() == [] and listener.failed == {}
    return listener


def pass_time(house: House, seconds: float = TTL) -> None:
    house.deployment.world.clock.advance(seconds)


def again(house: House, listener: Listener) -> list[tuple[str, Any]]:
    """What an application hears when the time to live is over."""
    pass_time(house)
    listener.subscribe()
    return listener.news()


def resumed(house: House, listener: Listener, token: str | None = None) -> list[tuple[str, Any]]:
    """What an application hears after its connection broke and it connected again."""
    record = house.deployment.world.table.fetch(keys.connection(listener.device.connection_id)) or {}
    told = str(record["came_at"]) if token is None else token
    house.deployment.close(listener.device.connection_id)
    house.deployment.announce()
    device = SdkDevice(house)
    header = {"method": "init", "token": device.token("alice"), "continuation_token": told}
    assert [reply.status for reply in device.send(header)] == [200]
    listener.device = device
    listener.subscribe()
    return listener.news()


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


def test_pushes_are_heard_and_not_repeated(house: House, alices: Listener, room: Room) -> None:
    room.post("hello")
    alices.listen()
    heard = alices.news()
    assert ("list_item_added", 2) in heard
    assert again(house, alices) == []


def test_what_was_missed_comes_with_the_subscription(house: House, alices: Listener, room: Room) -> None:
    house.deployment.skip_stream()
    room.post("two")
    room.post("three")
    room.add("carol")
    room.update("/Members/bob", Attributes="[1]")
    room.update(f"/Messages/{address(room, 0)}", Body="edited")
    room.delete(f"/Messages/{address(room, 1)}")
    room.update(FriendlyName="new name")
    house.deployment.skip_stream()
    heard = again(house, alices)
    assert [event for event in heard if event[0].startswith("list")] == [
        ("list_item_added", 2),
        ("list_item_added", 3),
        ("list_item_updated", 0),
        ("list_item_removed", 1),
    ]
    assert [event for event in heard if event[0].startswith("map")] == [
        ("map_item_added", member_sid(room.sid, "carol")),
        ("map_item_updated", member_sid(room.sid, "bob")),
    ]
    assert [data["friendlyName"] for name, data in heard if name == "document_updated"] == ["new name"]
    assert [event for event in again(house, alices) if not event[0].endswith("removed")] == []


def test_who_came_back_is_there_again_although_a_late_removal_was_heard_twice(
    house: House, alices: Listener, room: Room
) -> None:
    """SDKs apply a removal whatever its id, and then ignored the member's own id for ever."""
    room.delete("/Members/bob")
    removal = alices.device.heard()
    alices.take(removal)
    room.add("bob")
    alices.listen()
    alices.take(removal)
    alices.news()
    bob = member_sid(room.sid, "bob")
    assert again(house, alices) == [("map_item_updated", bob)]
    assert bob in alices.items[alices.sid(roster(room))]


def test_a_channel_that_was_joined_again_is_there_although_a_late_removal_was_heard_twice(
    house: House, alices: Listener, room: Room
) -> None:
    room.delete("/Members/alice")
    removal = alices.device.heard()
    alices.take(removal)
    room.add("alice")
    alices.listen()
    alices.take(removal)
    assert room.sid not in alices.items[alices.sid(mine(house))]
    again(house, alices)
    assert room.sid in alices.items[alices.sid(mine(house))]


def test_a_push_that_was_lost_before_a_later_one_is_repaired(house: House, alices: Listener, room: Room) -> None:
    room.post("lost")
    room.post("heard")
    alices.listen(lost=(0,))
    assert [event for event in alices.news() if event[0].startswith("list")] == [("list_item_added", 3)]
    assert again(house, alices) == [("list_item_added", 2)]
    assert again(house, alices) == []


@pytest.mark.parametrize("away", [100, 3000])
def test_a_push_that_was_lost_before_the_connection_broke_is_repaired(
    house: House, alices: Listener, room: Room, away: int
) -> None:
    room.post("lost")
    room.post("heard")
    alices.listen(lost=(0,))
    alices.news()
    pass_time(house, away)
    assert resumed(house, alices) == [("list_item_added", 2)]


def test_what_changed_longer_ago_is_not_sent_again(house: House, alices: Listener, room: Room) -> None:
    room.post("long ago")
    alices.listen()
    pass_time(house, 1300)
    _, *told = alices.subscribe()
    assert [packet.body["event_type"] for packet in told] == ["subscription_established"]


def test_a_page_that_is_loaded_again_hears_of_no_message_from_before(
    house: House, alices: Listener, room: Room
) -> None:
    """A browser keeps the continuation token when a page is loaded again, but nothing else."""
    room.post("older")
    house.deployment.announce()
    record = house.deployment.world.table.fetch(keys.connection(alices.device.connection_id)) or {}
    device = SdkDevice(house)
    device.send({"method": "init", "token": device.token("alice"), "continuation_token": str(record["came_at"])})
    listener = Listener(device)
    listener.open(messages(room))
    room.post("newer")
    listener.listen()
    assert listener.news() == [("list_item_added", 3)]
    assert again(house, listener) == []


def test_an_edit_comes_after_the_message_that_was_lost(house: House, alices: Listener, room: Room) -> None:
    room.post("lost")
    room.update(f"/Messages/{address(room, 2)}", Body="edited")
    house.deployment.skip_stream()
    assert [event for event in again(house, alices) if event[0].startswith("list")] == [
        ("list_item_added", 2),
        ("list_item_updated", 2),
    ]


@pytest.mark.parametrize("told", ["", "0", "x", "99999999999999", "-5", "\u0663"])
def test_messages_from_before_the_client_came_are_never_new(
    house: House, alice: SdkDevice, room: Room, told: str
) -> None:
    room.post("older")
    house.deployment.skip_stream()
    listener = Listener(SdkDevice(house, "alice"))
    listener.open(messages(room), document(room))
    pass_time(house, 2)
    room.post("newer")
    listener.listen()
    assert [event for event in listener.news() if event[0] == "list_item_added"] == [("list_item_added", 3)]
    assert again(house, listener) == []
    assert resumed(house, listener, told) == []
    assert resumed(house, listener) == []


def test_messages_from_before_the_object_was_opened_are_not_new_at_once(
    house: House, alice: SdkDevice, room: Room
) -> None:
    room.post("after connecting")
    house.deployment.skip_stream()
    listener = Listener(alice)
    listener.open(messages(room))
    assert listener.news() == []


def test_who_was_away_for_very_long_hears_of_the_latest(
    house: House, alices: Listener, room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("parley.sockets.sdk.replay._MOST_BEHIND", 2)
    for _ in range(4):
        room.post("missed")
    house.deployment.skip_stream()
    pass_time(house, 1300)
    alices.subscribe()
    assert [key for name, key in alices.news() if name == "list_item_added"] == [4, 5]


def test_messages_from_before_the_user_joined_are_never_new(house: House, alice: SdkDevice) -> None:
    public = house.channel("bob")
    public.post("older")
    pass_time(house, 2)
    public.add("alice")
    house.deployment.skip_stream()
    listener = Listener(alice)
    listener.open(messages(public))
    public.post("newer")
    listener.listen()
    assert listener.news() == [("list_item_added", 1)]
    assert again(house, listener) == []


def test_what_is_too_much_for_one_answer_comes_in_parts(
    house: House, alices: Listener, room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("parley.sockets.sdk.replay._MOST_NEW", 3)
    for number in range(2, 7):
        room.post(str(number))
        room.update("/Members/bob", Attributes=f"[{number}]")
    room.update(f"/Messages/{address(room, 2)}", Body="edited")
    house.deployment.skip_stream()
    pass_time(house, 5)
    heard: list[tuple[str, Any]] = []
    for _ in range(9):
        came = alices.subscribe()
        heard += alices.news()
        if '"interrupted"' not in str([packet.body for packet in came]).replace("'", '"'):
            break
    else:
        raise AssertionError("the replay never ends")
    assert [key for name, key in heard if name == "list_item_added"] == [2, 3, 4, 5, 6]
    assert ("list_item_updated", 2) in heard
    assert ("map_item_updated", member_sid(room.sid, "bob")) in heard


def test_a_part_says_nothing_of_what_changed_again_after_it(
    house: House, alices: Listener, room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("parley.sockets.sdk.replay._MOST_NEW", 2)
    room.add("dora")
    room.update("/Members/bob", Attributes="[1]")
    room.add("carol")
    room.update("/Members/bob", Attributes="[2]")
    house.deployment.skip_stream()
    pass_time(house, 1300)
    for _ in range(3):
        alices.subscribe("establish", alices.sid(roster(room)))
    assert [key for name, key in alices.news() if name == "map_item_added"] == [
        member_sid(room.sid, name) for name in ("dora", "carol")
    ]


def test_only_so_much_comes_again(house: House, alices: Listener, room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("parley.sockets.sdk.replay._MOST_OVERLAPPING", 2)
    for body in ("lost", "lost too", "heard"):
        room.post(body)
    alices.listen(lost=(0, 1))
    alices.news()
    assert again(house, alices) == [("list_item_added", 3)]


def test_an_answer_that_is_full_reads_nothing_more(
    house: House, alices: Listener, room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = house.channel("alice")
    house.deployment.skip_stream()
    alices.open(messages(other))
    for _ in range(3):
        room.post("missed"), other.post("missed")
    house.deployment.skip_stream()
    pass_time(house, 5)
    monkeypatch.setattr("parley.sockets.sdk.subscriptions._MOST_EVENTS", 2)
    with house.deployment.world.table._client.metered() as meter:
        alices.subscribe("establish", alices.sid(messages(room)), alices.sid(messages(other)))
    assert [event for event in alices.news() if event[0] == "list_item_added"] == [
        ("list_item_added", 2),
        ("list_item_added", 3),
    ]
    # The log and the messages of the first channel alone, each forwards and backwards.
    assert meter.requests["Query"] == 4
    alices.subscribe("establish", alices.sid(messages(room)))
    for _ in range(2):
        alices.subscribe("establish", alices.sid(messages(other)))
    assert [key for name, key in alices.news() if name == "list_item_added"] == [4, 0, 1, 2]


def test_replays_fit_into_packets(house: House, alices: Listener, room: Room) -> None:
    for _ in range(8):
        room.post("x" * 30_000)
    house.deployment.skip_stream()
    assert [key for name, key in again(house, alices) if name == "list_item_added"] == list(range(2, 10))


def test_a_document_that_was_read_between_counters_and_record_is_sent_once_more(
    house: House, alice: SdkDevice, room: Room
) -> None:
    of, number = objects.document(room.sid), seq(room)
    for last, expected in (
        (objects.described_id(number), [objects.repeated_id(number)]),
        (objects.event_id(number), [objects.repeated_id(number)]),
        (objects.repeated_id(number), []),
        (objects.event_id(number - 1), [objects.event_id(number)]),
    ):
        _, *told = alice.request("POST", SUBSCRIPTIONS, asked((of.sid, of.type), last=last))
        updates = [event for packet in told[:-1] for event in packet.body["events"]]
        assert [event["id"] for event in updates] == expected
    pass_time(house, 61)
    _, *told = alice.request("POST", SUBSCRIPTIONS, asked((of.sid, of.type), last=objects.described_id(number)))
    assert len(told) == 1


# A user's own channels and other users.


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


def test_who_was_removed_hears_of_it_though_the_push_was_lost(house: House, alices: Listener, room: Room) -> None:
    room.delete("/Members/alice")
    house.deployment.skip_stream()
    # The tombstone is gone long before the client asks.
    key = keys.member(room.sid, member_sid(room.sid, "alice"))
    house.deployment.world.table.erase_many([key])
    heard = again(house, alices)
    assert ("map_item_removed", room.sid) in heard
    assert sorted(alices.failed.values()) == [54150, 54200]


def test_who_is_no_longer_invited_hears_of_it_though_the_push_was_lost(
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


def test_who_cancels_and_at_once_subscribes_again_still_hears(house: House, alices: Listener) -> None:
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


def test_ones_own_info_needs_no_following(house: House, alices: Listener) -> None:
    record = house.deployment.world.table.fetch(keys.connection(alices.device.connection_id)) or {}
    assert "follows" not in record


def test_who_opens_a_public_channel_without_joining_follows_its_document(house: House, alice: SdkDevice) -> None:
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


# Rights, and requests that make no sense.


def asked(*named: tuple[str, str], last: Any = 0) -> dict[str, Any]:
    requests = [{"object_sid": sid, "object_type": type_, "last_event_id": last} for sid, type_ in named]
    return {"event_protocol_version": 4, "action": "establish", "correlation_id": 7, "requests": requests}


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
