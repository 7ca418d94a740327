"""Authentication: HTTP Basic with account SID and auth token, or with an API key's SID and secret."""

from __future__ import annotations

import base64
import binascii
from typing import Any

from parley.errors import ACCESS_DENIED, UNAUTHENTICATED
from parley.ids import is_sid
from parley.keyring import is_secret
from parley.operations import api_keys
from parley.operations.context import Context
from parley.records.spec import RecordType


def authenticate(context: Context, authorization: str, asked_for: RecordType[Any]) -> None:
    """Let the request pass, or refuse it. An API key does everything except manage API keys, as at Twilio.

    Raises:
        Refusal: 20003; 20006 for an API key where the account's own credentials are needed.
    """
    name, secret = _basic(authorization)
    if name == context.account_sid:
        if context.keyring.is_auth_token(secret):
            return
    elif is_sid("SK", name):
        key = api_keys.known(context, name)
        if key and is_secret(secret, key["secret_hash"]):
            if asked_for.prefix == "SK":
                raise ACCESS_DENIED()
            return
    raise UNAUTHENTICATED()


def _basic(authorization: str) -> tuple[str, str]:
    scheme, _, encoded = authorization.partition(" ")
    if scheme.lower() != "basic":
        raise UNAUTHENTICATED()
    try:
        name, colon, secret = base64.b64decode(encoded.strip(), validate=True).decode().partition(":")
    except (binascii.Error, ValueError):
        raise UNAUTHENTICATED() from None
    if not colon:
        raise UNAUTHENTICATED()
    return name, secret
