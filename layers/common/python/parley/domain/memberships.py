"""Which user owns a membership, an invite, a push registration, a connection, a channel or a message.

A user's SID is derived from its identity, so a user who is deleted and made again has the same SID. `birth` tells the
two apart: a unique id that each user gets when it is made. A record that belongs to a user carries the birth, and
either the SID or the identity. It outlives its user for a moment, until the sweep after the deletion removes it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple, TypeVar

from parley.ids import gateway_member_sid, member_sid, phone_member_sid, user_sid
from parley.stored import Channel, Connection, Message, User

Held = TypeVar("Held", bound=Mapping[str, Any])


class Person(NamedTuple):
    """One user, and no other with the same identity. Users from before there were births have an empty one."""

    user_sid: str
    birth: str


def participant_of(message: Mapping[str, Any]) -> str | None:
    """The SID of the participant who wrote a message, if it is known.

    A client is a member under its own identity. If a back end named the author, the message says whether the author was
    a member by identity, by address or as a number of the account. The SID itself is stored only if it follows from
    none of these.
    """
    if sid := message.get("participant_sid"):
        return str(sid)
    by = message.get("author_is") or (IDENTITY if message.get("author_birth") else "")
    sid_of = _SID_OF.get(by)
    return sid_of(message["channel_sid"], message["author"]) if sid_of else None


def is_author_unknown(message: Mapping[str, Any]) -> bool:
    """Whether nobody has looked yet for the participant who wrote a message."""
    return message.get("author_is") == UNKNOWN


# Stands in `author_is` until somebody looks for the participant.
UNKNOWN = "unknown"
# Three ways in which an author may be a member, and how the SID of such a member is derived.
IDENTITY, ADDRESS, NUMBER = "identity", "address", "number"
_SID_OF = {IDENTITY: member_sid, ADDRESS: phone_member_sid, NUMBER: gateway_member_sid}


def author_of(message: Mapping[str, Any], member: str | None) -> dict[str, str | None]:
    """What a message keeps of the member who wrote it, in as few bytes as may be; None removes what it kept before."""
    kept: dict[str, str | None] = {"author_is": None, "participant_sid": None}
    if member == participant_of({**message, **kept}):
        return kept
    for by, sid_of in _SID_OF.items():
        if member == sid_of(message["channel_sid"], message["author"]):
            return {**kept, "author_is": by}
    return {**kept, "participant_sid": member}


def identity_of(held: Mapping[str, Any]) -> str | None:
    """The identity of a member or an invite; None for a member without a user, such as a phone."""
    return held.get("identity")


def user_of(held: Mapping[str, Any]) -> Person | None:
    """The user that a member, an invite or a connection belongs to; None for a member without a user."""
    identity = identity_of(held)
    return None if identity is None else Person(user_sid(held["service_sid"], identity), birth_of(held))


def birth_of(record: Mapping[str, Any]) -> str:
    """The birth that a user, or something that belongs to one, carries."""
    return str(record.get("birth") or "")


def own(held: Held | None, user: User | Connection | None) -> Held | None:
    """`held`, if it is given and belongs to this very user, not to an earlier one with the same identity.

    A connection stands for the user who opened it.
    """
    if held is None or user is None or identity_of(held) is None:
        return None
    return held if birth_of(held) == birth_of(user) else None


def creator_of(channel: Mapping[str, Any]) -> Person | None:
    """The user who has a creator's rights in a channel; None if nobody has.

    If a back end named a creator who had no user at that time, nobody has these rights.
    """
    birth = channel.get("creator_birth")
    return Person(user_sid(channel["service_sid"], channel["created_by"]), birth) if birth else None


def is_creator(channel: Channel, user: User | None) -> bool:
    """Whether a user has a creator's rights in a channel."""
    return user is not None and creator_of(channel) == Person(user["sid"], birth_of(user))


def authored(identity: str, birth: str, now_ms: int) -> dict[str, str | int | None]:
    """The attributes of a message that say whose it is.

    `birth` is that of the author's user. It is empty if a back end names the author. Then the identity and the time
    tell which user it is.
    """
    return {"author": identity, "author_birth": birth or None, "author_at": None if birth else now_ms}


def is_by(message: Message, user: User) -> bool:
    """Whether a user is the author of a message.

    If a back end named the author, that is the user who had the identity at that moment. A message with neither a birth
    nor a moment was written before users had births. For it, the moment is its date of creation.
    """
    if message.get("author") != user["identity"]:
        return False
    if birth := message.get("author_birth"):
        return bool(birth == birth_of(user))
    return bool(user["date_created"] <= message.get("author_at", message["date_created"]))
