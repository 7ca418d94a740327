"""Due work: what is to be done when its minute has come.

Each piece of work is listed under its minute. The *hand* is a stored number: the last minute of which all work is done.
About once a minute a tick does the work of every minute after the hand. So no minute is left out, even if no tick came
for hours or one was cut short. When a piece of work is done, it is removed from the list. Until all of a minute is
done, the hand stays before that minute. A handler may be given the same work twice.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from parley.operations.context import Context
from parley.store import keys
from parley.store.keys import Key
from parley.stored import Due

# Gets entries that are listed under a minute, does their work, and returns the ids of which the work is done.
Handler = Callable[[Context, list[Due], int], set[str]]

_AT_ONCE = 200
# How far the first tick of all looks back. No work is listed earlier than this before it is due.
_FIRST_MINUTES = 150
# A function that began before a minute ended may list work under that minute for this long after.
_SETTLED_MINUTES = 1


def entry(
    context: Context, kind: str, due_seconds: int, id_: str, expires_at: int, facts: Due | None = None
) -> dict[Key[Due], Due]:
    """The item that lists a piece of work under the minute in which it is due. DynamoDB removes it at `expires_at`."""
    listed: Due = {**(facts or {}), "id": id_, "expires_at": expires_at}
    return {keys.due(context.account_sid, kind, due_seconds // 60, id_): listed}


def listed(context: Context, kind: str, minutes: range) -> list[str]:
    """The ids that are listed under these minutes."""
    places = [place for minute in minutes for place in keys.due_in(context.account_sid, kind, minute)]
    return [one["id"] for place in places for one in context.table.every(place)]


def work_off(context: Context, handlers: Mapping[str, Handler], until_ms: int) -> None:
    """Do the due work of each kind and stop at `until_ms`; the next tick goes on from there."""
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
    """Do the work of a minute; returns whether all of it is done."""
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
            done = handle(context, [one.record for one in found], minute)
            context.table.erase_many(one.key for one in found if one.record["id"] in done)
            is_done = is_done and all(one.record["id"] in done for one in found)
    return is_done
