"""All functions over one world, called with invocations in the shape of the samples in `events/`.

What clients and back ends do goes in through the handlers; what the table's stream then carries is filtered as the
template says and handed to `fan_out`, whose pushes arrive at a fake gateway.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterable
from functools import cache
from types import FunctionType, ModuleType
from typing import Any

import pytest
from twilio.jwt.access_token import AccessToken
from twilio.jwt.access_token.grants import ChatGrant

from local.home import REPOSITORY
from local.pump.filters import passes
from local.template.template import Template
from parley.operations import messages
from parley.ports.sockets.gateway import Outcome
from parley.runtime import Runtime
from parley.sockets.fast_push import Outlook
from parley.sockets.reasons import undeclared
from parley.store.changes import Change, decode
from parley.store.items import Record
from parley.stored import Message
from tests.ports.fakes import FakeGateway
from tests.ports.meddling import MeddlingClient, after
from tests.support.doors import LambdaDoor, Raw
from tests.support.functions import imported
from tests.support.stream import Stream, StreamRecord
from tests.support.world import World

# The kinds of records whose updates clients hear of.
TOLD = {"channel", "member", "message", "user"}
# The actions that were done, with success, and the events that were heard since a test began; `proofs.py` empties it.
conversed: set[str] = set()


@cache
def _sample_text(name: str) -> str:
    return (REPOSITORY / "events" / f"{name}.json").read_text(encoding="utf-8")


def sample(name: str) -> Any:
    """A fresh copy of a sample invocation."""
    return json.loads(_sample_text(name))


# With this a function can be imported; its runtime is then replaced by the test's.
_ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "PARLEY_CONNECTIONS_URL": "https://f6g7h8i9j0.execute-api.us-east-1.amazonaws.com/prod",
}


@cache
def function_module(name: str) -> ModuleType:
    """A function's module, imported once."""
    with pytest.MonkeyPatch.context() as patch:
        for variable, value in _ENVIRONMENT.items():
            patch.setenv(variable, value)
        return imported(name)


def load_function(name: str, runtime: Runtime) -> Callable[..., Any]:
    """A function's handler over a runtime of the test's own; what goes in and out passes through JSON, as at Lambda."""
    module = function_module(name)
    own = FunctionType(module.handler.__code__, {**vars(module), "runtime": runtime})

    def handler(event: dict[str, Any], context: Any = None) -> Any:
        return json.loads(json.dumps(own(json.loads(json.dumps(event)), context)))

    return handler


def as_rest(shown: dict[str, Any]) -> dict[str, Any]:
    """A record that a socket showed, without what REST does not show."""
    more = ("seq", "version", "last_message_index", "state", "medias")
    return {name: value for name, value in shown.items() if name not in more}


def patterns(template: Template, function: str) -> list[dict[str, Any]]:
    """The filter of a function's stream mapping, from the template."""
    mapping = dict(template.resources("AWS::Serverless::Function"))[function]["Events"]["Changes"]["Properties"]
    return [json.loads(entry["Pattern"]) for entry in mapping["FilterCriteria"]["Filters"]]


def _versions(change: Change) -> tuple[str, Record, Record]:
    return change.kind, change.old, change.record


class Sockets(FakeGateway):
    """The fake gateway, remembering whom it was asked to push to and what closed sockets had heard."""

    def __init__(self) -> None:
        super().__init__()
        self.attempts: list[str] = []
        self.closed: dict[str, list[bytes]] = {}

    def close(self, connection_id: str) -> None:
        """Let the other end vanish."""
        self.closed[connection_id] = self.received.pop(connection_id)

    def disconnect(self, *connection_ids: str) -> dict[str, Outcome]:
        for connection_id in connection_ids:
            if connection_id in self.received:
                self.closed[connection_id] = list(self.received[connection_id])
        return super().disconnect(*connection_ids)

    def frames(self, connection_id: str) -> list[Any]:
        """What a socket received while it was open, decoded; pushes that came as an array one by one."""
        sockets = self.received if connection_id in self.received else self.closed
        decoded = [json.loads(data) for data in sockets.get(connection_id, ())]
        return [frame for data in decoded for frame in (data if isinstance(data, list) else [data])]

    def _deliver(self, connection_id: str, data: bytes) -> Outcome:
        self.attempts.append(connection_id)
        return super()._deliver(connection_id, data)


