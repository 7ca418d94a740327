"""Finds a member by its identity. Mostly the SID is derived from the identity; if it is not, an alias names the SID.

When another identity takes a member's place behind a projected address, the member keeps its SID, and an alias leads
from the new identity to it. If the former identity comes back while that SID is in use, it gets a new SID, and an alias
too. So Parley looks for an alias of the identity, and if there is none, for the member with the derived SID.
"""

from __future__ import annotations

from typing import Any

from parley.domain.memberships import identity_of
from parley.errors import Refusal
from parley.ids import member_sid
from parley.operations.context import Context
from parley.store import keys
from parley.store.keys import Key
from parley.store.table import Records
from parley.store.writes import Erase, Guard, Write
from parley.stored import Alias, Member, Tail


def wanted(channel_sid: str, identity: str) -> list[Key[Any]]:
    """The keys to read to find the member with an identity."""
    sid = member_sid(channel_sid, identity)
    return [keys.member(channel_sid, sid), keys.alias(channel_sid, sid)]


def is_asked(found: Records, channel_sid: str, identity: str) -> bool:
    """Whether the alias must be read too, once the member with the derived SID was looked for.

    Mostly that member is there and has the identity. Then no alias leads elsewhere, since an identity has one member.
    """
    member = found.get(keys.member(channel_sid, member_sid(channel_sid, identity)))
    return member is None or identity_of(member) != identity


def member_of(context: Context, found: Records, channel_sid: str, identity: str) -> Member | None:
    """The member with an identity, if there is one; `found` holds the items of `wanted`."""
    sid = member_sid(channel_sid, identity)
    alias = found.get(keys.alias(channel_sid, sid))
    if alias is not None:
        # After the alias was read, another identity may have taken the member's place.
        member = context.table.fetch(keys.member(channel_sid, alias["member_sid"]))
    else:
        member = found.get(keys.member(channel_sid, sid))
    return member if member is not None and identity_of(member) == identity else None


def of(member: Member, identity: str | None) -> Key[Alias] | None:
    """The alias through which an identity leads to a member; None if it needs none."""
    if identity is None:
        return None
    sid = member_sid(member["channel_sid"], identity)
    return None if sid == member["sid"] else keys.alias(member["channel_sid"], sid)


def none_made(tail: Tail, moved: Refusal) -> Guard:
    """The condition that nobody has made an alias since the channel's counters were read."""
    made = tail.get("aliases_made")
    return Guard("aliases_made", "missing" if made is None else "=", made, moved)


def forgetting(member: Member) -> list[Write]:
    """The write that removes a member's alias, if it has one."""
    key = of(member, identity_of(member))
    return [Erase(key)] if key else []
