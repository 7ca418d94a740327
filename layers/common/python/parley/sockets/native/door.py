"""Answers the frames of the native protocol: each gets exactly one reply, whatever happens."""

from __future__ import annotations

from dataclasses import replace

from parley.domain.memberships import birth_of
from parley.errors import FRAME_INVALID, INTERNAL, REPLY_TOO_LARGE, Refusal
from parley.faces.chat_v2 import FACE
from parley.log import logger
from parley.operations.context import Caller, Context
from parley.sockets.codec import Codec, Opening, Reply
from parley.sockets.native import frames
from parley.sockets.native.actions import perform
from parley.sockets.native.codec import NativeCodec
from parley.sockets.native.session import Session
from parley.sockets.native.views import Views
from parley.sockets.typing_indicator import Typing
from parley.stored import Connection


def requests(codec: Codec) -> NativeRequests:
    """The object that answers native frames; it shows records with the views of the native codec."""
    assert isinstance(codec, NativeCodec)
    return NativeRequests(codec.views)


class NativeRequests:
    """Answers native frames. Native tokens come with `$connect`, so no frame opens a connection."""

    def __init__(self, views: Views):
        self._views = views

    def opening(self, text: str) -> Opening | None:
        return None

    def welcome(self, text: str, connection: Connection) -> str:
        raise NotImplementedError("no native frame opens a connection")

    def answer(self, context: Context, connection: Connection, typing: Typing, text: str) -> Reply:
        try:
            request = frames.read(text)
        except Refusal as refusal:
            return Reply(frames.refusal(frames.request_id(text), refusal))
        cause = f"{connection['id']} {request.id}"
        birth = birth_of(connection)
        caller = Caller("SDK", connection["identity"], webhooks=True, request=cause, birth=birth)
        acting = replace(context, caller=caller, perspective=FACE.perspective)
        return Reply(_carried_out(Session(acting, connection, self._views, typing), request))


def _carried_out(session: Session, request: frames.Request) -> str:
    try:
        status, result = perform(session, request)
    except Refusal as refusal:
        return frames.refusal(request.id, refusal, request.body)
    except RecursionError:
        # The JSON decoder could still read such deep nesting, but the action could not walk through it.
        return frames.refusal(request.id, FRAME_INVALID())
    except Exception:
        details = {"action": request.action[:64], "connection_id": session.connection["id"]}
        logger.exception("action failed", extra=details)
        return frames.refusal(request.id, INTERNAL())
    reply = frames.reply(request.id, status, result)
    if len(reply.encode()) > frames.LONGEST_MESSAGE:
        return frames.refusal(request.id, REPLY_TOO_LARGE())
    return reply
