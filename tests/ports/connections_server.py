"""A loopback `@connections`: a test chooses each of its answers and can ask who called how often."""

import asyncio
import socket
import ssl
import struct
import threading
from collections import defaultdict, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Self
from urllib.parse import unquote

EMPTY_200 = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
ANSWERS = {
    "ok": EMPTY_200,
    "gone": b"HTTP/1.1 410 Gone\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}",
    "throttled": b'HTTP/1.1 429 Too Many Requests\r\nContent-Length: 16\r\n\r\n{"message":null}',
    "error": b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 2\r\n\r\n{}",
    "forbidden": b'HTTP/1.1 403 Forbidden\r\nContent-Length: 23\r\n\r\n{"message":"Forbidden"}',
    "too large": b"HTTP/1.1 413 Payload Too Large\r\nContent-Length: 0\r\n\r\n",
    "close": b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n",
    "close unannounced": EMPTY_200,
    "chunked": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;x=y\r\nhello\r\n0\r\nTrailer: t\r\n\r\n",
    "until the end": b"HTTP/1.1 200 OK\r\n\r\nthe end of the connection ends this",
    "HTTP/1.0": b"HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n",
    "interim": b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + EMPTY_200,
    "nonsense": b"SSH-2.0-OpenSSH_9.6\r\n",
    "half a head": b"HTTP/1.",
    "in pieces": EMPTY_200,
    "reset": b"",
    "silence": b"",
}
ENDS_CONNECTION = {"close", "close unannounced", "until the end", "HTTP/1.0", "nonsense", "half a head"}


@dataclass
class Request:
    """One request as it arrived; `headers` have lower-case names, `connection` numbers the TCP connection."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    connection: int
    answered_with: str = ""


@dataclass
class ConnectionsServer:
    """Runs in a thread of its own while the `with` block lasts."""

    ssl_context: ssl.SSLContext | None = None
    port: int = 0
    requests: list[Request] = field(default_factory=list)
    connections: int = 0
    at_exit: list[Callable[[], None]] = field(default_factory=list)
    _open_ids: set[str] = field(default_factory=set)
    _script: dict[str, deque[str]] = field(default_factory=lambda: defaultdict(deque))
    _always: dict[str, str] = field(default_factory=dict)
    _writers: dict[int, asyncio.StreamWriter] = field(default_factory=dict)
    _deaf: set[int] = field(default_factory=set)

    @property
    def url(self) -> str:
        scheme, host = ("https", "localhost") if self.ssl_context else ("http", "127.0.0.1")
        return f"{scheme}://{host}:{self.port}/prod"

    def open(self, *connection_ids: str) -> None:
        """Let pushes to these ids succeed; others are gone."""
        self._open_ids.update(connection_ids)

    def answer(self, connection_id: str, *answers: str) -> None:
        """Answer the next requests for an open id so, one each; afterwards as usual."""
        self.open(connection_id)
        self._script[connection_id].extend(answers)

    def always_answer(self, connection_id: str, answer: str) -> None:
        self.open(connection_id)
        self._always[connection_id] = answer

    def received(self, connection_id: str) -> list[bytes]:
        """What the client behind this id got, repeats included."""
        return [
            request.body
            for request in self.requests
            if request.method == "POST"
            and id_of(request) == connection_id
            and ANSWERS[request.answered_with].startswith((b"HTTP/1.1 20", b"HTTP/1.0 20", b"HTTP/1.1 10"))
        ]

    def attempts(self, connection_id: str) -> int:
        return sum(id_of(request) == connection_id for request in self.requests)

    def close_resting(self) -> None:
        """Close all keep-alive connections, as servers do after a while."""
        self._on_loop(lambda writer: writer.close())

    def reset_resting(self) -> None:
        """Break all keep-alive connections, as a restart does."""
        self._on_loop(_reset)

    def forget_resting(self) -> None:
        """Never answer again on the connections that exist now, as when a middlebox lost them."""
        self._deaf.update(self._writers)

    def __enter__(self) -> Self:
        self._loop = asyncio.new_event_loop()
        started = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(started,), daemon=True)
        self._thread.start()
        assert started.wait(120)
        return self

    def __exit__(self, *_: object) -> None:
        for act in self.at_exit:
            act()
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(10)

    def _run(self, started: threading.Event) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._serve(started))
        self._loop.close()

    async def _serve(self, started: threading.Event) -> None:
        self._stop = asyncio.Event()
        server = await asyncio.start_server(
            self._converse, "127.0.0.1", self.port, ssl=self.ssl_context, backlog=512, limit=2**20
        )
        self.port = server.sockets[0].getsockname()[1]
        started.set()
        await self._stop.wait()
        server.close()
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            task.cancel()
        await asyncio.sleep(0)

    def _on_loop(self, act: Callable[[asyncio.StreamWriter], None]) -> None:
        done = threading.Event()

        async def run() -> None:
            writers = list(self._writers.values())
            for writer in writers:
                act(writer)
            # The client's side must have heard of it before the test goes on.
            await asyncio.gather(*(writer.wait_closed() for writer in writers), return_exceptions=True)
            done.set()

        asyncio.run_coroutine_threadsafe(run(), self._loop)
        assert done.wait(120)

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        number = self.connections
        self._writers[number] = writer
        try:
            while (request := await _read(reader, number)) and number not in self._deaf:
                self.requests.append(request)
                request.answered_with = self._choose(request)
                if not await _reply(writer, request.answered_with):
                    break
            if number in self._deaf:
                await self._stop.wait()
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            self._writers.pop(number, None)
            writer.close()

    def _choose(self, request: Request) -> str:
        connection_id = id_of(request)
        if connection_id not in self._open_ids:
            return "gone"
        if self._script[connection_id]:
            return self._script[connection_id].popleft()
        if request.method == "DELETE":
            self._open_ids.discard(connection_id)
        return self._always.get(connection_id, "ok")


def id_of(request: Request) -> str:
    return unquote(request.path.rpartition("/@connections/")[2])


async def _read(reader: asyncio.StreamReader, number: int) -> Request | None:
    try:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
    except asyncio.IncompleteReadError as error:
        if error.partial:
            raise
        return None
    first, *lines = head.strip().split("\r\n")
    method, path, _ = first.split(" ")
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
    body = await reader.readexactly(int(headers.get("content-length", 0)))
    return Request(method, path, headers, body, number)


async def _reply(writer: asyncio.StreamWriter, answer: str) -> bool:
    """Answer and say whether the connection goes on."""
    if answer == "reset":
        _reset(writer)
        return False
    if answer == "silence":
        await asyncio.Event().wait()
    if answer == "in pieces":
        for byte in ANSWERS[answer]:
            writer.write(bytes([byte]))
            await writer.drain()
            await asyncio.sleep(0)
        return True
    writer.write(ANSWERS[answer])
    await writer.drain()
    return answer not in ENDS_CONNECTION


def _reset(writer: asyncio.StreamWriter) -> None:
    connection = writer.get_extra_info("socket")
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
