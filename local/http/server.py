"""HTTP/1.1 on asyncio: keep-alive connections, answers in the order of the requests, API Gateway's size limits.

The application answers the requests. If it has an answer at once, no task is made: pushes to sockets are such requests,
thousands a second.
"""

from __future__ import annotations

import asyncio
import email.utils
import http
import logging
from collections import deque
from collections.abc import Awaitable
from dataclasses import dataclass, field
from typing import Protocol

import httptools

logger = logging.getLogger("local.http")

HEADERS_LIMIT = 10_240
URL_LIMIT = 10_240
BODY_LIMIT = 10 * 1024 * 1024
_LINGER_SECONDS = 2
_PIPELINE = 16


@dataclass
class Request:
    method: str
    path: str
    """Percent-encoded, as it was sent."""
    query: str
    headers: list[tuple[str, str]]
    body: bytes
    client: tuple[str, int]
    server_port: int
    keep_alive: bool = True

    def header(self, name: str) -> str:
        """The last value of a header, by its lower-case name; empty if it was not sent."""
        return next((value for key, value in reversed(self.headers) if key.lower() == name), "")


@dataclass
class Response:
    status: int
    body: bytes = b""
    headers: list[tuple[str, str]] = field(default_factory=list)


class Streamed(Protocol):
    """Takes a request whose body is not to be held in memory, and answers it on the connection itself."""

    def begin(self, client: asyncio.Transport) -> None: ...
    def body_received(self, data: bytes) -> None: ...
    async def answer(self, client: asyncio.Transport) -> Response | None: ...
    def client_waits(self, waits: bool) -> None: ...
    def client_lost(self) -> None: ...


class Upgraded(Protocol):
    """Takes a connection over after an upgrade."""

    def data_received(self, data: bytes) -> None: ...
    def eof_received(self) -> None: ...
    def connection_lost(self) -> None: ...


class Application(Protocol):
    def stream(self, request: Request) -> Streamed | Response | None:
        """Take a request before its body has come, as a stream without a limit, or refuse it; None for all others."""
        ...

    def respond(self, request: Request) -> Response | Awaitable[Response]:
        """Answer a request, now or later."""
        ...

    def refuse(self, status: int) -> Response:
        """The answer to a request that is over a limit or not HTTP."""
        ...

    def upgrade(self, request: Request, transport: asyncio.Transport) -> Upgraded:
        """Take over the connection of a request to upgrade to WebSocket."""
        ...


