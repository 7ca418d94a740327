"""Invites: one per channel and identity. Its SID is derived from both. Joining the channel erases it."""

from __future__ import annotations

from typing import Any, cast

from parley.domain.memberships import birth_of, own
from parley.domain.roles import CHANNEL
from parley.errors import (
    CONCURRENT_UPDATE,
    INVITE_EXISTS,
    INVITE_NOT_FOUND,
    INVITE_USED,
    MEMBER_EXISTS,
    USER_EXISTS,
)
from parley.ids import invite_sid, user_sid
from parley.operations import aliases, authority, channel_log, departures, joining, roles, users, verbs
from parley.operations.addressing import channel, resolve, service
from parley.operations.channel_log import Decision
from parley.operations.context import Context
from parley.operations.paging import Listing, PageRequest, oldest_first
from parley.records.invites import INVITE
from parley.records.spec import Path
from parley.store import keys
from parley.store.writes import Absent, Create, Present, Write
from parley.stored import Invite, Member, Service, User


def create(context: Context, path: Path, parameters: dict[str, Any]) -> Invite:
    """A new invite. If the identity has no user, one is created in the same transaction.

    In 2017 Twilio was seen to answer 404 for an identity without a user. For members it creates the user, and Parley
    does so for invites too (unconfirmed).

    Raises:
        Refusal: 50404 if the identity is a member; 50212 if it is invited; 50100 or 50105 for an unsuitable role;
            50107 for a client without `inviteMember`.
    """
    resolved = resolve(context, INVITE, path, opened=False)
    owner, channel_sid = service(context, path["service_sid"]), resolved["channel_sid"]
    if context.caller.identity is not None:
        authority.require(context, owner["sid"], channel_sid, ("inviteMember",))
    if named := parameters.get("role_sid"):
        roles.fetch_typed(context, owner["sid"], named, CHANNEL)
    identity = parameters["identity"]
    user_key = keys.user(user_sid(owner["sid"], identity))
    member_key, alias_key = aliases.wanted(channel_sid, identity)
    invite_key = keys.invite(channel_sid, invite_sid(channel_sid, identity))
    tail_key = keys.tail(channel_sid)
    invite = verbs.new_record(context, INVITE, path) | {
        "sid": invite_sid(channel_sid, identity),
        "channel_sid": channel_sid,
        "identity": identity,
        "role_sid": parameters.get("role_sid") or owner["default_channel_role_sid"],
        "created_by": context.actor,
    }

    def attempt(context: Context) -> Invite:
        read = context.table.fetch_many([user_key, member_key, alias_key, invite_key, tail_key], buried=True)
        found = read.living()
        # Check the service first: nobody may learn who is in a channel of another service.
        tail = verbs.belonging(found.get(tail_key), path)
        user = found.get(user_key)
        member = aliases.member_of(context, found, channel_sid, identity)
        _require_neither(context, user, member, found.get(invite_key))
        unaliased = aliases.none_made(tail, CONCURRENT_UPDATE())
        birth, user_write = _user_write(context, owner, identity, user, read.get(user_key))
        beside: list[Write] = [
            Absent(alias_key if member_key in found else member_key, CONCURRENT_UPDATE()),
            # Somebody may be joining who has looked for an invite and found none. That join is refused because of this
            # count, and looks again.
            channel_log.in_tail(owner["sid"], channel_sid, {"invites_made": 1}, unaliased),
            user_write,
            *(roles.given(context, owner["sid"], named, CHANNEL) if named else []),
        ]
        record = cast(Invite, {**invite, "birth": birth})
        decision = Decision(_inviting_write(owner, record), beside)
        return channel_log.change(context, "invite", "created", record, lambda *_: decision)[0]

    # Another request may create or delete the user, the member or the invite between our read and our write.
    return verbs.retried(context, attempt, USER_EXISTS, CONCURRENT_UPDATE, attempts=joining.ATTEMPTS)


