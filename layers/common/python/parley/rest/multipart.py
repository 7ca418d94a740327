"""Reads the one file of a multipart form, as browsers send it (RFC 7578)."""

from __future__ import annotations

from typing import NamedTuple

from parley.errors import INVALID_BODY

# RFC 2046 allows 70 characters.
_LONGEST_BOUNDARY = 70
_MOST_PARTS = 20


class Part(NamedTuple):
    """One part of a form. A part without a file name is a plain field."""

    body: bytes
    content_type: str
    filename: str | None


def only_file(body: bytes, content_type: str) -> Part:
    """The file in a form that has exactly one; plain fields beside it are passed over.

    Raises:
        Refusal: 20001.
    """
    files = [part for part in _parts(body, content_type) if part.filename is not None]
    if len(files) != 1:
        raise INVALID_BODY(reason=f"the form must have exactly one file, and it has {len(files)}")
    return files[0]


def _parts(body: bytes, content_type: str) -> list[Part]:
    # Imported here, so that no other request waits for it.
    from python_multipart.exceptions import FormParserError
    from python_multipart.multipart import MultipartParser, parse_options_header

    _, options = parse_options_header(content_type)
    boundary = options.get(b"boundary", b"")
    if not 0 < len(boundary) <= _LONGEST_BOUNDARY:
        raise INVALID_BODY(reason=f"the boundary of a form has 1 to {_LONGEST_BOUNDARY} characters")
    found = _Collected()
    parser = MultipartParser(boundary, found.callbacks())  # type: ignore[arg-type]
    try:
        parser.write(body)
        parser.finalize()
    except FormParserError:
        raise INVALID_BODY(reason="it is not a multipart form") from None
    if not found.is_whole:
        raise INVALID_BODY(reason="the multipart form ends too early")
    return [_part(headers, part, parse_options_header) for headers, part in found.parts]


def _part(headers: dict[bytes, bytes], body: bytes, parse_options: object) -> Part:
    _, options = parse_options(headers.get(b"content-disposition", b""))  # type: ignore[operator]
    name = options.get(b"filename")
    filename = None if name is None else name.decode("utf-8", "replace")
    return Part(body, headers.get(b"content-type", b"").decode("latin-1"), filename)


class _Collected:
    """What the parser has told so far: each part's headers and body."""

    def __init__(self) -> None:
        self.parts: list[tuple[dict[bytes, bytes], bytes]] = []
        self.is_whole = False
        self._headers: dict[bytes, bytes] = {}
        self._name = self._value = b""
        self._body: list[bytes] = []

    def callbacks(self) -> dict[str, object]:
        """What the parser calls, by the names that it has for them."""
        return {
            "on_part_begin": self._begin,
            "on_header_field": self._on_name,
            "on_header_value": self._on_value,
            "on_header_end": self._on_header,
            "on_part_data": self._on_data,
            "on_part_end": self._end,
            "on_end": self._on_end,
        }

    def _begin(self) -> None:
        # A small body could have very many parts.
        if len(self.parts) == _MOST_PARTS:
            raise INVALID_BODY(reason=f"the form has more than {_MOST_PARTS} parts")
        self._headers, self._body = {}, []

    def _on_name(self, data: bytes, start: int, end: int) -> None:
        self._name += data[start:end]

    def _on_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _on_header(self) -> None:
        self._headers[self._name.lower()] = self._value
        self._name = self._value = b""

    def _on_data(self, data: bytes, start: int, end: int) -> None:
        self._body.append(data[start:end])

    def _end(self) -> None:
        self.parts.append((self._headers, b"".join(self._body)))

    def _on_end(self) -> None:
        self.is_whole = True
