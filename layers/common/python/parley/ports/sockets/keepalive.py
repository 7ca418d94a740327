"""Keep-alive HTTP/1.1 connections that never block, and the pool in which they wait between calls.

A `Wire` is one TCP or TLS connection with at most one request on it; its owner watches `wire.socket` for
`wire.events` and then calls `open_further`, or `receive`. The `WirePool` hands every wire to one caller at a
time, so callers in different threads share a pool without waiting for one another. A wire that rested too long, or
that the server closed meanwhile, is not handed out again: a Lambda environment can be frozen for minutes
between two calls, and its sockets die unnoticed.

This is not a general HTTP client: requests are small, and it reads 64 KB of an answer's body at most.
"""

import errno
import os
import socket
import ssl
import threading
import time
from collections.abc import Callable
from selectors import EVENT_READ, EVENT_WRITE
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from parley.ports.tls import tls_context

ANSWER_LIMIT = 65_536
IDLE_SECONDS = 45
"""How long a wire may rest. Common servers and load balancers close idle ones after 60 s or more."""
ADDRESS_SECONDS = 30


class BadAnswer(Exception):
    """The server sent something that is not an HTTP/1.x answer, or closed before sending one."""


class Answer(NamedTuple):
    status: int
    keep_alive: bool
    body: bytes


def parse_answer(data: bytes | bytearray, at_end: bool = False) -> Answer | None:
    """Read one answer from the start of `data`; None when more bytes are needed.

    With `at_end` no more bytes will come: once the head is complete its status counts, however little of the
    body arrived. Bytes after the answer make the connection unusable, since nothing was asked yet.
    """
    start = 0
    while True:
        end = data.find(b"\r\n\r\n", start)
        if end < 0:
            if at_end or len(data) > ANSWER_LIMIT or data[:5] != b"HTTP/"[: len(data)]:
                raise BadAnswer("no complete head of an answer")
            return None
        head = bytes(data[start:end]).lower()
        if head[:7] != b"http/1." or head[8:9] != b" " or not head[9:12].isdigit():
            raise BadAnswer("no HTTP/1.x status line")
        status = int(head[9:12])
        start = end + 4
        if status >= 200:
            break
    length, keep_alive = _framing(head, status)
    if length == _CHUNKED:
        body, length = _chunks(data, start)
    elif length is None:
        body, keep_alive = bytes(data[start:]), False
        length = len(body) if at_end else None
    else:
        body = bytes(data[start : start + length])
        length = length if len(body) == length else None
    if length is None:
        if not at_end and len(data) <= ANSWER_LIMIT:
            return None
        return Answer(status, False, body)
    return Answer(status, keep_alive and not at_end and len(data) == start + length, body)


_CHUNKED = -1


def _framing(head: bytes, status: int) -> tuple[int | None, bool]:
    """The body's length (`_CHUNKED`, or None for "until the end") and whether the connection stays."""
    keep_alive = head[7:8] == b"1"
    connection = _header(head, b"connection")
    if connection is not None:
        keep_alive = b"close" not in connection and (keep_alive or b"keep-alive" in connection)
    if status in (204, 304):
        return 0, keep_alive
    coding = _header(head, b"transfer-encoding")
    if coding is not None:
        return (_CHUNKED if coding.endswith(b"chunked") else None), keep_alive
    length = _header(head, b"content-length")
    if length is None:
        return None, False
    if not length.isdigit():
        raise BadAnswer("a Content-Length that is no number")
    return int(length), keep_alive


def _header(head: bytes, name: bytes) -> bytes | None:
    start = head.find(b"\r\n" + name + b":")
    if start < 0:
        return None
    start += len(name) + 3
    end = head.find(b"\r\n", start)
    return head[start : end if end >= 0 else len(head)].strip()


def _chunks(data: bytes | bytearray, start: int) -> tuple[bytes, int | None]:
    """The decoded body and how many bytes it took, None if the last chunk is still missing."""
    body, position = b"", start
    while (end := data.find(b"\r\n", position)) >= 0:
        size_text = bytes(data[position:end]).partition(b";")[0].strip()
        if not size_text or size_text.strip(b"0123456789abcdefABCDEF"):
            raise BadAnswer("a chunk without a size")
        size = int(size_text, 16)
        if size == 0:
            trailers_end = data.find(b"\r\n\r\n", end)
            return body, None if trailers_end < 0 else trailers_end + 4 - start
        body += bytes(data[end + 2 : end + 2 + size])
        position = end + 2 + size + 2
    return body, None


