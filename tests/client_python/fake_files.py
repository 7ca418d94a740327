"""The REST API for files and the store behind it, as a test scripts them, on loopback."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl

_PIECE = 64 * 1024
_PATIENCE = 60.0
_LARGEST_KEPT = 10_000_000


class FakeFiles:
    """Notes each request as a short text, and what was uploaded.

    Attributes:
        url: What the URLs of files begin with.
        tickets: The forms of the uploads that were announced.
        tokens: The token of each request to the API.
        stored: By SID, the bytes in the store; those of a large file are not kept.
        digests: The SHA-256 of each file in the store.
        refusals: What meets the next requests to the API: a status and a code.
        mishaps: What meets the next requests to the store: a status, `break`, `hang`, or after how many bytes of a
            download the connection breaks.
        ranges: The ranges of the downloads.
        is_hanging: Set when a request hangs.
        goes_on: Lets the request that hangs go on, until the client ends it.
        ended: Set when the client has ended it; `taken` is then how many bytes of it have come.
    """

    def __init__(self) -> None:
        self.url = ""
        self.asked: list[str] = []
        self.tickets: list[dict[str, str]] = []
        self.tokens: list[str] = []
        self.stored: dict[str, bytes] = {}
        self.digests: list[str] = []
        self.refusals: list[tuple[int, int]] = []
        self.mishaps: list[int | str] = []
        self.ranges: list[str | None] = []
        self.is_hanging = threading.Event()
        self.goes_on = threading.Event()
        self.ended = threading.Event()
        self.taken = 0

    def mishap(self) -> int | str | None:
        return self.mishaps.pop(0) if self.mishaps else None


class _Door(BaseHTTPRequestHandler):
    files: FakeFiles

    def log_message(self, *_: Any) -> None:
        pass

    def handle(self) -> None:
        with suppress(ConnectionError):  # Clients that are cancelled do not say good-bye.
            super().handle()

    def _answer(self, status: int, body: bytes = b"", length: int | None = None, **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body) if length is None else length))
        self.end_headers()
        self.wfile.write(body)

    def _json(self, body: Any, status: int = 200) -> None:
        self._answer(status, json.dumps(body).encode(), Content_Type="application/json")

    def _is_refused(self) -> bool:
        """Note a request to the API."""
        self.files.asked.append(f"{self.command} {self.path}")
        self.files.tokens.append(self.headers.get("X-Twilio-Token", ""))
        if not self.files.refusals:
            return False
        status, code = self.files.refusals.pop(0)
        self._json({"code": code, "message": "no", "status": status}, status)
        return True

    def do_POST(self) -> None:
        form = dict(parse_qsl(self.rfile.read(int(self.headers["Content-Length"])).decode()))
        if self._is_refused():
            return
        self.files.tickets.append(form)
        sid = f"ME{len(self.files.tickets)}"
        upload = {"method": "PUT", "url": f"{self.files.url}/store/{sid}", "headers": {"X-Sum": form["Sha256"]}}
        self._json({"sid": sid, "upload": upload}, 201)

    def do_PUT(self) -> None:
        self.files.asked.append(f"PUT {self.path}")
        mishap = self.files.mishap()
        if mishap == "hang":
            self._hang()
            return
        size, digest, body = int(self.headers["Content-Length"]), hashlib.sha256(), b""
        left = size
        while piece := self.rfile.read(min(_PIECE, left)):
            left -= len(piece)
            digest.update(piece)
            body += piece if size <= _LARGEST_KEPT else b""
        if left:
            return  # The client gave up, so nothing is stored.
        if mishap is None:
            self.files.stored[self.path.rpartition("/")[2]] = body
            self.files.digests.append(digest.hexdigest())
        if mishap != "break":
            self._answer(200 if mishap is None else int(mishap))

    def do_GET(self) -> None:
        sid = self.path.rpartition("/")[2]
        if "/moved/" in self.path:
            self._answer(307, Location=f"{self.files.url}/store/{sid}")
        elif "/store/" in self.path:
            self._read(sid)
        elif not self._is_refused():
            self._json({"sid": sid, "links": {"content_direct_temporary": f"{self.files.url}/moved/{sid}"}})

    def _read(self, sid: str) -> None:
        wanted, mishap = self.headers.get("Range"), self.files.mishap()
        self.files.ranges.append(wanted)
        whole = self.files.stored[sid]
        first, _, last = (wanted or "bytes=0-").removeprefix("bytes=").partition("-")
        body = whole[int(first) : int(last) + 1 if last else None]
        if mishap == "hang":
            self._hang()
        elif isinstance(mishap, int) and mishap >= 400:
            self._answer(mishap)
        else:
            self._answer(206 if wanted else 200, body if mishap is None else body[: int(mishap)], length=len(body))

    def _hang(self) -> None:
        """Take nothing until the test says so, and say nothing until the client goes away."""
        self.files.is_hanging.set()
        self.files.goes_on.wait(_PATIENCE)
        self.connection.settimeout(_PATIENCE)
        with suppress(OSError):
            while piece := self.connection.recv(_PIECE):
                self.files.taken += len(piece)
        self.files.ended.set()


@contextmanager
def serving_files() -> Iterator[FakeFiles]:
    """A fake on a port of its own."""
    files = FakeFiles()
    door = type("Door", (_Door,), {"files": files})
    with ThreadingHTTPServer(("127.0.0.1", 0), door) as server:
        server.daemon_threads = True
        files.url = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield files
        finally:
            server.shutdown()
            thread.join()
