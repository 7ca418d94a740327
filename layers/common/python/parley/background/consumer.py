"""The consumer: takes batches of queued jobs, has the job table carry out each, and tells SQS which of them are done.

    handler's answer     FIFO queue                                     any other queue
    -------------------- ---------------------------------------------- ----------------------------------------------
    None                 the job is forgotten                           the job is forgotten
    Again(seconds)       stays and is hidden for the pause; those       is sent anew with a delay that doubles with
                         behind it in its group wait behind it          each repeat; the old one is forgotten
    exception            stays for the visibility timeout               stays for the visibility timeout

A job without a row in the table counts as an exception: it is logged, and SQS moves it to the dead letter queue when it
was received too often. So a job that a newer version queued is not lost when an older version is rolled back to.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import copy_context
from typing import Any

from parley.background.job import Job, Jobs
from parley.jobs import Again, Entry, Turn
from parley.log import logger
from parley.tracing import working_for

_LONGEST_PAUSE_SECONDS = 900

QueuedRecord = Mapping[str, Any]
"""One entry of a queue as SQS hands it to Lambda."""


def work_off(jobs: Jobs, records: list[QueuedRecord], remaining_ms: Callable[[], int]) -> list[str]:
    """Carry out a batch; returns the SQS message ids of the jobs that must stay queued.

    Groups run side by side, so that a slow job does not hold up other groups of its batch. The jobs of one group run in
    order. If one fails, it and all behind it in its group stay queued.
    """
    groups: dict[str, list[QueuedRecord]] = {}
    for record in records:
        groups.setdefault(record["attributes"].get("MessageGroupId", record["messageId"]), []).append(record)
    is_alone = len(groups) == 1

    def in_order(group: list[QueuedRecord]) -> list[str]:
        return list(_left(jobs, group, remaining_ms, is_alone))

    # Each thread counts and logs for this invocation.
    contexts = [copy_context() for _ in groups]
    with ThreadPoolExecutor(max_workers=max(len(groups), 1)) as pool:
        left = pool.map(lambda context, group: context.run(in_order, group), contexts, groups.values())
        return [message_id for part in left for message_id in part]


def _left(jobs: Jobs, group: list[QueuedRecord], remaining_ms: Callable[[], int], is_alone: bool) -> Iterator[str]:
    for place, record in enumerate(group):
        if not _is_settled(jobs, record, remaining_ms):
            for behind in group[place + 1 :]:
                with _noted(behind):
                    _put_back(jobs, behind)
            yield from (left["messageId"] for left in group[place:])
            return
        if not is_alone and "MessageGroupId" in record["attributes"]:
            with _noted(record):
                # Delete the record now, and do not wait for the other groups of this batch. As soon as it is deleted,
                # SQS hands out the next one of its group.
                _row(jobs, record)[0].queue.forget(record["receiptHandle"])


def _put_back(jobs: Jobs, record: QueuedRecord) -> None:
    """Make a record that was not tried visible again, so that it waits for the failed one only."""
    job, entry = _row(jobs, record)
    job.queue.put_off(record["receiptHandle"], 0)
    job.not_tried(entry)


@contextmanager
def _noted(record: QueuedRecord) -> Iterator[None]:
    """Log a failed request to a queue and go on. The batch's answer tells SQS the same a little later."""
    try:
        yield
    except Exception:
        logger.exception("queue not told at once", extra={"message_id": record["messageId"]})


def _is_settled(jobs: Jobs, record: QueuedRecord, remaining_ms: Callable[[], int]) -> bool:
    """Carry out a job; returns whether SQS may delete its record."""
    facts = {"message_id": record["messageId"], "queue": record["eventSourceARN"].rpartition(":")[2]}
    try:
        job, entry = _row(jobs, record)
    except Exception:
        logger.exception("queued work failed", extra=facts)
        return False
    with working_for(entry.get("request_id")):
        try:
            again = job.carry_out(entry, Turn(int(record["attributes"]["ApproximateReceiveCount"]), remaining_ms))
            return again is None or _takes_up_again(job, entry, again, record["receiptHandle"])
        except Exception:
            logger.exception("queued work failed", extra=facts)
            return False


def _row(jobs: Jobs, record: QueuedRecord) -> tuple[Job, Entry]:
    entry: Entry = json.loads(record["body"])
    name = str(entry.get("job"))
    if name not in jobs:
        raise LookupError(f"no job is named {name!r}")
    return jobs[name], entry


def _takes_up_again(job: Job, entry: Entry, again: Again, receipt_handle: str) -> bool:
    """Have SQS hand out a job again; returns whether SQS may delete this record of it."""
    if job.queue.keeps_order:
        job.queue.put_off(receipt_handle, again.seconds)
        return False
    waits = entry.get("waits", 0)
    pause = min(again.seconds * 2**waits, _LONGEST_PAUSE_SECONDS)
    # SQS counts each receive of a record as a failure and would soon move it to the dead-letter queue. So the job is
    # sent as a new record.
    job.queue.send([{**entry, "waits": waits + 1 if pause else 0}], delay_seconds=pause)
    logger.info("job goes on", extra={"job": entry["job"], "sid": entry.get("sid"), "pause_seconds": pause})
    return True
