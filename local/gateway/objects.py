"""Links to files: requests that carry one pass through to the emulator of S3, and its answers back, as streams.

A link is signed for the host and port of the gateway, the only address that a client must reach. So the gateway passes
on the host as it is, and the path without `/_aws/s3`. The emulator checks signature, time and digest. Only links pass,
so nobody can do anything else with the emulator from here.

    client ── request head ──> open() ── allowed: Passage ──────> emulator
           ── body, a piece at a time ─> body_received() ───────> (its reader waits: the client is not read)
           <──────────────── answer as it comes, after which the connection ends ── (the client waits: so does it)
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from urllib.parse import parse_qsl, urlsplit
from weakref import WeakSet

from local.http.server import Request, Response
from local.process.plan import OBJECTS_PATH

_METHODS = ("GET", "HEAD", "PUT")
# Objects are named by two SIDs.
_KEY = re.compile(r"[A-Za-z0-9]+/[A-Za-z0-9]+")
# Not `authorization`: S3 refuses a link with credentials. On AWS, HTTP clients drop them when the REST API redirects
# them to S3, which is another host. Here it is the same host, and they do not.
_PASSED_ON = {
    "accept",
    "access-control-request-headers",
    "access-control-request-method",
    "content-length",
    "content-type",
    "host",
    "if-match",
    "if-modified-since",
    "if-none-match",
    "if-range",
    "if-unmodified-since",
    "origin",
    "range",
    "user-agent",
    "x-amz-checksum-sha256",
}
_SILENT = Response(503, b"", [("Access-Control-Allow-Origin", "*"), ("Retry-After", "1")])


class ObjectsFront:
    """The passage to the buckets of one emulator."""

    def __init__(self, emulator_url: str, buckets: tuple[str, ...]) -> None:
        parts = urlsplit(emulator_url)
        self._host, self._port = parts.hostname or "", parts.port or 80
        self._buckets = buckets
        self._passages: WeakSet[Passage] = WeakSet()

    def close(self) -> None:
        """End what is under way, in both directions."""
        for passage in list(self._passages):
            passage.client_lost()

    def open(self, request: Request) -> Passage | Response | None:
        """The passage for a request of which the body is still to come, or a refusal; None if it is no such request."""
        if not request.path.startswith(f"{OBJECTS_PATH}/"):
            return None
        path = request.path.removeprefix(OBJECTS_PATH)
        refusal = self._refusal(request, path)
        if refusal is not None:
            return refusal
        passage = Passage(self._host, self._port, _head(request, path))
        self._passages.add(passage)
        return passage

    def _refusal(self, request: Request, path: str) -> Response | None:
        _, bucket, key = path.split("/", 2) if path.count("/") > 1 else ("", "", "")
        if bucket not in self._buckets or not _KEY.fullmatch(key):
            return _refused(403, "AccessDenied", "Access Denied")
        if request.method == "OPTIONS":
            return None
        if request.method not in _METHODS:
            return _refused(405, "MethodNotAllowed", "The specified method is not allowed against this resource.")
        pairs = parse_qsl(request.query, keep_blank_values=True)
        parameters = dict(pairs)
        # The emulator judges links of this kind, and believes all other requests.
        is_link = parameters.get("X-Amz-Algorithm") == "AWS4-HMAC-SHA256" and "X-Amz-Signature" in parameters
        if not is_link or len({name.lower() for name, _ in pairs}) != len(pairs):
            return _refused(403, "AccessDenied", "Access Denied")
        if _unsigned(request, parameters):
            return _refused(403, "AccessDenied", "There were headers present in the request which were not signed")
        if request.method == "PUT" and not request.header("content-length").isdigit():
            return _refused(411, "MissingContentLength", "You must provide the Content-Length HTTP header.")
        return None


def _unsigned(request: Request, parameters: Mapping[str, str]) -> bool:
    """Whether a request has headers of S3's own that its link does not name."""
    own = {name.lower() for name, _ in request.headers if name.lower().startswith("x-amz-")}
    return not own <= set(parameters.get("X-Amz-SignedHeaders", "").split(";"))


def _head(request: Request, path: str) -> bytes:
    lines = [f"{request.method} {path}?{request.query} HTTP/1.1"]
    lines += [f"{name}: {value}" for name, value in request.headers if name.lower() in _PASSED_ON]
    return "\r\n".join([*lines, "Connection: close", "", ""]).encode("latin-1")


def _refused(status: int, code: str, message: str) -> Response:
    body = f'<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>{code}</Code><Message>{message}</Message></Error>'
    headers = [("Content-Type", "application/xml"), ("Access-Control-Allow-Origin", "*")]
    return Response(status, body.encode(), headers)


class Passage(asyncio.Protocol):
    """One request on its way to the emulator, and the answer on its way back."""

    def __init__(self, host: str, port: int, head: bytes) -> None:
        self._unsent = [head]
        self._client: asyncio.Transport | None = None
        self._emulator: asyncio.Transport | None = None
        self._reads_client: asyncio.Transport | None = None
        self._has_answered = False
        self._is_over = False
        self._ended = asyncio.Event()
        self._opening = asyncio.get_running_loop().create_task(self._open(host, port))

    async def _open(self, host: str, port: int) -> None:
        try:
            await asyncio.get_running_loop().create_connection(lambda: self, host, port)
        except OSError:
            self._end()

    # Called by the client's connection.

    def begin(self, client: asyncio.Transport) -> None:
        """Take the body of the request from this client's connection."""
        self._reads_client = client
        client.pause_reading()

    def body_received(self, data: bytes) -> None:
        if self._emulator is None:
            self._unsent.append(data)
        elif not self._is_over:
            self._emulator.write(data)

    async def answer(self, client: asyncio.Transport) -> Response | None:
        """Send the answer to the client, as it comes, and wait for its end; returns one if none came at all."""
        self._client = client
        if self._emulator is not None:
            self._emulator.resume_reading()
        await self._ended.wait()
        return None if self._has_answered else _SILENT

    def client_waits(self, waits: bool) -> None:
        """The client takes no more of the answer for now, or takes it again."""
        if self._emulator is not None and not self._is_over:
            (self._emulator.pause_reading if waits else self._emulator.resume_reading)()

    def client_lost(self) -> None:
        """The client has gone; so the emulator need not go on."""
        self._opening.cancel()
        if self._emulator is not None:
            self._emulator.abort()
        self._end()

    # Called for the emulator's connection.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._emulator = transport
        if self._client is None:
            transport.pause_reading()
        transport.writelines(self._unsent)
        self._unsent.clear()
        self.resume_writing()

    def pause_writing(self) -> None:
        if self._reads_client is not None:
            self._reads_client.pause_reading()

    def resume_writing(self) -> None:
        if self._reads_client is not None and not self._reads_client.is_closing():
            self._reads_client.resume_reading()

    def data_received(self, data: bytes) -> None:
        if self._client is not None:
            self._has_answered = True
            self._client.write(data)

    def connection_lost(self, exc: Exception | None) -> None:
        self._end()

    def _end(self) -> None:
        self._is_over = True
        self._ended.set()
        # Whatever of the request is still to come is read and dropped, so that the answer is not lost.
        self.resume_writing()
