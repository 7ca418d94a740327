"""Films that browsers play: one still picture a second, each in a colour of its own, in a file of any size.

The file is WebM (https://www.webmproject.org/docs/container/), which holds frames of VP8. A browser makes the frames: a
lossy WebP picture is such a frame. Between two frames lie as many zeros as the size asks for, which players skip.
"""

from __future__ import annotations

import base64
import struct
from pathlib import Path
from typing import IO

from playwright.sync_api import Page

WIDTH, HEIGHT = 160, 90
_EBML, _SEGMENT, _INFO, _TRACKS, _CUES, _CLUSTER = (
    "1A45DFA3",
    "18538067",
    "1549A966",
    "1654AE6B",
    "1C53BB6B",
    "1F43B675",
)
_VOID = "EC"
_SECOND = 1000
_PICTURES = """([colours, width, height]) => colours.map((colour) => {
  const canvas = Object.assign(document.createElement('canvas'), { width, height });
  const context = canvas.getContext('2d', { alpha: false });
  context.fillStyle = colour;
  context.fillRect(0, 0, canvas.width, canvas.height);
  return canvas.toDataURL('image/webp', 0.9).split(',')[1];
})"""


def colour_at(second: int) -> tuple[int, int, int]:
    """The colour of a film in a second: neighbours differ by more than coding changes."""
    return 40 + 7 * second, 40 + 60 * (second % 3), 255 - 7 * second


def make_film(page: Page, path: Path, size: int, seconds: int = 30) -> None:
    """Write a film of so many bytes. The page draws its frames."""
    colours = [f"rgb({red} {green} {blue})" for red, green, blue in map(colour_at, range(seconds))]
    frames = [_frame(base64.b64decode(picture)) for picture in page.evaluate(_PICTURES, [colours, WIDTH, HEIGHT])]
    head = _element(_EBML, _text("4282", "webm") + _number("4287", 2) + _number("4285", 2))
    info = _element(_INFO, _number("2AD7B1", 1_000_000) + _element("4489", _float(seconds * _SECOND)))
    picture = _element("E0", _number("B0", WIDTH) + _number("BA", HEIGHT))
    track = _number("D7", 1) + _number("73C5", 1) + _number("83", 1) + _text("86", "V_VP8") + picture
    before = info + _element(_TRACKS, _element("AE", track))
    # Positions count from here. All numbers in the cues have eight bytes, so the cues' length is known before them.
    begin = len(before) + len(_cues([0] * seconds))
    payloads = [
        _number("E7", at * _SECOND) + _element("A3", b"\x81\0\0\x80" + frame) for at, frame in enumerate(frames)
    ]
    around = len(_element(_CLUSTER, b"")) + len(_element(_VOID, b""))
    room = size - len(head) - len(_element(_SEGMENT, b"")) - begin - sum(map(len, payloads)) - seconds * around
    fillings = [room // seconds] * (seconds - 1) + [room - room // seconds * (seconds - 1)]
    assert min(fillings) >= 0, "a film needs more bytes"
    lengths = [around + len(payload) + filling for payload, filling in zip(payloads, fillings, strict=True)]
    with path.open("wb") as film:
        film.write(head + _head(_SEGMENT, begin + sum(lengths)) + before)
        film.write(_cues([begin + sum(lengths[:at]) for at in range(seconds)]))
        for payload, filling in zip(payloads, fillings, strict=True):
            film.write(_head(_CLUSTER, len(payload) + len(_element(_VOID, b"")) + filling))
            film.write(payload + _head(_VOID, filling))
            _skip(film, filling)
    assert path.stat().st_size == size


def _skip(film: IO[bytes], count: int) -> None:
    if count:
        film.seek(count - 1, 1)
        film.write(b"\0")


def _frame(picture: bytes) -> bytes:
    """The frame in a WebP picture, which is a file of chunks."""
    at = len("RIFF....WEBP")
    while at < len(picture):
        length = int.from_bytes(picture[at + 4 : at + 8], "little")
        if picture[at : at + 4] == b"VP8 ":
            return picture[at + 8 : at + 8 + length]
        at += 8 + length + length % 2
    raise AssertionError("the browser made no lossy picture")


def _cues(positions: list[int]) -> bytes:
    def cue(at: int, position: int) -> bytes:
        place = _element("B7", _number("F7", 1) + _number("F1", position))
        return _element("BB", _number("B3", at * _SECOND) + place)

    return _element(_CUES, b"".join(cue(at, position) for at, position in enumerate(positions)))


def _head(kind: str, length: int) -> bytes:
    return bytes.fromhex(kind) + b"\x01" + length.to_bytes(7, "big")


def _element(kind: str, payload: bytes) -> bytes:
    return _head(kind, len(payload)) + payload


def _number(kind: str, value: int) -> bytes:
    return _element(kind, value.to_bytes(8, "big"))


def _text(kind: str, value: str) -> bytes:
    return _element(kind, value.encode())


def _float(value: float) -> bytes:
    return struct.pack(">d", value)
