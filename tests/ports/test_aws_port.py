"""The client of DynamoDB, Secrets Manager, SQS and text messages: it asks and answers as botocore does, and survives what servers do."""

from __future__ import annotations

import json
import socket
import ssl
import threading
import time
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import botocore.credentials
import botocore.session
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.exceptions import (
    ClientError,
    ConnectionClosedError,
    ConnectTimeoutError,
    EndpointConnectionError,
    NoCredentialsError,
    ReadTimeoutError,
)

from parley.ports.aws import IDLE_SECONDS, SERVICES, AwsClient, host_of
from parley.runtime import Runtime
from parley.settings import Credentials, Settings
from parley.store import keys
from tests.support.fakes import FakeClock
from tests.support.listening import listening

CERTIFICATES = Path(__file__).parent / "certificates"
REGION = "eu-central-1"
KEYS = Credentials("AKID", "secret/key", "FwoGZXIvYXdzEJr//token+=")
ITEM = {"Item": {"pk": {"S": "zażółć \U0001f600"}, "count": {"N": "7"}, "gone": {"NULL": True}}}


def http(body: Any = ITEM, status: int = 200, *headers: str) -> bytes:
    """An answer with a body in JSON, or with other text."""
    content = (body if isinstance(body, str) else json.dumps(body)).encode()
    lines = "".join(f"{header}\r\n" for header in (*headers, f"Content-Length: {len(content)}"))
    return f"HTTP/1.1 {status} X\r\n{lines}\r\n".encode() + content


OK = http()


@dataclass
class Request:
    """One request as it arrived; `connection` numbers the TCP connection."""

    headers: dict[str, str]
    body: bytes
    connection: int


@dataclass
class Server:
    """Gives the answers that a test has lined up, and `OK` when none is left.

    An answer is what is sent, in one or more pieces. An empty piece closes the connection, None keeps silent for good.
    """

    port: int = 0
    answers: list[list[bytes | None]] = field(default_factory=list)
    requests: list[Request] = field(default_factory=list)
    connections: int = 0
    ssl_context: ssl.SSLContext | None = None
    over: threading.Event = field(default_factory=threading.Event)
    counting: threading.Lock = field(default_factory=threading.Lock)

    @property
    def url(self) -> str:
        return f"https://localhost:{self.port}" if self.ssl_context else f"http://127.0.0.1:{self.port}"

    def answer(self, *pieces: bytes | None) -> None:
        """What to answer the next request that has no answer yet."""
        self.answers.append(list(pieces))

    def serve(self, connection: socket.socket) -> None:
        with self.counting:
            self.connections += 1
            number = self.connections
        with suppress(OSError), connection:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self.ssl_context:
                connection = self.ssl_context.wrap_socket(connection, server_side=True)
            arriving = connection.makefile("rb")
            while line := arriving.readline():
                assert line == b"POST / HTTP/1.1\r\n"
                headers = {}
                while (line := arriving.readline()) != b"\r\n":
                    name, _, value = line.decode().partition(": ")
                    headers[name.lower()] = value.strip()
                body = arriving.read(int(headers["content-length"]))
                self.requests.append(Request(headers, body, number))
                for piece in self.answers.pop(0) if self.answers else [OK]:
                    if piece is None:
                        self.over.wait(10)
                    if not piece:
                        connection.shutdown(socket.SHUT_RDWR)
                        return
                    connection.sendall(piece)


@contextmanager
def serving(server: Server) -> Iterator[Server]:
    with listening(server.serve) as server.port:
        yield server
        server.over.set()


@pytest.fixture
def server() -> Iterator[Server]:
    with serving(Server()) as running:
        yield running


def client_of(server: Server, service: str = "dynamodb", **options: Any) -> AwsClient:
    return AwsClient(service, REGION, lambda: KEYS, endpoint=server.url, **{"attempts": 1, **options})


def get(client: Any) -> dict[str, Any]:
    answer: dict[str, Any] = client.get_item(TableName="t", Key={"pk": {"S": "ą"}})
    return answer


# What it asks.


