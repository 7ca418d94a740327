"""Sync reads: objects are views of records, pages fit into packets, and nobody reads what they may not."""

from __future__ import annotations

from typing import Any

import pytest

from parley.ids import member_sid
from parley.sockets.sdk import objects, pages
from tests.sdk.device import SdkDevice
from tests.sdk.sync_paths import DOCUMENTS, LISTS, MAPS, info, messages, mine, roster, seq
from tests.sockets.asking import address
from tests.sockets.deployment import House, Room


def test_a_document_shows_the_channel_and_names_its_lists(alice: SdkDevice, room: Room) -> None:
    shown = alice.get(f"{DOCUMENTS}/{room.sid}.channel")
    assert shown["unique_name"] == f"{room.sid}.channel"
    assert shown["last_event_id"] == objects.described_id(seq(room))
    assert shown["data"]["messages"] == f"{room.sid}.messages"
    assert shown["data"]["roster"] == f"{room.sid}.roster"
    assert shown["data"]["uniqueName"] == "general"
    assert shown["data"]["lastMessage"]["index"] == 1
    assert not {"status", "lastConsumedMessageIndex", "notificationLevel"} & set(shown["data"])


def test_an_object_is_found_by_its_sid_too(alice: SdkDevice, room: Room) -> None:
    by_name = alice.get(messages(room))
    assert alice.get(f"{LISTS}/{by_name['sid']}") == by_name
    path = by_name["links"]["items"].partition(".invalid")[2]
    assert [item["index"] for item in alice.get(path)["items"]] == [0, 1]


def test_a_list_shows_messages_with_the_id_of_their_last_change(alice: SdkDevice, room: Room) -> None:
    room.update(f"/Messages/{address(room, 0)}", Body="new")
    first, second = alice.get(f"{messages(room)}/Items")["items"]
    assert (first["index"], first["data"]["text"], second["data"]["author"]) == (0, "new", "bob")
    assert first["last_event_id"] == objects.event_id(seq(room))
    assert second["last_event_id"] < first["last_event_id"]


def test_a_roster_shows_members_by_sid(alice: SdkDevice, room: Room) -> None:
    items = alice.get(f"{roster(room)}/Items")["items"]
    assert {item["data"]["identity"]: item["key"] for item in items} == {
        name: member_sid(room.sid, name) for name in ("alice", "bob")
    }
    key = member_sid(room.sid, "bob")
    assert [item["key"] for item in alice.get(f"{roster(room)}/Items", Key=key)["items"]] == [key]


def test_a_users_channels_show_what_only_the_user_sees(house: House, alice: SdkDevice, room: Room) -> None:
    other = house.channel("bob", Type="private")
    house.rest.post(f"{other.path}/Invites", Identity="alice")
    items = alice.get(f"{mine(house)}/Items")["items"]
    assert {item["key"]: item["data"]["status"] for item in items} == {room.sid: "joined", other.sid: "invited"}
    for sid, status in ((room.sid, "joined"), (other.sid, "invited")):
        (item,) = alice.get(f"{mine(house)}/Items", Key=sid)["items"]
        assert item["data"]["status"] == status
    assert alice.get(f"{mine(house)}/Items", Key="CH" + "0" * 32)["items"] == []


def test_a_users_info_comes_with_its_items(house: House, alice: SdkDevice) -> None:
    house.rest.post(f"{house.path}/Users/bob", FriendlyName="Bob")
    shown = alice.get(info(house, "bob"), Include="items")
    assert {item["key"]: item["data"] for item in shown["items"]} == {
        "friendlyName": {"value": "Bob"},
        "attributes": {"value": "{}"},
    }
    assert [item["key"] for item in alice.get(f"{info(house, 'bob')}/Items", Key="friendlyName")["items"]] == [
        "friendlyName"
    ]


def test_reachability_is_shown_if_the_service_has_it(house: House, alice: SdkDevice, room: Room) -> None:
    house.rest.post(house.path, ReachabilityEnabled="true")
    house.deployment.world.clock.advance(11)
    SdkDevice(house, "bob")
    items = alice.get(info(house, "bob"), Include="items")["items"]
    assert {item["key"]: item["data"] for item in items}["reachability"] == {"online": True, "notifiable": False}


@pytest.fixture
def long(room: Room) -> Room:
    """A channel with messages 0 to 24, of which 3 was deleted."""
    for index in range(2, 25):
        room.post(f"message {index}")
    room.delete(f"/Messages/{address(room, 3)}")
    return room


def page(device: SdkDevice, path: str, **query: str) -> tuple[list[Any], bool, bool, dict[str, Any]]:
    found = device.get(f"{path}/Items", **query)
    found_keys = [item.get("index", item.get("key")) for item in found["items"]]
    meta = found["meta"]
    return found_keys, meta["previous_token"] is not None, meta["next_token"] is not None, meta


