"""Plays AWS for one function: passes its requests on to the emulators, and later gives the same answers at once.

So a benchmark of a function measures the function. An answer is found by the kind of its request, in the order in which
the requests of that kind came: ids and times in requests differ from run to run.
"""

from __future__ import annotations

import threading
import urllib.error
import urllib.request
from collections import defaultdict
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from local.emulators.engine import Endpoints

Answer = tuple[int, bytes]


class Answering:
    """A server on loopback that records what the emulators answer, then plays it."""

    def __init__(self, aws: Endpoints) -> None:
        self._aws = aws
        self._recorded: dict[str, list[Answer]] = defaultdict(list)
        # What is still to be given; None while requests are passed on.
        self._left: dict[str, list[Answer]] | None = None
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def record(self) -> None:
        """Pass requests on from now on, and keep the answers in place of those before."""
        self._recorded = defaultdict(list)
        self._left = None

    def play(self) -> None:
        """Give the recorded answers from now on, from the first one."""
        self._left = {kind: list(answers) for kind, answers in self._recorded.items()}

    @property
    def requests(self) -> int:
        """How many requests were recorded."""
        return sum(map(len, self._recorded.values()))

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _answer(self, kind: str, path: str, headers: dict[str, str], body: bytes) -> Answer:
        if self._left is not None:
            return self._left[kind].pop(0)
        answer = self._passed_on(kind, path, headers, body)
        self._recorded[kind].append(answer)
        return answer

    def _passed_on(self, kind: str, path: str, headers: dict[str, str], body: bytes) -> Answer:
        if "/@connections/" in path:
            return 200, b""
        where = self._aws.dynamodb if kind.startswith("DynamoDB") else self._aws.ministack
        kept = {name: value for name, value in headers.items() if name.lower() not in ("host", "content-length")}
        request = urllib.request.Request(where + path, body, kept)
        try:
            with urllib.request.urlopen(request) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as refused:
            return refused.code, refused.read()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        answering = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            # Head and body in one piece: otherwise the second one waits until the first is acknowledged.
            wbufsize = -1

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                kind = self.headers.get("X-Amz-Target") or self.path
                status, content = answering._answer(kind, self.path, dict(self.headers.items()), body)
                self.send_response(status)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_: Any) -> None:
                pass

        return Handler
