"""Plays AWS for one function: passes its requests on to the emulators, and later gives the same answers at once.

So a benchmark of a function measures the function. An answer is found by the kind of its request, in the order in which
the requests of that kind came, since ids and times in requests differ from run to run. After the last one the first one
comes again. Pushes to sockets are always taken.

python -m bench.answering DYNAMODB MINISTACK  (serves on a free loopback port, prints it, and ends with its input)
"""

from __future__ import annotations

import asyncio
import http.client
import sys
import urllib.error
import urllib.request
from collections import defaultdict, deque
from collections.abc import Iterator
from contextlib import contextmanager

from bench.loopback import Requests, running, serve
from local.emulators.engine import Endpoints

Answer = tuple[int, bytes]
_RECORD, _PLAY = "/record", "/play"
_NOT_PASSED_ON = ("host", "content-length", "connection")


class Answering:
    """A process that plays AWS at `url`."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self._port = port

    def record(self) -> None:
        """Pass requests on from now on, and keep the answers in place of those before."""
        self._tell(_RECORD)

    def play(self) -> None:
        """Give the recorded answers from now on, from the first one."""
        self._tell(_PLAY)

    def _tell(self, path: str) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self._port)
        connection.request("POST", path, b"")
        connection.getresponse().read()
        connection.close()


@contextmanager
def answering(aws: Endpoints) -> Iterator[Answering]:
    """Such a process in front of emulators, which passes requests on at first."""
    with running("bench.answering", aws.dynamodb, aws.ministack) as port:
        yield Answering(port)


class _Answers:
    """What is recorded and played, for all connections."""

    def __init__(self, dynamodb: str, ministack: str) -> None:
        self._dynamodb = dynamodb
        self._ministack = ministack
        self._is_playing = False
        self._recorded: dict[str, deque[Answer]] = defaultdict(deque)

    def answer(self, path: str, headers: dict[str, str], body: bytes) -> Answer:
        if "/@connections/" in path:
            return 200, b""
        if path in (_RECORD, _PLAY):
            self._is_playing = path == _PLAY
            if not self._is_playing:
                self._recorded.clear()
            return 200, b""
        kind = headers.get("x-amz-target", path)
        if not self._is_playing:
            self._recorded[kind].append(self._passed_on(kind, path, headers, body))
            return self._recorded[kind][-1]
        answers = self._recorded[kind]
        answers.rotate(-1)
        return answers[-1]

    def _passed_on(self, kind: str, path: str, headers: dict[str, str], body: bytes) -> Answer:
        where = self._dynamodb if kind.startswith("DynamoDB") else self._ministack
        kept = {name: value for name, value in headers.items() if name not in _NOT_PASSED_ON}
        try:
            with urllib.request.urlopen(urllib.request.Request(where + path, body, kept)) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as refused:
            return refused.code, refused.read()


class _Connection(Requests):
    def __init__(self, answers: _Answers) -> None:
        super().__init__()
        self._answers = answers

    def take(self, head: bytes, body: bytes) -> None:
        first, *lines = head.decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        status, content = self._answers.answer(first.split()[1], headers, body)
        self.transport.write(f"HTTP/1.1 {status} X\r\nContent-Length: {len(content)}\r\n\r\n".encode() + content)


def _main(dynamodb: str, ministack: str) -> None:
    answers = _Answers(dynamodb, ministack)
    asyncio.run(serve(lambda: _Connection(answers)))


if __name__ == "__main__":
    _main(*sys.argv[1:])