class Wire:
    """One connection. `work` and `since` belong to its owner: what it is busy with and from when."""

    __slots__ = (
        *("_buffer", "_context", "_host", "_unsent"),
        *("descriptor", "events", "is_open", "is_used", "rested_at", "since", "socket", "watched", "work"),
    )

    def __init__(self, family: int, address: Any, context: ssl.SSLContext | None, host: str) -> None:
        self._context = context
        self._host = host
        self._buffer = bytearray()
        self._unsent: memoryview | None = None
        self.is_open = False
        self.is_used = False
        self.events = EVENT_WRITE
        self.watched = 0
        self.work: Any = None
        self.since = 0.0
        self.rested_at = 0.0
        self.socket = socket.socket(family, socket.SOCK_STREAM)
        self.socket.setblocking(False)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        code = self.socket.connect_ex(address)
        if code not in (0, errno.EINPROGRESS, errno.EWOULDBLOCK):
            self.socket.close()
            raise OSError(code, os.strerror(code))
        self.descriptor = self.socket.fileno()

    def open_further(self) -> bool:
        """Take connecting and the TLS handshake one step on; say whether the wire is open now."""
        if self._context is not None and not isinstance(self.socket, ssl.SSLSocket):
            self._raise_pending_error()
            self.socket = self._context.wrap_socket(
                self.socket, server_hostname=self._host, do_handshake_on_connect=False
            )
        if isinstance(self.socket, ssl.SSLSocket):
            try:
                self.socket.do_handshake()
            except ssl.SSLWantReadError:
                self.events = EVENT_READ
                return False
            except ssl.SSLWantWriteError:
                self.events = EVENT_WRITE
                return False
        else:
            self._raise_pending_error()
        self.events = EVENT_READ
        self.is_open = True
        return True

    def _raise_pending_error(self) -> None:
        code = self.socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if code:
            raise OSError(code, os.strerror(code))

    def send(self, request: bytes) -> None:
        """Start sending; what the socket does not take at once, `receive` sends on."""
        try:
            sent = self.socket.send(request)
        except (BlockingIOError, ssl.SSLWantWriteError, ssl.SSLWantReadError):
            sent = 0
        if sent < len(request):
            self._unsent = memoryview(request)[sent:]
            self.events = EVENT_READ | EVENT_WRITE

    def receive(self) -> Answer | None:
        """Send what is left of the request and read on; None until the answer is complete."""
        broken = self._flush() if self._unsent is not None else None
        while True:
            try:
                data = self.socket.recv(ANSWER_LIMIT)
            except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
                if broken is not None:
                    raise broken from None
                return None
            except OSError:
                # A server that closed early may have said why (413) before.
                if not self._buffer:
                    raise
                data = b""
            self._buffer += data
            answer = parse_answer(self._buffer, at_end=not data)
            if answer is not None:
                self._buffer.clear()
                self.is_used = True
                if self._unsent is not None:
                    answer = answer._replace(keep_alive=False)
                return answer

    def _flush(self) -> OSError | None:
        assert self._unsent is not None
        try:
            sent = self.socket.send(self._unsent)
        except (BlockingIOError, ssl.SSLWantWriteError, ssl.SSLWantReadError):
            return None
        except OSError as error:
            self._unsent, self.events = None, EVENT_READ
            return error
        self._unsent = self._unsent[sent:]
        if not self._unsent:
            self._unsent, self.events = None, EVENT_READ
        return None

    def has_spoken(self) -> bool:
        """Whether any byte of an answer has arrived since the last complete one."""
        return bool(self._buffer)

    def is_quiet(self) -> bool:
        """Whether the resting wire is still there: the server neither closed it nor sent anything unasked."""
        try:
            self.socket.recv(1)
        except (BlockingIOError, ssl.SSLWantReadError):
            return True  # over TLS a session ticket may have been waiting; reading it is harmless
        except OSError:
            pass
        return False

    def close(self) -> None:
        self.socket.close()


class WirePool:
    """The wires to one host, at most `limit` at a time (and one more for each caller that would have none)."""

    def __init__(
        self,
        url: str,
        limit: int,
        ssl_context: ssl.SSLContext | None = None,
        wall_clock: Callable[[], float] = time.time,
    ) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError("an absolute http or https URL is needed")
        self._host = parts.hostname
        self._port = parts.port or (443 if parts.scheme == "https" else 80)
        self._is_tls = parts.scheme == "https"
        self._context = ssl_context
        self._wall_clock = wall_clock
        self._limit = limit
        self._lock = threading.Lock()
        self._idle: list[Wire] = []
        self._count = 0
        self._addresses: list[tuple[int, Any]] = []
        self._resolved_at = 0.0

    def take_idle(self) -> Wire | None:
        """A wire that rested and is still good, the one used last first."""
        while True:
            with self._lock:
                if not self._idle:
                    return None
                wire = self._idle.pop()
            # Wall clock, because a monotonic one may stand still while the machine is frozen.
            if 0 <= self._wall_clock() - wire.rested_at < IDLE_SECONDS and wire.is_quiet():
                return wire
            self.discard(wire)

    def open(self, beyond_limit: bool = False) -> Wire | None:
        """Start a new wire; None when as many exist as may. An `OSError` says the host cannot be reached."""
        with self._lock:
            if self._count >= self._limit and not beyond_limit:
                return None
            self._count += 1
        try:
            if self._is_tls and self._context is None:
                self._context = tls_context()
            family, address = self._address()
            return Wire(family, address, self._context, self._host)
        except BaseException:
            with self._lock:
                self._count -= 1
                self._addresses = self._addresses[1:]
            raise

    def give_back(self, wire: Wire) -> None:
        """Let an open wire without a request on it rest."""
        wire.rested_at = self._wall_clock()
        with self._lock:
            if self._count <= self._limit:
                self._idle.append(wire)
                return
        self.discard(wire)

    def discard(self, wire: Wire, is_unreachable: bool = False) -> None:
        """Close a wire; `is_unreachable` makes the next one try the host's next address."""
        wire.close()
        with self._lock:
            self._count -= 1
            if is_unreachable:
                self._addresses = self._addresses[1:]

    def discard_idle(self) -> None:
        """Close every resting wire."""
        with self._lock:
            idle, self._idle = self._idle, []
        for wire in idle:
            self.discard(wire)

    def _address(self) -> tuple[int, Any]:
        now = self._wall_clock()
        with self._lock:
            if self._addresses and 0 <= now - self._resolved_at < ADDRESS_SECONDS:
                return self._addresses[0]
        found = socket.getaddrinfo(self._host, self._port, type=socket.SOCK_STREAM)
        addresses: list[tuple[int, Any]] = [(family, address) for family, _, _, _, address in found]
        with self._lock:
            self._addresses, self._resolved_at = addresses, now
        return addresses[0]