def authorization(request: Request, url: str, service: str) -> str:
    """What botocore signs for the headers that a request has signed."""
    signed = request.headers["authorization"].partition("SignedHeaders=")[2].partition(",")[0].split(";")
    headers = {name: request.headers[name] for name in signed if name not in ("host", "x-amz-date")}
    asked = AWSRequest("POST", url, headers, request.body)
    asked.context["timestamp"] = request.headers["x-amz-date"]
    signer = SigV4Auth(botocore.credentials.Credentials(*KEYS), service, REGION)
    signer._modify_request_before_signing(asked)
    signature = signer.signature(signer.string_to_sign(asked, signer.canonical_request(asked)), asked)
    signer._inject_signature_to_request(asked, signature)
    return str(asked.headers["Authorization"])


REQUESTS = [
    ("dynamodb", "get_item", {"TableName": "t", "Key": {"pk": {"S": "ą"}}}),
    ("dynamodb", "transact_write_items", {"TransactItems": [], "ClientRequestToken": "once"}),
    ("secretsmanager", "get_secret_value", {"SecretId": "auth"}),
    ("pinpoint-sms-voice-v2", "send_text_message", {"DestinationPhoneNumber": "+491721234567", "MessageBody": "ą"}),
    ("sqs", "send_message_batch", {"QueueUrl": "https://sqs/q", "Entries": [{"Id": "0", "MessageBody": '"\u2028"'}]}),
]


def botocore_client(service: str, url: str) -> Any:
    config = Config(parameter_validation=False, retries={"mode": "standard", "total_max_attempts": 1})
    return botocore.session.get_session().create_client(service, REGION, None, True, None, url, *KEYS, config=config)


@pytest.mark.parametrize(("service", "operation", "request_"), REQUESTS, ids=lambda value: str(value)[:24])
def test_a_request_says_what_botocores_says_and_is_signed_like_that(
    server: Server, service: str, operation: str, request_: dict[str, Any]
):
    for client in (client_of(server, service), botocore_client(service, server.url)):
        server.answer(http({}))
        getattr(client, operation)(**request_)
    ours, theirs = server.requests
    assert ours.body == theirs.body
    for name in ("host", "content-type", "x-amz-target", "x-amz-security-token"):
        assert ours.headers[name] == theirs.headers[name]
    signed_as = host_of(service, REGION).partition(".")[0]
    assert ours.headers["authorization"] == authorization(ours, server.url, signed_as)


@pytest.mark.parametrize(
    "region",
    ["us-east-1", "eu-central-1", "ap-southeast-5", "us-gov-west-1", "cn-north-1", "eusc-de-east-1", "us-iso-east-1"],
)
@pytest.mark.parametrize("service", SERVICES)
def test_requests_go_where_botocores_go(region: str, service: str):
    config = Config(account_id_endpoint_mode="disabled")
    made = botocore.session.get_session().create_client(
        service, region, aws_access_key_id="x", aws_secret_access_key="y", config=config
    )
    assert f"https://{host_of(service, region)}" == made.meta.endpoint_url


def test_only_operations_that_parley_uses_are_offered(server: Server):
    for name in ("delete_table", "scan", "__len__", "ask_me"):
        with pytest.raises(AttributeError):
            getattr(client_of(server), name)
    assert server.requests == []


def test_new_credentials_sign_the_next_request(server: Server):
    given = [Credentials("FIRST", "1"), Credentials("FIRST", "1"), Credentials("SECOND", "2", "token")]
    client = AwsClient("dynamodb", REGION, lambda: given.pop(0), endpoint=server.url)
    for _ in range(3):
        get(client)
    signers = [request.headers["authorization"].partition("Credential=")[2][:6] for request in server.requests]
    assert signers == ["FIRST/", "FIRST/", "SECOND"]
    assert [request.headers.get("x-amz-security-token") for request in server.requests] == [None, None, "token"]


# What it makes of answers.

REFUSALS = {
    "a condition": http(
        {
            "__type": "com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException",
            "message": "The conditional request failed",
            "Item": {"pk": {"S": "a"}},
        },
        400,
    ),
    "a transaction": http(
        {
            "__type": "com.amazonaws.dynamodb.v20120810#TransactionCanceledException",
            "Message": "cancelled",
            "CancellationReasons": [{"Code": "None"}, {"Code": "ConditionalCheckFailed", "Item": {"pk": {"S": "a"}}}],
        },
        400,
    ),
    "throttling": http({"__type": "com.amazon.coral.availability#ThrottlingException", "message": "slower"}, 400),
    "a fault of the service": http({"__type": "com.amazonaws#InternalServerError"}, 500),
    "no right": http({"__type": "AccessDeniedException", "Message": "no"}, 400),
    "nothing": http("", 400),
    "a page": http("<html>", 404),
}


