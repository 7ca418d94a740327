"""The codec of the protocol of Twilio's JavaScript SDKs: it renders news as packets."""

from __future__ import annotations

from collections.abc import Sequence

from parley.errors import TOKEN_EXPIRED, Error, Refusal
from parley.faces.errors import translate
from parley.operations.context import CHAT
from parley.sockets.codec import News, Piece
from parley.sockets.sdk import packets
from parley.stored import Connection

TYPING = "twilio.ipmsg.typing_indicator"
# The statuses in `close` packets after which an SDK does not connect again by itself. After 410 a new token is needed.
_OVER, _KEY_GONE, _ENDED = 410, 401, 406


def codec(rest_url: str, account_sid: str) -> TwilsockCodec:
    """The codec of a deployment whose records have URLs below `rest_url`."""
    return TwilsockCodec(rest_url, account_sid)


class TwilsockCodec:
    """A piece is the bytes of one packet."""

    def __init__(self, rest_url: str, account_sid: str):
        self.rest_url = rest_url
        self.account_sid = account_sid

    def shows_channel(self, kind: str, verb: str) -> bool:
        return False

    def is_personal(self, event: str) -> bool:
        return False

    def render(self, news: News, user_sid: str) -> Sequence[Piece]:
        return ()

    def marked(self, piece: Piece, request: str) -> Piece:
        return piece

    def packed(self, pieces: Sequence[Piece]) -> list[bytes]:
        return [piece for piece in pieces if isinstance(piece, bytes)]

    def typing(self, channel_sid: str, identity: str, seconds: int) -> bytes:
        told = {"channel_sid": channel_sid, "identity": identity, "typing_timeout": seconds}
        return packets.notification(TYPING, told)

    def token_ends_soon(self, connection: Connection) -> bytes:
        header = {"method": "client_update", "id": f"TU{connection['token_expires_at']}"}
        return packets.encode({**header, "client_update_type": "token_about_to_expire"})

    def token_ended(self, connection: Connection) -> bytes:
        return self.ended(TOKEN_EXPIRED())

    def ended(self, refusal: Refusal) -> bytes:
        answer = translate(CHAT.errors, refusal)
        code = _close_code(refusal.error, answer.status)
        why = {**packets.status(code), "errorCode": answer.code, "description": answer.text}
        return packets.encode({"method": "close", "id": f"TC{answer.code}", "status": why})

    def refused(self, text: str, refusal: Refusal) -> str:
        return packets.refused(packets.id_in(text), translate(CHAT.errors, refusal)).decode()


def _close_code(error: Error, status: int) -> int:
    if error is TOKEN_EXPIRED:
        return _OVER
    return _KEY_GONE if status in (401, 403) else _ENDED
