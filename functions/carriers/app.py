"""Hands queued texts to AWS, which carries them to phones, and takes its reports and what phones write."""

from typing import Any

from parley import starting
from parley.runtime import Runtime
from parley.settings import Settings

runtime = Runtime(Settings.from_environment()).started("secret", "carriers")
starting.done()


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Returns all queue records that failed. SQS hands them out again."""
    with runtime.invocation(event, context):
        failed = runtime.carriers.work_off(event["Records"], context.get_remaining_time_in_millis)
        return {"batchItemFailures": [{"itemIdentifier": name} for name in failed]}