@pytest.mark.parametrize("refusal", REFUSALS)
def test_a_refusal_is_what_botocore_raises(server: Server, refusal: str):
    raised = []
    for client in (client_of(server), botocore_client("dynamodb", server.url)):
        server.answer(REFUSALS[refusal])
        with pytest.raises(ClientError) as caught:
            get(client)
        raised.append(caught.value)
    ours, theirs = (error.response for error in raised)
    assert ours["Error"]["Code"] == theirs["Error"]["Code"]
    assert raised[0].operation_name == raised[1].operation_name == "GetItem"
    for name in ("Item", "CancellationReasons"):
        assert ours.get(name) == theirs.get(name)


@pytest.mark.parametrize("content", ["", "<html>busy</html>", "[1]", '"text"'])
def test_a_fault_without_a_name_counts_as_a_busy_service(server: Server, content: str):
    server.answer(http(content, 503))
    with pytest.raises(ClientError) as caught:
        get(client_of(server))
    assert caught.value.response["Error"]["Code"] == "ServiceUnavailable"


HEAD, BODY = OK.split(b"\r\n\r\n")
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;x=y\r\n%s\r\n%x\r\n%s\r\n0\r\nTrailer: t\r\n\r\n"
READABLE: dict[str, list[bytes | None]] = {
    "whole": [OK],
    "byte by byte": [OK[at : at + 1] for at in range(len(OK))],
    "in chunks": [CHUNKED % (BODY[:5], len(BODY) - 5, BODY[5:])],
    "with names in other letters": [OK.replace(b"Content-Length", b"content-LENGTH")],
    "until the end": [b"HTTP/1.1 200 OK\r\n\r\n" + BODY, b""],
    "to be closed": [OK.replace(b"\r\n", b"\r\nConnection: close\r\n", 1)],
    "of an older protocol": [OK.replace(b"HTTP/1.1", b"HTTP/1.0")],
}
STAYING = {"whole", "byte by byte", "in chunks", "with names in other letters"}


@pytest.mark.parametrize("manner", READABLE)
def test_an_answer_is_read_however_it_arrives(server: Server, manner: str):
    client = client_of(server)
    server.answer(*READABLE[manner])
    assert get(client) == ITEM
    assert get(client) == ITEM
    assert server.connections == (1 if manner in STAYING else 2)


BROKEN: dict[str, list[bytes | None]] = {
    "nothing": [b""],
    "half a head": [HEAD[:20], b""],
    "half a body": [OK[:-3], b""],
    "half a refusal": [http({"__type": "com.amazonaws#ThrottlingException"}, 400)[:-3], b""],
    "half a chunk": [(CHUNKED % (BODY[:5], 4000, BODY[5:]))[:-20], b""],
    "a chunk without a size": [CHUNKED.replace(b"5;", b"x;") % (BODY[:5], 1, b"x"), b""],
    "another protocol": [b"SSH-2.0-OpenSSH_9.6\r\n", b""],
    "a line without an end": [b"HTTP/1.1 200 " + b"x" * 70_000, b""],
    "no content": [http("")],
    "no content until the end": [b"HTTP/1.1 200 OK\r\n\r\n", b""],
    "half a body until the end": [b"HTTP/1.1 200 OK\r\n\r\n" + BODY[:-3], b""],
    "a page": [http("<html>please log in</html>")],
    "a list": [http("[]")],
    "headers without an end": [b"HTTP/1.1 200 OK\r\n" + b"x: y\r\n" * 300, b""],
}


def test_an_answer_with_another_checksum_than_dynamodb_told_counts_as_lost(server: Server) -> None:
    right = str(zlib.crc32(json.dumps(ITEM).encode()))
    server.answer(http(ITEM, 200, f"x-amz-crc32: {right}"))
    assert get(client_of(server)) == ITEM
    server.answer(http(ITEM, 200, "x-amz-crc32: 1"))
    with pytest.raises(ConnectionClosedError):
        get(client_of(server))


