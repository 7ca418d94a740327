"""What a client may do: membership, and the rights of its two roles. Account credentials may do everything.

A private channel does not exist for a stranger; a public one refuses him.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from parley.domain.channels import PRIVATE
from parley.domain.memberships import own
from parley.domain.roles import is_allowed
from parley.errors import FORBIDDEN, NOT_A_MEMBER, NOT_FOUND
from parley.ids import invite_sid, member_sid, user_sid
from parley.operations import roles
from parley.operations.addressing import channel
from parley.operations.context import Context
from parley.records.spec import RecordType
from parley.store import keys
from parley.store.items import Record
from parley.store.keys import Key


def require(
    context: Context, service_sid: str, channel_sid: str, permissions: Iterable[str], also: Iterable[Key] = ()
) -> dict[Key, Record]:
    """Check that the caller may do something in a channel: one of `permissions`, or being a member if there is none.

    A right of the deployment role acts in every channel, a member's channel role in his. Reads member and user with
    one request, and `also` with it; returns what was found.

    Raises:
        Refusal: 20404 for a stranger to a private channel, 50400 for anybody else who is not a member and has no right
            that acts everywhere, 50107 without the right, or without a user.
    """
    also = list(also)
    identity = context.caller.identity
    if identity is None:
        return context.table.fetch_many(also) if also else {}
    member_key = keys.member(channel_sid, member_sid(channel_sid, identity))
    user_key = keys.user(user_sid(service_sid, identity))
    found = context.table.fetch_many([member_key, user_key, *also])
    user = found.get(user_key)
    member = own(found.get(member_key), user)
    if user is None:
        # Deleted; what is left of it is being swept away.
        raise FORBIDDEN()
    wanted = list(permissions)
    deployment = roles.permissions(context, service_sid, user["role_sid"])
    if member is None or member["service_sid"] != service_sid:
        require_sight(context, channel(context, service_sid, channel_sid))
        if not any(permission in deployment for permission in wanted):
            raise NOT_A_MEMBER()
        return found
    in_channel = roles.permissions(context, service_sid, member["role_sid"])
    if wanted and not any(is_allowed(permission, deployment, in_channel) for permission in wanted):
        raise FORBIDDEN()
    return found


def require_sight(context: Context, channel: Record) -> None:
    """Check that the caller may know of a channel: a private one exists for its members, invited and creator only.

    Raises:
        Refusal: 20404.
    """
    identity = context.caller.identity
    if channel["type"] != PRIVATE or identity in (None, channel["created_by"]):
        return
    sid, identity = channel["sid"], identity or ""
    user_key = keys.user(user_sid(channel["service_sid"], identity))
    held_keys = [keys.member(sid, member_sid(sid, identity)), keys.invite(sid, invite_sid(sid, identity))]
    found = context.table.fetch_many([user_key, *held_keys])
    if not any(own(found.get(key), found.get(user_key)) for key in held_keys):
        raise NOT_FOUND()


def require_in_service(context: Context, service_sid: str, *permissions: str) -> None:
    """Check that the caller's deployment role has one of some rights.

    Raises:
        Refusal: 50107.
    """
    identity = context.caller.identity
    if identity is None:
        return
    user = context.table.fetch(keys.user(user_sid(service_sid, identity)))
    rights = roles.permissions(context, service_sid, user["role_sid"]) if user else []
    if not any(permission in rights for permission in permissions):
        raise FORBIDDEN()


def needed(
    context: Context, record_type: RecordType, verb: str, parameters: Iterable[str], *, is_own: bool = False
) -> Iterator[tuple[str, ...]]:
    """For each right that the caller needs to set some fields, once, the permissions of which one is enough.

    Account credentials need none. `is_own` says whether the record is the client's own.

    Raises:
        Refusal: 50107 for a field that no client may set.
    """
    if context.caller.identity is None:
        return
    rights = dict.fromkeys(record_type.right(verb, name) for name in parameters)
    for permissions in dict.fromkeys(right and right.needed(is_own=is_own) for right in rights):
        if permissions is None:
            raise FORBIDDEN()
        yield permissions


def require_to_set(
    context: Context,
    record_type: RecordType,
    verb: str,
    parameters: Iterable[str],
    service_sid: str,
    channel_sid: str,
    *,
    is_own: bool = False,
) -> None:
    """Check the rights that some fields of a record in a channel, or of the channel itself, need.

    Raises:
        Refusal: as `require`, and 50107 for a field that no client may set.
    """
    for permissions in needed(context, record_type, verb, parameters, is_own=is_own):
        require(context, service_sid, channel_sid, permissions)


def own_or_any(context: Context, author: str | None, noun: str) -> tuple[str, ...]:
    """The permissions that let the caller touch something of `author`: `editAnyMessage`, and for his own the other."""
    verb, rest = noun.split(" ")
    any_of_them = f"{verb}Any{rest}"
    return (any_of_them, f"{verb}Own{rest}") if author == context.caller.identity else (any_of_them,)
