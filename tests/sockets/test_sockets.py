"""A socket's life: who may open one, under which name, what closing it means, and who counts as connected."""

from __future__ import annotations

import base64
import json
from typing import Any

import jwt
import pytest

from parley.store import keys
from tests.ports.meddling import MeddlingClient, refusing
from tests.sockets.deployment import Deployment, Device, House

HEADERS = {"cty": "twilio-fpa;v=1", "typ": "JWT", "alg": "HS256"}


def claims(house: House, **changes: Any) -> dict[str, Any]:
    """What a good token says, for `changes` to spoil; a change to `...` leaves the claim out."""
    now = house.deployment.world.clock.now_ms() // 1000
    good = {
        "jti": f"{house.key[0]}-{now}",
        "iss": house.key[0],
        "sub": house.deployment.world.account_sid,
        "nbf": now,
        "exp": now + 3600,
        "grants": {"identity": "alice", "chat": {"service_sid": house.sid}},
    }
    return {name: value for name, value in {**good, **changes}.items() if value is not ...}


def signed(house: House, headers: dict[str, Any] | None = None, **changes: Any) -> str:
    return jwt.encode(claims(house, **changes), house.key[1], "HS256", headers={**HEADERS, **(headers or {})})


def part(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value)
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def grants(house: House, identity: Any = "alice", **chat: Any) -> dict[str, Any]:
    return {"identity": identity, "chat": {"service_sid": house.sid, **chat}}


def refusal(deployment: Deployment, token: str = "", subprotocols: str = "") -> tuple[int, int]:
    """Status and code with which a handshake is refused."""
    _, answer = deployment.open(token, subprotocols)
    body = json.loads(answer["body"])
    assert body["status"] == answer["statusCode"]
    assert body["error"]["message"]
    return answer["statusCode"], body["error"]["code"]


NOW = 1_768_478_400
OPENING_SECONDS = 30
DAY = 86_400
BAD: dict[str, tuple[Any, tuple[int, int]]] = {
    "no token": (lambda house: "", (401, 20101)),
    "one word": (lambda house: "token", (401, 20101)),
    "three words": (lambda house: "a.b.c", (401, 20101)),
    "not base64": (lambda house: "é.é.é", (401, 20101)),
    "a header that is a list": (lambda house: f"{part([])}.{part({})}.x", (401, 20101)),
    "claims that are a list": (lambda house: f"{part(HEADERS)}.{part([])}.{part('x')}", (401, 20101)),
    "nested brackets": (lambda house: f"{part(HEADERS)}.{part('[' * 2000)}.{part('x')}", (401, 20101)),
    "too many characters": (lambda house: signed(house, padding="x" * 7000), (401, 20101)),
    "half a character": (lambda house: signed(house, grants=grants(house, "\ud800")), (401, 20101)),
    "half a character elsewhere": (
        lambda house: signed(house, grants=grants(house, endpoint_id="\udfff")),
        (401, 20101),
    ),
    "another type": (lambda house: signed(house, {"typ": "JWS"}), (401, 20102)),
    "no content type": (lambda house: signed(house, {"cty": None}), (401, 20102)),
    "another version": (lambda house: signed(house, {"cty": "twilio-fpa;v=2"}), (401, 20102)),
    "no algorithm": (
        lambda house: f"{part({**HEADERS, 'alg': 'none'})}.{part(claims(house))}.",
        (401, 20102),
    ),
    "another algorithm": (
        lambda house: jwt.encode(claims(house), house.key[1] * 2, "HS512", headers={"cty": HEADERS["cty"]}),
        (401, 20102),
    ),
    "no issuer": (lambda house: signed(house, iss=...), (401, 20103)),
    "the account as issuer": (lambda house: signed(house, iss=house.deployment.world.account_sid), (401, 20103)),
    "an unknown key": (lambda house: signed(house, iss="SK" + "0" * 32), (401, 20103)),
    "no account": (lambda house: signed(house, sub=...), (401, 20103)),
    "another account": (lambda house: signed(house, sub="AC" + "0" * 32), (401, 20103)),
    "no expiry": (lambda house: signed(house, exp=...), (401, 20104)),
    "an expiry in words": (lambda house: signed(house, exp=str(NOW + 60)), (401, 20104)),
    "expiry true": (lambda house: signed(house, exp=True), (401, 20104)),
    "an endless expiry": (lambda house: signed(house, exp=1e300), (401, 20104)),
    "expired": (lambda house: signed(house, exp=NOW - 60), (401, 20104)),
    "not yet valid": (lambda house: signed(house, nbf=NOW + 60), (401, 20105)),
    "a beginning in words": (lambda house: signed(house, nbf="now"), (401, 20105)),
    "no grants": (lambda house: signed(house, grants=...), (401, 20106)),
    "grants that are a list": (lambda house: signed(house, grants=[]), (401, 20106)),
    "no identity": (lambda house: signed(house, grants=grants(house, None)), (401, 20106)),
    "an empty identity": (lambda house: signed(house, grants=grants(house, "")), (401, 20106)),
    "a number for an identity": (lambda house: signed(house, grants=grants(house, 7)), (401, 20106)),
    "no chat grant": (lambda house: signed(house, grants={"identity": "alice", "video": {}}), (401, 20106)),
    "a chat grant that is a text": (
        lambda house: signed(house, grants={"identity": "alice", "chat": "IS"}),
        (401, 20106),
    ),
    "no service": (lambda house: signed(house, grants={"identity": "alice", "chat": {}}), (401, 20106)),
    "a service of the wrong form": (lambda house: signed(house, grants=grants(house, service_sid="x")), (401, 20106)),
    "an endpoint id that is a number": (lambda house: signed(house, grants=grants(house, endpoint_id=7)), (401, 20106)),
    "an unknown service": (
        lambda house: signed(house, grants=grants(house, service_sid="IS" + "0" * 32)),
        (403, 20106),
    ),
    "another secret": (
        lambda house: jwt.encode(claims(house), "x" * 32, "HS256", headers={"cty": HEADERS["cty"]}),
        (401, 20107),
    ),
    "two days": (lambda house: signed(house, exp=NOW + 2 * DAY), (401, 20157)),
    "a long identity": (lambda house: signed(house, grants=grants(house, "x" * 257)), (400, 51003)),
    "a long endpoint id": (lambda house: signed(house, grants=grants(house, endpoint_id="x" * 513)), (400, 51004)),
    "the system's name": (lambda house: signed(house, grants=grants(house, "system")), (400, 50203)),
    "a reserved name": (lambda house: signed(house, grants=grants(house, "private")), (400, 50203)),
    "a user's SID as a name": (lambda house: signed(house, grants=grants(house, "US" + "0" * 32)), (400, 50206)),
    "an unknown role": (
        lambda house: signed(house, grants=grants(house, "newcomer", deployment_role_sid="RL" + "0" * 32)),
        (404, 50100),
    ),
    "a channel's role": (
        lambda house: signed(
            house, grants=grants(house, "newcomer", deployment_role_sid=house.service["default_channel_role_sid"])
        ),
        (400, 50105),
    ),
}


