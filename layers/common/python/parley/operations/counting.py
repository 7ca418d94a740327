"""Counting messages: counters run ahead of the messages, so they are compared with them soon after.

A send that dies between taking an index and writing the message leaves the channel's count one too high, and the
channel's newest message does not exist. Two requests check the messages that were not checked yet and correct the
counters: the send of every fiftieth message, and a fetch of a channel in which nothing has happened for a minute.
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

# After how many messages a send checks the counters, how many messages one step reads, and the most steps of a fetch.
EVERY = 50
_STEP = 200
_STEPS = 20


def is_fiftieth(index: int) -> bool:
    """Whether the send of this message checks the counters."""
    return (index + 1) % EVERY == 0


def settled(context: Context, channel_sid: str, tail: Tail) -> Tail:
    """The channel's counters, corrected first if nothing has happened there for a minute."""
    for _ in range(_STEPS):
        if not is_due(tail, context.clock.now_ms()):
            break
        tail = settle(context, channel_sid, tail)
    return tail


def settle(context: Context, channel_sid: str, tail: Tail) -> Tail:
    """Count the messages above the counted index, up to where none can be written any more: one query, one write.

    Returns the counters afterwards, even if another request corrected them first.

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
    guards = [channel_log.unchanged(tail, name) for name in ("counted_index", "removed")]
    set_: dict[str, object] = {"counted_index": final, "removed": left or None}
    if final == tail["last_index"]:
        newest = max(living) if living else newest_below(context, channel_sid, counted + 1)
        guards += [channel_log.unchanged(tail, name) for name in ("last_index", "last_message_index")]
        set_["last_message_index"] = None if newest == final else newest
    write = channel_log.in_tail(tail["service_sid"], channel_sid, {"counted": len(living)}, *guards, **set_)
    try:
        return cast(Tail, context.table.commit(context.cause(), [write])[0])
    except Overtaken:
        return _read(context, channel_sid)


def settle_at_every_fiftieth(context: Context, message: Mapping[str, Any]) -> None:
    """Settle the counters if it is this message's turn. The message stays sent if that fails."""
    if not is_fiftieth(message["index"]):
        return
    try:
        settle(context, message["channel_sid"], _read(context, message["channel_sid"]))
    except Refusal:
        # The channel is gone, or the table is busy; the next check covers these messages too.
        return


def one_message_less(context: Context, message: Mapping[str, Any], tail: Tail) -> Update:
    """The write that takes a message off its channel's counters; the newest moves back if it was that one.

    Overtaken if the counters were settled, or another message became the newest, since they were read.
    """
    index, channel_sid = message["index"], message["channel_sid"]
    is_counted = index <= tail["counted_index"]
    add = {"counted": -1} if is_counted else {"removed": frozenset((index,))}
    guards = [channel_log.unchanged(tail, name) for name in ("counted_index", "last_message_index")]
    set_ = {}
    if tail.get("last_message_index", tail["last_index"]) == index:
        # Nothing may have come or gone since: neither a newer message, nor the one below.
        guards += [channel_log.unchanged(tail, name) for name in ("last_index", "counted", "removed")]
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
