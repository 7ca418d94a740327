"""A whole stack in one process, with a meter for everything that AWS bills.

Each function runs as its handler, in a container of its own. The table and its stream are the emulator's. API Gateway,
SQS, SNS and the owner's endpoints are stand-ins that count. What functions print is counted as log, and so are the
lines that API Gateway writes to the access logs.
"""

from __future__ import annotations

import io
import itertools
import json
import logging
import math
import re
import tempfile
import time
import uuid
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, redirect_stdout
from functools import cached_property
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from bench.meter import metered
from bench.usage import FRAMES_IN, FRAMES_OUT, LOGGED, QUEUED, READS, REQUESTS, REST, SENT, TOLD, WRITES, Usage
from local.emulators.engine import Endpoints, start_engine
from local.home import REPOSITORY, Home
from local.pump.filters import passes
from local.template.template import REGION, Template
from parley.log import logger
from parley.ports.aws import AwsClient
from parley.ports.queue import Queue
from parley.ports.sockets.gateway import Outcome
from parley.runtime import Runtime
from parley.settings import Credentials
from tests.ports.fakes import FakeGateway, FakeOutgoing
from tests.sockets.deployment import AtOnce, load_function, patterns, sample
from tests.support.doors import Answer, Headers, LambdaDoor, Raw
from tests.support.queued import received
from tests.support.stream import Stream
from tests.support.texting import FakeTexting
from tests.support.world import World

FUNCTIONS = {
    "rest_api": "RestApiFunction",
    "ws_connect": "WsConnectFunction",
    "ws_message": "WsMessageFunction",
    "ws_disconnect": "WsDisconnectFunction",
    "fan_out": "FanOutFunction",
    "webhooks": "WebhooksFunction",
    "push": "PushFunction",
}
"""The functions by their folders, with their names in the template."""
WITH_PHONES = {**FUNCTIONS, "carriers": "CarriersFunction"}
"""The functions of a stack with phones."""
_TEXTS, _PHONES = "CarrierQueue.fifo", {"Phones": "true"}
_FUNCTION = "AWS::Serverless::Function"
# API Gateway bills a message over a socket, and SQS a request, by units of so many bytes.
_FRAME_BYTES, _QUEUE_BYTES = 32 * 1024, 64 * 1024
# What CloudWatch adds to each line.
_LINE_BYTES = 26
# What API Gateway fills into an access log for a request that succeeds; what is not here is empty, and shown as "-".
_FILLED = {
    "extendedRequestId": "XfGMxFQxDoEFv7A=",
    "connectionId": "XfGLwfymjMFCENw=",
    "integration.requestId": str(uuid.UUID(int=0)),
    "identity.sourceIp": "203.0.113.207",
    "eventType": "MESSAGE",
    "routeKey": "$default",
    "status": "200",
    "httpMethod": "POST",
    "path": f"/chat/v2/Services/IS{0:032x}/Channels/CH{0:032x}/Messages",
    "responseLength": "1024",
    "responseLatency": "40",
    "integrationLatency": "38",
}
# Times that differ from run to run.
_TIME = re.compile(r"\d+\.\d+")
_INVOCATION = SimpleNamespace(get_remaining_time_in_millis=lambda: 30_000, aws_request_id=str(uuid.UUID(int=0)))


class _Gateway(FakeGateway):
    """Sockets that count what is pushed to them."""

    def __init__(self, used: Callable[[], Usage], waited: Callable[[], None]):
        super().__init__()
        self._used = used
        self._waited = waited

    def post(self, pushes: Iterable[tuple[str, bytes]], *arguments: Any, **options: Any) -> dict[str, Outcome]:
        # All sockets are posted to side by side.
        self._waited()
        return super().post(pushes, *arguments, **options)

    def _deliver(self, connection_id: str, data: bytes) -> Outcome:
        outcome = super()._deliver(connection_id, data)
        if outcome is Outcome.SENT:
            self.count(len(data))
        return outcome

    def count(self, size: int) -> None:
        """Count a frame to a client."""
        self._used().add(FRAMES_OUT, math.ceil(size / _FRAME_BYTES))
        self._used().add(SENT, size)


