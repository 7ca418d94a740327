"""Who bears an access token: on a socket, and where the REST API takes tokens."""

from __future__ import annotations

from dataclasses import replace

from parley.domain.memberships import birth_of
from parley.domain.users import check_identity
from parley.errors import NOT_FOUND, TOKEN_EXPIRED, TOKEN_INVALID, USER_NOT_FOUND
from parley.ids import user_sid
from parley.keyring import is_secret
from parley.operations import api_keys
from parley.operations.context import Caller, Context
from parley.store import keys
from parley.tokens import AccessToken, verify


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
        # `verify` tolerates clocks that differ. But what the bearer begins now would end at once.
        raise TOKEN_EXPIRED()
    # A client with the identity `system` would look like the account itself.
    check_identity(access.identity)
    return access


def _key_secret(context: Context, key_sid: str) -> str | None:
    key = api_keys.known(context, key_sid)
    if key is None:
        return None
    secret = context.keyring.api_key_secret(key_sid)
    # After the key ring was replaced, this derives another secret, so tokens of old keys are refused.
    return secret if is_secret(secret, key["secret_hash"]) else None


def acting(context: Context, access: AccessToken, service_sid: str) -> Context:
    """The context for what the bearer of a token asks of a service, as the user that the identity has now.

    Raises:
        Refusal: 20404 if the token is for another service; 50200 if the identity has no user.
    """
    if access.service_sid != service_sid:
        raise NOT_FOUND()
    user = context.table.fetch(keys.user(user_sid(service_sid, access.identity)))
    if user is None:
        raise USER_NOT_FOUND()
    return replace(context, caller=Caller("SDK", access.identity, webhooks=True, birth=birth_of(user)))
