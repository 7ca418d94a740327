"""Jobs that delete the objects of files whose records are gone. Nothing else deletes objects.

    discard        {"objects", "until"}    delete these objects; `until` is when no upload can bring one back any more

A record goes because its message was deleted, because a sweep erased it, or because it has expired. All of them are
removals in the stream. A job that fails stays queued, and objects that are deleted twice do no harm.
"""

from __future__ import annotations

from parley.background.job import Job
from parley.domain.media import READY
from parley.jobs import Again, Entry, Memory, Turn
from parley.operations.context import Context
from parley.operations.media import UPLOADING_SECONDS, object_key
from parley.ports.queue import Queue
from parley.store.changes import Removal

# How long the slowest upload may still be under way if its bytes have not come: S3 lets it end, however late it does.
_SLOWEST_UPLOAD_SECONDS = 12 * 3600
# How many objects one job deletes. Each may take some seconds if the object store is slow.
MOST = 25


def discarding(context: Context, queue: Queue) -> Job:
    """The row of objects to delete."""

    def carry_out(entry: Entry, turn: Turn) -> Again | None:
        left_ms = entry["until"] - context.clock.now_ms()
        if left_ms <= 0 or not entry.get("waits"):
            for key in entry["objects"]:
                context.objects.delete(key)
        # An upload link also works after its object was deleted, and an upload may be under way. So the objects of
        # young records are deleted once more when no upload can come any more.
        return Again(left_ms // 1000 + 1) if left_ms > 0 else None

    return Job(queue, carry_out, plan_removal=plan)


def plan(removal: Removal, memory: Memory) -> list[Entry]:
    """The job that deletes the object of a file. The files of one batch of changes share a job.

    `memory` holds the job that still has room.
    """
    if removal.kind != "media":
        return []
    file = removal.record
    seconds = UPLOADING_SECONDS if file["state"] == READY else _SLOWEST_UPLOAD_SECONDS
    key, until = object_key(file), file["date_created"] + seconds * 1000
    open_ = memory.get("open")
    if open_ is not None and len(open_["objects"]) < MOST:
        open_["objects"].append(key)
        open_["until"] = max(open_["until"], until)
        return []
    memory["open"] = job = {"objects": [key], "until": until}
    return [job]
