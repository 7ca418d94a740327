"""Answers one frame from a socket."""

from typing import Any

from parley import starting
from parley.operations.context import Caller
from parley.runtime import Runtime
from parley.settings import Settings
from parley.sockets.protocols import NATIVE

runtime = Runtime(Settings.from_environment()).started("table", "secret", "sockets", "socket_door", "fast_push")
runtime.protocols.requests(NATIVE)
starting.done()


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Returns the reply as `body`, which API Gateway sends to the client; no body if the socket was closed."""
    with runtime.invocation(event, context):
        connection_id = event["requestContext"]["connectionId"]
        reply = runtime.socket_door.answer(runtime.context(Caller("SDK")), connection_id, event.get("body") or "")
        return {"statusCode": 200} | ({} if reply is None else {"body": reply})
