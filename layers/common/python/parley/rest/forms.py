"""Reads form bodies and query strings. Absent and empty parameters differ, and a repeated name is a list."""

from __future__ import annotations

from urllib.parse import parse_qsl

from parley.errors import INVALID_BODY, TOO_LARGE

FORM = "application/x-www-form-urlencoded"
# A message body of 32 KB may be three times as long when it is percent-encoded; attributes come on top.
LONGEST_BODY_BYTES = 256 * 1024
_MOST_FIELDS = 1000


def read_body(body: bytes, content_type: str) -> dict[str, list[str]]:
    """Values by form name.

    Raises:
        Refusal: 20001 for another content type or text that is not UTF-8; 20413 for a body over the limit.
    """
    if not body:
        return {}
    if len(body) > LONGEST_BODY_BYTES:
        raise TOO_LARGE(limit=LONGEST_BODY_BYTES)
    if content_type.partition(";")[0].strip().lower() != FORM:
        raise INVALID_BODY(reason=f"the content type must be {FORM}")
    try:
        return read_query(body.decode())
    except UnicodeDecodeError:
        raise INVALID_BODY(reason="it is not UTF-8") from None


def read_query(text: str) -> dict[str, list[str]]:
    """Values by name, of a query string or a decoded form.

    Raises:
        Refusal: 20001.
    """
    values: dict[str, list[str]] = {}
    try:
        pairs = parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=_MOST_FIELDS)
    except UnicodeDecodeError:
        raise INVALID_BODY(reason="it is not UTF-8") from None
    except ValueError:
        raise INVALID_BODY(reason=f"it has more than {_MOST_FIELDS} fields") from None
    for name, value in pairs:
        values.setdefault(name, []).append(value)
    return values
