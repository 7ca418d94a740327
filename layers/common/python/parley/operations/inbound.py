"""Messages from phones: each goes into the open conversation that holds its pair of addresses, or its group.

The participant with the phone's address writes the message, as if a client had sent it: the pre-event webhook is asked,
and an inactive conversation becomes active. If the carrier repeats a message, the conversation keeps one.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from parley.domain.messages import check_body
from parley.errors import (
    ATTRIBUTES_NOT_JSON,
    ATTRIBUTES_TOO_LONG,
    AUTHOR_NOT_IN_GROUP,
    AUTHOR_TOO_LONG,
    BODY_REQUIRED,
    BODY_TOO_LONG,
    CONVERSATION_CLOSED,
    MEDIA_NOT_FOUND,
    MEDIA_USED,
    NOT_FOUND,
    PRE_WEBHOOK_REFUSED,
    Refusal,
)
from parley.ids import group_digest
from parley.log import logger
from parley.operations import messages
from parley.operations.context import Context, of_carrier
from parley.store import keys
from parley.store.keys import Key
from parley.stored import Holder

# If a message is refused with one of these errors, every further attempt would be refused too.
_FINAL = (
    ATTRIBUTES_NOT_JSON,
    ATTRIBUTES_TOO_LONG,
    AUTHOR_NOT_IN_GROUP,
    AUTHOR_TOO_LONG,
    BODY_REQUIRED,
    BODY_TOO_LONG,
    CONVERSATION_CLOSED,
    MEDIA_NOT_FOUND,
    MEDIA_USED,
    NOT_FOUND,
    PRE_WEBHOOK_REFUSED,
)

_OF_FILES = (MEDIA_NOT_FOUND, MEDIA_USED)


class Inbound(NamedTuple):
    """A message from a phone.

    Attributes:
        sender: The phone's address.
        to: The numbers that received it; several if it was sent to a group.
        sid: The carrier's id of the message, the same in every repetition.
        body: Its text.
        media_sids: The files that it carries.
    """

    sender: str
    to: tuple[str, ...]
    sid: str
    body: str | None = None
    media_sids: tuple[str, ...] = ()


def receive(context: Context, inbound: Inbound) -> str:
    """Add a message to its conversation. If the message is dropped, returns the reason.

    A file lives for some minutes only, and the message may have waited longer. Then its text is added without files.

    Raises:
        Refusal: if a later attempt may add the message.
    """
    context = of_carrier(context, inbound.sender, writes=True)
    holder = context.table.fetch(_key(context, inbound))
    if holder is None:
        return "no conversation has these addresses"
    tail = context.table.fetch(keys.tail(holder["channel_sid"]))
    if tail is None:
        return "the conversation is deleted"
    path = {"service_sid": tail["service_sid"], "channel_sid": holder["channel_sid"]}
    try:
        messages.create(context, path, _parameters(inbound), f"{inbound.sender} {inbound.sid}")
    except Refusal as refusal:
        if refusal.error not in _FINAL:
            raise
        if refusal.error in _OF_FILES and inbound.body is not None:
            logger.warning("files of a message from a phone dropped", extra={"reason": str(refusal)})
            return receive(context, inbound._replace(media_sids=()))
        return str(refusal)
    return ""


def _key(context: Context, inbound: Inbound) -> Key[Holder]:
    if len(inbound.to) == 1:
        return keys.pair(context.account_sid, inbound.sender, inbound.to[0])
    return keys.group(context.account_sid, group_digest({inbound.sender, *inbound.to}))


def _parameters(inbound: Inbound) -> dict[str, Any]:
    given = {
        "author": inbound.sender,
        "body": None if inbound.body is None else check_body(inbound.body),
        "media_sids": [*inbound.media_sids] or None,
    }
    return {name: value for name, value in given.items() if value is not None}
