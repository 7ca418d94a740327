"""The socket door: a frame in, one reply out, whatever happens."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from parley.domain.memberships import birth_of
from parley.errors import FRAME_INVALID, INTERNAL, REPLY_TOO_LARGE, TOO_MANY_REQUESTS, Refusal
from parley.log import logger
from parley.operations.context import Caller, Context
from parley.sockets.closing import close, error_frame
from parley.sockets.connections import opened
from parley.sockets.limits import Requests, Verdict
from parley.sockets.native import frames
from parley.sockets.native.actions import perform
from parley.sockets.native.session import Session
from parley.sockets.native.views import Views
from parley.sockets.typing_indicator import Typing

if TYPE_CHECKING:
    # Most requests push nothing, and need not wait for what pushes to be imported.
    from parley.ports.sockets.gateway import SocketGateway


class SocketDoor:
    """Answers frames; `sockets` gives the gateway when it is first needed, for typing and for closing."""

    def __init__(self, views: Views, sockets: Callable[[], SocketGateway], requests: Requests):
        self._views = views
        self._sockets = sockets
        self._requests = requests
        self._typing = Typing(sockets)

    def answer(self, context: Context, connection_id: str, text: str) -> str | None:
        """The reply to a frame; None when the connection was ended instead, after it was told why."""
        verdict = self._requests.take(connection_id)
        if verdict is not Verdict.TAKEN:
            return self._refuse_request(context, connection_id, text, is_last=verdict is Verdict.LAST)
        try:
            request = frames.read(text)
        except Refusal as refusal:
            return frames.refusal(frames.request_id(text), refusal.error, str(refusal))
        try:
            connection = opened(context, connection_id)
        except Exception as refusal:
            if not isinstance(refusal, Refusal):
                logger.exception("connection cannot be read", extra={"connection_id": connection_id})
                return frames.refusal(request.id, INTERNAL, INTERNAL.text)
            reply = frames.refusal(request.id, refusal.error, str(refusal))
            close(context, self._sockets(), connection_id, reply, error_frame(refusal.error, str(refusal)))
            return None
        caller = Caller(
            "SDK",
            connection["identity"],
            webhooks=True,
            request=f"{connection_id} {request.id}",
            birth=birth_of(connection),
        )
        session = Session(replace(context, caller=caller), connection, self._views, self._typing)
        return self._carry_out(session, request)

    def _carry_out(self, session: Session, request: frames.Request) -> str:
        try:
            status, result = perform(session, request)
        except Refusal as refusal:
            return frames.refusal(request.id, refusal.error, str(refusal))
        except RecursionError:
            # Nested so deep that it could be read, but not be looked into.
            return frames.refusal(request.id, FRAME_INVALID, FRAME_INVALID.text)
        except Exception:
            details = {"action": request.action[:64], "connection_id": session.connection["id"]}
            logger.exception("action failed", extra=details)
            return frames.refusal(request.id, INTERNAL, INTERNAL.text)
        reply = frames.reply(request.id, status, result)
        if len(reply.encode()) > frames.LONGEST_MESSAGE:
            return frames.refusal(request.id, REPLY_TOO_LARGE, REPLY_TOO_LARGE.text)
        return reply

    def _refuse_request(self, context: Context, connection_id: str, text: str, *, is_last: bool) -> str | None:
        reply = frames.refusal(frames.request_id(text), TOO_MANY_REQUESTS, TOO_MANY_REQUESTS.text)
        if not is_last:
            return reply
        close(context, self._sockets(), connection_id, reply, error_frame(TOO_MANY_REQUESTS))
        return None
