"""Ending a connection: a last frame says why, then the socket is closed, then the connection is forgotten.

API Gateway lets nobody choose the close code, so the reason needs a frame.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from parley.errors import Refusal
from parley.operations.context import Context
from parley.sockets.codec import Codec
from parley.sockets.presence import forget

if TYPE_CHECKING:
    # Most requests push nothing, and need not wait for what pushes to be imported.
    from parley.ports.sockets.gateway import SocketGateway


def close(
    context: Context,
    sockets: SocketGateway,
    codec: Codec,
    connection_id: str,
    refusal: Refusal,
    *,
    reply: str = "",
    user_sid: str = "",
) -> None:
    """Send a connection the last reply, if there is one, and the reason for its end; then close and forget it.

    `user_sid` is the connection's user, if it is known.
    """
    frames = [reply.encode()] if reply else []
    sockets.post([(connection_id, frame) for frame in [*frames, codec.ended(refusal)]], deadline_seconds=3)
    sockets.disconnect(connection_id)
    forget(context, connection_id, user_sid)
