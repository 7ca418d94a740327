"""A second protocol, for tests alone: lines of text, whose token comes with the first one.

PLAIN open <token>                     PLAIN welcome alice
PLAIN typing <channel>                 PLAIN ok
anything else                          PLAIN refused 400 20001
                                       PLAIN message_created CH.. 3 hello
"""

from __future__ import annotations

from collections.abc import Sequence

from parley.errors import FRAME_INVALID, Refusal
from parley.faces.errors import translate
from parley.operations.context import Context
from parley.sockets.codec import Codec, News, Opening, Piece, Reply
from parley.sockets.protocols import Row
from parley.sockets.typing_indicator import Typing
from parley.stored import Connection

ROW = Row("plain", __name__, __name__, prefix="PLAIN ", opens_by_frame=True, requests_per_second=5)


def codec(rest_url: str, account_sid: str) -> PlainCodec:
    return PlainCodec()


def requests(codec: Codec) -> PlainRequests:
    return PlainRequests()


class PlainCodec:
    """A piece is a line; every event about a user is rendered for each who hears it."""

    def __init__(self) -> None:
        self.rendered = 0

    def shows_channel(self, kind: str, verb: str) -> bool:
        return kind == "channel"

    def is_personal(self, event: str) -> bool:
        return event == "channel_deleted"

    def render(self, news: News, user_sid: str) -> Sequence[Piece]:
        self.rendered += 1
        text = news.record.get("body") or news.record.get("identity") or ",".join(news.reasons)
        return [" ".join(filter(None, (news.event, news.channel_sid, str(news.record.get("seq", "")), text, user_sid)))]

    def marked(self, piece: Piece, request: str) -> Piece:
        return f"{piece} (yours: {request})"

    def packed(self, pieces: Sequence[Piece]) -> list[bytes]:
        return [f"PLAIN {piece}".encode() for piece in pieces]

    def typing(self, channel_sid: str, identity: str, seconds: int) -> bytes:
        return f"PLAIN typing {channel_sid} {identity} {seconds}".encode()

    def token_ends_soon(self, connection: Connection) -> bytes:
        return f"PLAIN token ends {connection['token_expires_at']}".encode()

    def token_ended(self, connection: Connection) -> bytes:
        return b"PLAIN token ended"

    def ended(self, refusal: Refusal) -> bytes:
        status, code, _ = translate("chat", refusal)
        return f"PLAIN ended {status} {code}".encode()

    def refused(self, text: str, refusal: Refusal) -> str:
        status, code, _ = translate("chat", refusal)
        return f"PLAIN refused {status} {code}"


class PlainRequests:
    """Opening and typing."""

    def opening(self, text: str) -> Opening | None:
        return Opening(text.removeprefix("PLAIN open ")) if text.startswith("PLAIN open ") else None

    def welcome(self, text: str, connection: Connection) -> str:
        return f"PLAIN welcome {connection['identity']}"

    def answer(self, context: Context, connection: Connection, typing: Typing, text: str) -> Reply:
        if text.startswith("PLAIN typing "):
            typing.announce(context, connection, text.removeprefix("PLAIN typing "))
            return Reply("PLAIN ok")
        return Reply(PlainCodec().refused(text, FRAME_INVALID()))
