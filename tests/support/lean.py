"""A DynamoDB client with nothing in it but HTTP and JSON: tests with very many requests spend their time elsewhere."""

from __future__ import annotations

import re
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlsplit

import orjson
from botocore.exceptions import ClientError

from bench.meter import Meter

_HEAD = (
    "POST / HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/x-amz-json-1.0\r\n"
    "X-Amz-Target: DynamoDB_20120810.{target}\r\nX-Amz-Date: 20260115T120000Z\r\n"
    "Authorization: AWS4-HMAC-SHA256 Credential=local/20260115/us-east-1/dynamodb/aws4_request, "
    "SignedHeaders=host, Signature=0\r\nContent-Length: "
)
_LENGTH = re.compile(rb"(?i)\r\ncontent-length: (\d+)")


class LeanClient:
    """Operations as boto3's client has them, sent to an emulator, which checks no signatures. Threads may share it."""

    def __init__(self, endpoint: str):
        self._host = urlsplit(endpoint).netloc
        self._local = threading.local()
        self._meter: Meter | None = None

    @contextmanager
    def metered(self) -> Iterator[Meter]:
        """Count what is done inside, by whichever thread."""
        self._meter = meter = Meter()
        try:
            yield meter
        finally:
            self._meter = None

    def __getattr__(self, operation: str) -> Callable[..., dict[str, Any]]:
        target = "".join(part.title() for part in operation.split("_"))
        head = _HEAD.format(host=self._host, target=target).encode()

        def call(**request: Any) -> dict[str, Any]:
            meter = self._meter
            if meter:
                meter.ask(request)
            body = orjson.dumps(request)
            status, content = self._answer(b"%b%d\r\n\r\n%b" % (head, len(body), body))
            answer: dict[str, Any] = orjson.loads(content or b"{}")
            if meter:
                meter.note(answer, SimpleNamespace(name=target))
            if status >= 400:
                raise _failure(answer, status, target)
            return answer

        setattr(self, operation, call)
        return call

    def _answer(self, request: bytes) -> tuple[int, bytes]:
        connection = getattr(self._local, "connection", None)
        if connection is not None:
            try:
                return _exchange(connection, request)
            except ConnectionError:
                # The emulator closes connections that were idle for long.
                connection.close()
        host, _, port = self._host.rpartition(":")
        self._local.connection = connection = socket.create_connection((host, int(port)), timeout=120)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return _exchange(connection, request)


def _exchange(connection: socket.socket, request: bytes) -> tuple[int, bytes]:
    """Status and body of the answer. Both emulators say how long a body is."""
    connection.sendall(request)
    received = b""
    while (end := received.find(b"\r\n\r\n")) < 0:
        received += _more(connection)
    head, parts = received[:end], [received[end + 4 :]]
    length = _LENGTH.search(head)
    assert length, head
    missing = int(length[1]) - len(parts[0])
    while missing > 0:
        parts.append(_more(connection))
        missing -= len(parts[-1])
    return int(head[9:12]), b"".join(parts)


def _more(connection: socket.socket) -> bytes:
    if received := connection.recv(1 << 18):
        return received
    raise ConnectionResetError("the emulator closed the connection")


def _failure(answer: dict[str, Any], status: int, operation: str) -> ClientError:
    code = str(answer.pop("__type", status)).rpartition("#")[2]
    message = answer.pop("message", answer.pop("Message", ""))
    return ClientError({**answer, "Error": {"Code": code, "Message": message}}, operation)
