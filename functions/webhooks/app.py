"""Changes to planned jobs, and queued jobs carried out: webhook deliveries, and what deletions leave to be removed."""

import threading
from typing import Any

from aws_lambda_powertools import Metrics
from aws_lambda_powertools.metrics import MetricUnit

from parley.runtime import Runtime
from parley.settings import Settings

metrics = Metrics(namespace="Parley")
_UNITS = {"Duration": MetricUnit.Milliseconds}
# Groups of a batch count side by side, and a local run invokes side by side; the library expects one caller at a time.
_counting = threading.Lock()


def count(name: str, value: float) -> None:
    """Counts deliveries by outcome: Delivered, Rejected, Failed, Unreachable, Retried, Parked; and times them."""
    with _counting:
        metrics.add_metric(f"Webhook{name}", _UNITS.get(name, MetricUnit.Count), value)


runtime = Runtime(Settings.from_environment(), count=count).started("secret", "worker")


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Reports what failed: the first record of a stream, each record of a queue."""
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
