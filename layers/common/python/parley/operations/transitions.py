"""Transitions: how a conversation goes from one state to another, each announced once.

The counters and the channel's record change in one transaction, on condition that the state is still the one from
which the transition was decided.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from parley.domain.states import ACTIVE, CLOSED, EVENT, INACTIVE, is_transition, state_of, stored
from parley.errors import CONCURRENT_UPDATE, CONVERSATION_CLOSED, Refusal
from parley.operations import channel_log, verbs
from parley.operations.addressing import shown
from parley.operations.channel_log import Decision, unchanged
from parley.operations.context import Context
from parley.operations.lifecycle import Asleep
from parley.store import keys
from parley.store.items import Record
from parley.store.writes import Update, Write
from parley.stored import Tail

T = TypeVar("T")
_ATTEMPTS = 5


class _Done(Refusal):
    """Raised when somebody else has carried out the transition already."""


def marks(before: str, after: str, reason: str, now_ms: int) -> Record:
    """What a transition leaves in the channel's record, from which webhooks tell of it."""
    return {"state": stored(after), "state_from": before, "state_reason": reason, "state_at": now_ms}


def moved(context: Context, tail: Tail, after: str, reason: str) -> tuple[Record, Record]:
    """What a transition sets in the channel's record, and in the counters that were just read; nothing if it is there.

    Raises:
        Refusal: 50377 if the conversation is closed.
    """
    before = state_of(tail)
    if before == after:
        return {}, {}
    if not is_transition(before, after, reason):
        # A change has passed the guards, so this state is neither closed nor initializing, or it became so just now.
        raise CONVERSATION_CLOSED() if before == CLOSED else CONCURRENT_UPDATE()
    now = context.clock.now_ms()
    woken = {"timed_at": now} if after == ACTIVE else {}
    return marks(before, after, reason, now), {"state": stored(after), **woken}


def in_counters(channel: Mapping[str, Any], tail: Tail, set_: Record) -> list[Write]:
    """The write that sets something in a channel's counters, if their state is still the one that was read."""
    if not set_:
        return []
    return [channel_log.in_tail(channel["service_sid"], channel["sid"], {}, unchanged(tail, "state"), **set_)]


def awake(context: Context, service_sid: str, channel_sid: str, act: Callable[[Context], T]) -> T:
    """What `act` returns, which is done under `lifecycle.is_awake`: an inactive conversation is woken first.

    If this dies after the waking, the conversation is active, as if somebody had asked for that.

    Raises:
        Refusal: what `act` raises; 20409 if others put the conversation to sleep again every time.
    """
    context = context.sharing_patience()
    for _ in range(_ATTEMPTS):
        try:
            return act(context)
        except Asleep:
            reactivate(context, service_sid, channel_sid)
    raise CONCURRENT_UPDATE()


def reactivate(context: Context, service_sid: str, channel_sid: str) -> None:
    """Make an inactive conversation active, because something happens in it."""
    channel = shown(context, service_sid, context.table.fetch(keys.channel(channel_sid)))

    def decide(channel: Record, tail: Tail) -> Decision:
        if state_of(tail) != INACTIVE:
            raise _Done(CONCURRENT_UPDATE)
        in_record, in_tail = moved(context, tail, ACTIVE, EVENT)
        changes = verbs.changed(context, in_record)
        write = Update(keys.channel(channel_sid), CONCURRENT_UPDATE(), set=changes)
        return Decision(write, in_counters(channel, tail, in_tail))

    try:
        channel_log.change(context, "channel", "updated", {**channel}, decide)
    except _Done:
        return
    context.configuration.forget(keys.channel(channel_sid))
