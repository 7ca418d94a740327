"""A socket that speaks the protocol of Twilio's JavaScript SDKs, in process."""

from __future__ import annotations

import copy
import itertools
import json
import uuid
from typing import Any, NamedTuple

from tests.sockets.deployment import House, sample

SUBSCRIPTIONS = "/v4/Subscriptions"


class Packet(NamedTuple):
    """A packet from the server."""

    header: dict[str, Any]
    body: Any

    @property
    def status(self) -> int:
        """The status of the reply; of a request that was carried, the request's own."""
        return int((self.header.get("http_status") or self.header["status"])["code"])

    @property
    def refusal(self) -> tuple[int, int]:
        """Status and code of what was refused."""
        if "http_status" in self.header:
            assert set(self.body) == {"status", "code", "message"}
            assert self.body["status"] == self.status
            return self.status, self.body["code"]
        return self.status, self.header["status"]["errorCode"]


def spelled(header: dict[str, Any], payload: bytes = b"") -> str:
    """A packet as an SDK sends it."""
    line = json.dumps({**header, "payload_size": len(payload)}).encode()
    return (b"TWILSOCK V3.0 %d\r\n%s\r\n%s" % (len(line), line, payload)).decode()


def understood(data: str | bytes) -> Packet:
    """A packet as an SDK reads it; its lengths must be right, and it must fit into a message of API Gateway."""
    text = data if isinstance(data, bytes) else data.encode()
    assert len(text) <= 128 * 1024
    first, rest = text.split(b"\r\n", 1)
    magic, version, size = first.split(b" ")
    assert (magic, version) == (b"TWILSOCK", b"V3.0")
    header, end, payload = rest[: int(size)], rest[int(size) : int(size) + 2], rest[int(size) + 2 :]
    decoded = json.loads(header)
    assert end == b"\r\n" and decoded["payload_size"] == len(payload)
    return Packet(decoded, json.loads(payload) if payload else None)


class SdkDevice:
    """One socket. It is open from the start and knows its user after `init`; `of` is the type of client that it names."""

    def __init__(self, house: House, identity: str = "", *, of: str = "", **token: Any):
        self.house = house
        self.identity = identity
        self._metadata = {"metadata": {"type": of}} if of else {}
        self._deployment = house.deployment
        # Tests share a table, and ids of connections are nobody's but API Gateway's.
        self.connection_id = f"sdk-{uuid.uuid4().hex}="
        self._ids = itertools.count(1)
        self._seen = 0
        event = copy.deepcopy(sample("ws_connect"))
        event["requestContext"] |= {"connectionId": self.connection_id}
        event["queryStringParameters"] = {"protocol": "twilsock"}
        assert self._deployment.connect_handler(event) == {"statusCode": 200}
        self._deployment.gateway.open(self.connection_id)
        if identity:
            assert self.init(identity, **token).status == 200

    def token(self, identity: str, **changes: Any) -> str:
        return self._deployment.token(self.house.key, self.house.sid, identity, **changes)

    def say(self, text: str) -> str | None:
        """What the handler returns as the reply to a frame."""
        self._deployment.world.clock.advance(0.001)
        event = sample("ws_message")
        event["requestContext"] |= {"connectionId": self.connection_id}
        event["body"] = text
        reply: str | None = self._deployment.message_handler(event).get("body")
        return reply

    def send(self, header: dict[str, Any], payload: bytes = b"") -> list[Packet]:
        """What comes back for a packet, in order: pushes first, the reply, pushes later."""
        before = len(self._raw())
        packet_id = f"TM{next(self._ids)}"
        reply = self.say(spelled({"id": packet_id, **header}, payload))
        came = [*map(understood, self._raw()[before:]), *([understood(reply)] if reply is not None else [])]
        return came

    def init(self, identity: str, token: str = "", **changes: Any) -> Packet:
        """The reply to `init`."""
        header = {"method": "init", "token": token or self.token(identity, **changes), "continuation_token": None}
        return self.send({**header, **self._metadata})[0]

    def request(
        self, method: str, path: str, body: Any = None, query: dict[str, str] | None = None, **headers: str
    ) -> list[Packet]:
        """What comes back for a request to a path."""
        payload = b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
        asked = {"host": "aim.us1.twilio.com", "path": path, "method": method, "headers": headers}
        if query is not None:
            asked["params"] = query
        return self.send({"method": "message", "active_grant": "ip_messaging", "http_request": asked}, payload)

    def ask(self, method: str, path: str, body: Any = None, query: dict[str, str] | None = None) -> Packet:
        """The reply to a request that nothing else comes with."""
        (reply,) = self.request(method, path, body, query)
        return reply

    def get(self, path: str, **query: str) -> Any:
        """The body of what must be found."""
        reply = self.ask("GET", path, query=query)
        assert reply.status == 200, reply
        return reply.body

    def heard(self) -> list[Packet]:
        """The pushes that came since the last call, after everything was announced."""
        self._deployment.announce()
        return self.packets()

    def packets(self) -> list[Packet]:
        """The packets that came since the last call."""
        seen, self._seen = self._seen, len(self._raw())
        return [understood(data) for data in self._raw()[seen:]]

    def _raw(self) -> list[bytes]:
        gateway = self._deployment.gateway
        return (gateway.received if self.is_open else gateway.closed)[self.connection_id]

    @property
    def is_open(self) -> bool:
        return self.connection_id in self._deployment.gateway.received
