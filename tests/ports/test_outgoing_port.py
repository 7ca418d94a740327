"""The outgoing HTTP port: what webhooks may rely on (real and fake), and what a hostile name or server cannot do."""

import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from parley.ports.http.outgoing import BODY_LIMIT, NoAnswer, Outgoing, Response
from parley.ports.http.targets import TargetRefused
from tests.ports.fakes import FakeOutgoing
from tests.rest.support import at_once
from tests.support.listening import listening

CERTIFICATES = Path(__file__).parent / "certificates"
OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"


@dataclass
class RawServer:
    """Answers each connection with whatever a test says, and keeps what arrived."""

    answer: bytes | Callable[[socket.socket], None] = OK
    received: list[bytes] = field(default_factory=list)
    ssl_context: ssl.SSLContext | None = None
    names: list[str | None] = field(default_factory=list)
    port: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook"

    def serve(self, connection: socket.socket) -> None:
        with suppress(OSError), connection:
            if self.ssl_context is not None:
                connection = self.ssl_context.wrap_socket(connection, server_side=True)
            self.received.append(_read_request(connection))
            if callable(self.answer):
                self.answer(connection)
            else:
                connection.sendall(self.answer)
            connection.shutdown(socket.SHUT_RDWR)
            connection.close()


def _read_request(connection: socket.socket) -> bytes:
    data = b""
    while b"\r\n\r\n" not in data:
        data += connection.recv(65_536)
    head, _, body = data.partition(b"\r\n\r\n")
    length = next((int(line[15:]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")), 0)
    while len(body) < length:
        body += connection.recv(65_536)
    return head + b"\r\n\r\n" + body


@contextmanager
def serving(server: RawServer) -> Iterator[RawServer]:
    with listening(server.serve) as server.port:
        yield server


@pytest.fixture
def server() -> Iterator[RawServer]:
    with serving(RawServer()) as running:
        yield running


@pytest.fixture
def outgoing() -> Outgoing:
    return Outgoing(allow_loopback=True)


# The contract, for the real port and the fake.


@dataclass
class Stage:
    """A port, a URL it may send to, and a say in what the other side does."""

    port: Outgoing | FakeOutgoing
    server: RawServer | None

    @property
    def url(self) -> str:
        return self.server.url if self.server else "http://127.0.0.1:9/hook"

    def answer(self, status: int, headers: dict[str, str], body: bytes) -> None:
        if isinstance(self.port, FakeOutgoing):
            self.port.answer = Response(status, headers, body)
        else:
            assert self.server is not None
            lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
            self.server.answer = f"HTTP/1.1 {status} X\r\n{lines}Content-Length: {len(body)}\r\n\r\n".encode() + body

    def fall_silent(self) -> None:
        if isinstance(self.port, FakeOutgoing):
            self.port.fall_silent()
        else:
            assert self.server is not None
            self.server.answer = lambda _: threading.Event().wait(2)


@pytest.fixture(params=["real", "fake"])
def stage(request: pytest.FixtureRequest) -> Iterator[Stage]:
    if request.param == "fake":
        yield Stage(FakeOutgoing(allow_loopback=True), None)
        return
    with serving(RawServer()) as running:
        yield Stage(Outgoing(allow_loopback=True), running)


def test_an_answer_comes_back_whole(stage: Stage) -> None:
    stage.answer(200, {"content-type": "application/json"}, b'{"body":"changed"}')
    response = stage.port.send("POST", stage.url, {}, b"a=1")
    assert (response.status, response.body) == (200, b'{"body":"changed"}')
    assert response.headers["content-type"] == "application/json"


@pytest.mark.parametrize("status", [204, 302, 404, 429, 503])
def test_every_status_is_an_answer(stage: Stage, status: int) -> None:
    stage.answer(status, {"location": "http://127.0.0.1:1/"}, b"")
    assert stage.port.send("POST", stage.url, {}, b"a=1").status == status


def test_silence_is_no_answer(stage: Stage) -> None:
    stage.fall_silent()
    with pytest.raises(NoAnswer, match="timeout"):
        stage.port.send("POST", stage.url, {}, b"a=1", timeout_seconds=0.2)


def test_a_private_target_is_refused(stage: Stage) -> None:
    with pytest.raises(TargetRefused, match="not public"):
        stage.port.send("POST", "http://169.254.169.254/latest/meta-data", {}, b"")


# Requests.


def test_a_post_arrives_as_given(server: RawServer, outgoing: Outgoing) -> None:
    headers = {"Content-Type": "application/x-www-form-urlencoded", "X-Twilio-Signature": "abc="}
    outgoing.send("POST", server.url + "?room=1#part", headers, b"Body=Hi&From=alice")
    head, _, body = server.received[0].partition(b"\r\n\r\n")
    lines = head.split(b"\r\n")
    assert lines[0] == b"POST /hook?room=1 HTTP/1.1"
    assert body == b"Body=Hi&From=alice"
    assert {
        f"Host: 127.0.0.1:{server.port}".encode(),
        b"Content-Length: 18",
        b"Content-Type: application/x-www-form-urlencoded",
        b"X-Twilio-Signature: abc=",
    } <= set(lines)


def test_a_get_has_no_body(server: RawServer, outgoing: Outgoing) -> None:
    outgoing.send("GET", f"http://127.0.0.1:{server.port}?a=1", {})
    assert server.received[0].startswith(b"GET /?a=1 HTTP/1.1\r\n")
    assert server.received[0].endswith(b"\r\n\r\n")


def test_a_redirect_is_returned_and_not_followed(server: RawServer, outgoing: Outgoing) -> None:
    server.answer = f"HTTP/1.1 307 X\r\nLocation: {server.url}\r\nContent-Length: 0\r\n\r\n".encode()
    response = outgoing.send("POST", server.url, {}, b"a=1")
    assert (response.status, response.headers["location"]) == (307, server.url)
    assert len(server.received) == 1


@pytest.mark.parametrize("size", [BODY_LIMIT, BODY_LIMIT + 1, 500_000])
def test_a_long_answer_is_read_up_to_the_limit(server: RawServer, outgoing: Outgoing, size: int) -> None:
    server.answer = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size + b"x" * size
    assert len(outgoing.send("POST", server.url, {}, b"").body) == BODY_LIMIT


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\n\r\nhello",
        b"HTTP/1.0 200 OK\r\n\r\nhello",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;a=b\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
    ],
)
def test_every_framing_is_read(server: RawServer, outgoing: Outgoing, answer: bytes) -> None:
    server.answer = answer
    assert outgoing.send("POST", server.url, {}, b"").body == b"hello"


def test_repeated_headers_are_joined(server: RawServer, outgoing: Outgoing) -> None:
    server.answer = b"HTTP/1.1 200 OK\r\nVary: a\r\nvary: b\r\nContent-Length: 0\r\n\r\n"
    assert outgoing.send("POST", server.url, {}, b"").headers["vary"] == "a, b"


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"SSH-2.0-OpenSSH_9.6\r\n\r\n",
        b"HTTP/1.1 abc\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhe",
        b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 5_000 + b"\r\n",
        b"HTTP/1.1 200 OK\r\nA: " + b"b" * 500_000 + b"\r\n\r\n",
    ],
)
def test_a_broken_answer_is_no_answer(server: RawServer, outgoing: Outgoing, answer: bytes) -> None:
    server.answer = answer
    with pytest.raises(NoAnswer):
        outgoing.send("POST", server.url, {}, b"")


