"""An SDK of Twilio's as far as it counts: the packets that it sends when it starts and when it connects again."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from parley.sockets.sdk.packets import encode

# From a frame to all packets that come back for it.
Answer = Callable[[str], list[bytes]]
_MOST_AT_ONCE = 100


class SdkClient:
    """One client. It opens objects by the links that it gets, and remembers the ids that it must name later."""

    def __init__(self, answer: Answer, token: str):
        self._answer = answer
        self._token = token
        self._resuming: str | None = None
        self._last: dict[str, tuple[str, int]] = {}
        self.frames = 0

    def start(self) -> list[str]:
        """Start as the lines 6 of Chat, 2 and 3 of Conversations do; returns the SIDs of the channels."""
        self.open()
        shown = self._get("/Client/v1/Configuration")
        named = shown["sync_objects"]
        self._look(f"/v3/Maps/{named['my_conversations']}")
        self._look(f"/v3/Maps/{named['my_user_info']}", Include="items")
        first = list(self._last)
        channels, token = [], ""
        while token is not None:
            page = self._get(urlsplit(shown["links"]["my_conversations"]).path, PageToken=token)
            channels += page["conversations"]
            token = page["meta"]["next_token"]
        self._subscribe(first)
        for channel in channels:
            names = channel["sync_objects"]
            self._look(f"/v3/Documents/{names['conversation']}")
            self._look(f"/v3/Lists/{names['messages']}")
            roster = self._look(f"/v3/Maps/{names['participants']}")
            self._get(urlsplit(roster["links"]["items"]).path, From="", PageSize="50")
        self._subscribe([sid for sid in self._last if sid not in first])
        return [channel["conversation_sid"] for channel in channels]

    def connect_again(self) -> None:
        """Subscribe to everything on a new connection."""
        self.open()
        self._subscribe(list(self._last))

    def open(self) -> None:
        """Connect."""
        header = {"method": "init", "token": self._token, "continuation_token": self._resuming}
        reply, _, _ = self._say(header)
        assert reply["status"]["code"] == 200, reply
        self._resuming = reply["continuation_token"]

    def _look(self, path: str, **query: str) -> Any:
        """Open an object."""
        shown = self._get(path, **query)
        self._last[shown["sid"]] = {"D": "document", "L": "list", "M": "map"}[path[4]], shown["last_event_id"]
        return shown

    def _subscribe(self, sids: list[str]) -> None:
        for start in range(0, len(sids), _MOST_AT_ONCE):
            batch = sids[start : start + _MOST_AT_ONCE]
            requests = [
                {"object_sid": sid, "object_type": self._last[sid][0], "last_event_id": self._last[sid][1]}
                for sid in batch
            ]
            body = {
                "event_protocol_version": 4,
                "action": "establish",
                "correlation_id": start,
                "requests": requests,
            }
            _, _, told = self._post("/v4/Subscriptions", body)
            outcomes = [event for packet in told for event in packet["events"]]
            for outcome in outcomes:
                if "replay_status" in outcome:
                    sid = outcome["object_sid"]
                    self._last[sid] = self._last[sid][0], outcome["last_event_id"]
            assert sum("replay_status" in outcome for outcome in outcomes) == len(batch)

    def post(self, path: str, body: dict[str, Any]) -> Any:
        """The answer to a POST request."""
        reply, answer, _ = self._post(path, body)
        assert reply["http_status"]["code"] in (200, 201), answer
        return answer

    def _post(self, path: str, body: dict[str, Any]) -> tuple[Any, Any, list[Any]]:
        asked = {"method": "POST", "path": path, "headers": {"X-Twilio-Mutation-Id": uuid.uuid4().hex}}
        return self._say({"method": "message", "http_request": asked}, json.dumps(body).encode())

    def _get(self, path: str, **query: str) -> Any:
        asked = {"method": "GET", "path": path, "params": {name: value for name, value in query.items() if value}}
        reply, body, _ = self._say({"method": "message", "http_request": asked})
        assert reply["http_status"]["code"] == 200, body
        return body

    def _say(self, header: dict[str, Any], payload: bytes = b"") -> tuple[Any, Any, list[Any]]:
        """The header and the body of the reply, and the bodies of the pushes that came with it."""
        self.frames += 1
        came = self._answer(encode({"id": f"TM{self.frames}", **header}, payload).decode())
        read = [_read(packet) for packet in came]
        (answered,) = [packet for packet in read if packet[0]["method"] == "reply"]
        return *answered, [body for head, body in read if head["method"] == "notification"]


def _read(packet: bytes) -> tuple[Any, Any]:
    _, header, payload = packet.decode().split("\r\n", 2)
    return json.loads(header), json.loads(payload) if payload else None
