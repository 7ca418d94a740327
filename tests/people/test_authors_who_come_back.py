"""Whose a message is when its author's user was deleted and there is a new user with the same identity."""

from __future__ import annotations

from typing import Any

import pytest

from parley.store import keys
from tests.sockets.deployment import Device, House, Room

FORBIDDEN = (403, 50107)
OWN_RIGHTS = [
    ("updateMessage", {"body": "mine now"}),
    ("updateMessage", {"attributes": {"mine": True}}),
    ("deleteMessage", {}),
]


@pytest.fixture
def room(house: House) -> Room:
    return house.channel("alice", "bob")


def come_back(room: Room) -> Device:
    """Bob's new user, a member again, a moment after the former one was deleted."""
    house = room.house
    assert house.rest("DELETE", f"{house.path}/Users/bob").status == 204
    house.deployment.world.clock.advance(0.001)
    device = house.device("bob")
    room.add("bob")
    return device


def send(device: Device, room: Room) -> str:
    """The SID of a message that a client sends."""
    return str(device.done("sendMessage", channel=room.sid, body="mine")["sid"])


def post(room: Room, **fields: str) -> str:
    """The SID of a message that a back end sends in bob's name."""
    return str(room.post("mine", From="bob", **fields)["sid"])


@pytest.mark.parametrize(("action", "given"), OWN_RIGHTS)
@pytest.mark.parametrize("sent_by", ["client", "back end"])
def test_a_message_of_the_former_user_is_not_the_new_ones(
    room: Room, sent_by: str, action: str, given: dict[str, Any]
) -> None:
    former = room.house.device("bob")
    sid = send(former, room) if sent_by == "client" else post(room)
    assert come_back(room).refusal(action, channel=room.sid, message=sid, **given) == FORBIDDEN
    assert room.house.rest.get(f"{room.path}/Messages/{sid}")["from"] == "bob"


@pytest.mark.parametrize(("action", "given"), OWN_RIGHTS)
@pytest.mark.parametrize("sent_by", ["client", "back end"])
def test_a_message_of_the_new_user_is_its_own(room: Room, sent_by: str, action: str, given: dict[str, Any]) -> None:
    again = come_back(room)
    sid = send(again, room) if sent_by == "client" else post(room)
    again.done(action, channel=room.sid, message=sid, **given)


def test_imported_history_belongs_to_the_user_who_was_there_when_it_was_imported(room: Room) -> None:
    # Its messages bear dates that are older than any user here.
    sid = post(room, DateCreated="2019-05-01T10:00:00Z")
    room.house.device("bob").done("updateMessage", channel=room.sid, message=sid, body="long ago")
    assert come_back(room).refusal("deleteMessage", channel=room.sid, message=sid) == FORBIDDEN


def test_a_message_is_the_new_users_once_a_back_end_names_it_as_the_author(room: Room) -> None:
    sid = send(room.house.device("bob"), room)
    again = come_back(room)
    room.update(f"/Messages/{sid}", From="bob")
    again.done("updateMessage", channel=room.sid, message=sid, body="mine now")


def test_a_message_is_its_senders_no_more_once_a_back_end_names_another_author(room: Room) -> None:
    bob, alice = room.house.device("bob"), room.house.device("alice")
    sid = send(bob, room)
    room.update(f"/Messages/{sid}", From="alice")
    assert bob.refusal("deleteMessage", channel=room.sid, message=sid) == FORBIDDEN
    alice.done("updateMessage", channel=room.sid, message=sid, body="hers now")


def test_a_message_from_before_births_belongs_to_a_user_who_is_older_than_it(room: Room) -> None:
    bob = room.house.device("bob")
    sid = send(bob, room)
    room.house.deployment.world.table.detach(keys.message(room.sid, 0), ["author_birth"])
    bob.done("updateMessage", channel=room.sid, message=sid, body="still his")
    assert come_back(room).refusal("updateMessage", channel=room.sid, message=sid, body="no") == FORBIDDEN


def test_the_birth_of_an_author_is_shown_nowhere(room: Room) -> None:
    alice, bob = room.house.device("alice"), room.house.device("bob")
    alice.heard()
    made = [bob.done("sendMessage", channel=room.sid, body="one"), room.post("two", From="bob")]
    pushed = [frame["message"] for frame in alice.heard()]
    listed = room.house.rest.get(f"{room.path}/Messages")["messages"]
    shown = {name for message in [*made, *pushed, *listed] for name in message}
    assert shown and not {"author_birth", "author_at"} & shown
