"""The order of what happens in a channel: every change takes the channel's next `seq` and leaves an entry.

New messages are their own log and leave none. Entries live seven days; a client that was away longer fetches anew.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple, cast

from parley.errors import CHANNEL_RATE, CONCURRENT_UPDATE, NOT_FOUND, UNAVAILABLE, Refusal
from parley.operations import lifecycle, rate
from parley.operations.addressing import only_shown
from parley.operations.context import Context
from parley.operations.verbs import TOMBSTONE_SECONDS
from parley.store import keys
from parley.store.changes import KINDS
from parley.store.items import Record
from parley.store.writes import Additions, Bury, Create, Guard, Put, Update, Write
from parley.stored import Tail


def take_seq(context: Context, service_sid: str, channel_sid: str, *guards: Guard) -> Tail:
    """The channel's counters after taking the next seq; proves that the channel lives and is of the service.

    Raises:
        Refusal: 20404, or what a guard stands for.
    """
    return advance(context, service_sid, channel_sid, {}, *guards)


def advance(
    context: Context, service_sid: str, channel_sid: str, add: Additions, *guards: Guard, **set_: object
) -> Tail:
    """The channel's counters after taking the next seq and adding `add`, if the channel's rate allows.

    Raises:
        Refusal: 20404, 50063, or what a guard stands for.
    """
    guards = (*only_shown(context), *guards, *rate.guard(context, CHANNEL_RATE))
    write = in_tail(service_sid, channel_sid, {"seq": 1, **add}, *guards, seq_at=context.clock.now_ms(), **set_)
    tail = rate.counted(context, write.key, CHANNEL_RATE, lambda: context.table.commit(context.cause(), [write])[0])
    return cast(Tail, tail)


def in_tail(service_sid: str, channel_sid: str, add: Additions, *guards: Guard, **set_: object) -> Update:
    """A change to a channel's counters, which is not announced."""
    sealed = Guard("service_sid", "=", service_sid, NOT_FOUND())
    return Update(
        keys.tail(channel_sid), NOT_FOUND(), set=dict(set_), add=dict(add), guards=(sealed, *guards), announced=False
    )


class Overtaken(Refusal):
    """Raised when another change was committed first: what is stored is read again, and the decision taken anew."""

    def __init__(self) -> None:
        super().__init__(CONCURRENT_UPDATE)


def same(record: Mapping[str, Any], field: str) -> Guard:
    """The guard that a field is still what it was when the record was read."""
    value = record.get(field)
    return Guard(field, "missing" if value is None else "=", value, Overtaken())


class Decision(NamedTuple):
    """What a change writes: the record itself, and what goes with it in the same transaction."""

    write: Create | Update | Bury
    beside: Sequence[Write] = ()


# From the record and its channel's counters, both as they are stored at this moment, to what is to be written.
Decide = Callable[[Record, Tail], Decision]


def change(
    context: Context,
    kind: str,
    verb: str,
    record: Record,
    decide: Decide,
    *guards: Guard,
    in_any_state: bool = False,
) -> tuple[Record, Tail]:
    """Commit what `decide` decides, a change of a channel or of a record in it, under the channel's next seq.

    `record` was just read, or is to be created. The write is made only if the stored record is still the one that
    `decide` saw. If another change came first, record and counters are read again and `decide` is called again. So
    `decide` may refuse, but it must not write or send anything. The log entry is written in the same transaction.
    `guards` apply when the number is taken. So does what the conversation's state forbids, unless `in_any_state`. If
    the change is refused, clients are told that nothing happened under its number.

    Returns the record after the change, and the counters.

    Raises:
        Refusal: 20404, 50063, 50377, 50386, what a guard stands for, why `decide` or the commit refused; 20409 if other
            changes came first every time.
    """
    service_sid, channel_sid = record["service_sid"], record.get("channel_sid") or record["sid"]
    if not in_any_state:
        guards = (*lifecycle.allows(verb), *guards)
    tail = take_seq(context, service_sid, channel_sid, *guards)
    patience = context.table.patience()
    while True:
        try:
            decision = decide(record, tail)
            stored = context.table.commit(context.cause(), _writes(context, kind, verb, record, tail, decision))[0]
            return {**record, **stored}, tail
        except Overtaken:
            if not patience.wait():
                _leave_unused(context, service_sid, channel_sid, tail)
                raise CONCURRENT_UPDATE() from None
            record, tail = _read_again(context, decision.write, record, tail, guards)
        except Refusal as refusal:
            # When the table is too busy, it is not known whether the change was made, and there is no time left.
            if refusal.error is not UNAVAILABLE:
                _leave_unused(context, service_sid, channel_sid, tail)
            raise


