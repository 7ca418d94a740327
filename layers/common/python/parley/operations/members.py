"""Members of a channel: how they are read, changed and removed. `joining` adds them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from parley.domain.horizon import consumption
from parley.domain.memberships import identity_of
from parley.domain.roles import CHANNEL
from parley.errors import (
    NOT_FOUND,
)
from parley.ids import gateway_member_sid, member_sid, phone_member_sid
from parley.operations import (
    aliases,
    authority,
    channel_log,
    departures,
    users,
    verbs,
)
from parley.operations.addressing import resolve
from parley.operations.channel_log import Decision
from parley.operations.context import Context
from parley.operations.paging import Listing, PageRequest, oldest_first
from parley.records.members import MEMBER
from parley.records.spec import Path
from parley.store import keys
from parley.store.writes import Update, Write
from parley.stored import Member, Tail


def fetch(context: Context, path: Path, parameters: dict[str, Any]) -> Member:
    """The member; a client must be in the channel.

    Raises:
        Refusal: 20404; 50400 for a client that is not a member.
    """
    resolved, member = addressed(context, path, opened=True)
    authority.require(context, path["service_sid"], resolved["channel_sid"], ())
    return verbs.belonging(member, resolved)


def addressed(context: Context, path: Path, *, opened: bool = False) -> tuple[Path, Member | None]:
    """The path with the SID of the member that it names, and that member if there is one.

    It may be named by SID, by identity or by address. An identity may look like a member SID, so a text of that form is
    tried as both, in one request. If there are several members, the SID counts, then the identity.
    """
    resolved = resolve(context, MEMBER, path, opened=opened)
    channel_sid, sid = resolved["channel_sid"], resolved["sid"]
    name = path.get("member_identity") or path["sid"]
    wanted = [*aliases.wanted(channel_sid, name), keys.member(channel_sid, sid)]
    others = [] if "member_identity" in path else [phone_member_sid(channel_sid, name)]
    others += [] if "member_identity" in path else [gateway_member_sid(channel_sid, name)]
    found = context.table.fetch_many([*wanted, *(keys.member(channel_sid, other) for other in others)])
    member = found.get(keys.member(channel_sid, sid)) if name == sid else None
    member = member or aliases.member_of(context, found, channel_sid, name)
    member = member or next((found[key] for other in others if (key := keys.member(channel_sid, other)) in found), None)
    return {**resolved, "sid": member["sid"] if member else sid}, member


def list_(context: Context, path: Path, parameters: dict[str, Any], page: PageRequest) -> Listing:
    """One page of a channel's members, oldest first; with `identity`, those of these identities only.

    A client must be a member. A channel has at most 1,000 members, so all are read and sorted here. Otherwise every
    join would have to write an index entry.
    """
    resolved = resolve(context, MEMBER, path)
    channel_sid = resolved["channel_sid"]
    authority.require(context, path["service_sid"], channel_sid, ())
    if wanted := parameters.get("identity"):
        found = context.table.fetch_many(key for name in wanted for key in aliases.wanted(channel_sid, name))
        named = (aliases.member_of(context, found, channel_sid, name) for name in wanted)
        members = [member for member in named if member]
    else:
        members = context.table.every(keys.members(channel_sid))
    return oldest_first(members, page)


def update(context: Context, path: Path, parameters: dict[str, Any]) -> Member:
    """The member with the given fields changed."""
    resolved, member = addressed(context, path)
    where = resolved["service_sid"], resolved["channel_sid"]

    def may(fresh: Context) -> None:
        is_own = _is_own(fresh, resolved, member)
        authority.require_to_set(fresh, MEMBER, "update", parameters, *where, is_own=is_own)

    may(context)
    return change(context, verbs.belonging(member, resolved), parameters, may)


# A function that returns further fields for a change of a member to set, and further writes.
Beside = Callable[[Member, Tail], tuple[Mapping[str, Any], list[Write]]]


def change(
    context: Context,
    member: Member,
    parameters: dict[str, Any],
    may: Callable[[Context], object],
    check: Callable[[Member], None] = lambda _: None,
    beside: Beside = lambda *_: ({}, []),
) -> Member:
    """Change fields of a member that was just read. The caller of this function has called `may` already.

    `check` gets the member as it is stored when the change is decided, and may refuse. `beside` gets it with the
    channel's counters, and returns further fields to set and further writes.
    """
    key = keys.member(member["channel_sid"], member["sid"])
    parameters = context.consult("member", "update", {**member, **parameters}, parameters, may)
    changes = verbs.changed(context, consumption(parameters, context.clock.now_ms()))
    giving: list[Write] = []
    if "role_sid" in changes:
        role, giving = users.held_role(context, member["service_sid"], changes.pop("role_sid"), CHANNEL, key)
        changes |= role

    def decide(current: Member, tail: Tail) -> Decision:
        check(current)
        more, writes = beside(current, tail)
        return Decision(Update(key, NOT_FOUND(), set={**changes, **more}), [*giving, *writes])

    return channel_log.change(context, "member", "updated", member, decide)[0]


def _is_own(context: Context, resolved: Path, member: Member | None) -> bool:
    identity = context.caller.identity
    if identity is None:
        return False
    if member is not None:
        return identity_of(member) == identity
    return resolved["sid"] == member_sid(resolved["channel_sid"], identity)


def delete(context: Context, path: Path, parameters: dict[str, Any]) -> None:
    """Remove a member from a channel; its messages stay."""
    resolved, member = addressed(context, path)

    def may(fresh: Context) -> None:
        right = "leaveChannel" if _is_own(fresh, resolved, member) else "removeMember"
        authority.require(fresh, path["service_sid"], resolved["channel_sid"], (right,))

    if context.caller.identity is not None:
        may(context)
        context.consult("member", "delete", verbs.belonging(member, resolved), {}, may)
    departures.remove_member(context, verbs.belonging(member, resolved))
