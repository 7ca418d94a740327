"""Changes to pushes."""

from typing import Any

from parley.runtime import Runtime
from parley.settings import Settings

runtime = Runtime(Settings.from_environment())


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Reports the first record that failed; the stream goes on from there."""
    failed = runtime.fan_out.deliver(event["Records"])
    return {"batchItemFailures": [{"itemIdentifier": failed}] if failed else []}
