"""The life of a connection: a token opens it, another token renews it, and its record is checked for each request.

At the end `sockets/presence.py` forgets it.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, NamedTuple, cast

from parley.domain.memberships import birth_of
from parley.domain.presence import LONGEST_LIFE_SECONDS, ends, live_connections
from parley.errors import (
    CONCURRENT_UPDATE,
    CONNECTION_EXPIRED,
    NOT_FOUND,
    TOKEN_EXPIRED,
    TOKEN_FOREIGN_SERVICE,
    TOKEN_ISSUER,
    TOKEN_OF_ANOTHER,
    USER_EXISTS,
    Refusal,
)
from parley.ids import user_sid
from parley.operations import addressing, api_keys, authority, due, reachability, users, verbs
from parley.operations.bearers import verified
from parley.operations.context import Caller, Context
from parley.sockets import presence
from parley.sockets.presence import Listener
from parley.sockets.protocols import NATIVE, Row
from parley.store import keys
from parley.store.keys import Key
from parley.store.writes import Guard, Update
from parley.stored import Connection, Due, User
from parley.tokens import AccessToken


class Opened(NamedTuple):
    """An open connection: its record, the sub-protocol to confirm, and the user's older connections to close for it."""

    connection: Connection
    subprotocol: str | None
    surplus: list[Listener]


SUBPROTOCOL = "parley.v1"
MOST_PER_IDENTITY = 10
# How often a new token is written while others are stored for the same connection.
_ATTEMPTS = 10
# The kind of due work that lists each connection under the minute in which it ends.
DUE = "connection"


def accept(context: Context, protocol: Row, connection_id: str, offered: list[str], query_token: str) -> Opened | None:
    """Let a socket open. Its token comes in the query string, or as a second sub-protocol beside `parley.v1`.

    If the protocol's token comes in the first frame, this stores nothing and returns None.

    Raises:
        Refusal: what `authenticate` raises.
    """
    token = query_token or next((name for name in offered if name != SUBPROTOCOL), "")
    if protocol.opens_by_frame and not token:
        return None
    opened = authenticate(context, protocol, connection_id, token)
    return opened._replace(subprotocol=SUBPROTOCOL if SUBPROTOCOL in offered else None)


def authenticate(context: Context, protocol: Row, connection_id: str, token: str, resumes: int = 0) -> Opened:
    """Open a connection for the identity of a token. If the identity has no user yet, create one.

    `resumes` is when the client's connection before this one was opened, if the client says so.

    This takes three requests: the user, the connection, the presence. If the service shows who is online, there is one
    more to see that the connection has not been forgotten meanwhile, and one for the first connection of a user.

    Raises:
        Refusal: what is wrong with the token; 20106 with 403 if its service does not belong to this account; 50203 or
            50206 if the identity is not allowed; 51006 if the socket was closed meanwhile.
    """
    access = verified(context, token)
    try:
        service = addressing.service(context, access.service_sid)
    except Refusal as refusal:
        if refusal.error is not NOT_FOUND:
            raise
        raise TOKEN_FOREIGN_SERVICE() from None
    sid = user_sid(access.service_sid, access.identity)
    acting = replace(context, caller=Caller("SDK", access.identity, webhooks=True))
    if protocol.opens_by_frame:
        user, follows = _user(context, sid, connection_id)
    else:
        user, follows = context.table.fetch(keys.user(sid)), []
    was_known = user is not None
    if user is None:
        user = _create_user(acting, access)
    acting = replace(acting, caller=replace(acting.caller, birth=birth_of(user)))
    now_ms = context.clock.now_ms()
    now = now_ms // 1000
    shows_who_is_online = reachability.is_enabled(service)
    record = _record(protocol, connection_id, access, user, now_ms)
    if follows:
        record["follows"] = follows
    if shows_who_is_online:
        record["noted"] = True
    if 0 < resumes <= now_ms:
        record["resumes"] = resumes
    context.table.put_many({keys.connection(connection_id): record, **_listed(context, record)})
    entries = presence.remember(context.table, record, now)
    live = live_connections(entries, now)
    is_known_online = (
        was_known and user.get("is_online") is True and len(live_connections(entries, now, birth_of(user))) > 1
    )
    if shows_who_is_online and not is_known_online:
        reachability.note_online(acting, sid)
    if shows_who_is_online:
        _require_unforgotten(acting, record)
    surplus = [one for one in live if one != connection_id][: max(len(live) - MOST_PER_IDENTITY, 0)]
    return Opened(record, None, [presence.listener(one, sid, entries) for one in surplus])


def _record(protocol: Row, connection_id: str, access: AccessToken, user: User, now_ms: int) -> Connection:
    """A connection of a user as it is stored."""
    now = now_ms // 1000
    record: Connection = {
        "id": connection_id,
        "identity": access.identity,
        "birth": birth_of(user),
        "service_sid": access.service_sid,
        "user_sid": user["sid"],
        **_granted(access),
        "opened_at": now,
        "expires_at": now + LONGEST_LIFE_SECONDS,
    }
    if protocol.name != NATIVE:
        record["codec"] = protocol.name
    if protocol.opens_by_frame:
        record["came_at"] = now_ms
    return record


