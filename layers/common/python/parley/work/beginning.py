"""Jobs that make conversations active whose making was interrupted after their participants were there."""

from __future__ import annotations

from dataclasses import replace

from parley.domain.states import INITIALIZING
from parley.errors import NOT_FOUND, Refusal
from parley.jobs import Entry, Memory, Turn
from parley.operations import transitions
from parley.operations.context import Caller, Context
from parley.ports.queue import Queue
from parley.store.changes import CREATED, Change
from parley.work.job import Job

# The request that made the conversation does it itself, and has done it by then unless it died.
DELAY_SECONDS = 30


def beginnings(context: Context, queue: Queue) -> Job:
    """The row of conversations that are initializing."""

    def carry_out(entry: Entry, turn: Turn) -> None:
        asked = replace(context, caller=Caller(webhooks=entry["webhooks"]))
        try:
            transitions.begin(asked, entry["service_sid"], entry["sid"])
        except Refusal as refusal:
            # It may have been deleted meanwhile.
            if refusal.error is not NOT_FOUND:
                raise

    return Job(queue, carry_out, plan, lambda entry: DELAY_SECONDS)


def plan(change: Change, memory: Memory) -> list[Entry]:
    """The job that a conversation made with its participants requires."""
    record = change.record
    if (change.kind, change.verb, record.get("state")) != ("channel", CREATED, INITIALIZING):
        return []
    return [{"service_sid": record["service_sid"], "sid": record["sid"], "webhooks": change.cause["webhooks"]}]
