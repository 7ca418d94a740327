"""Links to files through the gateway: what may pass, that nothing is held in memory, and who hears of an end."""

from __future__ import annotations

import contextlib
import http.client
import socket
from collections.abc import Iterator

import pytest

from local.gateway.objects import ObjectsFront
from local.gateway.sockets import Limits
from local.http.server import BODY_LIMIT
from tests.local.conftest import RunningGateway

BUCKET = "parley-files"
FILE = f"/_aws/s3/{BUCKET}/IS1/ME1"
QUERY = "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-SignedHeaders=host%3Bx-amz-checksum-sha256&X-Amz-Signature=5e"
LINK = f"{FILE}?{QUERY}"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok"
# More than two pairs of loopback's sockets hold, and the gateway between them.
MUCH = 64 << 20
PIECE = bytes(1 << 20)


class Emulated:
    """The gateway's connection to the emulator, from the emulator's end."""

    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection
        connection.settimeout(20)

    def head(self) -> str:
        """The request's line and headers."""
        read = b""
        while not read.endswith(b"\r\n\r\n"):
            piece = self.connection.recv(1)
            assert piece, "the gateway left before its request was complete"
            read += piece
        return read.decode()

    def take(self, size: int) -> int:
        """Read so many bytes, or until the gateway sends no more; returns how many there were."""
        taken = 0
        with contextlib.suppress(ConnectionError):
            while taken < size and (piece := self.connection.recv(min(1 << 20, size - taken))):
                taken += len(piece)
        return taken


class Emulator:
    """A server in the place of MiniStack that does what a test says."""

    def __init__(self) -> None:
        self._listening = socket.create_server(("127.0.0.1", 0))
        self._listening.settimeout(20)
        self.url = f"http://127.0.0.1:{self._listening.getsockname()[1]}"
        self._accepted: list[socket.socket] = []

    def accept(self) -> Emulated:
        connection, _ = self._listening.accept()
        self._accepted.append(connection)
        return Emulated(connection)

    def has_been_asked(self) -> bool:
        self._listening.settimeout(0)
        try:
            self._accepted.append(self._listening.accept()[0])
        except BlockingIOError:
            return False
        return True

    def close(self) -> None:
        for connection in (self._listening, *self._accepted):
            connection.close()


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    with contextlib.closing(Emulator()) as made:
        yield made


@pytest.fixture
def passing(emulator: Emulator) -> Iterator[RunningGateway]:
    """A gateway that passes links on to the emulator."""
    with contextlib.closing(RunningGateway(Limits(), objects=ObjectsFront(emulator.url, (BUCKET,)))) as running:
        yield running


@pytest.fixture
def client(passing: RunningGateway) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", passing.port), timeout=20) as connection:
        yield connection


def request(method: str = "GET", target: str = LINK, *headers: str) -> bytes:
    return "\r\n".join([f"{method} {target} HTTP/1.1", "Host: example.test:8080", *headers, "", ""]).encode()


def answered(client: socket.socket) -> tuple[int, bytes]:
    """Status and body of the next answer."""
    response = http.client.HTTPResponse(client)
    response.begin()
    return response.status, response.read()


def rest(client: socket.socket) -> bytes:
    """Everything that comes until the connection ends."""
    read = b""
    while piece := client.recv(1 << 20):
        read += piece
    return read


def sent(connection: socket.socket, size: int) -> int:
    """Send so many bytes, or as many as the other end takes without reading on; returns how many these were."""
    connection.settimeout(0.3)
    done = 0
    with contextlib.suppress(TimeoutError):
        while done < size:
            done += connection.send(PIECE[: size - done])
    connection.settimeout(20)
    return done


def test_a_link_reaches_the_emulator_with_the_host_and_path_that_it_was_signed_for(
    emulator: Emulator, client: socket.socket
):
    client.sendall(request("GET", LINK, "Range: bytes=1-2"))
    asked = emulator.accept()
    line, *headers = asked.head().strip().split("\r\n")
    assert line == f"GET /{BUCKET}/IS1/ME1?{QUERY} HTTP/1.1"
    assert headers == ["Host: example.test:8080", "Range: bytes=1-2", "Connection: close"]
    asked.connection.sendall(OK)
    asked.connection.close()
    assert rest(client) == OK


