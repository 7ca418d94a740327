"""One event source mapping from a stream: reads records, calls a function with batches of them, stores its position.

    read records -> filter -> batch -> call the function -> move the position behind the batch

If a call fails:

    the function names the record that failed     the records before it are done; the rest is a new batch
    the whole batch fails                         each half is a new batch
    a single record fails                         it is tried again after a pause
    it has failed too often, or is too old        it is parked in the failure queue, and the position moves behind it

One batch per shard is under way at a time, which keeps the order (`ParallelizationFactor` 1). The function gets each
record at least once. As on AWS, halving a batch does not count as a retry.
"""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from local.process.functions import PAYLOAD_LIMIT, FunctionError, PayloadTooLarge
from local.process.report import problem
from local.pump.filters import passes
from local.pump.stream_reader import StreamReader
from local.template.declared import REGION, StreamMapping

logger = logging.getLogger("local.streams")

_PAGE = 500
_FIRST_BACKOFF_SECONDS = 0.2
_LONGEST_BACKOFF_SECONDS = 30.0
_RECORDS_LIMIT = PAYLOAD_LIMIT - 1024
Record = dict[str, Any]


@dataclass
class Attempt:
    """A batch, and how often the function failed with it."""

    records: list[Record]
    tries: int = 0


class StreamPump:
    """Carries out one stream mapping. Each `step` reads some records and delivers them."""

    def __init__(
        self,
        mapping: StreamMapping,
        reader: StreamReader,
        call: Callable[[str, dict[str, Any]], Any],
        park: Callable[[str, str], None],
        pause: Callable[[float], bool],
        positions: dict[str, str],
    ) -> None:
        """Begin behind `positions`, the last record done of each shard; each step updates them.

        `park` sends a body to a queue. `pause` waits, and returns true if the pump is being stopped.
        """
        self.mapping = mapping
        self.positions = positions
        self.idle = threading.Event()
        self._is_reported = False
        self._reader = reader
        self._call = call
        self._park = park
        self._pause = pause

    def step(self) -> bool:
        """Read some records and deliver them; returns whether there were any. Errors of the reader are passed on."""
        found = False
        for shard_id in self._reader.shards():
            position = self.positions.get(shard_id)
            records = self._reader.read(shard_id, position, self.mapping.from_now_on, _PAGE)
            if records:
                found = True
                self._work_off(shard_id, records)
        return found

    def _work_off(self, shard_id: str, records: list[Record]) -> None:
        batch: list[Record] = []
        size = 0
        for record in records:
            if passes(self.mapping.patterns, record):
                length = len(json.dumps(record))
                if batch and size + length > _RECORDS_LIMIT:
                    if not self._deliver(shard_id, batch):
                        return
                    batch, size = [], 0
                batch.append(record)
                size += length
            if len(batch) == self.mapping.batch_size:
                if not self._deliver(shard_id, batch):
                    return
                batch, size = [], 0
        if batch and not self._deliver(shard_id, batch):
            return
        self._move(shard_id, records[-1])

    def _deliver(self, shard_id: str, records: list[Record]) -> bool:
        """Deliver a batch, in pieces if it fails; returns false if the pump is stopped before all of it is done."""
        pieces = [Attempt(records)]
        self._is_reported = False
        while pieces:
            attempt = pieces.pop()
            if old := self._leading_old(attempt.records):
                self._give_up(shard_id, Attempt(attempt.records[:old], attempt.tries))
                self._move(shard_id, attempt.records[old - 1])
                if old < len(attempt.records):
                    pieces.append(Attempt(attempt.records[old:]))
                continue
            failed_from = self._invoke(attempt.records)
            if failed_from is None:
                self._move(shard_id, attempt.records[-1])
                continue
            if failed_from:
                self._move(shard_id, attempt.records[failed_from - 1])
                pieces.append(Attempt(attempt.records[failed_from:]))
                continue
            if self.mapping.bisects and len(attempt.records) > 1:
                middle = len(attempt.records) // 2
                pieces += [Attempt(attempt.records[middle:]), Attempt(attempt.records[:middle])]
                continue
            attempt.tries += 1
            if 0 <= self.mapping.retries < attempt.tries:
                self._give_up(shard_id, attempt)
                self._move(shard_id, attempt.records[-1])
                continue
            pieces.append(attempt)
            if self._pause(min(_FIRST_BACKOFF_SECONDS * 2 ** (attempt.tries - 1), _LONGEST_BACKOFF_SECONDS)):
                return False
        return True

    def _invoke(self, records: list[Record]) -> int | None:
        """Call the function; returns the place of the first record that is not done, None if all are done."""
        event = {"Records": [self._presented(record) for record in records]}
        try:
            answer = self._call(self.mapping.function, event)
        except (FunctionError, PayloadTooLarge) as error:
            self._report(f"{self.mapping.name}: {error}")
            return 0
        if not self.mapping.reports_failures or not isinstance(answer, dict):
            return None
        failures = answer.get("batchItemFailures") or []
        if not failures:
            return None
        places = {record["dynamodb"]["SequenceNumber"]: place for place, record in enumerate(records)}
        # An empty or unknown identifier fails the whole batch, as on AWS.
        return min(places.get(failure.get("itemIdentifier"), 0) for failure in failures)

    def _report(self, text: str) -> None:
        """Report the first failure of a batch at the terminal; write further ones to the log only."""
        (logger.warning if self._is_reported else problem)(text)
        self._is_reported = True

    def _presented(self, record: Record) -> Record:
        return {
            **record,
            "awsRegion": REGION,
            "eventSource": "aws:dynamodb",
            "eventSourceARN": self.mapping.stream_arn,
        }

    def _is_too_old(self, record: Record) -> bool:
        age: float = time.time() - record["dynamodb"]["ApproximateCreationDateTime"]
        return 0 <= self.mapping.maximum_age_seconds < age

    def _leading_old(self, records: list[Record]) -> int:
        """How many records at the start are too old to be delivered."""
        return next((place for place, record in enumerate(records) if not self._is_too_old(record)), len(records))

    def _give_up(self, shard_id: str, attempt: Attempt) -> None:
        """Send the batch's place in the stream to the failure queue, in the form in which Lambda does."""
        records = attempt.records
        first, last = records[0]["dynamodb"], records[-1]["dynamodb"]
        condition = "RecordAgeExceeded" if self._is_too_old(records[0]) else "RetryAttemptsExhausted"
        body = {
            "requestContext": {
                "requestId": records[0]["eventID"],
                "functionArn": self.mapping.function_arn,
                "condition": condition,
                "approximateInvokeCount": attempt.tries,
            },
            "responseContext": {"statusCode": 200, "executedVersion": "$LATEST", "functionError": "Unhandled"},
            "version": "1.0",
            "timestamp": _timestamp(time.time()),
            "DDBStreamBatchInfo": {
                "shardId": shard_id,
                "startSequenceNumber": first["SequenceNumber"],
                "endSequenceNumber": last["SequenceNumber"],
                "approximateArrivalOfFirstRecord": _timestamp(first["ApproximateCreationDateTime"]),
                "approximateArrivalOfLastRecord": _timestamp(last["ApproximateCreationDateTime"]),
                "batchSize": len(records),
                "streamArn": self.mapping.stream_arn,
            },
        }
        keys = [record["dynamodb"]["Keys"] for record in records]
        target = self.mapping.failure_queue_arn.rsplit(":", 1)[-1] or "nowhere"
        problem(f"{self.mapping.name}: {condition} after {attempt.tries} tries, parked in {target}: {json.dumps(keys)}")
        if self.mapping.failure_queue_arn:
            self._park(self.mapping.failure_queue_arn, json.dumps(body))

    def _move(self, shard_id: str, record: Record) -> None:
        self.positions[shard_id] = record["dynamodb"]["SequenceNumber"]


def _timestamp(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
