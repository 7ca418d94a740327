"""Changes to pushes; and once a minute, what tokens that run out have to do with sockets."""

from importlib import import_module
from typing import Any

from parley.operations.context import Caller
from parley.runtime import Runtime
from parley.settings import Settings

runtime = Runtime(Settings.from_environment())
# While a container starts, Lambda lends it a whole CPU.
import_module("parley.sockets.fan_out")


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Reports the first record of the stream that failed; it goes on from there. A tick of the clock has no answer."""
    if "Records" not in event:
        from parley.sockets.expiry import tick

        tick(runtime.context(Caller("SDK")), runtime.sockets)
        return {}
    failed = runtime.fan_out.deliver(event["Records"])
    return {"batchItemFailures": [{"itemIdentifier": failed}] if failed else []}
