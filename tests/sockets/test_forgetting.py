"""Connections that end: what is left of them if the function dies half-way, and what forgetting them costs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from local.template.template import Template
from parley.domain.presence import live_connections
from parley.store import keys
from tests.sockets.deployment import Deployment, Device, House, Stream
from tests.sockets.dying import DyingClient
from tests.support.killing import Killed
from tests.support.lean import LeanClient
from tests.support.world import World


@pytest.fixture
def dying(lean: LeanClient) -> DyingClient:
    return DyingClient(lean)


@pytest.fixture
def mortal(dying: DyingClient, template: Template, stream: Stream) -> House:
    """A house whose functions can be killed, in which it is known who is online."""
    (table,) = template.tables()
    house = House(Deployment(World(dying, table.name), stream, template))
    house.rest.post(house.path, ReachabilityEnabled="true")
    house.rest.post(f"{house.path}/Users", Identity="bob")
    return house


def is_online(house: House, identity: str) -> bool:
    """What the note on the user says, without a look at the presence, as followers and the owner know it."""
    deployment = house.deployment
    sid = house.rest.get(f"{house.path}/Users/{identity}")["sid"]
    return bool((deployment.world.table.fetch(keys.user(sid)) or {}).get("is_online"))


def disconnect_again(house: House, alice: Device) -> None:
    house.deployment.forget(alice.connection_id)


def tick_at_the_end(house: House, alice: Device) -> None:
    house.deployment.world.clock.advance(3601)
    house.deployment.tick()


REPEATS = {"another $disconnect": disconnect_again, "the tick at the token's end": tick_at_the_end}


def leftovers(house: House, alice: Device, user_sid: str, followed: str) -> list[Any]:
    table = house.deployment.world.table
    found = table.fetch_many([keys.connection(alice.connection_id), keys.follower(followed, alice.connection_id)])
    presence = table.fetch(keys.presence(user_sid)) or {}
    now = house.deployment.world.clock.now_ms() // 1000
    return [*found, *(one for one in live_connections(presence, now) if one == alice.connection_id)]


@pytest.mark.parametrize("is_done", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("repeat", REPEATS.values(), ids=REPEATS)
def test_a_disconnect_that_dies_is_finished_by_a_repeat(
    mortal: House, dying: DyingClient, repeat: Callable[[House, Device], None], is_done: bool
) -> None:
    """It used to delete the connection first, so that nothing was left by which its user would have gone offline."""
    followed = mortal.rest.get(f"{mortal.path}/Users/bob")["sid"]
    deaths = 0
    while True:
        alice = mortal.device("alice")
        alice.done("followUsers", identities=["bob"])
        user_sid = mortal.rest.get(f"{mortal.path}/Users/alice")["sid"]
        assert is_online(mortal, "alice")
        mortal.deployment.gateway.close(alice.connection_id)
        dying.die_at(deaths, done=is_done)
        try:
            mortal.deployment.forget(alice.connection_id)
        except Killed:
            deaths += 1
        if not dying.live():
            break
        repeat(mortal, alice)
        assert not is_online(mortal, "alice"), deaths
        assert leftovers(mortal, alice, user_sid, followed) == [], deaths
    assert deaths >= 5
    assert not is_online(mortal, "alice")


def test_a_connection_from_before_reachability_was_switched_on_leaves_no_user_online(house: House) -> None:
    alice = house.device("alice")
    house.rest.post(house.path, ReachabilityEnabled="true")
    house.deployment.world.clock.advance(11)
    laptop = house.device("alice")
    laptop.close()
    assert is_online(house, "alice")
    alice.close()
    assert not is_online(house, "alice")


def test_revoked_keys_cost_one_read_for_all_and_none_for_some_seconds(house: House) -> None:
    room = house.channel("alice")
    for _ in range(3):
        key, house.key = house.key, house.deployment.api_key()
        for _ in range(3):
            house.device("alice")
        house.deployment.revoke(house.key)
        house.key = key
    alice = house.device("alice")
    alice.heard()
    house.deployment.world.clock.advance(11)
    client = house.deployment.world.table._client
    costs = []
    for _ in range(2):
        room.post("hello")
        house.deployment.read_stream()
        with client.metered() as meter:
            assert alice.events() == ["messageAdded"]
        costs.append(meter.requests.total())
    # Members, presence, and once the keys.
    assert costs == [3, 2]
