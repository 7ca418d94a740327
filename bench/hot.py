"""Hot paths: the CPU that a warm function takes for an operation, beside botocore making the same requests.

    python -m bench hot              (about a minute, loopback only)

The handlers of the functions are called with real events. AWS is a process on loopback that gives recorded answers at
once, so what is measured is this process: Parley's code, its libraries, and its client of AWS. In turns with that, a
client of botocore makes the operation's requests alone, with the same arguments, and gets the same answers. A ratio of
1 says that Parley does the whole operation in the time that botocore takes for the requests.
"""

from __future__ import annotations

import base64
import json
import os
import re
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any, NamedTuple

from botocore.config import Config
from botocore.session import Session

from bench.figures import RATIO, TIME, Figure, Findings
from bench.sampled import Sampled, sampled
from bench.sampling import profiled
from parley.clock import Clock
from parley.ids import member_sid, user_sid
from parley.ports.aws import AwsClient
from parley.ports.sockets.gateway import SocketGateway
from parley.sockets.protocols import NATIVE
from parley.store import keys
from parley.store.items import Record, to_item
from parley.store.keys import Key
from tests.functions.sample_account import CHANNEL_SID, SERVICE_SID, read
from tests.support.fakes import NOON_MS
from tests.support.functions import imported

ROUNDS, QUICK_ROUNDS = 15, 3
# What a turn of an operation should take of CPU.
_TURN_SECONDS, _PROFILED_SECONDS = 0.1, 1.5
_RECIPIENTS = 50
_GOAL = 2.0
_LARGEST_SHARES = 12

Request = tuple[str, str, dict[str, Any]]
"""The service, the operation and the arguments of a request to AWS."""


class Operation(NamedTuple):
    """Something that a function does.

    Attributes:
        act: Does it.
        divisor: For how many it is done at once.
    """

    name: str
    act: Callable[[], object]
    divisor: int = 1


def measure(quick: bool) -> Findings:
    """Measure every operation; `quick` takes few turns."""
    findings = Findings()
    table = [["Operation", "Requests to AWS", "CPU", "botocore alone", "Ratio"]]
    shares = [["Operation", "Where its CPU goes"]]
    with sampled() as deployed, _at_noon():
        for operation in _operations(deployed):
            turns = _Turns(deployed, operation)
            ours, botocores, ratio = turns.compared(QUICK_ROUNDS if quick else ROUNDS)
            findings.figures += [
                Figure(f"{operation.name}, to botocore asking the same", ratio, "x", RATIO, _GOAL),
                Figure(f"{operation.name}, CPU", ours, "us", TIME),
            ]
            asked = len(turns.requests) / operation.divisor
            row = [operation.name, f"{asked:.3g}", f"{ours:,.0f} µs", f"{botocores:,.0f} µs", f"{ratio:.2f}"]
            table.append(row)
            shown = ", ".join(
                f"{owner} {share:.0%}" for owner, share in turns.shares(0.3 if quick else _PROFILED_SECONDS)
            )
            shares.append([operation.name, shown])
            findings.notes.append(f"{operation.name}: {shown}")
        checking = _of_basic_authentication()
    findings.figures.append(Figure("check of Basic credentials, CPU", checking, "us", TIME))
    table.append(["check of Basic credentials", "0", f"{checking:,.0f} µs", "", ""])
    findings.tables |= {"operations": table, "shares": shares}
    return findings