@pytest.mark.parametrize(
    ("method", "target"),
    [
        ("GET", FILE),
        ("GET", f"{FILE}?X-Amz-Signature=5e"),
        ("GET", f"{FILE}?X-Amz-Algorithm=AWS4-HMAC-SHA256"),
        ("GET", f"{FILE}?X-Amz-Algorithm=AWS4-ECDSA-P256-SHA256&X-Amz-Signature=5e"),
        ("GET", f"{FILE}?X-Amz-Algorithm=none&{QUERY}"),
        ("GET", f"{LINK}&x-amz-signature=5e"),
        ("GET", f"/_aws/s3/?{QUERY}"),
        ("GET", f"/_aws/s3/{BUCKET}?{QUERY}"),
        ("GET", f"/_aws/s3/{BUCKET}/?{QUERY}"),
        ("GET", f"/_aws/s3/other/IS1/ME1?{QUERY}"),
        ("GET", f"/_aws/s3/{BUCKET}/../_ministack/health?{QUERY}"),
        ("GET", f"/_aws/s3/{BUCKET}/%2e%2e/health?{QUERY}"),
        ("OPTIONS", f"/_aws/s3/other/IS1/ME1?{QUERY}"),
    ],
)
def test_a_request_without_a_link_to_a_file_is_denied_and_does_not_reach_the_emulator(
    emulator: Emulator, client: socket.socket, method: str, target: str
):
    client.sendall(request(method, target))
    status, body = answered(client)
    assert (status, b"<Code>AccessDenied</Code>" in body) == (403, True)
    assert not emulator.has_been_asked()


@pytest.mark.parametrize("method", ["POST", "DELETE", "PATCH"])
def test_a_link_is_only_for_fetching_and_storing(emulator: Emulator, client: socket.socket, method: str):
    client.sendall(request(method, LINK, "Content-Length: 0"))
    assert answered(client)[0] == 405
    assert not emulator.has_been_asked()


def test_a_header_of_s3_that_was_not_signed_is_refused_as_s3_does(emulator: Emulator, client: socket.socket):
    client.sendall(request("PUT", LINK, "Content-Length: 1", "x-amz-acl: public-read"))
    assert answered(client)[0] == 403
    assert not emulator.has_been_asked()


def test_credentials_that_a_client_keeps_after_the_redirect_are_left_out(emulator: Emulator, client: socket.socket):
    client.sendall(request("GET", LINK, "Authorization: Basic eDp5", "Cookie: a=b"))
    head = emulator.accept().head().lower()
    assert "authorization" not in head and "cookie" not in head


def test_a_file_of_unknown_length_is_refused_as_s3_does(emulator: Emulator, client: socket.socket):
    client.sendall(request("PUT", LINK, "Transfer-Encoding: chunked") + b"1\r\nx\r\n0\r\n\r\n")
    status, body = answered(client)
    assert (status, b"<Code>MissingContentLength</Code>" in body) == (411, True)
    assert not emulator.has_been_asked()


def test_a_preflight_of_a_browser_is_passed_on(emulator: Emulator, client: socket.socket):
    client.sendall(request("OPTIONS", LINK, "Origin: http://a.test", "Access-Control-Request-Method: PUT"))
    head = emulator.accept().head()
    assert head.startswith(f"OPTIONS /{BUCKET}/IS1/ME1?")
    assert "Access-Control-Request-Method: PUT" in head


def test_a_file_may_be_larger_than_any_other_body(emulator: Emulator, client: socket.socket):
    size = BODY_LIMIT + 1
    client.sendall(request("PUT", LINK, f"Content-Length: {size}", "x-amz-checksum-sha256: x"))
    asked = emulator.accept()
    assert f"Content-Length: {size}" in asked.head()
    for begin in range(0, size, len(PIECE)):
        piece = PIECE[: size - begin]
        client.sendall(piece)
        assert asked.take(len(piece)) == len(piece)
    asked.connection.sendall(OK)
    asked.connection.close()
    assert rest(client) == OK


def test_every_other_body_keeps_its_limit(emulator: Emulator, passing: RunningGateway):
    status, _, _ = passing.request("POST", "/x", b"", {"Content-Length": str(BODY_LIMIT + 1)})
    assert status == 413


