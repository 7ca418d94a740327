"""HTTP from the standard library, in threads: requests with JSON answers, uploads, downloads. Each can be stopped."""

from __future__ import annotations

import asyncio
import json
import ssl
import threading
from collections.abc import Callable, Generator, Iterator, Mapping
from concurrent.futures import Executor
from contextlib import closing, suppress
from functools import cache, partial
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from socket import SHUT_RDWR, socket
from typing import Any, TypeVar
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import HTTPHandler, HTTPSHandler, Request, build_opener

from parley_client.errors import ParleyError, RequestError, RequestTimeout, TransferFailed

PIECE_BYTES = 256 * 1024
"""How many bytes of a file are in memory at a time."""
_ANSWER_SECONDS = 30.0
_STALL_SECONDS = 60.0
"""A transfer fails if nothing moves for so long."""
_END_SECONDS = 5.0
"""How long a caller who is cancelled waits for the thread to end. It ends at once, unless it is still connecting."""

T = TypeVar("T")


class Stopped(Exception):
    """The transfer was cut."""


class Transfer:
    """One piece of work in a thread, which `cut` ends from another thread."""

    def __init__(self) -> None:
        self._is_cut = threading.Event()
        self._connection: HTTPConnection | None = None

    def cut(self) -> None:
        """End it."""
        self._is_cut.set()
        sock = None if self._connection is None else self._connection.sock
        if sock is not None:
            # The method of a socket with TLS would also take away what the other thread is using.
            with suppress(OSError):
                socket.shutdown(sock, SHUT_RDWR)

    def check(self) -> None:
        """Raise Stopped if it was cut."""
        if self._is_cut.is_set():
            raise Stopped

    def open(self, request: Request, seconds: float) -> HTTPResponse:
        """Send a request; returns the response, of whatever status."""
        try:
            return build_opener(_Http(self), _Https(self)).open(request, timeout=seconds)  # type: ignore[no-any-return]
        except HTTPError as answer:
            return answer  # type: ignore[return-value]

    def connecting(self, make: Callable[..., HTTPConnection], *given: Any, **named: Any) -> HTTPConnection:
        """A connection, of which the transfer takes note."""
        self.check()
        self._connection = make(*given, **named)
        return self._connection


class _Http(HTTPHandler):
    def __init__(self, transfer: Transfer) -> None:
        super().__init__()
        self._transfer = transfer

    def http_open(self, request: Request) -> HTTPResponse:
        return self.do_open(partial(self._transfer.connecting, HTTPConnection), request)


class _Https(HTTPSHandler):
    def __init__(self, transfer: Transfer) -> None:
        super().__init__(context=_trusted())
        self._transfer = transfer

    def https_open(self, request: Request) -> HTTPResponse:
        make = partial(self._transfer.connecting, HTTPSConnection, context=_trusted())
        return self.do_open(make, request)


@cache
def _trusted() -> ssl.SSLContext:
    return ssl.create_default_context()


async def in_thread(executor: Executor, work: Callable[[Transfer], T], transfer: Transfer) -> T:
    """Do some work in a thread. If the caller is cancelled, the work is cut.

    Raises:
        TransferFailed: the server was not reached, or the connection broke.
        Stopped: somebody cut the transfer.
    """
    future = asyncio.get_running_loop().run_in_executor(executor, work, transfer)
    future.add_done_callback(_forget)
    try:
        return await asyncio.shield(future)
    except asyncio.CancelledError:
        transfer.cut()
        await asyncio.wait([future], timeout=_END_SECONDS)
        raise
    except (OSError, HTTPException) as error:
        transfer.check()
        raise TransferFailed(f"the server was not reached: {error}") from error


def _forget(future: asyncio.Future[Any]) -> None:
    """Take note of the outcome of work that nobody waits for."""
    if not future.cancelled():
        future.exception()


def ask(method: str, url: str, token: str, form: Mapping[str, Any] | None, transfer: Transfer) -> Any:
    """Send a request to the REST API with a user's token, and return the answer's JSON."""
    data = None if form is None else urlencode(form).encode()
    request = Request(url, data, {"X-Twilio-Token": token}, method=method)
    try:
        with transfer.open(request, _ANSWER_SECONDS) as response:
            status, text = response.status, response.read()
    except TimeoutError as error:
        raise RequestTimeout(f"{method} {url}: no answer within {_ANSWER_SECONDS:.0f} s") from error
    try:
        body = json.loads(text)
    except ValueError:
        body = {}
    if 200 <= status < 300:
        return body
    if not isinstance(body, dict):
        body = {}
    message = str(body.get("message") or f"the server answered {status}")
    raise RequestError(status, int(body.get("code") or 0), message, f"{method} {url}")


def send(link: Mapping[str, Any], size: int, pieces: Generator[bytes, None, None], transfer: Transfer) -> None:
    """Send the bytes of a file to where the server said."""
    headers = {**link["headers"], "Content-Length": str(size)}
    request = Request(link["url"], _until_cut(pieces, transfer), headers, method=link["method"])
    with closing(pieces), transfer.open(request, _STALL_SECONDS) as response:
        status = response.status
        response.read()
    if not 200 <= status < 300:
        raise TransferFailed(f"the file was refused with status {status}", status)


def _until_cut(pieces: Iterator[bytes], transfer: Transfer) -> Iterator[bytes]:
    for piece in pieces:
        transfer.check()
        yield piece


def receive(url: str, byte_range: str | None, take: Callable[[bytes], None], transfer: Transfer) -> None:
    """Fetch a file or a range of it, and pass on its bytes as they come."""
    request = Request(url, headers={} if byte_range is None else {"Range": byte_range})
    with transfer.open(request, _STALL_SECONDS) as response:
        if response.status != (200 if byte_range is None else 206):
            status = response.status
            raise TransferFailed(f"the file was not sent: the server answered {status}", status)
        length, received = response.headers["Content-Length"], 0
        while piece := response.read(PIECE_BYTES):
            transfer.check()
            take(piece)
            received += len(piece)
    transfer.check()
    if length is not None and received < int(length):
        raise TransferFailed("the connection broke during the download")


def may_pass(error: ParleyError) -> bool:
    """Whether another attempt, with the token of a new session and a new link, may succeed."""
    if isinstance(error, RequestTimeout):
        return True
    if isinstance(error, TransferFailed):
        # A link that is over is a 403.
        return error.status is None or error.status in (403, 408, 429) or error.status >= 500
    return isinstance(error, RequestError) and (error.status in (401, 408, 429) or error.status >= 500)
