"""The door to the stand-in of SNS (`phones/push.py`): Parley's functions on one side, the phones' owner on the other.

    POST /_push/sns/          an action of SNS, as AWS's clients send it
    GET  /_push/phones        {"phones": [...]}, each with its state and its badge
    GET  /_push/phones/{id}   one phone, with `shown`: all that it has got, oldest first
    POST /_push/phones/{id}   {"state": "on" | "offline" | "uninstalled"}, as a form or as JSON

The first needs a signature of AWS's kind, which no page in a browser can send here; the others need account SID and
auth token.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any
from urllib.parse import parse_qs

from local.http.owner import is_owner
from local.http.server import Request, Response
from local.phones.push import STATES, PushServices

PUSH_PATH = "/_push/"
SNS_PATH = "/_push/sns"
_PHONES = f"{PUSH_PATH}phones"


class PushDoor:
    """Answers requests to paths below `PUSH_PATH`."""

    def __init__(self, services: PushServices, account_sid: str, auth_tokens: Callable[[], Sequence[str]]) -> None:
        self._services = services
        self._account_sid = account_sid
        self._auth_tokens = auth_tokens

    def respond(self, request: Request) -> Response:
        path = request.path.rstrip("/")
        if path == SNS_PATH:
            return self._act(request) if request.method == "POST" else _allowed("POST")
        if not is_owner(request, self._account_sid, self._auth_tokens()):
            challenge = ("WWW-Authenticate", 'Basic realm="Parley"')
            return Response(401, b'{"message":"Account SID and auth token, please."}', [*_JSON, challenge])
        if path == _PHONES:
            is_read = request.method in ("GET", "HEAD")
            return _shown({"phones": self._services.phones()}) if is_read else _allowed("GET, HEAD")
        if not path.startswith(f"{_PHONES}/"):
            return _refused(404, "There are phones, and nothing else.")
        return self._phone(request, path.removeprefix(f"{_PHONES}/"))

    def _act(self, request: Request) -> Response:
        if not request.header("authorization").startswith("AWS4-HMAC-SHA256 "):
            return _refused(403, "Only Parley's functions ask here.")
        status, text = self._services.answer(request.body)
        return Response(status, text.encode(), [("Content-Type", "text/xml")])

    def _phone(self, request: Request, id_: str) -> Response:
        if request.method in ("GET", "HEAD"):
            phone = self._services.phone(id_)
        elif request.method == "POST":
            state = _state(request)
            if state not in STATES:
                return _refused(400, f"The state is one of {', '.join(STATES)}.")
            phone = self._services.turn(id_, state)
        else:
            return _allowed("GET, HEAD, POST")
        return _shown(phone) if phone is not None else _refused(404, "There is no such phone.")


def _state(request: Request) -> str:
    try:
        if "json" in request.header("content-type"):
            given = json.loads(request.body)
            state = given.get("state", given.get("State")) if isinstance(given, dict) else None
        else:
            form = parse_qs(request.body.decode(), max_num_fields=10)
            state = (form.get("State") or form.get("state") or [""])[0]
    except (ValueError, RecursionError):
        return ""
    return state if isinstance(state, str) else ""


_JSON = [("Content-Type", "application/json"), ("Cache-Control", "no-store")]


def _shown(document: dict[str, Any]) -> Response:
    return Response(200, json.dumps(document).encode(), _JSON)


def _refused(status: int, text: str) -> Response:
    return Response(status, json.dumps({"message": text}).encode(), _JSON)


def _allowed(methods: str) -> Response:
    return Response(405, b"", [("Allow", methods)])