@pytest.mark.parametrize("manner", BROKEN)
def test_an_answer_that_breaks_off_counts_as_lost_and_the_next_request_has_a_new_connection(
    server: Server, manner: str
):
    client = client_of(server)
    server.answer(*BROKEN[manner])
    with pytest.raises(ConnectionClosedError):
        get(client)
    assert get(client) == ITEM
    assert [request.connection for request in server.requests] == [1, 2]


def test_an_operation_without_a_result_may_be_answered_with_nothing(server: Server):
    server.answer(http(""))
    assert client_of(server, "sqs").delete_message(QueueUrl="q", ReceiptHandle="r") == {}


def test_an_answer_that_does_not_come_in_time_counts_as_lost(server: Server):
    client = client_of(server, read_seconds=0.05)
    server.answer(None)
    with pytest.raises(ReadTimeoutError):
        get(client)
    client._read_seconds = 10
    assert get(client) == ITEM
    assert [request.connection for request in server.requests] == [1, 2]


def test_a_host_that_cannot_be_reached_counts_as_lost():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    client = AwsClient("dynamodb", REGION, lambda: KEYS, endpoint=f"http://127.0.0.1:{port}", attempts=1)
    with pytest.raises(EndpointConnectionError):
        get(client)


def test_a_host_that_does_not_finish_the_handshake_counts_as_lost():
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        url = f"https://127.0.0.1:{deaf.getsockname()[1]}"
        client = AwsClient("dynamodb", REGION, lambda: KEYS, endpoint=url, attempts=1, connect_seconds=0.05)
        with pytest.raises(ConnectTimeoutError):
            get(client)


# Connections.


@pytest.fixture
def tls_server() -> Iterator[Server]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATES / "server.pem")
    with serving(Server(ssl_context=context)) as running:
        yield running


def test_requests_over_tls_share_a_connection(tls_server: Server):
    client = client_of(tls_server, ssl_context=ssl.create_default_context(cafile=CERTIFICATES / "authority.pem"))
    for _ in range(3):
        assert get(client) == ITEM
    assert tls_server.connections == 1


def test_a_server_that_nobody_vouches_for_is_asked_nothing(tls_server: Server):
    with pytest.raises(EndpointConnectionError):
        get(client_of(tls_server))
    assert tls_server.requests == []


def test_a_connection_that_was_closed_meanwhile_is_not_used(server: Server):
    client = client_of(server)
    server.answer(OK, b"")
    assert get(client) == ITEM
    # The end arrives a moment after the answer.
    (resting,) = client._resting
    resting.socket.settimeout(5)
    assert resting.socket.recv(1, socket.MSG_PEEK) == b""
    assert get(client) == ITEM
    assert [request.connection for request in server.requests] == [1, 2]


@pytest.mark.parametrize("more", [http({"Item": {"pk": {"S": "of nobody"}}}), b"more"], ids=["an answer", "a text"])
def test_bytes_behind_an_answer_are_not_taken_for_the_next_answer(server: Server, tls_server: Server, more: bytes):
    context = ssl.create_default_context(cafile=CERTIFICATES / "authority.pem")
    for asked, options in ((server, {}), (tls_server, {"ssl_context": context})):
        client = client_of(asked, **options)
        asked.answer(OK + more)
        assert (get(client), get(client)) == (ITEM, ITEM)
        assert asked.connections == 2


@pytest.mark.parametrize(("seconds", "connections"), [(IDLE_SECONDS - 1, 1), (IDLE_SECONDS, 2), (-3600, 2)])
def test_a_connection_that_rested_for_long_is_not_used(server: Server, seconds: float, connections: int):
    times = [1e9]
    client = client_of(server, wall_clock=lambda: times[0])
    get(client)
    times[0] += seconds
    get(client)
    assert server.connections == connections


def test_threads_do_not_share_a_connection_at_the_same_time(server: Server):
    client = client_of(server)
    with ThreadPoolExecutor(8) as threads:
        found = list(threads.map(lambda number: get(client), range(200)))
    assert found == [ITEM] * 200
    assert server.connections <= 8 == min(len(server.requests), 8)


