"""Who is connected: one small item per user with an attribute per connection, which dies by itself.

Every entry says until when it can be alive; a `$disconnect` that never came costs one failed push and no more.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from parley.domain.memberships import birth_of
from parley.domain.presence import LONGEST_LIFE_SECONDS, OPENING_SECONDS, PREFIX, ends, live_connections
from parley.operations import reachability
from parley.operations.context import Caller, Context
from parley.store import keys
from parley.store.items import Record
from parley.store.table import Table


def remember(table: Table, connection: Record, now_seconds: int) -> Record:
    """Add a connection to its user's presence, or its new end after its token was refreshed; returns the presence.

    What can no longer be open is dropped on the way.
    """
    entry = {"at": connection["opened_at"], "until": ends(connection), "key": connection["key_sid"]}
    entry["birth"] = birth_of(connection)
    key = keys.presence(connection["user_sid"])
    changes = {PREFIX + connection["id"]: entry, "expires_at": now_seconds + LONGEST_LIFE_SECONDS}
    presence = table.touch(key, changes)
    alive = {PREFIX + connection_id for connection_id in live_connections(presence, now_seconds)}
    dead = [name for name in presence if name.startswith(PREFIX) and name not in alive]
    return (table.detach(key, dead) or presence) if dead else presence


def forget(context: Context, connection_id: str, owner: str = "") -> None:
    """Forget a connection, whom it follows and its presence; once is enough, and a repeat finds nothing to do.

    `owner` is the user SID where it is known, so that an entry without its connection goes as well.
    """
    record = context.table.take(keys.connection(connection_id)) or {}
    user = record.get("user_sid") or owner
    if not user:
        return
    if followed := record.get("follows"):
        context.table.erase_many(keys.follower(sid, connection_id) for sid in followed)
    left = context.table.detach(keys.presence(user), [PREFIX + connection_id])
    if record and not live_connections(left, context.clock.now_ms() // 1000, birth_of(record)):
        service = context.configuration.fetch(keys.service(context.account_sid, record["service_sid"]))
        if reachability.is_enabled(service):
            caller = Caller("SDK", record["identity"], webhooks=True, birth=birth_of(record))
            reachability.note_offline(replace(context, caller=caller), user)


def forget_gone(context: Context, outcomes: Mapping[str, str], owners: Mapping[str, str]) -> list[str]:
    """Forget connections that a push did not find any more, but for those that may be only just opening.

    `owners` are the user SIDs where they are known. Returns those that were not found.
    """
    now = context.clock.now_ms() // 1000
    missing = gone(outcomes)
    for connection_id in missing:
        record = context.table.fetch(keys.connection(connection_id))
        if record is None or record["opened_at"] <= now - OPENING_SECONDS:
            forget(context, connection_id, owners.get(connection_id, ""))
    return missing


def gone(outcomes: Mapping[str, str]) -> list[str]:
    """The connections that pushes did not find any more."""
    return [connection_id for connection_id, outcome in outcomes.items() if outcome == "gone"]


def listening(context: Context, presence: Record | None, birth: str | None = None) -> list[str]:
    """The ids of a user's connections that may still be open and hear, the oldest first; with `birth`, of that user."""
    live = live_connections(presence, context.clock.now_ms() // 1000, birth)
    return [connection_id for connection_id in live if may_hear(context, (presence or {})[PREFIX + connection_id])]


def may_hear(context: Context, entry: Record) -> bool:
    """Whether the key that signed a connection's token is still there, as far as is known for some seconds."""
    key_sid = entry.get("key")
    key = keys.api_key(context.account_sid, key_sid or "")
    return key_sid is None or context.configuration.fetch(key) is not None
