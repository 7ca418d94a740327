"""The door to handsets, for the owner of the phones: look at them, and write as one of them.

    GET  /_phones/                     {"phones": [...], "numbers": [...]}: each phone with its switches and the size of
                                       its thread, and the account's numbers
    GET  /_phones/{address}            one of them, with `messages`, oldest first, and `stopped`: numbers it has stopped
    POST /_phones/{address}            a message from that phone: `To` and `Body`, as a form or as JSON
    POST /_phones/{address}?To=&Body=  a file from that phone; the request's body is the file, with its content type
    POST /_phones/{address}/switches   {"airplane": true, "receipts": false}, as a form or as JSON
    POST /_phones/{address}/read       the owner looks at the thread: what has arrived on WhatsApp is read now
    GET  /_phones/files/{id}           a file of a thread

All of these need account SID and auth token. `POST /_phones/messages` is the simulated carrier's (`phones/carrier.py`).
What a phone writes to a number of AWS's goes through the stand-in for AWS. Everything else goes through the simulated
carrier.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, unquote
from uuid import uuid4

from local.http.owner import is_owner
from local.http.server import Request, Response
from local.phones.carrier import (
    CARRIER_PATH,
    JSON,
    PHONES_PATH,
    SimulatedCarrier,
    allowed,
    document,
    new_sid,
    refused,
    shown,
)
from local.phones.events import new_wamid
from local.phones.handsets import ADDRESS, WHATSAPP_PREFIX, Entry, Handsets, InAirplaneMode
from local.phones.pictures import Picture, Pictures
from local.phones.sms import Sms
from local.phones.whatsapp import WhatsApp

_LONGEST_BODY = 32 * 1024
_FORM = "application/x-www-form-urlencoded"
_FILES = "files/"
_ON, _OFF = ("true", "1", "on", True), ("false", "0", "off", False)
_SAFE = [("Content-Security-Policy", "default-src 'none'; sandbox"), ("X-Content-Type-Options", "nosniff")]


@dataclass(frozen=True)
class Aws:
    """The stand-in of AWS End User Messaging, as phones reach it."""

    sms: Sms
    whatsapp: WhatsApp


class PhonesDoor:
    """Answers requests to paths below `PHONES_PATH`."""

    def __init__(
        self,
        account_sid: str,
        auth_tokens: Callable[[], Sequence[str]],
        handsets: Handsets,
        carrier: SimulatedCarrier,
        aws: Aws | None = None,
        pictures: Pictures | None = None,
        numbers: Sequence[str] = (),
    ) -> None:
        self._account_sid = account_sid
        self._auth_tokens = auth_tokens
        self._handsets = handsets
        self._carrier = carrier
        self._aws = aws
        self._pictures = pictures or Pictures()
        self._numbers = numbers

    def respond(self, request: Request) -> Response | Awaitable[Response]:
        if request.path == CARRIER_PATH:
            return self._carrier.take(request) if request.method == "POST" else allowed("POST")
        if not is_owner(request, self._account_sid, self._auth_tokens()):
            headers = [("WWW-Authenticate", 'Basic realm="Parley"')]
            return Response(401, b'{"message":"Account SID and auth token, please."}', [*JSON, *headers])
        path, is_read = unquote(request.path.removeprefix(PHONES_PATH)), request.method in ("GET", "HEAD")
        if not path and is_read:
            return shown({"phones": self._handsets.all(), "numbers": [*self._numbers]})
        if path.startswith(_FILES):
            return self._file(path.removeprefix(_FILES)) if is_read else allowed("GET, HEAD")
        address, _, act = path.partition("/")
        if not ADDRESS.fullmatch(address) or act not in ("", "read", "switches"):
            return refused(404, "A phone is a number like +14155550100, or whatsapp:+14155550100.")
        if not act and is_read:
            return shown(self._one(address))
        if request.method != "POST":
            return allowed("POST" if act else "GET, HEAD, POST")
        return asyncio.to_thread({"": self._write, "read": self._read, "switches": self._turn}[act], address, request)

    def _one(self, address: str) -> dict[str, Any]:
        stopped = self._aws.sms.stopped(address) if self._aws is not None else []
        return self._handsets.one(address) | {"stopped": stopped}

    def _file(self, id_: str) -> Response:
        picture = self._pictures.get(id_)
        if picture is None:
            return refused(404, "There is no such file.")
        return Response(
            200, picture.data, [("Content-Type", picture.content_type), ("Cache-Control", "no-store"), *_SAFE]
        )

    def _read(self, address: str, request: Request) -> Response:
        del request
        self._handsets.read(address)
        return shown(self._one(address))

    def _turn(self, address: str, request: Request) -> Response:
        given, _ = _given(request)
        wanted = {name: _switch(given[name]) for name in ("airplane", "receipts") if name in given}
        if not wanted or None in wanted.values():
            return refused(400, "The switches are airplane and receipts, each true or false.")
        self._handsets.turn(address, **wanted)
        return shown(self._one(address))

    def _write(self, phone: str, request: Request) -> Response:
        given, picture = _given(request)
        to, body = given.get("To"), given.get("Body", "" if picture is not None else None)
        numbers = to if isinstance(to, list) else [to]
        if not all(isinstance(number, str) and ADDRESS.fullmatch(number) for number in numbers):
            return refused(400, "To is one of the account's numbers; in a group, all other numbers of it.")
        if not isinstance(body, str) or len(body.encode()) > _LONGEST_BODY or not (body or picture is not None):
            return refused(400, "Body is a text of 32 KB at most.")
        try:
            self._handsets.check(phone)
        except InAirplaneMode:
            return refused(409, "The phone is in airplane mode.")
        entry: Entry = {"from": phone, "to": to, "body": body}
        if self._aws is not None and isinstance(to, str):
            if self._aws.sms.is_own(to):
                sid = str(uuid4())
                written = self._written(entry | {"sid": sid, "media": []})
                # Two-way MMS is not AWS's: a picture is lost on the way, and the text arrives.
                if body:
                    self._aws.sms.receive(phone, to, body, sid)
                return written
            if (sender := self._aws.whatsapp.owned(to)) is not None:
                wamid = new_wamid(phone.removeprefix(WHATSAPP_PREFIX))
                media = self._aws.whatsapp.receive(phone, sender, body, picture, wamid)
                return self._written(entry | {"sid": wamid, "media": media})
        if picture is not None:
            return refused(400, "Files go to the account's numbers on WhatsApp only.")
        entry["sid"] = new_sid("WA" if phone.startswith(WHATSAPP_PREFIX) else "SM")
        self._carrier.write(entry)
        return self._written(entry)

    def _written(self, entry: Entry) -> Response:
        self._handsets.write(entry["from"], entry)
        return shown(entry, 201)


def _switch(value: object) -> bool | None:
    return True if value in _ON else False if value in _OFF else None


def _given(request: Request) -> tuple[Mapping[str, Any], Picture | None]:
    """The parameters of a request, and the file that is its body if it is neither JSON nor a form.

    A name that a form repeats has a list.
    """
    kind = request.header("content-type").partition(";")[0].strip().lower()
    if "json" in kind:
        return document(request), None
    picture = None if kind in ("", _FORM) else Picture(request.body, kind)
    try:
        form = parse_qs(request.body.decode() if picture is None else request.query, max_num_fields=100)
    except ValueError:
        return {}, None
    return {name: values[0] if len(values) == 1 else values for name, values in form.items()}, picture
