"""Stands in for `@connections`: a process that answers every request with 200 after a given time.

python -m bench.sink SECONDS      (serves on a free loopback port, prints it, and ends when its input is closed)
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from bench.loopback import Requests, running, serve

_ANSWER = b"HTTP/1.1 200 OK\r\nDate: Thu, 01 Jan 1970 00:00:00 GMT\r\nContent-Length: 0\r\n\r\n"


class Sink(Requests):
    """Answers each complete request with an empty 200, after `delay_seconds`."""

    def __init__(self, delay_seconds: float) -> None:
        super().__init__()
        self._delay_seconds = delay_seconds

    def take(self, head: bytes, body: bytes) -> None:
        if self._delay_seconds:
            asyncio.get_running_loop().call_later(self._delay_seconds, self.transport.write, _ANSWER)
        else:
            self.transport.write(_ANSWER)


@contextmanager
def sink(delay_seconds: float) -> Iterator[str]:
    """A running sink; the value is its URL, with a stage."""
    with running("bench.sink", str(delay_seconds)) as port:
        yield f"http://127.0.0.1:{port}/prod"


if __name__ == "__main__":
    asyncio.run(serve(lambda: Sink(float(sys.argv[1]))))