def _writes(context: Context, kind: str, verb: str, record: Record, tail: Tail, decision: Decision) -> list[Write]:
    """The decided writes under the number that was taken, on condition that nothing has changed what was decided on."""
    write = decision.write
    if isinstance(write, Create):
        # The tombstone of an earlier record may be in the way. Under one key, versions only ever grow.
        order = Guard("seq", "behind", tail["seq"], Overtaken())
    else:
        seen = _version(record) or None
        order = Guard("seq", "=" if seen else "missing", seen, Overtaken())
    channel_sid = record.get("channel_sid") or record["sid"]
    logged = entry(context, channel_sid, tail["seq"], kind, record, verb)
    return [_numbered(write, tail, order), logged, *decision.beside]


def _version(record: Record) -> int:
    """The number of a record's last change. A channel that was read with its counters shows theirs as `seq`."""
    return int(record.get("version", record.get("seq")) or 0)


def _numbered(write: Create | Update | Bury, tail: Tail, order: Guard) -> Write:
    """The write under the number that was taken."""
    guards = (order, *write.guards)
    if isinstance(write, Update):
        return replace(write, set={**write.set, **mark(tail)}, guards=guards)
    return replace(write, record={**write.record, **mark(tail)}, guards=guards)


def _read_again(
    context: Context, write: Create | Update | Bury, record: Record, tail: Tail, guards: tuple[Guard, ...]
) -> tuple[Record, Tail]:
    """Record and counters as they are now, with a number to write under: the one taken, if it is still higher.

    A record that is to be created stays as it is and gets a new number, under the same guards.

    Raises:
        Refusal: 20404 if the record is gone, 50063, what a guard stands for.
    """
    service_sid, channel_sid = record["service_sid"], record.get("channel_sid") or record["sid"]
    if not isinstance(write, Create):
        found = context.table.fetch_many([write.key, keys.tail(channel_sid)])
        if len(found) < 2:
            _leave_unused(context, service_sid, channel_sid, tail)
            raise write.missing
        record = found[write.key]
        if _version(record) < tail["seq"]:
            return record, {**found[keys.tail(channel_sid)], "seq": tail["seq"]}
    _leave_unused(context, service_sid, channel_sid, tail)
    return record, take_seq(context, service_sid, channel_sid, *guards)


def _leave_unused(context: Context, service_sid: str, channel_sid: str, tail: Tail) -> None:
    context.table.commit(context.cause(), [nothing(context, service_sid, channel_sid, tail["seq"])])


def nothing(context: Context, service_sid: str, channel_sid: str, seq: int) -> Write:
    """The entry under a number that was taken and not used. It is announced, so that no client waits for it."""
    return _announced(service_sid, channel_sid, _entry(context, seq, "nothing", "", "refused"))


def _announced(service_sid: str, channel_sid: str, record: Record) -> Create:
    """An entry with a cause, so that connected clients are told that the channel has moved on."""
    where = {"service_sid": service_sid, "channel_sid": channel_sid}
    return Create(keys.change(channel_sid, record["seq"]), {**record, **where}, taken=CONCURRENT_UPDATE())


def mark(tail: Mapping[str, Any]) -> Record:
    """What a changed record carries of its channel's counters: the change's seq, and how many webhooks there are."""
    return {"seq": tail["seq"], "hooks": tail.get("webhooks_count") or None}


# What a deletion's entry keeps of the record. A client that returns is told this, even if the tombstone is gone too.
_REMAINS = ("identity", "index", "created_seq")


def entry(context: Context, channel_sid: str, seq: int, kind: str, record: Record, verb: str) -> Write:
    """The entry that tells a returning client what changed: the kind and SID of a record, and the verb.

    Clients that are connected hear of a change from the record itself, or from the entry if its kind has no events.
    """
    remains = {name: record[name] for name in _REMAINS if name in record} if verb == "deleted" else {}
    told = {**_entry(context, seq, kind, record["sid"], verb), **remains}
    if kind in KINDS:
        return Put(keys.change(channel_sid, seq), told)
    # The stream's filter passes only entries of the kind `nothing`: clients have no event for such a change.
    return _announced(record["service_sid"], channel_sid, {**told, "kind": "nothing", "of": kind})


def _entry(context: Context, seq: int, kind: str, sid: str, verb: str) -> Record:
    expires_at = context.clock.now_ms() // 1000 + TOMBSTONE_SECONDS
    return {"seq": seq, "kind": kind, "sid": sid, "verb": verb, "expires_at": expires_at}
