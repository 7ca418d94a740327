"""Access tokens: a client connects with a JWT that a back end has signed with an API key.

https://www.twilio.com/docs/iam/access-tokens; codes from https://www.twilio.com/docs/api/errors/20101 and following.

PyJWT brings an HTTP client along, so it is imported with the first token: functions that seldom or never see a token
start in a tenth less time. The runtime's part `tokens` imports it at once.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from parley.errors import (
    ENDPOINT_ID_TOO_LONG,
    IDENTITY_TOO_LONG_TO_CONNECT,
    TOKEN_EXPIRED,
    TOKEN_GRANTS,
    TOKEN_HEADER,
    TOKEN_INVALID,
    TOKEN_ISSUER,
    TOKEN_NOT_YET_VALID,
    TOKEN_SIGNATURE,
    TOKEN_TOO_LONG_LIVED,
)
from parley.frozen import frozen
from parley.ids import is_sid

if TYPE_CHECKING:
    from jwt.types import Options

LONGEST_LIFE_SECONDS = 86_400
# Clocks of back ends differ a little; `nbf` and `exp` get this much leeway.
LEEWAY_SECONDS = 5
_CONTENT_TYPE = "twilio-fpa;v=1"
# The oldest helper libraries used the second name for the same grant (unconfirmed).
_GRANT_NAMES = ("chat", "ip_messaging")
# Helper libraries spell a letter such as an emoji with twelve bytes, of which base64 makes sixteen. So the longest
# identity takes 4,096. API Gateway takes 10,240 for all headers and the path.
_LONGEST_TOKEN = 9_000


@frozen
class AccessToken:
    """A verified token.

    Attributes:
        key_sid: The API key that signed it.
        expires_at: Epoch seconds.
        deployment_role_sid: Role of a user that this token creates; empty for the service's default.
        push_credential_sid: The credential with which its device registers for push, unless it names another.
    """

    identity: str
    service_sid: str
    key_sid: str
    expires_at: int
    endpoint_id: str = ""
    deployment_role_sid: str = ""
    push_credential_sid: str = ""


def verify(token: str, account_sid: str, find_secret: Callable[[str], str | None], now_seconds: int) -> AccessToken:
    """The verified token. Whether its service exists is not checked here.

    `find_secret` gives an API key's secret by SID, None for a key that is unknown or revoked.

    Raises:
        Refusal: one of 20101 to 20107, 20157, 51003, 51004, with status 401 (400 for the last two).
    """
    import jwt

    claims = _claims(token)
    key_sid = claims.get("iss")
    if not isinstance(key_sid, str):
        raise TOKEN_ISSUER()
    secret = find_secret(key_sid) if is_sid("SK", key_sid) else None
    if secret is None or claims.get("sub") != account_sid:
        raise TOKEN_ISSUER()
    try:
        # Times are checked below; each has its own code.
        jwt.decode(token, secret, algorithms=["HS256"], options=_SIGNATURE_ONLY)
    except jwt.InvalidTokenError:
        raise TOKEN_SIGNATURE() from None
    expires_at = _expiry(claims.get("exp"), claims.get("nbf"), now_seconds)
    identity, grant = _grant(claims)
    return AccessToken(
        identity=identity,
        service_sid=grant["service_sid"],
        key_sid=key_sid,
        expires_at=expires_at,
        endpoint_id=grant.get("endpoint_id") or "",
        deployment_role_sid=grant.get("deployment_role_sid") or "",
        push_credential_sid=grant.get("push_credential_sid") or "",
    )


_SIGNATURE_ONLY: Options = {
    "verify_signature": True,
    "verify_exp": False,
    "verify_nbf": False,
    "verify_iat": False,
    "verify_aud": False,
    "verify_iss": False,
    "verify_sub": False,
    "verify_jti": False,
}
_NOTHING: Options = {**_SIGNATURE_ONLY, "verify_signature": False}


def _claims(token: str) -> dict[str, Any]:
    import jwt

    if len(token) > _LONGEST_TOKEN:
        raise TOKEN_INVALID()
    try:
        header = jwt.get_unverified_header(token)
        claims = jwt.decode(token, options=_NOTHING)
        # JSON can spell half of a surrogate pair, which is no character and could not be stored.
        json.dumps(claims, ensure_ascii=False).encode()
    except (jwt.InvalidTokenError, RecursionError, UnicodeEncodeError):
        raise TOKEN_INVALID() from None
    if header.get("alg") != "HS256" or header.get("typ") != "JWT" or header.get("cty") != _CONTENT_TYPE:
        raise TOKEN_HEADER()
    return claims


def _expiry(expires_at: Any, not_before: Any, now_seconds: int) -> int:
    if not _is_number(expires_at) or expires_at + LEEWAY_SECONDS <= now_seconds:
        raise TOKEN_EXPIRED()
    if expires_at - now_seconds > LONGEST_LIFE_SECONDS + LEEWAY_SECONDS:
        raise TOKEN_TOO_LONG_LIVED()
    if not_before is not None and (not _is_number(not_before) or not_before - LEEWAY_SECONDS > now_seconds):
        raise TOKEN_NOT_YET_VALID()
    return int(expires_at)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e12


def _grant(claims: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    grants = claims.get("grants")
    if not isinstance(grants, dict):
        raise TOKEN_GRANTS()
    identity = grants.get("identity")
    grant = next((grants[name] for name in _GRANT_NAMES if name in grants), None)
    if not isinstance(identity, str) or not identity or not isinstance(grant, dict):
        raise TOKEN_GRANTS()
    if len(identity) > 256:
        raise IDENTITY_TOO_LONG_TO_CONNECT()
    if any(not isinstance(grant.get(name, ""), str | None) for name in _GRANT_TEXTS):
        raise TOKEN_GRANTS()
    if not is_sid("IS", grant.get("service_sid") or ""):
        raise TOKEN_GRANTS()
    if len(grant.get("endpoint_id") or "") > 512:
        raise ENDPOINT_ID_TOO_LONG()
    return identity, grant


_GRANT_TEXTS = ("service_sid", "endpoint_id", "deployment_role_sid", "push_credential_sid")