# Repeats.

BUSY = REFUSALS["a fault of the service"]


@pytest.mark.parametrize("trouble", [BUSY, REFUSALS["throttling"], http("", 503), b""], ids=lambda answer: answer[:20])
def test_a_request_is_repeated_with_growing_pauses_while_aws_is_busy(server: Server, trouble: bytes):
    clock = FakeClock()
    client = client_of(server, attempts=4, clock=clock)
    for _ in range(3):
        server.answer(trouble)
    assert get(client) == ITEM
    assert len(server.requests) == 4
    assert [bound / 2 <= pause <= bound for bound, pause in zip((0.1, 0.2, 0.4), clock.slept, strict=True)] == [
        True
    ] * 3


def test_the_last_attempt_decides(server: Server):
    client = client_of(server, attempts=2, clock=FakeClock())
    for _ in range(2):
        server.answer(BUSY)
    with pytest.raises(ClientError, match="InternalServerError"):
        get(client)
    assert len(server.requests) == 2


@pytest.mark.parametrize("refusal", ["a condition", "a transaction", "no right", "nothing"])
def test_a_refusal_that_repeating_cannot_help_is_not_repeated(server: Server, refusal: str):
    server.answer(REFUSALS[refusal])
    with pytest.raises(ClientError):
        get(client_of(server, attempts=4, clock=FakeClock()))
    assert len(server.requests) == 1


# Where it finds servers and credentials.

ENVIRONMENT = {"AWS_REGION": REGION, "AWS_ACCESS_KEY_ID": "AKID", "AWS_SECRET_ACCESS_KEY": "k", "PARLEY_TABLE": "t"}


def fetch(environment: dict[str, str]) -> None:
    """Have the table of a function with this environment asked for an item."""
    Runtime(Settings.from_environment(environment)).table.fetch(keys.user("US"))


@pytest.mark.parametrize("name", ["AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_DYNAMODB"])
def test_the_environment_may_lead_to_another_server(server: Server, name: str):
    fetch({**ENVIRONMENT, "AWS_ENDPOINT_URL": "http://127.0.0.1:9", name: server.url, "AWS_SESSION_TOKEN": "t"})
    (request,) = server.requests
    assert f"Credential=AKID/{request.headers['x-amz-date'][:8]}/{REGION}/dynamodb/" in request.headers["authorization"]
    assert request.headers["x-amz-security-token"] == "t"


def test_other_servers_can_be_ignored_as_aws_sdks_do():
    settings = Settings.from_environment(
        {**ENVIRONMENT, "AWS_ENDPOINT_URL": "http://127.0.0.1:9", "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true"}
    )
    assert settings.endpoint_urls == {}


def test_the_credentials_in_the_environment_are_not_shown():
    settings = Settings.from_environment({**ENVIRONMENT, "AWS_SECRET_ACCESS_KEY": "a secret"})
    assert settings.credentials and "a secret" not in repr(settings)


def test_a_copy_of_a_container_fetches_credentials_of_its_own(server: Server, monkeypatch: pytest.MonkeyPatch):
    """SnapStart: what the environment held when the container was made may have expired since."""
    until = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 3600))
    fetched = {"AccessKeyId": "FETCHED", "SecretAccessKey": "k", "Token": "its token", "Expiration": until}
    with serving_credentials(fetched) as url:
        environment = {**ENVIRONMENT, "AWS_ENDPOINT_URL": server.url, "AWS_CONTAINER_CREDENTIALS_FULL_URI": url}
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", url)
        fetch(environment)
    (request,) = server.requests
    assert "Credential=FETCHED/" in request.headers["authorization"]
    assert request.headers["x-amz-security-token"] == "its token"


@contextmanager
def serving_credentials(fetched: dict[str, str]) -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def answer() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.recv(65_536)
                connection.sendall(http(fetched, 200, "Connection: close"))

        thread = threading.Thread(target=answer, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/credentials"
    thread.join(5)


def test_a_function_without_credentials_says_so_when_it_starts(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(botocore.session.Session, "get_credentials", lambda session: None)
    with pytest.raises(NoCredentialsError):
        fetch({"PARLEY_TABLE": "t"})
