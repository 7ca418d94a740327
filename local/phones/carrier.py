"""The simulated carrier: it takes messages to phones as a carrier of your own would, and reports on them.

    POST /_phones/messages      a message to a phone, as Parley hands it over (`parley/ports/phones.py`)

The request must have Parley's signature. Reports go through the work queue with a delay, so the carrier does not wait,
and no report is lost when the gateway stops. The last four digits of the phone's number decide what happens with a
message:

    ending      what happens with the message                        error code
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
import secrets
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Any

from local.http.server import Request, Response
from local.phones.handsets import WHATSAPP_PREFIX, Entry, Handsets

PHONES_PATH = "/_phones/"
CARRIER_PATH = f"{PHONES_PATH}messages"
_REMEMBERED = 10_000
_REFUSED = {"0001": 21211, "0002": 21610}
_LATER: dict[str, tuple[str, int]] = {"0003": ("undelivered", 30003), "0004": ("failed", 30008)}
_ENDING = 4

Queue = Callable[[Entry, int], None]
"""Puts a job into the work queue, hidden for so many seconds."""


class SimulatedCarrier:
    """A carrier that brings messages to `handsets`."""

    def __init__(self, auth_tokens: Callable[[], Sequence[str]], queue: Queue, handsets: Handsets) -> None:
        self._auth_tokens = auth_tokens
        self._queue = queue
        self._handsets = handsets
        # The SIDs of messages by their references: if a message is handed over twice, the phone gets it once.
        self._taken: OrderedDict[str, str] = OrderedDict()

    async def take(self, request: Request) -> Response:
        """Answer a request to `CARRIER_PATH`."""
        if not self._is_signed(request):
            return refused(403, "Only Parley sends here.")
        message = document(request)
        if not {"reference", "from", "to"} <= message.keys():
            return refused(400, "A message has reference, from and to.")
        reference, phone = str(message["reference"]), str(message["to"])
        if reference in self._taken:
            return shown({"sid": self._taken[reference]}, 201)
        if code := _REFUSED.get(phone[-_ENDING:]):
            return Response(400, json.dumps({"code": code}).encode(), JSON)
        is_whatsapp = phone.startswith(WHATSAPP_PREFIX)
        sid = self._taken[reference] = new_sid("WA" if is_whatsapp else "MM" if message.get("media") else "SM")
        try:
            await asyncio.to_thread(self._bring, phone, {"sid": sid, **message}, reference)
        except Exception:
            # Parley gets no answer, so it hands the message over again.
            self._taken.pop(reference, None)
            raise
        while len(self._taken) > _REMEMBERED:
            self._taken.popitem(last=False)
        return shown({"sid": sid}, 201)

    def write(self, message: Entry) -> None:
        """A phone has written to one number or, in a group, to several."""
        self._queue({"job": "phone_inbound", **message}, 0)

    def _bring(self, phone: str, entry: Entry, reference: str) -> None:
        def told(statuses: Sequence[str], code: int = 0) -> None:
            for delay, status in enumerate(statuses, 1):
                report = {"reference": reference, "status": status, "error_code": code, "sid": entry["sid"]}
                self._queue({"job": "phone_status", **report}, delay)

        if bad := _LATER.get(phone[-_ENDING:]):
            told([bad[0]], bad[1])
            self._handsets.fail(phone, entry)
        else:
            self._handsets.bring(phone, entry, told)

    def _is_signed(self, request: Request) -> bool:
        signed = f"http://{request.header('host')}{request.path}\n".encode() + request.body
        given = request.header("x-parley-signature").encode()
        wanted = [base64.b64encode(hmac.digest(token.encode(), signed, "sha256")) for token in self._auth_tokens()]
        return any(hmac.compare_digest(given, signature) for signature in wanted)


def new_sid(prefix: str) -> str:
    return prefix + secrets.token_hex(16)


def document(request: Request) -> dict[str, Any]:
    """The JSON object in a request's body; empty if there is none."""
    try:
        found = json.loads(request.body)
        # JSON can spell half of a surrogate pair, but no phone can write it.
        json.dumps(found, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


JSON = [("Content-Type", "application/json"), ("Cache-Control", "no-store")]


def shown(answer: Entry, status: int = 200) -> Response:
    return Response(status, json.dumps(answer).encode(), JSON)


def refused(status: int, text: str) -> Response:
    return Response(status, json.dumps({"message": text}).encode(), JSON)


def allowed(methods: str) -> Response:
    return Response(405, b"", [("Allow", methods)])
