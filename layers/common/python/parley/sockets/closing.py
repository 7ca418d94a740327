"""Ending a connection from here: the client is told why, then its socket is closed and forgotten.

API Gateway offers no close code of one's own, so the reason goes ahead in a frame.
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
    """Tell a connection why it ends, after a last reply if there is one; close it and forget it."""
    frames = [reply.encode()] if reply else []
    sockets.post([(connection_id, frame) for frame in [*frames, codec.ended(refusal)]], deadline_seconds=3)
    sockets.disconnect(connection_id)
    forget(context, connection_id, user_sid)
