"""User channels: memberships and invites of one user, with what is unread."""

from __future__ import annotations

from typing import Any

from parley.domain.channels import with_counters
from parley.domain.memberships import own
from parley.domain.user_channels import seen
from parley.errors import NOT_FOUND
from parley.ids import invite_sid
from parley.operations import aliases, authority, counting, members, verbs
from parley.operations.addressing import channel, service, user_address
from parley.operations.context import Context
from parley.operations.paging import Listing, PageRequest, page_of
from parley.records.spec import Path
from parley.store import keys
from parley.store.items import Record
from parley.store.keys import Key
from parley.stored import Invite, Member, Tail, User


def list_(context: Context, path: Path, parameters: dict[str, Any], page: PageRequest) -> Listing:
    """One page of the channels that a user is in or invited to, oldest first. A page of fifty takes three requests.

    Each user channel holds the channel's record as `channel`.
    """
    user_key, user = _user(context, path)
    found, more = context.table.page(
        keys.user_channels(user), page.size, after=page.after, before=page.before, descending=page.is_back
    )
    wanted: list[Key[Any]] = [user_key]
    for item in found:
        wanted += [item.key, keys.channel(item.position), keys.tail(item.position)]
    stored = context.table.fetch_many(wanted)
    owner = _belonging(context, stored.get(user_key), path)
    listing = page_of([(item.position, item.record) for item in found], page, more=more)
    shown = {
        item.position: seen(user, stored[item.key], stored[keys.tail(item.position)])
        | {"channel": with_counters(stored[keys.channel(item.position)], stored[keys.tail(item.position)])}
        for item in found
        if item.key in stored and keys.channel(item.position) in stored and keys.tail(item.position) in stored
        if context.perspective.knows(stored[keys.channel(item.position)])
        if own(stored[item.key], owner)
    }
    return listing.showing(shown)


def _belonging(context: Context, user: User | None, path: Path) -> User:
    """The user, if it is in the service of the path. If a client asks for its own channels, its user must exist."""
    found = verbs.belonging(user, path)
    return authority.require_same_user(context, found) if found["identity"] == context.caller.identity else found


def _user(context: Context, path: Path) -> tuple[Key[User], str]:
    service(context, path["service_sid"])
    sid = user_address(path["service_sid"], path["user_sid"])
    return keys.user(sid), sid


def fetch(context: Context, path: Path, parameters: dict[str, Any]) -> Record:
    """One channel as the user sees it.

    Raises:
        Refusal: 20404 if the user is neither in it nor invited (Twilio's `notParticipating` is never stored).
    """
    held, tail, user = _held(context, path)
    return seen(user, held, tail)


def _held(context: Context, path: Path) -> tuple[Member | Invite, Tail, str]:
    user_key, user = _user(context, path)
    channel_sid = channel(context, path["service_sid"], path["channel_sid"])["sid"]
    record = _belonging(context, context.table.fetch(user_key), path)
    identity = record["identity"]
    invite_key = keys.invite(channel_sid, invite_sid(channel_sid, identity))
    tail_key = keys.tail(channel_sid)
    found = context.table.fetch_many([*aliases.wanted(channel_sid, identity), invite_key, tail_key])
    held = own(aliases.member_of(context, found, channel_sid, identity), record) or own(found.get(invite_key), record)
    if held is None or tail_key not in found:
        raise NOT_FOUND()
    return held, counting.settled(context, channel_sid, found[tail_key]), user


def update(context: Context, path: Path, parameters: dict[str, Any]) -> Record:
    """The user's notification level or horizon in a channel it has joined."""
    held, tail, user = _held(context, path)
    if not held["sid"].startswith("MB"):
        raise NOT_FOUND()
    address = {name: held[name] for name in ("service_sid", "channel_sid", "sid")}
    return seen(user, members.update(context, address, parameters), tail)


def delete(context: Context, path: Path, parameters: dict[str, Any]) -> None:
    """Take the user out of the channel, as deleting the member does."""
    held, _, _ = _held(context, path)
    if not held["sid"].startswith("MB"):
        raise NOT_FOUND()
    members.delete(context, {name: held[name] for name in ("service_sid", "channel_sid", "sid")}, {})
