"""The part of the scenario in which an SDK asks for everything that it can ask for."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from typing import Any

from parley.sockets.sdk.commands import COMMANDS
from parley.sockets.sdk.sessions import PURPOSE
from tests.sdk.device import Packet, spelled, understood
from tests.sdk.requests_of_rows import PUSH, ROWS, Place
from tests.sdk.test_commands import request_for

# Sends a frame through the handler and returns the reply, or None if the handler has pushed it.
Say = Callable[[str], str | None]
# Makes a channel that the client manages, with bob and a message in it; returns both SIDs.
Make = Callable[[], tuple[str, str]]


class SdkClient:
    """An SDK on an open socket. `used` has the method and the template of every route that it has used."""

    def __init__(self, identity: str, token: str, say: Say):
        self.identity = identity
        self.used: set[tuple[str, str]] = set()
        self._say = say
        self._ids = itertools.count(1)
        self._send({"method": "init", "token": token})

    def use_everything(self, make: Make) -> None:
        """Ask for everything once."""
        for asked in ROWS:
            self.used.add((asked.method, f"/Client/{asked.version}{asked.template}"))
            where = Place(*make())
            assert where.ask(self, asked).status < 500  # type: ignore[arg-type]
        self._give_commands(make)
        self._listen(*make())
        for version in ("v1", "v2"):
            self._use("GET", f"/Client/{version}/Configuration")
        registered = self._use("POST", "/v1/registrations", PUSH)
        self._use("DELETE", "/v1/registrations/{sid}", sid=registered["id"])
        self._use("DELETE", "/v1/registrations", {"binding_type": "fcm", "address": "x"})
        self._use("POST", "/v1/typing", b"ChannelSid=CH")

    def _give_commands(self, make: Make) -> None:
        session = self._use("POST", "/v3/Lists", {"purpose": PURPOSE})["sid"]
        self._use("GET", "/v3/Lists/{session}/Context", session=session)
        for action in COMMANDS:
            request = {"action": action, **request_for(action, make()[0])}
            data = {"commandId": action, "request": request}
            self._use("POST", "/v3/Lists/{session}/Items", {"data": data}, session=session)

    def _listen(self, channel: str, message: str) -> None:
        mine = self._use("GET", "/Client/v1/Configuration")["sync_objects"]
        named = {"Documents": [f"{channel}.channel"], "Lists": [f"{channel}.messages"]}
        named["Maps"] = [f"{channel}.roster", mine["my_conversations"], mine["my_user_info"]]
        requests = []
        for kind, names in named.items():
            for name in names:
                found = self._use("GET", f"/v3/{kind}/{{object}}", object=name)
                requests.append({"object_sid": found["sid"], "object_type": kind.lower()[:-1], "last_event_id": 0})
                if kind != "Documents":
                    self._use("GET", f"/v3/{kind}/{{object}}/Items", object=name)
        for action in ("establish", "cancel"):
            body = {"action": action, "correlation_id": 1, "event_protocol_version": 4, "requests": requests}
            self._use("POST", "/v4/Subscriptions", body)

    def _use(self, method: str, template: str, body: Any = None, **names: str) -> Any:
        self.used.add((method, template))
        reply = self.ask(method, template.format(**names), body)
        assert reply.status < 500, reply
        return reply.body

    def ask(self, method: str, path: str, body: Any = None, query: dict[str, str] | None = None) -> Packet:
        return self.request(method, path, body, query)[0]

    def request(
        self, method: str, path: str, body: Any = None, query: dict[str, str] | None = None, **headers: str
    ) -> list[Packet]:
        """The reply to a request; of a reply that was pushed, only that it was no error of the handler."""
        payload = b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
        asked = {
            "method": method,
            "path": path,
            "params": query or {},
            "headers": {**headers, "X-Twilio-Mutation-Id": "x"},
        }
        return [self._send({"method": "message", "http_request": asked}, payload)]

    def _send(self, header: dict[str, Any], payload: bytes = b"") -> Packet:
        reply = self._say(spelled({"id": f"TM{next(self._ids)}", **header}, payload))
        return Packet({"status": {"code": 200}}, {}) if reply is None else understood(reply)