def test_a_port_without_a_listener_is_no_answer(outgoing: Outgoing) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(NoAnswer, match="refused"):
        outgoing.send("POST", f"http://127.0.0.1:{port}/", {}, b"")


def _drip(connection: socket.socket, data: bytes) -> None:
    with suppress(OSError):
        while True:
            connection.sendall(data)
            time.sleep(0.02)


@pytest.mark.parametrize(
    ("start", "drop"),
    [
        (b"HTTP/1.1 200 OK\r\nX: ", b"x"),
        (b"HTTP/1.1 200 OK\r\n", b"X: y\r\n"),
        (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 60000\r\n\r\n", b"x"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n", b"X: y\r\n"),
    ],
)
def test_a_slow_drip_ends_at_the_deadline(server: RawServer, outgoing: Outgoing, start: bytes, drop: bytes) -> None:
    def answer(connection: socket.socket) -> None:
        connection.sendall(start)
        _drip(connection, drop)

    server.answer = answer
    started = time.monotonic()
    with pytest.raises(NoAnswer):
        outgoing.send("POST", server.url, {}, b"", timeout_seconds=0.3)
    assert time.monotonic() - started < 30


def test_a_listener_that_never_reads_ends_at_the_deadline(outgoing: Outgoing) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/"
        with pytest.raises(NoAnswer, match="timeout"):
            outgoing.send("POST", url, {}, b"x" * 20_000_000, timeout_seconds=0.3)