class _Turns:
    """An operation, and the same requests to AWS by botocore."""

    def __init__(self, deployed: Sampled, operation: Operation) -> None:
        self._act = operation.act
        self._divisor = operation.divisor
        # A warm function remembers what every request needs.
        deployed.aws.record()
        operation.act()
        deployed.aws.record()
        with _noted() as self.requests:
            operation.act()
        deployed.aws.play()
        clients = _botocore_clients(deployed)
        self._calls = [(getattr(clients[service], name), arguments) for service, name, arguments in self.requests]
        assert self._calls, f"{operation.name} asked nothing"

    def _ask_as_botocore(self) -> None:
        for call, arguments in self._calls:
            call(**arguments)

    def compared(self, rounds: int) -> tuple[float, float, float]:
        """Microseconds of CPU of the operation and of botocore's requests, and the median of their ratios."""
        once = [_cpu_seconds(act, 5) for act in (self._act, self._ask_as_botocore)]
        times = [max(1, round(_TURN_SECONDS / taken)) for taken in once]
        pairs = [
            (_cpu_seconds(self._act, times[0]), _cpu_seconds(self._ask_as_botocore, times[1])) for _ in range(rounds)
        ]
        ours, botocores = (statistics.median(taken) * 1e6 / self._divisor for taken in zip(*pairs, strict=True))
        return ours, botocores, statistics.median(first / second for first, second in pairs)

    def shares(self, seconds: float) -> list[tuple[str, float]]:
        """Whose code takes the CPU of the operation."""
        with profiled() as profile:
            until = time.process_time() + seconds
            while time.process_time() < until:
                self._act()
        return profile.top(_LARGEST_SHARES)


def _cpu_seconds(act: Callable[[], object], times: int) -> float:
    began = time.process_time()
    for _ in range(times):
        act()
    return (time.process_time() - began) / times


# What is asked of AWS.


@contextmanager
def _noted() -> Iterator[list[Request]]:
    """Note what is asked inside, also of API Gateway."""
    requests: list[Request] = []
    ask, post = AwsClient.ask, SocketGateway.post

    def asking(client: AwsClient, operation: str, **arguments: Any) -> dict[str, Any]:
        requests.append((client.service, re.sub("(?<=.)([A-Z])", r"_\1", operation).lower(), arguments))
        return ask(client, operation, **arguments)

    def posting(gateway: SocketGateway, pushes: Any, *rest: Any, **options: Any) -> Any:
        given = list(pushes)
        for connection, data in given:
            push = {"ConnectionId": connection, "Data": data}
            requests.append(("apigatewaymanagementapi", "post_to_connection", push))
        return post(gateway, given, *rest, **options)

    AwsClient.ask, SocketGateway.post = asking, posting  # type: ignore[method-assign]
    try:
        yield requests
    finally:
        AwsClient.ask, SocketGateway.post = ask, post  # type: ignore[method-assign]