def test_a_page_begins_with_the_item_that_is_named(alice: SdkDevice, long: Room) -> None:
    path = messages(long)
    assert page(alice, path, PageSize="10")[:3] == ([0, 1, 2, *range(4, 11)], False, True)
    assert page(alice, path, PageSize="10", From="20")[:3] == ([20, 21, 22, 23, 24], True, False)
    assert page(alice, path, PageSize="10", From="0", Order="asc")[:3] == ([0, 1, 2, *range(4, 11)], False, True)
    assert page(alice, path, PageSize="10", Order="desc")[:3] == (list(range(24, 14, -1)), False, True)
    assert page(alice, path, PageSize="10", Order="desc", From="24")[:3] == (list(range(24, 14, -1)), False, True)
    assert page(alice, path, PageSize="10", Order="desc", From="4")[:3] == ([4, 2, 1, 0], True, False)
    assert page(alice, path, From="3", PageSize="2")[:3] == ([4, 5], True, True)
    assert page(alice, path, Index="5")[:3] == ([5], False, False)
    assert page(alice, path, Index="3")[0] == []


def test_a_page_has_a_hundred_items_at_most() -> None:
    assert pages.asked({"PageSize": "101"}, str).size == 100


@pytest.mark.parametrize("order", ["asc", "desc"])
def test_tokens_lead_through_a_list_and_back(alice: SdkDevice, long: Room, order: str) -> None:
    path, read = messages(long), []
    *_, meta = found = page(alice, path, PageSize="10", Order=order)
    read.append(found[0])
    while meta["next_token"]:
        *_, meta = found = page(alice, path, PageToken=meta["next_token"])
        read.append(found[0])
    seen = [index for some in read for index in some]
    assert seen == sorted({*range(25)} - {3}, reverse=order == "desc")
    for expected in read[-2::-1]:
        assert meta["previous_token"]
        *_, meta = found = page(alice, path, PageToken=meta["previous_token"])
        assert found[0] == expected
    assert meta["previous_token"] is None


def test_maps_are_read_page_by_page_in_the_order_of_their_keys(house: House, alice: SdkDevice, room: Room) -> None:
    for number in range(13):
        room.add(f"guest {number}")
    everybody = [item["key"] for item in alice.get(f"{roster(room)}/Items")["items"]]
    assert everybody == sorted(everybody) and len(everybody) == 15
    assert page(alice, roster(room), From=everybody[10], PageSize="10")[:3] == (everybody[10:], True, False)
    back = page(alice, roster(room), From=everybody[4], PageSize="10", Order="desc")
    assert back[:3] == (everybody[4::-1], True, False)
    for _ in range(3):
        house.channel("alice")
    channels = [item["key"] for item in alice.get(f"{mine(house)}/Items")["items"]]
    assert page(alice, mine(house), From=channels[1], PageSize="2")[:3] == (channels[1:3], True, True)


def test_a_page_is_cut_before_it_is_too_long_for_a_packet(alice: SdkDevice, room: Room) -> None:
    for _ in range(8):
        room.post("x" * 30_000)
    indexes, before, after, meta = page(alice, messages(room), PageSize="100", Order="desc")
    assert (indexes, before, after) == ([9, 8, 7], False, True)
    assert page(alice, messages(room), PageToken=meta["next_token"])[0] == [6, 5, 4]
    *_, meta = page(alice, messages(room), PageSize="100", Order="desc", From="4")
    assert page(alice, messages(room), PageToken=meta["previous_token"])[0] == [7, 6, 5]


@pytest.mark.parametrize(
    "query",
    [
        {"PageSize": "0"},
        {"PageSize": "-1"},
        {"PageSize": "ten"},
        {"Order": "up"},
        {"From": "x y"},
        {"From": ""},
        {"From": "1" * 13},
        {"From": "-1"},
        {"Index": "one"},
        {"Index": "%D9%A1"},
        {"PageToken": "asc.after.10.%20"},
        {"PageToken": "x" * 2000},
    ],
)
def test_a_page_that_cannot_be_read_is_refused(alice: SdkDevice, room: Room, query: dict[str, str]) -> None:
    assert alice.ask("GET", f"{messages(room)}/Items", query=query).refusal == (400, 20001)


@pytest.mark.parametrize("key", ["", "x" * 2000, "MB%00", "%F0%9F%98%80"])
def test_a_key_that_no_item_can_have_finds_nothing(house: House, alice: SdkDevice, room: Room, key: str) -> None:
    for path in (roster(room), mine(house), info(house, "bob")):
        assert alice.get(f"{path}/Items", Key=key)["items"] == []


# Rights.


def every_object(room: Room) -> list[tuple[str, int]]:
    """The paths of a channel's objects, and the code of each type if there is none."""
    return [
        (f"{DOCUMENTS}/{room.sid}.channel", 54100),
        (messages(room), 54150),
        (f"{messages(room)}/Items", 54150),
        (roster(room), 54200),
        (f"{roster(room)}/Items", 54200),
    ]


def statuses(device: SdkDevice, room: Room) -> set[tuple[int, int]]:
    return {device.ask("GET", path).refusal for path, _ in every_object(room)}