class AtOnce(Outlook[Any]):
    """Work that is carried out in the thread of whoever asks for it."""

    def __init__(self, work: Callable[[], Any]):
        self._found: list[Any] = []
        self._run(work)

    def result(self, seconds: float) -> Any:
        return self._found[0] if self._found else None


class Deployment:
    """Every function of one account, and what reached its sockets."""

    def __init__(self, world: World, stream: Stream, template: Template):
        self.world = world
        self.door = LambdaDoor(world)
        self.rest = Raw(self.door)
        self.gateway = Sockets()
        self.records: list[StreamRecord] = []
        self._stream = stream
        self._announced = 0
        self._patterns = patterns(template, "FanOutFunction")
        self._connection_numbers = itertools.count(1)
        self._frame_numbers = itertools.count(1)
        self.last_request_id = ""
        self.runtime = self.new_runtime()
        self.connect_handler = load_function("ws_connect", self.runtime)
        self.message_handler = load_function("ws_message", self.runtime)
        self.disconnect_handler = load_function("ws_disconnect", self.runtime)
        self.fan_out_handler = load_function("fan_out", self.runtime)
        stream.take()

    def new_runtime(self, container: World | None = None) -> Runtime:
        """A runtime over this world's ports, or those of another container."""
        world = container or self.world
        return world.wire({"rest_url": self.door.base_url}, sockets=self.gateway)

    def hurry(self) -> None:
        """Turn the fast path on, and let it do at once what it does in other threads at AWS."""
        self.world.beside = AtOnce
        self.world.wire({"fast_push": True})
        for runtime in (self.world.runtime, self.runtime):
            runtime.settings = self.world.runtime.settings
            runtime.fast_push.beside = AtOnce

    # Sockets.

    def api_key(self, **fields: Any) -> tuple[str, str]:
        """A new API key's SID and secret."""
        made = self.rest.post(f"/2010-04-01/Accounts/{self.world.account_sid}/Keys.json", **fields)
        return made["sid"], made["secret"]

    def revoke(self, key: tuple[str, str]) -> None:
        """Delete an API key."""
        path = f"/2010-04-01/Accounts/{self.world.account_sid}/Keys/{key[0]}.json"
        assert self.rest("DELETE", path).status == 204

    def token(self, key: tuple[str, str], service_sid: str, identity: str, **changes: Any) -> str:
        """A token of Twilio's library, for an hour of this world's time."""
        now = self.world.clock.now_ms() // 1000
        arguments = {"nbf": now, "valid_until": now + 3600, "identity": identity, **changes}
        grants = arguments.pop("grants", [ChatGrant(service_sid=service_sid)])
        return str(AccessToken(self.world.account_sid, *key, grants=grants, **arguments).to_jwt())

    def open(
        self, token: str = "", subprotocols: str = "", meanwhile: Callable[[], object] = lambda: None
    ) -> tuple[str, dict[str, Any]]:
        """What `$connect` answers to a handshake, and the id of the connection; it is open if the answer is 200.

        `meanwhile` happens after `$connect` has done its work and before API Gateway has opened the socket.
        """
        connection_id = f"connection-{next(self._connection_numbers)}="
        event = sample("ws_connect")
        event["requestContext"] |= self._context(connection_id)
        for name, parameters in (("queryStringParameters", token), ("multiValueQueryStringParameters", [token])):
            event[name] = {"token": parameters}
        if not token:
            del event["queryStringParameters"], event["multiValueQueryStringParameters"]
        if subprotocols:
            event["headers"]["Sec-WebSocket-Protocol"] = subprotocols
            event["multiValueHeaders"]["Sec-WebSocket-Protocol"] = [subprotocols]
        answer = self.connect_handler(event)
        meanwhile()
        if answer["statusCode"] == 200:
            self.gateway.open(connection_id)
        return connection_id, answer

    def _context(self, connection_id: str) -> dict[str, str]:
        """What an event says of its connection; `last_request_id` is its request id."""
        self.last_request_id = f"frame-{next(self._frame_numbers)}="
        return {"connectionId": connection_id, "extendedRequestId": self.last_request_id}

    def send(self, connection_id: str, text: str) -> Any:
        """The reply to a frame, decoded; None if the connection was ended instead."""
        self.world.clock.advance(0.001)
        event = sample("ws_message")
        event["requestContext"] |= self._context(connection_id)
        event["body"] = text
        answer = self.message_handler(event)
        assert answer["statusCode"] == 200
        if "body" not in answer:
            return None
        frame = json.loads(answer["body"])
        if not isinstance(frame, list):
            return frame
        # The reply, and the pushes that came with it.
        reply, *pushes = frame
        self.gateway.received[connection_id].append(json.dumps(pushes).encode())
        return reply

    def close(self, connection_id: str) -> None:
        """What API Gateway does when a socket has closed."""
        if connection_id in self.gateway.received:
            self.gateway.close(connection_id)
        self.forget(connection_id)

    def tick(self) -> None:
        """Let a minute's tick look for tokens that run out."""
        assert self.fan_out_handler(sample("fan_out_minute")) == {}

    def forget(self, connection_id: str) -> None:
        """Run `$disconnect`."""
        event = sample("ws_disconnect")
        event["requestContext"] |= self._context(connection_id)
        assert self.disconnect_handler(event) == {"statusCode": 200}

    # The stream.

    def read_stream(self) -> list[StreamRecord]:
        """Everything that the stream has carried since this deployment was made."""
        self.records += self._stream.take()
        return self.records

    def announce(self) -> None:
        """Let `fan_out` handle what is new in the stream."""
        self.deliver(self.new_records())

    def new_records(self) -> list[StreamRecord]:
        """What is new in the stream since the last call, as far as the template lets it pass to `fan_out`."""
        new = self.read_stream()[self._announced :]
        self._announced = len(self.records)
        for change in filter(None, map(decode, new)):
            # Whoever stores something new says in its record's declaration what clients are told of it.
            assert change.verb != "updated" or change.kind not in TOLD or not undeclared(*_versions(change)), change
        return [record for record in new if passes(self._patterns, record)]

    def skip_stream(self) -> None:
        """Let nobody be told what is new in the stream."""
        self._announced = len(self.read_stream())

    def deliver(self, records: Iterable[StreamRecord]) -> dict[str, Any]:
        """One invocation of `fan_out`."""
        batch = list(records)
        return self.fan_out_handler({"Records": batch}) if batch else {"batchItemFailures": []}


