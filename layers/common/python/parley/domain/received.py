"""What carriers hand over: their ids, the texts of phones, and the kinds of messages that people send on WhatsApp.

https://developers.facebook.com/docs/whatsapp/cloud-api/webhooks/components has WhatsApp's kinds. What text a message of
each kind gets is inferred (unconfirmed).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

_LONGEST_ID = 256
# The kinds of messages that bring a file, which may have a caption.
FILES = ("image", "audio", "video", "document", "sticker")
# AWS takes no other ids of files.
_MEDIA_ID = re.compile("[A-Za-z0-9]{1,100}")
_HALF_PAIRS = "surrogatepass"


class WhatsAppFile(NamedTuple):
    """A file in a message from WhatsApp, as Meta describes it. `sha256` is in base64."""

    media_id: str
    content_type: str = ""
    sha256: str = ""
    filename: str = ""


def identifier(value: object) -> str | None:
    """A carrier's id of a message; None for anything that cannot be one."""
    return value if isinstance(value, str) and value.isprintable() and 0 < len(value) <= _LONGEST_ID else None


def whole(text: str) -> str:
    """A text that can be stored and sent: JSON can spell half of a surrogate pair, which is replaced.

    >>> whole("half of a pair: " + chr(0xD800))
    'half of a pair: \ufffd'
    """
    return text.encode("utf-16", _HALF_PAIRS).decode("utf-16", "replace")


def body_of(told: Mapping[str, Any]) -> str | None:
    """The text of a person's message on WhatsApp; None for a kind of message that has no text, such as a reaction.

    >>> body_of({"type": "interactive", "interactive": {"type": "button_reply", "button_reply": {"title": "Yes"}}})
    'Yes'
    """
    kind = told.get("type")
    part = _part(told, kind)
    match kind:
        case "text":
            return _text(part, "body")
        case "button":
            return _text(part, "text")
        case "interactive":
            return _text(_part(part, part.get("type")), "title")
        case "location":
            return _place(part)
    return None


def caption_of(told: Mapping[str, Any]) -> str | None:
    """The text that a person wrote below a file; None if there is none."""
    return _text(_part(told, told.get("type")), "caption")


def file_of(told: Mapping[str, Any]) -> WhatsAppFile | None:
    """The file in a person's message on WhatsApp; None if there is none that can be fetched."""
    kind = told.get("type")
    part = _part(told, kind)
    media_id = identifier(part.get("id"))
    if kind not in FILES or media_id is None or not _MEDIA_ID.fullmatch(media_id):
        return None
    texts = (_text(part, name) or "" for name in ("mime_type", "sha256", "filename"))
    return WhatsAppFile(media_id, *map(whole, texts))


def _part(told: Mapping[str, Any], name: object) -> Mapping[str, Any]:
    part = told.get(name) if isinstance(name, str) else None
    return part if isinstance(part, dict) else {}


def _text(part: Mapping[str, Any], name: str) -> str | None:
    value = part.get(name)
    return value if isinstance(value, str) else None


def _place(part: Mapping[str, Any]) -> str | None:
    """A place in words: its name, its address, and where it lies."""
    where = [part.get(name) for name in ("latitude", "longitude")]
    if not all(isinstance(number, int | float) and not isinstance(number, bool) for number in where):
        return None
    lies = ", ".join(map(str, where))
    return "\n".join(filter(None, (_text(part, "name"), _text(part, "address"), lies)))
