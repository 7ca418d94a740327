"""Burials: two minutes after a deletion, its tombstone is erased, and the delivery receipts of a deleted message too.

A tombstone keeps a write that is still under way from bringing back what was deleted. After two minutes no such write
is under way, and the tombstone would only make lists slow to read. Clients that return later learn of the deletion from
the channel's log. Tombstones of channels, users and services stay for a week: no list is read past them.

Nobody can read the receipts of a deleted message. A job that claims receipts may still be under way when the message is
deleted, so they are not erased at once.
"""

from __future__ import annotations

from typing import Any

from parley.errors import NOT_FOUND, ignoring
from parley.operations.context import Context
from parley.store import keys
from parley.store.changes import DELETED, Change
from parley.store.keys import Key
from parley.store.writes import Erase, Guard

# No function runs longer than a minute; the rest is for clocks that differ.
DELAY_SECONDS = 120
# The kinds of records that are read as lists.
_LISTED = ("message", "member", "invite", "channel_webhook", "role", "binding", "credential", "api_key")
# How many tombstones one job erases.
MOST = 100


def planned(change: Change, memory: dict[str, Any]) -> list[dict[str, Any]]:
    """The job that erases the tombstone of a deletion, and the receipts of a message that went to phones.

    The deletions of one batch of changes share a job. `memory` holds the job that still has room.
    """
    if change.verb != DELETED or change.kind not in _LISTED:
        return []
    made: list[dict[str, Any]] = []
    job = memory.get("open")
    if job is None or len(job["tombstones"]) == MOST:
        memory["open"] = job = {"tombstones": [], "receipts": []}
        made = [job]
    job["tombstones"].append([*change.key, change.cause["at"]])
    if change.kind == "message" and change.record.get("delivery"):
        job["receipts"].append([change.record["channel_sid"], change.record["index"]])
    return made


def erase(context: Context, job: dict[str, Any]) -> None:
    """Erase the receipts and the tombstones of a job.

    A tombstone stays if its key holds a newer record or a newer tombstone.
    """
    # A job that the release before has queued names no receipts.
    for channel_sid, index in job.get("receipts", ()):
        found = context.table.every(keys.receipts(channel_sid, index))
        context.table.erase_many(keys.receipt(channel_sid, index, receipt["sid"]) for receipt in found)
    for pk, sk, deleted_at in job["tombstones"]:
        same = Guard("deleted_at", "=", deleted_at, NOT_FOUND())
        with ignoring(NOT_FOUND):
            context.table.commit(context.cause(), [Erase(Key(pk, sk), NOT_FOUND(), (same,))])
