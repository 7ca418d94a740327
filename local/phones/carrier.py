"""The simulated carrier: takes messages to phones, reports their statuses, and sends messages as a phone.

    POST /_phones/messages      a message to a phone, as Parley hands it over (`parley/ports/phones.py`)
    GET  /_phones/              the phones that have received or sent messages
    GET  /_phones/{address}     the messages of a phone, oldest first
    POST /_phones/{address}     a message from that phone: `To` and `Body`, as a form or as JSON

The first request must have Parley's signature; the others need account SID and auth token.

Reports go through the work queue with a delay, so the carrier does not wait, and no report is lost when the gateway
stops. The last four digits of the phone's number decide what happens with a message:

    ending      Parley's message is                                  error code
    ----------- ---------------------------------------------------- ----------
    0001        refused: no such number                              21211
    0002        refused: the phone has said STOP                     21610
    0003        taken, and undelivered after a second                30003
    0004        taken, and failed after a second                     30008
    any other   delivered after a second, on WhatsApp read after two
"""

from __future__ import annotations

import asyncio
import base64
import hmac
import json
import re
import secrets
from collections import OrderedDict, deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Any
from urllib.parse import parse_qs, unquote

from local.http.owner import is_owner
from local.http.server import Request, Response

PHONES_PATH = "/_phones/"
CARRIER_PATH = f"{PHONES_PATH}messages"
_KEPT, _PHONES, _REMEMBERED = 200, 500, 10_000
_LONGEST_BODY = 32 * 1024
_ADDRESS = re.compile(r"(?:whatsapp:)?\+[1-9][0-9]{6,14}")
_REFUSED = {"0001": 21211, "0002": 21610}
_LATER: dict[str, tuple[str, int]] = {"0003": ("undelivered", 30003), "0004": ("failed", 30008)}
_ENDING = 4

Entry = dict[str, Any]
Queue = Callable[[Entry, int], None]
"""Puts a job into the work queue, hidden for so many seconds."""


