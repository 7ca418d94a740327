"""Very many tokens that end at once, clocks that stood still, and ticks that die: every connection is ended."""

from __future__ import annotations

import base64
import itertools
import os
import random
import uuid
from collections import Counter
from typing import Any

import pytest

from local.template.template import Template
from parley.ids import user_sid
from parley.store import keys
from parley.stored import Connection
from tests.sockets.deployment import Deployment, House, Stream
from tests.sockets.dying import DyingClient
from tests.support.killing import Killed
from tests.support.lean import LeanClient
from tests.support.world import World

HOUR = 3600
# CI ends five times as many.
MANY = int(os.environ.get("PARLEY_EXPIRING", "2000"))


def open_many(house: House, count: int, ends_at: int) -> list[str]:
    """Connections of as many users that all end at one second, without shaking hands one by one."""
    deployment, run = house.deployment, uuid.uuid4().hex[:8]
    account = deployment.world.account_sid
    now = deployment.world.clock.now_ms() // 1000
    ids = [f"{run}-{number}=" for number in range(count)]
    records: dict[Any, Any] = {}
    for id_ in ids:
        connection: Connection = {
            "id": id_,
            "identity": id_,
            "service_sid": house.sid,
            "user_sid": user_sid(house.sid, id_),
            "key_sid": house.key[0],
            "token_expires_at": ends_at,
            "opened_at": now,
            "expires_at": now + 2 * HOUR,
        }
        records[keys.connection(id_)] = connection
        records[keys.due(account, "connection", ends_at // 60, id_)] = {"id": id_}
    deployment.world.table.put_many(records)
    deployment.gateway.open(*ids)
    return ids


def left(house: House, ids: list[str]) -> list[str]:
    """Those of the connections that are open or remembered."""
    found = house.deployment.world.table.fetch_many(map(keys.connection, ids))
    return [id_ for id_ in ids if id_ in house.deployment.gateway.received or keys.connection(id_) in found]


def listed(house: House, minute: int) -> list[str]:
    deployment = house.deployment
    places = keys.due_in(deployment.world.account_sid, "connection", minute)
    return [entry["id"] for place in places for entry in deployment.world.table.every(place)]


def now(house: House) -> int:
    return house.deployment.world.clock.now_ms() // 1000


def test_thousands_that_end_in_one_minute_are_all_ended_by_one_tick(house: House) -> None:
    # The first tick of all looks at each minute of the last hours.
    house.deployment.tick()
    end = now(house) + 60
    ids = open_many(house, MANY, end)
    house.deployment.world.clock.advance(61)
    with house.deployment.world.table._client.metered() as meter:
        house.deployment.tick()
    assert left(house, ids) == []
    assert listed(house, end // 60) == []
    told = house.deployment.gateway.closed
    assert all(b"tokenExpired" in told[id_][-1] for id_ in ids)
    # A request for each would make the tick longer than the function may run.
    assert meter.requests.total() < MANY / 5


@pytest.mark.parametrize("hours", [0.1, 3, 30])
def test_a_clock_that_stood_still_ends_what_it_missed(house: House, hours: float) -> None:
    house.deployment.tick()
    ends = [now(house) + offset for offset in (90, 600, HOUR)]
    ids = [id_ for end in ends for id_ in open_many(house, 3, end)]
    house.deployment.world.clock.advance(hours * HOUR)
    house.deployment.tick()
    over = sum(end <= now(house) for end in ends)
    assert left(house, ids) == ids[over * 3 :]


def test_a_new_deployment_ends_what_its_first_tick_missed(house: House) -> None:
    ids = open_many(house, 3, now(house) + 60)
    house.deployment.world.clock.advance(2 * HOUR)
    house.deployment.tick()
    assert left(house, ids) == []


def test_each_tick_goes_on_where_the_last_one_stopped(house: House) -> None:
    """A tick reads the minutes since the last one, not all that there have been."""
    house.deployment.tick()
    client = house.deployment.world.table._client
    costs = []
    for minutes in (1, 1, 5, 1):
        house.deployment.world.clock.advance(minutes * 60)
        with client.metered() as meter:
            house.deployment.tick()
        costs.append(meter.requests["Query"])
    assert costs[0] == costs[1] == costs[3]
    partitions = len(keys.due_in("", "connection", 0))
    assert costs[2] == costs[0] + partitions * 4


def test_connections_that_end_in_one_minute_are_spread_over_several_partitions(house: House) -> None:
    """A partition takes 1,000 writes a second, and after an outage more clients than that may come back."""
    chance = random.Random(1)
    # As API Gateway makes them.
    ids = [base64.b64encode(chance.randbytes(11)).decode() for _ in range(4_000)]
    listed = Counter(keys.due("AC", "connection", 1, id_).pk for id_ in ids)
    assert set(listed) == {place.pk for place in keys.due_in("AC", "connection", 1)}
    assert len(listed) == 4
    assert max(listed.values()) < 1.2 * len(ids) / len(listed)


def test_a_tick_stops_in_time_and_the_next_one_goes_on(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    end = now(house) + 60
    ids = open_many(house, 1000, end)
    clock, gateway = house.deployment.world.clock, house.deployment.gateway
    clock.advance(61)
    post, calls = gateway.post, itertools.count(1)

    def slowly(*arguments: Any, **named: Any) -> Any:
        next(calls)
        clock.advance(20)
        return post(*arguments, **named)

    monkeypatch.setattr(gateway, "post", slowly)
    for _ in range(10):
        before = now(house)
        house.deployment.tick()
        # It has 45 seconds, and what is begun is ended.
        assert now(house) - before <= 60 + 20
        if not left(house, ids):
            break
    assert left(house, ids) == []
    assert next(calls) > 3


def test_a_connection_that_is_written_late_is_ended_all_the_same(house: House) -> None:
    """A function may write its entry when the minute is over that it is listed under."""
    house.deployment.tick()
    clock = house.deployment.world.clock
    clock.advance(60 - now(house) % 60)
    house.deployment.tick()
    ids = open_many(house, 1, now(house) - 1)
    clock.advance(60)
    house.deployment.tick()
    assert left(house, ids) == []


@pytest.mark.parametrize("is_done", [False, True], ids=["before", "after"])
def test_a_tick_that_dies_is_finished_by_the_next(
    lean: LeanClient, template: Template, stream: Stream, is_done: bool
) -> None:
    """Killed at each of its requests, with somebody in the minute who was online and follows somebody."""
    dying = DyingClient(lean)
    (table,) = template.tables()
    house = House(Deployment(World(dying, table.name), stream, template))
    house.rest.post(house.path, ReachabilityEnabled="true")
    deaths = 0
    while True:
        house.deployment.tick()
        # The ticks take longer than a socket lives.
        bob = house.device("bob", valid_until=now(house) + HOUR)
        bob.done("followUsers", identities=["bob"])
        alice = house.device("alice", valid_until=now(house) + 90)
        alice.done("followUsers", identities=["bob"])
        ids = [*open_many(house, 3, now(house) + 90), alice.connection_id]
        house.deployment.world.clock.advance(91)
        dying.die_at(deaths, done=is_done)
        try:
            house.deployment.tick()
        except Killed:
            deaths += 1
        if not dying.live():
            break
        house.deployment.world.clock.advance(61)
        house.deployment.tick()
        assert left(house, ids) == [], deaths
        assert house.rest.get(f"{house.path}/Users/alice")["is_online"] is False, deaths
        followers = house.deployment.world.table.every(keys.followers(user_sid(house.sid, "bob")))
        assert [one["id"] for one in followers] == [bob.connection_id], deaths
        bob.close()
    assert deaths >= 8
