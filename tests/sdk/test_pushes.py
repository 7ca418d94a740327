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
