"""Opening a connection: `$connect` stores nothing, `init` brings the token, `update` brings the next one."""

from __future__ import annotations

import pytest

from parley.ids import user_sid
from parley.sockets.sdk import objects
from parley.sockets.sdk.packets import encode
from tests.sdk.device import SUBSCRIPTIONS, SdkDevice, spelled, understood
from tests.sockets.deployment import House, Room, load_function


def test_a_socket_opens_without_a_token_and_without_a_request(house: House) -> None:
    with house.deployment.world.table._client.metered() as meter:
        SdkDevice(house)
    assert meter.requests.total() == 0


def test_init_costs_what_connecting_costs(house: House) -> None:
    house.device("alice")
    device = SdkDevice(house)
    with house.deployment.world.table._client.metered() as meter:
        reply = device.init("alice")
    assert (reply.status, reply.header["capabilities"]) == (200, ["client_update"])
    assert (meter.requests.total(), meter.write_units) == (3, 3)


def test_any_number_of_new_users_may_connect_in_one_second(house: House) -> None:
    """Of a class whose pupils opened an SDK's page for the first time together, most were refused with 429, 50074."""
    house.deployment.world.actions_per_second = 1
    house.deployment.runtime.settings = house.deployment.world.runtime.settings
    assert [SdkDevice(house).init(f"pupil {number}").status for number in range(6)] == [200] * 6


@pytest.mark.parametrize(
    "header",
    [
        {"method": "message", "http_request": {"method": "GET", "path": "/Client/v1/Configuration"}},
        {"method": "put_notification_ctx"},
        {"method": "reply", "status": {"code": 200}},
        {"method": "update", "token": "x"},
    ],
)
def test_a_packet_before_init_is_refused_and_the_connection_closed(house: House, header: dict[str, object]) -> None:
    device = SdkDevice(house)
    refused, closed = device.send(header)
    assert (refused.header["method"], refused.header["id"], refused.status) == ("reply", "TM1", 401)
    assert (closed.header["method"], closed.status) == ("close", 401)
    assert not device.is_open


@pytest.mark.parametrize("token", [None, 7, "nonsense"])
def test_init_without_a_good_token_is_refused_by_its_reply_alone(house: House, token: object) -> None:
    device = SdkDevice(house)
    (refused,) = device.send({"method": "init", "token": token})
    assert (refused.header["method"], refused.refusal) == ("reply", (401, 20101))
    assert not device.is_open


def test_a_continuation_token_opens_nothing(house: House, alice: SdkDevice) -> None:
    device = SdkDevice(house)
    (refused,) = device.send({"method": "init", "continuation_token": alice.connection_id})
    assert refused.status == 401


def test_the_continuation_token_is_only_the_time_of_opening(house: House, alice: SdkDevice) -> None:
    told = alice.init("alice").header["continuation_token"]
    assert told == str(house.deployment.world.clock.now_ms())


def test_update_renews_the_token(house: House, alice: SdkDevice) -> None:
    clock = house.deployment.world.clock
    clock.advance(3000)
    assert [packet.status for packet in alice.send({"method": "update", "token": alice.token("alice")})] == [200]
    clock.advance(3000)
    assert alice.get("/Client/v1/Configuration")["identity"] == "alice"


@pytest.mark.parametrize(("identity", "token"), [("bob", ""), ("", "nonsense"), ("", None)])
def test_update_with_anothers_token_is_refused_so_that_an_sdk_stops(
    alice: SdkDevice, identity: str, token: str | None
) -> None:
    (reply,) = alice.send({"method": "update", "token": alice.token(identity) if identity else token})
    assert reply.status in (401, 403)
    assert alice.is_open


def test_a_token_of_another_service_is_refused(house: House, alice: SdkDevice) -> None:
    another = house.rest.post("/chat/v2/Services", FriendlyName="another")["sid"]
    token = house.deployment.token(house.key, another, "alice")
    (reply,) = alice.send({"method": "update", "token": token})
    assert reply.refusal == (403, 20106)


def test_a_request_after_the_token_has_expired_ends_the_connection(house: House, alice: SdkDevice) -> None:
    house.deployment.world.clock.advance(3601)
    refused, closed = alice.request("GET", "/Client/v1/Configuration")
    assert (refused.refusal, closed.status) == ((401, 20104), 410)
    assert not alice.is_open


def test_an_unknown_method_is_refused_and_the_connection_lives(alice: SdkDevice) -> None:
    (reply,) = alice.send({"method": "dance"})
    assert reply.refusal == (400, 20001)
    assert alice.is_open