def test_a_client_that_waits_to_be_asked_for_the_file_is_asked(emulator: Emulator, client: socket.socket):
    client.sendall(request("PUT", LINK, "Content-Length: 1", "Expect: 100-continue"))
    assert answered_line(client) == b"HTTP/1.1 100 Continue"
    client.sendall(b"x")
    asked = emulator.accept()
    assert "expect" not in asked.head().lower()
    assert asked.take(1) == 1


def answered_line(client: socket.socket) -> bytes:
    read = b""
    while not read.endswith(b"\r\n\r\n"):
        read += client.recv(1)
    return read.strip()


def test_an_emulator_that_reads_slowly_slows_the_client_down(emulator: Emulator, client: socket.socket):
    client.sendall(request("PUT", LINK, f"Content-Length: {MUCH}"))
    asked = emulator.accept()
    asked.head()
    before = sent(client, MUCH)
    assert before < MUCH, "the gateway took in everything"
    taken = 0
    while before < MUCH:
        taken += asked.take(1 << 22)
        before += sent(client, min(1 << 22, MUCH - before))
    assert taken + asked.take(MUCH - taken) == MUCH


def test_a_client_that_reads_slowly_slows_the_emulator_down(emulator: Emulator, client: socket.socket):
    client.sendall(request())
    asked = emulator.accept()
    asked.head()
    asked.connection.sendall(f"HTTP/1.1 200 OK\r\nContent-Length: {MUCH}\r\n\r\n".encode())
    before = sent(asked.connection, MUCH)
    assert before < MUCH, "the gateway took in everything"
    response = http.client.HTTPResponse(client)
    response.begin()
    read = 0
    while before < MUCH:
        read += len(response.read(1 << 22))
        before += sent(asked.connection, min(1 << 22, MUCH - before))
    assert read + len(response.read()) == MUCH


def test_the_client_gets_each_part_of_an_answer_before_the_emulator_has_sent_all(
    emulator: Emulator, client: socket.socket
):
    client.sendall(request())
    asked = emulator.accept()
    asked.head()
    asked.connection.sendall(OK[:-1])
    read = b""
    while len(read) < len(OK) - 1:
        read += client.recv(1 << 10)
    assert read == OK[:-1]


def test_the_emulator_hears_of_a_client_that_leaves_while_it_stores(emulator: Emulator, client: socket.socket):
    client.sendall(request("PUT", LINK, "Content-Length: 100") + b"half")
    asked = emulator.accept()
    asked.head()
    assert asked.take(4) == 4
    client.close()
    assert asked.take(1) == 0


def test_the_emulator_hears_of_a_client_that_leaves_while_it_fetches(emulator: Emulator, client: socket.socket):
    client.sendall(request())
    asked = emulator.accept()
    asked.head()
    asked.connection.sendall(OK[:-1])
    client.recv(1)
    client.close()
    assert asked.take(1) == 0


def test_a_client_hears_of_an_emulator_that_leaves_in_the_middle(emulator: Emulator, client: socket.socket):
    client.sendall(request())
    asked = emulator.accept()
    asked.head()
    asked.connection.sendall(OK[:-1])
    asked.connection.close()
    assert rest(client) == OK[:-1]


def test_without_an_answer_the_client_is_told_to_come_back(emulator: Emulator, client: socket.socket):
    client.sendall(request("PUT", LINK, "Content-Length: 100") + b"half")
    asked = emulator.accept()
    asked.head()
    asked.connection.close()
    assert answered(client)[0] == 503


def test_without_an_emulator_the_client_is_told_to_come_back(emulator: Emulator, client: socket.socket):
    emulator.close()
    client.sendall(request())
    assert answered(client)[0] == 503


def test_the_answer_to_a_link_waits_for_those_to_earlier_requests(emulator: Emulator, client: socket.socket):
    client.sendall(request("GET", "/chat/first") + request())
    asked = emulator.accept()
    asked.head()
    asked.connection.sendall(OK)
    asked.connection.close()
    first, _, second = rest(client).rpartition(b"HTTP/1.1")
    assert b"/chat/first" in first
    assert b"HTTP/1.1" + second == OK


def test_a_connection_ends_with_the_answer_to_a_link(emulator: Emulator, client: socket.socket):
    client.sendall(request() + request("GET", "/chat/second") + request())
    asked = emulator.accept()
    asked.head()
    asked.connection.sendall(OK)
    asked.connection.close()
    assert rest(client) == OK
    assert not emulator.has_been_asked()
