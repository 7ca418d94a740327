"""What SDK sockets hear of each change: members, invited users, those who follow the document, and strangers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from parley.ids import member_sid, user_sid
from parley.operations.context import Caller
from parley.sockets import following
from parley.sockets.sdk import objects
from parley.store import keys
from parley.stored import Connection
from tests.sdk.device import Packet, SdkDevice
from tests.sockets.deployment import House, Room

# Alice and bob are members, carol is invited, dave follows the document and bob's info, erin is a stranger.
PEOPLE = ("alice", "bob", "carol", "dave", "erin")
LIVE = {f"com.twilio.rtd.cds.{of}" for of in ("document", "list", "map")}


def follow(device: SdkDevice, *sids: str) -> None:
    """Let a connection follow documents of channels, and the info of users."""
    context = device.house.deployment.runtime.context(Caller("SDK"))
    key = keys.connection(device.connection_id)
    connection: Connection = {**(context.table.fetch(key) or {}), "follows": [*sids]}
    context.table.put_many({key: connection})
    following.write_followers(context, connection, [*sids])


@pytest.fixture
def people(house: House, room: Room) -> dict[str, SdkDevice]:
    room.update("/Invites", Identity="carol")
    devices = {identity: SdkDevice(house, identity) for identity in PEOPLE}
    follow(devices["dave"], room.sid, user_sid(house.sid, "bob"))
    hush(devices)
    return devices


def hush(devices: dict[str, SdkDevice]) -> None:
    for device in devices.values():
        device.heard()


def named(packet: Packet) -> str:
    """A push in short: its event, the kind of its object, and the key of its item."""
    assert (packet.header["method"], packet.header["message_type"] in LIVE) == ("notification", True)
    name, event = packet.body["event_type"], packet.body["event"]
    of = next(event[f"{of}_sid"] for of in ("document", "list", "map") if f"{of}_sid" in event)
    found = objects.parse(of)
    assert found is not None
    key = event.get("item_index", event.get("item_key", ""))
    return f"{name} {found.kind} {key}".strip()


def heard(devices: dict[str, SdkDevice]) -> dict[str, list[str]]:
    """The new pushes of each who heard any."""
    found = {name: [named(packet) for packet in device.heard()] for name, device in devices.items()}
    return {name: told for name, told in found.items() if told}


def everybody(told: list[str], *names: str) -> dict[str, list[str]]:
    return dict.fromkeys(names, told)


def own(verb: str) -> str:
    return f"map_item_{verb} channels {{CH}}"


def roster(verb: str, identity: str) -> str:
    return f"map_item_{verb} roster {{{identity}}}"


DOCUMENT = ["document_updated document"]
MEMBERS = ("alice", "bob")

# What happens, and who hears what of it.
ROWS: dict[str, tuple[Callable[[Room], Any], dict[str, list[str]]]] = {
    "a message": (
        lambda room: room.post("hi"),
        everybody(["list_item_added messages 2", *DOCUMENT], *MEMBERS) | {"dave": DOCUMENT},
    ),
    "an edit": (
        lambda room: room.update(f"/Messages/{sid_of(room, 1)}", Body="x"),
        everybody(["list_item_updated messages 1"], *MEMBERS),
    ),
    "an older message removed": (
        lambda room: room.delete(f"/Messages/{sid_of(room, 0)}"),
        everybody(["list_item_removed messages 0"], *MEMBERS),
    ),
    "the newest message removed": (
        lambda room: room.delete(f"/Messages/{sid_of(room, 1)}"),
        everybody(["list_item_removed messages 1", *DOCUMENT], *MEMBERS) | {"dave": DOCUMENT},
    ),
    "a new member": (
        lambda room: room.add("erin"),
        everybody([roster("added", "erin")], *MEMBERS) | {"erin": [own("added"), roster("added", "erin")]},
    ),
    "an invited user joins": (
        lambda room: room.add("carol"),
        everybody([roster("added", "carol")], *MEMBERS) | {"carol": [own("added"), roster("added", "carol")]},
    ),
    "a member's attributes": (
        lambda room: room.update("/Members/bob", Attributes="[1]"),
        everybody([roster("updated", "bob")], *MEMBERS),
    ),
    "a horizon": (
        lambda room: room.update("/Members/bob", LastConsumedMessageIndex=1),
        {"alice": [roster("updated", "bob")], "bob": [roster("updated", "bob"), own("updated")]},
    ),
    "a notification level": (
        lambda room: room.house.rest.post(
            f"{room.house.path}/Users/bob/Channels/{room.sid}", {"NotificationLevel": "muted"}
        ),
        {"bob": [own("updated")]},
    ),
    "a member leaves": (
        lambda room: room.delete("/Members/bob"),
        {"alice": [roster("removed", "bob")], "bob": [own("removed")]},
    ),
    "an invite": (lambda room: room.update("/Invites", Identity="erin"), {"erin": [own("added")]}),
    "an invite withdrawn": (
        lambda room: room.delete(f"/Invites/{invite_of(room)}"),
        {"carol": [own("removed")]},
    ),
    "the channel": (
        lambda room: room.update(FriendlyName="x"),
        everybody(DOCUMENT, *MEMBERS, "carol", "dave"),
    ),
    "the channel deleted": (
        lambda room: room.delete(),
        everybody([own("removed"), "document_removed document"], *MEMBERS, "carol")
        | {"dave": ["document_removed document"]},
    ),
    "a user": (
        lambda room: room.house.rest.post(f"{room.house.path}/Users/bob", FriendlyName="B", Attributes="[1]"),
        everybody(["map_item_updated info attributes", "map_item_updated info friendlyName"], "bob", "dave"),
    ),
}


def sid_of(room: Room, index: int) -> str:
    return str(room.house.rest.get(f"{room.path}/Messages")["messages"][index]["sid"])


def invite_of(room: Room) -> str:
    return str(room.house.rest.get(f"{room.path}/Invites")["invites"][0]["sid"])


def spelled(told: str, room: Room) -> str:
    return told.format(CH=room.sid, **{name: member_sid(room.sid, name) for name in PEOPLE})


@pytest.mark.parametrize("name", ROWS)
def test_each_hears_of_a_change_what_belongs_to_it(people: dict[str, SdkDevice], room: Room, name: str) -> None:
    act, expected = ROWS[name]
    act(room)
    assert heard(people) == {who: [spelled(one, room) for one in told] for who, told in expected.items()}


def events(device: SdkDevice) -> list[dict[str, Any]]:
    """The events of the new pushes."""
    return [packet.body["event"] for packet in device.heard()]


def test_a_push_has_the_id_of_the_change_and_the_data_that_a_read_shows(
    people: dict[str, SdkDevice], room: Room
) -> None:
    sent = room.post("hi", Attributes='{"a":1}')
    added, document = events(people["alice"])
    seq = room.house.deployment.world.table.fetch(keys.tail(room.sid))["seq"]  # type: ignore[index]
    assert (added["id"], document["id"]) == (4 * seq, 4 * seq)
    assert (added["list_sid"], added["item_index"]) == (objects.messages(room.sid).sid, 2)
    shown = {name: added["item_data"][name] for name in ("sid", "text", "author", "attributes")}
    assert shown == {"sid": sent["sid"], "text": "hi", "author": "system", "attributes": '{"a":1}'}
    assert document["document_sid"] == objects.document(room.sid).sid
    assert document["document_data"]["lastMessage"]["index"] == 2


def test_if_a_batch_has_several_updates_of_a_document_only_the_last_one_is_sent(
    people: dict[str, SdkDevice], room: Room
) -> None:
    for body in "abc":
        room.post(body)
    assert heard(people)["alice"] == [*(f"list_item_added messages {index}" for index in (2, 3, 4)), *DOCUMENT]


def test_updates_of_two_documents_do_not_replace_each_other(house: House, people: dict[str, SdkDevice]) -> None:
    rooms = [house.channel("alice") for _ in range(2)]
    people["alice"].heard()
    for room in rooms:
        room.update(FriendlyName="x")
    assert {event["document_sid"] for event in events(people["alice"])} == {
        objects.document(room.sid).sid for room in rooms
    }


def test_all_sockets_of_the_protocol_share_the_bytes_of_a_push(house: House, people: dict[str, SdkDevice]) -> None:
    room = house.channel("alice", "bob", "carol")
    hush(people)
    room.post("hi")
    house.deployment.announce()
    gateway = house.deployment.gateway
    told = [gateway.received[people[name].connection_id][-2:] for name in ("alice", "bob", "carol")]
    assert told[0] == told[1] == told[2]
    assert all(one is other for one, other in zip(told[0], told[1], strict=True))


def test_a_batch_that_is_delivered_twice_says_the_same_twice(people: dict[str, SdkDevice], room: Room) -> None:
    room.post("hi")
    room.add("erin")
    batch = room.house.deployment.new_records()
    told = []
    for _ in range(2):
        room.house.deployment.deliver(batch)
        told.append(people["alice"].packets())
    assert told[0] == told[1] != []


def test_facts_that_only_their_owner_may_know_are_in_no_other_push(people: dict[str, SdkDevice], room: Room) -> None:
    """Status, horizon and level of a user are in its own channels; a document with them would change every client."""
    for name in ("a horizon", "a notification level", "a message", "the channel"):
        ROWS[name][0](room)
    mine = objects.channels(user_sid(room.house.sid, "bob")).sid
    for who, device in people.items():
        for event in events(device):
            assert (event.get("map_sid") == mine) <= (who == "bob")
            shown = event.get("document_data") or event.get("item_data") or {}
            assert "notificationLevel" not in shown or event["map_sid"] == mine
            assert not {"status", "lastConsumedMessageIndex"} & set(event.get("document_data") or {})


def test_a_user_who_left_hears_nothing_from_the_next_change_on(people: dict[str, SdkDevice], room: Room) -> None:
    room.delete("/Members/bob")
    hush(people)
    for name in ("a message", "a new member", "the channel", "an invite withdrawn"):
        ROWS[name][0](room)
    assert "bob" not in heard(people)


def test_nobody_follows_a_channel_that_has_become_private(people: dict[str, SdkDevice], room: Room) -> None:
    room.house.rest.post(room.path.replace("/v2/", "/v3/"), Type="private")
    hush(people)
    room.post("secret")
    room.update(FriendlyName="x")
    room.delete()
    assert "dave" not in heard(people)


def test_an_invited_user_still_follows_a_channel_that_has_become_private(
    people: dict[str, SdkDevice], room: Room
) -> None:
    follow(people["carol"], room.sid)
    room.house.rest.post(room.path.replace("/v2/", "/v3/"), Type="private")
    hush(people)
    room.post("hi")
    assert heard(people)["carol"] == DOCUMENT
    room.delete(f"/Invites/{invite_of(room)}")
    hush(people)
    room.post("hi")
    assert "carol" not in heard(people)


def test_a_message_is_told_although_its_channel_has_gone_since(people: dict[str, SdkDevice], room: Room) -> None:
    room.post("hi")
    room.update(FriendlyName="x")
    room.delete()
    gone = [own("removed"), "document_removed document"]
    expected = ["list_item_added messages 2", *gone]
    assert heard(people)["alice"] == [spelled(one, room) for one in expected]


def test_changes_are_told_although_the_counters_are_missing(people: dict[str, SdkDevice], room: Room) -> None:
    room.post("hi")
    room.update(FriendlyName="x")
    room.house.deployment.world.table.erase_many([keys.tail(room.sid)])
    assert heard(people)["alice"] == ["list_item_added messages 2"]


def test_a_user_who_comes_online_is_told_to_those_who_follow(house: House, people: dict[str, SdkDevice]) -> None:
    house.rest.post(house.path, ReachabilityEnabled="true")
    SdkDevice(house, "bob")
    (event,) = events(people["dave"])
    assert (event["item_key"], event["item_data"]) == ("reachability", {"online": True, "notifiable": False})


def test_typing_reaches_the_others_as_a_notification(people: dict[str, SdkDevice], room: Room) -> None:
    native = room.house.device("bob")
    hush(people)
    native.done("typing", channel=room.sid)
    (packet,) = people["alice"].heard()
    assert packet.header["message_type"] == "twilio.ipmsg.typing_indicator"
    assert packet.body == {"channel_sid": room.sid, "identity": "bob", "typing_timeout": 6}
    assert people["bob"].heard() == people["carol"].heard() == []


def test_ids_of_a_users_own_items_only_grow_also_when_the_user_leaves_and_comes_back(
    house: House, people: dict[str, SdkDevice], room: Room
) -> None:
    bob, mine = people["bob"], objects.channels(user_sid(house.sid, "bob")).sid
    for act in (
        lambda: ROWS["a horizon"][0](room),
        lambda: ROWS["a member leaves"][0](room),
        lambda: room.update("/Invites", Identity="bob"),
        lambda: room.add("bob"),
        lambda: ROWS["a notification level"][0](room),
    ):
        act()
    ids = [event["id"] for event in events(bob) if event.get("map_sid") == mine]
    assert len(ids) == 5
    assert ids == sorted(set(ids))


def test_ids_of_a_users_info_grow_also_over_a_user_who_is_made_anew(house: House, people: dict[str, SdkDevice]) -> None:
    ids = []
    for _ in range(2):
        house.rest.post(f"{house.path}/Users/bob", FriendlyName="B")
        ids += [event["id"] for event in events(people["dave"])]
        house.rest("DELETE", f"{house.path}/Users/bob")
        house.rest.post(f"{house.path}/Users", Identity="bob")
    assert len(ids) == 2
    assert ids == sorted(set(ids))
