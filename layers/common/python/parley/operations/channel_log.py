"""A channel's log: every change in a channel takes its next change number (`seq`) and leaves an entry under it.

A new message leaves no entry, since it carries its number itself. Entries expire after seven days. A client that was
away longer fetches everything anew.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple, TypeVar, cast

from parley.errors import CHANNEL_RATE, CONCURRENT_UPDATE, NOT_FOUND, UNAVAILABLE, Refusal
from parley.operations import lifecycle, rate
from parley.operations.addressing import only_shown
from parley.operations.context import Context
from parley.operations.verbs import TOMBSTONE_SECONDS
from parley.store import keys
from parley.store.changes import KINDS
from parley.store.items import Record
from parley.store.writes import Additions, Bury, Create, Guard, Put, Update, Write
from parley.stored import LogEntry, Tail

R = TypeVar("R", bound=Mapping[str, Any])

# What an entry has for a verb if its change number was taken and not used.
_UNUSED = "refused"


def take_seq(context: Context, service_sid: str, channel_sid: str, *guards: Guard) -> Tail:
    """Take the channel's next change number; returns the counters afterwards.

    Raises:
        Refusal: 20404 if the service has no such channel; 50063; that of a guard that does not hold.
    """
    return advance(context, service_sid, channel_sid, {}, *guards)


def advance(
    context: Context, service_sid: str, channel_sid: str, add: Additions, *guards: Guard, **set_: object
) -> Tail:
    """Take the channel's next change number and add `add` to its counters; returns the counters afterwards.

    Raises:
        Refusal: as `take_seq`.
    """
    guards = (*only_shown(context), *guards, *rate.guard(context, CHANNEL_RATE))
    write = in_tail(service_sid, channel_sid, {"seq": 1, **add}, *guards, seq_at=context.clock.now_ms(), **set_)
    tail = rate.counted(context, write.key, CHANNEL_RATE, lambda: context.table.commit(context.cause(), [write])[0])
    return cast(Tail, tail)


def in_tail(service_sid: str, channel_sid: str, add: Additions, *guards: Guard, **set_: object) -> Update:
    """The write of a change to a channel's counters, which is not announced."""
    sealed = Guard("service_sid", "=", service_sid, NOT_FOUND())
    return Update(
        keys.tail(channel_sid), NOT_FOUND(), set=dict(set_), add=dict(add), guards=(sealed, *guards), announced=False
    )


class Overtaken(Refusal):
    """Raised when another change was committed first. The record is read again, and the decision is taken again."""

    def __init__(self) -> None:
        super().__init__(CONCURRENT_UPDATE)


def unchanged(record: Mapping[str, Any], field: str) -> Guard:
    """The guard that a field still has the value that `record` was read with."""
    value = record.get(field)
    return Guard(field, "missing" if value is None else "=", value, Overtaken())


class Decision(NamedTuple):
    """The write of the changed record, and other writes that belong into the same transaction."""

    write: Create | Update | Bury
    beside: Sequence[Write] = ()


# From the record and its channel's counters, as they are stored now, to the writes to make.
Decide = Callable[[R, Tail], Decision]


def change(
    context: Context,
    kind: str,
    verb: str,
    record: R,
    decide: Decide[R],
    *guards: Guard,
    in_any_state: bool = False,
) -> tuple[R, Tail]:
    """Change a channel, or a record in it, as `decide` says, under the channel's next change number.

    `record` was just read, or is to be created. The write requires that the stored record is still the one that
    `decide` saw. If another change came first, record and counters are read again and `decide` is called again. So
    `decide` may refuse, but it must not write or send anything. The log entry is written in the same transaction.
    `guards` apply when the number is taken. Unless `in_any_state`, the conversation's state must allow the change too.
    If the change is refused, its number is announced as unused.

    Returns the record after the change, and the counters.

    Raises:
        Refusal: as `take_seq`; 50377 and 50386; those of `decide` and of the commit; 20409 if other changes came first
            every time.
    """
    context = context.sharing_patience()
    service_sid, channel_sid = record["service_sid"], record.get("channel_sid") or record["sid"]
    if not in_any_state:
        guards = (*lifecycle.allows(verb), *guards)
    tail = take_seq(context, service_sid, channel_sid, *guards)
    patience = context.table.patience()
    while True:
        try:
            decision = decide(record, tail)
            stored = context.table.commit(context.cause(), _writes(context, kind, verb, record, tail, decision))[0]
            return cast(R, {**record, **stored}), tail
        except Overtaken:
            if not patience.wait():
                _leave_unused(context, service_sid, channel_sid, tail)
                raise CONCURRENT_UPDATE() from None
            again, tail = _read_again(context, decision.write, record, tail, guards)
            record = cast(R, again)
        except Refusal as refusal:
            # When the table is too busy, it is not known whether the change was made, and there is no time left.
            if refusal.error is not UNAVAILABLE:
                _leave_unused(context, service_sid, channel_sid, tail)
            raise


