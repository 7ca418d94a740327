"""The frames of the native protocol: JSON text, one object per frame.

    request   {"id": "7", "action": "sendMessage", ...}
    reply     {"id": "7", "status": 200, "result": {...}}
              {"id": "7", "status": 403, "error": {"code": 50107, "message": "..."}}
    push      {"event": "messageAdded", "channel_sid": "CH..", "seq": 12, "message": {...}}
    pushes    [{"event": ...}, {"event": ...}]

If a client's request caused a push, the push to that client's connection has the request's id as `request`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from parley.errors import FRAME_INVALID, NOT_FOUND, Refusal
from parley.faces.chat_v2 import FACE
from parley.faces.errors import naming, refuse
from parley.frozen import frozen

_LONGEST_ID = 128
# The members of requests that say which resource is meant, in the order in which a 404 names them.
_ADDRESSES = ("channel", "message", "identity", "binding")
_NOTHING: Mapping[str, Any] = {}
# API Gateway's limits for a frame and for a message
# (https://docs.aws.amazon.com/apigateway/latest/developerguide/limits.html).
LONGEST_FRAME = 32 * 1024
LONGEST_MESSAGE = 128 * 1024


@frozen
class Request:
    """A client's request: its own id for it, the action, and the other members of the object."""

    id: str
    action: str
    body: dict[str, Any]


def read(text: str) -> Request:
    """The request in a frame.

    Raises:
        Refusal: 20001 for anything but an object with a text or number `id` and a text `action`.
    """
    try:
        frame = _parsed(text)
    except (ValueError, RecursionError):
        raise FRAME_INVALID() from None
    if not isinstance(frame, dict):
        raise FRAME_INVALID()
    request_id = frame.pop("id", None)
    action = frame.pop("action", None)
    if isinstance(request_id, int) and not isinstance(request_id, bool):
        request_id = str(request_id)
    if not isinstance(request_id, str) or not 0 < len(request_id) <= _LONGEST_ID or not isinstance(action, str):
        raise FRAME_INVALID()
    return Request(request_id, action, frame)


def request_id(text: str) -> str | None:
    """The id in a refused frame, for the reply; None if the frame has none."""
    try:
        frame = json.loads(text)
        found = frame.get("id") if isinstance(frame, dict) else None
        if isinstance(found, int) and not isinstance(found, bool):
            found = str(found)
        return _text(found[:_LONGEST_ID]) if isinstance(found, str) else None
    except (ValueError, RecursionError):
        return None


def _parsed(text: str) -> Any:
    frame = json.loads(text, parse_constant=_refuse_constant)
    if "\\ud" in text.lower():
        _text(dump(frame))
    return frame


def _text(decoded: str) -> str:
    """The text unchanged.

    Raises:
        ValueError: it has half a surrogate pair. JSON can spell that, but nobody can store or send it.
    """
    decoded.encode()
    return decoded


def _refuse_constant(name: str) -> None:
    raise ValueError(name)


def reply(request_id: str | None, status: int, result: Any) -> str:
    """The reply to a request that was carried out."""
    return dump({"id": request_id, "status": status, "result": result})


def refusal(request_id: str | None, refused: Refusal, body: Mapping[str, Any] = _NOTHING) -> str:
    """The reply to a request that was refused; `body` is the request's. A 404 names what the request asked for."""
    status, code, text = refuse(FACE.errors, refused)
    if refused.error is NOT_FOUND:
        text = naming(text, body, _ADDRESSES)
    return dump({"id": request_id, "status": status, "error": {"code": code, "message": text}})


def coalesce(frames: Sequence[bytes]) -> list[bytes]:
    """Pack pushes into as few frames of 32 KB as possible: a single push as it is, several as a JSON array."""
    frames_of: list[list[bytes]] = []
    size = 0
    for frame in frames:
        if not frames_of or size + len(frame) + 1 > LONGEST_FRAME:
            frames_of.append([])
            size = 1
        frames_of[-1].append(frame)
        size += len(frame) + 1
    return [group[0] if len(group) == 1 else b"[" + b",".join(group) + b"]" for group in frames_of]


def dump(frame: Any) -> str:
    """Compact JSON."""
    return json.dumps(frame, separators=(",", ":"), ensure_ascii=False)
