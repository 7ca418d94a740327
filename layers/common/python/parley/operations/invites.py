"""Invites: one per channel and identity; its SID is derived from both, and joining the channel uses it up."""

from __future__ import annotations

from typing import Any

from parley.domain.roles import CHANNEL
from parley.errors import INVITE_EXISTS, INVITE_NOT_FOUND, INVITE_USED, MEMBER_EXISTS, USER_EXISTS, Refusal
from parley.ids import invite_sid, member_sid, user_sid
from parley.operations import authority, channel_log, members, roles, users, verbs
from parley.operations.addressing import channel, resolve, service
from parley.operations.channel_log import Decision
from parley.operations.context import Context, Listing, PageRequest
from parley.operations.members import cut_page, position
from parley.records.invites import INVITE
from parley.records.spec import Path
from parley.store import keys
from parley.store.items import Record
from parley.store.writes import Absent, Create, Write


def create(context: Context, path: Path, parameters: dict[str, Any]) -> Record:
    """A new invite; an identity that has no user gets one first.

    The vendor was seen to answer 404 for an unknown identity in 2017; creating the user is friendlier and what it does
    for members (unconfirmed).

    Raises:
        Refusal: 50404 if the identity is a member, 50212 if it is invited; 50100 or 50105 for an unsuitable role;
            50107 for a client without `inviteMember`.
    """
    resolved = resolve(context, INVITE, path, opened=False)
    owner, channel_sid = service(context, path["service_sid"]), resolved["channel_sid"]
    if context.caller.identity is not None:
        authority.require(context, owner["sid"], channel_sid, ("inviteMember",))
    if parameters.get("role_sid"):
        roles.fetch_typed(context, owner["sid"], parameters["role_sid"], CHANNEL)
    identity = parameters["identity"]
    user_key = keys.user(user_sid(owner["sid"], identity))
    member_key = keys.member(channel_sid, member_sid(channel_sid, identity))
    invite_key = keys.invite(channel_sid, invite_sid(channel_sid, identity))
    found = context.table.fetch_many([user_key, member_key, invite_key, keys.tail(channel_sid)])
    verbs.belonging(found.get(keys.tail(channel_sid)), path)
    if member_key in found:
        raise MEMBER_EXISTS()
    if invite_key in found:
        raise INVITE_EXISTS()
    record = verbs.new_record(context, INVITE, path) | {
        "sid": invite_key.sk.removeprefix("INVITE#"),
        "channel_sid": channel_sid,
        "identity": identity,
        "role_sid": parameters.get("role_sid") or owner["default_channel_role_sid"],
        "created_by": context.actor,
    }
    index = keys.in_user_channels(user_key.pk.removeprefix("USER#"), channel_sid)
    if record["role_sid"] != owner["default_channel_role_sid"]:
        index |= keys.in_role_holders(record["role_sid"], invite_key)
    invite = Create(invite_key, record, taken=INVITE_EXISTS(), index=index)
    writes: list[Write] = [
        Absent(member_key, MEMBER_EXISTS()),
        # Whoever joins at this moment has looked for invites already, and must look again.
        channel_log.in_tail(owner["sid"], channel_sid, {"invites_made": 1}),
    ]
    new_user = [] if user_key in found else [users.creation(context, owner, {"identity": identity})]

    def create_with(*beside: Write) -> Record:
        decision = Decision(invite, beside)
        return channel_log.change(context, "invite", "created", record, lambda *_: decision)[0]

    try:
        return create_with(*writes, *new_user)
    except Refusal as refusal:
        # Somebody else created the user meanwhile, which is all the same to us.
        if refusal.error is not USER_EXISTS:
            raise
        return create_with(*writes)


def list_(context: Context, path: Path, parameters: dict[str, Any], page: PageRequest) -> Listing:
    """One page of a channel's open invites, oldest first, or those of the wanted identities."""
    resolved = resolve(context, INVITE, path)
    channel_sid = resolved["channel_sid"]
    if wanted := parameters.get("identity"):
        wanted_keys = [keys.invite(channel_sid, invite_sid(channel_sid, identity)) for identity in wanted]
        invites = list(context.table.fetch_many(wanted_keys).values())
    else:
        invites = context.table.every(keys.invites(channel_sid))
    return cut_page({position(invite): invite for invite in invites}, page)


def accept(context: Context, path: Path, parameters: dict[str, Any]) -> Record:
    """The member that the invited client becomes.

    Raises:
        Refusal: 50601 without an invite; what joining refuses.
    """
    resolved = resolve(context, INVITE, path)
    identity = context.caller.identity or ""
    if _own(context, resolved) is None:
        raise INVITE_NOT_FOUND()
    return members.create(context, path, {**parameters, "identity": identity})


def decline(context: Context, path: Path, parameters: dict[str, Any]) -> None:
    """Let the client's invite vanish.

    Raises:
        Refusal: 50601 without an invite; 50602 for a member.
    """
    resolved = resolve(context, INVITE, path)
    channel_sid, identity = resolved["channel_sid"], context.caller.identity or ""
    if context.table.fetch(keys.member(channel_sid, member_sid(channel_sid, identity))):
        raise INVITE_USED()
    invite = _own(context, resolved)
    if invite is None:
        raise INVITE_NOT_FOUND()
    remove(context, {**resolved, "sid": invite["sid"]})


def _own(context: Context, resolved: Path) -> Record | None:
    """The client's own invite; a private channel does not exist for who was never asked in."""
    service_sid, channel_sid = resolved["service_sid"], resolved["channel_sid"]
    authority.require_sight(context, channel(context, service_sid, channel_sid))
    return context.table.fetch(keys.invite(channel_sid, invite_sid(channel_sid, context.caller.identity or "")))


def delete(context: Context, path: Path, parameters: dict[str, Any]) -> None:
    """Take an invite back."""
    remove(context, resolve(context, INVITE, path))


def remove(context: Context, resolved: Path) -> None:
    """Take back the invite at a resolved path, also when its service is gone already."""
    invite = verbs.load(context, INVITE, resolved)
    channel_log.change(
        context, "invite", "deleted", invite, lambda now, _: Decision(verbs.bury(context, INVITE, resolved, now))
    )