def _writes(
    context: Context, kind: str, verb: str, record: Mapping[str, Any], tail: Tail, decision: Decision
) -> list[Write]:
    """The decided writes with the change number and the log entry. They require that the record is as it was read."""
    write = decision.write
    if isinstance(write, Create):
        # The tombstone of an earlier record may stand there. The new record needs a higher number than the tombstone.
        order = Guard("seq", "behind", tail["seq"], Overtaken())
    else:
        seen = _version(record) or None
        order = Guard("seq", "=" if seen else "missing", seen, Overtaken())
    channel_sid = record.get("channel_sid") or record["sid"]
    logged = entry(context, channel_sid, tail["seq"], kind, record, verb)
    return [_numbered(write, tail, order), logged, *decision.beside]


def _version(record: Mapping[str, Any]) -> int:
    """The number of a record's last change. In a channel that was read with its counters, `seq` is theirs."""
    return int(record.get("version", record.get("seq")) or 0)


def _numbered(write: Create | Update | Bury, tail: Tail, order: Guard) -> Write:
    """The write with the change number, and with `order` as a further guard."""
    guards = (order, *write.guards)
    if isinstance(write, Update):
        return replace(write, set={**write.set, **mark(tail)}, guards=guards)
    return replace(write, record={**write.record, **mark(tail)}, guards=guards)


def _read_again(
    context: Context, write: Create | Update | Bury, record: Mapping[str, Any], tail: Tail, guards: tuple[Guard, ...]
) -> tuple[Mapping[str, Any], Tail]:
    """Record and counters as they are stored now, with the change number to write under.

    The number that was taken is kept if it is higher than the record's. Otherwise it is announced as unused, and a new
    one is taken under the same guards. A record that is to be created always gets a new number.

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
    context.table.commit(context.cause(), [unused_number(context, service_sid, channel_sid, tail["seq"])])


def unused_number(context: Context, service_sid: str, channel_sid: str, seq: int) -> Write:
    """The entry for a change number that was taken and not used. It is announced, so that no client waits for it."""
    return _announced(service_sid, channel_sid, _entry(context, seq, "nothing", "", _UNUSED))


def index_before(tail: Tail, seq: int, entries: Iterable[LogEntry]) -> int:
    """An index that is below those of all messages with higher change numbers than `seq`; -1 if there may be no such.

    It is close to them, so that few older messages are read. `tail` has the channel's counters. `entries` are the log's
    entries after `seq`. Some may be missing, and some may be newer than the counters.

    Each message took an index and a change number at once. A number that has an entry went to another change. But if
    the entry says that the number is unused, a message that was not written may have taken it, and an index with it.
    """
    without = sum(entry["seq"] <= tail["seq"] and entry["verb"] != _UNUSED for entry in entries)
    return max(tail["last_index"] - (tail["seq"] - seq - without), -1)


def _announced(service_sid: str, channel_sid: str, record: Record) -> Create:
    """The write of an entry with a cause. Fan-out sends connected clients its change number."""
    where = {"service_sid": service_sid, "channel_sid": channel_sid}
    return Create(keys.change(channel_sid, record["seq"]), {**record, **where}, taken=CONCURRENT_UPDATE())


def mark(tail: Tail) -> Record:
    """What a changed record takes over from its channel's counters: the change number, and the number of webhooks."""
    return {"seq": tail["seq"], "hooks": tail.get("webhooks_count") or None}


# The fields of a deleted record that stay in its log entry. Clients that return get them, even without the tombstone.
_REMAINS = ("identity", "index", "created_seq")


def entry(context: Context, channel_sid: str, seq: int, kind: str, record: Mapping[str, Any], verb: str) -> Write:
    """The write of the log entry of a change: the kind and SID of the record, and the verb.

    Clients that return read it. Connected clients hear of the change through the stream: from the changed record, or
    from the entry if clients have no event for this kind of record.
    """
    remains = {name: record[name] for name in _REMAINS if name in record} if verb == "deleted" else {}
    told = {**_entry(context, seq, kind, record["sid"], verb), **remains}
    if kind in KINDS:
        return Put(keys.change(channel_sid, seq), told)
    # Of the log's entries, the stream's filter passes only the kind `nothing`.
    return _announced(record["service_sid"], channel_sid, {**told, "kind": "nothing", "of": kind})


def _entry(context: Context, seq: int, kind: str, sid: str, verb: str) -> Record:
    expires_at = context.clock.now_ms() // 1000 + TOMBSTONE_SECONDS
    return {"seq": seq, "kind": kind, "sid": sid, "verb": verb, "expires_at": expires_at}
