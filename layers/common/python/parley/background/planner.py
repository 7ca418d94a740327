"""The planner: queues the jobs that the stream's changes require."""

from __future__ import annotations

from typing import Any

from parley.background.job import Jobs
from parley.jobs import Entry, Memory
from parley.log import logger
from parley.ports.queue import Queue
from parley.store.changes import decode, decode_removal, request_id_in
from parley.tracing import working_for


def plan(jobs: Jobs, stream_records: list[dict[str, Any]]) -> str | None:
    """Queue the jobs of a batch of changes; returns the sequence number of the first record that failed, if one did.

    The jobs of all records before that one are queued when this returns.
    """
    due: dict[tuple[int, int], tuple[Queue, int, list[Entry]]] = {}
    memories: dict[str, Memory] = {name: {} for name in jobs}
    failed = None
    for record in stream_records:
        with working_for(request_id_in(record)):
            try:
                entries = _owed(jobs, record, memories)
            except Exception:
                failed = str(record["dynamodb"]["SequenceNumber"])
                logger.exception("change cannot be planned", extra={"sequence_number": failed})
                break
        for entry in entries:
            job = jobs[entry["job"]]
            delay = job.delay_seconds(entry)
            due.setdefault((id(job.queue), delay), (job.queue, delay, []))[2].append(entry)
    for queue, delay, entries in due.values():
        queue.send(entries, delay_seconds=delay)
    return failed


def _owed(jobs: Jobs, record: dict[str, Any], memories: dict[str, Memory]) -> list[Entry]:
    change, removal = decode(record), decode_removal(record)
    named = {"request_id": request_id} if (request_id := request_id_in(record)) else {}
    owed: list[Entry] = []
    for name, job in jobs.items():
        entries: list[Entry] = []
        if change is not None and job.plan is not None:
            entries += job.plan(change, memories[name])
        if removal is not None and job.plan_removal is not None:
            entries += job.plan_removal(removal, memories[name])
        owed += [{"job": name, **entry, **named} for entry in entries]
    return owed
