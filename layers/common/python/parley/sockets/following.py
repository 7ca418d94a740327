"""Following: a connection asks to hear of up to a hundred others.

They are users and, for Twilio's SDKs, channels whose document was opened by somebody who is not in them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, cast

from parley.domain.memberships import birth_of
from parley.domain.presence import ends, live_connections
from parley.domain.presence import reachability as shown_reachability
from parley.errors import CONCURRENT_UPDATE, CONNECTION_EXPIRED
from parley.frozen import frozen
from parley.ids import user_sid
from parley.operations import reachability, verbs
from parley.operations.addressing import service
from parley.operations.context import Context
from parley.sockets.presence import NOT_CLOSING
from parley.store import keys
from parley.store.keys import Key
from parley.store.table import Records
from parley.store.writes import Guard, Update
from parley.stored import Connection, Follower

MOST_FOLLOWED = 100
# Two frames of one connection may change its list at the same time. The second change is then decided again.
_LOOKS = 10


@frozen
class Followed:
    """The users that a connection has begun to follow, and the identities that it dropped because of the limit."""

    users: list[dict[str, Any]]
    dropped: list[str]


def follow(context: Context, connection: Connection, identities: list[str]) -> Followed:
    """Let a connection follow users; identities without a user are left out.

    Beyond a hundred users, the connection drops those that it followed first.

    Raises:
        Refusal: 51006 if the connection is gone; 20409 if its other frames keep changing the list.
    """
    service_sid = connection["service_sid"]
    wanted = list(dict.fromkeys(user_sid(service_sid, identity) for identity in identities))
    is_enabled = reachability.is_enabled(service(context, service_sid))
    existing = context.table.fetch_many(map(keys.user, wanted))
    known = [sid for sid in wanted if keys.user(sid) in existing]

    before, after, current = _add(context, connection, known)
    dropped = [sid for sid in before if sid not in after]
    shown: list[Key[Any]] = [keys.user(sid) for sid in (*known, *dropped)]
    shown += [keys.presence(sid) for sid in known] if is_enabled else []
    # The users are read after the connection hears of their changes, so that it misses no change in between.
    found = write_followers(context, current, [*known, *dropped], also=shown)
    now = context.clock.now_ms() // 1000
    users = []
    for user in filter(None, (found.get(keys.user(sid)) for sid in known)):
        live = live_connections(found.get(keys.presence(user["sid"])), now, birth_of(user))
        users.append(shown_reachability(cast("dict[str, Any]", user), is_enabled, bool(live)))
    gone = filter(None, (found.get(keys.user(sid)) for sid in dropped))
    return Followed(users, [user["identity"] for user in gone])


def listen(context: Context, connection: Connection, sids: list[str]) -> bool:
    """Let a connection hear of changes of these users and channels. Beyond a hundred, it drops the first ones.

    The connection must have been read just now: a kept one may name what it has ceased to follow.

    Returns whether there are any that it has not heard of before.

    Raises:
        Refusal: what `write_followers` raises.
    """
    if set(sids) <= set(connection.get("follows") or ()):
        return False

    before, after, current = _add(context, connection, sids)
    write_followers(context, current, [*sids, *(sid for sid in before if sid not in after)])
    context.configuration.forget(keys.connection(connection["id"]))
    return True


def ignore(context: Context, connection: Connection, sids: list[str]) -> None:
    """Stop telling a connection of changes of these users and channels.

    Raises:
        Refusal: what `write_followers` raises.
    """
    *_, current = _change(context, connection["id"], lambda before: [sid for sid in before if sid not in sids])
    write_followers(context, current, sids)
    context.configuration.forget(keys.connection(connection["id"]))


def write_followers(
    context: Context, connection: Connection, sids: list[str], also: Iterable[Key[Any]] = ()
) -> Records:
    """Write the follower items under those of the SIDs that the connection's list names, and erase the others.

    Another frame of the connection may change its list or its token at the same time, or the connection may end. So
    this writes the items first and reads the connection's record afterwards. If the record has changed, this writes the
    items again. `also` has more keys to read with the record. Returns all records that were found.

    Raises:
        Refusal: 51006 if the connection has ended (no items are left then); 20409 if the record keeps changing.
    """
    own = keys.connection(connection["id"])
    for _ in range(_LOOKS):
        listed = set(connection.get("follows") or ())
        _put(context, connection, [sid for sid in sids if sid in listed])
        context.table.erase_many(keys.follower(sid, connection["id"]) for sid in sids if sid not in listed)
        found = context.table.fetch_many([own, *also])
        current = found.get(own)
        if current is None or "closing" in current:
            context.table.erase_many(keys.follower(sid, connection["id"]) for sid in sids)
            raise CONNECTION_EXPIRED()
        if _basis(current, sids) == _basis(connection, sids):
            return found
        connection = current
    raise CONCURRENT_UPDATE()


def renew(context: Context, connection: Connection) -> None:
    """Let a connection hear of what it follows for as long as its new token lasts."""
    if sids := connection.get("follows"):
        write_followers(context, connection, sids)


def _basis(connection: Connection, sids: list[str]) -> tuple[set[str], str, int]:
    """What the follower items under these SIDs depend on: the connection's list, its API key and its end."""
    return set(sids) & set(connection.get("follows") or ()), connection["key_sid"], ends(connection)


def _put(context: Context, connection: Connection, sids: list[str]) -> None:
    """Write follower items: the connection hears of these users and channels until its token or its time ends."""
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
    context.table.put_many({keys.follower(sid, connection["id"]): follower for sid in sids})


def unfollow(context: Context, connection: Connection, identities: list[str]) -> None:
    """Stop following users.

    Raises:
        Refusal: what `write_followers` raises.
    """
    ignore(
        context,
        connection,
        list(dict.fromkeys(user_sid(connection["service_sid"], identity) for identity in identities)),
    )


def _add(context: Context, connection: Connection, sids: list[str]) -> tuple[list[str], list[str], Connection]:
    """Put SIDs at the end of the connection's list, and drop the first ones beyond a hundred; returns as `_change`."""
    return _change(
        context,
        connection["id"],
        lambda before: ([sid for sid in before if sid not in sids] + sids)[-MOST_FOLLOWED:],
    )


def _change(
    context: Context, connection_id: str, change: Callable[[list[str]], list[str]]
) -> tuple[list[str], list[str], Connection]:
    """Change the connection's list by `change`; returns the list before, the list after, and the connection."""
    key = keys.connection(connection_id)

    def attempt(context: Context) -> tuple[list[str], list[str], Connection]:
        connection = context.table.fetch(key)
        if connection is None or "closing" in connection:
            raise CONNECTION_EXPIRED()
        before = connection.get("follows") or []
        after = change(before)
        if after != before:
            unchanged = Guard("follows", "=" if before else "missing", before or None, CONCURRENT_UPDATE())
            listed = {"follows": after or None}
            write = Update(key, CONNECTION_EXPIRED(), set=listed, guards=(NOT_CLOSING, unchanged), announced=False)
            connection = cast(Connection, context.table.commit(context.cause(), [write])[0])
        return before, after, connection

    return verbs.retried(context, attempt, CONCURRENT_UPDATE, attempts=_LOOKS)
