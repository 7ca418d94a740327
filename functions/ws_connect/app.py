"""$connect: opens a socket for the bearer of a valid access token, refuses it otherwise."""

from typing import Any

from parley import starting
from parley.errors import Refusal
from parley.faces.chat_v2 import FACE
from parley.faces.errors import translate
from parley.log import logger
from parley.operations.context import Caller
from parley.runtime import Runtime
from parley.settings import Settings
from parley.sockets.protocols import NATIVE

runtime = Runtime(Settings.from_environment()).started("table", "secret", "sockets", "socket_door", "tokens")
starting.done()


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """200 opens the socket; any other status refuses it, with the reason in the log."""
    with runtime.invocation(event, context):
        headers = {name.lower(): value for name, value in (event.get("headers") or {}).items()}
        offered = [name.strip() for name in headers.get("sec-websocket-protocol", "").split(",") if name.strip()]
        query = event.get("queryStringParameters") or {}
        connection_id = event["requestContext"]["connectionId"]
        acting = runtime.context(Caller("SDK"))
        try:
            chosen = runtime.socket_door.open(
                acting, connection_id, query.get("protocol"), offered, query.get("token") or ""
            )
        except Refusal as refused:
            status, code, reason = translate(FACE.errors, refused)
            told = {"connection_id": connection_id, "refusal": refused.error.name, "code": code, "reason": reason}
            logger.warning("socket refused", extra=told)
            return {"statusCode": status, "body": runtime.protocols.codec(NATIVE).refused("", refused)}
        return {"statusCode": 200} | ({"headers": {"Sec-WebSocket-Protocol": chosen}} if chosen else {})