class _Sqs:
    """A client of SQS that counts, and keeps what is queued by the URL of its queue."""

    def __init__(self, used: Callable[[], Usage], waited: Callable[[], None]):
        self._used = used
        self._waited = waited
        self.queued: dict[str, list[dict[str, Any]]] = {}

    def count(self, size: int = 0) -> None:
        self._used().add(QUEUED, max(math.ceil(size / _QUEUE_BYTES), 1))

    def send_message_batch(self, **asked: Any) -> Any:
        entries = asked["Entries"]
        self.count(sum(len(entry["MessageBody"]) for entry in entries))
        self._waited()
        self.queued.setdefault(asked["QueueUrl"], []).extend(entries)
        return {"Successful": [{"Id": entry["Id"]} for entry in entries]}

    def delete_message(self, **_: Any) -> Any:
        self.count()
        self._waited()

    def change_message_visibility(self, **_: Any) -> Any:
        self.count()
        self._waited()


class _CountingDoor(LambdaDoor):
    """The REST function; each request is counted."""

    def __init__(self, scene: Scene):
        super().__init__(scene.world)
        self._scene = scene

    def send(self, verb: str, url: str, headers: Headers, body: bytes) -> Answer:
        with self._scene.running("rest_api"):
            answer = super().send(verb, url, headers, body)
        self._scene.note_rest(
            len(answer.body) + sum(len(name) + len(text) + 4 for name, text in answer.headers.items())
        )
        return answer


