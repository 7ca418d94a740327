"""The outgoing HTTP port: one request to a URL that a service owner chose.

What a caller may rely on:

- A name is resolved once, every address it has is checked (`targets.py`), and the connection goes to one of exactly
  these addresses, under the original Host and TLS name. A resolver that answers differently a moment later changes
  nothing. Redirects are returned, not followed.
- One deadline covers name resolution, connecting, TLS, sending and reading to the end, also when the other side
  sends one byte a second.
- At most 256 KB of the answer's body are read.
- The outcome is a `Response` whatever its status, `TargetRefused` (nothing was sent), or `NoAnswer` (the request may
  or may not have arrived).
- Safe to use from several threads; nothing is shared between requests. Proxy settings are not honoured.
"""

import http.client
import io
import socket
import ssl
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, NamedTuple

from parley.ports.http.targets import Target, TargetRefused, check_address, check_url

__all__ = ["BODY_LIMIT", "NoAnswer", "Outgoing", "Response", "TargetRefused", "check_url"]

# An answer may replace a message's body and attributes, 36 KB together. Some JSON libraries spell each letter with six.
BODY_LIMIT = 256 * 1024


class NoAnswer(Exception):
    """There was no complete HTTP answer in time; `reason` is `timeout`, or says what broke."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Response(NamedTuple):
    """An answer; header names are in lower case, repeated headers joined with commas."""

    status: int
    headers: Mapping[str, str]
    body: bytes


def resolve(host: str) -> list[str]:
    """The addresses of a name, by the system's resolver."""
    found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


class Outgoing:
    """Sends requests; `allow_loopback` lets them reach this machine and nothing else that is not public."""

    def __init__(
        self,
        allow_loopback: bool = False,
        *,
        resolver: Callable[[str], list[str]] = resolve,
        connect: Callable[[tuple[str, int], float], socket.socket] = socket.create_connection,
        ssl_context: ssl.SSLContext | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._allow_loopback = allow_loopback
        self._resolver = resolver
        self._connect = connect
        self._context = ssl_context
        self._monotonic = monotonic

    def send(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes = b"", timeout_seconds: float = 5.0
    ) -> Response:
        """Make one request and return its answer; raises `TargetRefused` and `NoAnswer`, and retries nothing."""
        target = check_url(url, self._allow_loopback)
        deadline = _Deadline(timeout_seconds, self._monotonic)
        try:
            opened = self._open(target, self._addresses(target, deadline), deadline)
            # Head and body leave in two writes; the second must not wait for the first one's acknowledgement.
            opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with opened as plain, self._secured(plain, target, deadline) as connection:
                return _exchange(connection, deadline, target, method, headers, body)
        except TimeoutError:
            raise NoAnswer("timeout") from None
        except ssl.SSLError as error:
            raise NoAnswer(f"TLS: {getattr(error, 'verify_message', '') or error.reason or error}") from error
        except http.client.HTTPException as error:
            raise NoAnswer(f"not a valid HTTP answer ({type(error).__name__})") from error
        except OSError as error:
            raise NoAnswer(error.strerror or type(error).__name__) from error

    def _addresses(self, target: Target, deadline: "_Deadline") -> list[str]:
        if target.is_literal:
            return [target.host]
        answer: list[list[str] | OSError | UnicodeError] = []

        def ask() -> None:
            try:
                answer.append(self._resolver(target.host))
            except (OSError, UnicodeError) as error:
                answer.append(error)

        # The system's resolver knows no deadline; a name server that is silent on purpose must not hold us.
        thread = threading.Thread(target=ask, daemon=True)
        thread.start()
        thread.join(deadline.remaining())
        if not answer:
            raise NoAnswer("timeout")
        if isinstance(answer[0], Exception) or not answer[0]:
            raise NoAnswer("the name has no address")
        for address in answer[0]:
            check_address(address, self._allow_loopback)
        return answer[0]

    def _open(self, target: Target, addresses: list[str], deadline: "_Deadline") -> socket.socket:
        for tried, address in enumerate(addresses):
            remaining = deadline.remaining()
            try:
                # A silent address must leave time for the others.
                return self._connect((address, target.port), remaining / (len(addresses) - tried))
            except OSError:
                if tried == len(addresses) - 1:
                    raise
        raise NoAnswer("the name has no address")

    def _secured(self, plain: socket.socket, target: Target, deadline: "_Deadline") -> socket.socket:
        if target.scheme == "http":
            return plain
        if self._context is None:
            self._context = ssl.create_default_context()
        plain.settimeout(deadline.remaining())
        return self._context.wrap_socket(plain, server_hostname=target.host)


class _Deadline:
    def __init__(self, seconds: float, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._at = monotonic() + seconds

    def remaining(self) -> float:
        """The seconds left, never zero or less: then it raises `TimeoutError`."""
        left = self._at - self._monotonic()
        if left <= 0:
            raise TimeoutError
        return left


class _TimedSocket:
    """As much of a socket as http.client needs, with the deadline's rest as time-out of each call."""

    def __init__(self, connection: socket.socket, deadline: _Deadline) -> None:
        self._connection = connection
        self._deadline = deadline

    def sendall(self, data: Any) -> None:
        self._connection.settimeout(self._deadline.remaining())
        self._connection.sendall(data)

    def makefile(self, _mode: str) -> io.BufferedReader:
        return io.BufferedReader(_TimedReader(self._connection, self._deadline))

    def close(self) -> None:
        """Leave closing to `send`: http.client closes before the body is read."""


class _TimedReader(io.RawIOBase):
    def __init__(self, connection: socket.socket, deadline: _Deadline) -> None:
        self._connection = connection
        self._deadline = deadline

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        self._connection.settimeout(self._deadline.remaining())
        return self._connection.recv_into(buffer)


def _exchange(
    connection: socket.socket,
    deadline: _Deadline,
    target: Target,
    method: str,
    headers: Mapping[str, str],
    body: bytes,
) -> Response:
    exchange = http.client.HTTPConnection(target.host, target.port)
    exchange.sock = _TimedSocket(connection, deadline)
    framing = {"Host": target.host_header, "Connection": "close"}
    # A server that closes early may have answered before.
    with suppress(BrokenPipeError, ConnectionResetError):
        exchange.request(method, target.path, body or None, {**framing, **headers})
    with exchange.getresponse() as answer:
        content = answer.read(BODY_LIMIT + 1)
        if len(content) <= BODY_LIMIT and answer.length:
            raise http.client.IncompleteRead(content, answer.length)
        gathered: dict[str, str] = {}
        for name, value in answer.getheaders():
            name = name.lower()
            gathered[name] = f"{gathered[name]}, {value}" if name in gathered else value
        return Response(answer.status, gathered, content[:BODY_LIMIT])
