"""Timers of conversations: once a minute, a job changes the state of each conversation whose timer has run out.

A conversation with timers has one entry, under the time at which its next timer runs out. A message moves that time but
not the entry. So for each entry the job reads the counters: either it changes the state, or it moves the entry.

A transition takes four requests:

1. The counters change, but only if nobody was active in the conversation since they were read. So a message either
   comes before the transition or meets the new state.
2. The channel's record changes, which announces the transition.
3. The entries that list the channel move.
4. The job looks whether anybody else has moved entries meanwhile, and erases the entries that it found.

If the job dies in between, the entry no longer agrees with the counters. The next job sees that, and changes the record
and the entries to agree with the counters.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple, cast

from parley.domain.states import ACTIVE, STATES, TIMER, state_of
from parley.domain.timers import due_at, state_due
from parley.errors import NOT_FOUND, Refusal, ignoring
from parley.operations import channel_log, verbs
from parley.operations.channel_log import Overtaken, unchanged
from parley.operations.context import Context
from parley.operations.entries import COUNTERS, entries
from parley.operations.transitions import marks, transition
from parley.store import keys
from parley.store.items import Record
from parley.store.keys import Key, Range
from parley.store.table import Found, Records
from parley.store.writes import Erase, Guard, Put, Update
from parley.stored import Channel, Listing, Tail

# How many entries are read together, each with its channel and its counters.
_STEP = 50


def work_off(context: Context, is_late: Callable[[], bool]) -> bool:
    """Bring every conversation whose timer has run out to its next state; returns False if some are left."""
    later = keys.time(context.clock.now_ms() + 1)
    left: dict[Range[Listing], str | None] = dict.fromkeys(keys.timers(context.account_sid))
    while left:
        pages = {where: context.table.page(where, _STEP, after=left[where], before=later) for where in left}
        found = sorted((item for page in pages.values() for item in page.found), key=lambda item: item.position)
        for start in range(0, len(found), _STEP):
            if not _work_off(context, found[start : start + _STEP], is_late):
                return False
        left = {where: page.found[-1].position for where, page in pages.items() if page.more}
    return True


class _Settled(NamedTuple):
    """An entry that was handled, its conversation, and the entries that the conversation has now."""

    found: Key[Listing]
    channel_sid: str
    listed: Mapping[Key[Any], Record]


def _work_off(context: Context, found: list[Found[Listing]], is_late: Callable[[], bool]) -> bool:
    sids = [item.record["channel_sid"] for item in found]
    read = context.table.fetch_many(key for sid in sids for key in (keys.channel(sid), keys.tail(sid)))
    settled: list[_Settled] = []
    for item, sid in zip(found, sids, strict=True):
        if is_late():
            break
        settled += _settle(context, item.key, sid, read)
    else:
        _finish(context, settled)
        return True
    _finish(context, settled)
    return False


def _settle(context: Context, entry: Key[Listing], sid: str, read: Records) -> list[_Settled]:
    """Handle one entry. If another change came first, read again; after too many of them, leave it to the next job."""
    patience = context.table.patience()
    while True:
        channel, tail = read.get(keys.channel(sid)), read.get(keys.tail(sid))
        try:
            listed = {} if channel is None or tail is None else _decide(context, entry, channel, tail)
            return [_Settled(entry, sid, listed)]
        except Overtaken:
            if not patience.wait():
                return []
            read = context.table.fetch_many([keys.channel(sid), keys.tail(sid)])
        except Refusal as refusal:
            if refusal.error is not NOT_FOUND:
                raise
            # The conversation was deleted meanwhile.
            read = Records()


def _finish(context: Context, settled: list[_Settled]) -> None:
    """Erase the entries that the job found.

    The job puts entries without conditions. So it first reads the conversations again. If somebody else has changed one
    meanwhile, the job moves its entries once more.
    """
    patience, open_ = context.table.patience(), [one for one in settled if one.listed]
    while open_:
        read = context.table.fetch_many(
            key for one in open_ for key in (keys.channel(one.channel_sid), keys.tail(one.channel_sid))
        )
        followed = [(one, _wanted(context, one.channel_sid, read)) for one in open_]
        moved = [(one, wanted) for one, wanted in followed if wanted.keys() != one.listed.keys()]
        for one, wanted in moved:
            _follow(context, one, wanted)
        open_ = [one._replace(listed=wanted) for one, wanted in moved]
        if open_ and not patience.wait():
            # The next job finds their entries again.
            left = {one.found for one in open_}
            settled = [one for one in settled if one.found not in left]
            break
    context.table.erase_many(one.found for one in settled if one.found not in one.listed)


def _wanted(context: Context, sid: str, read: Records) -> dict[Key[Any], Record]:
    channel, tail = read.get(keys.channel(sid)), read.get(keys.tail(sid))
    return entries(context.account_sid, channel, tail) if channel is not None and tail is not None else {}


def _follow(context: Context, one: _Settled, wanted: Mapping[Key[Any], Record]) -> None:
    """Put the entries that follow from a conversation now, and erase this job's entries that no longer do."""
    context.table.put_many({key: entry for key, entry in wanted.items() if key not in one.listed})
    for key, entry in one.listed.items():
        if key not in wanted:
            _erase(context, key, Guard("seq", "=", entry["seq"], NOT_FOUND()))


