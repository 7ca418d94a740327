"""Answers the packets of Twilio's JavaScript SDKs: a table of methods.

A `message` packet carries a request to one of the services that the SDKs know; `routing.py` finds its handler. If an
SDK subscribes, the reply must reach it before the pushes that it asked for, so a reply can name pushes to send later.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace

from parley.domain.memberships import birth_of
from parley.errors import FRAME_INVALID, INTERNAL, NOT_FOUND, REPLY_TOO_LARGE, Refusal
from parley.faces.errors import Answer, refuse
from parley.frozen import frozen
from parley.log import logger
from parley.operations.context import CHAT, Caller, Context
from parley.sockets import connections, following
from parley.sockets.codec import Codec, Opening, Reply
from parley.sockets.protocols import CONVERSATIONS_TWILSOCK
from parley.sockets.sdk import packets
from parley.sockets.sdk.codec import TwilsockCodec
from parley.sockets.sdk.packets import Packet
from parley.sockets.sdk.routes import ROUTES
from parley.sockets.sdk.routing import Answered, Exchange, perspective, read
from parley.sockets.typing_indicator import Typing
from parley.stored import Connection

OPENING = "init"
# What an SDK may expect of Parley. Without `telemetry.v1` it sends none, without `offline_storage` it keeps nothing.
CAPABILITIES = ["client_update"]
# The SDKs that speak a variant of the protocol, by the type of client that they name in `init`.
_VARIANTS = {"conversations": CONVERSATIONS_TWILSOCK}
# How much of a path is repeated to a client for which nothing was found there.
_LONGEST_NAMED = 256
_TIME = re.compile(r"[0-9]{1,15}", re.ASCII)


def requests(codec: Codec) -> SdkRequests:
    """The object that answers packets."""
    assert isinstance(codec, TwilsockCodec)
    return SdkRequests(codec.rest_url)


@frozen
class _Session:
    """One connection during one packet. The caller in `context` is its user."""

    context: Context
    connection: Connection
    typing: Typing
    rest_url: str


class SdkRequests:
    """Answers packets. The first one brings the token."""

    def __init__(self, rest_url: str):
        self._rest_url = rest_url

    def opening(self, text: str) -> Opening | None:
        try:
            packet = packets.decode(text)
        except Refusal:
            return None
        if packet.method != OPENING:
            return None
        token = packet.header.get("token")
        # Without a token the connection is refused in the same way as with a bad one.
        told = packet.header.get("continuation_token")
        resumes = int(told) if isinstance(told, str) and _TIME.fullmatch(told) else 0
        return Opening(token if isinstance(token, str) else "", resumes, _variant(packet))

    def welcome(self, text: str, connection: Connection) -> str:
        # The client shows it when it connects again. It grants nothing, so it needs no protection.
        resuming = {
            "continuation_token": str(connection["came_at"]),
            "continuation_token_status": {"reissued": False},
        }
        return packets.replied(packets.decode(text).id, capabilities=CAPABILITIES, **resuming).decode()

    def answer(self, context: Context, connection: Connection, typing: Typing, text: str) -> Reply:
        try:
            packet = packets.decode(text)
            method = METHODS.get(packet.method)
            if method is None:
                raise FRAME_INVALID()
        except Refusal as refusal:
            return _refused(packets.id_in(text), refusal)
        cause = f"{connection['id']} {packet.id}"
        caller = Caller("SDK", connection["identity"], webhooks=True, request=cause, birth=birth_of(connection))
        acting = replace(context, caller=caller, perspective=CHAT)
        try:
            return method(_Session(acting, connection, typing, self._rest_url), packet)
        except Refusal as refusal:
            return _refused(packet.id, refusal)
        except Exception:
            logger.exception("packet failed", extra={"method": packet.method, "connection_id": connection["id"]})
            return _refused(packet.id, INTERNAL())


def _variant(packet: Packet) -> str:
    """The variant of the protocol that an `init` asks for; empty for the SDKs of Chat, and if it names no type."""
    metadata = packet.header.get("metadata")
    named = metadata.get("type") if isinstance(metadata, dict) else None
    return _VARIANTS.get(named, "") if isinstance(named, str) else ""


def _refused(packet_id: str, refusal: Refusal) -> Reply:
    return Reply(packets.refused(packet_id, refuse(CHAT.errors, refusal)).decode())


def _renewed(session: _Session, packet: Packet) -> Reply:
    """Give the connection a new token."""
    token = packet.header.get("token")
    renewed = connections.refresh(session.context, session.connection, token if isinstance(token, str) else "")
    following.renew(session.context, renewed)
    return _done(session, packet)


def _done(session: _Session, packet: Packet) -> Reply:
    """Say that it is done: Parley pushes to every connection, whatever the client wants to be notified of."""
    return Reply(packets.replied(packet.id).decode())


def _ignored(session: _Session, packet: Packet) -> Reply:
    """Say nothing: the client expects no reply."""
    return Reply(None)


def _carried(session: _Session, packet: Packet) -> Reply:
    """Carry out the request in a packet."""
    request = read(packet)
    face = perspective(request)
    try:
        handler, path = ROUTES.find(request)
        context = replace(session.context, perspective=face)
        exchange = Exchange(context, session.connection, session.typing, session.rest_url, path, request.query, request)
        reply = _reply(packet, handler(exchange))
        if len(reply) > packets.LONGEST_MESSAGE:
            raise REPLY_TOO_LARGE()
        return Reply(reply.decode(), tuple(exchange.pushes_first), tuple(exchange.pushes_later))
    except Refusal as refusal:
        answer = refuse(face.errors, refusal)
        if refusal.error is NOT_FOUND:
            named = "/".join(("", *request.segments))[:_LONGEST_NAMED]
            answer = answer._replace(text=f"The requested resource {named} was not found")
    except Exception:
        asked = "/".join(request.segments[:2])[:64]
        logger.exception("request failed", extra={"asked": asked, "connection_id": session.connection["id"]})
        answer = refuse(face.errors, INTERNAL())
    return Reply(_reply(packet, _explained(answer)).decode())


def _reply(packet: Packet, answered: Answered) -> bytes:
    headers = {"content-type": packets.JSON, **answered.headers}
    status = packets.status(answered.status)
    return packets.replied(packet.id, answered.body, http_status=status, http_headers=headers)


def _explained(answer: Answer) -> Answered:
    return Answered(answer.status, {"status": answer.status, "code": answer.code, "message": answer.text})


METHODS: Mapping[str, Callable[[_Session, Packet], Reply]] = {
    "update": _renewed,
    "message": _carried,
    # The lines 3 and 4 of Chat count as connected when these were answered.
    "put_notification_ctx": _done,
    "delete_notification_ctx": _done,
    "telemetry.v1": _ignored,
    "close": _ignored,
    "reply": _ignored,
}