class SimulatedCarrier:
    """The phones of one run. What they received is kept in memory, within limits of number."""

    def __init__(self, account_sid: str, auth_tokens: Callable[[], Sequence[str]], queue: Queue) -> None:
        self._account_sid = account_sid
        self._auth_tokens = auth_tokens
        self._queue = queue
        self._messages: OrderedDict[str, deque[Entry]] = OrderedDict()
        # The SIDs of messages by their references: if a message is handed over twice, the phone gets it once.
        self._taken: OrderedDict[str, str] = OrderedDict()

    def respond(self, request: Request) -> Response | Awaitable[Response]:
        """Answer a request to a path below `PHONES_PATH`."""
        if request.path == CARRIER_PATH:
            return self._take(request) if request.method == "POST" else _allowed("POST")
        if not is_owner(request, self._account_sid, self._auth_tokens()):
            headers = [("WWW-Authenticate", 'Basic realm="Parley"')]
            return Response(401, b'{"message":"Account SID and auth token, please."}', [*_JSON, *headers])
        address = unquote(request.path.removeprefix(PHONES_PATH))
        if not address and request.method in ("GET", "HEAD"):
            return _shown(
                {"phones": [{"address": name, "messages": len(kept)} for name, kept in self._messages.items()]}
            )
        if not _ADDRESS.fullmatch(address):
            return _refused(404, "A phone is a number like +14155550100, or whatsapp:+14155550100.")
        if request.method in ("GET", "HEAD"):
            return _shown({"messages": list(self._messages.get(address, ()))})
        return self._write(address, request) if request.method == "POST" else _allowed("GET, HEAD, POST")

    async def _take(self, request: Request) -> Response:
        if not self._is_signed(request):
            return _refused(403, "Only Parley sends here.")
        message = _document(request)
        if not {"reference", "from", "to"} <= message.keys():
            return _refused(400, "A message has reference, from and to.")
        reference, phone = str(message["reference"]), str(message["to"])
        if reference in self._taken:
            return _shown({"sid": self._taken[reference]}, 201)
        if code := _REFUSED.get(phone[-_ENDING:]):
            return Response(400, json.dumps({"code": code}).encode(), _JSON)
        is_whatsapp = phone.startswith("whatsapp:")
        sid = self._taken[reference] = _sid("WA" if is_whatsapp else "MM" if message.get("media") else "SM")
        try:
            for delay, (status, code) in enumerate(_reports(phone, is_whatsapp), 1):
                report = {"reference": reference, "status": status, "error_code": code, "sid": sid}
                await asyncio.to_thread(self._queue, {"job": "phone_status", **report}, delay)
        except Exception:
            # Parley gets no answer, so it hands the message over again.
            self._taken.pop(reference, None)
            raise
        while len(self._taken) > _REMEMBERED:
            self._taken.popitem(last=False)
        self._keep(phone, {"sid": sid, "direction": "in", **message})
        return _shown({"sid": sid}, 201)

    async def _write(self, phone: str, request: Request) -> Response:
        given = _given(request)
        to, body = given.get("To"), given.get("Body")
        numbers = to if isinstance(to, list) else [to]
        if not all(isinstance(number, str) and _ADDRESS.fullmatch(number) for number in numbers):
            return _refused(400, "To is one of the account's numbers; in a group, all other numbers of it.")
        if not isinstance(body, str) or not 0 < len(body.encode()) <= _LONGEST_BODY:
            return _refused(400, "Body is a text of 32 KB at most.")
        message = {"from": phone, "to": to, "sid": _sid("WA" if phone.startswith("whatsapp:") else "SM"), "body": body}
        await asyncio.to_thread(self._queue, {"job": "phone_inbound", **message}, 0)
        self._keep(phone, {"direction": "out", **message})
        return _shown(message, 201)

    def _keep(self, phone: str, message: Entry) -> None:
        self._messages.setdefault(phone, deque(maxlen=_KEPT)).append(message)
        self._messages.move_to_end(phone)
        while len(self._messages) > _PHONES:
            self._messages.popitem(last=False)

    def _is_signed(self, request: Request) -> bool:
        signed = f"http://{request.header('host')}{request.path}\n".encode() + request.body
        given = request.header("x-parley-signature").encode()
        wanted = [base64.b64encode(hmac.digest(token.encode(), signed, "sha256")) for token in self._auth_tokens()]
        return any(hmac.compare_digest(given, signature) for signature in wanted)


def _reports(phone: str, is_whatsapp: bool) -> list[tuple[str, int]]:
    """The reports about a message, each a second after the one before."""
    if bad := _LATER.get(phone[-_ENDING:]):
        return [bad]
    return [("delivered", 0), ("read", 0)] if is_whatsapp else [("delivered", 0)]


def _sid(prefix: str) -> str:
    return prefix + secrets.token_hex(16)


def _given(request: Request) -> dict[str, Any]:
    """The parameters of a request, from JSON or from a form; a name that a form repeats has a list."""
    if "json" in request.header("content-type"):
        return _document(request)
    try:
        form = parse_qs(request.body.decode(), max_num_fields=100)
    except ValueError:
        return {}
    return {name: values[0] if len(values) == 1 else values for name, values in form.items()}


def _document(request: Request) -> dict[str, Any]:
    try:
        document = json.loads(request.body)
        # JSON can spell half of a surrogate pair, but no phone can write it.
        json.dumps(document, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        return {}
    return document if isinstance(document, dict) else {}


_JSON = [("Content-Type", "application/json"), ("Cache-Control", "no-store")]


def _shown(document: Entry, status: int = 200) -> Response:
    return Response(status, json.dumps(document).encode(), _JSON)


def _refused(status: int, text: str) -> Response:
    return Response(status, json.dumps({"message": text}).encode(), _JSON)


def _allowed(methods: str) -> Response:
    return Response(405, b"", [("Allow", methods)])
