"""Tokens that run out: the warning some minutes before, the end after, and what a lost tick changes about it."""

from __future__ import annotations

import pytest

from parley.clock import iso_seconds
from tests.sockets.deployment import Deployment, Device, House

MINUTE = 60
LIFE = 600


def now(house: House) -> int:
    return house.deployment.world.clock.now_ms() // 1000


def told(device: Device) -> list[str]:
    """The events that this socket has heard about its token."""
    return [frame["event"] for frame in device.frames() if frame["event"].startswith("token")]


def pass_minutes(house: House, count: int, *, lost: bool = False) -> None:
    """Let time pass, with a tick after each minute unless they are lost."""
    for _ in range(count):
        house.deployment.world.clock.advance(MINUTE)
        if not lost:
            house.deployment.tick()


def to_phase(house: House, second: int) -> None:
    """Move to this second of a minute, in which the ticks come from now on."""
    house.deployment.world.clock.advance((second - now(house)) % MINUTE)


def short_lived(house: House, identity: str = "alice", life: int = LIFE) -> Device:
    return house.device(identity, valid_until=now(house) + life)


def first_seen(house: House, device: Device, event: str, within: int = 20) -> int:
    """When an event came, ticking minute by minute; the time is the tick's."""
    for _ in range(within):
        pass_minutes(house, 1)
        if event in told(device):
            return now(house)
    raise AssertionError(f"no {event} within {within} minutes")


@pytest.fixture
def alice(house: House) -> Device:
    to_phase(house, 0)
    return short_lived(house)