@pytest.mark.parametrize("what", BAD)
def test_a_bad_token_opens_no_socket_and_leaves_nothing_behind(still_house: House, what: str) -> None:
    house = still_house
    make, expected = BAD[what]
    assert house.deployment.world.clock.now_ms() // 1000 == NOW
    token = make(house)
    before = len(house.deployment.read_stream())
    assert refusal(house.deployment, token) == expected
    assert len(house.deployment.read_stream()) == before


def test_a_bad_token_is_refused_as_a_subprotocol_too(house: House) -> None:
    for offered in ("parley.v1", "parley.v1, nonsense", "", ",", " , "):
        assert refusal(house.deployment, subprotocols=offered) == (401, 20101)


def test_a_refusal_is_logged_with_its_code_and_without_the_token(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    token = signed(house, exp=NOW - 60)
    caplog.clear()
    connection_id, _ = house.deployment.open(token)
    (record,) = caplog.records
    facts = vars(record)
    assert (record.levelname, record.message, facts["connection_id"]) == ("WARNING", "socket refused", connection_id)
    assert facts["code"] == 20104
    assert facts["reason"] == "Access Token has expired or expiration date is invalid"
    assert token not in str(facts)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"nbf": ...},
        {"nbf": NOW + 4},
        {"exp": NOW + 1},
        {"exp": NOW + DAY},
        {"exp": NOW + 60.5},
        {"jti": ...},
    ],
)
def test_tokens_at_the_edges_open_a_socket(house: House, changes: dict[str, Any]) -> None:
    _, answer = house.deployment.open(signed(house, **changes))
    assert answer == {"statusCode": 200}


def test_the_older_name_of_the_grant_is_taken(house: House) -> None:
    token = signed(house, grants={"identity": "alice", "ip_messaging": {"service_sid": house.sid}})
    assert house.deployment.open(token)[1] == {"statusCode": 200}