class HttpConnection(asyncio.Protocol):
    """One connection of a client."""

    def __init__(self, application: Application) -> None:
        self._application = application
        self._parser = httptools.HttpRequestParser(self)
        self._waiting: deque[Request | Response | Streamed] = deque()
        self._task: asyncio.Task[None] | None = None
        self._upgraded: Upgraded | None = None
        self._streamed: Streamed | None = None
        self._refused = False
        self._ended = False
        self._begin()

    def _begin(self) -> None:
        self._url = b""
        self._headers: list[tuple[str, str]] = []
        self._header_bytes = 0
        self._body: list[bytes] = []
        self._body_bytes = 0

    # Called by asyncio.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._client = transport.get_extra_info("peername")[:2]
        self._port = transport.get_extra_info("sockname")[1]

    def data_received(self, data: bytes) -> None:
        if self._upgraded is not None:
            self._upgraded.data_received(data)
        elif not self._refused:
            try:
                self._parser.feed_data(data)
            except httptools.HttpParserUpgrade as upgrade:
                self._upgrade(data[upgrade.args[0] :])
            except httptools.HttpParserError:
                self._refuse(400)

    def eof_received(self) -> bool:
        if self._upgraded is not None:
            self._upgraded.eof_received()
            return True
        if self._streamed is not None and not self._refused:
            return False  # the client has left before its request was complete
        # Answers under way are still sent to a client that has only closed its sending side.
        self._ended = True
        return self._task is not None

    def pause_writing(self) -> None:
        if self._streamed is not None:
            self._streamed.client_waits(True)

    def resume_writing(self) -> None:
        if self._streamed is not None:
            self._streamed.client_waits(False)

    def connection_lost(self, exc: Exception | None) -> None:
        self._waiting.clear()
        if self._streamed is not None:
            self._streamed.client_lost()
        if self._upgraded is not None:
            self._upgraded.connection_lost()

    # Called by the parser.

    def on_message_begin(self) -> None:
        self._begin()

    def on_url(self, url: bytes) -> None:
        self._url += url
        if len(self._url) > URL_LIMIT:
            self._refuse(414)

    def on_header(self, name: bytes, value: bytes) -> None:
        self._header_bytes += len(name) + len(value)
        if self._header_bytes > HEADERS_LIMIT:
            self._refuse(431)
        self._headers.append((name.decode("latin-1"), value.decode("latin-1")))

    def on_headers_complete(self) -> None:
        if self._refused:
            return
        values = {name.lower(): value for name, value in self._headers}
        length = values.get("content-length", "")
        taken = self._application.stream(self._request())
        if isinstance(taken, Response):
            self._refuse_with(taken)
        elif taken is not None:
            self._stream(taken)
        elif length.isdigit() and int(length) > BODY_LIMIT:
            self._refuse(413)
        if values.get("expect", "").lower() == "100-continue" and not self._refused:
            self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def on_body(self, body: bytes) -> None:
        if self._refused:
            return
        if self._streamed is not None:
            self._streamed.body_received(body)
            return
        self._body_bytes += len(body)
        if self._body_bytes > BODY_LIMIT:
            self._refuse(413)
        else:
            self._body.append(body)

    def on_message_complete(self) -> None:
        if self._streamed is not None:
            # What comes after this request would find no connection to be answered on.
            self._refused = True
        if self._refused or self._is_websocket():
            return
        self._waiting.append(self._request())
        if len(self._waiting) > _PIPELINE:
            self._transport.pause_reading()
        self._proceed()

    # Requests and answers.

    def _is_websocket(self) -> bool:
        return any(name.lower() == "upgrade" and value.lower() == "websocket" for name, value in self._headers)

    def _request(self) -> Request:
        path, _, query = self._url.partition(b"?")
        return Request(
            method=self._parser.get_method().decode("latin-1"),
            path=path.decode("latin-1"),
            query=query.decode("latin-1"),
            headers=self._headers,
            body=b"".join(self._body),
            client=self._client,
            server_port=self._port,
            keep_alive=self._parser.should_keep_alive(),
        )

    def _upgrade(self, rest: bytes) -> None:
        if self._refused:
            return
        if not self._is_websocket():
            # The client offered another protocol (curl offers h2c). The request itself is answered as any other.
            return
        self._upgraded = self._application.upgrade(self._request(), self._transport)
        if rest:
            self._upgraded.data_received(rest)

    def _refuse(self, status: int) -> None:
        if not self._refused:
            self._refuse_with(self._application.refuse(status))

    def _refuse_with(self, response: Response) -> None:
        self._refused = True
        self._waiting.append(response)
        self._proceed()

    def _stream(self, streamed: Streamed) -> None:
        """Hand over the rest of this request; its answer is the last one on this connection."""
        self._streamed = streamed
        streamed.begin(self._transport)
        self._waiting.append(streamed)
        self._proceed()

    def _proceed(self) -> None:
        """Answer what is waiting, in order, as long as answers are ready at once."""
        while self._waiting and self._task is None:
            entry = self._waiting.popleft()
            if isinstance(entry, Response):
                self._send(None, entry)
                continue
            if not isinstance(entry, Request):
                self._task = asyncio.get_running_loop().create_task(self._answer_streaming(entry))
                continue
            try:
                answer = self._application.respond(entry)
            except Exception:
                logger.exception("a request could not be answered")
                answer = self._application.refuse(500)
            if isinstance(answer, Response):
                self._send(entry, answer)
            else:
                self._task = asyncio.get_running_loop().create_task(self._answer_later(entry, answer))

    async def _answer_later(self, request: Request, answer: Awaitable[Response]) -> None:
        try:
            response = await answer
        except Exception:
            logger.exception("a request could not be answered")
            response = self._application.refuse(500)
        self._task = None
        self._send(request, response)
        if not self._transport.is_closing():
            self._transport.resume_reading()
            self._proceed()

    async def _answer_streaming(self, streamed: Streamed) -> None:
        response = await streamed.answer(self._transport)
        self._task = None
        if response is not None:
            self._send(None, response)
        elif not self._transport.is_closing():
            self._end()

    def _send(self, request: Request | None, response: Response) -> None:
        """Write an answer. If the request could not be understood, `request` is None and the connection ends."""
        if self._transport.is_closing():
            return
        closes = request is None or not request.keep_alive or (self._ended and not self._waiting)
        self._transport.write(encode(response, request is None or request.method != "HEAD", closes))
        if closes:
            self._end()

    def _end(self) -> None:
        self._waiting.clear()
        self._refused = True
        # If bytes of the client are unread, closing at once would destroy the answer on its way.
        if self._transport.can_write_eof():
            self._transport.write_eof()
        asyncio.get_running_loop().call_later(_LINGER_SECONDS, self._transport.close)


def encode(response: Response, with_body: bool, closes: bool) -> bytes:
    """An answer as bytes. A HEAD request's has the length of the body it leaves out."""
    try:
        phrase = http.HTTPStatus(response.status).phrase
    except ValueError:
        phrase = ""
    lines = [f"HTTP/1.1 {response.status} {phrase}"]
    lines += [f"{name}: {value}" for name, value in response.headers]
    if response.status not in (204, 304):
        lines.append(f"Content-Length: {len(response.body)}")
    lines += [f"Date: {email.utils.formatdate(usegmt=True)}", f"Connection: {'close' if closes else 'keep-alive'}"]
    head = "\r\n".join(lines).encode("latin-1", "replace") + b"\r\n\r\n"
    return head + response.body if with_body and response.status not in (204, 304) else head