@pytest.mark.parametrize("rest", [0, 1, 30, 59])
@pytest.mark.parametrize("phase", [0, 30, 59])
def test_the_warning_comes_once_three_minutes_before_the_end_and_the_end_within_a_minute_after_it(
    house: House, phase: int, rest: int
) -> None:
    to_phase(house, phase)
    end = now(house) + LIFE + rest
    alice = short_lived(house, life=LIFE + rest)
    left = end - first_seen(house, alice, "tokenAboutToExpire")
    # Ticks come at any second of a minute, tokens end at any other: a minute's difference in all.
    assert 2 * MINUTE < left <= 4 * MINUTE
    pass_minutes(house, left // MINUTE - 1)
    assert told(alice) == ["tokenAboutToExpire"]
    assert alice.is_open
    assert 0 <= first_seen(house, alice, "tokenExpired") - end < MINUTE
    assert not alice.is_open


def test_ticks_at_the_full_minute_warn_three_to_four_minutes_before(house: House) -> None:
    to_phase(house, 0)
    ends = {name: now(house) + LIFE + rest for name, rest in (("alice", 0), ("bob", 30), ("carol", 59))}
    devices = [house.device(name, valid_until=end) for name, end in ends.items()]
    for _ in range(LIFE // MINUTE):
        before = [told(device) for device in devices]
        pass_minutes(house, 1)
        for device, heard in zip(devices, before, strict=True):
            left = ends[device.identity] - now(house)
            is_due = 3 * MINUTE <= left < 4 * MINUTE
            assert (told(device) != heard) == is_due or left <= 0, (device.identity, left)


@pytest.mark.converses("tokenAboutToExpire")
def test_the_warning_says_when_the_token_ends(house: House, alice: Device) -> None:
    end = now(house) + LIFE
    first_seen(house, alice, "tokenAboutToExpire")
    (frame,) = alice.frames()
    assert frame == {"event": "tokenAboutToExpire", "token_expires_at": iso_seconds(end * 1000)}


def test_every_connection_is_warned_about_its_own_token(house: House, alice: Device) -> None:
    other_device = short_lived(house, life=LIFE + 5 * MINUTE)
    bob = short_lived(house, "bob")
    first_seen(house, alice, "tokenAboutToExpire")
    assert (told(bob), told(other_device)) == (["tokenAboutToExpire"], [])
    pass_minutes(house, 5)
    assert told(other_device) == ["tokenAboutToExpire"]


def test_many_tokens_that_end_in_one_minute_are_all_warned_about(house: House) -> None:
    to_phase(house, 0)
    devices = [short_lived(house, f"user {number}", LIFE + number % MINUTE) for number in range(130)]
    pass_minutes(house, LIFE // MINUTE - 3)
    assert [told(device) for device in devices] == [["tokenAboutToExpire"]] * len(devices)


def test_a_lost_tick_delays_the_warning_by_a_minute_and_does_not_repeat_it(house: House, alice: Device) -> None:
    pass_minutes(house, 6)
    assert told(alice) == []
    pass_minutes(house, 1, lost=True)
    pass_minutes(house, 1)
    assert told(alice) == ["tokenAboutToExpire"]
    pass_minutes(house, 1)
    assert told(alice) == ["tokenAboutToExpire"]


def test_two_ticks_in_one_minute_warn_once(house: House, alice: Device) -> None:
    pass_minutes(house, 7)
    house.deployment.tick()
    house.deployment.world.clock.advance(1)
    house.deployment.tick()
    assert told(alice) == ["tokenAboutToExpire"]


def test_a_new_token_in_time_ends_the_matter_for_the_old_one(house: House, alice: Device) -> None:
    pass_minutes(house, 2)
    renewed = now(house) + LIFE
    token = house.deployment.token(house.key, house.sid, "alice", valid_until=renewed)
    assert alice.done("refreshToken", token=token) == {"token_expires_at": iso_seconds(renewed * 1000)}
    pass_minutes(house, 6)
    assert told(alice) == []
    assert renewed - first_seen(house, alice, "tokenAboutToExpire") == 3 * MINUTE


def test_a_new_token_after_the_warning_keeps_the_connection(house: House, alice: Device) -> None:
    first_seen(house, alice, "tokenAboutToExpire")
    renewed = now(house) + LIFE
    alice.done("refreshToken", token=house.deployment.token(house.key, house.sid, "alice", valid_until=renewed))
    pass_minutes(house, 6)
    assert alice.is_open
    assert told(alice) == ["tokenAboutToExpire"]
    assert alice.done("fetchSession")["token_expires_at"] == iso_seconds(renewed * 1000)
    # The new one is warned about in its turn, and ends.
    pass_minutes(house, 1)
    assert told(alice) == ["tokenAboutToExpire"] * 2
    pass_minutes(house, 3)
    assert told(alice)[2:] == ["tokenExpired"]
    assert not alice.is_open


def test_a_shorter_token_ends_the_connection_sooner(house: House) -> None:
    to_phase(house, 0)
    alice = short_lived(house, life=3600)
    renewed = now(house) + 5 * MINUTE
    alice.done("refreshToken", token=house.deployment.token(house.key, house.sid, "alice", valid_until=renewed))
    pass_minutes(house, 2)
    assert told(alice) == ["tokenAboutToExpire"]
    pass_minutes(house, 3)
    assert told(alice) == ["tokenAboutToExpire", "tokenExpired"]
    assert not alice.is_open


@pytest.mark.converses("tokenExpired")
def test_a_connection_whose_token_has_expired_is_told_so_and_closed(house: House, alice: Device) -> None:
    end = now(house) + LIFE
    pass_minutes(house, 9)
    assert alice.is_open
    pass_minutes(house, 1)
    assert not alice.is_open
    expired = {"event": "tokenExpired", "token_expires_at": iso_seconds(end * 1000)}
    assert alice.frames()[-1] == expired
    pass_minutes(house, 3)
    assert told(alice) == ["tokenAboutToExpire", "tokenExpired"]


@pytest.mark.parametrize("missing", [1, 2, 3])
def test_lost_ticks_are_made_up_for_at_the_end(house: House, alice: Device, missing: int) -> None:
    pass_minutes(house, 9)
    pass_minutes(house, missing, lost=True)
    assert alice.is_open
    pass_minutes(house, 1)
    assert told(alice)[-1] == "tokenExpired"
    assert not alice.is_open


def test_other_connections_are_left_alone(house: House, alice: Device) -> None:
    phone, bob = short_lived(house, life=3600), short_lived(house, "bob", life=3600)
    pass_minutes(house, 11)
    assert not alice.is_open
    assert (told(phone), told(bob)) == ([], [])
    assert phone.done("fetchSession")["identity"] == "alice"
    assert bob.is_open


def attempts(deployment: Deployment, device: Device) -> int:
    return deployment.gateway.attempts.count(device.connection_id)


def test_an_expired_connection_is_forgotten(house: House, alice: Device) -> None:
    """It is no more pushed to, as a member or a follower, and its user is offline."""
    house.rest.post(house.path, ReachabilityEnabled="true")
    # The service's configuration is remembered for some seconds.
    house.deployment.world.clock.advance(MINUTE)
    room = house.channel("dave")
    dave, bob = short_lived(house, "dave"), short_lived(house, "bob", life=3600)
    bob.done("followUsers", identities=["dave"])
    dave.done("followUsers", identities=["bob"])
    assert house.rest.get(f"{house.path}/Users/dave")["is_online"] is True
    bob.heard()
    pass_minutes(house, 10)
    assert not dave.is_open
    assert house.rest.get(f"{house.path}/Users/dave")["is_online"] is False
    (offline,) = [frame for frame in bob.heard() if frame["event"] == "userUpdated"]
    assert (offline["user"]["identity"], offline["user"]["is_online"]) == ("dave", False)
    assert offline["updateReasons"] == ["online"]
    before = attempts(house.deployment, dave)
    room.post("hello")
    house.rest.post(f"{house.path}/Users/bob", FriendlyName="Bob")
    assert bob.events() == ["userUpdated"]
    assert attempts(house.deployment, dave) == before
    # Nor does a new connection of the same user inherit whom it followed.
    again = short_lived(house, "dave")
    again.heard()
    house.rest.post(f"{house.path}/Users/bob", FriendlyName="Robert")
    assert again.events() == []


def test_an_expired_connection_that_is_gone_already_stops_nothing(house: House, alice: Device) -> None:
    bob = short_lived(house, "bob")
    house.deployment.gateway.close(alice.connection_id)
    pass_minutes(house, 10)
    assert told(bob) == ["tokenAboutToExpire", "tokenExpired"]
    assert not bob.is_open
    pass_minutes(house, 1)


def test_a_connection_that_is_gone_costs_one_failed_warning_and_is_forgotten(house: House, alice: Device) -> None:
    room = house.channel("alice")
    house.deployment.gateway.close(alice.connection_id)
    pass_minutes(house, 7)
    assert attempts(house.deployment, alice) == 1
    room.post("hello")
    house.deployment.announce()
    pass_minutes(house, 4)
    assert attempts(house.deployment, alice) == 1


def test_a_connection_that_was_closed_is_not_warned(house: House, alice: Device) -> None:
    alice.close()
    house.deployment.gateway.attempts.clear()
    pass_minutes(house, 11)
    assert attempts(house.deployment, alice) == 0
