"""The fixture stack: a small template with functions of its own, as a gateway in this process or as whole processes."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import json
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from local.emulators import dynoxide
from local.gateway.objects import ObjectsFront
from local.gateway.server import Gateway
from local.gateway.sockets import Limits
from local.home import Home
from local.process.functions import Invoker
from local.stack.running import Stack, start_stack
from local.template.bound import BoundTemplate
from local.template.intrinsics import Physical
from local.template.template import Template

FIXTURES = Path(__file__).parent / "fixtures"
TEMPLATE = FIXTURES / "template.yaml"
UUID = "6ba7b810-9dad-11d1-80b4-00c04fd430c8"
STREAM_ARN = "arn:aws:dynamodb:us-east-1:000000000000:table/parley-Table/stream/now"
SIGNED = {"Authorization": "AWS4-HMAC-SHA256 Credential=local"}
ENGINES = ["dynoxide", "ministack"] if dynoxide.find(lambda line: None)[0] else ["ministack"]


def bound_template() -> BoundTemplate:
    """The fixture template with made-up identifiers, for tests that start no emulator."""
    physical = {
        "Table": Physical("parley-Table", {"StreamArn": STREAM_ARN}),
        "AuthToken": Physical("arn:aws:secretsmanager:us-east-1:000000000000:secret:token"),
    }
    return BoundTemplate(Template(TEMPLATE, UUID), physical)


class RunningGateway:
    """A gateway on a port of its own, in a thread of this process."""

    def __init__(self, limits: Limits, rest_seconds: float = 29.0, objects: ObjectsFront | None = None) -> None:
        template = bound_template()
        functions = template.functions({}, {})
        rest, sockets = template.rest_api(), template.socket_api()
        invoker = Invoker(functions, iter(("RestFunction", "SocketFunction")), 16)
        listening = socket.create_server(("127.0.0.1", 0))
        self.port = listening.getsockname()[1]
        self.url = f"ws://127.0.0.1:{self.port}/ws"
        self.gateway = Gateway(
            invoker,
            rest,
            sockets,
            limits,
            rest_seconds=rest_seconds,
            console=FIXTURES / "console",
            objects=objects,
        )
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, args=(listening,), daemon=True)
        self._thread.start()

    def _run(self, listening: socket.socket) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self.gateway.start(listening))
        self._loop.run_forever()

    def request(
        self, method: str, path: str, body: bytes | str | None = None, headers: dict[str, str] | None = None
    ) -> tuple[int, http.client.HTTPMessage, bytes]:
        """One HTTP request on a connection of its own."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=120)
        with contextlib.closing(connection):
            connection.request(method, path, body, headers or {})
            response = connection.getresponse()
            return response.status, response.headers, response.read()

    def management(self, method: str, connection_id: str, body: bytes | None = None) -> tuple[int, str]:
        """One `@connections` request; its status and error type."""
        path = f"/_aws/socketapi/test/@connections/{connection_id.replace('=', '%3D')}"
        status, headers, _ = self.request(method, path, body, SIGNED)
        return status, headers.get("x-amzn-ErrorType", "")

    def event(self, method: str, path: str, **request: Any) -> dict[str, Any]:
        """The event that the REST function got for a request."""
        return json.loads(self.request(method, path, **request)[2])["event"]

    def close(self) -> None:
        asyncio.run_coroutine_threadsafe(self.gateway.stop(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)


@pytest.fixture(scope="session")
def gateway() -> Iterator[RunningGateway]:
    running = RunningGateway(Limits())
    yield running
    running.close()


@pytest.fixture
def home(tmp_path: Path) -> Home:
    made = Home(tmp_path / "home")
    made.create()
    return made


class FixtureStack:
    """A whole local stack of the fixture template, which can be started again on the same home."""

    def __init__(self, folder: Path, engine: str | None) -> None:
        self.home = folder / "home"
        self.changes = folder / "changes.log"
        self.closed = folder / "closed.log"
        self._engine = engine
        self.stack: Stack = self.start()

    def start(self) -> Stack:
        environment = {"CHANGES_LOG": str(self.changes), "CLOSED_LOG": str(self.closed)}
        self.stack = start_stack(self.home, engine=self._engine, template=TEMPLATE, environment=environment)
        return self.stack

    def post(self, pk: str, sk: str) -> int:
        """Have the REST function write an item; the status."""
        connection = http.client.HTTPConnection(self.stack.info["rest_url"].removeprefix("http://"), timeout=120)
        with contextlib.closing(connection):
            connection.request("POST", "/items", json.dumps({"pk": pk, "sk": sk}))
            return connection.getresponse().status

    def noted(self, kind: str) -> list[str]:
        """The names of the changes or pieces of work that the function noted, in order."""
        lines = self.changes.read_text().splitlines() if self.changes.exists() else []
        return [entry["name"] for entry in map(json.loads, lines) if entry["kind"] == kind]

    def close(self) -> None:
        if self.stack.process.poll() is None:
            self.stack.kill()


@pytest.fixture(scope="module")
def standing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FixtureStack]:
    """A fixture stack for all tests of a file that leave it running; each names its own items."""
    fixture = FixtureStack(tmp_path_factory.mktemp("standing"), None)
    yield fixture
    fixture.close()


@pytest.fixture
def make_stack(tmp_path: Path) -> Iterator[Callable[..., FixtureStack]]:
    """Starts fixture stacks, and stops them when the test is over."""
    made: list[FixtureStack] = []

    def make(engine: str | None = None) -> FixtureStack:
        made.append(FixtureStack(tmp_path, engine))
        return made[-1]

    yield make
    for stack in made:
        stack.close()
