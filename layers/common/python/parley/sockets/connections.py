"""A socket's life: a verified token opens it, its record says whose it is, and closing forgets it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, NamedTuple

from parley.domain.memberships import birth_of
from parley.domain.presence import LONGEST_LIFE_SECONDS, ends, live_connections
from parley.domain.users import check_identity
from parley.errors import (
    CONNECTION_EXPIRED,
    TOKEN_EXPIRED,
    TOKEN_FOREIGN_SERVICE,
    TOKEN_INVALID,
    TOKEN_ISSUER,
    TOKEN_OF_ANOTHER,
    USER_EXISTS,
    Refusal,
)
from parley.ids import user_sid
from parley.keyring import is_secret
from parley.operations import addressing, reachability, users
from parley.operations.context import Caller, Context
from parley.sockets import presence
from parley.store import keys
from parley.store.items import Record
from parley.store.keys import Key
from parley.store.writes import Update
from parley.tokens import AccessToken, verify


class Opened(NamedTuple):
    """An open connection: the sub-protocol to confirm, whose it is, and older connections that must give way."""

    protocol: str | None
    user_sid: str
    surplus: list[str]


SUBPROTOCOL = "parley.v1"
MOST_PER_IDENTITY = 10


def connect(context: Context, connection_id: str, offered: list[str], query_token: str) -> Opened:
    """Open a connection for the bearer of a token, creating the user at the first time.

    The token is the one in the query string or the sub-protocol offered beside `parley.v1`. Three requests: the user,
    the connection, the presence; one more for the first connection of a user who is to be reachable.

    Raises:
        Refusal: what is wrong with the token; 20106 with 403 when its service is not one of this account; 50203 or
            50206 for an identity that no user may have.
    """
    protocol = SUBPROTOCOL if SUBPROTOCOL in offered else None
    access = verified(context, query_token or next((name for name in offered if name != SUBPROTOCOL), ""))
    try:
        service = addressing.service(context, access.service_sid)
    except Refusal:
        raise TOKEN_FOREIGN_SERVICE() from None
    sid = user_sid(access.service_sid, access.identity)
    acting = replace(context, caller=Caller("SDK", access.identity, webhooks=True))
    user = context.table.fetch(keys.user(sid)) or _create_user(acting, service, access)
    acting = replace(acting, caller=replace(acting.caller, birth=birth_of(user)))
    now = context.clock.now_ms() // 1000
    record: Record = {
        "id": connection_id,
        "identity": access.identity,
        "birth": birth_of(user),
        "service_sid": access.service_sid,
        "user_sid": sid,
        **_granted(access),
        "opened_at": now,
        "expires_at": now + LONGEST_LIFE_SECONDS,
    }
    context.table.put_many({keys.connection(connection_id): record, **_expiry(record)})
    present = presence.remember(context.table, record, now)
    live = live_connections(present, now)
    is_known_online = user.get("is_online") is True and len(live_connections(present, now, birth_of(user))) > 1
    if reachability.is_enabled(service) and not is_known_online:
        reachability.note_online(acting, sid)
    others = [other for other in live if other != connection_id]
    return Opened(protocol, sid, others[: max(len(live) - MOST_PER_IDENTITY, 0)])


def verified(context: Context, token: str) -> AccessToken:
    """What a valid token grants.

    Raises:
        Refusal: what is wrong with it.
    """
    if not token:
        raise TOKEN_INVALID()
    now = context.clock.now_ms() // 1000
    access = verify(token, context.account_sid, lambda sid: _key_secret(context, sid), now)
    if access.expires_at <= now:
        # The leeway is for clocks that differ; a connection that is to be closed at once is not opened.
        raise TOKEN_EXPIRED()
    # A client named `system` would pass for the account itself.
    check_identity(access.identity)
    return access


def _expiry(connection: Record) -> dict[Key, Record]:
    """The item under which the connection is found when its token or its time runs out; it dies some time later."""
    key = keys.expiry(ends(connection) // 60, connection["id"])
    return {key: {"id": connection["id"], "expires_at": connection["expires_at"] + LONGEST_LIFE_SECONDS}}


def _granted(access: AccessToken) -> Record:
    return {
        "key_sid": access.key_sid,
        "token_expires_at": access.expires_at,
        "endpoint_id": access.endpoint_id or None,
        "push_credential_sid": access.push_credential_sid or None,
    }


def _key_secret(context: Context, key_sid: str) -> str | None:
    key = context.configuration.fetch(keys.api_key(context.account_sid, key_sid))
    if key is None:
        return None
    secret = context.keyring.api_key_secret(key_sid)
    # After the key ring was replaced, old keys are as good as revoked.
    return secret if is_secret(secret, key["secret_hash"]) else None


def _create_user(acting: Context, service: Record, access: AccessToken) -> Record:
    parameters: dict[str, Any] = {"identity": access.identity}
    if access.deployment_role_sid:
        parameters["role_sid"] = access.deployment_role_sid
    try:
        return users.create(acting, {"service_sid": service["sid"]}, parameters)
    except Refusal as refusal:
        # Another device of the same identity was faster.
        found = acting.table.fetch(keys.user(user_sid(service["sid"], access.identity)))
        if refusal.error is not USER_EXISTS or found is None:
            raise
        return found


def refresh(context: Context, connection: Record, token: str) -> Record:
    """The connection with a new token in place of the old one, of which its presence and expiry know too.

    Raises:
        Refusal: what is wrong with the token; 20106 if it is another identity's or service's; 51006 if the connection
            has been closed meanwhile.
    """
    access = verified(context, token)
    if (access.identity, access.service_sid) != (connection["identity"], connection["service_sid"]):
        raise TOKEN_OF_ANOTHER()
    key = keys.connection(connection["id"])
    write = Update(key, CONNECTION_EXPIRED(), set=_granted(access), announced=False)
    renewed = context.table.commit(context.cause(), [write])[0]
    context.table.put_many(_expiry(renewed))
    presence.remember(context.table, renewed, context.clock.now_ms() // 1000)
    context.configuration.forget(key)
    return renewed


def opened(context: Context, connection_id: str) -> Record:
    """The connection's record, if it may be used.

    Raises:
        Refusal: 51006 if it is unknown or over; 20104 when its token has expired; 20103 when that token's API key was
            deleted. Each ends the connection.
    """
    key = keys.connection(connection_id)
    try:
        return _usable(context, context.configuration.fetch(key))
    except Refusal:
        # Another container may have seen a new token.
        context.configuration.forget(key)
        return _usable(context, context.configuration.fetch(key))


def _usable(context: Context, connection: Record | None) -> Record:
    now = context.clock.now_ms() // 1000
    if connection is None or connection["expires_at"] <= now:
        raise CONNECTION_EXPIRED()
    if connection["token_expires_at"] <= now:
        raise TOKEN_EXPIRED()
    if context.configuration.fetch(keys.api_key(context.account_sid, connection["key_sid"])) is None:
        raise TOKEN_ISSUER()
    return connection