def _erase(context: Context, key: Key[Any], guard: Guard) -> None:
    with ignoring(NOT_FOUND):
        context.table.commit(context.cause(), [Erase(key, NOT_FOUND(), (guard,))])


def _decide(context: Context, entry: Key[Listing], channel: Channel, tail: Tail) -> Mapping[Key[Any], Record]:
    """Change the state if the entry's timer has run out, else move the entry; returns the new entries."""
    due = tail.get("timer_due")
    if due is None or entry != keys.timer(context.account_sid, due, channel["sid"]):
        return _complete(context, channel, tail)
    now, before = context.clock.now_ms(), state_of(tail)
    after = state_due(channel, tail, now)
    guards = [unchanged(tail, name) for name in (*COUNTERS, "activity_at", "timed_at")]
    if after is None:
        moved = {"timer_due": due_at(channel, tail)}
        write = channel_log.in_tail(channel["service_sid"], channel["sid"], {}, *guards, **moved)
        context.table.commit(context.cause(), [write])
        return _relist(context, channel, tail, cast(Tail, {**tail, **moved}))
    in_record, in_tail = transition(before, after, TIMER, now)
    in_tail["timer_due"] = due_at(channel, cast(Tail, {**tail, **in_tail}))
    taken = channel_log.advance(context, channel["service_sid"], channel["sid"], {}, *guards, **in_tail)
    announced = _announce(context, channel, taken, in_record)
    listed = _relist(context, announced, tail, taken)
    _erase_listings(context, channel, taken, [before])
    return listed


def _complete(context: Context, channel: Channel, tail: Tail) -> Mapping[Key[Any], Record]:
    """Make record and entries agree with the counters, after a job died before it erased this entry."""
    before, after = channel.get("state") or ACTIVE, state_of(tail)
    if before != after or not _is_logged(context, channel):
        guards = [unchanged(tail, name) for name in COUNTERS]
        tail = channel_log.advance(context, channel["service_sid"], channel["sid"], {}, *guards)
        if before != after:
            channel = _announce(context, channel, tail, marks(before, after, TIMER, context.clock.now_ms()))
        else:
            # Clients that have caught up meanwhile take the former number for unused. So the log gets another one.
            channel = {**channel, "seq": tail["seq"]}
    listed = _relist(context, channel, {}, tail)
    _erase_listings(context, channel, tail, [state for state in STATES if state != after])
    return listed


def _is_logged(context: Context, channel: Channel) -> bool:
    """Whether a channel's last change is in its log. If not, a job died before it wrote the entry."""
    return "seq" not in channel or context.table.fetch(keys.change(channel["sid"], channel["seq"])) is not None


def _announce(context: Context, channel: Channel, taken: Tail, changes: Record) -> Channel:
    """Write a transition into the channel's record under the number that was taken; returns the record."""
    seen = channel.get("seq")
    order = Guard("seq", "=" if seen else "missing", seen or None, Overtaken())
    set_ = {**verbs.changed(context, changes), **channel_log.mark(taken)}
    key = keys.channel(channel["sid"])
    try:
        stored = context.table.commit(context.cause(), [Update(key, NOT_FOUND(), set=set_, guards=(order,))])[0]
    except Overtaken:
        where = channel["service_sid"], channel["sid"]
        context.table.commit(context.cause(), [channel_log.unused_number(context, *where, taken["seq"])])
        raise
    context.configuration.forget(key)
    return cast(Channel, stored)


def _relist(context: Context, channel: Channel, before: Tail, after: Tail) -> Mapping[Key[Any], Record]:
    """Put the entries that follow from the new counters but not from the old; returns all that follow from the new.

    If the state has changed or the old counters are unknown, the channel's last change is put into its log.
    """
    had = entries(context.account_sid, channel, before) if before else {}
    wanted = entries(context.account_sid, channel, after)
    put: dict[Key[Any], Mapping[str, Any]] = {key: listing for key, listing in wanted.items() if key not in had}
    if "seq" in channel and (not before or before.get("state") != after.get("state")):
        logged = channel_log.entry(context, channel["sid"], channel["seq"], "channel", {**channel}, "updated")
        assert isinstance(logged, Put)
        put[logged.key] = logged.record
    context.table.put_many(put)
    return wanted


def _erase_listings(context: Context, channel: Channel, tail: Tail, states: Iterable[str]) -> None:
    """Erase the channel's entries under states that it has left. If it has come back to one, that entry stays."""
    for state in states:
        key = keys.channel_listing(channel["service_sid"], tail["type"], state, channel["date_created"], channel["sid"])
        _erase(context, key, Guard("seq", "behind", tail["seq"], Overtaken()))
