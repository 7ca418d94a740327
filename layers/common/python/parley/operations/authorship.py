"""Finds the participant who wrote a message: the one with the author's identity or address.

https://www.twilio.com/docs/conversations/api/conversation-message-resource. A back end may name any author, so Parley
looks for the participant once, when the message is written. Chat does not show the participant, so for Chat's back ends
Parley does not look.
"""

from __future__ import annotations

from typing import Any

from parley.domain.deliveries import expected
from parley.domain.memberships import author_of, participant_of
from parley.domain.participants import is_in_group, is_phone
from parley.ids import phone_member_sid
from parley.operations import aliases, verbs
from parley.operations.context import Context
from parley.store import keys
from parley.store.items import Record
from parley.store.keys import Key
from parley.store.table import Records
from parley.stored import Tail


def wanted(context: Context, channel_sid: str, author: str | None) -> list[Key[Any]]:
    """The keys to read to find the author's participant; none if the face does not show participants."""
    if author is None or not context.perspective.shows_participants:
        return []
    return [*aliases.wanted(channel_sid, author), keys.member(channel_sid, phone_member_sid(channel_sid, author))]


def read(context: Context, channel_sid: str, author: str) -> Records:
    """Read the items of `wanted` in one request."""
    return context.table.fetch_many(wanted(context, channel_sid, author))


def changed(context: Context, message: Record) -> dict[str, Any]:
    """The fields for the participant of a message's new author; all None if the face does not show participants."""
    if not context.perspective.shows_participants:
        return author_of(message, None)
    found = read(context, message["channel_sid"], message["author"])
    member = participant(context, found, message["channel_sid"], message["author"])
    return author_of(message, member["sid"] if member else None)


def participant(context: Context, found: Records, channel_sid: str, author: str) -> Record | None:
    """The participant with the author's identity or address, if `found` holds one."""
    member = aliases.member_of(context, found, channel_sid, author) or found.get(
        keys.member(channel_sid, phone_member_sid(channel_sid, author))
    )
    return {**member} if member else None


def stored(message: Record, author: Record | None, tail: Tail) -> Record:
    """A new message with its author's participant and with the number of phones that receive it.

    If the participant's SID follows from the author's identity or address, the message does not store the SID, so that
    it stays short.
    """
    binding = (author or {}).get("messaging_binding")
    phones = tail.get("bound_count", 0) - is_phone(binding)
    if is_phone(binding) and is_in_group(binding):
        # The phone has sent it to the others itself (unconfirmed).
        phones = 0
    kept = verbs.non_null(author_of(message, author["sid"] if author else None))
    return {**message, **kept, **({"delivery": expected(phones)} if phones > 0 else {})}


def shown(context: Context, message: Record) -> Record:
    """The message with its author's participant, if the face shows participants."""
    return (
        {**message, "participant_sid": participant_of(message)} if context.perspective.shows_participants else message
    )
