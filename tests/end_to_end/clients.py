"""What programs use to talk to a running stack: Twilio's library and tokens, and a plain WebSocket client."""

from __future__ import annotations

import itertools
import json
import threading
from collections.abc import Callable, Mapping
from contextlib import ExitStack, suppress
from typing import Any
from urllib.parse import quote

from twilio.base.exceptions import TwilioRestException
from twilio.jwt.access_token import AccessToken
from twilio.jwt.access_token.grants import ChatGrant
from twilio.rest import Client
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect
from websockets.typing import Subprotocol

_PATIENCE_SECONDS = 120.0


def helper_library(info: Mapping[str, Any], name: str = "", secret: str = "") -> Client:
    """Twilio's library, unchanged but for its base URLs; with the account's credentials or an API key's."""
    account_sid = info["account_sid"]
    client = Client(name or account_sid, secret or info["auth_token"], account_sid)
    client.chat.base_url = f"{info['rest_url']}/chat"
    client.conversations.base_url = f"{info['rest_url']}/conversations"
    client.api.base_url = info["rest_url"]
    return client


def access_token(info: Mapping[str, Any], service_sid: str, identity: str, **changes: Any) -> str:
    """A token as Twilio's library makes it, signed with the stack's API key unless `changes` say otherwise."""
    arguments = {
        "account_sid": info["account_sid"],
        "signing_key_sid": info["api_key_sid"],
        "secret": info["api_key_secret"],
        "identity": identity,
        "grants": [ChatGrant(service_sid=service_sid)],
        **changes,
    }
    return str(AccessToken(**arguments).to_jwt())


def refusal(error: TwilioRestException) -> tuple[int, int]:
    """Status and code of what the library raised."""
    return error.status, error.code


class Socket:
    """An open WebSocket that keeps every frame it gets."""

    def __init__(self, info: Mapping[str, Any], token: str, *, in_subprotocol: bool = False):
        """Connect with the token in the query string or as a sub-protocol; raises what the library raises."""
        url, subprotocols = f"{info['ws_url']}?token={quote(token)}", None
        if in_subprotocol:
            url, subprotocols = info["ws_url"], [Subprotocol("parley.v1"), Subprotocol(token)]
        self._open = ExitStack()
        self._connection = self._open.enter_context(
            connect(url, subprotocols=subprotocols, proxy=None, max_size=None, open_timeout=120)
        )
        self._frames: list[dict[str, Any]] = []
        self._arrival = threading.Condition()
        self._ids = itertools.count(1)
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        with suppress(ConnectionClosed):
            for text in self._connection:
                frame = json.loads(text)
                with self._arrival:
                    # Several pushes at once come as an array.
                    self._frames += frame if isinstance(frame, list) else [frame]
                    self._arrival.notify_all()

    def __enter__(self) -> Socket:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._open.close()

    @property
    def subprotocol(self) -> str | None:
        return self._connection.subprotocol

    @property
    def frames(self) -> list[dict[str, Any]]:
        with self._arrival:
            return list(self._frames)

    def send(self, frame: Any) -> None:
        self._connection.send(frame if isinstance(frame, str) else json.dumps(frame))

    def ask(self, action: str, **members: Any) -> dict[str, Any]:
        """Send a request and wait for its reply; there must be one and no other with its id."""
        request_id = members.pop("id", None) or str(next(self._ids))
        self.send({"id": request_id, "action": action, **members})

        def replies(frames: list[dict[str, Any]]) -> list[dict[str, Any]]:
            return [frame for frame in frames if frame.get("id") == request_id]

        (reply,) = replies(self.wait(replies))
        return reply

    def wait(
        self, is_enough: Callable[[list[dict[str, Any]]], Any], seconds: float = _PATIENCE_SECONDS
    ) -> list[dict[str, Any]]:
        """All frames, once they are enough; fails when they are not in time."""
        with self._arrival:
            assert self._arrival.wait_for(lambda: is_enough(self._frames), seconds), self._frames[-20:]
            return list(self._frames)

    def push(self, event: str, **members: Any) -> dict[str, Any]:
        """The first push of this event with these members, once it has come."""

        def wanted(frame: dict[str, Any]) -> bool:
            return frame.get("event") == event and all(_shows(frame.get(name), part) for name, part in members.items())

        return next(filter(wanted, self.wait(lambda frames: any(map(wanted, frames)))))

    def pushes(self, event: str) -> list[dict[str, Any]]:
        """The pushes of this event that have come so far."""
        return [frame for frame in self.frames if frame.get("event") == event]


def _shows(shown: Any, wanted: Any) -> bool:
    """Whether a frame shows a record as REST does; on sockets there is more to it."""
    if isinstance(shown, dict) and isinstance(wanted, dict):
        return {name: shown.get(name) for name in wanted} == wanted
    return bool(shown == wanted)