def _require_unforgotten(context: Context, connection: Connection) -> None:
    """Check that a connection was not forgotten while it was being opened.

    If it was, what was written after that goes again, so that its user does not stay online.

    Raises:
        Refusal: 51006.
    """
    stored = context.table.fetch(keys.connection(connection["id"]))
    if stored is None or "closing" in stored:
        presence.leave(context, connection)
        raise CONNECTION_EXPIRED()


def _listed(context: Context, connection: Connection) -> dict[Key[Due], Due]:
    """The item that leads a tick to the connection when its token or its time ends."""
    dies_at = connection["expires_at"] + LONGEST_LIFE_SECONDS
    return due.entry(context, DUE, ends(connection), connection["id"], dies_at)


def _granted(access: AccessToken) -> Connection:
    """What a token adds to its connection's record; what the token does not grant is empty."""
    return {
        "key_sid": access.key_sid,
        "token_expires_at": access.expires_at,
        "endpoint_id": access.endpoint_id,
        "push_credential_sid": access.push_credential_sid,
    }


def _user(context: Context, sid: str, connection_id: str) -> tuple[User | None, list[str]]:
    """The user of a token that came in a frame, and whom the connection follows, if the user had opened it before.

    Raises:
        Refusal: 20106 if another user has opened the connection already.
    """
    key = keys.connection(connection_id)
    found = context.table.fetch_many([keys.user(sid), key])
    if key in found and found[key]["user_sid"] != sid:
        raise TOKEN_OF_ANOTHER()
    return found.get(keys.user(sid)), list(found[key].get("follows") or ()) if key in found else []


def _create_user(acting: Context, access: AccessToken) -> User:
    parameters: dict[str, Any] = {"identity": access.identity}
    if access.deployment_role_sid:
        parameters["role_sid"] = access.deployment_role_sid
    # Logins do not count for the limit on actions (https://www.twilio.com/docs/chat/chat-limits).
    free = replace(acting, actions_per_second=0)
    try:
        return cast(User, users.create(free, {"service_sid": access.service_sid}, parameters))
    except Refusal as refusal:
        if refusal.error is not USER_EXISTS:
            raise
        # Another device of the same identity created the user first.
        key = keys.user(user_sid(access.service_sid, access.identity))
        return acting.table.fetch(key) or {}


def refresh(context: Context, connection: Connection, token: str) -> Connection:
    """The connection with a new token in place of the old one.

    The presence entry and the list of due work get the new end first, the record last. If the connection is forgotten
    in between, the write of the record fails, and this removes the presence entry again. If another token is stored in
    between, all are written again, so the presence entry has the end of the token that was stored last.

    Raises:
        Refusal: what is wrong with the token; 20106 if it is another identity's or service's; 51006 if the connection
            has been closed meanwhile; 20409 if other tokens are stored all the time.
    """
    access = verified(context, token)
    if (access.identity, access.service_sid) != (connection["identity"], connection["service_sid"]):
        raise TOKEN_OF_ANOTHER()
    key, granted = keys.connection(connection["id"]), _granted(access)
    remembered = [connection]

    def attempt(context: Context) -> Connection:
        # What the caller remembers may be seconds old. If it is, the write is refused, and the record is read.
        before = remembered.pop() if remembered else context.table.fetch(key)
        if before is None:
            raise CONNECTION_EXPIRED()
        return _renew(context, before, granted)

    try:
        renewed = verbs.retried(context, attempt, CONCURRENT_UPDATE, attempts=_ATTEMPTS)
    except Refusal as refusal:
        if refusal.error is CONNECTION_EXPIRED:
            presence.leave(context, {**connection, **granted})
        raise
    context.configuration.forget(key)
    return renewed


def _renew(context: Context, connection: Connection, granted: Connection) -> Connection:
    """Write what a new token grants, on condition that no other token has been stored since the connection was read."""
    expected: Connection = {**connection, **granted}
    context.table.put_many(_listed(context, expected))
    presence.remember(context.table, expected, context.clock.now_ms() // 1000)
    count = connection.get("renewals")
    unchanged = Guard("renewals", "missing" if count is None else "=", count, CONCURRENT_UPDATE())
    write = Update(
        keys.connection(connection["id"]),
        CONNECTION_EXPIRED(),
        set={**granted, "renewals": (count or 0) + 1},
        guards=(presence.NOT_CLOSING, unchanged),
        announced=False,
    )
    return cast(Connection, context.table.commit(context.cause(), [write])[0])


def opened(context: Context, connection_id: str) -> Connection:
    """The record of a connection that may be used.

    Raises:
        Refusal: 51006 if the connection is unknown or its time is over; 20104 if its token has expired; 20103 if the
            API key of that token was deleted; 50200 if its user was deleted. The caller then ends the connection.
    """
    key = keys.connection(connection_id)
    try:
        return _usable(context, context.configuration.fetch(key))
    except Refusal:
        # Another container may have stored a new token, and this container may remember the record from before.
        context.configuration.forget(key)
        return _usable(context, context.configuration.fetch(key))


def _usable(context: Context, connection: Connection | None) -> Connection:
    now = context.clock.now_ms() // 1000
    if connection is None or connection["expires_at"] <= now:
        raise CONNECTION_EXPIRED()
    if connection["token_expires_at"] <= now:
        raise TOKEN_EXPIRED()
    if api_keys.known(context, connection["key_sid"]) is None:
        raise TOKEN_ISSUER()
    authority.require_user_of_connection(context, connection["user_sid"], birth_of(connection))
    return connection
