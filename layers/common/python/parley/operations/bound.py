"""The items for the bindings of a channel's members. The transaction that changes a member writes them too.

- A pair of address and proxy address leads to one open conversation of the account. If another channel holds a pair and
  is closed or deleted, a new member takes the pair over.
- The set of a group's addresses leads to one open conversation too.
- In the channel, each member with a pair has an item, and one item holds all bindings of a group. They lie together, so
  that one query finds everybody to whom a message goes. Each is small, so the fiftieth phone costs what the first does.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, cast

from parley.domain.participants import (
    MOST_PHONES,
    addresses_of_group,
    check_complete,
    check_in_group,
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
)
from parley.ids import group_digest
from parley.operations.context import Context
from parley.store import keys
from parley.store.keys import Key
from parley.store.table import Records
from parley.store.writes import Create, Erase, Guard, Put, Update, Write
from parley.stored import BoundGroup, Channel, Holder, Member, MessagingBinding, Tail

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
    return [keys.channel(channel_sid), keys.bound_group(channel_sid), *pairs]


def bindings_of(bound: BoundGroup | None) -> dict[str, MessagingBinding]:
    """The bindings of a group by the SIDs of its members."""
    return {name: held for name, held in (bound or {}).items() if name.startswith("MB")}


def members_of(context: Context, channel_sid: str) -> list[Member]:
    """The members of a channel who have bindings, in two requests."""
    return _members_and_group(context, channel_sid)[0]


def _members_and_group(context: Context, channel_sid: str) -> tuple[list[Member], BoundGroup]:
    sids: list[str] = []
    group: BoundGroup = {}
    for item in context.table.every(keys.all_bound(channel_sid)):
        if "member_sid" in item:
            sids.append(item["member_sid"])
        else:
            group = {**item}
    found = context.table.fetch_many(keys.member(channel_sid, sid) for sid in [*sids, *bindings_of(group)])
    return [cast(Member, member) for member in found.values()], group


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
        bound = found.get(keys.bound_group(channel_sid))
        ours = {member["sid"]: new if is_in_group(new) else None}
        after = {sid: held for sid, held in {**bindings_of(bound), **ours}.items() if held}
        if not leaves:
            check_in_group(after.values(), tail["members_count"] + joins - len(after))
        guards = (Guard("members_count", "=", tail["members_count"], moved()),)
        set_["group"] = True if after else None
        change_of_set, more = _group(context, channel_sid, bound, after, moved, leaves)
        writes += [*more, _bound(channel_sid, bound, {**ours, **change_of_set}, moved)]
    elif new:
        first += (Guard("group", "missing", None, GROUP_IMPOSSIBLE()),)
    count = is_phone(new) - is_phone(old)
    return Share({"bound_count": count} if count else {}, set_, guards, first, writes)


def _require_messaging_service(channel: Mapping[str, Any] | None) -> None:
    if channel is None:
        raise NOT_FOUND()
    if not channel.get("messaging_service_sid"):
        raise NO_MESSAGING_SERVICE()


def _bound(channel_sid: str, bound: BoundGroup | None, changes: Mapping[str, object], moved: Moved) -> Write:
    """The write that changes the bindings of a group, on condition that they are still as read."""
    key = keys.bound_group(channel_sid)
    if bound is None:
        record = {name: value for name, value in changes.items() if value is not None}
        return Create(key, {**record, "version": 1}, taken=moved())
    same = (Guard("version", "=", bound["version"], moved()),)
    return Update(key, moved(), set=changes, add={"version": 1}, guards=same, announced=False)


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
    """Whether the channel that holds a pair or a set exists and is open.

    A closed or deleted channel never opens again. So another may take over what it holds, if it still holds it then.
    """
    tail = context.table.fetch(keys.tail(holder["channel_sid"]))
    return tail is not None and tail.get("state") != CLOSED


def _group(
    context: Context,
    channel_sid: str,
    bound: BoundGroup | None,
    after: Mapping[str, MessagingBinding],
    moved: Moved,
    leaves: bool,
) -> tuple[dict[str, object], list[Write]]:
    """The digest of the set of addresses for the bindings item, and the writes that replace the old set by the new."""
    addresses = addresses_of_group(after.values())
    old, new = (bound or {}).get("group"), group_digest(addresses) if addresses else None
    if old == new:
        return {"group": old}, []
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
    return {"group": new}, writes


def founding(context: Context, found: Records, channel: Channel, members: Sequence[Member]) -> Share:
    """The parts that all members of a new channel add to its transaction. `found` holds the items of `wanted`.

    Raises:
        Refusal: as `change`; 50435 for a group that is not complete.
    """
    held = {one["sid"]: one["messaging_binding"] for one in members if one["messaging_binding"]}
    if not held:
        return NOTHING
    _require_messaging_service(channel)
    grouped = {sid: binding for sid, binding in held.items() if is_in_group(binding)}
    check_in_group(grouped.values(), len(members) - len(grouped))
    check_complete(grouped.values())
    writes: list[Write] = []
    for one in members:
        writes += _pairs(context, found, one, None, one["messaging_binding"], CONCURRENT_UPDATE)
    set_: dict[str, object] = {}
    if grouped:
        set_["group"] = True
        noted, more = _group(context, channel["sid"], None, grouped, CONCURRENT_UPDATE, False)
        writes += [*more, _bound(channel["sid"], None, {**grouped, **noted}, CONCURRENT_UPDATE)]
    return Share({"bound_count": sum(map(is_phone, held.values()))}, set_, (), (), writes)


def leaving(context: Context, member: Member, tail: Tail, moved: Moved) -> Share:
    """The parts that the removal of a member adds to the transaction; for a chat member, nothing is read."""
    held = member.get("messaging_binding")
    if not held:
        return NOTHING
    found = context.table.fetch_many(wanted(context, member["channel_sid"], held))
    return change(context, found, tail, member, held, None, leaves=True, moved=moved)


def release(context: Context, channel_sid: str) -> None:
    """Release all pairs and the set of addresses of a closed or deleted channel. It may run twice."""
    members, group = _members_and_group(context, channel_sid)
    pairs = [pair for member in members if (pair := pair_of(member.get("messaging_binding")))]
    held: list[Key[Holder]] = [keys.pair(context.account_sid, *pair) for pair in pairs]
    if digest := group.get("group"):
        held.append(keys.group(context.account_sid, digest))
    ours = (Guard("channel_sid", "=", channel_sid, NOT_FOUND()),)
    for key in context.table.fetch_many(held):
        try:
            context.table.commit(context.cause(), [Erase(key, NOT_FOUND(), ours)])
        except Refusal as refusal:
            # Another channel holds it by now, or none does.
            if refusal.error is not NOT_FOUND:
                raise
