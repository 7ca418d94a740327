"""Following users: their `userUpdated` reaches the connections that asked for it (chat.md 10.2: a hundred at most)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

from parley.domain.memberships import birth_of
from parley.domain.presence import ends, live_connections
from parley.domain.presence import reachability as shown_reachability
from parley.errors import CONCURRENT_UPDATE, CONNECTION_EXPIRED
from parley.ids import user_sid
from parley.operations import reachability, verbs
from parley.operations.addressing import service
from parley.operations.context import Context
from parley.store import keys
from parley.store.keys import Key
from parley.store.writes import Guard, Update
from parley.stored import Connection, Follower

MOST_FOLLOWED = 100
# Two frames of one connection may be handled at once, and then change its list one after the other.
_LOOKS = 10


@dataclass(frozen=True)
class Followed:
    """What following has led to: the users that exist, and the identities that had to give way."""

    users: list[dict[str, Any]]
    dropped: list[str]


def follow(context: Context, connection: Connection, identities: list[str]) -> Followed:
    """Follow users on a connection; the longest followed give way beyond a hundred. Unknown identities are passed over.

    Raises:
        Refusal: 51006 if the connection is gone; 20409 when other frames of it change the list all the time.
    """
    service_sid = connection["service_sid"]
    wanted = list(dict.fromkeys(user_sid(service_sid, identity) for identity in identities))
    is_enabled = reachability.is_enabled(service(context, service_sid))
    extra: list[Key[Any]] = [keys.presence(sid) for sid in wanted] if is_enabled else []
    own = keys.connection(connection["id"])
    found = context.table.fetch_many([own, *(keys.user(sid) for sid in wanted), *extra])
    connection_now = found.get(own)
    if connection_now is None:
        raise CONNECTION_EXPIRED()
    known = [sid for sid in wanted if keys.user(sid) in found]

    def change(before: list[str]) -> list[str]:
        return ([sid for sid in before if sid not in known] + known)[-MOST_FOLLOWED:]

    # First the items by which changes are heard, then the list by which those items are found when the connection ends.
    # If this is cut short in between, the client gets no reply, and asking again mends it.
    hear(context, connection_now, known)
    before, after, current = _change(context, connection["id"], change)
    if ends(current) != ends(connection_now):
        # A new token came meanwhile, whose bearer did not know of these users yet.
        hear(context, current, known)
    dropped = [sid for sid in before if sid not in after]
    context.table.erase_many(keys.follower(sid, connection["id"]) for sid in dropped)
    now = context.clock.now_ms() // 1000
    users = []
    for sid in known:
        user = cast("dict[str, Any]", found.get(keys.user(sid)))
        live = live_connections(found.get(keys.presence(sid)), now, birth_of(user))
        users.append(shown_reachability(user, is_enabled, bool(live)))
    gone = context.table.fetch_many(map(keys.user, dropped))
    return Followed(users, [user["identity"] for user in gone.values()])


def hear(context: Context, connection: Connection, users: list[str]) -> None:
    """Let a connection hear of users for as long as its token and its time last."""
    follower: Follower = {
        "id": connection["id"],
        "key": connection["key_sid"],
        "user_sid": connection["user_sid"],
        "birth": birth_of(connection),
        "until": ends(connection),
        "expires_at": connection["expires_at"],
    }
    if "codec" in connection:
        follower["codec"] = connection["codec"]
    context.table.put_many({keys.follower(sid, connection["id"]): follower for sid in users})


def unfollow(context: Context, connection: Connection, identities: list[str]) -> None:
    """Follow users no longer."""
    unwanted = {user_sid(connection["service_sid"], identity) for identity in identities}
    _change(context, connection["id"], lambda before: [sid for sid in before if sid not in unwanted])
    context.table.erase_many(keys.follower(sid, connection["id"]) for sid in unwanted)


def _change(
    context: Context, connection_id: str, change: Callable[[list[str]], list[str]]
) -> tuple[list[str], list[str], Connection]:
    """The connection's list before and after, changed in one step, and the connection."""
    key = keys.connection(connection_id)

    def attempt() -> tuple[list[str], list[str], Connection]:
        connection = context.table.fetch(key)
        if connection is None:
            raise CONNECTION_EXPIRED()
        before = connection.get("follows") or []
        after = change(before)
        if after != before:
            unchanged = Guard("follows", "=" if before else "missing", before or None, CONCURRENT_UPDATE())
            listed = {"follows": after or None}
            write = Update(key, CONNECTION_EXPIRED(), set=listed, guards=(unchanged,), announced=False)
            connection = cast(Connection, context.table.commit(context.cause(), [write])[0])
        return before, after, connection

    return verbs.again(attempt, CONCURRENT_UPDATE, looks=_LOOKS)
