"""Two acts on one connection at once: whichever act comes in between, the records agree in the end.

Each act is interrupted before each of its requests to the table by another act, which runs in another container.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import pytest

from local.template.template import Template
from parley.domain.presence import PREFIX, ends, live_connections
from parley.store import keys
from tests.faults.injector import Injector
from tests.sockets.deployment import Deployment, Device, House, Stream, load_function, sample
from tests.support.lean import LeanClient
from tests.support.world import World

# Short, for a tick looks at each minute that is over.
TOKEN_SECONDS = 120


@pytest.fixture
def injector(lean: LeanClient, template: Template) -> Injector:
    (table,) = template.tables()
    return Injector(lean, table.name)


@pytest.fixture(params=["true", "false"], ids=["reachability", "no reachability"])
def interrupted(request: pytest.FixtureRequest, injector: Injector, stream: Stream, template: Template) -> House:
    """A house whose acts can be interrupted, with a user `star` in it."""
    house = house_behind(injector, stream, template, reachability=request.param)
    # The first tick of all looks at each minute of the last hours.
    house.deployment.tick()
    return house


def house_behind(injector: Injector, stream: Stream, template: Template, reachability: str = "true") -> House:
    (table,) = template.tables()
    house = House(Deployment(World(injector, table.name), stream, template))
    house.rest.post(house.path, ReachabilityEnabled=reachability)
    house.rest.post(f"{house.path}/Users", Identity="star")
    return house


class Opening(NamedTuple):
    """A device whose socket is not open yet."""

    identity: str
    connection_id: str
    is_open: bool = False


class Container:
    """A container that handles what concerns one device's connection; it knows nothing from before."""

    def __init__(self, house: House, device: Device | Opening):
        self._house, self._device = house, device
        self._runtime = house.deployment.new_runtime(house.deployment.world.another_container())

    def connect(self, token: str) -> None:
        event = sample("ws_connect")
        event["requestContext"] |= {"connectionId": self._device.connection_id}
        event["queryStringParameters"] = {"token": token}
        assert load_function("ws_connect", self._runtime)(event)["statusCode"] in (200, 401, 403, 404)

    def refresh(self, seconds: int = TOKEN_SECONDS + 300) -> None:
        deployment = self._house.deployment
        until = deployment.world.clock.now_ms() // 1000 + seconds
        token = deployment.token(self._house.key, self._house.sid, self._device.identity, valid_until=until)
        self._send(action="refreshToken", token=token)

    def refresh_for_longer(self) -> None:
        self.refresh(TOKEN_SECONDS + 600)

    def refresh_by_a_slow_clock(self) -> None:
        """A container whose clock is behind takes the connection's token for a valid one."""
        self._house.deployment.world.clock.advance(-10)
        self.refresh()
        self._house.deployment.world.clock.advance(10)

    def follow(self) -> None:
        self._send(action="followUsers", identities=["star", self._device.identity])

    def unfollow(self) -> None:
        self._send(action="unfollowUsers", identities=["star"])

    def disconnect(self) -> None:
        deployment = self._house.deployment
        if self._device.is_open:
            deployment.gateway.close(self._device.connection_id)
        self._call("ws_disconnect")

    def end(self) -> None:
        """The tick after the token's end."""
        self._house.deployment.world.clock.advance(TOKEN_SECONDS + 1)
        assert load_function("fan_out", self._runtime)(sample("fan_out_minute")) == {}

    def _send(self, **frame: Any) -> None:
        self._call("ws_message", body=json.dumps({"id": "1", **frame}))

    def _call(self, function: str, **members: Any) -> None:
        event = {**sample(function), **members}
        event["requestContext"] |= {"connectionId": self._device.connection_id}
        assert load_function(function, self._runtime)(event)["statusCode"] == 200


Act = Callable[[Container], None]
ACTS = (Container.refresh, Container.follow, Container.unfollow, Container.disconnect)
PAIRS: list[tuple[Act, Act]] = [
    *((act, other) for act in ACTS for other in ACTS),
    *((act, Container.end) for act in ACTS),
    (Container.refresh, Container.refresh_for_longer),
    (Container.refresh_for_longer, Container.refresh),
    (Container.end, Container.refresh_by_a_slow_clock),
    (Container.end, Container.disconnect),
]


def beside(act: Callable[[], None]) -> None:
    """Do something as another process would, and wait for it."""
    with ThreadPoolExecutor(1, initializer=lambda: asyncio.set_event_loop(asyncio.new_event_loop())) as process:
        process.submit(act).result()


