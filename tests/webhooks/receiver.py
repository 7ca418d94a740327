"""A service owner's web server on loopback: keeps what it is sent, answers as told, judges as the vendor's library."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from twilio.request_validator import RequestValidator

_PATIENCE_SECONDS = 20.0


@dataclass(frozen=True)
class Received:
    """One request as it came in; header names are in lower case."""

    method: str
    url: str
    headers: dict[str, str]
    body: bytes

    @property
    def parameters(self) -> dict[str, str]:
        """What was sent, from the form or the query; every name must be there once."""
        sent = self.body.decode() if self.method == "POST" else urlsplit(self.url).query
        pairs = parse_qsl(sent, keep_blank_values=True)
        assert len(dict(pairs)) == len(pairs), f"a parameter came twice: {pairs}"
        return dict(pairs)

    @property
    def event(self) -> str:
        return self.parameters["EventType"]

    def is_signed_with(self, auth_token: str) -> bool:
        """What the vendor's validator says of the signature, given what a web framework would hand it."""
        form = self.parameters if self.method == "POST" else {}
        return RequestValidator(auth_token).validate(self.url, form, self.headers.get("x-twilio-signature", ""))


@dataclass
class Receiver:
    """The server. `answer` gives the status of each request, and may take its time."""

    answer: Callable[[Received], int] = lambda received: 200
    port: int = 0
    _received: list[Received] = field(default_factory=list)
    _arrival: threading.Condition = field(default_factory=threading.Condition)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook"

    @property
    def received(self) -> list[Received]:
        """All requests so far, in the order of their arrival."""
        with self._arrival:
            return list(self._received)

    def wait(self, is_enough: Callable[[list[Received]], Any], seconds: float = _PATIENCE_SECONDS) -> list[Received]:
        """All requests, once they are enough; fails when they are not in time."""
        with self._arrival:
            assert self._arrival.wait_for(lambda: is_enough(self._received), seconds), [
                received.parameters for received in self._received
            ]
            return list(self._received)

    def take(self, received: Received) -> int:
        with self._arrival:
            self._received.append(received)
            self._arrival.notify_all()
        return self.answer(received)


@contextmanager
def receiving(port: int = 0) -> Iterator[Receiver]:
    """A running receiver; on the same port again, if asked, as after an owner's restart."""
    receiver = Receiver()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _take(self) -> None:
            url = f"http://{self.headers['Host']}{self.path}"
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            headers = {name.lower(): value for name, value in self.headers.items()}
            status = receiver.take(Received(self.command, url, headers, body))
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        do_GET = do_POST = _take  # noqa: N815

        def log_message(self, *arguments: Any) -> None:
            pass

    class Server(ThreadingHTTPServer):
        request_queue_size = 256
        daemon_threads = True

        def handle_error(self, *arguments: Any) -> None:
            """Say nothing: clients that give up while they are kept waiting are what some tests are about."""

    with Server(("127.0.0.1", port), Handler) as server:
        receiver.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield receiver
        finally:
            server.shutdown()
            thread.join()


def until(is_so: Callable[[], Any], seconds: float = _PATIENCE_SECONDS, what: str = "") -> Any:
    """Wait for a condition, looking often; its value, or a failure after `seconds`."""
    deadline = time.monotonic() + seconds
    while True:
        if value := is_so():
            return value
        assert time.monotonic() < deadline, f"not within {seconds} s: {what or is_so}"
        time.sleep(0.02)