class Scene:
    """Every function of one account, in warm containers; `used` is what they have used since `measured` began."""

    def __init__(
        self,
        endpoints: Endpoints,
        template: Template,
        table_name: str,
        stream_arn: str,
        *,
        fast: bool,
        phones: bool = False,
    ):
        # As the functions have it.
        self._client = AwsClient("dynamodb", REGION, lambda: Credentials("test", "test"), endpoint=endpoints.dynamodb)
        self._template = template
        self._stream = Stream(endpoints.dynamodb, stream_arn)
        self.world = World(self._client, table_name)
        self.used = Usage()
        self._running = ""
        self._has_phones = phones
        self._functions = WITH_PHONES if phones else FUNCTIONS
        self.texting = FakeTexting()
        self._gateway = _Gateway(lambda: self.used, self._wait)
        self._sqs = _Sqs(lambda: self.used, self._wait)
        self.outgoing = FakeOutgoing()
        self._numbers = itertools.count(1)
        self._handlers = {
            name: load_function(name, self._runtime(name, fast)) for name in self._functions if name != "rest_api"
        }
        self._patterns = {name: patterns(template, FUNCTIONS[name]) for name in ("fan_out", "webhooks")}
        # The door answers with the runtime that is wired last.
        self._runtime("rest_api", fast)
        self._door = _CountingDoor(self)
        self.rest = Raw(self._door)

    def _runtime(self, function: str, fast: bool) -> Runtime:
        settings = {
            "function": function,
            "metrics_namespace": "parley",
            "rest_url": LambdaDoor.base_url,
            "requests_per_second": 0,
            "delivery_queue_url": "DeliveryQueue.fifo",
            "dead_letter_queue_url": "DeliveryDeadLetterQueue.fifo",
            "work_queue_url": "WorkQueue",
            "push_queue_url": "PushQueue.fifo",
            "fast_push": fast,
            **({"phones": True, "text_queue_url": _TEXTS} if self._has_phones else {}),
        }
        ports = {"sockets": self._gateway, "queue": lambda url: Queue(url, self._sqs), "outgoing": self.outgoing}
        ports |= {"texting": lambda: self.texting} if self._has_phones else {}
        runtime = self.world.wire(settings, **ports, count=None)
        # A busy machine may be too slow for the fast path's deadline. Counts must not depend on that.
        runtime.fast_push.beside = AtOnce
        return runtime

    # What is counted.

    @contextmanager
    def measured(self) -> Iterator[Usage]:
        """Count what is used in the block, apart from everything before it."""
        self.used = used = Usage()
        yield used
        self.used = Usage()

    @contextmanager
    def running(self, function: str) -> Iterator[None]:
        """One invocation of a function."""
        printed = io.StringIO()
        told, asked, texted = len(self.world.phones.asked), len(self.outgoing.requests), len(self.texting.sent)
        handler: Any = logger.registered_handler
        self._running, before = function, handler.setStream(printed)
        logger.append_keys(service=function)
        began = time.process_time()
        try:
            with redirect_stdout(printed), metered(self._client) as meter:
                yield
        finally:
            seconds = time.process_time() - began
            self._running = ""
            handler.setStream(before)
        used = self.used
        used.invocations[function] += 1
        used.cpu_seconds[function] = used.cpu_seconds.get(function, 0.0) + seconds
        used.add(REQUESTS, meter.requests.total())
        used.add(WRITES, meter.write_units)
        used.add(READS, meter.read_units)
        used.add(TOLD, self.world.phones.asked[told:].count("Publish"))
        sent = self.outgoing.requests[asked:]
        used.add(SENT, sum(len(one.body) + sum(map(len, [*one.headers, *one.headers.values()])) for one in sent))
        used.waits[function] += meter.requests.total() + len(sent) + len(self.world.phones.asked) - told
        used.waits[function] += len(self.texting.sent) - texted
        self._log(printed.getvalue().splitlines())

    def _wait(self) -> None:
        self.used.waits[self._running] += 1

    def _log(self, lines: list[str]) -> None:
        self.used.add(LOGGED, sum(len(_TIME.sub("10.5", line).encode()) + _LINE_BYTES for line in lines))

    def note_rest(self, size: int) -> None:
        """Count a REST request that was answered with so many bytes."""
        self.used.add(REST)
        self.used.add(SENT, size)
        self._log([self._access_lines["AWS::Serverless::Api"]])

    @cached_property
    def _access_lines(self) -> dict[str, str]:
        """A line of the access log of each API."""

        def filled(found: re.Match[str]) -> str:
            return _FILLED.get(found[1], "-")

        return {
            kind: re.sub(r"\$context\.([\w.]+)", filled, properties["AccessLogSetting" + plural]["Format"])
            for kind, plural in (("AWS::Serverless::Api", ""), ("AWS::Serverless::WebSocketApi", "s"))
            for _, properties in self._template.resources(kind)
        }

    # What happens.

    def _invoke(self, function: str, event: dict[str, Any]) -> Any:
        with self.running(function):
            return self._handlers[function](event, _INVOCATION)

    def open(self, connection_id: str, token: str, **query: str) -> None:
        """A client opens a socket."""
        event = sample("ws_connect")
        event["requestContext"] |= self._context(connection_id)
        event["queryStringParameters"] = ({"token": token} if token else {}) | query
        answer = self._invoke("ws_connect", event)
        assert answer["statusCode"] == 200, answer
        self._log([self._access_lines["AWS::Serverless::WebSocketApi"]])
        self._gateway.open(connection_id)

    def close(self, connection_id: str) -> None:
        """A client closes its socket."""
        event = sample("ws_disconnect")
        event["requestContext"] |= self._context(connection_id)
        assert self._invoke("ws_disconnect", event) == {"statusCode": 200}
        self._log([self._access_lines["AWS::Serverless::WebSocketApi"]])
        self._gateway.close(connection_id)

    def let_open(self, connection_id: str) -> None:
        """Let a socket be open that no function was asked for."""
        self._gateway.open(connection_id)

    def frame(self, connection_id: str, text: str) -> list[bytes]:
        """A client sends a frame; returns everything that the socket then gets, the reply last."""
        self.world.clock.advance(0.001)
        self.used.add(FRAMES_IN, math.ceil(len(text) / _FRAME_BYTES))
        event = sample("ws_message")
        event["requestContext"] |= self._context(connection_id)
        event["body"] = text
        answer = self._invoke("ws_message", event)
        self._log([self._access_lines["AWS::Serverless::WebSocketApi"]])
        came = self._gateway.received[connection_id]
        self._gateway.received[connection_id] = []
        if "body" not in answer:
            return came
        self._gateway.count(len(answer["body"]))
        return [*came, answer["body"].encode()]

    def _context(self, connection_id: str) -> dict[str, str]:
        return {"connectionId": connection_id, "extendedRequestId": f"{next(self._numbers):016x}"}

    def pump(self) -> None:
        """Let the stream's readers handle what is new, in one batch each, and then the queues' readers."""
        records = self._stream.take()
        for function, filters in self._patterns.items():
            if batch := [record for record in records if passes(filters, record)]:
                assert self._invoke(function, {"Records": batch}) == {"batchItemFailures": []}
        for function, queue, size in self._mappings:
            while waiting := self._sqs.queued.get(queue):
                self._sqs.queued[queue], batch = waiting[size:], waiting[:size]
                self._work_off(function, queue, batch)

    @cached_property
    def _mappings(self) -> list[tuple[str, str, int]]:
        """Which function reads which queue, and how many entries it gets at once."""
        declared = dict(self._template.resources(_FUNCTION))
        found = []
        for function, name in FUNCTIONS.items():
            for event in declared[name].get("Events", {}).values():
                if event["Type"] == "SQS":
                    queue = event["Properties"]["Queue"]["Fn::GetAtt"][0]
                    is_fifo = dict(self._template.resources("AWS::SQS::Queue"))[queue].get("FifoQueue")
                    found.append((function, queue + ".fifo" * bool(is_fifo), event["Properties"]["BatchSize"]))
        return [*found, ("carriers", _TEXTS, 10)] if self._has_phones else found

    def hear(self, queue: str, *events: dict[str, Any]) -> None:
        """Let AWS publish events to the topic of a queue, and the function `carriers` take them in one batch."""
        for event in events:
            self.used.add(TOLD)
            self._sqs.count(len(json.dumps(event)))
        self._work_off("carriers", queue, [{"MessageBody": json.dumps(event)} for event in events])

    def _work_off(self, function: str, queue: str, batch: list[dict[str, Any]]) -> None:
        """Hand a batch of a queue to its function, as Lambda does: it receives it, and deletes it afterwards."""
        records = [
            received(
                entry["MessageBody"], str(uuid.UUID(int=number)), group=entry.get("MessageGroupId", ""), queue=queue
            )
            for number, entry in enumerate(batch)
        ]
        self._sqs.count(sum(len(record["body"]) for record in records))
        assert self._invoke(function, {"Records": records}) == {"batchItemFailures": []}
        self._sqs.count()

    def skip(self) -> None:
        """Let nobody hear of what is new, and forget what is queued."""
        self._stream.take()
        self._sqs.queued.clear()


def memory_gigabytes() -> dict[str, float]:
    """The memory of each function, as the template sets it."""
    declared = dict(Template(REPOSITORY / "template.yaml", str(uuid.UUID(int=0)), _PHONES).resources(_FUNCTION))
    return {function: declared[name]["MemorySize"] / 1024 for function, name in WITH_PHONES.items()}


@contextmanager
def scene(*, fast: bool, phones: bool = False) -> Iterator[Scene]:
    """A stack on an engine that is started for it; with `phones`, AWS may carry texts."""
    with tempfile.TemporaryDirectory() as folder:
        endpoints = start_engine(Home(Path(folder)))
        before = logging.root.manager.disable
        logging.disable(logging.NOTSET)
        try:
            client = endpoints.client("dynamodb")
            template = Template(REPOSITORY / "template.yaml", str(uuid.uuid4()), _PHONES if phones else None)
            (table,) = template.tables()
            made = client.create_table(**table.definition)["TableDescription"]
            yield Scene(endpoints, template, table.name, made["LatestStreamArn"], fast=fast, phones=phones)
        finally:
            logging.disable(before)
            endpoints.stop()
