"""Changes to planned deliveries and sweeps; queued deliveries to HTTP; queued sweeps to removals."""

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from parley.log import logger
from parley.runtime import Runtime
from parley.settings import Settings

runtime = Runtime(Settings.from_environment())


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Reports the records that failed: of a stream the first one, of a queue each."""
    records = event["Records"]
    if records and records[0]["eventSource"] == "aws:dynamodb":
        failed = runtime.worker.plan(records)
        return {"batchItemFailures": [{"itemIdentifier": failed}] if failed else []}
    # Side by side, so that a target that keeps one delivery waiting does not hold up the others of its batch.
    with ThreadPoolExecutor(max_workers=max(len(records), 1)) as pool:
        done = list(pool.map(lambda record: _carried_out(record, context), records))
    failures = [record["messageId"] for record, is_done in zip(records, done, strict=True) if not is_done]
    return {"batchItemFailures": [{"itemIdentifier": message_id} for message_id in failures]}


def _carried_out(record: dict[str, Any], context: Any) -> bool:
    queue_name = record["eventSourceARN"].rpartition(":")[2]
    try:
        entry = json.loads(record["body"])
        if runtime.settings.sweep_queue_url.endswith(f"/{queue_name}"):
            return runtime.worker.sweep(entry, context.get_remaining_time_in_millis)
        attempt = int(record["attributes"]["ApproximateReceiveCount"]) - 1
        return runtime.worker.deliver(entry, attempt, record["receiptHandle"])
    except Exception:
        logger.exception("queued work failed", extra={"message_id": record["messageId"], "queue": queue_name})
        return False