def test_threads_do_not_disturb_one_another(server: RawServer, outgoing: Outgoing) -> None:
    def echo(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n" + server_body(connection))

    def server_body(connection: socket.socket) -> bytes:
        port = connection.getpeername()[1]
        return b"%02d" % (port % 100)

    server.answer = echo
    answers = at_once(16, lambda _: outgoing.send("POST", server.url, {}, b"a", timeout_seconds=60))
    assert [answer.status for answer in answers] == [200] * 16


# Names.


class Resolver:
    """Answers with the next of its answers each time, and counts."""

    def __init__(self, *answers: list[str]) -> None:
        self.answers = list(answers)
        self.asked: list[str] = []

    def __call__(self, host: str) -> list[str]:
        self.asked.append(host)
        return self.answers.pop(0)


def test_a_name_is_resolved_once_and_the_connection_goes_to_that_address(server: RawServer) -> None:
    """DNS rebinding: the second answer would lead inside, but nobody asks a second time."""
    resolver = Resolver(["93.184.215.14"], ["127.0.0.1"])
    connected: list[tuple[str, int]] = []

    def connect(address: tuple[str, int], timeout_seconds: float) -> socket.socket:
        connected.append(address)
        return socket.create_connection(("127.0.0.1", server.port), timeout_seconds)

    Outgoing(resolver=resolver, connect=connect).send("POST", "http://hooks.example.com/x", {}, b"")
    assert resolver.asked == ["hooks.example.com"]
    assert connected == [("93.184.215.14", 80)]
    assert b"\r\nHost: hooks.example.com\r\n" in server.received[0]


def test_a_name_that_leads_inside_the_next_time_is_refused_the_next_time(server: RawServer) -> None:
    resolver = Resolver(["127.0.0.1"], ["10.0.0.5"])
    outgoing = Outgoing(allow_loopback=True, resolver=resolver)
    url = f"http://hooks.example.com:{server.port}/"
    assert outgoing.send("POST", url, {}, b"").status == 200
    with pytest.raises(TargetRefused):
        outgoing.send("POST", url, {}, b"")
    assert len(server.received) == 1


@pytest.mark.parametrize(
    "addresses",
    [
        ["127.0.0.1"],
        ["93.184.215.14", "10.0.0.1"],
        ["::ffff:169.254.169.254"],
        ["2606:2800:21f:cb07:6820:80da:af6b:8b2c", "::1"],
        ["64:ff9b::a9fe:a9fe"],
        ["fe80::1%eth0"],
    ],
)
def test_a_name_is_refused_when_any_of_its_addresses_is_not_public(addresses: list[str]) -> None:
    def connect(address: tuple[str, int], timeout_seconds: float) -> socket.socket:
        raise AssertionError("nothing may connect")

    with pytest.raises(TargetRefused):
        Outgoing(resolver=Resolver(addresses), connect=connect).send("POST", "https://hooks.example.com/", {}, b"")


def test_the_next_address_of_a_name_is_tried_when_one_does_not_answer(server: RawServer) -> None:
    resolver = Resolver(["127.0.0.2", "127.0.0.1"])
    outgoing = Outgoing(allow_loopback=True, resolver=resolver)
    assert outgoing.send("POST", f"http://hooks.example.com:{server.port}/", {}, b"").status == 200


def test_a_name_without_an_address_is_no_answer() -> None:
    def resolver(host: str) -> list[str]:
        raise socket.gaierror(socket.EAI_NONAME, "unknown")

    with pytest.raises(NoAnswer, match="no address"):
        Outgoing(resolver=resolver).send("POST", "https://hooks.example.com/", {}, b"")


def test_a_silent_name_server_ends_at_the_deadline() -> None:
    release = threading.Event()

    def resolver(host: str) -> list[str]:
        release.wait(120)
        return []

    started = time.monotonic()
    with pytest.raises(NoAnswer, match="timeout"):
        Outgoing(resolver=resolver).send("POST", "https://hooks.example.com/", {}, b"", timeout_seconds=0.2)
    release.set()
    assert time.monotonic() - started < 30


# TLS.


@pytest.fixture
def tls_server() -> Iterator[RawServer]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATES / "server.pem")
    with serving(RawServer(ssl_context=context)) as running:
        context.sni_callback = lambda _socket, name, _context: running.names.append(name)
        yield running


def trusting() -> ssl.SSLContext:
    return ssl.create_default_context(cafile=CERTIFICATES / "authority.pem")


def test_the_certificate_and_the_tls_name_are_those_of_the_url(tls_server: RawServer) -> None:
    outgoing = Outgoing(allow_loopback=True, resolver=lambda _: ["127.0.0.1"], ssl_context=trusting())
    url = f"https://hooks.example.com:{tls_server.port}/"
    assert outgoing.send("POST", url, {}, b"a=1").status == 200
    assert tls_server.names == ["hooks.example.com"]
    assert f"Host: hooks.example.com:{tls_server.port}".encode() in tls_server.received[0]


@pytest.mark.parametrize(
    ("host", "context"), [("other.example.com", trusting()), ("hooks.example.com", None)], ids=["name", "authority"]
)
def test_a_wrong_certificate_gets_no_request(tls_server: RawServer, host: str, context: ssl.SSLContext | None) -> None:
    outgoing = Outgoing(allow_loopback=True, resolver=lambda _: ["127.0.0.1"], ssl_context=context)
    with pytest.raises(NoAnswer, match="TLS"):
        outgoing.send("POST", f"https://{host}:{tls_server.port}/", {}, b"a=1")
    assert tls_server.received == []


def test_a_handshake_that_never_ends_ends_at_the_deadline() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"https://127.0.0.1:{listener.getsockname()[1]}/"
        with pytest.raises(NoAnswer, match="timeout"):
            Outgoing(allow_loopback=True).send("POST", url, {}, b"", timeout_seconds=0.3)
