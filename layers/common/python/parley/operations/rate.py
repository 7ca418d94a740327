"""How much may happen in a second: 30 actions per channel and per service (https://www.twilio.com/docs/chat/chat-limits).

Every action adds one to a stored number: a channel's `seq`, or a service's counter. Beside it are a ceiling and the
time when it was set. The write that adds one requires that the number is below the ceiling. When the ceiling is
reached, it is moved up, at most once per window. So the limit costs one extra request in seventy-five actions, and
holds for any number of writers.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from parley.errors import NOT_FOUND, SERVICE_RATE, Error, ignoring
from parley.operations.context import Context
from parley.store import keys
from parley.store.items import Record
from parley.store.keys import Key
from parley.store.writes import Guard, Update
from parley.stored import Rate

# Twilio averages over five seconds. Two windows of half of that let no five seconds see much more than 5 x 30.
WINDOW_MS = 2_500


def allowance(context: Context) -> int:
    """Actions per window; 0 when there is no limit."""
    return context.actions_per_second * WINDOW_MS // 1000


def new_counter(context: Context) -> Rate:
    """The fields of something whose actions are counted.

    Without a limit, no window begins. So the first request that has a limit sets the ceiling at once.
    """
    most = allowance(context)
    return {"seq": 0, "seq_ceiling": most, "seq_ceiling_at": context.clock.now_ms() if most else 0}


def guard(context: Context, error: Error) -> tuple[Guard, ...]:
    """The condition of a write that takes a number, none when there is no limit."""
    return (Guard("seq", "below", "seq_ceiling", error()),) if allowance(context) else ()


def counted(context: Context, key: Key[Any], error: Error, take: Callable[[], Record]) -> Record:
    """Carry out `take`, a write under `guard`.

    If the number has reached its ceiling and the ceiling's window is over, this raises the ceiling and repeats `take`.

    Raises:
        Refusal: `error` when the window is not over; anything else that `take` raises.
    """
    with ignoring(error):
        return take()
    now = context.clock.now_ms()
    over = Guard("seq_ceiling_at", "<", now - WINDOW_MS, error())
    lift = Update(
        key,
        NOT_FOUND(),
        set={"seq_ceiling_at": now},
        above={"seq_ceiling": ("seq", allowance(context))},
        guards=(over,),
        announced=False,
    )
    # Perhaps another request has just moved it: then there is room after all.
    with ignoring(error):
        context.table.commit(context.cause(), [lift])
    return take()


def count_service_action(context: Context, service_sid: str) -> None:
    """Count a creation, change or deletion of a channel, user or role, or the deletion of a binding.

    Raises:
        Refusal: 50074.
    """
    if not allowance(context):
        return
    key = keys.service_rate(service_sid)
    write = Update(key, NOT_FOUND(), add={"seq": 1}, guards=guard(context, SERVICE_RATE), announced=False)
    counted(context, key, SERVICE_RATE, lambda: context.table.commit(context.cause(), [write])[0])
