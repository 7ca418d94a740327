"""Answers one frame from a socket."""

from typing import Any

from parley.operations.context import Caller
from parley.runtime import Runtime
from parley.settings import Settings
from parley.sockets.protocols import NATIVE

runtime = Runtime(Settings.from_environment()).started("table", "secret", "sockets", "socket_door")
runtime.protocols.requests(NATIVE)


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """The body goes back over the socket as the reply to the frame. If the socket was closed, there is no body."""
    connection_id = event["requestContext"]["connectionId"]
    reply = runtime.socket_door.answer(runtime.context(Caller("SDK")), connection_id, event.get("body") or "")
    return {"statusCode": 200} | ({} if reply is None else {"body": reply})
