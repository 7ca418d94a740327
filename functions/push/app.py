"""Hands queued notifications to SNS, which hands them to phones and browsers."""

from typing import Any

from parley import starting
from parley.runtime import Runtime
from parley.settings import Settings

runtime = Runtime(Settings.from_environment()).started("notifications", "sns")
starting.done()


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Returns all queue records that failed. SQS hands them out again."""
    with runtime.invocation(event, context):
        failed = runtime.notifications.work_off(event["Records"], context.get_remaining_time_in_millis)
        return {"batchItemFailures": [{"itemIdentifier": name} for name in failed]}
