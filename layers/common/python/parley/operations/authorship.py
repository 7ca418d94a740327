"""Finds the participant who wrote a message: the one with the author's identity or address.

https://www.twilio.com/docs/conversations/api/conversation-message-resource. A back end may name any author, so Parley
looks for the participant once, when the message is written. Chat does not show the participant, so for Chat's back ends
Parley looks only in groups, where each author must be one of the participants. Elsewhere the message says that the
author is unknown. Then Parley looks for the participant when Conversations shows the message, or when a webhook of
Conversations reports it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

from parley.domain.deliveries import expected
from parley.domain.memberships import UNKNOWN, author_of, identity_of, is_author_unknown, participant_of
from parley.domain.participants import is_in_group, is_phone
from parley.errors import AUTHOR_NOT_IN_GROUP, Refusal
from parley.ids import gateway_member_sid, phone_member_sid
from parley.operations import aliases, bound, verbs
from parley.operations.context import SYSTEM, Context
from parley.store import keys
from parley.store.keys import Key
from parley.store.table import Records
from parley.store.writes import Guard
from parley.stored import Member, Message, Tail

T = TypeVar("T")
Guards = tuple[Guard, ...]


def wanted(context: Context, channel_sid: str, author: str | None) -> list[Key[Any]]:
    """The keys to read to find the author's participant; none if the face does not show participants."""
    if author is None or not context.perspective.shows_participants:
        return []
    return _keys(channel_sid, author)


def _keys(channel_sid: str, author: str) -> list[Key[Any]]:
    return [*aliases.wanted(channel_sid, author), *_without_identity(channel_sid, author)]


def _without_identity(channel_sid: str, author: str) -> list[Key[Member]]:
    """The keys of the phone with the author's address, and of the account's number with it in a group."""
    sids = phone_member_sid(channel_sid, author), gateway_member_sid(channel_sid, author)
    return [keys.member(channel_sid, sid) for sid in sids]


def read(context: Context, channel_sid: str, author: str) -> Records:
    """Read the items of `wanted` in one request."""
    return context.table.fetch_many(wanted(context, channel_sid, author))


def participant(context: Context, found: Records, channel_sid: str, author: str) -> Member | None:
    """The participant with the author's identity or address, if `found` holds one."""
    others = (found[key] for key in _without_identity(channel_sid, author) if key in found)
    return aliases.member_of(context, found, channel_sid, author) or next(others, None)


def of_participant(
    context: Context, channel_sid: str, author: str, member: Member | None, act: Callable[[Member | None, Guards], T]
) -> T:
    """Call `act` with the author's participant, and with the conditions under which the channel takes the message.

    Without a participant, the condition is that the channel is no thread of phones. If it is one, Parley looks for the
    participant again, also if the face does not show participants, and also by the number of a user of an app.

    Raises:
        Refusal: 50513; the refusals of `act`.
    """
    if member:
        return act(member, ())
    try:
        return act(None, (Guard("group", "missing", None, AUTHOR_NOT_IN_GROUP()),))
    except Refusal as refusal:
        if refusal.error is not AUTHOR_NOT_IN_GROUP:
            raise
    return act(_in_group(context, channel_sid, author), ())


def _in_group(context: Context, channel_sid: str, author: str) -> Member:
    there = [one for one in bound.members_of_group(context, channel_sid) if author in _names(one)]
    if not there:
        raise AUTHOR_NOT_IN_GROUP()
    of_number = gateway_member_sid(channel_sid, author)
    return min(there, key=lambda one: (_names(one).index(author), one["sid"] != of_number))


def _names(member: Member) -> tuple[str | None, ...]:
    """The names by which the author of a message may be given in a group, the best first."""
    held = member["messaging_binding"]
    return identity_of(member), held.get("address"), held.get("projected_address")


def changed(context: Context, message: Message, act: Callable[[dict[str, Any], Guards], T]) -> T:
    """Call `act` with the fields for the participant of a message's new author, and with conditions as above."""
    channel_sid, author = message["channel_sid"], message["author"]
    member = participant(context, read(context, channel_sid, author), channel_sid, author)
    return of_participant(
        context, channel_sid, author, member, lambda member, guards: act(_kept(context, message, member), guards)
    )


def _kept(context: Context, message: Message, author: Member | None) -> dict[str, Any]:
    """The fields by which a message leads to its author's participant; None removes one."""
    is_unknown = author is None and not context.perspective.shows_participants and message["author"] != SYSTEM
    return author_of(message, author["sid"] if author else None) | ({"author_is": UNKNOWN} if is_unknown else {})


def stored(context: Context, message: Message, author: Member | None, tail: Tail) -> Message:
    """A new message with its author's participant and with the number of phones that receive it.

    If the participant's SID follows from the author's identity or address, the message does not store the SID, so that
    it stays short.
    """
    binding = author.get("messaging_binding") if author else None
    phones = tail.get("bound_count", 0) - is_phone(binding)
    if is_phone(binding) and is_in_group(binding):
        # The phone has sent it to the others itself (unconfirmed).
        phones = 0
    fields = verbs.non_null(_kept(context, message, author))
    delivery = {"delivery": expected(phones)} if phones > 0 else {}
    return cast(Message, {**message, **fields, **delivery})


def known(context: Context, *messages: Message) -> list[Message]:
    """The messages, and if the author of one is unknown, with the participant who has that identity or address.

    It must have been there when the message was written, and still be there (unconfirmed). One request for all.
    """
    unknown = {(one["channel_sid"], one["author"]) for one in messages if is_author_unknown(one)}
    found = context.table.fetch_many(key for place in sorted(unknown) for key in _keys(*place))
    return [_known(context, found, one) if is_author_unknown(one) else one for one in messages]


def _known(context: Context, found: Records, message: Message) -> Message:
    member = participant(context, found, message["channel_sid"], message["author"])
    was_there = member is not None and member["joined_at"] <= message["author_at"]
    return cast(Message, {**message, **author_of(message, member["sid"] if member and was_there else None)})


def shown(context: Context, *messages: Message) -> list[Message]:
    """The messages with their authors' participants, if the face shows participants."""
    if not context.perspective.shows_participants:
        return [*messages]
    return [cast(Message, {**one, "participant_sid": participant_of(one)}) for one in known(context, *messages)]
