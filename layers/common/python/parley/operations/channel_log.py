"""The order of what happens in a channel: every change takes the channel's next `seq` and leaves an entry.

New messages are their own log and leave none. Entries live seven days; a client that was away longer fetches anew.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from parley.errors import CHANNEL_RATE, CONCURRENT_UPDATE, NOT_FOUND, Refusal
from parley.operations import rate
from parley.operations.context import Context
from parley.operations.verbs import TOMBSTONE_SECONDS
from parley.store import keys
from parley.store.items import Record
from parley.store.writes import Bury, Create, Guard, Put, Update, Write

# How often at most a change is made again that others overtake.
_LOOKS = 10


def take_seq(context: Context, service_sid: str, channel_sid: str, *guards: Guard) -> Record:
    """The channel's counters after taking the next seq; proves that the channel lives and is of the service.

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


class Overtaken(Refusal):
    """Raised when another change was there before; this one is to be made again, with the counters as they are then."""

    def __init__(self) -> None:
        super().__init__(CONCURRENT_UPDATE, CONCURRENT_UPDATE.text)


def change(
    context: Context,
    kind: str,
    verb: str,
    record: Record,
    write: Create | Update | Bury,
    *guards: Guard,
    beside: Sequence[Write] | Callable[[Record], Sequence[Write]] = (),
) -> tuple[Record, Record]:
    """Commit `write`, a change of a channel or of a record in it, under the channel's next seq.

    `record` is what was read, or what is created. With the write go its entry in the log and the writes `beside` it,
    which may depend on the counters; `guards` are for taking the number. A number that nothing comes of is told as one.
    A change that was overtaken by one with a later number is made again under a new one, so that a record's `seq` only
    grows. Returns the record after the change, in no older version, and the counters.

    Raises:
        Refusal: 20404, 50063, what a guard stands for, why the commit was refused; 20409 if it is overtaken every time.
    """
    service_sid, channel_sid = record["service_sid"], record.get("channel_sid") or record["sid"]
    for look in range(_LOOKS):
        tail = take_seq(context, service_sid, channel_sid, *guards)
        # What is answered with is what was read, so nothing may have come in between; later on it is read again.
        is_known = look == 0 and isinstance(write, Update)
        order = _unchanged(record) if is_known else Guard("seq", "behind", tail["seq"], Overtaken())
        writes = [
            _numbered(write, tail, order),
            entry(context, channel_sid, tail["seq"], kind, record["sid"], verb),
            *(beside(tail) if callable(beside) else beside),
        ]
        try:
            stored = {**record, **context.table.commit(context.cause(), writes)[0]}
            return stored if look == 0 else context.table.fetch(write.key) or stored, tail
        except Refusal as refusal:
            context.table.commit(context.cause(), [nothing(context, service_sid, channel_sid, tail["seq"])])
            if not isinstance(refusal, Overtaken):
                raise
    raise CONCURRENT_UPDATE()


def _unchanged(record: Record) -> Guard:
    # A channel's `seq` is that of its counters, where it was read with them.
    seq = record.get("version", record.get("seq")) or None
    return Guard("seq", "=" if seq else "missing", seq, Overtaken())


def _numbered(write: Create | Update | Bury, tail: Record, order: Guard) -> Write:
    """The write under the number that was taken."""
    guards = (*write.guards, order)
    if isinstance(write, Update):
        return replace(write, set={**write.set, **mark(tail)}, guards=guards)
    return replace(write, record={**write.record, **mark(tail)}, guards=guards)


def nothing(context: Context, service_sid: str, channel_sid: str, seq: int) -> Write:
    """The entry under a number that was taken and not used, which is told: nobody need wait for it."""
    record = _entry(context, seq, "nothing", "", "refused")
    return Create(
        keys.change(channel_sid, seq),
        {**record, "service_sid": service_sid, "channel_sid": channel_sid},
        taken=CONCURRENT_UPDATE(),
    )


def mark(tail: Record) -> Record:
    """What a changed record carries of its channel's counters: the change's seq, and how many webhooks there are."""
    return {"seq": tail["seq"], "hooks": tail.get("webhooks_count") or None}


def entry(context: Context, channel_sid: str, seq: int, kind: str, sid: str, verb: str) -> Write:
    """The entry that tells a returning client what changed: the kind and SID of a record, and the verb."""
    return Put(keys.change(channel_sid, seq), _entry(context, seq, kind, sid, verb))


def _entry(context: Context, seq: int, kind: str, sid: str, verb: str) -> Record:
    expires_at = context.clock.now_ms() // 1000 + TOMBSTONE_SECONDS
    return {"seq": seq, "kind": kind, "sid": sid, "verb": verb, "expires_at": expires_at}