def _botocore_clients(deployed: Sampled) -> dict[str, Any]:
    session, keys_ = Session(), deployed.environment
    config = Config(
        parameter_validation=False, max_pool_connections=64, retries={"mode": "standard", "total_max_attempts": 1}
    )
    return {
        service: session.create_client(
            service,
            "us-east-1",
            endpoint_url=deployed.aws.url,
            aws_access_key_id=keys_["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=keys_["AWS_SECRET_ACCESS_KEY"],
            aws_session_token=keys_["AWS_SESSION_TOKEN"],
            config=config,
        )
        for service in ("apigatewaymanagementapi", "dynamodb", "secretsmanager", "sqs")
    }


# The operations.


def _operations(deployed: Sampled) -> Iterator[Operation]:
    connected, message = read("ws_connect"), read("ws_message")
    load = _loader(deployed)
    rest, connect, answer, fan_out = (load(name) for name in ("rest_api", "ws_connect", "ws_message", "fan_out"))
    yield Operation("connect a socket with a token", _calling(connect, connected, 200))
    yield Operation("create a message by REST", _calling(rest, read("rest_api"), 201))
    yield Operation("create a message by socket", _calling(answer, message, 200))
    for _ in range(60):
        deployed.account.do("message", "create", deployed.account.channel, {"body": "x" * 600})
    yield Operation("list 50 messages by REST", _calling(rest, _listing(), 200))
    change = _sent_to_many(deployed)
    yield Operation("push a message to a socket", _calling(fan_out, change), _RECIPIENTS)


def _loader(deployed: Sampled) -> Callable[[str], ModuleType]:
    def load(name: str) -> ModuleType:
        """A function, as it starts with this environment."""
        os.environ.clear()
        os.environ.update(deployed.of(name))
        return imported(name)

    return load


class _Invocation:
    aws_request_id = "c6af9ac6-7b61-41e6-9a41-93e8d1ecbeef"

    def get_remaining_time_in_millis(self) -> int:
        return 10_000


def _calling(function: ModuleType, event: dict[str, Any], status: int = 0) -> Callable[[], object]:
    # The samples name the channel by its unique name, which costs a request more than its SID.
    text = json.dumps(event).replace("team%20room", CHANNEL_SID).replace("team room", CHANNEL_SID)
    invocation = _Invocation()

    def call() -> object:
        # Lambda hands a handler its own copy of an event, and turns the answer into JSON.
        answer = function.handler(json.loads(text), invocation)
        if answer.get("statusCode", 0) != status or answer.get("batchItemFailures"):
            raise RuntimeError(f"{function.__name__} failed: {answer}")
        return json.dumps(answer)

    return call


def _listing() -> dict[str, Any]:
    event = read("rest_api")
    query = {"PageSize": "50"}
    asked = {"queryStringParameters": query, "multiValueQueryStringParameters": {"PageSize": ["50"]}}
    return {**event, **asked, "httpMethod": "GET", "body": None, "isBase64Encoded": False}


def _sent_to_many(deployed: Sampled) -> dict[str, Any]:
    """A new message in a channel whose members all have a socket open, as the stream carries it."""
    account = deployed.account
    until = NOON_MS // 1000 + 7200
    channel = account.world.ids.unique()
    channel_sid = f"CH{channel}"
    account.world.ids._sids["CH"] = [channel_sid]  # type: ignore[attr-defined]
    account.do("channel", "create", account.service, {"type": "private"})
    records: dict[Key[Any], Record] = {}
    for number in range(_RECIPIENTS):
        identity = f"member {number}"
        member = member_sid(channel_sid, identity)
        names = {"sid": member, "identity": identity, "channel_sid": channel_sid, "service_sid": SERVICE_SID}
        records[keys.member(channel_sid, member)] = {**names, "cause": {"id": "x", "at": 0}}
        presence = {f"connection:{number:03d}": {"at": 0, "until": until, "codec": NATIVE}, "expires_at": until}
        records[keys.presence(user_sid(SERVICE_SID, identity))] = presence
    account.world.table.put_many(records)
    account.do("message", "create", {**account.service, "channel_sid": channel_sid}, {"body": "x" * 600})
    key = keys.message(channel_sid, 0)
    item = to_item({**key._asdict(), **(account.world.table.fetch(key) or {})})
    sample = read("fan_out_changes")["Records"][0]
    images = {"Keys": {name: item[name] for name in ("pk", "sk")}, "NewImage": item}
    return {"Records": [{**sample, "dynamodb": {"SequenceNumber": "1", **images}}]}


@contextmanager
def _at_noon() -> Iterator[None]:
    """It is noon on the day of the samples, and functions write their lines nowhere."""
    now_ms, environment = Clock.now_ms, dict(os.environ)
    Clock.now_ms = lambda clock: NOON_MS  # type: ignore[method-assign]
    printed, nowhere = os.dup(1), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    try:
        yield
    finally:
        os.dup2(printed, 1)
        os.close(nowhere)
        Clock.now_ms = now_ms  # type: ignore[method-assign]
        os.environ.clear()
        os.environ.update(environment)


def _of_basic_authentication() -> float:
    """Microseconds of CPU that the check of an account's credentials takes when the secret is remembered."""
    from parley.keyring import Keyring
    from parley.rest.credentials import _basic

    keyring = Keyring("auth", "ring", lambda secret: "0" * 32, Clock())
    header = "Basic " + base64.b64encode(b"AC" + b"0" * 32 + b":" + b"0" * 32).decode()

    def check() -> None:
        assert keyring.is_auth_token(_basic(header)[1])

    check()
    return _cpu_seconds(check, 5000) * 1e6
