"""What carries out a native request: the session, and readers for the members of a frame."""

from __future__ import annotations

from typing import Any

from parley.errors import INVALID_PARAMETER, MISSING_PARAMETER
from parley.frozen import frozen
from parley.operations.context import Context
from parley.sockets.native.views import Views
from parley.sockets.typing_indicator import Typing
from parley.stored import Connection


@frozen
class Session:
    """One connection during one request. The caller in `context` is its user."""

    context: Context
    connection: Connection
    views: Views
    typing: Typing

    @property
    def identity(self) -> str:
        """The identity that opened the connection."""
        return str(self.connection["identity"])

    @property
    def service_sid(self) -> str:
        """The service that the connection belongs to."""
        return str(self.connection["service_sid"])


def text(body: dict[str, Any], member: str, default: str | None = None) -> str:
    """The text under this name in a frame, or the default.

    Raises:
        Refusal: 20001.
    """
    value = body.get(member)
    if value is None and default:
        return default
    if value is None:
        raise MISSING_PARAMETER(name=member)
    if not isinstance(value, str) or not value:
        raise INVALID_PARAMETER(name=member, reason="a text is needed")
    return value


def texts(body: dict[str, Any], member: str, most: int, *, default: list[str] | None = None) -> list[str]:
    """The list of up to `most` texts under this name in a frame, or the default.

    Raises:
        Refusal: 20001.
    """
    value = body.get(member)
    if value is None:
        value = default
    if value is None:
        raise MISSING_PARAMETER(name=member)
    is_texts = isinstance(value, list) and all(isinstance(item, str) and 0 < len(item) <= 256 for item in value)
    if not is_texts or len(value) > most or (default is None and not value):
        raise INVALID_PARAMETER(name=member, reason=f"a list of 1 to {most} texts of 1 to 256 characters is needed")
    return list(value)


def whole(body: dict[str, Any], member: str, default: int | None, least: int, most: int) -> int | None:
    """The whole number under this name in a frame, or the default.

    Raises:
        Refusal: 20001.
    """
    value = body.get(member, default)
    if value is None:
        return default
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
        raise INVALID_PARAMETER(name=member, reason=f"a whole number from {least} to {most} is needed")
    return value
