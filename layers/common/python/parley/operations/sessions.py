"""Sessions on WhatsApp: for 24 hours after a person's last message to a number, Meta takes any text to that person.

They belong to the pair of addresses, and not to a conversation: a person may have written before there was one.
"""

from __future__ import annotations

from parley.domain.addresses import WHATSAPP, channel_of
from parley.domain.texts import SESSION_MS
from parley.errors import CONCURRENT_UPDATE, NOT_FOUND, Refusal, ignoring
from parley.operations import senders
from parley.operations.context import Context
from parley.store import keys
from parley.store.writes import Create, Guard, Update


def note(context: Context, address: str, to: str, at: int) -> None:
    """Note that a person wrote to a number on WhatsApp which AWS carries; `at` is in milliseconds, 0 for now.

    Messages may come in any order. One write, and another one before it if the pair has no session.
    """
    if channel_of(address) != WHATSAPP or senders.sender(context, to) is None:
        return
    now = context.clock.now_ms()
    at = min(at or now, now)
    if now - at >= SESSION_MS:
        return
    key = keys.session(context.account_sid, address, to)
    fields = {"wrote_at": at, "expires_at": (at + SESSION_MS) // 1000 + 1}
    later = Guard("wrote_at", "behind", at, NOT_FOUND())
    try:
        context.table.commit(context.cause(), [Update(key, NOT_FOUND(), set=fields, guards=(later,), announced=False)])
    except Refusal as refusal:
        if refusal.error is not NOT_FOUND:
            raise
        # There is none, or a later message came first.
        with ignoring(CONCURRENT_UPDATE):
            context.table.commit(context.cause(), [Create(key, fields, taken=CONCURRENT_UPDATE())])


def last(context: Context, address: str, sender: str) -> int | None:
    """When a person last wrote to a number, in milliseconds; None if that was not lately."""
    held = context.table.fetch(keys.session(context.account_sid, address, sender))
    return held["wrote_at"] if held else None
