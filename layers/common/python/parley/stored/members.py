"""Members, and the records that lead to a member from an identity or an address."""

from __future__ import annotations

from typing import TypedDict

from parley.stored.common import OfChannel, Stored


class MessagingBinding(TypedDict, total=False):
    """The addresses of a member outside of chat; only the keys that apply.

    `address` is the person's own, `proxy_address` the account's number that writes to it. `projected_address` is the
    account's number that stands for a member in a thread of phones.
    """

    type: str
    address: str
    proxy_address: str
    projected_address: str


class Alias(TypedDict, total=False):
    """The SID of the member with an identity, if that SID is not derived from the identity."""

    member_sid: str


class Holder(Stored, total=False):
    """The channel and the member that hold an address pair, or the channel that holds a set of addresses."""

    channel_sid: str
    member_sid: str


class BoundMember(TypedDict, total=False):
    """A member who has an address and a proxy address; the member itself says which."""

    member_sid: str


class Member(OfChannel, total=False):
    """A membership. A phone has no identity. If it is `uncounted`, its user's count of channels leaves it out."""

    uncounted: bool

    identity: str
    birth: str
    role_sid: str
    attributes: str
    joined_at: int
    last_consumed_message_index: int
    last_consumption_timestamp: int
    notification_level: str
    messaging_binding: MessagingBinding
