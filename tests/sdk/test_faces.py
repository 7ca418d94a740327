"""SDKs of Conversations know neither public channels nor invites: to them, such a channel looks like one that does not exist."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest

from parley.ids import user_sid
from parley.sockets.sdk import objects
from parley.store import keys
from tests.sdk.device import SUBSCRIPTIONS, Packet, SdkDevice
from tests.sdk.listener import Listener
from tests.sdk.rounds import asked
from tests.sdk.sync_paths import document, messages, mine, roster
from tests.sdk.test_pushes import ROWS, follow, heard, hush, named, own
from tests.sockets.deployment import House, Room, sample

CONVERSATIONS = "conversations"
NOWHERE = "CH" + "0" * 32


@pytest.fixture
def alice(house: House, room: Room) -> SdkDevice:
    """The SDK of Conversations of a member of a public channel."""
    return SdkDevice(house, "alice", of=CONVERSATIONS)


def migrate(room: Room) -> None:
    room.house.rest.post(room.path.replace("/v2/", "/v3/"), Type="private")


def opened(device: SdkDevice, room: Room) -> list[tuple[int, Any]]:
    """What comes of opening the objects of a channel and reading their items."""
    paths = [document(room), messages(room), f"{messages(room)}/Items", roster(room), f"{roster(room)}/Items"]
    return [(reply.status, reply.body.get("code")) for reply in (device.ask("GET", path) for path in paths)]


def subscribed(device: SdkDevice, sid: str) -> list[Packet]:
    """What comes of subscribing to the objects of a channel."""
    made = (objects.document(sid), objects.messages(sid), objects.roster(sid))
    return device.request("POST", SUBSCRIPTIONS, asked(*((of.sid, of.type) for of in made)))


def told(packets: list[Packet], sid: str) -> str:
    """Packets as text, without their own ids, and with the same SID whatever channel they tell of."""
    shown = [(packet.body, packet.header.get("message_type")) for packet in packets]
    return json.dumps(shown).replace(sid[2:], NOWHERE[2:])


def listed(device: SdkDevice, **query: str) -> list[str]:
    """The channels on all pages of the own ones; no page but the last may be empty."""
    found = list[str]()
    while True:
        page = device.get(f"{mine(device.house)}/Items", **query)
        found += [item["key"] for item in page["items"]]
        if (token := page["meta"]["next_token"]) is None:
            return found
        assert page["items"]
        query = {"PageToken": token}


@pytest.mark.parametrize("deleted", [False, True])
def test_a_public_channel_opens_like_one_that_does_not_exist(
    house: House, alice: SdkDevice, room: Room, deleted: bool
) -> None:
    if deleted:
        room.delete()
    assert opened(alice, room) == opened(alice, Room(house, {"sid": NOWHERE}))
    assert told(subscribed(alice, room.sid), room.sid) == told(subscribed(alice, NOWHERE), NOWHERE)


def test_nobody_follows_the_document_of_a_public_channel(house: House, alice: SdkDevice) -> None:
    public = house.channel("bob")
    subscribed(alice, public.sid)
    assert "follows" not in (house.deployment.world.table.fetch(keys.connection(alice.connection_id)) or {})


@pytest.mark.parametrize("order", ["asc", "desc"])
def test_the_own_channels_are_the_private_ones(house: House, alice: SdkDevice, room: Room, order: str) -> None:
    public = [room, *(house.channel("alice") for _ in range(2))]
    private = [house.channel("alice", Type="private").sid for _ in range(2)]
    public += [house.channel("alice") for _ in range(2)]
    assert listed(alice, PageSize="1", Order=order) == sorted(private, reverse=order == "desc")
    assert alice.get(f"{mine(house)}/Items", Key=room.sid)["items"] == []
    of = objects.channels(user_sid(house.sid, "alice"))
    came = str(alice.request("POST", SUBSCRIPTIONS, asked((of.sid, of.type))))
    assert [one.sid in came for one in public] == [False] * 5
    assert [sid in came for sid in private] == [True] * 2
    public[1].delete("/Members/alice")
    assert public[1].sid not in str(alice.request("POST", SUBSCRIPTIONS, asked((of.sid, of.type))))


@pytest.mark.parametrize("name", [name for name in ROWS if name != "a user"])
def test_nothing_is_heard_of_a_public_channel(house: House, room: Room, name: str) -> None:
    room.update("/Invites", Identity="carol")
    devices = {who: SdkDevice(house, who, of=CONVERSATIONS) for who in ("alice", "bob", "carol", "erin")}
    follow(devices["erin"], room.sid)
    hush(devices)
    ROWS[name][0](room)
    assert heard(devices) == {}


@pytest.mark.parametrize("name", ROWS)
def test_both_kinds_of_sdks_hear_the_same_of_a_private_channel(house: House, name: str) -> None:
    room = house.channel("alice", "bob", Type="private")
    for body in ("one", "two"):
        room.post(body)
    room.update("/Invites", Identity="carol")
    both = [
        {who: SdkDevice(house, who, of=of) for who in ("alice", "bob", "carol", "erin")} for of in ("", "conversations")
    ]
    for devices in both:
        hush(devices)
    ROWS[name][0](room)
    chat, conversations = ({who: device.heard() for who, device in devices.items()} for devices in both)
    invited = {"an invite": ["carol", "erin"], "an invited user joins": []}.get(name, ["carol"])
    assert conversations == chat | {who: [] for who in invited}
    assert any(chat.values())


def test_an_invited_user_knows_nothing_of_the_channel(house: House) -> None:
    hidden = house.channel("bob", Type="private")
    invite = house.rest.post(f"{hidden.path}/Invites", Identity="alice")["sid"]
    alice, of = SdkDevice(house, "alice", of=CONVERSATIONS), objects.channels(user_sid(house.sid, "alice"))
    assert opened(alice, hidden) == opened(alice, Room(house, {"sid": NOWHERE}))
    assert told(subscribed(alice, hidden.sid), hidden.sid) == told(subscribed(alice, NOWHERE), NOWHERE)
    assert alice.get(f"{mine(house)}/Items", Key=hidden.sid)["items"] == listed(alice) == []
    assert hidden.sid not in str(alice.request("POST", SUBSCRIPTIONS, asked((of.sid, of.type))))
    hidden.delete(f"/Invites/{invite}")
    assert hidden.sid not in str(alice.request("POST", SUBSCRIPTIONS, asked((of.sid, of.type))))


def test_both_share_the_bytes_of_a_push(house: House) -> None:
    room = house.channel("alice", "bob", Type="private")
    devices = {"alice": SdkDevice(house, "alice"), "bob": SdkDevice(house, "bob", of=CONVERSATIONS)}
    hush(devices)
    room.post("hi")
    house.deployment.announce()
    one, other = (house.deployment.gateway.received[device.connection_id] for device in devices.values())
    assert all(first is second for first, second in zip(one[-2:], other[-2:], strict=True))


def test_nobody_is_seen_typing_in_a_public_channel(house: House, alice: SdkDevice, room: Room) -> None:
    hidden, native = house.channel("alice", "bob", Type="private"), house.device("bob")
    alice.heard()
    for sid in (room.sid, hidden.sid):
        native.done("typing", channel=sid)
    assert [packet.body["channel_sid"] for packet in alice.heard()] == [hidden.sid]


def test_a_channel_that_becomes_private_appears_with_what_the_member_has_in_it(
    house: House, alice: SdkDevice, room: Room
) -> None:
    room.update("/Members/alice", LastConsumedMessageIndex=1)
    chat, listener = SdkDevice(house, "alice"), Listener(alice)
    listener.open(mine(house))
    hush({"alice": alice, "chat": chat})
    migrate(room)
    pushed = alice.heard()
    assert [named(packet) for packet in pushed] == [own("added").format(CH=room.sid), "document_updated document"]
    assert [named(packet) for packet in chat.heard()] == ["document_updated document"]
    listener.take(pushed)
    (item,) = listener.items.values()
    assert item == {room.sid: alice.get(f"{mine(house)}/Items", Key=room.sid)["items"][0]["data"]}
    assert item[room.sid]["lastConsumedMessageIndex"] == 1
    listener.open(document(room), messages(room), roster(room))
    room.post("hi")
    listener.listen()
    assert ("list_item_added", 2) in listener.news()


@pytest.mark.parametrize("metadata", [None, "conversations", {}, {"type": "chat"}, {"type": "sync"}, {"type": ["x"]}])
def test_any_other_client_is_one_of_chat(house: House, room: Room, metadata: Any) -> None:
    device = SdkDevice(house)
    header = {"method": "init", "token": device.token("alice"), "metadata": metadata}
    assert [reply.status for reply in device.send(header)] == [200]
    assert {status for status, _ in opened(device, room)} == {200}


def test_init_costs_the_same(house: House) -> None:
    house.device("alice")
    device = SdkDevice(house, of=CONVERSATIONS)
    with house.deployment.world.table._client.metered() as meter:
        assert device.init("alice").status == 200
    assert (meter.requests.total(), meter.write_units) == (3, 3)


def test_only_the_first_packet_tells_the_variant(house: House) -> None:
    event = copy.deepcopy(sample("ws_connect"))
    event["queryStringParameters"] = {"protocol": "twilsock.conversations"}
    assert house.deployment.connect_handler(event)["statusCode"] == 400
