"""Files: their types, names and sizes, how browsers are told to show them, and who has uploaded them."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from typing import Any, NamedTuple
from urllib.parse import quote

from parley.domain.memberships import Person
from parley.errors import INVALID_PARAMETER, MEDIA_TYPE_INVALID
from parley.ids import user_sid

UPLOADING, READY = "uploading", "ready"
# Twilio's JavaScript SDKs know these categories.
CATEGORIES = ("media", "body", "history")
# The author of a file that a back end has uploaded (https://www.twilio.com/docs/chat/rest/media).
BACK_END = "sender"
UNKNOWN_TYPE = "application/octet-stream"
LONGEST_FILENAME = 255
# How many bytes at the beginning of a file tell its type.
SNIFFED_BYTES = 512

_TOKEN = r"[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,126}"
# Compiled with the first use, because every function imports this module.
_VALUE = r'(?:[ !#-:<-\[\]-~]+|"[ !#-:<-\[\]-~]*")'
_TYPE = rf"({_TOKEN}/{_TOKEN})(?:[ ]?;[ ]?[A-Za-z0-9!#$&*^_.+-]+={_VALUE})*"
_LONGEST_TYPE = 255
_SHA256 = r"[0-9a-fA-F]{64}"


class MediaRules(NamedTuple):
    """What the operator has set for files.

    Attributes:
        limit_mb: The largest size of a file, in megabytes of 1,000,000 bytes.
        unattached_seconds: How long a file lives that no message carries.
        is_scanned: Whether nobody gets a file before a scan for malware has found nothing in it.
    """

    limit_mb: int = 150
    unattached_seconds: int = 300
    is_scanned: bool = False

    @property
    def limit_bytes(self) -> int:
        """The largest size of a file."""
        return self.limit_mb * 1_000_000


# As the template has them.
DEFAULT_RULES = MediaRules()


def check_content_type(text: str) -> str:
    """A media type, perhaps with parameters, as it was given.

    Raises:
        Refusal: 50511.
    """
    if len(text) > _LONGEST_TYPE or not re.fullmatch(_TYPE, text) or _has_second(text):
        raise MEDIA_TYPE_INVALID()
    return text


def _has_second(content_type: str) -> bool:
    """Whether a comma begins a second type. Browsers believe the last one: what is shown as a picture would be a page.

    `video/webm;codecs=vp8,opus`, which browsers make themselves, is one type: what follows its comma is none.
    """
    return "/" in re.sub('"[^"]*"', "", content_type).partition(",")[2]


def essence(content_type: str) -> str:
    """A media type without its parameters, in small letters."""
    return content_type.partition(";")[0].strip().lower()


def check_sha256(text: str) -> str:
    """A SHA-256 digest in hex digits.

    Raises:
        Refusal: 20001.
    """
    if not re.fullmatch(_SHA256, text):
        raise INVALID_PARAMETER(name="Sha256", reason="64 hex digits are needed")
    return text.lower()


def clean_filename(text: str) -> str | None:
    """A file's name without the folders before it, and without characters that steer how text is shown.

    None if nothing remains.

    Raises:
        Refusal: 20001 for a name that is too long.
    """
    if len(text) > LONGEST_FILENAME:
        raise INVALID_PARAMETER(name="Filename", reason=f"over {LONGEST_FILENAME} characters")
    shown = "".join(letter for letter in text if not _is_control(letter))
    name = re.split(r"[/\\]", shown)[-1].strip()
    return None if name in ("", ".", "..") else name


def _is_control(letter: str) -> bool:
    """Whether a character is a control character, ends a line, or turns the direction of text.

    A name with such a mark can hide its ending: `gnp.exe` reads as `exe.png`.
    """
    is_control = unicodedata.category(letter) in ("Cc", "Cs", "Zl", "Zp")
    return is_control or letter in "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"


def disposition(content_type: str, filename: str | None) -> str:
    """The value of `Content-Disposition` for a file.

    Browsers show pictures, sound, films and PDF documents in place. They save everything else, above all what could
    carry a program: HTML, SVG, XML and JavaScript.
    """
    kind = essence(content_type)
    is_shown = kind == "application/pdf" or kind.startswith(("image/", "audio/", "video/"))
    # SVG is an image that is XML.
    how = "inline" if is_shown and not kind.endswith(("+xml", "/xml", "/svg")) else "attachment"
    if filename is None:
        return how
    plain = "".join(letter if " " <= letter <= "~" and letter not in '"\\%' else "_" for letter in filename)
    return f"{how}; filename=\"{plain}\"; filename*=UTF-8''{quote(filename, safe='')}"


# (bytes, where they stand) -> type. The first line whose bytes are there wins.
_SIGNATURES: tuple[tuple[tuple[tuple[bytes, int], ...], str], ...] = (
    (((b"\x89PNG\r\n\x1a\n", 0),), "image/png"),
    (((b"\xff\xd8\xff", 0),), "image/jpeg"),
    (((b"GIF8", 0),), "image/gif"),
    (((b"RIFF", 0), (b"WEBP", 8)), "image/webp"),
    (((b"II*\x00", 0),), "image/tiff"),
    (((b"MM\x00*", 0),), "image/tiff"),
    (((b"ftypavif", 4),), "image/avif"),
    (((b"ftypheic", 4),), "image/heic"),
    (((b"ftypM4A", 4),), "audio/mp4"),
    (((b"ftypqt", 4),), "video/quicktime"),
    (((b"ftyp", 4),), "video/mp4"),
    (((b"\x1aE\xdf\xa3", 0),), "video/webm"),
    (((b"RIFF", 0), (b"AVI ", 8)), "video/x-msvideo"),
    (((b"RIFF", 0), (b"WAVE", 8)), "audio/wav"),
    (((b"OggS", 0),), "audio/ogg"),
    (((b"fLaC", 0),), "audio/flac"),
    (((b"#!AMR", 0),), "audio/amr"),
    (((b"ID3", 0),), "audio/mpeg"),
    (((b"%PDF-", 0),), "application/pdf"),
    (((b"PK\x03\x04", 0),), "application/zip"),
)


def sniffed(body: bytes) -> str:
    """The type that the beginning of a file shows. What no signature knows is text, or of unknown type."""
    head = body[:SNIFFED_BYTES]
    for marks, content_type in _SIGNATURES:
        if all(head.startswith(mark, at) for mark, at in marks):
            return content_type
    return "text/plain" if _is_text(head) else UNKNOWN_TYPE


def _is_text(head: bytes) -> bool:
    """Whether bytes are UTF-8 without control characters; the last character may be cut off."""
    for cut in range(4):
        try:
            text = head[: len(head) - cut].decode()
        except UnicodeDecodeError:
            continue
        return all(letter >= " " or letter in "\t\n\r\f" for letter in text)
    return False


def uploader_of(media: Mapping[str, Any]) -> Person | None:
    """The user who uploaded a file; None if a back end did."""
    if "author_birth" not in media:
        return None
    return Person(user_sid(media["service_sid"], media["author"]), media["author_birth"])


def is_gone(media: Mapping[str, Any], now_ms: int) -> bool:
    """Whether a file's time is over. DynamoDB may keep its record for some hours more."""
    return "expires_at" in media and media["expires_at"] * 1000 <= now_ms