@pytest.mark.parametrize("offered", ["parley.v1, {}", "parley.v1,{}", "{}, parley.v1", "other, parley.v1"])
def test_the_protocol_is_confirmed_when_it_was_offered(house: House, offered: str) -> None:
    token = signed(house)
    in_query = "" if "{}" in offered else token
    _, answer = house.deployment.open(in_query, offered.format(token))
    assert answer == {"statusCode": 200, "headers": {"Sec-WebSocket-Protocol": "parley.v1"}}


def test_the_first_connection_makes_the_user_and_later_ones_do_not_change_it(house: House) -> None:
    house.device("alice")
    user = house.rest.get(f"{house.path}/Users/alice")
    assert user["role_sid"] == house.service["default_service_role_sid"]
    assert user["joined_channels_count"] == 0
    house.deployment.world.clock.advance(60)
    house.device("alice")
    assert house.rest.get(f"{house.path}/Users/alice") == user


def test_a_token_names_the_role_of_the_user_that_it_makes(house: House) -> None:
    role_sid = house.role("guest", "deployment", ["joinChannel"])
    token = signed(house, grants=grants(house, deployment_role_sid=role_sid))
    assert house.deployment.open(token)[1]["statusCode"] == 200
    assert house.rest.get(f"{house.path}/Users/alice")["role_sid"] == role_sid


def test_a_token_does_not_change_the_role_of_a_user_who_is_there(house: House) -> None:
    house.rest.post(f"{house.path}/Users", Identity="alice")
    role_sid = house.role("guest", "deployment", ["joinChannel"])
    house.deployment.open(signed(house, grants=grants(house, deployment_role_sid=role_sid)))
    assert house.rest.get(f"{house.path}/Users/alice")["role_sid"] == house.service["default_service_role_sid"]


def test_a_revoked_key_opens_no_sockets(house: House) -> None:
    key = f"/2010-04-01/Accounts/{house.deployment.world.account_sid}/Keys/{house.key[0]}.json"
    assert house.rest("DELETE", key).status == 204
    assert refusal(house.deployment, signed(house)) == (401, 20103)


def test_a_key_that_has_ended_opens_no_sockets(house: House) -> None:
    house.key = house.deployment.api_key(Ttl=60)
    house.deployment.world.clock.advance(60)
    assert refusal(house.deployment, signed(house)) == (401, 20103)


def test_a_service_that_the_table_is_too_busy_to_show_is_not_taken_for_a_foreign_one(
    meddled: House, meddling: MeddlingClient
) -> None:
    world = meddled.deployment.world
    meddled.device("alice")
    world.configuration.forget(keys.service(world.account_sid, meddled.sid))
    meddling.script("get_item", *[refusing("ThrottlingException")] * 10)
    assert refusal(meddled.deployment, signed(meddled)) == (503, 20503)


def test_a_deleted_service_opens_no_sockets(house: House) -> None:
    assert house.rest("DELETE", house.path).status == 204
    assert refusal(house.deployment, signed(house)) == (403, 20106)


# While it is open.


def test_an_expired_token_does_nothing_more_on_an_open_socket(house: House) -> None:
    room = house.channel("alice")
    alice = house.device("alice")
    house.deployment.world.clock.advance(3601)
    assert alice.ending("sendMessage", channel=room.sid, body="late") == (401, 20104)
    assert room.fetch()["messages_count"] == 0


def test_a_frame_that_comes_while_the_table_is_too_busy_is_refused_and_its_socket_stays_open(
    meddled: House, meddling: MeddlingClient
) -> None:
    alice = meddled.device("alice")
    meddled.deployment.world.configuration.forget_all()
    meddling.script_all(refusing("ThrottlingException"), after=0)
    assert alice.refusal("fetchSession") == (503, 20503)
    meddling.unscript()
    assert alice.done("fetchSession")["identity"] == "alice"


def test_a_connection_that_nobody_opened_does_nothing(house: House) -> None:
    house.deployment.gateway.open("nobody=")
    assert house.deployment.send("nobody=", '{"id": "1", "action": "fetchChannel", "channel": "x"}') is None
    reply, push = house.deployment.gateway.frames("nobody=")
    assert (reply["id"], reply["status"], reply["error"]["code"]) == ("1", 401, 51006)
    assert (push["event"], push["terminal"], push["code"]) == ("connectionError", True, 51006)
    assert "nobody=" not in house.deployment.gateway.received


def test_a_connection_does_nothing_after_two_hours(house: House) -> None:
    room = house.channel("alice")
    now = house.deployment.world.clock.now_ms() // 1000
    alice = house.device("alice", valid_until=now + DAY)
    house.deployment.world.clock.advance(7199)
    assert alice.done("fetchChannel", channel=room.sid)
    house.deployment.world.clock.advance(20)
    assert alice.ending("fetchChannel", channel=room.sid) == (401, 51006)


