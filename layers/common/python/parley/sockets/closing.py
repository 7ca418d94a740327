"""Ending a connection from here: the client is told why, then its socket is closed and forgotten.

API Gateway offers no close code of one's own, hence the frame that comes first.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from parley.errors import Error
from parley.operations.context import Context
from parley.sockets.native.frames import dump
from parley.sockets.presence import forget

if TYPE_CHECKING:
    # Most requests push nothing, and need not wait for what pushes to be imported.
    from parley.ports.sockets.gateway import SocketGateway


def error_frame(error: Error, text: str = "") -> str:
    """The push that says why a connection ends."""
    details = {"status": error.status, "code": error.code, "message": text or error.text}
    return dump({"event": "connectionError", "terminal": True, **details})


def close(context: Context, sockets: SocketGateway, connection_id: str, *frames: str, user_sid: str = "") -> None:
    """Send the last frames over a connection, close it and forget it."""
    sockets.post([(connection_id, frame.encode()) for frame in frames], deadline_seconds=3)
    sockets.disconnect(connection_id)
    forget(context, connection_id, user_sid)
