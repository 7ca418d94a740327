"""The client actions that change a member's consumption horizon or notification level.

https://www.twilio.com/docs/chat/consumption-horizon. Each returns the client's user channel with its unread count.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from parley.domain.memberships import identity_of
from parley.domain.user_channels import seen
from parley.errors import CONCURRENT_UPDATE, NOT_A_MEMBER, READ_STATUS_DISABLED, Refusal
from parley.ids import member_sid, user_sid
from parley.operations import authority, members
from parley.operations.addressing import channel_sid, service, shown
from parley.operations.context import Context
from parley.records.members import MEMBER
from parley.records.services import setting
from parley.records.spec import Path
from parley.store import keys
from parley.store.items import Record
from parley.stored import Member, Tail

_INDEX = "last_consumed_message_index"


class _IsThere(Refusal):
    """Raised when the horizon is already at the wanted index or beyond it."""


def advance(context: Context, path: Path, parameters: dict[str, Any]) -> Record:
    """Move the horizon forward to an index; if it is already there or beyond, nothing changes."""
    index = parameters[_INDEX]
    member, tail = _own(context, path)

    def check(current: Member) -> None:
        if _is_there(current, index):
            raise _IsThere(CONCURRENT_UPDATE)

    if _is_there(member, index):
        return _seen(context, member, tail)
    try:
        return _moved(context, member, tail, {_INDEX: index}, lambda fresh: _own(fresh, path), check)
    except _IsThere:
        # Another device of the same user has moved the horizon first.
        return _seen(context, *_own(context, path))


def _is_there(member: Member, index: int) -> bool:
    horizon = member.get("last_consumed_message_index")
    return horizon is not None and horizon >= index


def update(context: Context, path: Path, parameters: dict[str, Any]) -> Record:
    """Move the horizon to an index, forward or back."""
    return _moved(context, *_own(context, path), {_INDEX: parameters[_INDEX]}, lambda fresh: _own(fresh, path))


def consume_all(context: Context, path: Path, parameters: dict[str, Any]) -> Record:
    """Move the horizon to the newest message; in an empty channel nothing changes."""
    member, tail = _own(context, path)
    if tail["last_index"] < 0 or member.get(_INDEX) == tail["last_index"]:
        return _seen(context, member, tail)
    return _moved(context, member, tail, {_INDEX: tail["last_index"]}, lambda fresh: _own(fresh, path))


def consume_none(context: Context, path: Path, parameters: dict[str, Any]) -> Record:
    """Remove the horizon."""
    member, tail = _own(context, path)
    return _moved(context, member, tail, {_INDEX: None}, lambda fresh: _own(fresh, path))


def set_notification_level(context: Context, path: Path, parameters: dict[str, Any]) -> Record:
    """Change the client's notification level in the channel."""

    def own(fresh: Context) -> tuple[Member, Tail]:
        return _own(fresh, path, "notification_level")

    return _moved(context, *own(context), parameters, own)


def _own(context: Context, path: Path, field: str = _INDEX) -> tuple[Member, Tail]:
    """The caller's membership, whose `field` is to be changed, and the channel's counters.

    Raises:
        Refusal: 20404 or 50400 if the caller is no member; 50107 without the right that the field needs; 20403 for the
            horizon if the service has disabled it.
    """
    owner = service(context, path["service_sid"])
    if field == _INDEX and not setting(owner, "read_status_enabled"):
        raise READ_STATUS_DISABLED()
    sid = channel_sid(context, owner["sid"], path["channel_sid"])
    tail_key = keys.tail(sid)
    member_key = keys.member(sid, member_sid(sid, context.caller.identity or ""))
    rights = next(authority.needed(context, MEMBER, "update", (field,), is_own=True), ())
    found = authority.require(context, owner["sid"], sid, rights, also=[tail_key])
    shown(context, owner["sid"], found.get(tail_key))
    if member_key not in found:
        raise NOT_A_MEMBER()
    return found[member_key], found[tail_key]


def _moved(
    context: Context,
    member: Member,
    tail: Tail,
    parameters: dict[str, Any],
    may: Callable[[Context], object],
    check: Callable[[Member], None] = lambda _: None,
) -> Record:
    return _seen(context, members.change(context, member, parameters, may, check), tail)


def _seen(context: Context, member: Member, tail: Tail) -> Record:
    return seen(user_sid(member["service_sid"], identity_of(member) or ""), member, tail)
