"""Addresses outside of chat: the channel of each address, and the addresses that the account owns."""

from __future__ import annotations

import re
from typing import NamedTuple

SMS, WHATSAPP, RCS, EMAIL = "sms", "whatsapp", "rcs", "email"
LONGEST_ADDRESS = 256

# E.164: a plus, a country code that does not begin with zero, and at most 15 digits in all.
_NUMBER = re.compile(r"\+[1-9][0-9]{6,14}")
_MAILBOX = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
_PREFIXES = {f"{channel}:": channel for channel in (WHATSAPP, RCS)}
# Group messages work only with numbers of the United States and Canada, and not with toll-free numbers
# (https://www.twilio.com/docs/conversations/group-texting).
_LONG_CODE = re.compile(r"\+1(?!8(?:00|33|44|55|66|77|88))[2-9][0-9]{9}")


class Numbers(NamedTuple):
    """The account's numbers, and whether the account can write to groups of phones.

    `senders` are those that AWS carries, which never are in groups.
    """

    phones: frozenset[str] = frozenset()
    whatsapp_senders: frozenset[str] = frozenset()
    has_groups: bool = False
    senders: frozenset[str] = frozenset()

    def has(self, address: str) -> bool:
        """Whether the account owns an address."""
        return address in self.phones or address in self.whatsapp_senders or address in self.senders


NO_NUMBERS = Numbers()


def channel_of(address: str) -> str | None:
    """The channel of an address, such as `sms`; None if the text is not an address.

    >>> channel_of("+14155550100"), channel_of("whatsapp:+14155550100"), channel_of("0171")
    ('sms', 'whatsapp', None)
    """
    if len(address) > LONGEST_ADDRESS:
        return None
    for prefix, channel in _PREFIXES.items():
        if address.startswith(prefix):
            return channel if _NUMBER.fullmatch(address, len(prefix)) else None
    if _NUMBER.fullmatch(address):
        return SMS
    return EMAIL if _MAILBOX.fullmatch(address) else None


def can_be_in_groups(address: str) -> bool:
    """Whether a phone can take part in group messages."""
    return _LONG_CODE.fullmatch(address) is not None
