"""Counting messages: what was counted ahead of the messages is compared with them, soon after and by whoever passes by.

A send that dies between taking an index and writing the message leaves the channel's counters one too high, and its
newest message one that does not exist. The sender of every fiftieth message, and whoever fetches a channel in which
nothing has happened for a minute, look at the messages that were not looked at yet and correct the counters.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from parley.domain.counting import final_index, is_due
from parley.errors import NOT_FOUND, Refusal
from parley.operations import channel_log
from parley.operations.channel_log import Overtaken
from parley.operations.context import Context
from parley.store import keys
from parley.store.writes import Update
from parley.stored import Tail

# How often a sender looks, and how many messages are looked at in one step.
EVERY = 50
_STEP = 200
_STEPS = 20


def is_turn(index: int) -> bool:
    """Whether it is the sender of this message who looks."""
    return (index + 1) % EVERY == 0


def settled(context: Context, channel_sid: str, tail: Tail) -> Tail:
    """The channel's counters, corrected first if nothing has happened there for a minute."""
    for _ in range(_STEPS):
        if not is_due(tail, context.clock.now_ms()):
            break
        tail = settle(context, channel_sid, tail)
    return tail


def settle(context: Context, channel_sid: str, tail: Tail) -> Tail:
    """Count the messages above the counted index as far as nothing can be written there any more: one query, one write.

    Returns the counters afterwards, also if somebody else was faster.

    Raises:
        Refusal: 20404 if the channel is gone.
    """
    counted = tail["counted_index"]
    after = keys.padded(counted) if counted >= 0 else None
    found, more = context.table.page(keys.messages(channel_sid), _STEP, after=after, buried=True)
    stored = [item.record for item in found]
    final = final_index(tail, stored, more, context.clock.now_ms())
    if final <= counted:
        return tail
    living = [message["index"] for message in stored if "deleted_at" not in message and message["index"] <= final]
    left = frozenset(index for index in tail.get("removed", ()) if index > final)
    guards = [channel_log.same(tail, name) for name in ("counted_index", "removed")]
    set_: dict[str, object] = {"counted_index": final, "removed": left or None}
    if final == tail["last_index"]:
        newest = max(living) if living else newest_below(context, channel_sid, counted + 1)
        guards += [channel_log.same(tail, name) for name in ("last_index", "last_message_index")]
        set_["last_message_index"] = None if newest == final else newest
    write = channel_log.in_tail(tail["service_sid"], channel_sid, {"counted": len(living)}, *guards, **set_)
    try:
        return cast(Tail, context.table.commit(context.cause(), [write])[0])
    except Overtaken:
        return _read(context, channel_sid)


def settle_in_turn(context: Context, message: Mapping[str, Any]) -> None:
    """Settle the counters if it is this message's sender's turn. The message is sent, whatever comes of it."""
    if not is_turn(message["index"]):
        return
    try:
        settle(context, message["channel_sid"], _read(context, message["channel_sid"]))
    except Refusal:
        # The channel is gone, or the table is busy; the next one in turn looks at these messages too.
        return


def uncounted(context: Context, message: Mapping[str, Any], tail: Tail) -> Update:
    """The write that takes a message off its channel's counters; the newest moves back if it was that one.

    Overtaken if the counters were settled, or another message became the newest, since they were read.
    """
    index, channel_sid = message["index"], message["channel_sid"]
    is_counted = index <= tail["counted_index"]
    add = {"counted": -1} if is_counted else {"removed": frozenset((index,))}
    guards = [channel_log.same(tail, name) for name in ("counted_index", "last_message_index")]
    set_ = {}
    if tail.get("last_message_index", tail["last_index"]) == index:
        # Nothing may have come or gone since: neither a newer message, nor the one below.
        guards += [channel_log.same(tail, name) for name in ("last_index", "counted", "removed")]
        set_["last_message_index"] = newest_below(context, channel_sid, index)
    return channel_log.in_tail(message["service_sid"], channel_sid, add, *guards, **set_)


def newest_below(context: Context, channel_sid: str, index: int) -> int:
    """The index of the newest message below an index; -1 if there is none."""
    below = context.table.page(keys.messages(channel_sid), 1, before=keys.padded(index), descending=True).found
    return int(below[0].record["index"]) if below else -1


def _read(context: Context, channel_sid: str) -> Tail:
    tail = context.table.fetch(keys.tail(channel_sid))
    if tail is None:
        raise NOT_FOUND()
    return tail
