"""Participants outside of chat: the kinds of bindings, and the kinds that one channel may have together.

There are four kinds of members. A *chat* member has an identity and no binding. A *pair* member has an address and a
proxy address. In a *group*, a thread of phones, a *phone* has an address alone, and an *app* member has a projected
address, mostly with an identity behind it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from parley import errors
from parley.domain.addresses import EMAIL, SMS, WHATSAPP, Numbers, can_be_in_groups, channel_of
from parley.errors import Error
from parley.stored import Group, MessagingBinding

# https://www.twilio.com/docs/conversations/conversations-limits
MOST_PHONES, MOST_IN_GROUP, LEAST_IN_GROUP = 50, 10, 3
# https://www.twilio.com/docs/conversations/api/conversation-with-participants-resource
MOST_AT_ONCE = 10
# An update gives this in place of an address to remove the address.
REMOVED = "null"

ADDRESS, PROXY, PROJECTED = (f"messaging_binding.{part}" for part in ("address", "proxy_address", "projected_address"))
# Only mail has these.
_OF_MAIL = ("messaging_binding.name", "messaging_binding.level")
# The parts of a binding as forms name them.
PARTS = (ADDRESS, PROXY, PROJECTED, *_OF_MAIL)


def binding(given: Mapping[str, Any], numbers: Numbers) -> MessagingBinding | None:
    """The binding of a new participant; None for a chat member.

    Raises:
        Refusal: 50204 without identity and address; 50211; the refusal of a wrong address; 50439, 50452.
    """
    identity, address, proxy, projected = (given.get(name) for name in ("identity", ADDRESS, PROXY, PROJECTED))
    if identity is not None and (address is not None or proxy is not None):
        raise errors.IDENTITY_WITH_ADDRESS()
    if address is None and proxy is None and projected is None:
        if identity is None:
            raise errors.IDENTITY_EMPTY()
        return None
    if projected is not None:
        if address is not None or proxy is not None:
            raise errors.BINDING_MISSING_IN_GROUP()
        return _projected(projected, numbers)
    channel = _checked_address(address)
    if any(given.get(name) is not None for name in _OF_MAIL):
        raise errors.BINDING_NOT_SUPPORTED()
    if proxy is None:
        return _phone(channel, address or "", numbers)
    return _pair(channel, address or "", proxy, numbers)


def own_addresses(given: Mapping[str, Any]) -> tuple[str | None, ...]:
    """The addresses in a participant's parameters that the account may own; only groups ask that of a phone."""
    proxy = given.get(PROXY)
    return proxy, given.get(PROJECTED), given.get(ADDRESS) if proxy is None else None


def parameters_in(given: Mapping[str, Any]) -> dict[str, str]:
    """The parameters of a participant that is given as a JSON object, by field; null means that a field is not given.

    Raises:
        Refusal: 50424 for a value that is not a text.
    """
    held = given.get("messaging_binding")
    if held is None:
        held = {}
    if not isinstance(held, dict):
        raise errors.PARTICIPANT_NOT_JSON()
    named = {name: given.get(name) for name in ("identity", "attributes", "role_sid")}
    named |= {name: held.get(name.removeprefix("messaging_binding.")) for name in PARTS}
    texts = {name: value for name, value in named.items() if value is not None}
    if not all(isinstance(value, str) for value in texts.values()):
        raise errors.PARTICIPANT_NOT_JSON()
    return texts


def _checked_address(address: str | None) -> str:
    if not address:
        raise errors.ADDRESS_EMPTY()
    channel = channel_of(address)
    if channel is None:
        raise errors.ADDRESS_INVALID()
    return channel


def _pair(channel: str, address: str, proxy: str, numbers: Numbers) -> MessagingBinding:
    if not proxy:
        raise errors.PROXY_ADDRESS_EMPTY()
    if channel == EMAIL:
        raise errors.PROXY_NOT_SUPPORTED()
    if channel_of(proxy) is None:
        raise errors.PROXY_ADDRESS_INVALID()
    if address == proxy:
        raise errors.ADDRESSES_EQUAL()
    if channel_of(proxy) != channel:
        raise errors.ADDRESS_TYPES_DIFFER()
    if not numbers.has(proxy):
        raise errors.WHATSAPP_SENDER_UNKNOWN() if channel == WHATSAPP else errors.PROXY_ADDRESS_FOREIGN()
    return {"type": channel, "address": address, "proxy_address": proxy}


def _phone(channel: str, address: str, numbers: Numbers) -> MessagingBinding:
    if channel == EMAIL:
        raise errors.ADDRESS_INVALID()
    if not numbers.has_groups:
        raise errors.GROUPS_DISABLED()
    if channel != SMS or not can_be_in_groups(address) or numbers.has(address):
        raise errors.ADDRESS_INVALID()
    return {"type": channel, "address": address}


