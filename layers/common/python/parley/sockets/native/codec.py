"""The native protocol's codec: it renders news as JSON frames."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from parley.clock import iso_seconds
from parley.errors import Refusal
from parley.faces.chat_v2 import FACE
from parley.faces.errors import translate
from parley.sockets.codec import News, Piece
from parley.sockets.events import EVENTS
from parley.sockets.native import frames
from parley.sockets.native.rendering import PUSHES, UNTOLD, render
from parley.sockets.native.views import Views
from parley.stored import Connection

# The members of a frame for which the channel and its counters must be read.
_OF_CHANNEL = {"channel", "user_channel", "last_message_index"}
_SHOWING_CHANNEL = {
    change
    for change, events in EVENTS.items()
    if any(_OF_CHANNEL.intersection(PUSHES[event.name].shows) for event in events if event.name in PUSHES)
}

# Events that only members hear: `catchUp` brings them again.
_REVEALED = frozenset(
    {
        *("message_created", "message_updated", "message_deleted"),
        *("member_created", "member_updated", "member_deleted", "membership_updated"),
        *("channel_updated", "advanced"),
    }
)


def codec(rest_url: str, account_sid: str) -> NativeCodec:
    """The codec of a deployment whose records have URLs below `rest_url`."""
    return NativeCodec(Views(rest_url, account_sid))


class NativeCodec:
    """A piece is the bytes of one frame."""

    def __init__(self, views: Views):
        self.views = views

    def shows_channel(self, kind: str, verb: str) -> bool:
        return (kind, verb) in _SHOWING_CHANNEL

    def is_personal(self, event: str) -> bool:
        return False

    def render(self, news: News, user_sid: str) -> Sequence[Piece]:
        return () if news.event in UNTOLD else (frames.dump(render(self.views, news)).encode(),)

    def marked(self, piece: Piece, request: str) -> Piece:
        assert isinstance(piece, bytes)
        return piece[:-1] + b',"request":' + frames.dump(request).encode() + b"}"

    def is_fast(self, piece: Piece) -> bool:
        return True

    def packed(self, pieces: Sequence[Piece]) -> list[bytes]:
        return frames.coalesce([piece for piece in pieces if isinstance(piece, bytes)])

    def typing(self, channel_sid: str, identity: str, seconds: int) -> bytes:
        frame = {"event": "typingStarted", "channel_sid": channel_sid, "identity": identity}
        return _push({**frame, "typing_timeout": seconds})

    def reveals(self, event: str) -> bool:
        return event in _REVEALED

    def missed(self, channels: Mapping[str, int]) -> bytes | None:
        return _push({"event": "pushesMissed", "channels": channels})

    def token_ends_soon(self, connection: Connection) -> bytes:
        return _push({"event": "tokenAboutToExpire", **token(connection)})

    def token_ended(self, connection: Connection) -> bytes:
        return _push({"event": "tokenExpired", **token(connection)})

    def ended(self, refusal: Refusal) -> bytes:
        status, code, text = translate(FACE.errors, refusal)
        return _push({"event": "connectionError", "terminal": True, "status": status, "code": code, "message": text})

    def refused(self, text: str, refusal: Refusal) -> str:
        return frames.refusal(frames.request_id(text), refusal)


def token(connection: Connection) -> dict[str, Any]:
    """The member of a frame that says when a connection's token expires."""
    return {"token_expires_at": iso_seconds(connection["token_expires_at"] * 1000)}


def _push(frame: dict[str, Any]) -> bytes:
    return frames.dump(frame).encode()
