"""The packets of Twilio's JavaScript SDKs: a line with the length of the header, a JSON header, and a payload.

    TWILSOCK V3.0 <header bytes>\\r\\n<header>\\r\\n<payload>

Lengths count bytes of UTF-8. A packet is read only if its lengths are exactly right.
"""

from __future__ import annotations

import json
import re
from hashlib import sha256
from http import HTTPStatus
from typing import Any

from parley.errors import FRAME_INVALID
from parley.faces.errors import Answer
from parley.frozen import frozen

PREFIX = "TWILSOCK "
# API Gateway's limit for a message to a client
# (https://docs.aws.amazon.com/apigateway/latest/developerguide/limits.html).
LONGEST_MESSAGE = 128 * 1024
JSON = "application/json"

_FIRST_LINE = re.compile(rb"TWILSOCK V3\.0 ([0-9]{1,6})\r\n", re.ASCII)
_END = b"\r\n"
_LONGEST_NAME = 128
_ID = re.compile(r'"id"\s*:\s*"([A-Za-z0-9_-]{1,128})"')


@frozen
class Packet:
    """A packet from a client."""

    header: dict[str, Any]
    payload: bytes

    @property
    def id(self) -> str:
        """The client's own id for it, which the reply repeats."""
        return str(self.header["id"])

    @property
    def method(self) -> str:
        """What the client asks for."""
        return str(self.header["method"])


def decode(text: str) -> Packet:
    """The packet in a frame.

    Raises:
        Refusal: 20001 if a length is wrong, the header is no JSON object, or it has no text `id` and `method`.
    """
    try:
        data = text.encode()
    except UnicodeEncodeError:
        raise FRAME_INVALID() from None
    line = _FIRST_LINE.match(data)
    if line is None:
        raise FRAME_INVALID()
    end = line.end() + int(line[1])
    header = read_object(data[line.end() : end])
    payload = data[end + len(_END) :]
    is_whole = data[end : end + len(_END)] == _END and _is_size_of(header.get("payload_size", 0), payload)
    if not is_whole or not all(_is_name(header.get(name)) for name in ("id", "method")):
        raise FRAME_INVALID()
    return Packet(header, payload)


def read_object(data: bytes) -> dict[str, Any]:
    """The JSON object in some bytes.

    Raises:
        Refusal: 20001 if there is none, or if it spells a text that nobody can store or send.
    """
    try:
        found = json.loads(data.decode(), parse_constant=_refuse_constant)
        # JSON can spell half a surrogate pair, and a nesting that could be read but not be walked through.
        json.dumps(found, ensure_ascii=False, allow_nan=False).encode()
    except (ValueError, RecursionError):
        raise FRAME_INVALID() from None
    if not isinstance(found, dict):
        raise FRAME_INVALID()
    return found


def _refuse_constant(name: str) -> None:
    raise ValueError(name)


def _is_size_of(size: Any, payload: bytes) -> bool:
    return isinstance(size, int) and not isinstance(size, bool) and size == len(payload)


def _is_name(value: Any) -> bool:
    return isinstance(value, str) and 0 < len(value) <= _LONGEST_NAME


def id_in(text: str) -> str:
    """The id in a frame that is refused, for the reply; empty if none can be found."""
    found = _ID.search(text)
    return found[1] if found else ""


def encode(header: dict[str, Any], payload: bytes = b"") -> bytes:
    """The bytes of a packet."""
    spelled = dump({**header, "payload_size": len(payload)})
    return b"TWILSOCK V3.0 %d\r\n%s\r\n%s" % (len(spelled), spelled, payload)


def dump(value: Any) -> bytes:
    """Compact JSON."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()


def status(code: int) -> dict[str, Any]:
    """A status as headers carry it."""
    return {"code": code, "status": HTTPStatus(code).name}


def replied(packet_id: str, body: Any = None, **header: Any) -> bytes:
    """The reply to the packet with this id. `body` becomes its payload."""
    payload = b"" if body is None else dump(body)
    kind = {"payload_type": JSON} if payload else {}
    return encode({"method": "reply", "id": packet_id, "status": status(200), **header, **kind}, payload)


def refused(packet_id: str, answer: Answer) -> bytes:
    """The reply that says why the packet with this id was not carried out."""
    why = {**status(answer.status), "errorCode": answer.code, "description": answer.text}
    return replied(packet_id, status=why)


def notification(message_type: str, body: Any) -> bytes:
    """A push. Equal pushes are equal bytes, so that sockets can share them."""
    payload = dump(body)
    header = {"method": "notification", "id": "TN" + sha256(payload).hexdigest()[:32]}
    return encode({**header, "message_type": message_type, "payload_type": JSON}, payload)
