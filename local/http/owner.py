"""Whether a request comes from the account's owner: Basic account SID and auth token, as the REST API takes them."""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import Sequence

from local.http.server import Request


def is_owner(request: Request, account_sid: str, auth_tokens: Sequence[str]) -> bool:
    """Whether a request has the account's SID and one of its auth tokens."""
    scheme, _, encoded = request.header("authorization").partition(" ")
    try:
        given = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        return False
    owners = [f"{account_sid}:{token}".encode() for token in auth_tokens]
    return scheme.lower() == "basic" and any(hmac.compare_digest(given, owner) for owner in owners)
