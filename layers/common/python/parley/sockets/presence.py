"""Who is connected: one small item per user, with an entry per connection.

Each entry says until when its connection can be open; after that it no longer counts. If `$disconnect` never comes, the
next push to the connection fails, and Parley forgets the connection then.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from typing import Any, NamedTuple, cast

from parley.domain.memberships import birth_of
from parley.domain.presence import LONGEST_LIFE_SECONDS, OPENING_SECONDS, PREFIX, ends, live_connections
from parley.errors import CONNECTION_EXPIRED, ignoring
from parley.operations import reachability
from parley.operations.context import Caller, Context
from parley.sockets.protocols import protocol_of
from parley.store import keys
from parley.store.keys import Key
from parley.store.table import Table
from parley.store.writes import Guard, Update
from parley.stored import Connection, Presence

# The condition that nobody has begun to forget a connection.
NOT_CLOSING = Guard("closing", "missing", None, CONNECTION_EXPIRED())


class Listener(NamedTuple):
    """What a push must know of an open connection.

    Attributes:
        id: The connection's id.
        user_sid: The user who opened it.
        birth: That user's `birth`. An earlier or later user of the same identity has another one.
        protocol: The protocol that it speaks.
    """

    id: str
    user_sid: str
    birth: str
    protocol: str


def remember(table: Table, connection: Connection, now_seconds: int) -> Presence:
    """Write or replace a connection's entry in its user's presence; returns the presence.

    This also removes the entries of connections that can no longer be open.
    """
    entry: dict[str, Any] = {"at": connection["opened_at"], "until": ends(connection), "key": connection["key_sid"]}
    entry["birth"] = birth_of(connection)
    if "codec" in connection:
        entry["codec"] = connection["codec"]
    key = keys.presence(connection["user_sid"])
    changes = {PREFIX + connection["id"]: entry, "expires_at": now_seconds + LONGEST_LIFE_SECONDS}
    presence = table.touch(key, changes)
    alive = {PREFIX + connection_id for connection_id in live_connections(presence, now_seconds)}
    dead = [name for name in presence if name.startswith(PREFIX) and name not in alive]
    return (table.detach(key, dead) or presence) if dead else presence


def forget(context: Context, connection_id: str, owner: str = "") -> None:
    """Forget a connection: remove its presence entry and its follower items, then its record.

    If no other connection of the user is open, the user is noted as offline. First this marks the record as closing.
    From then on `refreshToken` and `followUsers` cannot change the record, so they cannot add anything that this
    function would leave behind. The record goes last: if this dies half-way, a repeat finds the record and finishes.

    If the service does not show who is online, the record goes first, which saves requests. If the function dies after
    that, the presence entry stays until its time is over. No client sees the entry. If `owner`, a user SID, is given,
    this removes the presence entry even if there is no record.
    """
    key = keys.connection(connection_id)
    record, is_gone = context.table.take(key, unless="noted")
    if record is None:
        if owner:
            context.table.detach(keys.presence(owner), [PREFIX + connection_id])
        return
    if is_gone and _shows_who_is_online(context, record):
        # The service did not show who is online when the connection was opened, but does now.
        context.table.put_many({key: {**record, "closing": True}})
        is_gone = False
    elif not is_gone:
        record = _mark_closing(context, key) or record
    leave(context, record)
    context.table.erase_many(keys.follower(sid, connection_id) for sid in record.get("follows", ()))
    if not is_gone:
        context.table.take(key)


def _mark_closing(context: Context, key: Key[Connection]) -> Connection | None:
    """Mark a connection as closing, so that nobody else changes it; None if it has been forgotten meanwhile."""
    write = Update(key, CONNECTION_EXPIRED(), set={"closing": True}, announced=False)
    with ignoring(CONNECTION_EXPIRED):
        return cast(Connection, context.table.commit(context.cause(), [write])[0])
    return None


def leave(context: Context, connection: Connection) -> None:
    """Remove a connection from its user's presence. If no other one is open, note the user as offline."""
    user, birth = connection["user_sid"], birth_of(connection)
    left = context.table.detach(keys.presence(user), [PREFIX + connection["id"]])
    is_last = not live_connections(left, context.clock.now_ms() // 1000, birth)
    if is_last and _shows_who_is_online(context, connection):
        caller = Caller("SDK", connection["identity"], webhooks=True, birth=birth)
        reachability.note_offline(replace(context, caller=caller), user)


def _shows_who_is_online(context: Context, connection: Connection) -> bool:
    key = keys.service(context.account_sid, connection["service_sid"])
    return reachability.is_enabled(context.configuration.fetch(key))


def forget_gone(context: Context, outcomes: Mapping[str, str], owners: Mapping[str, str]) -> list[str]:
    """Forget the connections that a push did not find; returns their ids.

    A connection that was opened seconds ago is kept, because API Gateway may still be opening it. `owners` has the user
    SIDs by connection id, as far as the caller knows them.
    """
    now = context.clock.now_ms() // 1000
    missing = gone(outcomes)
    for connection_id in missing:
        record = context.table.fetch(keys.connection(connection_id))
        if record is None or record["opened_at"] <= now - OPENING_SECONDS:
            forget(context, connection_id, owners.get(connection_id, ""))
    return missing


def gone(outcomes: Mapping[str, str]) -> list[str]:
    """The connections that pushes did not find."""
    return [connection_id for connection_id, outcome in outcomes.items() if outcome == "gone"]


def listeners(context: Context, presences: Mapping[str, Presence]) -> dict[str, list[Listener]]:
    """The connections that may be open and whose API key exists, by user SID; each user's oldest comes first."""
    now = context.clock.now_ms() // 1000
    live = {
        sid: [(connection_id, presence[PREFIX + connection_id]) for connection_id in live_connections(presence, now)]
        for sid, presence in presences.items()
    }
    valid = living_keys(context, (entry.get("key") for entries in live.values() for _, entry in entries))
    return {
        sid: [
            listener(connection_id, sid, presences[sid])
            for connection_id, entry in entries
            if entry.get("key") in valid
        ]
        for sid, entries in live.items()
    }


def listener(connection_id: str, user_sid: str, presence: Presence) -> Listener:
    """A connection as its entry in its user's presence describes it."""
    entry = presence[PREFIX + connection_id]
    return Listener(connection_id, user_sid, birth_of(entry), protocol_of(entry))


def living_keys(context: Context, key_sids: Iterable[str | None]) -> Collection[str | None]:
    """The API keys among these that exist, and None.

    One request reads all of them. The container remembers for some seconds which exist and which do not.
    """
    wanted = {keys.api_key(context.account_sid, sid): sid for sid in set(key_sids) if sid}
    return {None, *(wanted[key] for key in context.configuration.present(wanted))}
