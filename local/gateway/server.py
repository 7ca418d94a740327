"""The gateway: API Gateway on one port, as a process of its own.

    /ws                     WebSocket API
    …/@connections/{id}     its management
    /console                the web console: `local/console/page/`, its inbox for webhooks, and the counts of this run
    /_phones/               handsets: the messages that phones received, and messages from phones
    /_texts/                the stand-in of AWS End User Messaging
    /_aws/s3/               links to files, passed through to the emulator of S3
    /_aws/health            whether it is up
    anything else           REST API

Handlers run in worker threads, so that neither they nor their time-outs hold up the loop that serves sockets.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import socket
import sys
import time
from collections.abc import Awaitable
from pathlib import Path
from typing import Any

from local.console.files import CONSOLE_FILES, CONSOLE_PATH, ConsoleFiles
from local.console.usage import USAGE_PATH, MetricLog, Usage
from local.console.webhook_inbox import INBOX_PATH, WebhookInbox
from local.gateway.management import MARK
from local.gateway.management import respond as manage
from local.gateway.objects import ObjectsFront
from local.gateway.rest import RestFront
from local.gateway.sockets import Limits, Socket, SocketHub
from local.home import Home
from local.http.server import BODY_LIMIT, HttpConnection, Request, Response, Streamed
from local.phones import run
from local.phones.carrier import PHONES_PATH
from local.phones.push import PushServices
from local.phones.push_door import PUSH_PATH, PushDoor
from local.phones.run import Phones
from local.process.functions import FunctionError, Invoker, PayloadTooLarge
from local.process.plan import HEALTH_PATH, TEXTS_PATH, Descriptors, Plan, begin_child, end_child
from local.process.report import problem
from local.process.silent_targets import watch_targets
from local.template.declared import ACCOUNT, REGION, RestApi, SocketApi

logger = logging.getLogger("local.gateway")

SOCKET_PATH = "/ws"
_THREADS = 64
_REST_SECONDS = 29.0
_SWITCH_SECONDS = 0.001
_CLOSE_SECONDS = 3.0
_PLAIN = {400: "Bad Request", 414: "URI Too Long", 431: "Request Header Fields Too Large"}


class Gateway:
    """Serves one REST API and one WebSocket API with functions that `invoker` calls."""

    def __init__(
        self,
        invoker: Invoker,
        rest: RestApi,
        sockets: SocketApi,
        limits: Limits,
        wake: int | None = None,
        rest_seconds: float = _REST_SECONDS,
        console: Path = CONSOLE_FILES,
        inbox: WebhookInbox | None = None,
        phones: Phones | None = None,
        objects: ObjectsFront | None = None,
        push: PushDoor | None = None,
        usage: Usage | None = None,
    ) -> None:
        """`wake` is a pipe, or None; it gets a byte after every call of a function."""
        self._invoker = invoker
        self._rest = RestFront(rest)
        self.hub = SocketHub(sockets, limits, self._call)
        self._wake = wake
        self._rest_seconds = rest_seconds
        self._console = ConsoleFiles(console)
        self._inbox = inbox
        self._phones = phones
        self._objects = objects
        self._push = push
        self._usage = usage
        self._server: asyncio.Server | None = None
        self._under_way = 0

    async def start(self, listening: socket.socket) -> None:
        """Accept connections on `listening`, which listens already."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: HttpConnection(self), sock=listening)

    async def stop(self) -> None:
        """Stop accepting connections, close all sockets, and wait a few seconds for calls under way."""
        if self._server is not None:
            self._server.close()
        if self._objects is not None:
            self._objects.close()
        deadline = time.monotonic() + _CLOSE_SECONDS
        await self.hub.close(_CLOSE_SECONDS)
        while self._under_way and time.monotonic() < deadline:
            await asyncio.sleep(0.01)

    # Called by the HTTP server.

    def stream(self, request: Request) -> Streamed | Response | None:
        return self._objects.open(request) if self._objects is not None else None

    def respond(self, request: Request) -> Response | Awaitable[Response]:
        path = request.path
        if MARK in path:
            return manage(self.hub, request)
        if path == HEALTH_PATH:
            return Response(200, b'{"status":"ok"}', [("Content-Type", "application/json")])
        if self._inbox is not None and path.startswith(INBOX_PATH):
            return self._inbox.respond(request)
        if self._phones is not None and path.startswith(PHONES_PATH):
            return self._phones.owner.respond(request)
        if self._phones is not None and path.startswith(TEXTS_PATH):
            return self._phones.aws.respond(request)
        if self._push is not None and path.startswith(PUSH_PATH):
            return self._push.respond(request)
        if self._usage is not None and path == USAGE_PATH:
            return self._usage.respond(request, len(self.hub.open))
        if path == CONSOLE_PATH or path.startswith(f"{CONSOLE_PATH}/"):
            return self._console.respond(request)
        if path == SOCKET_PATH:
            return Response(426, b"", [("Upgrade", "websocket")])
        return self._invoke_rest(request)

    def refuse(self, status: int) -> Response:
        if status == 413:
            # API Gateway says so before it knows which API is meant: no template applies, and no CORS (unconfirmed).
            text = f"HTTP content length exceeded {BODY_LIMIT} bytes."
            return Response(413, text.encode(), [("Content-Type", "text/plain; charset=utf-8")])
        if status >= 500:
            return self._rest.failure("MALFORMED_PROXY_RESPONSE")
        text = f'{{"message":"{_PLAIN.get(status, "Bad Request")}"}}'
        return Response(status, text.encode(), [("Content-Type", "application/json")])

    def upgrade(self, request: Request, transport: asyncio.Transport) -> Socket:
        if request.path.rstrip("/") != SOCKET_PATH:
            return self.hub.refuse(request, transport, 403)
        return self.hub.upgrade(request, transport)

    # Functions.

    async def _call(self, name: str, event: dict[str, Any], timeout_seconds: float) -> Any:
        """Call a function; raises `TimeoutError` after the time that API Gateway waits. The call itself goes on."""
        own_limit = self._invoker.timeout_seconds(name)
        self._under_way += 1
        future = asyncio.wrap_future(self._invoker.submit(name, event))
        try:
            return await asyncio.wait_for(asyncio.shield(future), min(timeout_seconds, own_limit))
        except TimeoutError:
            future.add_done_callback(lambda late: late.cancelled() or late.exception())
            if own_limit < timeout_seconds:
                raise FunctionError(f"{name} timed out after {own_limit} s") from None
            raise
        finally:
            self._under_way -= 1
            self._wake_pump()

    def _wake_pump(self) -> None:
        if self._wake is not None:
            with contextlib.suppress(BlockingIOError):  # a full pipe wakes as well
                os.write(self._wake, b".")

    async def _invoke_rest(self, request: Request) -> Response:
        try:
            result = await self._call(self._rest.api.function, self._rest.event(request), self._rest_seconds)
        except PayloadTooLarge:
            return self._rest.failure("REQUEST_TOO_LARGE")
        except TimeoutError:
            problem(f"{request.method} {request.path}: no answer within {self._rest_seconds} s")
            return self._rest.failure("INTEGRATION_TIMEOUT")
        except FunctionError as error:
            problem(f"{request.method} {request.path}: {error}")
            return self._rest.failure("MALFORMED_PROXY_RESPONSE")
        return self._rest.answer(request, result)


