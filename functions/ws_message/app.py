"""One frame in, one reply out."""

from typing import Any

from parley.operations.context import Caller
from parley.realtime.connections import answer
from parley.runtime import Runtime
from parley.settings import Settings

runtime = Runtime(Settings.from_environment())


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """The body goes back over the socket as the reply to the frame."""
    connection_id = event["requestContext"]["connectionId"]
    acting = runtime.context(Caller("SDK"))
    return {
        "statusCode": 200,
        "body": answer(acting, connection_id, event.get("body") or "", runtime.settings.rest_url),
    }
