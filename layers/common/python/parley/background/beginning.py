"""Jobs that make a conversation active if the request that made it died after it had stored the participants."""

from __future__ import annotations

from dataclasses import replace

from parley.background.job import Job
from parley.domain.states import INITIALIZING
from parley.errors import NOT_FOUND, ignoring
from parley.jobs import Entry, Memory, Turn
from parley.operations import transitions
from parley.operations.context import Caller, Context
from parley.ports.queue import Queue
from parley.store.changes import CREATED, Change

# The request makes the conversation active itself. If it has not done so by then, it died.
DELAY_SECONDS = 30


def beginnings(context: Context, queue: Queue) -> Job:
    """The row of conversations that are initializing."""

    def carry_out(entry: Entry, turn: Turn) -> None:
        asked = replace(context, caller=Caller(webhooks=entry["webhooks"]))
        # The conversation may have been deleted meanwhile.
        with ignoring(NOT_FOUND):
            transitions.begin(asked, entry["service_sid"], entry["sid"])

    return Job(queue, carry_out, plan, lambda entry: DELAY_SECONDS)


def plan(change: Change, memory: Memory) -> list[Entry]:
    """The job for a conversation that was made with its participants."""
    record = change.record
    if (change.kind, change.verb, record.get("state")) != ("channel", CREATED, INITIALIZING):
        return []
    return [{"service_sid": record["service_sid"], "sid": record["sid"], "webhooks": change.cause["webhooks"]}]
