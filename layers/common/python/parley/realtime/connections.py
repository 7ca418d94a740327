"""A socket's life: a verified token opens it, its record says whose it is, and closing forgets it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from parley.domain.users import check_identity
from parley.errors import (
    CONNECTION_EXPIRED,
    INTERNAL,
    TOKEN_EXPIRED,
    TOKEN_FOREIGN_SERVICE,
    TOKEN_INVALID,
    USER_EXISTS,
    Refusal,
)
from parley.ids import user_sid
from parley.keyring import is_secret
from parley.log import logger
from parley.operations import addressing, users
from parley.operations.context import Caller, Context
from parley.realtime import frames, presence
from parley.realtime.actions import perform
from parley.store import keys
from parley.store.items import Record
from parley.tokens import AccessToken, verify

SUBPROTOCOL = "parley.v1"


def connect(context: Context, connection_id: str, offered: list[str], query_token: str) -> str | None:
    """Open a connection for the bearer of a token, creating the user at the first time.

    The token is the one in the query string or the sub-protocol offered beside `parley.v1`. Returns the sub-protocol
    to confirm, if one was offered. Three requests: the user, the connection, the presence.

    Raises:
        Refusal: what is wrong with the token; 20106 with 403 when its service is not one of this account; 50203 or
            50206 for an identity that no user may have.
    """
    protocol = SUBPROTOCOL if SUBPROTOCOL in offered else None
    token = query_token or next((name for name in offered if name != SUBPROTOCOL), "")
    if not token:
        raise TOKEN_INVALID()
    now = context.clock.now_ms() // 1000
    access = verify(token, context.account_sid, lambda sid: _key_secret(context, sid), now)
    # A client named `system` would pass for the account itself.
    check_identity(access.identity)
    try:
        service = addressing.service(context, access.service_sid)
    except Refusal:
        raise TOKEN_FOREIGN_SERVICE() from None
    sid = user_sid(access.service_sid, access.identity)
    if context.table.fetch(keys.user(sid)) is None:
        _create_user(context, service, access)
    record = {
        "identity": access.identity,
        "service_sid": access.service_sid,
        "user_sid": sid,
        "key_sid": access.key_sid,
        "token_expires_at": access.expires_at,
        "endpoint_id": access.endpoint_id or None,
        "expires_at": now + presence.LONGEST_LIFE_SECONDS,
    }
    context.table.touch(keys.connection(connection_id), record)
    presence.remember(context.table, sid, connection_id, now)
    return protocol


def _key_secret(context: Context, key_sid: str) -> str | None:
    key = context.configuration.fetch(keys.api_key(context.account_sid, key_sid))
    if key is None:
        return None
    secret = context.keyring.api_key_secret(key_sid)
    # After the key ring was replaced, old keys are as good as revoked.
    return secret if is_secret(secret, key["secret_hash"]) else None


def _create_user(context: Context, service: Record, access: AccessToken) -> None:
    acting = replace(context, caller=Caller("SDK", access.identity, webhooks=True))
    parameters: dict[str, Any] = {"identity": access.identity}
    if access.deployment_role_sid:
        parameters["role_sid"] = access.deployment_role_sid
    try:
        users.create(acting, {"service_sid": service["sid"]}, parameters)
    except Refusal as refusal:
        # Another device of the same identity was faster.
        if refusal.error is not USER_EXISTS:
            raise


def disconnect(context: Context, connection_id: str) -> None:
    """Forget a connection; once is enough, and a repeat finds nothing to do."""
    record = context.table.take(keys.connection(connection_id))
    if record is not None:
        presence.forget_entry(context.table, record["user_sid"], connection_id)


def answer(context: Context, connection_id: str, text: str, rest_url: str) -> str:
    """Carry out the request in a frame; the one reply to it, whatever happens."""
    try:
        request = frames.read(text)
    except Refusal as refusal:
        return frames.refusal(frames.request_id(text), refusal.error, str(refusal))
    try:
        connection = _connection(context, connection_id)
        caller = Caller("SDK", connection["identity"], webhooks=True, request=f"{connection_id} {request.id}")
        acting = replace(context, caller=caller)
        status, result = perform(acting, connection["service_sid"], request, rest_url)
    except Refusal as refusal:
        return frames.refusal(request.id, refusal.error, str(refusal))
    except Exception:
        logger.exception("action failed", extra={"action": request.action[:64], "connection_id": connection_id})
        return frames.refusal(request.id, INTERNAL, INTERNAL.text)
    return frames.reply(request.id, status, result)


def _connection(context: Context, connection_id: str) -> Record:
    connection = context.configuration.fetch(keys.connection(connection_id))
    now = context.clock.now_ms() // 1000
    if connection is None or connection["expires_at"] <= now:
        raise CONNECTION_EXPIRED()
    if connection["token_expires_at"] <= now:
        raise TOKEN_EXPIRED()
    return connection
