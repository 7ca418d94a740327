"""Who may see the Sync objects of a channel, and the records that they show.

Members see all three. Invited users and the creator see the document. If the channel is public, everybody in the
service sees the document. To anybody else, the channel does not exist. SDKs of Conversations know no public channels
and no invites.

A channel may be deleted while a client opens its objects. Some SDKs break if the objects are gone then. So for a minute
there are empty ones. They show nothing but that the channel was there.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from parley.domain.channels import PUBLIC
from parley.domain.memberships import birth_of, is_creator, own
from parley.frozen import frozen
from parley.ids import invite_sid, member_sid
from parley.operations import aliases
from parley.operations.context import Context
from parley.sockets.protocols import perspective_of
from parley.store import keys
from parley.store.keys import Key
from parley.store.table import Records
from parley.stored import Connection, Tail, User

_READABLE_MS = 60_000
# The counters of a channel without messages.
_EMPTY: Tail = {"last_index": -1}


@frozen
class Sight:
    """What a connection's user sees of a channel.

    Attributes:
        channel: The channel, {} if it was not read; after a deletion its tombstone.
        tail: Its counters.
        member: The user's membership.
        invite: The user's invite, if it is no member.
        is_visible: Whether the user sees the document.
        is_gone: Whether the channel was deleted less than a minute ago.
    """

    channel: Mapping[str, Any]
    tail: Tail
    member: Mapping[str, Any] | None = None
    invite: Mapping[str, Any] | None = None
    is_visible: bool = False
    is_gone: bool = False

    @property
    def is_readable(self) -> bool:
        """Whether the user sees the messages and the roster."""
        return self.member is not None or self.is_gone

    @property
    def number(self) -> int:
        """The number of the channel's latest change."""
        return int(self.tail.get("seq") or self.channel.get("seq") or 0)


UNSEEN = Sight({}, {})


def asker(connection: Connection) -> User:
    """The connection's user, as far as memberships need to know it."""
    return {"sid": connection["user_sid"], "birth": birth_of(connection)}


def member_keys(connection: Connection, sid: str) -> list[Key[Any]]:
    """The keys that tell whether the user is a member, unless the channel has aliases."""
    return [keys.tail(sid), keys.member(sid, member_sid(sid, connection["identity"]))]


def all_keys(connection: Connection, sid: str) -> list[Key[Any]]:
    """The keys that tell everything about what the user sees of a channel."""
    identity = connection["identity"]
    invite = keys.invite(sid, invite_sid(sid, identity))
    return [keys.channel(sid), keys.tail(sid), *aliases.wanted(sid, identity), invite]


def alias_keys(connection: Connection, found: Records, channel_sids: Iterable[str]) -> list[Key[Any]]:
    """The keys of the user's aliases in those channels that have any; `found` holds the counters."""
    having = [sid for sid in channel_sids if (found.get(keys.tail(sid)) or {}).get("aliases_made")]
    return [aliases.wanted(sid, connection["identity"])[1] for sid in having]


def exists(connection: Connection, found: Mapping[str, Any]) -> bool:
    """Whether a channel is in the connection's service and its SDK knows the type; `found` may be the counters."""
    return found.get("service_sid") == connection["service_sid"] and perspective_of(connection).knows(found)


def is_known(connection: Connection, held: Mapping[str, Any], tail: Tail) -> bool:
    """Whether the connection's SDK knows of such a membership or invite in such a channel."""
    return exists(connection, tail) and (held["sid"].startswith("MB") or perspective_of(connection).has_invites)


def membership(context: Context, connection: Connection, found: Records, sid: str) -> Mapping[str, Any] | None:
    """The user's membership in a channel of the service; `found` holds `member_keys` and `alias_keys`."""
    tail = found.get(keys.tail(sid))
    if tail is None or "deleted_at" in tail or not exists(connection, tail):
        return None
    member = aliases.member_of(context, found.living(), sid, connection["identity"])
    return own(member, asker(connection))


def sight(context: Context, connection: Connection, found: Records, sid: str) -> Sight:
    """What the user sees of a channel; `found` holds `all_keys`, tombstones included."""
    channel, tail = found.get(keys.channel(sid)), found.get(keys.tail(sid))
    if channel is None or not exists(connection, channel):
        return UNSEEN
    if "deleted_at" in channel:
        if context.clock.now_ms() - channel["deleted_at"] >= _READABLE_MS:
            return UNSEEN
        return Sight(channel, {**_EMPTY, "seq": channel.get("seq", 0)}, is_visible=True, is_gone=True)
    if tail is None or "deleted_at" in tail:
        return UNSEEN
    member = membership(context, connection, found, sid)
    invite = own(found.living().get(keys.invite(sid, invite_sid(sid, connection["identity"]))), asker(connection))
    if invite and not is_known(connection, invite, tail):
        invite = None
    is_visible = bool(member or invite) or channel["type"] == PUBLIC or is_creator(channel, asker(connection))
    return Sight(channel, tail, member, None if member else invite, is_visible)