class Device:
    """One open socket of an identity."""

    def __init__(self, deployment: Deployment, key: tuple[str, str], service_sid: str, identity: str, **token: Any):
        self.identity = identity
        self._deployment = deployment
        self._seen = 0
        self._ids = itertools.count(1)
        self.connection_id, answer = deployment.open(deployment.token(key, service_sid, identity, **token))
        assert answer == {"statusCode": 200}, answer

    def ask(self, action: str, **members: Any) -> Any:
        """The reply to a request."""
        request_id = members.pop("id", None) or str(next(self._ids))
        reply = self._deployment.send(self.connection_id, json.dumps({"id": request_id, "action": action, **members}))
        assert reply["id"] == request_id
        assert set(reply) in ({"id", "status", "result"}, {"id", "status", "error"})
        if "result" in reply:
            conversed.add(action)
        return reply

    def ending(self, action: str, **members: Any) -> tuple[int, int]:
        """Status and code with which a request ends the connection: they come as its reply and as a push after it."""
        before = len(self._frames())
        frame = {"id": "last", "action": action, **members}
        assert self._deployment.send(self.connection_id, json.dumps(frame)) is None
        assert not self.is_open
        reply, push = self._noted(self._frames()[before:])
        assert reply == {"id": "last", "status": push["status"], "error": reply["error"]}
        assert reply["error"] == {"code": push["code"], "message": push["message"]}
        assert (push["event"], push["terminal"]) == ("connectionError", True)
        return push["status"], push["code"]

    @property
    def is_open(self) -> bool:
        """Whether the socket is open."""
        return self.connection_id in self._deployment.gateway.received

    def done(self, action: str, **members: Any) -> Any:
        """The result of a request that must succeed."""
        reply = self.ask(action, **members)
        assert reply["status"] in (200, 201, 204), reply
        return reply["result"]

    def refusal(self, action: str, **members: Any) -> tuple[int, int]:
        """Status and code of a request that must be refused."""
        reply = self.ask(action, **members)
        return reply["status"], reply["error"]["code"]

    def send(self, text: str) -> Any:
        """The reply to any text."""
        return self._deployment.send(self.connection_id, text)

    def heard(self) -> list[dict[str, Any]]:
        """The pushes that came since the last call, after everything was announced."""
        self._deployment.announce()
        new = self._noted(self._frames()[self._seen :])
        self._seen += len(new)
        return new

    def events(self) -> list[str]:
        """The events of those pushes."""
        return [frame["event"] for frame in self.heard()]

    def frames(self) -> list[dict[str, Any]]:
        """Everything that came since the socket was opened."""
        return self._noted(self._frames())

    def close(self) -> None:
        self._deployment.close(self.connection_id)

    def _frames(self) -> list[dict[str, Any]]:
        return self._deployment.gateway.frames(self.connection_id)

    @staticmethod
    def _noted(frames: list[dict[str, Any]]) -> list[dict[str, Any]]:
        conversed.update(frame["event"] for frame in frames if "event" in frame)
        return frames


