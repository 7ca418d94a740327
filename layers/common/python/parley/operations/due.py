"""Due work: what is to be done when a minute has come, however long nobody looked.

Whatever falls due is listed under its minute. A tick comes about once a minute and works off the minutes from the hand
on: the *hand* is a stored number, the last minute that is completely done. So every minute is worked off, also when the
clock stood still for hours or a tick was cut short. An entry is removed when it is done; one that is not done yet keeps
the hand before its minute. Work may be done twice, so handlers must bear that.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from parley.operations.context import Context
from parley.store import keys
from parley.store.keys import Key
from parley.stored import Due

# Is given ids that are listed under a minute, does what is due, and returns the ids that are done.
Handler = Callable[[Context, list[str], int], set[str]]

_AT_ONCE = 200
# Where there is no hand yet, nothing can be listed under earlier minutes: no entry is made so long before it is due.
_FIRST_MINUTES = 150
# An entry may still be written for this long after its minute has ended, by a function that began before.
_SETTLED_MINUTES = 1


def entry(context: Context, kind: str, due_seconds: int, id_: str, expires_at: int) -> dict[Key[Due], Due]:
    """The item that lists something of a kind as due at a time; it removes itself at `expires_at`."""
    return {keys.due(context.account_sid, kind, due_seconds // 60, id_): {"id": id_, "expires_at": expires_at}}


def listed(context: Context, kind: str, minutes: range) -> list[str]:
    """The ids that are listed under these minutes."""
    places = [place for minute in minutes for place in keys.due_in(context.account_sid, kind, minute)]
    return [one["id"] for place in places for one in context.table.every(place)]


def work_off(context: Context, handlers: Mapping[str, Handler], until_ms: int) -> None:
    """Do what is due, by the kind of work, and stop at `until_ms`; the next tick goes on from there."""
    for kind, handle in handlers.items():
        _work_off(context, kind, handle, until_ms)


def _work_off(context: Context, kind: str, handle: Handler, until_ms: int) -> None:
    now = context.clock.now_ms() // 60_000
    key = keys.due_hand(context.account_sid, kind)
    stored = context.table.fetch(key)
    before = hand = stored["minute"] if stored else now - _FIRST_MINUTES
    for minute in range(hand + 1, now + 1):
        if not _minute_done(context, kind, minute, handle, until_ms):
            break
        if minute <= now - 1 - _SETTLED_MINUTES:
            hand = minute
    if hand > before or not stored:
        context.table.put_many({key: {"minute": hand}})


def _minute_done(context: Context, kind: str, minute: int, handle: Handler, until_ms: int) -> bool:
    """Whether all that is listed under a minute has been done."""
    is_done = True
    for place in keys.due_in(context.account_sid, kind, minute):
        after, more = None, True
        while more:
            if context.clock.now_ms() >= until_ms:
                return False
            found, more = context.table.page(place, _AT_ONCE, after=after)
            if not found:
                break
            after = found[-1].position
            done = handle(context, [one.record["id"] for one in found], minute)
            context.table.erase_many(one.key for one in found if one.record["id"] in done)
            is_done = is_done and all(one.record["id"] in done for one in found)
    return is_done
