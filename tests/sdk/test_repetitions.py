"""Requests that come again with the same mutation id: a message and a channel are made once."""

from __future__ import annotations

from typing import Any

import pytest

from parley.sockets.sdk.upstream_views import V1, V2
from tests.sdk.device import Packet, SdkDevice
from tests.sdk.requests_of_rows import stage
from tests.sockets.deployment import House, Room


def mutate(device: SdkDevice, path: str, body: Any, mutation: str) -> Packet:
    (reply,) = device.request("POST", path, body, **{"X-Twilio-Mutation-Id": mutation})
    assert reply.status == 201, reply
    return reply


@pytest.mark.parametrize("version", [V1, V2])
def test_a_message_that_is_sent_again_after_a_reconnect_is_sent_once(house: House, version: str) -> None:
    room = stage(house, version)
    path = f"/Client/{version}/Conversations/{room.sid}/Messages"
    first = SdkDevice(house, "alice")
    house.deployment.world.clock.advance(500)
    sent = [mutate(device, path, {"body": "x"}, "once") for device in (first, SdkDevice(house, "alice"))]
    assert sent[0].body == sent[1].body
    others = [
        mutate(SdkDevice(house, "alice"), path, {"body": "x"}, "another"),
        mutate(SdkDevice(house, "bob"), path, {"body": "x"}, "once"),
    ]
    assert [reply.body["index"] for reply in (sent[1], *others)] == [2, 3, 4]
    assert room.fetch()["messages_count"] == 5


def test_long_ids_that_begin_alike_are_two_ids(house: House) -> None:
    """The id was cut to 128 characters. So the second channel was answered with 201, and was not made."""
    made = [
        mutate(SdkDevice(house, "alice"), "/Client/v2/Conversations", {"friendly_name": "x"}, "x" * 128 + end).body
        for end in ("first", "second", "second")
    ]
    assert made[0] != made[1] == made[2]


def test_the_tag_of_a_message_is_shown_nowhere(house: House, alice: SdkDevice, room: Room) -> None:
    path = f"/Client/v1/Conversations/{room.sid}/Messages"
    sent = mutate(alice, path, {"body": "x"}, "once").body
    (pushed,) = [push.body for push in alice.heard() if push.body["event_type"] == "list_item_added"][-1:]
    assert "tag" not in {
        *sent,
        *pushed["event"]["item_data"],
        *house.rest.get(f"{room.path}/Messages")["messages"][-1],
    }


@pytest.mark.parametrize("version", [V1, V2])
def test_a_channel_that_is_made_again_with_the_same_id_is_made_once(house: House, version: str) -> None:
    made = [
        mutate(SdkDevice(house, identity), f"/Client/{version}/Conversations", {"friendly_name": "x"}, mutation).body
        for identity, mutation in (("alice", "once"), ("alice", "once"), ("alice", "another"), ("bob", "once"))
    ]
    assert made[0] == made[1]
    assert len({one["sid"] for one in made}) == 3


def test_a_message_with_a_mutation_id_costs_no_more_than_one_without(
    house: House, alice: SdkDevice, room: Room
) -> None:
    path = f"/Client/v1/Conversations/{room.sid}/Messages"
    house.deployment.world.clock.advance(121)
    mutate(alice, path, {"body": "warm"}, "1")
    with house.deployment.world.table._client.metered() as meter:
        mutate(alice, path, {"body": "x"}, "2")
    assert (meter.requests.total(), meter.write_units) == (3, 2)