async def serve(plan: Plan, listening: socket.socket, descriptors: Descriptors, stop: asyncio.Event) -> None:
    """Load the functions of both APIs and serve them until told to stop."""
    template = plan.bound()
    rest, sockets = template.rest_api(), template.socket_api()
    wanted = {rest.function} | {route.function for route in sockets.routes.values() if route.function}
    invoker = Invoker(plan.functions(template), iter(sorted(wanted)), _THREADS)
    watch_targets()
    os.set_blocking(descriptors.wake_write, False)
    inbox = WebhookInbox(plan.account_sid, plan.auth_tokens)
    phones = run.of_plan(plan, template)
    logs = [MetricLog(Home(Path(plan.home)).logs / f"{name}.log") for name in ("gateway", "pump")]
    push_services = PushServices(REGION, ACCOUNT, Home(Path(plan.home)).push)
    gateway = Gateway(
        invoker,
        rest,
        sockets,
        Limits.from_environment(),
        descriptors.wake_write,
        inbox=inbox,
        phones=phones,
        push=PushDoor(push_services, plan.account_sid, plan.auth_tokens),
        usage=Usage(logs, plan.account_sid, plan.auth_tokens),
        objects=ObjectsFront(plan.ministack, tuple(bucket.name for bucket in template.buckets())),
    )
    await gateway.start(listening)
    await stop.wait()
    await gateway.stop()
    if phones is not None:
        await asyncio.to_thread(phones.close)


async def _run(plan: Plan, listening: socket.socket, descriptors: Descriptors) -> None:
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()

    def end() -> None:
        loop.call_soon_threadsafe(stop.set)

    begin_child(end, descriptors)
    loop.add_signal_handler(signal.SIGTERM, stop.set)
    await serve(plan, listening, descriptors, stop)


def main(arguments: list[str]) -> None:
    plan = Plan.load(Path(arguments[0]))
    descriptors = Descriptors(*map(int, arguments[1:5]))
    listening = socket.socket(fileno=int(arguments[5]))
    listening.setblocking(False)
    # Worker threads work on JSON and signatures for milliseconds at a time. The loop must get its turn sooner.
    sys.setswitchinterval(_SWITCH_SECONDS)
    try:
        asyncio.run(_run(plan, listening, descriptors))
    except Exception as error:
        logger.exception("the gateway failed")
        problem(f"the gateway failed: {type(error).__name__}: {error}")
        end_child(1)
    end_child()


if __name__ == "__main__":
    main(sys.argv[1:])
