"""The outgoing HTTP port: what webhooks may rely on (real and fake), and what a hostile URL or server cannot do."""

import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from parley.outgoing import BODY_LIMIT, NoAnswer, Outgoing, Response
from parley.targets import Target, TargetRefused, check_address, check_url
from tests.contracts.fakes import FakeOutgoing

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
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server.port = listener.getsockname()[1]

        def accept() -> None:
            with suppress(OSError):
                while True:
                    connection, _ = listener.accept()
                    threading.Thread(target=server.serve, args=(connection,), daemon=True).start()

        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        yield server
        with suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
    thread.join(5)


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
    assert (response.status, response.body, response.is_truncated) == (200, b'{"body":"changed"}', False)
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


def test_a_long_answer_is_cut_off_and_says_so(server: RawServer, outgoing: Outgoing) -> None:
    server.answer = b"HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n" + b"x" * 500_000
    response = outgoing.send("POST", server.url, {}, b"")
    assert (len(response.body), response.is_truncated) == (BODY_LIMIT, True)


def test_an_answer_of_exactly_the_limit_is_whole(server: RawServer, outgoing: Outgoing) -> None:
    server.answer = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % BODY_LIMIT + b"x" * BODY_LIMIT
    response = outgoing.send("POST", server.url, {}, b"")
    assert (len(response.body), response.is_truncated) == (BODY_LIMIT, False)


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
    assert time.monotonic() - started < 1.5


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
    results: list[int] = []
    threads = [
        threading.Thread(target=lambda: results.append(outgoing.send("POST", server.url, {}, b"a").status))
        for _ in range(16)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [200] * 16


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
        release.wait(10)
        return []

    started = time.monotonic()
    with pytest.raises(NoAnswer, match="timeout"):
        Outgoing(resolver=resolver).send("POST", "https://hooks.example.com/", {}, b"", timeout_seconds=0.2)
    release.set()
    assert time.monotonic() - started < 2


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


# Spellings of places inside. Each is refused before any name is resolved.

INSIDE = [
    # loopback and "this host", as libraries and the C library's inet_aton read them
    "127.0.0.1",
    "127.0.0.1.",
    "127.1",
    "127.0.1",
    "127.255.255.254",
    "2130706433",
    "0x7f000001",
    "0x7f.1",
    "0x7F.0x0.0x0.0x1",
    "017700000001",
    "0177.0.0.1",
    "0177.0.0.01",
    "00000177.0.0.1",
    "127.0.0.0x1",
    "0",
    "0.0.0.0",
    "0x0",
    "0x",
    "4294967295",
    "4294967296",
    "localhost",
    "LOCALHOST",
    "localhost.",
    "hooks.localhost",
    "%6cocalhost",
    "127%2e0%2e0%2e1",
    "１２７.0.0.1",
    "127。0。0。1",
    "①②⑦.⓪.⓪.①",
    "ⓛocalhost",
    # private, link-local, metadata, carrier-grade NAT
    "10.0.0.1",
    "10.1",
    "0xa.0x0.0x0.0x1",
    "012.0.0.1",
    "172.16.0.1",
    "172.31.255.255",
    "192.168.0.1",
    "192.168.1",
    "3232235521",
    "169.254.169.254",
    "169.254.170.2",
    "169.254.43518",
    "2852039166",
    "0xa9fea9fe",
    "0xA9.0xFE.0xA9.0xFE",
    "0251.0376.0251.0376",
    "0251.254.169.254",
    "169.254.169.254.",
    "100.64.0.1",
    "100.100.100.200",
    # protocol assignments, documentation, benchmarking, multicast, reserved, broadcast
    "192.0.0.192",
    "192.0.2.1",
    "192.88.99.1",
    "198.18.0.1",
    "198.51.100.7",
    "203.0.113.7",
    "224.0.0.1",
    "239.255.255.250",
    "240.0.0.1",
    "255.255.255.255",
    # IPv6
    "[::1]",
    "[::]",
    "[0:0:0:0:0:0:0:1]",
    "[0000:0000:0000:0000:0000:0000:0000:0001]",
    "[::127.0.0.1]",
    "[::7f00:1]",
    "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]",
    "[0:0:0:0:0:ffff:a9fe:a9fe]",
    "[::ffff:169.254.169.254]",
    "[::ffff:8.8.8.8]",
    "[::ffff:0:127.0.0.1]",
    "[64:ff9b::127.0.0.1]",
    "[64:ff9b::a9fe:a9fe]",
    "[64:ff9b:1::a00:1]",
    "[2002:7f00:1::]",
    "[2002:a9fe:a9fe::1]",
    "[2001:0:7f00:1::]",
    "[2001:db8::1]",
    "[3fff::1]",
    "[fe80::1]",
    "[fe80::1%25eth0]",
    "[fe80::5efe:10.0.0.1]",
    "[2606:2800::5efe:10.0.0.1]",
    "[2606:2800::200:5efe:10.0.0.1]",
    "[fec0::1]",
    "[fc00::1]",
    "[fd00:ec2::254]",
    "[fd20:ce::254]",
    "[ff02::1]",
    "[100::1]",
    "[5f00::1]",
    "[v1.127.0.0.1]",
    "[127.0.0.1]",
    "[]",
]
MALFORMED = [
    "",
    "hooks.example.com",
    "//hooks.example.com/",
    "http:hooks.example.com",
    "http:/hooks.example.com",
    "http:///hook",
    "http://",
    "http://:80/",
    "ftp://hooks.example.com/",
    "file:///etc/passwd",
    "gopher://hooks.example.com/",
    "javascript:alert(1)",
    "http://user@hooks.example.com/",
    "http://user:secret@hooks.example.com/",
    "http://hooks.example.com@127.0.0.1/",
    "http://127.0.0.1\\@hooks.example.com/",
    "http://hooks.example.com\\@127.0.0.1/",
    "http://hooks.example.com:0/",
    "http://hooks.example.com:65536/",
    "http://hooks.example.com:-1/",
    "http://hooks.example.com:80:80/",
    "http://hooks.example.com:8o/",
    "http://hooks example.com/",
    "http://hooks.example.com/a b",
    "http://hooks.example.com/\r\nX: y",
    "http://hooks.\texample.com/",
    "http://hooks.example.com/zażółć",
    "http://hooks..example.com/",
    "http://.example.com/",
    "http://-hooks.example.com/",
    "http://hooks.example.com,127.0.0.1/",
    "http://[::1/",
    "http://::1/",
    "http://[::1]x/",
    "http://" + "a" * 64 + ".example.com/",
    "http://" + "a." * 127 + "example.com/",
    " http://hooks.example.com/",
    "http://hooks.example.com/\x00",
]


@pytest.mark.parametrize("host", INSIDE)
def test_no_spelling_of_a_place_inside_passes(host: str) -> None:
    for url in (f"http://{host}/", f"https://{host}:8443/hook?a=b"):
        with pytest.raises(TargetRefused):
            check_url(url)


@pytest.mark.parametrize("mark", ["#", "?", "/", "/#", ":80#"])
def test_what_follows_the_authority_does_not_hide_it(mark: str) -> None:
    with pytest.raises(TargetRefused):
        check_url(f"http://127.0.0.1{mark}@hooks.example.com/")


@pytest.mark.parametrize("url", MALFORMED)
@pytest.mark.parametrize("allow_loopback", [False, True])
def test_no_malformed_url_passes(url: str, allow_loopback: bool) -> None:
    with pytest.raises(TargetRefused):
        check_url(url, allow_loopback)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "[::1]", "localhost", "hooks.localhost"])
