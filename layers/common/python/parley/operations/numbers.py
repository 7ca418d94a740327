"""The account's numbers: the addresses that messages to phones can come from."""

from __future__ import annotations

from parley.domain.addresses import channel_of
from parley.errors import ADDRESS_FOREIGN
from parley.operations import senders
from parley.operations.context import Context
from parley.store import keys
from parley.store.writes import Present


def require_own(context: Context, address: str, channel: str) -> None:
    """Check that the account owns an address, and that it is an address of the channel.

    Raises:
        Refusal: 20001. Twilio documents no code for this (unconfirmed).
    """
    if channel_of(address) != channel or not senders.known(context, address).has(address):
        raise ADDRESS_FOREIGN()


def still_own(context: Context, address: str) -> list[Present]:
    """The condition of a commit that an address that was found to be the account's is not given up at this moment."""
    if context.numbers.has(address):
        return []
    return [Present(keys.sender(context.account_sid, address), ADDRESS_FOREIGN())]
