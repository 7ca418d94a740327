"""The protocols that clients may speak on a socket: one row each.

A connection's record, its presence entry and its follower items name its protocol, so fan-out picks the codec without
another read. The modules of a protocol are imported when its first connection turns up.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any

from parley.errors import INVALID_PARAMETER

if TYPE_CHECKING:
    from parley.sockets.codec import Codec, Requests

NATIVE = "native"


@dataclass(frozen=True)
class Row:
    """One protocol.

    Attributes:
        name: Its name in `?protocol=` and in records. Records of native connections name no protocol.
        codec: The module whose `codec(rest_url, account_sid)` makes its codec.
        requests: The module whose `requests(codec)` makes the object that answers its frames.
        prefix: The first characters of its frames. A frame without the prefix of any protocol is native.
        opens_by_frame: Whether the token comes in the first frame; otherwise it comes with `$connect`.
        requests_per_second: The limit of a connection; None for the deployment's own setting.
    """

    name: str
    codec: str
    requests: str
    prefix: str = ""
    opens_by_frame: bool = False
    requests_per_second: int | None = None


# The protocol of Twilio's JavaScript SDKs. A start with a hundred channels takes some four hundred requests.
TWILSOCK = "twilsock"
ROWS = (
    Row(NATIVE, "parley.sockets.native.codec", "parley.sockets.native.door"),
    Row(
        TWILSOCK,
        "parley.sockets.sdk.codec",
        "parley.sockets.sdk.requests",
        prefix="TWILSOCK ",
        opens_by_frame=True,
        requests_per_second=500,
    ),
)


class Protocols:
    """The protocols of one deployment. The URLs in their frames begin with `rest_url`."""

    def __init__(self, rest_url: str, account_sid: str, rows: tuple[Row, ...] = ROWS):
        self._made_with = rest_url, account_sid
        self._rows = {row.name: row for row in rows}
        self._codecs: dict[str, Codec] = {}
        self._requests: dict[str, Requests] = {}

    def named(self, name: str) -> Row:
        """The protocol of this name.

        Raises:
            Refusal: 20001 if there is none.
        """
        if name not in self._rows:
            raise INVALID_PARAMETER(name="protocol", reason=f"one of {', '.join(self._rows)} is needed")
        return self._rows[name]

    def speaking(self, text: str) -> Row:
        """The protocol of a frame, by its first characters."""
        return next(
            (row for row in self._rows.values() if row.prefix and text.startswith(row.prefix)), self._rows[NATIVE]
        )

    def codec(self, name: str) -> Codec:
        """The codec of a protocol."""
        if name not in self._codecs:
            self._codecs[name] = import_module(self._rows[name].codec).codec(*self._made_with)
        return self._codecs[name]

    def requests(self, name: str) -> Requests:
        """The object that answers the frames of a protocol."""
        if name not in self._requests:
            self._requests[name] = import_module(self._rows[name].requests).requests(self.codec(name))
        return self._requests[name]


def protocol_of(record: Mapping[str, Any]) -> str:
    """The protocol that a connection's record, presence entry or follower names."""
    return str(record.get("codec") or NATIVE)
