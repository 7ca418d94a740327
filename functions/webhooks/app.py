"""Plans jobs from changes, and carries out queued jobs: webhook deliveries, and the removal of what was deleted."""

import threading
from typing import Any

from aws_lambda_powertools import Metrics
from aws_lambda_powertools.metrics import MetricUnit

from parley.runtime import Runtime
from parley.settings import Settings

metrics = Metrics(namespace="Parley")
_UNITS = {"Duration": MetricUnit.Milliseconds}
# The library expects one caller at a time, but the groups of a batch count side by side, and so do local invocations.
_counting = threading.Lock()


def count(name: str, value: float) -> None:
    """Counts deliveries by outcome: Delivered, Rejected, Failed, Unreachable, Retried, Parked; and times them."""
    with _counting:
        metrics.add_metric(f"Webhook{name}", _UNITS.get(name, MetricUnit.Count), value)


runtime = Runtime(Settings.from_environment(), count=count).started("secret", "worker")


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Returns the first stream record that failed, or all queue records that failed. Lambda repeats them.

    Once a minute it is called without records, and queues the jobs of that minute.
    """
    if "Records" not in event:
        runtime.worker.tick()
        return {}
    records = event["Records"]
    try:
        if records and records[0]["eventSource"] == "aws:dynamodb":
            first = runtime.worker.plan(records)
            failed = [first] if first else []
        else:
            failed = runtime.worker.work_off(records, context.get_remaining_time_in_millis)
    finally:
        with _counting:
            if metrics.metric_set:
                metrics.flush_metrics()
    return {"batchItemFailures": [{"itemIdentifier": name} for name in failed]}
