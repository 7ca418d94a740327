"""Ending a connection: a last frame says why, then the socket is closed, then the connection is forgotten.

API Gateway does not let us choose the close code, so the reason goes into a frame.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from parley.errors import Refusal
from parley.operations.context import Context
from parley.sockets.codec import Codec
from parley.sockets.presence import forget

if TYPE_CHECKING:
    # Most requests push nothing, so they should not wait for the import of the pushing code.
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
    """Send a connection a last reply, if one is given, and the reason for its end; then close and forget it.

    `user_sid` is the connection's user, if the caller knows it.
    """
    frames = [reply.encode()] if reply else []
    sockets.post([(connection_id, frame) for frame in [*frames, codec.ended(refusal)]], deadline_seconds=3)
    sockets.disconnect(connection_id)
    forget(context, connection_id, user_sid)
