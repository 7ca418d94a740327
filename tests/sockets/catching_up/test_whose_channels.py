"""Whom catching up tells about which channels, and what it refuses."""

from __future__ import annotations

from typing import Any

from local.template.template import Template
from tests.sockets.deployment import Deployment, Device, House, Room, Stream
from tests.sockets.histories import caught_up, seq_of
from tests.sockets.missing import (
    told,
)
from tests.support.lean import LeanClient
from tests.support.world import World


def status(device: Device, *rooms: Room) -> list[dict[str, Any]]:
    channels = device.done("catchUp", channels={room.sid: 0 for room in rooms})["channels"]
    return [channels[room.sid] for room in rooms]


def test_a_stranger_is_told_to_fetch_a_visible_channel_anew_and_that_a_hidden_one_is_gone(house: House) -> None:
    public, private = house.channel("alice"), house.channel("alice", Type="private")
    house.rest.post(f"{house.path}/Users", Identity="dave")
    made, invited = house.channel(Type="private", CreatedBy="dave"), house.channel("alice", Type="private")
    house.rest.post(f"{invited.path}/Invites", Identity="dave")
    for room in (public, private, made, invited):
        room.post("a secret")
    answers = status(house.device("dave"), public, private, made, invited)
    refetch = {"status": "refetch", "seq": 2}
    assert answers == [refetch, {"status": "gone"}, {"status": "refetch", "seq": 1}, {"status": "refetch", "seq": 3}]


def test_a_removed_member_is_told_nothing_that_happened_before_or_after(house: House) -> None:
    public, private = house.channel("alice", "bob"), house.channel("alice", "bob", Type="private")
    alice = house.device("alice")
    marks = {room.sid: seq_of(alice, room) for room in (public, private)}
    for room in (public, private):
        room.post("before")
        room.delete("/Members/alice")
        room.post("after")
    channels = alice.done("catchUp", channels=marks)["channels"]
    assert channels[public.sid] == {"status": "refetch", "seq": marks[public.sid] + 3}
    assert channels[private.sid] == {"status": "gone"}


def test_a_member_who_came_back_catches_up_from_the_old_mark(
    house: House, alice: Device, room: Room, mark: int
) -> None:
    room.delete("/Members/alice")
    room.post("while away")
    room.add("alice")
    assert told(caught_up(alice, room, mark)) == [("messageAdded", 2), ("memberJoined", "alice")]


def test_channels_that_do_not_exist_are_gone(house: House, deployment: Deployment, alice: Device, room: Room) -> None:
    deleted = house.channel("alice")
    deleted.delete()
    elsewhere = House(deployment).channel("alice")
    never = "CH" + "0" * 32
    sids = [deleted.sid, elsewhere.sid, never, room.sid.upper().replace("CH", "CH", 1)]
    channels = alice.done("catchUp", channels=dict.fromkeys(sids, 0))["channels"]
    assert [channels[sid] for sid in sids[:3]] == [{"status": "gone"}] * 3


def test_channels_of_another_account_are_gone(
    alice: Device, lean: LeanClient, template: Template, stream: Stream
) -> None:
    (table,) = template.tables()
    theirs = House(Deployment(World(lean, table.name), stream, template)).channel("alice")
    theirs.post("theirs")
    assert status(alice, theirs) == [{"status": "gone"}]


def test_the_answer_about_one_channel_does_not_depend_on_the_others(
    house: House, alice: Device, room: Room, mark: int
) -> None:
    room.post("x")
    marks = {room.sid: mark} | {f"CH{number:032x}": number for number in range(99)}
    channels = alice.done("catchUp", channels=marks)["channels"]
    assert told(channels[room.sid]["events"]) == [("messageAdded", 2)]
    assert [channels[sid] for sid in marks if sid != room.sid] == [{"status": "gone"}] * 99


NEVER = "CH" + "0" * 32


BAD_CHANNELS: list[Any] = [
    None,
    {},
    [],
    "",
    NEVER,
    7,
    True,
    [NEVER],
    [[NEVER, 1]],
    {f"CH{number:032x}": 0 for number in range(101)},
    {"general": 1},
    {"": 1},
    {"CH" + "0" * 31: 1},
    {"CH" + "g" * 32: 1},
    {"IM" + "0" * 32: 1},
    {NEVER + " ": 1},
    {"ch" + "0" * 32: 1},
    {NEVER: -1},
    {NEVER: True},
    {NEVER: None},
    {NEVER: "1"},
    {NEVER: 1.0},
    {NEVER: 1.5},
    {NEVER: [1]},
    {NEVER: {"seq": 1}},
    {NEVER: 10**12},
    {NEVER: 10**30},
    {NEVER: 10**400},
]


def test_bad_input_is_refused(alice: Device) -> None:
    for channels in BAD_CHANNELS:
        assert alice.refusal("catchUp", channels=channels) == (400, 20001), channels
    assert alice.refusal("catchUp") == (400, 20001)
    assert alice.done("catchUp", channels={NEVER: 0})["channels"] == {NEVER: {"status": "gone"}}
