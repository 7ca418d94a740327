"""Changes to planned deliveries and sweeps; queued deliveries to HTTP; queued sweeps to removals."""

import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

from aws_lambda_powertools import Metrics
from aws_lambda_powertools.metrics import MetricUnit

from parley.log import logger
from parley.runtime import Runtime
from parley.settings import Settings

metrics = Metrics(namespace="Parley")
_UNITS = {"Duration": MetricUnit.Milliseconds}
# The groups of a batch count side by side, on one machine even several invocations; the library expects one at a time.
_counting = threading.Lock()


def count(name: str, value: float) -> None:
    """Counts deliveries by outcome: Delivered, Rejected, Failed, Unreachable, Retried, Parked; and times them."""
    with _counting:
        metrics.add_metric(f"Webhook{name}", _UNITS.get(name, MetricUnit.Count), value)


runtime = Runtime(Settings.from_environment(), count=count)


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Reports the records that failed: of a stream the first one, of a queue each."""
    try:
        return _handled(event["Records"], context)
    finally:
        with _counting:
            if metrics.metric_set:
                metrics.flush_metrics()


def _handled(records: list[dict[str, Any]], context: Any) -> dict[str, Any]:
    if records and records[0]["eventSource"] == "aws:dynamodb":
        failed = runtime.worker.plan(records)
        return {"batchItemFailures": [{"itemIdentifier": failed}] if failed else []}
    groups: dict[str, list[dict[str, Any]]] = {}
    for record in records:
        groups.setdefault(record["attributes"].get("MessageGroupId", record["messageId"]), []).append(record)
    # Side by side, so that a target that keeps one delivery waiting does not hold up the others of its batch.
    with ThreadPoolExecutor(max_workers=max(len(groups), 1)) as pool:
        failures = pool.map(lambda group: list(_failed(group, context, alone=len(groups) == 1)), groups.values())
        return {"batchItemFailures": [{"itemIdentifier": message_id} for part in failures for message_id in part]}


def _failed(group: list[dict[str, Any]], context: Any, *, alone: bool) -> Iterator[str]:
    """Work off one group in its order; from the first failure on, all of it stays queued."""
    for number, record in enumerate(group):
        if not _is_carried_out(record, context):
            for behind in group[number + 1 :]:
                with _noted(behind):
                    # They wait behind the one that failed, not for this batch's visibility timeout.
                    runtime.put_off_delivery(behind["receiptHandle"], 0)
                    runtime.worker.leave_untried(json.loads(behind["body"]))
            yield from (left["messageId"] for left in group[number:])
            return
        if not alone and "MessageGroupId" in record["attributes"]:
            with _noted(record):
                # The group's next deliveries must not wait for slower targets in this batch.
                runtime.forget_delivery(record["receiptHandle"])


@contextmanager
def _noted(record: dict[str, Any]) -> Iterator[None]:
    """Log what goes wrong with a queue: the batch's answer settles the same a little later, and must not be lost."""
    try:
        yield
    except Exception:
        logger.exception("queue not told at once", extra={"message_id": record["messageId"]})


def _is_carried_out(record: dict[str, Any], context: Any) -> bool:
    queue_name = record["eventSourceARN"].rpartition(":")[2]
    try:
        entry = json.loads(record["body"])
        if runtime.settings.sweep_queue_url.endswith(f"/{queue_name}"):
            return runtime.worker.sweep(entry, context.get_remaining_time_in_millis)
        receives = int(record["attributes"]["ApproximateReceiveCount"])
        return runtime.worker.deliver(entry, receives, record["receiptHandle"])
    except Exception:
        logger.exception("queued work failed", extra={"message_id": record["messageId"], "queue": queue_name})
        return False
