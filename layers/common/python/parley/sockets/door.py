"""The socket door: it opens sockets and answers each frame with at most one reply, in any protocol.

Usually API Gateway sends the reply that the handler returns. If pushes must come after the reply, the door posts it
itself and waits until it has arrived.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from parley.errors import (
    CONCURRENT_UPDATE,
    CONNECTION_EXPIRED,
    INTERNAL,
    TOO_MANY_CONNECTIONS,
    TOO_MANY_REQUESTS,
    UNAVAILABLE,
    Refusal,
)
from parley.log import logger
from parley.metrics import REQUESTS, count
from parley.operations.context import Context
from parley.sockets import connections
from parley.sockets.closing import close
from parley.sockets.codec import Carried, Opening, Reply
from parley.sockets.connections import Opened
from parley.sockets.limits import Requests, Verdict
from parley.sockets.protocols import NATIVE, Protocols, Row, protocol_of
from parley.sockets.typing_indicator import Typing
from parley.stored import Connection

if TYPE_CHECKING:
    # Most requests push nothing, so they should not wait for the import of the pushing code.
    from parley.ports.sockets.gateway import SocketGateway

# These refusals pass: the same frame may be carried out a moment later, so the connection stays open.
_PASSING = (UNAVAILABLE, CONCURRENT_UPDATE)

_DEADLINE_SECONDS = 10.0


class SocketDoor:
    """Opens connections and answers frames. It calls `sockets` for the gateway only when it must push or close."""

    def __init__(self, protocols: Protocols, sockets: Callable[[], SocketGateway], requests_per_second: int):
        self._protocols = protocols
        self._sockets = sockets
        self._requests_per_second = requests_per_second
        self._counted: dict[str, Requests] = {}
        self._typing = Typing(sockets, protocols, is_limited=requests_per_second > 0)

    def open(
        self, context: Context, connection_id: str, protocol: str | None, offered: list[str], token: str
    ) -> str | None:
        """Let a socket open with the protocol of this name; returns the sub-protocol to confirm.

        Raises:
            Refusal: the reason why it may not open.
        """
        count(REQUESTS)
        opened = connections.accept(context, self._protocols.named(protocol or NATIVE), connection_id, offered, token)
        if opened is None:
            return None
        self._close_surplus(context, opened)
        return opened.subprotocol

    def answer(self, context: Context, connection_id: str, text: str) -> str | None:
        """The reply to a frame, for API Gateway to send; None if there is none, or if this has sent it already."""
        count(REQUESTS)
        protocol = self._protocols.speaking(text)
        match self._count(context, protocol).take(connection_id):
            case Verdict.REFUSED:
                return self._protocols.codec(protocol.name).refused(text, TOO_MANY_REQUESTS())
            case Verdict.LAST:
                self._end(context, connection_id, protocol.name, text, TOO_MANY_REQUESTS())
                return None
        requests = self._protocols.requests(protocol.name)
        opening = requests.opening(text)
        try:
            if opening is not None:
                return self._opened(context, connection_id, protocol, opening, text)
            connection = self._speaking(connections.opened(context, connection_id), protocol)
        except Refusal as refusal:
            if refusal.error in _PASSING:
                return self._protocols.codec(protocol.name).refused(text, refusal)
            if opening is not None:
                self._turn_away(context, connection_id, protocol.name, text, refusal)
            else:
                self._end(context, connection_id, protocol.name, text, refusal)
            return None
        except Exception:
            logger.exception("connection cannot be read", extra={"connection_id": connection_id})
            return self._protocols.codec(protocol.name).refused(text, INTERNAL())
        carried: list[Carried] = []
        asked = replace(context, carried=carried) if protocol.replies_carry else context
        reply = requests.answer(asked, connection, self._typing, text)
        return self._sent(connection_id, self._carrying(protocol, reply, carried))

    def _carrying(self, protocol: Row, reply: Reply, carried: list[Carried]) -> Reply:
        """The reply with pushes behind it, in the same frame if they fit."""
        if not carried or reply.text is None:
            return reply
        codec = self._protocols.codec(protocol.name)
        pieces = [codec.marked(piece, one.request) for one in carried for piece in codec.render(one.news, "")]
        first, *later = codec.packed([reply.text.encode(), *pieces])
        return replace(reply, text=first.decode(), later=(*later, *reply.later))

    def _sent(self, connection_id: str, reply: Reply) -> str | None:
        """The reply, if API Gateway is to send it; otherwise everything goes out here, in order.

        The gateway sends nothing more once something did not arrive. So nothing that must follow a reply comes without
        it, and the client asks again.
        """
        frames = list(reply.first)
        if reply.later:
            frames += [reply.text.encode()] if reply.text is not None else []
            frames += reply.later
        if frames:
            self._sockets().post([(connection_id, frame) for frame in frames], _DEADLINE_SECONDS)
        return None if reply.later else reply.text

    def _opened(self, context: Context, connection_id: str, protocol: Row, opening: Opening, text: str) -> str:
        """The reply to a frame that opens a connection."""
        spoken = self._protocols.row(opening.protocol or protocol.name)
        opened = connections.authenticate(context, spoken, connection_id, opening.token, opening.resumes)
        self._close_surplus(context, opened)
        return self._protocols.requests(protocol.name).welcome(text, opened.connection)

    def _speaking(self, connection: Connection, protocol: Row) -> Connection:
        """The connection, if it speaks this protocol or a variant of it.

        Raises:
            Refusal: 51006 if it speaks another protocol.
        """
        spoken = self._protocols.row(protocol_of(connection))
        if protocol.name not in (spoken.name, spoken.variant_of):
            raise CONNECTION_EXPIRED()
        return connection

    def _close_surplus(self, context: Context, opened: Opened) -> None:
        for older in opened.surplus:
            why = self._protocols.codec(older.protocol).ended(TOO_MANY_CONNECTIONS())
            close(context, self._sockets(), older.id, why, user_sid=older.user_sid)

    def _turn_away(self, context: Context, connection_id: str, protocol: str, text: str, refusal: Refusal) -> None:
        """Refuse to open a connection. Only the reply says so: a client takes a second frame for a failure."""
        close(context, self._sockets(), connection_id, self._protocols.codec(protocol).refused(text, refusal).encode())

    def _end(self, context: Context, connection_id: str, protocol: str, text: str, refusal: Refusal) -> None:
        codec = self._protocols.codec(protocol)
        close(context, self._sockets(), connection_id, codec.refused(text, refusal).encode(), codec.ended(refusal))

    def _count(self, context: Context, protocol: Row) -> Requests:
        """The counter of a protocol's requests."""
        if protocol.name not in self._counted:
            rate = self._requests_per_second
            if protocol.requests_per_second is not None:
                rate = protocol.requests_per_second
            self._counted[protocol.name] = Requests(rate, context.clock.now_ms)
        return self._counted[protocol.name]
