"""The account's numbers: the addresses that messages to phones can come from."""

from __future__ import annotations

from parley.domain.addresses import channel_of
from parley.errors import ADDRESS_FOREIGN
from parley.operations.context import Context


def require_own(context: Context, address: str, channel: str) -> None:
    """Check that the account owns an address, and that it is an address of the channel.

    Raises:
        Refusal: 20001. Twilio documents no code for this (unconfirmed).
    """
    if channel_of(address) != channel or not context.numbers.has(address):
        raise ADDRESS_FOREIGN()
