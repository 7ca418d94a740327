"""Pushes changes to sockets. Once a minute, it warns of tokens that run out and closes sockets whose tokens have."""

from typing import Any

from parley import starting
from parley.runtime import Runtime
from parley.settings import Settings
from parley.sockets.protocols import NATIVE

runtime = Runtime(Settings.from_environment()).started("table", "sockets", "fan_out", "push_queue")
runtime.protocols.codec(NATIVE)
starting.done()

# A tick stops this long before the function's time is over, so that requests under way can end.
_SPARE_MS = 15_000
_TICK_MS = 60_000


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """For changes, returns the first record that failed, and Lambda reads the stream again from there.

    A tick returns nothing.
    """
    with runtime.invocation(event, context):
        if "Records" not in event:
            left_ms = context.get_remaining_time_in_millis() if context else _TICK_MS
            runtime.tick(runtime.clock.now_ms() + left_ms - _SPARE_MS)
            return {}
        failed = runtime.fan_out.deliver(event["Records"])
        return {"batchItemFailures": [{"itemIdentifier": failed}] if failed else []}
