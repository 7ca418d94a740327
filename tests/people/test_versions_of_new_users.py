"""A new user has a higher version than the former one of its identity, whatever the clocks of the containers say.

Followers keep the version with the higher number. With a lower one, the new user would never be seen.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from parley.ids import user_sid
from parley.store import keys
from tests.ports.meddling import MeddlingClient, after
from tests.sockets.deployment import House


def stored(house: House) -> Any:
    """Bob's user, or its tombstone."""
    key = keys.user(user_sid(house.sid, "bob"))
    return house.deployment.world.table.fetch_many([key], buried=True)[key]


def forget(house: House) -> None:
    assert house.rest("DELETE", f"{house.path}/Users/bob").status == 204


WAYS: dict[str, Callable[[House], object]] = {
    "a back end makes it": lambda house: house.rest.post(f"{house.path}/Users", Identity="bob"),
    "its first connection opens": lambda house: house.device("bob"),
    "it is added to a channel": lambda house: house.channel("bob"),
    "it is invited": lambda house: house.rest.post(f"{house.channel().path}/Invites", Identity="bob"),
}


@pytest.mark.parametrize("way", WAYS)
def test_by_a_container_whose_clock_is_behind(house: House, way: str) -> None:
    house.rest.post(f"{house.path}/Users", Identity="bob")
    house.rest.post(f"{house.path}/Users/bob", FriendlyName="Bob")
    forget(house)
    last = stored(house)["seq"]
    house.deployment.world.clock.advance(-60)
    WAYS[way](house)
    assert "deleted_at" not in stored(house)
    assert stored(house)["seq"] == last + 1


def test_by_a_container_whose_clock_is_right_it_is_the_time(house: House) -> None:
    house.rest.post(f"{house.path}/Users", Identity="bob")
    forget(house)
    house.deployment.world.clock.advance(5)
    house.channel("bob")
    assert stored(house)["seq"] == stored(house)["date_created"]


def test_a_deletion_keeps_the_version_of_an_update_that_came_between(meddled: House, meddling: MeddlingClient) -> None:
    path = f"{meddled.path}/Users"
    meddled.rest.post(path, Identity="bob")
    first = stored(meddled)["seq"]
    meddling.script("put_item", after(lambda: meddled.rest.post(f"{path}/bob", FriendlyName="Bob")))
    forget(meddled)
    assert meddling.scripted("put_item") == 0
    assert stored(meddled)["seq"] == first + 1
