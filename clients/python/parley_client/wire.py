"""The WebSocket itself: it sends and reads texts, in frames that are small enough for API Gateway."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable, Generator
from inspect import GEN_SUSPENDED, getgeneratorstate
from typing import Any, Literal, Protocol

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus, InvalidURI, ProtocolError
from websockets.typing import Subprotocol
from websockets.uri import parse_uri

from parley_client.errors import ConnectionLost, MessageTooLarge, Refused, UnusableUrl

SUBPROTOCOL = "parley.v1"
MOST_BYTES = 128 * 1024
_FRAME_BYTES = 32_000
_OPEN_SECONDS = 20
_CLOSE_SECONDS = 5


def checked(url: str) -> str:
    """The URL; raises UnusableUrl if it cannot be that of a socket."""
    try:
        parse_uri(url)
    except (InvalidURI, ValueError, TypeError, AttributeError) as error:
        raise UnusableUrl(
            f"{url!r} is not the address of a socket. Give the one that begins with wss:// or ws://: "
            "`SocketUrl` of a deployed stack, or `ws_url` in the `.parley/local.json` of a local run."
        ) from error
    return url


class Wire(Protocol):
    """An open socket."""

    async def send(self, text: str) -> None:
        """Send one text; raises ConnectionLost if the socket is closed."""

    def texts(self) -> AsyncIterator[str]:
        """The texts that come in, until the socket closes for any reason."""

    async def close(self) -> None:
        """Close the socket properly."""

    def abort(self) -> None:
        """Close the socket at once."""


Connect = Callable[[str, str], Awaitable[Wire]]
"""Opens a socket to a URL with a token; raises Refused, or OSError and the like if no server can be reached."""


class WebSocketWire:
    """A socket of the `websockets` library."""

    def __init__(self, connection: ClientConnection) -> None:
        self._connection = connection

    async def send(self, text: str) -> None:
        data = text.encode()
        if len(data) > MOST_BYTES:
            raise MessageTooLarge(f"{len(data)} bytes are more than the {MOST_BYTES} that a socket carries")
        try:
            if len(data) <= _FRAME_BYTES:
                await self._connection.send(data, text=True)
            else:
                await self._send_in_frames(data)
        except (ConnectionClosed, ProtocolError) as error:
            # If a socket was cut in the middle of a text, the library raises ProtocolError until the event loop turns.
            raise ConnectionLost("the connection is closed") from error

    async def _send_in_frames(self, data: bytes) -> None:
        frames = _frames(data)
        try:
            await self._connection.send(frames, text=True)
        except BaseException:
            # If the task is cancelled after half of a text, no other text can follow on this socket.
            if getgeneratorstate(frames) == GEN_SUSPENDED:
                self.abort()
            raise

    async def texts(self) -> AsyncIterator[str]:
        try:
            async for text in self._connection:
                if isinstance(text, str):
                    yield text
        except ConnectionClosed:
            return

    async def close(self) -> None:
        await self._connection.close()

    def abort(self) -> None:
        self._connection.transport.abort()


def _frames(data: bytes) -> Generator[bytes, None, None]:
    for at in range(0, len(data), _FRAME_BYTES):
        yield data[at : at + _FRAME_BYTES]


async def open_wire(url: str, token: str, *, proxy: str | Literal[True] | None = True) -> Wire:
    """Open a WebSocket. The token goes into a sub-protocol, so that no proxy logs it."""
    try:
        connection = await connect(
            url,
            subprotocols=[Subprotocol(SUBPROTOCOL), Subprotocol(token)],
            compression=None,
            # API Gateway does not count protocol pings; the client sends its own.
            ping_interval=None,
            open_timeout=_OPEN_SECONDS,
            close_timeout=_CLOSE_SECONDS,
            proxy=proxy,
        )
    except InvalidStatus as error:
        raise _refused(error) from error
    return WebSocketWire(connection)


def _refused(error: InvalidStatus) -> Refused:
    status = error.response.status_code
    try:
        body: Any = json.loads(error.response.body or b"")
    except ValueError:
        body = None
    if not isinstance(body, dict):
        body = {}
    return Refused(status, int(body.get("code") or 0), str(body.get("message") or f"the server answered {status}"))
