"""Transitions: how a conversation goes from one state to another, each announced once.

The counters and the channel's record change in one transaction, on condition that the state is still the one from
which the transition was decided.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, TypeVar, cast

from parley.domain.channels import hour_of
from parley.domain.states import ACTIVE, CLOSED, EVENT, INACTIVE, INITIALIZING, is_transition, state_of, stored
from parley.domain.timers import TIMERS, due_at
from parley.errors import CONCURRENT_UPDATE, CONVERSATION_CLOSED, NOT_FOUND, Refusal
from parley.operations import channel_log, verbs
from parley.operations.addressing import shown
from parley.operations.channel_log import Decision, unchanged
from parley.operations.context import Context
from parley.operations.entries import COUNTERS, entries, listings, moved
from parley.operations.lifecycle import Asleep
from parley.store import keys
from parley.store.items import Record
from parley.store.writes import Present, Update, Write
from parley.stored import Channel, Tail

T = TypeVar("T")
_ATTEMPTS = 5


class _Done(Refusal):
    """Raised when somebody else has carried out the transition already."""


class Rework(NamedTuple):
    """The parts that a change of a channel adds to the fields that a request named.

    Attributes:
        record: Fields that are set in the channel's record.
        counters: Fields that are set in the counters.
        writes: The writes that set the counters and move the channel's entries.
    """

    record: Record
    counters: Record
    writes: Sequence[Write]


def marks(before: str, after: str, reason: str, now_ms: int) -> Record:
    """The fields of the channel's record that describe a transition; webhooks tell them."""
    return {"state": stored(after), "state_from": before, "state_reason": reason, "state_at": now_ms}


def rework(
    context: Context,
    channel: Channel,
    tail: Tail,
    changes: Mapping[str, Any],
    *,
    state: str = "",
    reason: str,
) -> Rework:
    """The parts that `changes` of a channel add, and a new `state` if there is one. Channel and counters are fresh.

    Raises:
        Refusal: 50377 if the conversation is closed.
    """
    now, before = context.clock.now_ms(), state_of(tail)
    record, counters = transition(before, state or before, reason, now)
    if not changes.keys().isdisjoint(TIMERS):
        counters["timed_at"] = now
    if "type" in changes and changes["type"] != tail["type"]:
        counters |= {"type": changes["type"], "activity_hour": hour_of(tail.get("activity_at", now))}
    after = cast(Channel, {**channel, **changes, **record})
    if counters:
        counters["timer_due"] = due_at(after, cast(Tail, {**tail, **counters}))
    had = entries(context.account_sid, channel, tail)
    if after["date_created"] != channel["date_created"]:
        had |= {key: {} for key in listings(channel, tail)}
    moves = moved(had, entries(context.account_sid, after, cast(Tail, {**tail, **counters})))
    if not counters and not moves:
        return Rework(record, counters, moves)
    guards = [unchanged(tail, name) for name in COUNTERS]
    service_sid, sid = channel["service_sid"], channel["sid"]
    if not counters:
        return Rework(record, counters, [Present(keys.tail(sid), NOT_FOUND(), tuple(guards)), *moves])
    return Rework(record, counters, [channel_log.in_tail(service_sid, sid, {}, *guards, **counters), *moves])


def transition(before: str, after: str, reason: str, now_ms: int) -> tuple[Record, Record]:
    """The fields that a transition sets in the record and in the counters; none if the state stays the same."""
    if before == after:
        return {}, {}
    if not is_transition(before, after, reason):
        # The guards let the change pass, so the conversation was closed just now, or is being made.
        raise CONVERSATION_CLOSED() if before == CLOSED else CONCURRENT_UPDATE()
    woken = {"timed_at": now_ms} if after == ACTIVE else {}
    return marks(before, after, reason, now_ms), {"state": stored(after), **woken}


def awake(context: Context, service_sid: str, channel_sid: str, act: Callable[[Context], T]) -> T:
    """Call `act` and return its result. `act` checks `lifecycle.is_awake`; an inactive conversation is woken first.

    If the function dies after that, the conversation stays active, as if somebody had asked for it.

    Raises:
        Refusal: the refusals of `act`; 20409 if the conversation becomes inactive again before every attempt.
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
    _activate(context, service_sid, context.table.fetch(keys.channel(channel_sid)), INACTIVE)


def begin(context: Context, service_sid: str, channel_sid: str) -> None:
    """Make a conversation active whose participants are there. If somebody has done so already, nothing happens."""
    channel_key, tail_key = keys.channel(channel_sid), keys.tail(channel_sid)
    found = context.table.fetch_many([channel_key, tail_key])
    tail = found.get(tail_key)
    if tail is not None and state_of(tail) == INITIALIZING:
        _activate(context, service_sid, found.get(channel_key), INITIALIZING)


def _activate(context: Context, service_sid: str, found: Channel | None, before: str) -> None:
    channel = shown(context, service_sid, found)
    key = keys.channel(channel["sid"])

    def decide(channel: Channel, tail: Tail) -> Decision:
        if state_of(tail) != before:
            raise _Done(CONCURRENT_UPDATE)
        also = rework(context, channel, tail, {}, state=ACTIVE, reason=EVENT)
        changes = verbs.changed(context, also.record)
        return Decision(Update(key, NOT_FOUND(), set=changes), also.writes)

    try:
        channel_log.change(context, "channel", "updated", channel, decide, in_any_state=before == INITIALIZING)
    except _Done:
        return
    context.configuration.forget(key)
