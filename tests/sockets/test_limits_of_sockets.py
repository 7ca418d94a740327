"""How much a client may have: connections, requests a second, bytes in a reply; and how pushes share frames."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parley.errors import REPLY_TOO_LARGE
from parley.faces.errors import answer as told
from parley.sockets.limits import Requests, Verdict
from parley.sockets.native.frames import coalesce
from tests.sockets.counted_requests import BURST, PATIENCE, RATE, at_once, count_requests, requests
from tests.sockets.deployment import Deployment, Device, House, Room, sample
from tests.support.fakes import FakeClock

LONGEST_FRAME = 32 * 1024
LONGEST_MESSAGE = 128 * 1024


def ending(deployment: Deployment, device: Device) -> dict[str, Any]:
    """The last frame of a closed connection."""
    assert not device.is_open
    frame: dict[str, Any] = deployment.gateway.frames(device.connection_id)[-1]
    return frame


# Ten connections per identity.


def opened(house: House, count: int, identity: str = "alice") -> list[Device]:
    """Connections, a second between each and the next."""
    devices = []
    for _ in range(count):
        house.deployment.world.clock.advance(1)
        devices.append(house.device(identity))
    return devices


def are_open(devices: list[Device]) -> list[bool]:
    return [device.is_open for device in devices]


def test_the_eleventh_connection_closes_the_oldest_after_saying_why(house: House) -> None:
    devices = opened(house, 10)
    assert all(are_open(devices))
    newest = opened(house, 1)
    assert are_open(devices + newest) == [False] + [True] * 10
    frame = ending(house.deployment, devices[0])
    assert {name: frame[name] for name in ("event", "terminal", "status", "code")} == {
        "event": "connectionError",
        "terminal": True,
        "status": 429,
        "code": 51001,
    }
    assert isinstance(frame["message"], str) and frame["message"]
    assert newest[0].done("fetchSession")["identity"] == "alice"


def test_each_further_connection_closes_the_next_oldest(house: House) -> None:
    devices = opened(house, 14)
    assert are_open(devices) == [False] * 4 + [True] * 10
    assert [ending(house.deployment, device)["code"] for device in devices[:4]] == [51001] * 4


def test_the_connection_that_gave_way_is_forgotten(house: House) -> None:
    room = house.channel("alice")
    devices = opened(house, 11)
    before = house.deployment.gateway.attempts.count(devices[0].connection_id)
    room.post("hello")
    assert [device.events()[-1:] for device in devices[1:]] == [["messageAdded"]] * 10
    assert house.deployment.gateway.attempts.count(devices[0].connection_id) == before


def test_others_and_other_services_have_connections_of_their_own(house: House) -> None:
    elsewhere = House(house.deployment)
    devices = opened(house, 10)
    opened(house, 2, "bob")
    opened(elsewhere, 2)
    assert all(are_open(devices))


def test_connections_that_were_closed_make_room(house: House) -> None:
    devices = opened(house, 10)
    devices[3].close()
    opened(house, 1)
    assert are_open(devices) == [True] * 3 + [False] + [True] * 6


def test_connections_whose_token_has_expired_make_room(house: House) -> None:
    clock = house.deployment.world.clock
    brief = [house.device("alice", valid_until=clock.now_ms() // 1000 + 100) for _ in range(5)]
    lasting = opened(house, 5)
    clock.advance(120)
    opened(house, 5)
    assert all(are_open(lasting))
    # Nobody has ended them yet, which is the next tick's business.
    assert all(are_open(brief))


# Fifty requests a second per connection.


def test_a_bucket_holds_a_hundred_and_fills_by_fifty_a_second() -> None:
    clock = FakeClock()
    bucket = Requests(RATE, clock.now_ms)
    assert [bucket.take("a") for _ in range(BURST)] == [Verdict.TAKEN] * BURST
    assert bucket.take("a") is Verdict.REFUSED
    clock.advance(1)
    assert [bucket.take("a") for _ in range(RATE + 1)] == [Verdict.TAKEN] * RATE + [Verdict.REFUSED]
    clock.advance(3600)
    assert [bucket.take("a") for _ in range(BURST + 1)] == [Verdict.TAKEN] * BURST + [Verdict.REFUSED]


def test_every_connection_has_a_bucket_of_its_own() -> None:
    bucket = Requests(RATE, FakeClock().now_ms)
    for _ in range(BURST + 1):
        bucket.take("a")
    assert bucket.take("b") is Verdict.TAKEN
    assert bucket.take("a") is Verdict.REFUSED


def test_without_a_rate_nothing_is_refused() -> None:
    bucket = Requests(0, FakeClock().now_ms)
    assert {bucket.take("a") for _ in range(10 * BURST)} == {Verdict.TAKEN}


def test_the_hundredth_refusal_is_the_last() -> None:
    bucket = Requests(RATE, FakeClock().now_ms)
    verdicts = [bucket.take("a") for _ in range(BURST + PATIENCE)]
    assert verdicts == [Verdict.TAKEN] * BURST + [Verdict.REFUSED] * (PATIENCE - 1) + [Verdict.LAST]


def test_a_quiet_second_makes_up_for_earlier_refusals() -> None:
    clock = FakeClock()
    bucket = Requests(RATE, clock.now_ms)
    verdicts = set()
    for _ in range(20):
        verdicts |= {bucket.take("a") for _ in range(RATE + PATIENCE // 2)}
        clock.advance(1)
    assert verdicts == {Verdict.TAKEN, Verdict.REFUSED}


@pytest.mark.parametrize("pace", [60, 100, 500, 2_000, 10_000])
def test_a_client_that_keeps_flooding_is_at_its_end_after_a_hundred_refusals(pace: int) -> None:
    """However fast: while it is refused the bucket fills a little, and the request that then passes pardons nothing."""
    now = 0.0
    bucket = Requests(RATE, lambda: int(now))
    verdicts = []
    while Verdict.LAST not in verdicts and len(verdicts) < 20 * pace:
        verdicts.append(bucket.take("a"))
        now += 1000 / pace
    assert verdicts.count(Verdict.REFUSED) + 1 == PATIENCE
    assert verdicts[-1] is Verdict.LAST


@pytest.mark.parametrize("pace", [1, 10, 49, 50])
def test_a_client_that_keeps_within_the_rate_is_never_refused(pace: int) -> None:
    now = 0.0
    bucket = Requests(RATE, lambda: int(now))
    for _ in range(60 * pace):
        assert bucket.take("a") is Verdict.TAKEN
        now += 1000 / pace


@settings(deadline=None)
@given(st.lists(st.integers(0, 400), max_size=400))
def test_no_stretch_of_time_sees_more_than_the_burst_and_the_rate(pauses: list[int]) -> None:
    now = 0
    bucket = Requests(RATE, lambda: now)
    taken: list[int] = []
    for pause in pauses:
        now += pause
        for _ in range(1 + pause % 60):
            if bucket.take("a") is Verdict.TAKEN:
                taken.append(now)
    for first in range(0, len(taken), 7):
        for last in range(first, len(taken), 11):
            assert last - first + 1 <= BURST + RATE * (taken[last] - taken[first]) / 1000 + 1e-6


def test_very_many_connections_do_not_fill_the_memory() -> None:
    bucket = Requests(RATE, FakeClock().now_ms)
    for number in range(50_000):
        assert bucket.take(str(number)) is Verdict.TAKEN
    assert len(bucket._buckets) <= 10_000


@pytest.fixture
def flooded(house: House) -> Device:
    """Alice, who has used up her requests of this moment."""
    count_requests(house.deployment)
    alice = house.device("alice")
    replies = at_once(house.deployment, alice, requests(BURST))
    assert [reply["status"] for reply in replies] == [204] * BURST
    return alice


def test_the_request_above_the_limit_is_refused_under_its_id_and_the_socket_stays_open(
    house: House, flooded: Device
) -> None:
    room = house.channel("alice")
    (reply,) = at_once(house.deployment, flooded, requests(1, "sendMessage", channel=room.sid, body="too much"))
    assert (reply["id"], reply["status"], reply["error"]["code"]) == ("n0", 429, 51002)
    assert room.fetch()["messages_count"] == 0
    assert flooded.is_open
    house.deployment.world.clock.advance(1)
    replies = at_once(house.deployment, flooded, requests(RATE + 1))
    assert [reply["status"] for reply in replies] == [204] * RATE + [429]


def test_frames_that_are_no_requests_count_too(house: House) -> None:
    count_requests(house.deployment)
    alice = house.device("alice")
    replies = at_once(house.deployment, alice, ["nonsense"] * (BURST + 1))
    assert [reply["status"] for reply in replies] == [400] * BURST + [429]
    assert replies[-1]["id"] is None


def test_another_connection_of_the_same_identity_is_not_refused(house: House, flooded: Device) -> None:
    other = house.device("alice")
    assert at_once(house.deployment, other, requests(1))[0]["status"] == 204


def test_after_a_hundred_refusals_the_connection_is_told_why_and_closed(house: House, flooded: Device) -> None:
    replies = at_once(house.deployment, flooded, requests(PATIENCE - 1))
    assert {(reply["status"], reply["error"]["code"]) for reply in replies} == {(429, 51002)}
    assert flooded.is_open
    assert at_once(house.deployment, flooded, requests(1, first=PATIENCE)) == [None]
    reply, push = house.deployment.gateway.frames(flooded.connection_id)[-2:]
    assert not flooded.is_open
    assert (reply["id"], reply["status"], reply["error"]["code"]) == (f"n{PATIENCE}", 429, 51002)
    text = reply["error"]["message"]
    assert push == {"event": "connectionError", "terminal": True, "status": 429, "code": 51002, "message": text}


def test_a_closed_flood_is_forgotten_and_does_no_more_harm(house: House, flooded: Device) -> None:
    room = house.channel("alice")
    at_once(house.deployment, flooded, requests(PATIENCE))
    assert not flooded.is_open
    # What was on its way when the socket was closed.
    at_once(house.deployment, flooded, requests(3))
    before = house.deployment.gateway.attempts.count(flooded.connection_id)
    room.post("hello")
    house.deployment.announce()
    assert house.deployment.gateway.attempts.count(flooded.connection_id) == before
    assert house.device("alice").done("fetchSession")["identity"] == "alice"


# 128 KB in a reply.


def size_of_reply(device: Device, **frame: Any) -> tuple[int, Any]:
    """Bytes of a reply, and the reply."""
    deployment = device._deployment
    event = sample("ws_message")
    event["requestContext"] |= {"connectionId": device.connection_id}
    body = deployment.message_handler({**event, "body": json.dumps(frame)})["body"]
    return len(body.encode()), json.loads(body)


@pytest.fixture
def verbose(house: House) -> list[str]:
    """Forty users of four kilobytes each, in characters of two bytes."""
    identities = [f"user {number}" for number in range(40)]
    attributes = json.dumps("é" * 2_000, ensure_ascii=False)
    for identity in identities:
        house.rest.post(f"{house.path}/Users", Identity=identity, Attributes=attributes)
    house.deployment.world.clock.advance(1)
    return identities


def test_a_reply_that_no_socket_carries_is_refused_and_the_socket_stays_usable(
    house: House, verbose: list[str]
) -> None:
    alice = house.device("alice")
    refused = alice.ask("followUsers", identities=verbose)
    error = {"code": 20413, "message": told("chat", REPLY_TOO_LARGE).text}
    assert (refused["status"], refused["error"]) == (413, error)
    # Less can be had.
    size, reply = size_of_reply(alice, id="1", action="followUsers", identities=verbose[:25])
    assert (reply["status"], len(reply["result"]["users"])) == (200, 25)
    assert 100_000 < size <= LONGEST_MESSAGE


def test_a_body_that_no_socket_could_carry_is_refused_at_both_doors(house: House) -> None:
    room = house.channel("alice")
    # Each of these takes six bytes in JSON.
    body = "\x01" * 12_000
    answer = house.rest("POST", f"{room.path}/Messages", {"Body": body})
    assert (answer.status, answer.json["code"]) == (400, 50504)
    assert house.device("alice").refusal("sendMessage", channel=room.sid, body=body) == (400, 50504)


def walk(device: Device, kind: str, cursor: str, after: str, **frame: Any) -> list[Any]:
    """Everything in a list, page by page, each of which a socket carries."""
    found: list[Any] = []
    position: dict[str, Any] = {}
    while True:
        size, reply = size_of_reply(device, id="x" * 128, page_size=100, **frame, **position)
        assert size <= LONGEST_MESSAGE
        assert reply["status"] == 200, reply
        assert reply["result"][kind]
        found += reply["result"][kind]
        if reply["result"][cursor] is None:
            return found
        position = {after: reply["result"][cursor]}


def test_a_list_that_no_socket_carries_comes_in_shorter_pages(house: House, verbose: list[str]) -> None:
    alice = house.device("alice")
    users = walk(alice, "users", "next", "after", action="listUsers")
    assert [user["identity"] for user in users] == [*verbose, "alice"]
    lobby = house.channel("alice")
    for identity in verbose:
        lobby.add(identity, Attributes=json.dumps("x" * 4_000))
    members = walk(alice, "members", "next", "after", action="listMembers", channel=lobby.sid)
    assert [member["identity"] for member in members] == ["alice", *verbose]


@pytest.mark.parametrize("body", ["x" * 32_768, '"' * 32_768, "é" * 16_384, "\n" * 32_768])
def test_long_messages_come_in_shorter_pages(house: House, body: str) -> None:
    room = house.channel("alice")
    for _ in range(9):
        room.post(body)
    alice = house.device("alice")
    for order in ("asc", "desc"):
        messages = walk(
            alice, "messages", "next_anchor", "anchor", action="listMessages", channel=room.sid, order=order
        )
        indexes = [message["index"] for message in messages]
        assert indexes == sorted(range(9), reverse=order == "desc")


def test_channels_with_long_attributes_come_in_shorter_pages(house: House) -> None:
    attributes = json.dumps("x" * 16_000)
    rooms = [house.channel("alice", Attributes=attributes) for _ in range(12)]
    alice = house.device("alice")
    mine = walk(alice, "channels", "next", "after", action="listMyChannels")
    assert [held["channel"]["sid"] for held in mine] == [room.sid for room in rooms]
    public = walk(alice, "channels", "next", "after", action="listPublicChannels")
    assert [channel["sid"] for channel in public] == [room.sid for room in rooms]


# Several pushes in a frame.


def flattened(bodies: list[bytes]) -> list[Any]:
    decoded = [json.loads(body) for body in bodies]
    return [push for body in decoded for push in (body if isinstance(body, list) else [body])]


pushes = st.builds(
    lambda event, size, letter: json.dumps({"event": event, "x": letter * size}, ensure_ascii=False).encode(),
    st.sampled_from(["messageAdded", "typingStarted"]),
    st.one_of(st.integers(0, 300), st.integers(9_000, 12_000), st.integers(32_600, 34_000)),
    st.sampled_from(["x", "é", '"', "€", "\U0001f600"]),
)


@settings(deadline=None)
@given(st.lists(pushes, max_size=40))
def test_coalesced_pushes_are_the_same_in_the_same_order_in_as_few_frames_as_fit(frames: list[bytes]) -> None:
    bodies = coalesce(frames)
    assert flattened(bodies) == [json.loads(frame) for frame in frames]
    groups = [json.loads(body) if body.startswith(b"[") else [json.loads(body)] for body in bodies]
    for body, group in zip(bodies, groups, strict=True):
        assert len(body) <= LONGEST_FRAME or len(group) == 1
        # Alone, it is no array.
        assert (len(group) == 1) == (not body.startswith(b"["))
    position = 0
    for body, group in list(zip(bodies, groups, strict=True))[:-1]:
        position += len(group)
        together = len(body) + len(frames[position]) + (1 if len(group) > 1 else 3)
        assert together > LONGEST_FRAME


def test_pushes_that_just_fit_share_a_frame() -> None:
    half = json.dumps("x" * (LONGEST_FRAME // 2 - 5)).encode()
    rest = json.dumps("x" * (LONGEST_FRAME - len(half) - 5)).encode()
    assert [len(body) for body in coalesce([half, rest])] == [LONGEST_FRAME]
    longer = json.dumps("x" * (LONGEST_FRAME - len(half) - 4)).encode()
    assert len(coalesce([half, longer])) == 2


def test_a_burst_reaches_a_connection_in_few_frames_and_in_order(house: House) -> None:
    room: Room = house.channel("alice")
    alice = house.device("alice")
    alice.heard()
    before = len(house.deployment.gateway.received[alice.connection_id])
    for number in range(40):
        room.post(f"{number:04d}" + "x" * 2_000)
    assert [frame["message"]["index"] for frame in alice.heard()] == list(range(40))
    bodies = house.deployment.gateway.received[alice.connection_id][before:]
    assert all(len(body) <= LONGEST_FRAME for body in bodies)
    # Each is some 2,700 bytes, of which eleven or twelve fit.
    assert len(bodies) == 4
