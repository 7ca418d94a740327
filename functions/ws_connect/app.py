"""$connect: opens a socket for the bearer of a valid access token, refuses it otherwise."""

from typing import Any

from parley.errors import TOO_MANY_CONNECTIONS, Refusal
from parley.log import logger
from parley.operations.context import Caller
from parley.runtime import Runtime
from parley.settings import Settings
from parley.sockets.closing import close, error_frame
from parley.sockets.connections import connect
from parley.sockets.native.frames import refusal

runtime = Runtime(Settings.from_environment())


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """200 opens the socket; any other status refuses it, with the reason in the log and in the body."""
    headers = {name.lower(): value for name, value in (event.get("headers") or {}).items()}
    offered = [name.strip() for name in headers.get("sec-websocket-protocol", "").split(",") if name.strip()]
    token = (event.get("queryStringParameters") or {}).get("token") or ""
    connection_id = event["requestContext"]["connectionId"]
    try:
        acting = runtime.context(Caller("SDK"))
        opened = connect(acting, connection_id, offered, token)
    except Refusal as refused:
        error = refused.error
        logger.warning(
            "socket refused", extra={"connection_id": connection_id, "code": error.code, "reason": str(refused)}
        )
        return {"statusCode": error.status, "body": refusal(None, error, str(refused))}
    for older in opened.surplus:
        close(acting, runtime.sockets, older, error_frame(TOO_MANY_CONNECTIONS), user_sid=opened.user_sid)
    return {"statusCode": 200} | ({"headers": {"Sec-WebSocket-Protocol": opened.protocol}} if opened.protocol else {})