@pytest.mark.parametrize("method", ["put_notification_ctx", "delete_notification_ctx"])
def test_the_older_lines_become_connected(alice: SdkDevice, method: str) -> None:
    (reply,) = alice.send({"method": method, "notification_ctx_id": "x"}, b'{"product_id":"ip_messaging"}')
    assert reply.status == 200


@pytest.mark.parametrize("method", ["reply", "telemetry.v1", "close"])
def test_a_packet_that_expects_no_reply_gets_none(alice: SdkDevice, method: str) -> None:
    assert alice.send({"method": method}) == []


def test_a_packet_that_cannot_be_read_is_refused_under_its_id(alice: SdkDevice) -> None:
    text = spelled({"method": "message", "id": "TM77"})
    reply = alice.say(text + "more")
    assert reply is not None
    assert (understood(reply).header["id"], understood(reply).refusal) == ("TM77", (400, 20001))


def test_an_unknown_path_is_not_found(alice: SdkDevice) -> None:
    for path in ("/Client/v1/Nothing", "/v3/Documents", "/nowhere", ""):
        assert alice.ask("GET", path).refusal == (404, 20404)


def test_a_message_without_a_request_is_refused(alice: SdkDevice) -> None:
    for request in (None, [], {"method": 1, "path": "/"}, {"method": "GET"}):
        (reply,) = alice.send({"method": "message", "http_request": request})
        assert reply.refusal == (400, 20001)


@pytest.mark.parametrize("version", ["v1", "v2"])
def test_the_configuration_names_the_identity_and_where_everything_is(
    house: House, alice: SdkDevice, version: str
) -> None:
    house.rest.post(house.path, ConsumptionReportInterval=7, ReachabilityEnabled="true")
    house.deployment.world.clock.advance(11)
    shown = alice.get(f"/Client/{version}/Configuration")
    user = house.rest.get(f"{house.path}/Users/alice")["sid"]
    assert shown["identity"] == "alice"
    assert shown["sync_objects"] == {"my_conversations": f"{user}.my_channels", "my_user_info": f"{user}.info"}
    assert shown["options"]["reachability_enabled"] is True
    assert shown["options"]["consumption_report_interval"] == "PT7S"
    assert shown["links"]["conversations"] == f"https://aim.parley.invalid/Client/{version}/Conversations"
    assert all(link.startswith("https://") for link in shown["links"].values())
    assert shown["links"]["media_service"].endswith(f"/media/v1/Services/{house.sid}/Media")
    assert shown["options"]["media_attachment_size_limit_in_mb"] == 150


def test_a_configuration_shows_the_largest_size_that_the_operator_allows(house: House) -> None:
    deployment = house.deployment
    runtime = deployment.world.wire({"media_limit_mb": 25})
    deployment.message_handler = load_function("ws_message", runtime)
    shown = SdkDevice(house, "alice").get("/Client/v2/Configuration")
    assert shown["options"]["media_attachment_size_limit_in_mb"] == 25
    assert shown["options"]["media_attachments_total_size_limit_in_mb"] == 25


def test_the_path_counts_from_the_service_on(alice: SdkDevice) -> None:
    assert alice.get("/proxy/Client/v1/Configuration")["identity"] == "alice"


def test_a_path_may_carry_the_query(house: House, alice: SdkDevice) -> None:
    name = alice.get("/Client/v1/Configuration")["sync_objects"]["my_user_info"]
    assert "items" in alice.get(f"/v3/Maps/{name}?Include=items")


@pytest.mark.parametrize("version", ["v1", "v2"])
def test_a_reply_that_no_socket_carries_is_refused(
    alice: SdkDevice, version: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("parley.sockets.sdk.packets.LONGEST_MESSAGE", 1000)
    assert alice.ask("GET", f"/Client/{version}/Configuration").refusal == (413, 20413)


def test_the_lines_of_an_answer_cannot_be_broken_by_an_identity(house: House, room: Room) -> None:
    device = SdkDevice(house, 'a\r\nb\u2028"c')
    assert device.get("/Client/v1/Configuration")["identity"] == 'a\r\nb\u2028"c'
    assert encode({"id": "a\r\nb"}).count(b"\r\n") == 2


def test_a_second_init_keeps_what_the_connection_follows(house: House, alice: SdkDevice, room: Room) -> None:
    """Otherwise a client could follow without limit, and could not stop."""
    sid = objects.info(user_sid(house.sid, "bob")).sid
    asked = {"correlation_id": 1, "requests": [{"object_sid": sid, "object_type": "map"}]}
    alice.request("POST", SUBSCRIPTIONS, {**asked, "action": "establish"})
    assert alice.init("alice").status == 200
    alice.request("POST", SUBSCRIPTIONS, {**asked, "action": "cancel"})
    alice.heard()
    house.rest.post(f"{house.path}/Users/bob", FriendlyName="new")
    assert alice.heard() == []
