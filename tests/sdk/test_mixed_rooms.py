"""A room with native and SDK sockets in it: both hear the same facts, whoever caused them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from parley.ids import user_sid
from tests.sdk.device import SdkDevice
from tests.sdk.test_pushes import events, follow, sid_of
from tests.sockets.deployment import House, Room, hush

Frame = dict[str, Any]


class Pair:
    """Alice with a native socket and bob with one of an SDK, who hear of the same room and of carol."""

    def __init__(self, house: House, room: Room):
        house.rest.post(f"{house.path}/Users", Identity="carol")
        self.native, self.sdk = house.device("alice"), SdkDevice(house, "bob")
        self.native.done("followUsers", identities=["carol"])
        follow(self.sdk, user_sid(house.sid, "carol"))
        self.hush()

    def hush(self) -> None:
        hush(self.native)
        self.sdk.heard()


@pytest.fixture
def pair(house: House, room: Room) -> Pair:
    return Pair(house, room)


def message(frame: Frame) -> Any:
    shown = frame["message"]
    return shown["sid"], shown["index"], shown["body"], shown["from"]


def message_item(event: Frame) -> Any:
    shown = event["item_data"]
    return shown["sid"], event["item_index"], shown["text"], shown["author"]


def member(frame: Frame) -> Any:
    shown = frame["member"]
    return shown["sid"], shown["identity"], shown["attributes"], shown["last_consumed_message_index"]


def roster_item(event: Frame) -> Any:
    shown = event["item_data"]
    return event["item_key"], shown["identity"], shown["attributes"], shown["lastConsumedMessageIndex"]


# What happens, the event of the native protocol, and the fact as each of the two tells it.
ROWS: dict[str, tuple[Callable[[Room], Any], str, Callable[[Frame], Any], Callable[[Frame], Any]]] = {
    "a message": (lambda room: room.post("hi", From="alice"), "messageAdded", message, message_item),
    "an edit": (
        lambda room: room.update(f"/Messages/{sid_of(room, 0)}", Body="x"),
        *("messageUpdated", message, message_item),
    ),
    "a removal": (
        lambda room: room.delete(f"/Messages/{sid_of(room, 0)}"),
        *("messageRemoved", lambda frame: frame["message"]["index"], lambda event: event["item_index"]),
    ),
    "a new member": (lambda room: room.add("carol", Attributes="[1]"), "memberJoined", member, roster_item),
    "a horizon": (
        lambda room: room.update("/Members/alice", LastConsumedMessageIndex=1),
        *("memberUpdated", member, roster_item),
    ),
    "the channel": (
        lambda room: room.update(FriendlyName="x", Attributes="[2]"),
        "channelUpdated",
        lambda frame: (frame["channel"]["friendly_name"], frame["channel"]["attributes"]),
        lambda event: (event["document_data"]["friendlyName"], event["document_data"]["attributes"]),
    ),
    "a user": (
        lambda room: room.house.rest.post(f"{room.house.path}/Users/carol", FriendlyName="C"),
        *("userUpdated", lambda frame: frame["user"]["friendly_name"], lambda event: event["item_data"]["value"]),
    ),
}


@pytest.mark.parametrize("name", ROWS)
def test_both_hear_the_same_fact_under_the_same_number(pair: Pair, room: Room, name: str) -> None:
    act, event, native, sdk = ROWS[name]
    act(room)
    frame, pushed = pair.native.heard()[0], events(pair.sdk)[0]
    assert frame["event"] == event
    assert native(frame) == sdk(pushed)
    assert pushed["id"] == 4 * frame.get("seq", frame.get("user", {}).get("seq"))


def test_a_member_who_leaves_is_told_to_both(pair: Pair, room: Room) -> None:
    room.add("carol")
    pair.hush()
    room.delete("/Members/carol")
    assert [frame["member"]["sid"] for frame in pair.native.heard()] == [
        event["item_key"] for event in events(pair.sdk)
    ]


def test_native_sockets_get_the_messages_of_sdks_and_the_other_way_round(pair: Pair, room: Room) -> None:
    sent = pair.sdk.ask("POST", f"/Client/v1/Conversations/{room.sid}/Messages", {"body": "from bob"})
    assert sent.status == 201, sent
    (frame,) = pair.native.heard()
    assert (frame["message"]["body"], frame["message"]["from"]) == ("from bob", "bob")
    assert "request" not in frame
    pair.sdk.heard()
    pair.native.done("sendMessage", channel=room.sid, body="from alice")
    added, _ = events(pair.sdk)
    assert (added["item_data"]["text"], added["item_data"]["author"]) == ("from alice", "alice")


def test_a_room_of_native_sockets_costs_no_request_for_the_other_protocol(house: House, room: Room) -> None:
    house.device("alice")
    costs = []
    for _ in range(2):
        house.deployment.skip_stream()
        room.post("hi")
        batch = house.deployment.new_records()
        with house.deployment.world.table._client.metered() as meter:
            house.deployment.deliver(batch)
        costs.append(meter.requests.total())
        SdkDevice(house, "bob")
    # The members and their presence. For an SDK socket, also the channel and its counters.
    assert costs == [2, 3]


def test_a_native_socket_hears_one_frame_per_change(pair: Pair, room: Room) -> None:
    """Events that only SDKs are told have no frame."""
    room.update("/Members/alice", LastConsumedMessageIndex=1)
    deployment = room.house.deployment
    assert deployment.deliver(deployment.new_records()) == {"batchItemFailures": []}
    assert pair.native.events() == ["memberUpdated"]
