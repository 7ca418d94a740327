"""Plans jobs from changes, and carries out queued jobs: webhook deliveries, and the removal of what was deleted."""

from typing import Any

from parley import starting
from parley.runtime import Runtime
from parley.settings import Settings

runtime = Runtime(Settings.from_environment()).started("secret", "worker")
starting.done()


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Returns the first stream record that failed, or all queue records that failed. Lambda repeats them.

    Once a minute it is called without records, and queues the jobs of that minute.
    """
    with runtime.invocation(event, context):
        if "Records" not in event:
            runtime.worker.tick()
            return {}
        records = event["Records"]
        if records and records[0]["eventSource"] == "aws:dynamodb":
            first = runtime.worker.plan(records)
            failed = [first] if first else []
        else:
            failed = runtime.worker.work_off(records, context.get_remaining_time_in_millis)
        return {"batchItemFailures": [{"itemIdentifier": name} for name in failed]}
