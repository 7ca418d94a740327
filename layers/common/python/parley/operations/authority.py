"""What a client may do, by its membership and by its two roles: one in the service, one in the channel.

Account credentials may do everything. If a client is not a member of a private channel, was not invited to it and did
not create it, the channel is not found. A public channel refuses a client that is not a member.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, TypeVar

from parley.domain.channels import PRIVATE
from parley.domain.memberships import Person, birth_of, creator_of, is_by, own
from parley.domain.roles import is_allowed
from parley.errors import FORBIDDEN, NOT_A_MEMBER, NOT_FOUND, USER_NOT_FOUND
from parley.ids import invite_sid, user_sid
from parley.operations import aliases, roles
from parley.operations.addressing import channel, shown
from parley.operations.context import Context
from parley.records.spec import RecordType
from parley.store import keys
from parley.store.keys import Key
from parley.store.table import Records
from parley.stored import Channel, Message, User

Alive = TypeVar("Alive", bound=Mapping[str, Any])


def require(
    context: Context, service_sid: str, channel_sid: str, permissions: Iterable[str], also: Iterable[Key[Any]] = ()
) -> Records:
    """Check that the caller has one of `permissions` in a channel; if there are none, that it is a member.

    A permission of the deployment role holds in every channel, a permission of the channel role in that channel. One
    request reads the member, the user and `also`; a second one looks for an alias, unless the first has found the
    member. If the caller's face does not show all types of channels, the counters are read too, which name the
    channel's type. Returns the items that it found. If the caller is a member, its membership is among them under the
    SID that is derived from its identity.

    Raises:
        Refusal: 20404 if the caller may not know of the channel, or its face does not show it; 50400 if the caller is
            no member and its deployment role has none of the permissions; 50107 if it is a member without any of them;
            50200 if its user was deleted.
    """
    also = list(also)
    identity = context.caller.identity
    if identity is None:
        return context.table.fetch_many(also) if also else Records()
    member_key, alias_key = aliases.wanted(channel_sid, identity)
    user_key = keys.user(user_sid(service_sid, identity))
    if context.perspective.hides:
        also.append(keys.tail(channel_sid))
    found = context.table.fetch_many([member_key, user_key, *also])
    user = require_same_user(context, found.get(user_key))
    if context.perspective.hides:
        shown(context, service_sid, found.get(keys.tail(channel_sid)))
    # The handler of this connection's next frame asks whether its user still exists.
    context.configuration.remember(user_key, user)
    if aliases.is_asked(found, channel_sid, identity):
        found |= context.table.fetch_many([alias_key])
    member = own(aliases.member_of(context, found, channel_sid, identity), user)
    wanted = list(permissions)
    deployment = roles.permissions(context, service_sid, user["role_sid"])
    if member is None or member["service_sid"] != service_sid:
        found.pop(member_key, None)
        require_visible(context, channel(context, service_sid, channel_sid))
        if not any(permission in deployment for permission in wanted):
            raise NOT_A_MEMBER()
        return found
    found[member_key] = member
    in_channel = roles.permissions(context, service_sid, member["role_sid"])
    if wanted and not any(is_allowed(permission, deployment, in_channel) for permission in wanted):
        raise FORBIDDEN()
    return found


def require_visible(context: Context, channel: Channel, named: str = "") -> None:
    """Check that the caller may know of a channel. Of a private one, only members, the invited and the creator may.

    Raises:
        Refusal: 20404; in Conversations 50430 if the caller has `named` the channel by its SID, which nobody can guess.
    """
    identity = context.caller.identity
    if channel["type"] != PRIVATE or identity is None or is_creator(context, channel):
        return
    sid = channel["sid"]
    user_key = keys.user(user_sid(channel["service_sid"], identity))
    invite_key = keys.invite(sid, invite_sid(sid, identity))
    found = context.table.fetch_many([user_key, *aliases.wanted(sid, identity), invite_key])
    user = require_same_user(context, found.get(user_key))
    if not own(aliases.member_of(context, found, sid, identity), user) and not own(found.get(invite_key), user):
        raise NOT_A_MEMBER() if context.perspective.tells_strangers and named == sid else NOT_FOUND()


def is_creator(context: Context, channel: Channel) -> bool:
    """Whether the caller is the user who created a channel."""
    return is_person(context, channel["service_sid"], creator_of(channel))


def is_person(context: Context, service_sid: str, person: Person | None) -> bool:
    """Whether the caller is this user of a service, and not one with the same identity before or after."""
    caller = context.caller
    if caller.identity is None:
        return False
    return person == Person(user_sid(service_sid, caller.identity), caller.birth)


def is_caller(context: Context, user: User) -> bool:
    """Whether a user is the caller, and not one with the same identity before or after."""
    return context.caller.identity == user["identity"] and context.caller.birth == birth_of(user)


def require_same_user(context: Context, user: Alive | None) -> Alive:
    """The user that was read for the caller's identity, if the caller still is that user.

    Raises:
        Refusal: 50200 if the caller's user was deleted, also if there is a new one with the same identity by now.
    """
    if user is None or not _has_birth(user, context.caller.birth):
        raise USER_NOT_FOUND()
    return user


def require_user_of_connection(context: Context, user_sid: str, birth: str) -> None:
    """Check that the user of a connection was not deleted; what this container knows may be ten seconds old.

    Raises:
        Refusal: 50200.
    """
    key = keys.user(user_sid)
    if _has_birth(context.configuration.fetch(key), birth):
        return
    # This container may remember an earlier user of the identity.
    context.configuration.forget(key)
    if not _has_birth(context.configuration.fetch(key), birth):
        raise USER_NOT_FOUND()


def _has_birth(user: Alive | None, birth: str) -> bool:
    return user is not None and birth_of(user) == birth


def require_in_service(context: Context, service_sid: str, *permissions: str) -> None:
    """Check that the caller's deployment role has one of `permissions`.

    Raises:
        Refusal: 50107; 50200 if the caller's user was deleted.
    """
    identity = context.caller.identity
    if identity is None:
        return
    user = require_same_user(context, context.table.fetch(keys.user(user_sid(service_sid, identity))))
    rights = roles.permissions(context, service_sid, user["role_sid"])
    if not any(permission in rights for permission in permissions):
        raise FORBIDDEN()


def needed(
    context: Context, record_type: RecordType[Any], verb: str, parameters: Iterable[str], *, is_own: bool = False
) -> Iterator[tuple[str, ...]]:
    """For each right that the caller needs to set some fields: the permissions, any one of which is enough.

    Account credentials need none. `is_own` says whether the record is the client's own.

    Raises:
        Refusal: 50107 for a field that no client may set.
    """
    if context.caller.identity is None:
        return
    rights = (record_type.right(verb, name) for name in parameters)
    for permissions in dict.fromkeys(right.needed(is_own=is_own) if right else None for right in rights):
        if permissions is None:
            raise FORBIDDEN()
        yield permissions


def require_to_set(
    context: Context,
    record_type: RecordType[Any],
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


def is_author(context: Context, message: Message) -> bool:
    """Whether the caller is the user who wrote a message, and not one with the same identity before or after."""
    caller = context.caller
    if caller.identity is None or caller.identity != message.get("author"):
        return False
    # The handler of the frame has just looked for this user, so it is remembered.
    user = context.configuration.fetch(keys.user(user_sid(message["service_sid"], caller.identity)))
    return user is not None and birth_of(user) == caller.birth and is_by(message, user)