class Devices(dict[str, Device]):
    """Several open sockets by name."""

    def hush(self) -> None:
        """Forget what was pushed so far."""
        hush(*self.values())

    def heard(self) -> dict[str, list[dict[str, Any]]]:
        """The new pushes of each that heard any."""
        found = {name: device.heard() for name, device in self.items()}
        return {name: frames for name, frames in found.items() if frames}

    def events(self) -> dict[str, list[str]]:
        """The events of those pushes."""
        return {name: [frame["event"] for frame in frames] for name, frames in self.heard().items()}


def hush(*devices: Device) -> None:
    """Forget what was pushed to these so far."""
    for device in devices:
        device.heard()


class House:
    """A service with people in it, for conversations."""

    def __init__(self, deployment: Deployment):
        self.deployment = deployment
        self.rest = deployment.rest
        self.key = deployment.api_key()
        self.service = self.rest.post("/chat/v2/Services", FriendlyName="a service")
        self.sid = self.service["sid"]
        self.path = f"/chat/v2/Services/{self.sid}"

    def device(self, identity: str, **token: Any) -> Device:
        """A new open socket; opening the first one makes the user."""
        return Device(self.deployment, self.key, self.sid, identity, **token)

    def channel(self, *identities: str, **fields: Any) -> Room:
        """A new channel with these members."""
        room = Room(self, self.rest.post(f"{self.path}/Channels", fields))
        for identity in identities:
            room.add(identity)
        return room

    def role(self, name: str, type_: str, permissions: Iterable[str]) -> str:
        """The SID of a new role."""
        form = [("FriendlyName", name), ("Type", type_), *(("Permission", permission) for permission in permissions)]
        return str(self.rest.post(f"{self.path}/Roles", form)["sid"])


class Room:
    """One channel, from the outside."""

    def __init__(self, house: House, channel: dict[str, Any]):
        self.house = house
        self.sid = channel["sid"]
        self.path = f"{house.path}/Channels/{self.sid}"

    def fetch(self) -> Any:
        return self.house.rest.get(self.path)

    def add(self, identity: str, **fields: Any) -> Any:
        return self.house.rest.post(f"{self.path}/Members", {"Identity": identity, **fields})

    def post(self, body: str, **fields: Any) -> Any:
        return self.house.rest.post(f"{self.path}/Messages", {"Body": body, **fields})

    def post_twice_at_once(self, body: str) -> Message:
        """One message that two containers send under one token. The first to begin takes an index for nothing."""
        world = self.house.deployment.world
        client = MeddlingClient(world._client)
        overtaken = World(client, world._table_name, world.account_sid, world.clock)
        path, token = {"service_sid": self.house.sid, "channel_sid": self.sid}, world.ids.unique()

        def send(container: World) -> Message:
            return messages.create(container.context(), path, {"body": body}, token)

        client.script("put_item", after(lambda: send(world)))
        return send(overtaken)

    def update(self, path: str = "", **fields: Any) -> Any:
        return self.house.rest.post(self.path + path, fields)

    def delete(self, path: str = "") -> None:
        answer = self.house.rest("DELETE", self.path + path)
        assert answer.status == 204, answer.text