# Who is connected.


def test_every_device_of_a_member_hears(house: House) -> None:
    room = house.channel("alice")
    devices = [house.device("alice") for _ in range(3)]
    room.post("hello")
    assert [device.events()[-1:] for device in devices] == [["messageAdded"]] * 3


def test_closing_one_device_leaves_the_others(house: House) -> None:
    room = house.channel("alice")
    closed, open_ = house.device("alice"), house.device("alice")
    open_.heard()
    closed.close()
    house.deployment.gateway.attempts.clear()
    room.post("hello")
    assert open_.events() == ["messageAdded"]
    assert closed.connection_id not in house.deployment.gateway.attempts


def test_disconnecting_twice_or_without_having_connected_does_no_harm(house: House) -> None:
    room = house.channel("alice")
    first, second = house.device("alice"), house.device("alice")
    second.heard()
    for _ in range(3):
        house.deployment.forget(first.connection_id)
        house.deployment.forget("nobody=")
    room.post("hello")
    assert second.events() == ["messageAdded"]


def test_a_socket_that_is_still_being_opened_is_not_forgotten(house: House) -> None:
    """What was pushed between `$connect` and the opening was answered with 410, and the new client was deaf for good."""
    room = house.channel("alice")
    deployment = house.deployment

    def push() -> None:
        room.post("too early")
        deployment.announce()

    connection_id, _ = deployment.open(deployment.token(house.key, house.sid, "alice"), meanwhile=push)
    assert connection_id in deployment.gateway.attempts
    reply = deployment.send(connection_id, f'{{"id": "1", "action": "fetchChannel", "channel": "{room.sid}"}}')
    assert reply["status"] == 200
    room.post("in time")
    deployment.announce()
    assert [frame["message"]["body"] for frame in deployment.gateway.frames(connection_id)] == ["in time"]


def test_a_connection_that_is_gone_is_tried_once_and_forgotten(house: House) -> None:
    room = house.channel("alice")
    lost, kept = house.device("alice"), house.device("alice")
    # Long enough ago to be no connection that is still being opened.
    house.deployment.world.clock.advance(OPENING_SECONDS)
    kept.heard()
    house.deployment.gateway.close(lost.connection_id)
    house.deployment.gateway.attempts.clear()
    for body in ("one", "two", "three"):
        room.post(body)
        kept.heard()
    assert house.deployment.gateway.attempts.count(lost.connection_id) == 1
    assert house.deployment.gateway.attempts.count(kept.connection_id) == 3
    # Its record went too: a frame that arrives late finds nobody, once the warm container's memory is over.
    house.deployment.world.clock.advance(11)
    house.deployment.gateway.open(lost.connection_id)
    assert lost.ending("fetchChannel", channel=room.sid) == (401, 51006)


def test_a_connection_that_was_forgotten_because_it_was_gone_may_still_disconnect(house: House) -> None:
    room = house.channel("alice")
    lost, kept = house.device("alice"), house.device("alice")
    house.deployment.gateway.close(lost.connection_id)
    room.post("one")
    kept.heard()
    house.deployment.forget(lost.connection_id)
    room.post("two")
    assert kept.events() == ["messageAdded"]


def test_a_slow_connection_stays(house: House) -> None:
    room = house.channel("alice")
    slow = house.device("alice")
    house.deployment.gateway.throttle(slow.connection_id)
    for body in ("one", "two"):
        room.post(body)
        house.deployment.announce()
    assert house.deployment.gateway.attempts.count(slow.connection_id) >= 2


def test_a_connection_that_cannot_be_open_any_more_is_not_tried(house: House) -> None:
    room = house.channel("alice")
    house.device("alice")
    house.deployment.announce()
    house.deployment.gateway.attempts.clear()
    house.deployment.world.clock.advance(7201)
    room.post("hello")
    house.deployment.announce()
    assert house.deployment.gateway.attempts == []


def test_nobody_is_told_that_a_socket_opened_or_closed(house: House) -> None:
    house.channel("alice", "bob")
    bob = house.device("bob")
    bob.heard()
    Device(house.deployment, house.key, house.sid, "alice").close()
    assert bob.heard() == []


def test_a_handshake_without_headers_is_answered(house: House) -> None:
    event = {"requestContext": {"connectionId": "x="}, "queryStringParameters": {"token": signed(house)}}
    assert house.deployment.connect_handler(event) == {"statusCode": 200}