def stored(house: House, device: Device) -> tuple[dict[str, Any], dict[str, Any]]:
    """What is stored of a connection, and what must be, as its record says."""
    table = house.deployment.world.table
    users = {name: house.rest.get(f"{house.path}/Users/{name}")["sid"] for name in ("star", device.identity)}
    own = users[device.identity]
    record = table.fetch(keys.connection(device.connection_id))
    followers = {sid: table.fetch(keys.follower(sid, device.connection_id)) for sid in users.values()}
    entry = (table.fetch(keys.presence(own)) or {}).get(PREFIX + device.connection_id)
    is_noted = (table.fetch(keys.user(own)) or {}).get("is_online") or False
    found = {
        "entry": entry and entry["until"],
        "followed": {sid: item["until"] for sid, item in followers.items() if item},
        "online": is_noted,
    }
    is_watched = bool(house.rest.get(house.path)["reachability_enabled"])
    due = {
        "entry": record and ends(record),
        "followed": {sid: ends(record) for sid in record.get("follows") or []} if record else {},
        "online": is_watched and record is not None,
    }
    if record is None and found["entry"] and found["entry"] <= house.deployment.world.clock.now_ms() // 1000:
        # An entry whose time is over counts for nothing.
        found["entry"] = None
    return found, due


@pytest.mark.parametrize(("act", "other"), PAIRS, ids=lambda act: act.__name__)
def test_the_records_of_a_connection_agree_whatever_comes_in_between(
    interrupted: House, injector: Injector, act: Act, other: Act
) -> None:
    at = 0
    while True:
        at += 1
        ends_at = interrupted.deployment.world.clock.now_ms() // 1000 + TOKEN_SECONDS
        device = interrupted.device(f"user {at}", valid_until=ends_at)
        if act is not Container.follow:
            device.done("followUsers", identities=["star"])
        interrupted.deployment.world.clock.advance(1)
        here, there = Container(interrupted, device), Container(interrupted, device)
        injector.interrupt(lambda there=there: beside(lambda: other(there)), at)  # type: ignore[misc]
        act(here)
        was_interrupted = injector.has_struck
        injector.disarm()
        found, due = stored(interrupted, device)
        assert found == due, at
        if not was_interrupted:
            break
    assert at > 3


@pytest.mark.parametrize("other", ["$disconnect", "deletion of the user"])
def test_nobody_stays_online_whose_socket_or_user_goes_while_it_opens(
    injector: Injector, stream: Stream, template: Template, other: str
) -> None:
    house = house_behind(injector, stream, template)
    table, clock = house.deployment.world.table, house.deployment.world.clock
    at, was_interrupted = 0, True
    while was_interrupted:
        at += 1
        identity, connection_id = f"user {at}", f"opening {at}="
        sid = house.rest.post(f"{house.path}/Users", Identity=identity)["sid"]
        token = house.deployment.token(house.key, house.sid, identity)
        here = Container(house, Opening(identity, connection_id))
        there = Container(house, Opening(identity, connection_id))
        acts = {"$disconnect": there.disconnect, "deletion of the user": lambda sid=sid: delete_user(house, sid)}
        injector.interrupt(lambda act=acts[other]: beside(act), at)  # type: ignore[misc]
        here.connect(token)
        was_interrupted = injector.has_struck
        injector.disarm()
        record, user = table.fetch(keys.connection(connection_id)), table.fetch(keys.user(sid))
        live = live_connections(table.fetch(keys.presence(sid)), clock.now_ms() // 1000)
        is_open = record is not None
        assert live == [connection_id] * is_open, at
        assert user is None or bool(user.get("is_online")) == is_open, at
    assert at > 4


def delete_user(house: House, sid: str) -> None:
    assert house.rest("DELETE", f"{house.path}/Users/{sid}").status in (204, 404)


def test_a_socket_that_opens_and_closes_while_the_last_one_closes_leaves_the_user_offline(
    injector: Injector, stream: Stream, template: Template
) -> None:
    house = house_behind(injector, stream, template)
    phone = house.device("alice")
    laptops: list[Device] = []

    def open_laptop() -> None:
        beside(lambda: laptops.append(house.device("alice")))
        # The note's own request goes out now; the next one reads the presence, and the one after it writes again.
        injector.interrupt(lambda: beside(laptops[0].close), 2)

    note_offline = next(at for at in range(1, 10) if _writes_note(injector, at, house))
    injector.interrupt(open_laptop, note_offline)
    phone.close()
    injector.disarm()
    assert len(laptops) == 1 and not laptops[0].is_open
    assert stored(house, phone)[0]["online"] is False


def _writes_note(injector: Injector, at: int, house: House) -> bool:
    """Whether the request of a `$disconnect` with this number is the one that notes that the user is offline."""
    device = house.device("probe")
    seen: list[bool] = []
    injector.interrupt(lambda: seen.append(_is_noted(house)), at)
    device.close()
    injector.disarm()
    before = bool(seen and seen[0])
    device = house.device("probe")
    injector.interrupt(lambda: seen.append(_is_noted(house)), at + 1)
    device.close()
    injector.disarm()
    return before and len(seen) == 2 and not seen[1]


def _is_noted(house: House) -> bool:
    sid = house.rest.get(f"{house.path}/Users/probe")["sid"]
    return bool((house.deployment.world.table.fetch(keys.user(sid)) or {}).get("is_online"))