def _projected(projected: str, numbers: Numbers) -> MessagingBinding:
    if not numbers.has_groups or projected in numbers.senders:
        raise errors.GROUPS_DISABLED()
    if not can_be_in_groups(projected) or not numbers.has(projected):
        raise errors.PROJECTED_ADDRESS_FOREIGN()
    return {"type": SMS, "projected_address": projected}


def rebound(
    held: MessagingBinding | None, identity: str | None, given: Mapping[str, Any], numbers: Numbers
) -> MessagingBinding | None:
    """The binding of a participant after an update.

    `held` is the binding before the update, `identity` the participant's identity after it.

    Raises:
        Refusal: 50440 to 50443; 50434 if nothing would be left; the refusal of a wrong address.
    """
    current: MessagingBinding = held or {}
    after: MessagingBinding | None = held
    if (proxy := given.get(PROXY)) is not None:
        if proxy == REMOVED:
            if "proxy_address" not in current:
                raise errors.NO_PROXY_ADDRESS()
            after = _phone(current["type"], current["address"], numbers)
        else:
            if "address" not in current:
                raise errors.PROXY_NOT_ADDABLE()
            after = _pair(current["type"], current["address"], proxy, numbers)
    if (projected := given.get(PROJECTED)) is not None:
        if projected == REMOVED:
            if "projected_address" not in current:
                raise errors.NO_PROJECTED_ADDRESS()
            if identity is None:
                raise errors.BINDING_MISSING_IN_GROUP()
            after = None
        elif after:
            raise errors.PROJECTED_NOT_ADDABLE()
        else:
            after = _projected(projected, numbers)
    return after


def check_new_identity(held: Mapping[str, Any]) -> None:
    """Check that a participant may get another identity: only a participant with a projected address may.

    Raises:
        Refusal: 50444.
    """
    if "projected_address" not in (held.get("messaging_binding") or {}):
        raise errors.IDENTITY_NOT_ADDABLE()


def pair_of(held: MessagingBinding | None) -> tuple[str, str] | None:
    """Address and proxy address of a pair member."""
    return (held["address"], held["proxy_address"]) if held and "proxy_address" in held else None


def is_phone(held: MessagingBinding | None) -> bool:
    """Whether a member has an address of its own outside of chat."""
    return held is not None and "address" in held


def is_in_group(held: MessagingBinding | None) -> bool:
    """Whether a binding belongs to a thread of phones."""
    return held is not None and "proxy_address" not in held


def bindings_in(group: Group | None) -> list[MessagingBinding]:
    """The bindings of a group's members, from what the counters say of it."""
    if group is None:
        return []
    phones: list[MessagingBinding] = [{"type": SMS, "address": address} for address in group["phones"]]
    return phones + [{"type": SMS, "projected_address": number} for number in group["numbers"]]


def group_of(grouped: Collection[MessagingBinding], is_found: bool) -> Group | None:
    """What the counters say of a group with these bindings; None if nobody is in it."""
    if not grouped:
        return None
    phones = sorted(one["address"] for one in grouped if "address" in one)
    numbers = sorted(one["projected_address"] for one in grouped if "projected_address" in one)
    return {"phones": phones, "numbers": numbers, "is_found": is_found}


def check_in_group(grouped: Collection[MessagingBinding], others: int) -> None:
    """Check that members with these bindings can be a group, and in one channel with so many other members.

    Raises:
        Refusal: 50435, 50436, 50437.
    """
    if not grouped:
        return
    if others:
        raise errors.GROUP_IMPOSSIBLE()
    phones = [one["address"] for one in grouped if "address" in one]
    if len(set(phones)) < len(phones):
        raise errors.GROUP_MEMBER_EXISTS()
    if len(grouped) > MOST_IN_GROUP:
        raise errors.GROUP_FULL()


def check_complete(grouped: Collection[MessagingBinding]) -> None:
    """Check that a group that one request makes has enough members, and one of the account's numbers among them.

    Raises:
        Refusal: 50435.
    """
    if grouped and (len(grouped) < LEAST_IN_GROUP or not addresses_of_group(grouped)):
        raise errors.GROUP_IMPOSSIBLE()


def addresses_of_group(held: Collection[MessagingBinding]) -> frozenset[str]:
    """The set of addresses by which an incoming message finds its group.

    It is empty until the group has a phone and a number of the account: before that, no message can come in
    (unconfirmed).
    """
    phones = {one["address"] for one in held if is_in_group(one) and "address" in one}
    projected = {one["projected_address"] for one in held if "projected_address" in one}
    return frozenset(phones | projected) if phones and projected else frozenset()


def taken(held: MessagingBinding | None) -> Error:
    """The refusal of a participant who is in the channel already."""
    return errors.GROUP_MEMBER_EXISTS if is_in_group(held) else errors.MEMBER_EXISTS
