"""Who hears of a message on the fast path: whoever is in the room at its index, and nobody else."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from parley.domain.presence import PREFIX
from parley.ids import user_sid
from parley.sockets import fast_push
from parley.sockets.presence import listeners
from parley.store import keys
from tests.sockets.deployment import AtOnce, Device, House, Room, hush
from tests.sockets.fast_push.heard import got, later


@contextmanager
def as_by_the_release_before(fast: House, room: Room) -> Iterator[None]:
    """Who joins or leaves meanwhile is not counted as a change: the release before counted members alone."""
    tail, table = keys.tail(room.sid), fast.deployment.world.table
    before = table.fetch(tail)
    assert before is not None
    yield
    table.annotate(tail, {"memberships_changed": before["memberships_changed"]})


def test_a_client_that_connects_after_the_push_hears_of_the_message_from_fan_out(
    alice: Device, bob: Device, room: Room, fast: House
) -> None:
    alice.done("sendMessage", channel=room.sid, body="hello")
    phone = fast.device("bob")
    assert (later(bob), got(phone)) == ([], ["hello"])


def test_a_member_who_was_removed_a_moment_ago_hears_nothing(alice: Device, bob: Device, room: Room) -> None:
    alice.done("sendMessage", channel=room.sid, body="for both")
    room.delete("/Members/bob")
    alice.done("sendMessage", channel=room.sid, body="for alice")
    bob.heard()
    assert (got(alice), got(bob)) == (["for both", "for alice"], ["for both"])


def test_a_member_who_joined_a_moment_ago_hears_of_the_next_message(
    alice: Device, bob: Device, room: Room, fast: House
) -> None:
    alice.done("sendMessage", channel=room.sid, body="for both")
    carol = fast.device("carol")
    carol.heard()
    room.add("carol")
    alice.done("sendMessage", channel=room.sid, body="for all")
    bob.heard()
    assert (got(bob), got(carol)) == (["for both", "for all"], ["for all"])


def test_fan_out_serves_those_whom_the_writer_does_not_reach(
    alice: Device, bob: Device, room: Room, fast: House
) -> None:
    gateway = fast.deployment.gateway
    gateway.throttle(bob.connection_id)
    alice.done("sendMessage", channel=room.sid, body="hello")
    gateway.relieve(bob.connection_id)
    assert (later(alice), later(bob), got(bob)) == ([], [], ["hello"])


def test_a_member_who_left_a_moment_ago_hears_nothing(alice: Device, bob: Device, room: Room) -> None:
    alice.done("sendMessage", channel=room.sid, body="for both")
    bob.done("leaveChannel", channel=room.sid)
    alice.done("sendMessage", channel=room.sid, body="for alice")
    bob.heard()
    assert (got(alice), got(bob)) == (["for both", "for alice"], ["for both"])


def test_a_member_whom_the_release_before_has_removed_hears_nothing(
    alice: Device, bob: Device, room: Room, fast: House
) -> None:
    """Until all functions run the new release, some of them count members and not how often they changed."""
    room.post("for both")
    with as_by_the_release_before(fast, room):
        room.delete("/Members/bob")
    room.post("for alice")
    bob.heard()
    assert (got(alice), got(bob)) == (["for both", "for alice"], ["for both"])


def test_a_member_whose_place_the_release_before_has_given_to_another_soon_hears_nothing(
    alice: Device, bob: Device, room: Room, fast: House
) -> None:
    """If it removes somebody and adds somebody, no number of this release tells that."""
    room.post("for both")
    with as_by_the_release_before(fast, room):
        room.delete("/Members/bob")
        room.add("carol")
    fast.deployment.world.clock.advance(600)
    room.post("for alice and carol")
    bob.heard()
    assert (got(alice), got(bob)) == (["for both", "for alice and carol"], ["for both"])


def test_a_connection_that_is_gone_is_forgotten_by_fan_out(alice: Device, bob: Device, room: Room, fast: House) -> None:
    fast.deployment.world.clock.advance(60)
    fast.deployment.gateway.close(bob.connection_id)
    alice.done("sendMessage", channel=room.sid, body="hello")
    fast.deployment.announce()
    assert got(alice) == ["hello"]
    presence = fast.deployment.world.table.fetch(keys.presence(user_sid(fast.sid, "bob"))) or {}
    assert f"connection:{bob.connection_id}" not in presence


def test_a_client_whose_token_ends_while_the_room_is_remembered_hears_nothing(
    alice: Device, room: Room, fast: House
) -> None:
    now = fast.deployment.world.clock.now_ms() // 1000
    bob = fast.device("bob", valid_until=now + 61)
    hush(alice, bob)
    fast.deployment.world.clock.advance(60)
    room.post("before")
    fast.deployment.world.clock.advance(1.5)
    room.post("after")
    assert (got(alice), got(bob)) == (["before", "after"], ["before"])


def test_a_client_whose_token_ended_while_a_webhook_was_asked_hears_nothing(
    alice: Device, room: Room, fast: House
) -> None:
    """An owner may take five seconds for the answer to a pre-event, and the room was read before."""

    class Asking(AtOnce):
        def result(self, seconds: float) -> Any:
            fast.deployment.world.clock.advance(5)
            return super().result(seconds)

    bob = fast.device("bob", valid_until=fast.deployment.world.clock.now_ms() // 1000 + 61)
    hush(alice, bob)
    fast.deployment.world.clock.advance(58)
    fast.deployment.runtime.fast_push.beside = fast.deployment.world.runtime.fast_push.beside = Asking
    room.post("hello")
    assert (later(alice), got(alice), got(bob)) == (["messageAdded"], ["hello"], [])


def test_a_room_that_a_frozen_container_reads_is_as_old_as_the_first_request_of_the_read(
    alice: Device, room: Room, fast: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Lambda freezes the thread that reads a room if the message is refused before it is done."""
    bob = fast.device("bob", valid_until=fast.deployment.world.clock.now_ms() // 1000 + 3600)
    hush(alice, bob)
    world, frozen = fast.deployment.world, listeners

    def freeze(*given: Any) -> Any:
        found = frozen(*given)
        world.clock.advance(600)
        return found

    push = world.runtime.fast_push
    with monkeypatch.context() as patch:
        patch.setattr(fast_push, "listeners", freeze)
        push.begin(world.context(), room.sid)
    assert world.clock.now_ms() >= push._rooms[room.sid].until_ms


def test_a_connection_of_a_later_release_fails_no_message(alice: Device, bob: Device, room: Room, fast: House) -> None:
    table, key = fast.deployment.world.table, keys.presence(user_sid(fast.sid, "bob"))
    name = PREFIX + bob.connection_id
    presence: Any = table.fetch(key)
    table.touch(key, {name: {**presence[name], "codec": "of tomorrow"}})
    room.post("hello")
    assert got(alice) == []


def test_a_client_whose_key_was_deleted_hears_nothing(alice: Device, room: Room, fast: House) -> None:
    key = fast.deployment.api_key()
    bob = Device(fast.deployment, key, fast.sid, "bob")
    hush(alice, bob)
    fast.deployment.revoke(key)
    fast.deployment.world.clock.advance(11)
    room.post("hello")
    assert (got(alice), got(bob)) == (["hello"], [])


def test_an_earlier_user_of_the_same_identity_hears_nothing(alice: Device, bob: Device, room: Room) -> None:
    assert room.house.rest("DELETE", f"{room.house.path}/Users/bob").status == 204
    room.house.rest.post(f"{room.house.path}/Users", Identity="bob")
    room.add("bob")
    room.post("for the new one")
    assert (got(alice), got(bob)) == (["for the new one"], [])
