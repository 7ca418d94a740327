"""The protocols that clients may speak on a socket: one row each.

A connection's record, its presence entry and its follower items name its protocol, so fan-out picks the codec without
another read. The modules of a protocol are imported when its first connection turns up.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from importlib import import_module
from typing import TYPE_CHECKING, Any

from parley.errors import INVALID_PARAMETER
from parley.frozen import frozen
from parley.operations.context import CHAT, CONVERSATIONS, Perspective

if TYPE_CHECKING:
    from parley.sockets.codec import Codec, Requests

NATIVE = "native"


@frozen
class Row:
    """One protocol.

    Attributes:
        name: Its name in `?protocol=` and in records. Records of native connections name no protocol.
        codec: The module whose `codec(rest_url, account_sid)` makes its codec.
        requests: The module whose `requests(codec)` makes the object that answers its frames.
        prefix: The first characters of its frames. A frame without the prefix of any protocol is native.
        opens_by_frame: Whether the token comes in the first frame; otherwise it comes with `$connect`.
        requests_per_second: The limit of a connection; None for the deployment's own setting.
        perspective: What clients know through it. To them, channels of other types do not exist.
        variant_of: The protocol that a client names when it connects, if its first frame then tells that it speaks this
            one. The two have the same frames, codec and requests.
        replies_carry: Whether the frame of a reply may hold pushes too.
    """

    name: str
    codec: str
    requests: str
    prefix: str = ""
    opens_by_frame: bool = False
    requests_per_second: int | None = None
    perspective: Perspective = CHAT
    variant_of: str = ""
    replies_carry: bool = False


# The protocol of Twilio's JavaScript SDKs. A start with a hundred channels takes some four hundred requests.
TWILSOCK, CONVERSATIONS_TWILSOCK = "twilsock", "twilsock.conversations"
_SDK = Row(
    TWILSOCK,
    "parley.sockets.sdk.codec",
    "parley.sockets.sdk.requests",
    prefix="TWILSOCK ",
    opens_by_frame=True,
    requests_per_second=500,
)
ROWS = (
    Row(NATIVE, "parley.sockets.native.codec", "parley.sockets.native.door", replies_carry=True),
    _SDK,
    replace(_SDK, name=CONVERSATIONS_TWILSOCK, perspective=CONVERSATIONS, variant_of=TWILSOCK),
)
_PERSPECTIVES = {row.name: row.perspective for row in ROWS}


class Protocols:
    """The protocols of one deployment. The URLs in their frames begin with `rest_url`."""

    def __init__(self, rest_url: str, account_sid: str, rows: tuple[Row, ...] = ROWS):
        self._made_with = rest_url, account_sid
        self._elsewhere: Protocols | None = None
        self._rows = {row.name: row for row in rows}
        self._codecs: dict[str, Codec] = {}
        self._requests: dict[str, Requests] = {}

    def at(self, rest_url: str) -> Protocols:
        """The same protocols with URLs that begin with `rest_url`, if this deployment has no setting for that."""
        own, account_sid = self._made_with
        if own or not rest_url:
            return self
        if self._elsewhere is None or self._elsewhere._made_with[0] != rest_url:
            self._elsewhere = Protocols(rest_url, account_sid, tuple(self._rows.values()))
        return self._elsewhere

    def named(self, name: str) -> Row:
        """The protocol of this name, which a client gives when it connects.

        Raises:
            Refusal: 20001 if there is none.
        """
        known = [row.name for row in self._rows.values() if not row.variant_of]
        if name not in known:
            raise INVALID_PARAMETER(name="protocol", reason=f"one of {', '.join(known)} is needed")
        return self._rows[name]

    def row(self, name: str) -> Row:
        """The protocol that a record names."""
        return self._rows[name]

    def speaking(self, text: str) -> Row:
        """The protocol of a frame, by its first characters."""
        return next(
            (row for row in self._rows.values() if row.prefix and text.startswith(row.prefix)), self._rows[NATIVE]
        )

    def codec(self, name: str) -> Codec:
        """The codec of a protocol."""
        module = self._rows[name].codec
        if module not in self._codecs:
            self._codecs[module] = import_module(module).codec(*self._made_with)
        return self._codecs[module]

    def requests(self, name: str) -> Requests:
        """The object that answers the frames of a protocol."""
        module = self._rows[name].requests
        if module not in self._requests:
            self._requests[module] = import_module(module).requests(self.codec(name))
        return self._requests[module]


def protocol_of(record: Mapping[str, Any]) -> str:
    """The protocol that a connection's record, presence entry or follower names."""
    return str(record.get("codec") or NATIVE)


def perspective_of(record: Mapping[str, Any]) -> Perspective:
    """What the client knows on the connection whose record this is."""
    return _PERSPECTIVES.get(protocol_of(record), CHAT)
