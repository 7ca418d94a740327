"""Servers that answer HTTP on loopback in separate processes, so that their work is not measured."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from local.home import REPOSITORY


class Requests(asyncio.Protocol):
    """Takes complete requests from one connection."""

    def __init__(self) -> None:
        self._buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while (end := self._buffer.find(b"\r\n\r\n")) >= 0:
            head = self._buffer[:end]
            lowered = head.lower()
            start = lowered.find(b"\r\ncontent-length:")
            size = end + 4 + (int(lowered[start + 17 :].split(b"\r\n", 1)[0]) if start >= 0 else 0)
            if len(self._buffer) < size:
                return
            body, self._buffer = self._buffer[end + 4 : size], self._buffer[size:]
            self.take(head, body)

    def take(self, head: bytes, body: bytes) -> None:
        """Answer a request; `head` ends before the empty line."""
        raise NotImplementedError


async def serve(connection: Callable[[], Requests]) -> None:
    """Serve on a free port, print it, and end when the input is closed."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(connection, "127.0.0.1", 0, backlog=512)
    print(server.sockets[0].getsockname()[1], flush=True)
    await loop.run_in_executor(None, sys.stdin.read)


@contextmanager
def running(module: str, *arguments: str) -> Iterator[int]:
    """A module that calls `serve`, in a process of its own; the value is its port."""
    command = [sys.executable, "-m", module, *arguments]
    with subprocess.Popen(command, cwd=REPOSITORY, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None and process.stdout is not None
        try:
            yield int(process.stdout.readline())
        finally:
            process.stdin.close()
