"""Counting messages: a failed send can leave a channel's counters wrong, so they are compared with the messages.

A send takes an index and then writes the message. If it dies in between, the count is one too high, and the message
that the counters call the newest does not exist. Two requests compare and correct the counters: the send of every
fiftieth message, and a fetch of a channel in which nothing has happened for a minute.
"""

from __future__ import annotations

from typing import cast

from parley.domain.channels import newest_index
from parley.domain.counting import final_index, is_due, newest_uncounted
from parley.errors import NOT_FOUND, Refusal
from parley.operations import channel_log
from parley.operations.channel_log import Overtaken
from parley.operations.context import Context
from parley.store import keys
from parley.store.writes import Update
from parley.stored import Message, Tail

# Every fiftieth send checks the counters. One check reads up to 200 messages. A fetch makes up to 20 checks.
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
    """Count the messages above `counted_index`, up to where no message can be missing: one query, one write.

    Returns the corrected counters, even if another request corrected them first.

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
    if final >= newest_index(tail):
        newest = max(living) if living else _newest_stored(context, channel_sid, counted + 1)
        guards += [channel_log.unchanged(tail, name) for name in ("last_index", "last_message_index")]
        set_["last_message_index"] = None if newest == tail["last_index"] else newest
    write = channel_log.in_tail(tail["service_sid"], channel_sid, {"counted": len(living)}, *guards, **set_)
    try:
        return cast(Tail, context.table.commit(context.cause(), [write])[0])
    except Overtaken:
        return _read(context, channel_sid)


def settle_at_every_fiftieth(context: Context, message: Message) -> None:
    """Settle the counters if this is a fiftieth message. If that fails, the message is sent all the same."""
    if not is_fiftieth(message["index"]):
        return
    try:
        settle(context, message["channel_sid"], _read(context, message["channel_sid"]))
    except Refusal:
        # The channel was deleted, or the table is busy. The next check covers these messages too.
        return


def one_message_less(context: Context, message: Message, tail: Tail) -> Update:
    """The write that lowers a channel's count by one message. If it was the newest, the one below becomes the newest.

    The write is refused as overtaken if the counters were settled, or another message became the newest, after `tail`
    was read.
    """
    index, channel_sid = message["index"], message["channel_sid"]
    is_counted = index <= tail["counted_index"]
    add = {"counted": -1} if is_counted else {"removed": frozenset((index,))}
    guards = [channel_log.unchanged(tail, name) for name in ("counted_index", "last_message_index")]
    set_ = {}
    if tail.get("last_message_index", tail["last_index"]) == index:
        # If a newer message was sent, or the one below was removed, the index written here would be wrong.
        guards += [channel_log.unchanged(tail, name) for name in ("last_index", "counted", "removed")]
        newest = newest_uncounted(tail, index)
        if newest is None:
            newest = _newest_stored(context, channel_sid, min(index, tail["counted_index"] + 1))
        set_["last_message_index"] = newest
    return channel_log.in_tail(message["service_sid"], channel_sid, add, *guards, **set_)


def _newest_stored(context: Context, channel_sid: str, index: int) -> int:
    """The index of the newest message stored below an index; -1 if there is none."""
    below = context.table.page(keys.messages(channel_sid), 1, before=keys.padded(index), descending=True).found
    return int(below[0].record["index"]) if below else -1


def _read(context: Context, channel_sid: str) -> Tail:
    tail = context.table.fetch(keys.tail(channel_sid))
    if tail is None:
        raise NOT_FOUND()
    return tail