def test_a_private_channel_is_for_strangers_what_does_not_exist(house: House, alice: SdkDevice) -> None:
    hidden = house.channel("bob", Type="private")
    hidden.post("secret")
    nowhere = Room(house, {"sid": "CH" + "0" * 32})
    assert statuses(alice, hidden) == statuses(alice, nowhere) == {(404, 54100), (404, 54150), (404, 54200)}


def test_a_channel_of_another_service_does_not_exist(house: House, alice: SdkDevice) -> None:
    another = House(house.deployment)
    foreign = another.channel("alice")
    assert statuses(alice, foreign) == {(404, 54100), (404, 54150), (404, 54200)}
    another.rest.post(f"{another.path}/Users", Identity="dora")
    for path in (info(another, "alice"), mine(another), info(another, "dora")):
        assert alice.ask("GET", path).refusal == (404, 54200)


def test_a_user_who_is_not_a_member_of_a_public_channel_sees_only_its_document(house: House, alice: SdkDevice) -> None:
    public = house.channel("bob")
    document, *others = [path for path, _ in every_object(public)]
    assert alice.get(document)["data"]["type"] == "public"
    assert [alice.ask("GET", path).refusal for path in others] == [(403, 54007)] * 4


def test_an_invited_user_sees_only_the_document(house: House, alice: SdkDevice) -> None:
    hidden = house.channel("bob", Type="private")
    house.rest.post(f"{hidden.path}/Invites", Identity="alice")
    document, *others = [path for path, _ in every_object(hidden)]
    assert alice.get(document)["data"]["type"] == "private"
    assert {alice.ask("GET", path).refusal for path in others} == {(403, 54007)}


def test_the_creator_of_a_private_channel_sees_its_document_without_joining(house: House, alice: SdkDevice) -> None:
    reply = alice.ask("POST", "/Client/v1/Conversations", {"type": "private"})
    document, *others = [path for path, _ in every_object(Room(house, reply.body))]
    assert alice.get(document)["data"]["createdBy"] == "alice"
    assert {alice.ask("GET", path).refusal for path in others} == {(403, 54007)}


def test_a_user_who_has_left_reads_nothing_more(house: House, alice: SdkDevice) -> None:
    hidden = house.channel("alice", "bob", Type="private")
    alice.get(messages(hidden))
    hidden.delete("/Members/alice")
    assert statuses(alice, hidden) == {(404, 54100), (404, 54150), (404, 54200)}


def test_a_users_channels_are_its_own_business(house: House, alice: SdkDevice, room: Room) -> None:
    for path in (mine(house, "bob"), mine(house, "nobody"), info(house, "nobody")):
        for more in ("", "/Items"):
            assert alice.ask("GET", path + more).refusal == (404, 54200)


def test_nobody_is_shown_the_channels_of_an_earlier_user_of_the_identity(house: House, room: Room) -> None:
    assert house.rest("DELETE", f"{house.path}/Users/alice").status == 204
    house.deployment.world.clock.advance(11)
    newcomer = SdkDevice(house, "alice")
    assert newcomer.get(f"{mine(house)}/Items")["items"] == []
    assert newcomer.get(f"{mine(house)}/Items", Key=room.sid)["items"] == []
    assert newcomer.ask("GET", messages(room)).refusal == (403, 54007)


@pytest.mark.parametrize("name", ["x", "%", "CH%2F", ".channel", "US.my_channels", "ES" + "0" * 31, "%00", "a" * 3000])
def test_a_name_that_no_object_has_is_not_found(alice: SdkDevice, name: str) -> None:
    for path, code in ((DOCUMENTS, 54100), (LISTS, 54150), (MAPS, 54200)):
        assert alice.ask("GET", f"{path}/{name}").refusal == (404, code)


def test_an_object_is_not_found_among_those_of_another_type(alice: SdkDevice, room: Room) -> None:
    assert alice.ask("GET", f"{LISTS}/{room.sid}.channel").refusal == (404, 54150)
    assert alice.ask("GET", f"{DOCUMENTS}/{room.sid}.roster").refusal == (404, 54100)


def test_a_deleted_channel_can_be_opened_for_a_minute_and_is_empty(house: House, alice: SdkDevice, room: Room) -> None:
    room.delete()
    document = alice.get(f"{DOCUMENTS}/{room.sid}.channel")["data"]
    assert (document["messages"], document["uniqueName"], document["lastMessage"]) == (
        f"{room.sid}.messages",
        None,
        None,
    )
    for path in (messages(room), roster(room)):
        alice.get(path)
        assert alice.get(f"{path}/Items")["items"] == []
    assert alice.get(f"{messages(room)}/Items", Index="0")["items"] == []
    assert alice.get(f"{roster(room)}/Items", Key=member_sid(room.sid, "bob"))["items"] == []
    house.deployment.world.clock.advance(60)
    assert statuses(alice, room) == {(404, 54100), (404, 54150), (404, 54200)}
