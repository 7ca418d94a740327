"""Ending a connection: its last frames say why, then the socket is closed, then the connection is forgotten.

API Gateway does not let us choose the close code, so the reason goes into a frame.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from parley.operations.context import Context
from parley.sockets.presence import forget

if TYPE_CHECKING:
    # Most requests push nothing, so they should not wait for the import of the pushing code.
    from parley.ports.sockets.gateway import SocketGateway

_DEADLINE_SECONDS = 3


def close(context: Context, sockets: SocketGateway, connection_id: str, *last: bytes, user_sid: str = "") -> None:
    """Send a connection its last frames, then close and forget it.

    `user_sid` is the connection's user, if the caller knows it.
    """
    sockets.post([(connection_id, frame) for frame in last], deadline_seconds=_DEADLINE_SECONDS)
    sockets.disconnect(connection_id)
    forget(context, connection_id, user_sid)
