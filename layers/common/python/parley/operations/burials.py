"""Burials: tombstones in lists are erased two minutes after the deletion.

A tombstone keeps a write that is still under way from bringing back what was deleted. After two minutes no such write
is under way, and the tombstone would only make lists slow to read. Clients that return later learn of the deletion from
the channel's log. Tombstones of channels, users and services stay for a week: no list is read past them.
"""

from __future__ import annotations

from typing import Any

from parley.errors import NOT_FOUND, ignoring
from parley.operations.context import Context
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
    """The job that erases the tombstone of a deletion.

    The deletions of one batch of changes share a job. `memory` holds the job that still has room.
    """
    if change.verb != DELETED or change.kind not in _LISTED:
        return []
    tombstone = [*change.key, change.cause["at"]]
    open_ = memory.get("open")
    if open_ is not None and len(open_["tombstones"]) < MOST:
        open_["tombstones"].append(tombstone)
        return []
    memory["open"] = job = {"tombstones": [tombstone]}
    return [job]


def erase(context: Context, job: dict[str, Any]) -> None:
    """Erase the tombstones of a job, except those whose key holds a newer record or a newer tombstone."""
    for pk, sk, deleted_at in job["tombstones"]:
        same = Guard("deleted_at", "=", deleted_at, NOT_FOUND())
        with ignoring(NOT_FOUND):
            context.table.commit(context.cause(), [Erase(Key(pk, sk), NOT_FOUND(), (same,))])
