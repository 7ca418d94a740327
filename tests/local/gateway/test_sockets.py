"""Sockets through the gateway, with a real client: handshake, routes, replies, and API Gateway's limits."""

from __future__ import annotations

import json
import socket
from contextlib import closing
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Subprotocol

from local.gateway.sockets import Limits
from tests.local.conftest import RunningGateway
from tests.support.waiting import until


def asked(client: ClientConnection, text: str) -> Any:
    client.send(text)
    return json.loads(client.recv(120))


def closed_with(client: ClientConnection, message: str | bytes | list[str] | None = None, **how: bool) -> int | None:
    """The code with which the gateway closes the socket, after this message or by itself."""
    with pytest.raises(ConnectionClosed) as caught:
        if message is not None:
            client.send(message, **how)
        while True:
            client.recv(120)
    return caught.value.rcvd.code if caught.value.rcvd else None


@pytest.mark.parametrize("status", [401, 403, 500])
def test_a_refused_connect_answers_the_handshake_with_its_status(gateway: RunningGateway, status: int):
    with pytest.raises(InvalidStatus) as caught:
        connect(f"{gateway.url}?status={status}")
    assert caught.value.response.status_code == status


def test_a_connect_that_raises_is_a_502(gateway: RunningGateway):
    with pytest.raises(InvalidStatus) as caught:
        connect(f"{gateway.url}?raise=1")
    assert caught.value.response.status_code == 502


def test_a_subprotocol_is_agreed_on_only_when_connect_names_it(gateway: RunningGateway):
    offered = [Subprotocol("parley.v1"), Subprotocol("token")]
    with connect(gateway.url, subprotocols=offered) as client:
        assert client.subprotocol == "parley.v1"
    with connect(gateway.url) as client:
        assert client.subprotocol is None


def test_another_path_or_a_url_over_4_kb_is_refused(gateway: RunningGateway):
    for url, status in ((gateway.url.replace("/ws", "/other"), 403), (f"{gateway.url}?t={'x' * 4100}", 414)):
        with pytest.raises(InvalidStatus) as caught:
            connect(url)
        assert caught.value.response.status_code == status


def test_a_request_without_an_upgrade_is_answered_with_426(gateway: RunningGateway):
    assert gateway.request("GET", "/ws")[0] == 426


def test_a_message_event_has_its_connection_and_no_headers(gateway: RunningGateway):
    with connect(gateway.url) as client:
        event = asked(client, "event")
    context = event["requestContext"]
    assert set(event) == {"requestContext", "body", "isBase64Encoded"}
    assert (context["routeKey"], context["eventType"], context["stage"]) == ("$default", "MESSAGE", "test")
    assert context["connectionId"].endswith("=")
    assert context["messageId"]
    assert context["connectedAt"] <= context["requestTimeEpoch"]


def test_a_frame_goes_to_the_route_it_names_else_to_the_default(gateway: RunningGateway):
    with connect(gateway.url) as client:
        assert asked(client, '{"action": "ping"}') == {"action": "pong"}
        for text in ('{"action": "other"}', '{"action": "$connect"}', '{"action": 1}', "[]", "plain"):
            assert asked(client, text)["echo"] == text


def test_a_route_without_a_route_response_does_not_reply(gateway: RunningGateway):
    with connect(gateway.url) as client:
        client.send('{"action": "mute"}')
        assert asked(client, "loud")["echo"] == "loud"


def test_a_function_without_a_body_sends_nothing(gateway: RunningGateway):
    with connect(gateway.url) as client:
        client.send("nothing")
        assert asked(client, "something")["echo"] == "something"


def test_frames_of_one_connection_run_side_by_side(gateway: RunningGateway):
    with connect(gateway.url) as client:
        client.send("sleep")
        assert asked(client, "quick")["echo"] == "quick"
        assert json.loads(client.recv(120))["echo"] == "sleep"


def test_a_function_that_raises_is_an_error_frame(gateway: RunningGateway):
    with connect(gateway.url) as client:
        reply = asked(client, "raise")
    assert reply["message"] == "Internal server error"
    assert set(reply) == {"message", "connectionId", "requestId"}


def test_binary_closes_with_1003(gateway: RunningGateway):
    with connect(gateway.url) as client:
        assert closed_with(client, b"\x00") == 1003


def test_a_frame_over_32_kb_closes_with_1009(gateway: RunningGateway):
    with connect(gateway.url) as client:
        assert asked(client, "x" * 32_768)["length"] == 32_768
        assert closed_with(client, "x" * 32_769) == 1009


def test_a_message_over_128_kb_closes_with_1009_however_it_is_cut(gateway: RunningGateway):
    with connect(gateway.url) as client:
        client.send(["x" * 32_768] * 4)
        assert json.loads(client.recv(120))["length"] == 131_072
        assert closed_with(client, [*["x" * 32_768] * 4, "x"]) == 1009


def test_text_may_be_cut_within_a_character(gateway: RunningGateway):
    def pieces(text: str) -> list[bytes]:
        return [bytes([byte]) for byte in text.encode()]

    with connect(gateway.url) as client:
        client.send(pieces("né"), text=True)
        assert json.loads(client.recv(120))["echo"] == "né"


def test_text_that_is_not_utf8_closes_with_1007(gateway: RunningGateway):
    with connect(gateway.url) as client:
        assert closed_with(client, b"\xff", text=True) == 1007


def test_pings_are_answered(gateway: RunningGateway):
    with connect(gateway.url) as client:
        assert client.ping(b"x").wait(120)


def test_an_idle_socket_is_closed_with_1001():
    running = RunningGateway(Limits(idle_seconds=0.3))
    with closing(running), connect(running.url) as client:
        assert closed_with(client) == 1001


def test_a_socket_dies_of_age_however_busy_it_is():
    running = RunningGateway(Limits(life_seconds=0.3))
    with closing(running), connect(running.url) as client, pytest.raises(ConnectionClosed) as caught:
        until(lambda: asked(client, '{"action": "ping"}') is None)
    assert caught.value.rcvd is not None
    assert caught.value.rcvd.code == 1001


def test_a_client_that_vanishes_is_noticed(gateway: RunningGateway):
    with connect(gateway.url) as client:
        connection_id = asked(client, "event")["requestContext"]["connectionId"]
        assert connection_id in gateway.gateway.hub.open
        client.socket.shutdown(socket.SHUT_RDWR)
        until(lambda: connection_id not in gateway.gateway.hub.open)
