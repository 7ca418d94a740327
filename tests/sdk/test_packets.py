"""Packets: their lengths must be exactly right, and nothing else in a frame can do harm."""

from __future__ import annotations

import json
import os
import random
from collections.abc import Iterator

import pytest

from parley.errors import FRAME_INVALID, Refusal
from parley.sockets.sdk import packets
from tests.sdk.device import SdkDevice, spelled, understood
from tests.sockets.deployment import House, Room

HEADER = b'{"method":"message","id":"TM1","payload_size":%d}'


def framed(size: int | bytes, header: bytes, payload: bytes = b"", end: bytes = b"\r\n") -> str:
    length = size if isinstance(size, bytes) else b"%d" % size
    return (b"TWILSOCK V3.0 " + length + b"\r\n" + header + end + payload).decode(errors="surrogateescape")


def right(header: bytes, payload: bytes = b"") -> str:
    """A packet whose header has the length that the packet says."""
    return framed(len(header), header, payload)


def test_a_packet_is_read_with_lengths_in_bytes() -> None:
    text = spelled({"method": "message", "id": "TM1", "identity": "Zoë"}, '{"body":"é\\r\\n"}'.encode())
    packet = packets.decode(text)
    assert (packet.id, packet.method, packet.header["identity"]) == ("TM1", "message", "Zoë")
    assert packet.payload.decode() == '{"body":"é\\r\\n"}'


def test_an_sdk_can_read_the_packets_that_the_server_writes() -> None:
    packet = understood(packets.replied("TM1", {"name": "Zoë"}, http_status=packets.status(201)))
    assert packet.header["status"] == {"code": 200, "status": "OK"}
    assert packet.header["http_status"] == {"code": 201, "status": "CREATED"}
    assert packet.body == {"name": "Zoë"}


NOTHING = HEADER % 0
LYING = {
    "no line": NOTHING.decode(),
    "nothing": "",
    "only the prefix": "TWILSOCK ",
    "another version": "TWILSOCK V4.0 " + framed(len(NOTHING), NOTHING)[14:],
    "a header that is longer than said": framed(len(NOTHING) - 1, NOTHING),
    "a header that is shorter than said": framed(len(NOTHING) + 1, NOTHING),
    "a header far beyond the end": framed(999_999, NOTHING),
    "a negative length": framed(b"-5", NOTHING),
    "a length of many digits": framed(b"9" * 5000, NOTHING),
    "digits of another script": framed("\u0664\u0669".encode(), NOTHING),
    "a line that ends in LF": framed(len(NOTHING), NOTHING).replace("\r\n", "\n"),
    "no end of the header": framed(len(NOTHING), NOTHING, end=b""),
    "a payload that nobody announced": framed(len(NOTHING), NOTHING, b"{}"),
    "a payload that is too short": framed(len(HEADER % 3), HEADER % 3, b"{}"),
    "a payload counted in characters": framed(len(HEADER % 1), HEADER % 1, "é".encode()),
    "a size that is no number": right(b'{"method":"m","id":"TM1","payload_size":"0"}'),
    "a size that is true": right(b'{"method":"mm","id":"TM1","payload_size":true}', b"x"),
    "a size below zero": right(b'{"method":"m","id":"TM1","payload_size":-1}'),
    "a list": right(b"[]"),
    "half a character": framed(len(NOTHING), NOTHING[:13] + b"\xc3" + NOTHING[14:]),
    "half a pair": right(b'{"method":"m","id":"T","x":"\\ud83d\\n"}'),
    "no number": right(b'{"method":"m","id":"T","x":NaN}'),
    "a number without an end": right(b'{"method":"m","id":"T","x":1e999}'),
    "nested": right(b"[" * 20_000),
    "nested objects": right(b'{"a":' * 5000 + b"1" + b"}" * 5000),
    "no id": right(b'{"method":"m"}'),
    "an id that is a list": right(b'{"method":"m","id":[1]}'),
    "an endless id": right(b'{"method":"m","id":"%s"}' % (b"x" * 301)),
    "no method": right(b'{"id":"T"}'),
}


@pytest.mark.parametrize("name", LYING)
def test_a_packet_that_lies_is_refused(name: str) -> None:
    with pytest.raises(Refusal) as refused:
        packets.decode(LYING[name])
    assert refused.value.error is FRAME_INVALID


@pytest.fixture(scope="module")
def many() -> int:
    return int(os.environ.get("PARLEY_HOSTILE_PACKETS", "300"))


PATHS = ("/Client/v1/Configuration", "/v3/Documents/x", "/v4/Subscriptions", "/Client/v2/%ff%00/..", "/", "v3")


def hostile(seed: int, count: int) -> Iterator[str]:
    """Packets that were right until something was done to them."""
    chance = random.Random(seed)
    for number in range(count):
        yield _spoilt(chance, _plausible(chance, number))


def _plausible(chance: random.Random, number: int) -> bytes:
    method = chance.choice(["message", "message", "update", "close", "reply", "ping", "put_notification_ctx"])
    header: dict[str, object] = {"method": method, "id": f"TM{number}"}
    if method == "message":
        header["http_request"] = {
            "method": chance.choice(["GET", "POST", "DELETE", "get", 1, None]),
            "path": chance.choice([*PATHS, 7, None, "\r\n", "/v3/" + "a/" * chance.randrange(400)]),
            "params": chance.choice([{}, None, [], {"PageSize": "%zz"}, {"From": [{}]}, {"Index": 1e308}]),
            "headers": chance.choice([{}, None, "x", {"Content-Type": ["a"]}, {"a\r\nb": "c\r\nd"}]),
        }
    body: object = chance.choice([{}, [], "x", None, {"requests": [[]]}, {"action": "establish", "requests": {"a": 1}}])
    return spelled(header, json.dumps(body).encode()).encode()


def _spoilt(chance: random.Random, data: bytes) -> str:
    cut = chance.randrange(len(data))
    match chance.randrange(8):
        case 0:
            data = data[:cut]
        case 1:
            data = data[:cut] + bytes([chance.randrange(256)]) + data[cut:]
        case 2:
            data = data.replace(b"V3.0 ", b"V3.0 %d" % chance.randrange(10))
        case 3:
            data = data.replace(b'"payload_size": ', b'"payload_size": %d' % chance.randrange(10))
        case 4:
            data = data.replace(b"\r\n", chance.choice([b"\n", b"\r", b"\r\n\r\n"]), 1)
        case 5:
            data = data[:cut] + b"\r\n" + data[cut:]
    return data.decode(errors=chance.choice(["replace", "surrogateescape"]))


def test_a_hostile_packet_gets_an_error_or_the_end_and_changes_nothing(house: House, room: Room, many: int) -> None:
    device, stranger = SdkDevice(house, "mallory"), SdkDevice(house)
    deployment = house.deployment
    deployment.announce()
    stored = len(deployment.read_stream())
    for number, text in enumerate(hostile(seed=5, count=many)):
        # The connection has 500 requests a second.
        deployment.world.clock.advance(0.01)
        for one in (device, stranger) if number < 20 else (device,):
            reply = one.say(text)
            if reply is not None and reply.startswith("TWILSOCK "):
                status = understood(reply).status
                assert status in (200, 400, 401, 403, 404), (text, reply)
        if not device.is_open:
            device = SdkDevice(house, "mallory")
            stored = len(deployment.read_stream())
    assert len(deployment.read_stream()) == stored
