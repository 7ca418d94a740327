"""Rounds of subscriptions: when the time to live is over, and after a reconnection."""

from __future__ import annotations

from typing import Any

from parley.store import keys
from tests.sdk.device import SdkDevice
from tests.sdk.listener import Listener
from tests.sockets.deployment import House

TTL = 600


def pass_time(house: House, seconds: float = TTL) -> None:
    house.deployment.world.clock.advance(seconds)


def again(house: House, listener: Listener) -> list[tuple[str, Any]]:
    """What an application hears when the time to live is over."""
    pass_time(house)
    listener.subscribe()
    return listener.news()


def resumed(house: House, listener: Listener, token: str | None = None) -> list[tuple[str, Any]]:
    """What an application hears after its connection broke and it connected again."""
    record = house.deployment.world.table.fetch(keys.connection(listener.device.connection_id)) or {}
    told = str(record["came_at"]) if token is None else token
    house.deployment.close(listener.device.connection_id)
    house.deployment.announce()
    device = SdkDevice(house)
    header = {"method": "init", "token": device.token("alice"), "continuation_token": told}
    assert [reply.status for reply in device.send(header)] == [200]
    listener.device = device
    listener.subscribe()
    return listener.news()


def asked(*named: tuple[str, str], last: Any = 0) -> dict[str, Any]:
    requests = [{"object_sid": sid, "object_type": type_, "last_event_id": last} for sid, type_ in named]
    return {"event_protocol_version": 4, "action": "establish", "correlation_id": 7, "requests": requests}
