"""The console's inbox: receives webhooks as the server of a service's owner would, and shows them to that owner.

    POST /console/webhooks/{service SID}            receives a webhook as a form; the answer is always an empty 200
    GET  /console/webhooks/{service SID}?after=N    lists webhooks after number N; Basic account SID and auth token

Webhooks are kept in memory, for a few services, within limits of number and size. Their numbers begin with the time of
the start, so they grow over restarts too, and a reader that asks for everything after a number misses nothing.
"""

from __future__ import annotations

import json
import re
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, parse_qsl

from twilio.request_validator import RequestValidator

from local.http.owner import is_owner
from local.http.server import Request, Response

INBOX_PATH = "/console/webhooks/"
BODY_LIMIT = 64 * 1024
KEPT = 200
_KEPT_BYTES = 2 * 1024 * 1024
_SERVICES = 20
_FIELDS = 200
_SERVICE_SID = re.compile("IS[0-9a-f]{32}")


@dataclass
class _Shelf:
    """The webhooks of one service, with the size of each."""

    entries: deque[tuple[dict[str, Any], int]] = field(default_factory=deque)
    size: int = 0

    def put(self, entry: dict[str, Any], size: int) -> None:
        self.entries.append((entry, size))
        self.size += size
        while len(self.entries) > KEPT or self.size > _KEPT_BYTES:
            self.size -= self.entries.popleft()[1]


class WebhookInbox:
    """Receives, checks and lists webhooks of an account."""

    def __init__(
        self, account_sid: str, auth_tokens: Callable[[], Sequence[str]], now: Callable[[], float] = time.time
    ) -> None:
        self._account_sid = account_sid
        self._auth_tokens = auth_tokens
        self._now = now
        self._number = int(now() * 1000)
        self._shelves: OrderedDict[str, _Shelf] = OrderedDict()

    def respond(self, request: Request) -> Response:
        """Answer a request to a path below `INBOX_PATH`."""
        service_sid = request.path.removeprefix(INBOX_PATH)
        if not _SERVICE_SID.fullmatch(service_sid):
            return _plain(404, "There is no such inbox.\n")
        if request.method == "POST":
            return self._receive(service_sid, request)
        if request.method in ("GET", "HEAD"):
            return self._list(service_sid, request)
        return Response(405, b"", [("Allow", "GET, HEAD, POST")])

    def _receive(self, service_sid: str, request: Request) -> Response:
        if len(request.body) > BODY_LIMIT:
            return _plain(413, "A webhook is not that large.\n")
        try:
            pairs = parse_qsl(request.body.decode(), keep_blank_values=True, max_num_fields=_FIELDS)
        except ValueError:
            return _plain(400, "A webhook is a form in UTF-8.\n")
        self._number += 1
        entry = {
            "n": self._number,
            "received_at": datetime.fromtimestamp(self._now(), UTC).isoformat(timespec="milliseconds"),
            "signature": self._judged(request, dict(pairs)),
            "idempotency_token": request.header("i-twilio-idempotency-token"),
            "form": dict(pairs),
        }
        shelf = self._shelves.setdefault(service_sid, _Shelf())
        self._shelves.move_to_end(service_sid)
        shelf.put(entry, len(request.body))
        if len(self._shelves) > _SERVICES:
            self._shelves.popitem(last=False)
        return Response(200)

    def _judged(self, request: Request, form: dict[str, str]) -> str:
        """`valid`, `invalid` or `missing`, for the URL as the sender wrote it."""
        given = request.header("x-twilio-signature")
        if not given:
            return "missing"
        query = f"?{request.query}" if request.query else ""
        url = f"http://{request.header('host')}{request.path}{query}"
        try:
            # Twilio's own check, as the owner's server would make it.
            good = any(RequestValidator(token).validate(url, form, given) for token in self._auth_tokens())
        except ValueError:  # the Host header names no host
            good = False
        return "valid" if good else "invalid"

    def _list(self, service_sid: str, request: Request) -> Response:
        if not is_owner(request, self._account_sid, self._auth_tokens()):
            return _plain(401, "Account SID and auth token, please.\n")
        after = parse_qs(request.query).get("after", ["0"])[0]
        if not re.fullmatch("[0-9]{1,16}", after):
            return _plain(400, "after is the number of a webhook.\n")
        shelf = self._shelves.get(service_sid, _Shelf())
        found = [entry for entry, _ in shelf.entries if entry["n"] > int(after)]
        headers = [("Content-Type", "application/json"), ("Cache-Control", "no-store")]
        return Response(200, json.dumps({"webhooks": found}).encode(), headers)


def _plain(status: int, text: str) -> Response:
    return Response(status, text.encode(), [("Content-Type", "text/plain; charset=utf-8")])
