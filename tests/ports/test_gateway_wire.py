"""What the socket gateway port puts on the wire and reads from it: signatures as botocore makes them, HTTP answers."""

import hashlib
import time
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any
from urllib.parse import quote

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from hypothesis import given
from hypothesis import strategies as st

from parley.ports.sigv4 import Signer, canonical_path
from parley.ports.sockets.gateway import SocketGateway
from parley.ports.sockets.keepalive import BadAnswer, parse_answer
from tests.ports.connections_server import ANSWERS, ConnectionsServer, id_of

ALICE, BOB = "L0SM9cOFvHcCIhw=", "Nz4Ab-_+/x0CE1g="
KEYS = SimpleNamespace(access_key="AKIDEXAMPLE", secret_key="wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", token="to/k=en")


@pytest.fixture
def server() -> Iterator[ConnectionsServer]:
    with ConnectionsServer() as running:
        yield running


def botocore_authorization(credentials: Any, url: str, method: str, body: bytes, date: str) -> str:
    request = AWSRequest(method, url, data=body)
    request.context["timestamp"] = date
    keys = Credentials(credentials.access_key, credentials.secret_key, credentials.token)
    signer = SigV4Auth(keys, "execute-api", "eu-central-1")
    signer._modify_request_before_signing(request)
    signature = signer.signature(signer.string_to_sign(request, signer.canonical_request(request)), request)
    signer._inject_signature_to_request(request, signature)
    return request.headers["Authorization"]


@given(
    # botocore takes "." and ".." for folders; no connection has such an id.
    connection_id=st.text(st.characters(codec="utf-8"), min_size=3, max_size=24) | st.just(ALICE),
    body=st.binary(max_size=64),
    now=st.integers(0, 4_000_000_000),
    token=st.none() | st.just("FwoGZXIvYXdzEJr//token+="),
    method=st.sampled_from(["POST", "DELETE"]),
)
def test_signatures_are_those_of_botocore(
    connection_id: str, body: bytes, now: int, token: str | None, method: str
) -> None:
    credentials = SimpleNamespace(access_key="AKID", secret_key="secret/key", token=token)
    host = "abc123.execute-api.eu-central-1.amazonaws.com"
    path = f"/prod/@connections/{quote(connection_id, safe='')}"
    signer = Signer(credentials, "eu-central-1", "execute-api", host)
    lines = signer.headers(method, canonical_path(path), hashlib.sha256(body).hexdigest(), now + 0.7)
    headers = dict(line.split(": ", 1) for line in lines.strip().split("\r\n"))
    date = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(now))
    assert headers["X-Amz-Date"] == date
    assert headers.get("X-Amz-Security-Token") == token
    assert headers["Authorization"] == botocore_authorization(credentials, f"https://{host}{path}", method, body, date)


def test_around_midnight_each_thread_signs_with_the_key_of_its_own_day() -> None:
    midnight = 20_000 * 86_400

    class Yielding:
        """Lets another thread sign a request of the day before, while one of the new day is signed."""

        access_key, secret_key = KEYS.access_key, KEYS.secret_key
        is_first = True

        @property
        def token(self) -> str:
            if self.is_first:
                self.is_first = False
                signer.headers("POST", "/", "", midnight - 1)
            return str(KEYS.token)

    signer = Signer(Yielding(), "eu-central-1", "execute-api", "host")
    alone = Signer(KEYS, "eu-central-1", "execute-api", "host")
    assert signer.headers("POST", "/", "", midnight) == alone.headers("POST", "/", "", midnight)


def test_requests_carry_the_signature_of_what_they_ask(server: ConnectionsServer) -> None:
    gateway = SocketGateway(server.url, "eu-central-1", lambda: KEYS)
    server.open(ALICE, BOB)
    gateway.post([(ALICE, b"1"), (BOB, b"2"), (BOB, b"3")])
    gateway.disconnect(BOB)
    gateway.close()
    assert len(server.requests) == 4
    for request in server.requests:
        url = f"http://127.0.0.1:{server.port}{request.path}"
        date = request.headers["x-amz-date"]
        expected = botocore_authorization(KEYS, url, request.method, request.body, date)
        assert request.headers["authorization"] == expected
        assert request.headers["x-amz-security-token"] == KEYS.token
    assert {id_of(request) for request in server.requests} == {ALICE, BOB}
    assert server.requests[0].path.startswith("/prod/@connections/")


def test_credentials_are_read_once_per_call_so_that_a_refresh_counts(server: ConnectionsServer) -> None:
    issued = []

    def credentials() -> SimpleNamespace:
        issued.append(len(issued))
        return SimpleNamespace(access_key=f"AKID{len(issued)}", secret_key="secret", token=None)

    gateway = SocketGateway(server.url, "eu-central-1", credentials)
    server.open(ALICE, BOB)
    gateway.post([(ALICE, b"1"), (BOB, b"1")])
    gateway.post([(ALICE, b"2"), (BOB, b"2")])
    gateway.close()
    assert len(issued) == 2
    keys = {request.body: request.headers["authorization"].split("=")[1].split("/")[0] for request in server.requests}
    assert keys == {b"1": "AKID1", b"2": "AKID2"}


# The reader of answers.


@pytest.mark.parametrize(
    "answer", [name for name, data in ANSWERS.items() if data.startswith(b"HTTP/") and name != "half a head"]
)
def test_an_answer_reads_the_same_in_whatever_pieces_it_comes(answer: str) -> None:
    data = ANSWERS[answer]
    whole = parse_answer(data) or parse_answer(data, at_end=True)
    assert whole is not None
    for end in range(len(data)):
        assert parse_answer(data[:end]) is None
    assert whole.status == (200 if b" 200 " in data else int(data[9:12]))


@pytest.mark.parametrize(
    "data",
    [
        b"SSH-2.0-OpenSSH",
        b"HTTP/2 200\r\n\r\n",
        b"HTTP/1.1 2x0 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-5\r\nhello",
        b"HTTP/1.1 200 OK\r\nX: " + b"x" * 70_000,
    ],
)
def test_bytes_that_are_no_http_answer_are_refused(data: bytes) -> None:
    with pytest.raises(BadAnswer):
        parse_answer(data)


@pytest.mark.parametrize(
    ("answer", "keep_alive"),
    [("ok", True), ("chunked", True), ("interim", True), ("close", False), ("HTTP/1.0", False)],
)
def test_the_connection_stays_where_the_answer_lets_it(answer: str, keep_alive: bool) -> None:
    parsed = parse_answer(ANSWERS[answer])
    assert parsed is not None
    assert parsed.keep_alive is keep_alive


def test_bytes_after_an_answer_end_the_connection() -> None:
    answer = parse_answer(ANSWERS["ok"] + b"HTTP/1.1 500")
    assert answer is not None
    assert (answer.status, answer.keep_alive) == (200, False)


def test_a_status_counts_even_if_the_body_breaks_off() -> None:
    answer = parse_answer(b"HTTP/1.1 410 Gone\r\nContent-Length: 10\r\n\r\nhalf", at_end=True)
    assert answer is not None
    assert (answer.status, answer.body) == (410, b"half")
