"""How SDK connections end: the packet says why, and with which status the SDK must not connect again by itself."""

from __future__ import annotations

from dataclasses import replace

import pytest

from parley.sockets import protocols
from parley.sockets.protocols import Protocols
from parley.store import keys
from tests.sdk.device import Packet, SdkDevice
from tests.sockets.deployment import House

# After these an SDK stays disconnected; after any other status it connects again three seconds later.
TOKEN_OVER, NOT_ALLOWED, FATAL = 410, 401, 406
REQUEST = {"method": "message", "http_request": {"method": "GET", "path": "/Client/v1/Configuration"}}


def closing(packets: list[Packet]) -> tuple[int, int]:
    """Status and code of the `close` packet, which must be the last one."""
    assert [packet.header["method"] for packet in packets].count("close") == 1
    status = packets[-1].header["status"]
    assert status["description"]
    return status["code"], status["errorCode"]


def is_forgotten(house: House, device: SdkDevice) -> bool:
    return house.deployment.world.table.fetch(keys.connection(device.connection_id)) is None


def test_the_client_is_warned_once_before_its_token_ends_and_told_when_it_has(house: House) -> None:
    clock = house.deployment.world.clock
    device = SdkDevice(house, "alice", valid_until=clock.now_ms() // 1000 + 150)
    for _ in range(2):
        house.deployment.tick()
    (warning,) = device.packets()
    assert warning.header["method"] == "client_update"
    assert warning.header["client_update_type"] == "token_about_to_expire"
    clock.advance(151)
    house.deployment.tick()
    assert (device.is_open, is_forgotten(house, device)) == (False, True)
    assert closing(device.packets()) == (TOKEN_OVER, 20104)


def test_a_request_after_the_token_has_ended_ends_the_connection_too(house: House) -> None:
    clock = house.deployment.world.clock
    device = SdkDevice(house, "alice", valid_until=clock.now_ms() // 1000 + 60)
    clock.advance(61)
    refused, *closed = device.send(REQUEST)
    assert refused.refusal == (401, 20104)
    assert (closing(closed), device.is_open) == ((TOKEN_OVER, 20104), False)


def test_the_two_hours_of_a_socket_end_without_a_reason_so_that_the_client_connects_again(house: House) -> None:
    clock = house.deployment.world.clock
    device = SdkDevice(house, "alice", valid_until=clock.now_ms() // 1000 + 9000)
    clock.advance(7201)
    house.deployment.tick()
    assert (device.is_open, device.packets()) == (False, [])


def test_connections_of_a_deleted_api_key_end_with_their_next_request(house: House) -> None:
    device = SdkDevice(house, "alice")
    house.deployment.revoke(house.key)
    house.deployment.world.clock.advance(60)
    _, *closed = device.send(REQUEST)
    assert (closing(closed), is_forgotten(house, device)) == ((NOT_ALLOWED, 20103), True)


def test_the_connections_of_a_deleted_user_are_closed(house: House) -> None:
    device = SdkDevice(house, "alice")
    assert house.rest("DELETE", f"{house.path}/Users/alice").status == 204
    house.deployment.announce()
    assert (closing(device.packets()), device.is_open) == ((NOT_ALLOWED, 50200), False)


def test_eleven_devices_end_the_oldest_one_and_no_other(house: House) -> None:
    devices = []
    for _ in range(11):
        house.deployment.world.clock.advance(1)
        devices.append(SdkDevice(house, "alice"))
    assert closing(devices[0].packets()) == (FATAL, 51001)
    assert [device.is_open for device in devices] == [False] + [True] * 10
    assert all(device.packets() == [] for device in devices[1:])


def test_a_client_that_floods_is_refused_and_then_its_connection_ends(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [replace(row, requests_per_second=5) if row.opens_by_frame else row for row in protocols.ROWS]
    runtime = house.deployment.runtime
    both = Protocols(runtime.settings.rest_url, runtime.settings.account_sid, tuple(rows))
    monkeypatch.setattr(runtime.socket_door, "_protocols", both)
    device = SdkDevice(house, "alice")
    # Ten at once are taken, of which opening was one. Of a hundred refusals in a row, the last one ends the connection.
    answers = [device.send(REQUEST) for _ in range(108)]
    assert {one.status for (one,) in answers[9:]} == {429}
    refused, *closed = device.send(REQUEST)
    assert refused.refusal == (429, 51002)
    assert (closing(closed), device.is_open) == ((FATAL, 51002), False)


@pytest.mark.parametrize(
    ("claims", "refusal"),
    [({"nbf": 0, "valid_until": 1}, (401, 20104)), ({"grants": []}, (401, 20106))],
    ids=["a token that is over", "a token without the grant"],
)
def test_a_token_that_opens_nothing_is_refused_for_good(
    house: House, claims: dict[str, object], refusal: tuple[int, int]
) -> None:
    device = SdkDevice(house)
    (refused,) = device.send({"method": "init", "token": device.token("alice", **claims)})
    assert refused.refusal == refusal
    assert not device.is_open


def test_a_token_of_another_accounts_service_is_refused_for_good(house: House) -> None:
    device = SdkDevice(house)
    token = house.deployment.token(house.key, "IS" + "0" * 32, "alice")
    (refused,) = device.send({"method": "init", "token": token})
    assert refused.refusal == (403, 20106)
    assert not device.is_open


def test_a_token_of_another_identity_renews_nothing_and_ends_nothing(house: House) -> None:
    device = SdkDevice(house, "alice")
    (refused,) = device.send({"method": "update", "token": device.token("bob")})
    assert refused.status in (401, 403)
    assert device.send(REQUEST)[0].status == 200
