"""$disconnect: forgets a socket. AWS does not promise to call it, so nothing depends on it alone."""

from typing import Any

from parley import starting
from parley.operations.context import Caller
from parley.runtime import Runtime
from parley.settings import Settings
from parley.sockets.presence import forget

runtime = Runtime(Settings.from_environment()).started("table")
starting.done()


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Always 200: nobody is left to tell."""
    with runtime.invocation(event, context):
        forget(runtime.context(Caller("SDK")), event["requestContext"]["connectionId"])
        return {"statusCode": 200}
