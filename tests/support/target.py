"""A service owner's web server on loopback: keeps what it is sent, answers or misbehaves as told."""

from __future__ import annotations

import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from enum import Enum
from functools import cached_property
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from twilio.request_validator import RequestValidator

_PATIENCE_SECONDS = 120.0


class Misbehaviour(Enum):
    """Ways of not answering."""

    HANG = "keeps the connection open and says nothing"
    RESET = "resets the connection"


@dataclass(frozen=True)
class Reply:
    """An answer."""

    status: int = 200
    body: bytes = b""
    content_type: str = ""


OK = Reply()


@dataclass(frozen=True)
class Received:
    """One request as it came in; header names are in lower case."""

    method: str
    url: str
    headers: dict[str, str]
    body: bytes
    at: float
    is_acknowledged: bool = False

    @property
    def parameters(self) -> dict[str, str]:
        """What was sent, from the form or the query; every name must be there once."""
        sent = self.body.decode() if self.method == "POST" else urlsplit(self.url).query
        pairs = parse_qsl(sent, keep_blank_values=True, errors="strict")
        assert len(dict(pairs)) == len(pairs), f"a parameter came twice: {pairs}"
        return dict(pairs)

    @cached_property
    def message_sid(self) -> str:
        return self.parameters["MessageSid"]

    @property
    def event(self) -> str:
        return self.parameters["EventType"]

    @property
    def token(self) -> str:
        return self.headers["i-twilio-idempotency-token"]

    def is_signed_with(self, auth_token: str) -> bool:
        """What Twilio's validator says of the signature, given what a web framework would hand it."""
        form = self.parameters if self.method == "POST" else {}
        return RequestValidator(auth_token).validate(self.url, form, self.headers.get("x-twilio-signature", ""))


@dataclass
class Target:
    """The server. `answer` decides what becomes of each request, and may take its time."""

    answer: Callable[[Received], Reply | Misbehaviour] = lambda received: OK
    port: int = 0
    _received: list[Received] = field(default_factory=list)
    _arrival: threading.Condition = field(default_factory=threading.Condition)
    _closing: threading.Event = field(default_factory=threading.Event)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook"

    @property
    def received(self) -> list[Received]:
        """All requests so far, in the order of their arrival."""
        with self._arrival:
            return list(self._received)

    def take(self) -> list[Received]:
        """All requests since the last call."""
        with self._arrival:
            taken, self._received = self._received, []
            return taken

    def wait(self, is_enough: Callable[[list[Received]], Any], seconds: float = _PATIENCE_SECONDS) -> list[Received]:
        """All requests, once they are enough; fails when they are not in time."""
        with self._arrival:
            assert self._arrival.wait_for(lambda: is_enough(self._received), seconds), [
                received.parameters for received in self._received
            ]
            return list(self._received)

    def serve(self, request: BaseHTTPRequestHandler) -> None:
        """Receive one request and answer it, or not."""
        received = _read(request)
        reply = self.answer(received)
        is_answered = isinstance(reply, Reply)
        with self._arrival:
            acknowledged = is_answered and 200 <= reply.status < 300
            self._received.append(replace(received, is_acknowledged=acknowledged))
            self._arrival.notify_all()
        if is_answered:
            _write(request, reply)
            return
        request.close_connection = True
        if reply is Misbehaviour.HANG:
            self._closing.wait(_PATIENCE_SECONDS)
        # Without lingering, closing resets.
        request.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        request.connection.close()

    def recover(self) -> None:
        """Answer with 200 from now on."""
        self.answer = lambda received: OK

    def close(self) -> None:
        """Let go of whoever is kept waiting."""
        self._closing.set()


def _read(request: BaseHTTPRequestHandler) -> Received:
    size = int(request.headers.get("Content-Length") or 0)
    body = request.rfile.read(size)
    if len(body) < size:
        raise ConnectionError("the sender was killed halfway")
    headers = {name.lower(): value for name, value in request.headers.items()}
    return Received(request.command, f"http://{request.headers['Host']}{request.path}", headers, body, time.monotonic())


def _write(request: BaseHTTPRequestHandler, reply: Reply) -> None:
    request.send_response(reply.status)
    if reply.content_type:
        request.send_header("Content-Type", reply.content_type)
    request.send_header("Content-Length", str(len(reply.body)))
    request.end_headers()
    request.wfile.write(reply.body)


@contextmanager
def serving(port: int = 0) -> Iterator[Target]:
    """A running target; on the same port again, if asked, as after an owner's restart."""
    target = Target()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _serve(self) -> None:
            target.serve(self)

        do_GET = do_POST = _serve  # noqa: N815

        def log_message(self, *arguments: Any) -> None:
            pass

    class Server(ThreadingHTTPServer):
        request_queue_size = 256
        daemon_threads = True
        block_on_close = False

        def handle_error(self, *arguments: Any) -> None:
            """Say nothing: clients that give up while they are kept waiting are what some tests are about."""

    with Server(("127.0.0.1", port), Handler) as server:
        target.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield target
        finally:
            target.close()
            server.shutdown()
            thread.join()
