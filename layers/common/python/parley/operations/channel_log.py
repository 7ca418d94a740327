"""The order of what happens in a channel: every change takes the channel's next `seq` and leaves an entry.

New messages are their own log and leave none. Entries live seven days; a client that was away longer fetches anew.
"""

from __future__ import annotations

from collections.abc import Sequence

from parley.errors import CHANNEL_RATE, NOT_FOUND, Refusal
from parley.operations import rate
from parley.operations.context import Context
from parley.operations.verbs import TOMBSTONE_SECONDS
from parley.store import keys
from parley.store.items import Record
from parley.store.writes import Guard, Put, Update, Write


def take_seq(context: Context, service_sid: str, channel_sid: str, *guards: Guard) -> Record:
    """The channel's counters after taking the next seq; proves that the channel lives and is of the service.

    A seq that is taken and then not used is a gap, which readers of the log pass over.

    Raises:
        Refusal: 20404, or what a guard stands for.
    """
    return advance(context, service_sid, channel_sid, {}, *guards)


def advance(
    context: Context, service_sid: str, channel_sid: str, add: dict[str, int], *guards: Guard, **set_: object
) -> Record:
    """The channel's counters after taking the next seq and adding `add`, if the channel's rate allows.

    Raises:
        Refusal: 20404, 50063, or what a guard stands for.
    """
    guards = (*guards, *rate.guard(context, CHANNEL_RATE))
    write = in_tail(service_sid, channel_sid, {"seq": 1, **add}, *guards, seq_at=context.clock.now_ms(), **set_)
    return rate.counted(context, write.key, CHANNEL_RATE, lambda: context.table.commit(context.cause(), [write])[0])


def in_tail(service_sid: str, channel_sid: str, add: dict[str, int], *guards: Guard, **set_: object) -> Update:
    """A change to a channel's counters; itself nobody's news."""
    sealed = Guard("service_sid", "=", service_sid, NOT_FOUND())
    return Update(
        keys.tail(channel_sid), NOT_FOUND(), set=dict(set_), add=add, guards=(sealed, *guards), announced=False
    )


def commit(context: Context, channel_sid: str, tail: Record, writes: Sequence[Write]) -> list[Record]:
    """Commit a change that took a number; if it is refused, an entry says that nothing came of the number.

    Raises:
        Refusal: why it was refused.
    """
    try:
        return context.table.commit(context.cause(), writes)
    except Refusal:
        context.table.commit(context.cause(), [nothing(context, channel_sid, tail["seq"])])
        raise


def nothing(context: Context, channel_sid: str, seq: int) -> Write:
    """The entry under a number that was taken and not used: whoever catches up need not wait for it."""
    return entry(context, channel_sid, seq, "nothing", "", "refused")


def mark(tail: Record) -> Record:
    """What a changed record carries of its channel's counters: the change's seq, and how many webhooks there are."""
    return {"seq": tail["seq"], "hooks": tail.get("webhooks_count") or None}


def entry(context: Context, channel_sid: str, seq: int, kind: str, sid: str, verb: str) -> Write:
    """The entry that tells a returning client what changed: the kind and SID of a record, and the verb."""
    expires_at = context.clock.now_ms() // 1000 + TOMBSTONE_SECONDS
    record = {"seq": seq, "kind": kind, "sid": sid, "verb": verb, "expires_at": expires_at}
    return Put(keys.change(channel_sid, seq), record)
