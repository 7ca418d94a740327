"""`@connections`: what a push, a look and a close do to a socket, and when they are refused."""

from __future__ import annotations

import base64
import contextlib
import json
import socket
import threading
from collections.abc import Iterator

import boto3
import pytest
from botocore.exceptions import ClientError
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from local.emulators.engine import CREDENTIALS
from local.gateway.sockets import Limits
from tests.local.conftest import SIGNED, RunningGateway
from tests.support.waiting import until


def id_of(client: ClientConnection) -> str:
    client.send("event")
    return json.loads(client.recv(120))["requestContext"]["connectionId"]


def test_a_push_reaches_the_client_as_one_text_message(gateway: RunningGateway):
    with connect(gateway.url) as client:
        connection_id = id_of(client)
        for text in ("héllo", "x" * 131_072):
            assert gateway.management("POST", connection_id, text.encode()) == (200, "")
            assert client.recv(120) == text


def test_boto3_pushes_looks_and_closes(gateway: RunningGateway):
    api = boto3.Session().client(
        "apigatewaymanagementapi",
        endpoint_url=f"http://127.0.0.1:{gateway.port}/_aws/socketapi/test",
        region_name="us-east-1",
        aws_access_key_id=CREDENTIALS["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=CREDENTIALS["AWS_SECRET_ACCESS_KEY"],
    )
    with connect(gateway.url) as client:
        connection_id = id_of(client)
        api.post_to_connection(ConnectionId=connection_id, Data=b"hello")
        assert client.recv(120) == "hello"
        shown = api.get_connection(ConnectionId=connection_id)
        assert shown["Identity"]["SourceIp"] == "127.0.0.1"
        assert shown["ConnectedAt"] <= shown["LastActiveAt"]
        api.delete_connection(ConnectionId=connection_id)
        with pytest.raises(ConnectionClosed):
            client.recv(120)
        with pytest.raises(api.exceptions.GoneException):
            api.post_to_connection(ConnectionId=connection_id, Data=b"late")
        with pytest.raises(ClientError) as caught:
            api.post_to_connection(ConnectionId=connection_id, Data=b"x" * 131_073)
        assert caught.value.response["Error"]["Code"] == "PayloadTooLargeException"


def test_unknown_and_closed_connections_are_gone(gateway: RunningGateway):
    assert gateway.management("POST", "never=", b"x") == (410, "GoneException")
    with connect(gateway.url) as client:
        connection_id = id_of(client)
    until(lambda: gateway.management("POST", connection_id, b"x") == (410, "GoneException"))
    for method in ("GET", "DELETE"):
        assert gateway.management(method, connection_id) == (410, "GoneException")


def test_there_is_no_push_before_connect_has_returned(gateway: RunningGateway):
    clients: list[ClientConnection] = []
    before = set(gateway.gateway.hub.open)
    opening = threading.Thread(target=lambda: clients.append(connect(f"{gateway.url}?sleep=0.3")))
    opening.start()
    opening.join(0.15)
    assert opening.is_alive()
    assert set(gateway.gateway.hub.open) == before
    opening.join()
    with clients[0] as client:
        assert gateway.management("POST", id_of(client), b"x") == (200, "")


def test_a_push_over_128_kb_is_refused(gateway: RunningGateway):
    with connect(gateway.url) as client:
        assert gateway.management("POST", id_of(client), b"x" * 131_073) == (413, "PayloadTooLargeException")


def test_binary_cannot_be_pushed(gateway: RunningGateway):
    with connect(gateway.url) as client:
        assert gateway.management("POST", id_of(client), b"\xff") == (400, "BadRequestException")


@pytest.fixture
def small_gateway() -> Iterator[RunningGateway]:
    """A gateway that keeps little for a client that does not read."""
    with contextlib.closing(RunningGateway(Limits(buffer_bytes=20_000))) as running:
        yield running


def test_a_client_that_does_not_read_is_limited(small_gateway: RunningGateway):
    head = "GET /ws HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
    with socket.create_connection(("127.0.0.1", small_gateway.port), timeout=120) as client:
        client.sendall(f"{head}Sec-WebSocket-Key: {base64.b64encode(bytes(16)).decode()}\r\n\r\n".encode())
        (connection_id,) = until(lambda: list(small_gateway.gateway.hub.open))
        answers = [small_gateway.management("POST", connection_id, b"x" * 131_000) for _ in range(100)]
    assert (429, "LimitExceededException") in answers
    assert set(answers) <= {(200, ""), (429, "LimitExceededException"), (410, "GoneException")}


def test_a_request_without_a_signature_is_refused(gateway: RunningGateway):
    status, headers, _ = gateway.request("POST", "/test/@connections/x%3D", b"x")
    assert (status, headers["x-amzn-ErrorType"]) == (403, "MissingAuthenticationTokenException")


def test_the_path_may_have_any_stage_before_it(gateway: RunningGateway):
    for prefix in ("", "/prod", "/_aws/socketapi/prod"):
        assert gateway.request("POST", f"{prefix}/@connections/x%3D", b"x", SIGNED)[0] == 410
