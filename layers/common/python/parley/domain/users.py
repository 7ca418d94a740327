"""Users: which identities are allowed, and how versions of a user's record are numbered."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from parley.errors import IDENTITY_EMPTY, IDENTITY_IS_SID, IDENTITY_RESERVED, IDENTITY_TOO_LONG
from parley.ids import is_sid

# Twilio keeps these for itself (https://www.twilio.com/docs/chat/identity, error 50203).
RESERVED_IDENTITIES = frozenset({"system", "private", "unique"})
LONGEST_IDENTITY = 256

# Every announced change of a user adds this, in the same write. Of two versions, the one with the higher `seq` is
# newer.
NEXT_VERSION = {"seq": 1}


def first_version(now_ms: int, former: Mapping[str, Any] | None) -> int:
    """The `seq` of a new user: the time, or the next number after the last one of the former user with the same SID.

    `former` is the tombstone of that user, if there is one. The new user must look newer also if the clock here is
    behind the clock by which the former user was made.
    """
    return max(now_ms, int((former or {}).get("seq", 0)) + 1)


def check_identity(identity: str) -> str:
    """The identity, if a user may have it.

    Raises:
        Refusal: 50204, 50207, 50203 or 50206.
    """
    if not identity:
        raise IDENTITY_EMPTY()
    if len(identity) > LONGEST_IDENTITY:
        raise IDENTITY_TOO_LONG()
    if identity in RESERVED_IDENTITIES:
        raise IDENTITY_RESERVED(identity=identity)
    if is_sid("US", identity):
        raise IDENTITY_IS_SID()
    return identity
