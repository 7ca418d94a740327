"""The items for the bindings of a channel's members. The transaction that changes a member writes them too.

- A pair of address and proxy address leads to one open conversation of the account. If another channel holds a pair and
  is closed or deleted, a new member takes the pair over.
- The set of a group's addresses leads to one open conversation too.
- In the channel, each member with a pair has an item. These items are neighbours, so that one query finds everybody to
  whom a message goes. Each is small, so the fiftieth phone costs what the first does.
- The members of a group have no such items. The channel's counters hold their addresses, ten at most.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, NamedTuple, cast

from parley.domain.participants import (
    MOST_IN_GROUP,
    MOST_PHONES,
    addresses_of_group,
    bindings_in,
    check_complete,
    check_in_group,
    group_of,
    is_in_group,
    is_phone,
    pair_of,
)
from parley.domain.states import CLOSED
from parley.errors import (
    CONCURRENT_UPDATE,
    GROUP_EXISTS,
    GROUP_IMPOSSIBLE,
    NO_MESSAGING_SERVICE,
    NOT_FOUND,
    PAIR_EXISTS,
    PHONES_FULL,
    Refusal,
    ignoring,
)
from parley.ids import group_digest
from parley.operations.context import Context
from parley.store import keys
from parley.store.keys import Key
from parley.store.table import Records
from parley.store.writes import Create, Erase, Guard, Put, Update, Write
from parley.stored import Channel, Holder, Member, MessagingBinding, Tail

# The refusal of a transaction if another change came after its reads.
Moved = Callable[[], Refusal]


class Share(NamedTuple):
    """The parts that a change of a member's binding adds to the transaction that changes the member.

    Attributes:
        add: Numbers that are added to the channel's counters.
        set: Values that are set in the counters.
        guards: Conditions on the counters.
        first: The guards that are checked before anything is written.
        writes: Further writes.
    """

    add: Mapping[str, int]
    set: Mapping[str, object]
    guards: tuple[Guard, ...]
    first: tuple[Guard, ...]
    writes: list[Write]


NOTHING = Share({}, {}, (), (), [])


def wanted(context: Context, channel_sid: str, *held: MessagingBinding | None) -> list[Key[Any]]:
    """The keys to read before a binding is given, changed or taken away; none for chat members."""
    if not any(held):
        return []
    pairs = [keys.pair(context.account_sid, *pair) for pair in map(pair_of, held) if pair]
    return [keys.channel(channel_sid), *pairs]


def members_of(context: Context, channel_sid: str) -> list[Member]:
    """The members of a channel who have bindings, in two requests."""
    return _members_with_pairs(context, channel_sid) or members_of_group(context, channel_sid)


def _members_with_pairs(context: Context, channel_sid: str) -> list[Member]:
    listed = context.table.every(keys.bound_members(channel_sid))
    found = context.table.fetch_many(keys.member(channel_sid, item["member_sid"]) for item in listed)
    return [cast(Member, member) for member in found.values()]


def members_of_group(context: Context, channel_sid: str) -> list[Member]:
    """The members of a thread of phones, in one request; none if the channel is no such thread."""
    # All members of a group are in the group, so the first page has them all.
    found, _ = context.table.page(keys.members(channel_sid), MOST_IN_GROUP)
    return [item.record for item in found if is_in_group(item.record.get("messaging_binding"))]


def change(
    context: Context,
    found: Records,
    tail: Tail,
    member: Member,
    old: MessagingBinding | None,
    new: MessagingBinding | None,
    *,
    joins: bool = False,
    leaves: bool = False,
    moved: Moved = CONCURRENT_UPDATE,
) -> Share:
    """The parts that a change of a member's binding from `old` to `new` adds to the transaction.

    `found` holds the items of `wanted`, `tail` are the channel's counters. A member may always leave.

    Raises:
        Refusal: 20404 if the channel is gone; 50373 if it has no messaging service; 50416 to 50418, 50435 to 50438.
    """
    if old == new:
        return NOTHING
    channel_sid = member["channel_sid"]
    if new:
        _require_messaging_service(found.get(keys.channel(channel_sid)))
    writes = _pairs(context, found, member, old, new, moved)
    guards: tuple[Guard, ...] = ()
    first: tuple[Guard, ...] = ()
    set_: dict[str, object] = {}
    if joins and is_phone(new):
        first = (Guard("bound_count", "behind", MOST_PHONES, PHONES_FULL()),)
    if is_in_group(old) or is_in_group(new):
        after = _regrouped(tail, old, new, leaves)
        if not leaves:
            check_in_group(after, tail["members_count"] + joins - len(after))
        guards = tuple(_same(tail, name, moved) for name in ("members_count", "group", "state"))
        is_found, more = _set(context, channel_sid, tail, after, moved, leaves)
        set_["group"] = group_of(after, is_found)
        writes += more
    elif new:
        first += (Guard("group", "missing", None, GROUP_IMPOSSIBLE()),)
    count = is_phone(new) - is_phone(old)
    return Share({"bound_count": count} if count else {}, set_, guards, first, writes)


def _require_messaging_service(channel: Mapping[str, Any] | None) -> None:
    if channel is None:
        raise NOT_FOUND()
    if not channel.get("messaging_service_sid"):
        raise NO_MESSAGING_SERVICE()


def _same(tail: Tail, name: str, moved: Moved) -> Guard:
    """The condition that a field of the counters is as it was read."""
    value = tail.get(name)
    return Guard(name, "missing" if value is None else "=", value, moved())


def _regrouped(
    tail: Tail, old: MessagingBinding | None, new: MessagingBinding | None, leaves: bool
) -> list[MessagingBinding]:
    """The bindings of a group after a member has `new` in place of `old`.

    Raises:
        Refusal: 20409 if the counters show that another request has changed this binding since the member was read.
    """
    held = bindings_in(tail.get("group"))
    is_gone = is_in_group(old) and old not in held
    is_there = is_in_group(new) and is_phone(new) and new in held
    if not leaves and (is_gone or is_there):
        raise CONCURRENT_UPDATE()
    if old in held:
        held.remove(old)
    return [*held, new] if new and is_in_group(new) else held


def _pairs(
    context: Context,
    found: Records,
    member: Member,
    old: MessagingBinding | None,
    new: MessagingBinding | None,
    moved: Moved,
) -> list[Write]:
    """The writes that release the old pair, if the member still holds it, and take the new one.

    The item of a member with a pair is written too, if the member did not have a pair before or has none afterwards.
    """
    listed = keys.bound_member(member["channel_sid"], member["sid"])
    writes: list[Write] = []
    if pair_of(new) and not pair_of(old):
        writes.append(Put(listed, {"member_sid": member["sid"]}))
    if pair_of(old) and not pair_of(new):
        writes.append(Erase(listed))
    if pair := pair_of(old):
        key = keys.pair(context.account_sid, *pair)
        if _names(found.get(key), member["channel_sid"], member["sid"]):
            writes.append(Erase(key, moved(), _unchanged(found[key], moved)))
    if pair := pair_of(new):
        key = keys.pair(context.account_sid, *pair)
        ours = {"channel_sid": member["channel_sid"], "member_sid": member["sid"]}
        holder = found.get(key)
        if holder is None:
            writes.append(Create(key, ours, taken=_held))
        else:
            if is_open(context, holder):
                raise _held(holder)
            writes.append(Update(key, moved(), set=ours, guards=_unchanged(holder, moved)))
    return writes


def _held(holder: Mapping[str, Any]) -> Refusal:
    return PAIR_EXISTS(channel_sid=holder["channel_sid"])


def _names(holder: Holder | None, channel_sid: str, member_sid: str) -> bool:
    return holder is not None and (holder["channel_sid"], holder.get("member_sid")) == (channel_sid, member_sid)


def _unchanged(holder: Holder, moved: Moved) -> tuple[Guard, ...]:
    return (Guard("channel_sid", "=", holder["channel_sid"], moved()),)


def is_open(context: Context, holder: Mapping[str, Any]) -> bool:
    """Whether the channel that holds a pair or a set exists and is open. Its service must exist too.

    A closed or deleted channel never opens again. So another may take over what it holds, if it still holds it then.
    """
    tail = context.table.fetch(keys.tail(holder["channel_sid"]))
    if tail is None or tail.get("state") == CLOSED:
        return False
    # The channels of a deleted service are there until a sweep removes them.
    return context.table.fetch(keys.service(context.account_sid, tail["service_sid"])) is not None


def _digest(held: Collection[MessagingBinding]) -> str | None:
    addresses = addresses_of_group(held)
    return group_digest(addresses) if addresses else None


def _set(
    context: Context,
    channel_sid: str,
    tail: Tail,
    after: Collection[MessagingBinding],
    moved: Moved,
    leaves: bool,
) -> tuple[bool, list[Write]]:
    """Whether a group's new set of addresses leads to the channel, and the writes that replace the old set by the new.

    `tail` are the channel's counters before, `after` the bindings of the group afterwards.
    """
    before = tail.get("group")
    old = _digest(bindings_in(before)) if before and before["is_found"] else None
    # A closed conversation holds nothing, and its sweep may be through.
    new = None if tail.get("state") == CLOSED else _digest(after)
    if old == new:
        return new is not None, []
    found = context.table.fetch_many(keys.group(context.account_sid, digest) for digest in (old, new) if digest)
    writes: list[Write] = []
    if old:
        key = keys.group(context.account_sid, old)
        holder = found.get(key)
        if holder is not None and holder["channel_sid"] == channel_sid:
            writes.append(Erase(key, moved(), _unchanged(holder, moved)))
    if new:
        key = keys.group(context.account_sid, new)
        holder = found.get(key)
        if holder is None:
            writes.append(Create(key, {"channel_sid": channel_sid}, taken=moved() if leaves else GROUP_EXISTS()))
        elif not is_open(context, holder):
            writes.append(Update(key, moved(), set={"channel_sid": channel_sid}, guards=_unchanged(holder, moved)))
        elif leaves:
            # A member may leave even if another conversation holds the set of the members that stay.
            new = None
        else:
            raise GROUP_EXISTS()
    return new is not None, writes


def founding(context: Context, found: Records, channel: Channel, members: Sequence[Member]) -> Share:
    """The parts that all members of a new channel add to its transaction. `found` holds the items of `wanted`.

    Raises:
        Refusal: as `change`; 50435 for a group that is not complete.
    """
    held = [one["messaging_binding"] for one in members if one["messaging_binding"]]
    if not held:
        return NOTHING
    _require_messaging_service(channel)
    grouped = [binding for binding in held if is_in_group(binding)]
    check_in_group(grouped, len(members) - len(grouped))
    check_complete(grouped)
    writes: list[Write] = []
    for one in members:
        writes += _pairs(context, found, one, None, one["messaging_binding"], CONCURRENT_UPDATE)
    set_: dict[str, object] = {}
    if grouped:
        is_found, more = _set(context, channel["sid"], {}, grouped, CONCURRENT_UPDATE, False)
        set_["group"] = group_of(grouped, is_found)
        writes += more
    return Share({"bound_count": sum(map(is_phone, held))}, set_, (), (), writes)


def leaving(context: Context, member: Member, tail: Tail, moved: Moved) -> Share:
    """The parts that the removal of a member adds to the transaction; for a chat member, nothing is read."""
    held = member.get("messaging_binding")
    if not held:
        return NOTHING
    found = context.table.fetch_many(wanted(context, member["channel_sid"], held))
    return change(context, found, tail, member, held, None, leaves=True, moved=moved)


def release(context: Context, first: Member) -> None:
    """Release all pairs, or the set of addresses, of a closed or deleted channel; `first` is one of its members.

    It may run twice. Afterwards the members may be removed, not before: they say what the channel holds.
    """
    channel_sid = first["channel_sid"]
    ours = (Guard("channel_sid", "=", channel_sid, NOT_FOUND()),)
    for key in context.table.fetch_many(_held_by_members(context, channel_sid, first)):
        # Another channel may hold it by now, or none.
        with ignoring(NOT_FOUND):
            context.table.commit(context.cause(), [Erase(key, NOT_FOUND(), ours)])


def _held_by_members(context: Context, channel_sid: str, first: Member) -> list[Key[Holder]]:
    if is_in_group(first.get("messaging_binding")):
        digest = _digest([member["messaging_binding"] for member in members_of_group(context, channel_sid)])
        return [keys.group(context.account_sid, digest)] if digest else []
    members = _members_with_pairs(context, channel_sid)
    pairs = [pair for member in members if (pair := pair_of(member.get("messaging_binding")))]
    return [keys.pair(context.account_sid, *pair) for pair in pairs]
