"""The protocols that clients may speak on a socket: one row each.

A connection's record names its protocol, and so do its presence entry and what it follows, so that whoever has
something to tell picks the codec without another read. A module is imported when its first connection turns up.
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
        name: What `?protocol=` and records call it. Records of native connections have no name.
        codec: The module whose `codec(rest_url, account_sid)` makes its codec.
        requests: The module whose `requests(codec)` makes what answers its frames.
        prefix: What its frames begin with. A frame that begins as no other protocol's does is native.
        opens_by_frame: Whether its token comes with the first frame; otherwise it comes with `$connect`.
        requests_per_second: What a connection may ask, where it is not what the deployment says.
    """

    name: str
    codec: str
    requests: str
    prefix: str = ""
    opens_by_frame: bool = False
    requests_per_second: int | None = None


ROWS = (Row(NATIVE, "parley.sockets.native.codec", "parley.sockets.native.door"),)


class Protocols:
    """The protocols of one deployment, whose views have URLs below `rest_url`."""

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
        """The protocol that a frame is in, by how it begins."""
        return next(
            (row for row in self._rows.values() if row.prefix and text.startswith(row.prefix)), self._rows[NATIVE]
        )

    def codec(self, name: str) -> Codec:
        """The codec of a protocol."""
        if name not in self._codecs:
            self._codecs[name] = import_module(self._rows[name].codec).codec(*self._made_with)
        return self._codecs[name]

    def requests(self, name: str) -> Requests:
        """What answers the frames of a protocol."""
        if name not in self._requests:
            self._requests[name] = import_module(self._rows[name].requests).requests(self.codec(name))
        return self._requests[name]


def protocol_of(record: Mapping[str, Any]) -> str:
    """The protocol that a connection's record, presence entry or follower names."""
    return str(record.get("codec") or NATIVE)