def _require_neither(context: Context, user: User | None, member: Member | None, invite: Invite | None) -> None:
    """Check that a user is neither a member nor invited.

    Raises:
        Refusal: 50404 for a member, 50212 for an invited user; 20409 after what a former user left was removed.
    """
    if own(member, user):
        raise MEMBER_EXISTS()
    if own(invite, user):
        raise INVITE_EXISTS()
    if departures.remove_leftovers(context, user, member, invite):
        raise CONCURRENT_UPDATE()


def _user_write(
    context: Context, owner: Service, identity: str, user: User | None, former: User | None
) -> tuple[str, Write]:
    """The birth of the invited user, and a write that creates the user or requires that it still exists."""
    if user is None:
        creation = users.creation(context, owner, {"identity": identity}, former)
        return birth_of(creation.record), creation
    same = verbs.same_user(birth_of(user), CONCURRENT_UPDATE())
    return birth_of(user), Present(keys.user(user["sid"]), CONCURRENT_UPDATE(), (same,))


def _inviting_write(owner: Service, invite: Invite) -> Create:
    key = keys.invite(invite["channel_sid"], invite["sid"])
    index = keys.in_user_channels(user_sid(owner["sid"], invite["identity"]), invite["channel_sid"])
    if invite["role_sid"] != owner["default_channel_role_sid"]:
        index |= keys.in_role_holders(invite["role_sid"], key)
    return Create(key, invite, taken=CONCURRENT_UPDATE(), index=index)


def list_(context: Context, path: Path, parameters: dict[str, Any], page: PageRequest) -> Listing:
    """One page of a channel's open invites, oldest first; with `identity`, those of these identities only."""
    resolved = resolve(context, INVITE, path)
    channel_sid = resolved["channel_sid"]
    if wanted := parameters.get("identity"):
        wanted_keys = [keys.invite(channel_sid, invite_sid(channel_sid, identity)) for identity in wanted]
        invites = list(context.table.fetch_many(wanted_keys).values())
    else:
        invites = context.table.every(keys.invites(channel_sid))
    return oldest_first(invites, page)


def accept(context: Context, path: Path, parameters: dict[str, Any]) -> Member:
    """Make the invited client a member.

    Raises:
        Refusal: 50601 without an invite; as `joining.create`.
    """
    resolved = resolve(context, INVITE, path)
    identity = context.caller.identity or ""
    if _own(context, resolved)[1] is None:
        raise INVITE_NOT_FOUND()
    return joining.create(context, path, {**parameters, "identity": identity})


def decline(context: Context, path: Path, parameters: dict[str, Any]) -> None:
    """Remove the client's own invite.

    Raises:
        Refusal: 50601 without an invite; 50602 for a member.
    """
    resolved = resolve(context, INVITE, path)
    member, invite = _own(context, resolved)
    if member is not None:
        raise INVITE_USED()
    if invite is None:
        raise INVITE_NOT_FOUND()
    departures.remove_invite(context, invite)


def _own(context: Context, resolved: Path) -> tuple[Member | None, Invite | None]:
    """The client's own membership and invite.

    Raises:
        Refusal: 20404 if it has neither and may not know of the channel.
    """
    service_sid, channel_sid = resolved["service_sid"], resolved["channel_sid"]
    identity = context.caller.identity or ""
    user_key = keys.user(user_sid(service_sid, identity))
    invite_key = keys.invite(channel_sid, invite_sid(channel_sid, identity))
    found = context.table.fetch_many([user_key, *aliases.wanted(channel_sid, identity), invite_key])
    user = authority.require_same_user(context, found.get(user_key))
    member = own(aliases.member_of(context, found, channel_sid, identity), user)
    invite = own(found.get(invite_key), user)
    if member is None and invite is None:
        authority.require_visible(context, channel(context, service_sid, channel_sid))
    return member, invite


def delete(context: Context, path: Path, parameters: dict[str, Any]) -> None:
    """Take an invite back."""
    departures.remove_invite(context, verbs.load(context, INVITE, resolve(context, INVITE, path)))