def test_loopback_passes_where_it_is_allowed(host: str) -> None:
    assert check_url(f"http://{host}:8080/", allow_loopback=True).port == 8080


@pytest.mark.parametrize("host", sorted(set(INSIDE) - {"127.0.0.1", "127.255.255.254"}))
def test_allowing_loopback_allows_no_other_place_and_no_odd_spelling(host: str) -> None:
    is_loopback = host.lower().rstrip(".").endswith("localhost") and host[0] not in "%ⓛ"
    if is_loopback or host in ("[::1]", "[0:0:0:0:0:0:0:1]", "[0000:0000:0000:0000:0000:0000:0000:0001]"):
        check_url(f"http://{host}/", allow_loopback=True)
        return
    with pytest.raises(TargetRefused):
        check_url(f"http://{host}/", allow_loopback=True)


@pytest.mark.parametrize(
    ("url", "target"),
    [
        ("https://hooks.example.com/a?b=c#d", Target("https", "hooks.example.com", 443, "/a?b=c")),
        ("HTTP://Hooks.Example.COM", Target("http", "hooks.example.com", 80, "/")),
        ("http://hooks.example.com?a=1", Target("http", "hooks.example.com", 80, "/?a=1")),
        ("https://hooks.example.com.:8443/", Target("https", "hooks.example.com", 8443, "/")),
        ("https://xn--bcher-kva.example/", Target("https", "xn--bcher-kva.example", 443, "/")),
        ("https://a_b.example.com:/x@y", Target("https", "a_b.example.com", 443, "/x@y")),
        ("https://8.8.8.8/", Target("https", "8.8.8.8", 443, "/")),
        ("https://172.32.0.1/", Target("https", "172.32.0.1", 443, "/")),
        ("https://[2606:2800:21f::1]/", Target("https", "2606:2800:21f::1", 443, "/")),
        ("https://1.example.com/", Target("https", "1.example.com", 443, "/")),
    ],
)
def test_public_urls_pass(url: str, target: Target) -> None:
    assert check_url(url) == target


def test_the_host_header_names_the_port_only_where_it_is_unusual() -> None:
    assert check_url("https://hooks.example.com:443/").host_header == "hooks.example.com"
    assert check_url("http://hooks.example.com:443/").host_header == "hooks.example.com:443"
    assert check_url("https://[2606:2800:21f::1]:8443/").host_header == "[2606:2800:21f::1]:8443"


def test_an_address_in_an_odd_spelling_is_refused() -> None:
    for address in ("127.1", "8.8.8", "0x8.8.8.8", "", "hooks.example.com", "8.8.8.8/32"):
        with pytest.raises(TargetRefused):
            check_address(address)
