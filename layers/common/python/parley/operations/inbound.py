"""Messages from phones: decides where each goes.

    an open conversation holds the pair, or the group    the participant with the phone's address writes it there
    otherwise, if the number is configured so            it makes a conversation (`operations/autocreation.py`)
    otherwise                                            it is sent to a URL (`operations/unclaimed.py`)

The participant writes as if a client had sent the message: the pre-event webhook is asked, and an inactive conversation
becomes active. If the carrier repeats a message, the conversation keeps one.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

from parley.domain.messages import check_body
from parley.domain.received import WhatsAppFile
from parley.domain.states import CLOSED, state_of
from parley.errors import (
    ATTRIBUTES_NOT_JSON,
    ATTRIBUTES_TOO_LONG,
    AUTHOR_NOT_IN_GROUP,
    AUTHOR_TOO_LONG,
    BODY_REQUIRED,
    BODY_TOO_LONG,
    CONCURRENT_UPDATE,
    CONVERSATION_CLOSED,
    FRIENDLY_NAME_TOO_LONG,
    MEDIA_NOT_FOUND,
    MEDIA_USED,
    NOT_FOUND,
    PAIR_EXISTS,
    PRE_WEBHOOK_REFUSED,
    Refusal,
)
from parley.ids import group_digest, inbound_media_sid
from parley.log import logger
from parley.operations import messages, sent_tokens
from parley.operations.context import Context, of_carrier
from parley.operations.unclaimed import Unclaimed, request
from parley.records.spec import Path
from parley.store import keys
from parley.store.keys import Key
from parley.stored import Holder

if TYPE_CHECKING:
    from parley.ports.texting import Texting

# If a message is refused with one of these errors, every further attempt would be refused too.
_FINAL = (
    ATTRIBUTES_NOT_JSON,
    ATTRIBUTES_TOO_LONG,
    AUTHOR_NOT_IN_GROUP,
    AUTHOR_TOO_LONG,
    BODY_REQUIRED,
    BODY_TOO_LONG,
    FRIENDLY_NAME_TOO_LONG,
    MEDIA_NOT_FOUND,
    MEDIA_USED,
    PRE_WEBHOOK_REFUSED,
)

_OF_FILES = (MEDIA_NOT_FOUND, MEDIA_USED)
_ATTEMPTS = 5


class Inbound(NamedTuple):
    """A message from a phone.

    Attributes:
        sender: The phone's address.
        to: The numbers that received it; several if it was sent to a group.
        sid: The carrier's id of the message, the same in every repetition.
        body: Its text.
        media_sids: The files that it carries, if the carrier has uploaded them.
        file: The file that it carries, if that is still at WhatsApp.
        at: When the person wrote it, in milliseconds; 0 if the carrier does not say.
        name: The name that the person has on WhatsApp.
    """

    sender: str
    to: tuple[str, ...]
    sid: str
    body: str | None = None
    media_sids: tuple[str, ...] = ()
    file: WhatsAppFile | None = None
    at: int = 0
    name: str = ""

    @property
    def token(self) -> str:
        """The name of the message, by which a repetition of it is known."""
        return f"{self.sender} {self.sid}"


class Around(NamedTuple):
    """What lies outside of operations.

    Attributes:
        names: Conversations' names of events, and those under which webhooks of channels store them.
        tell: Queues a request to the URL of a messaging service.
        texting: Makes the port through which files come; None where none come so.
    """

    names: Mapping[str, Sequence[str]]
    tell: Callable[[Unclaimed], None]
    texting: Callable[[], Texting] | None = None


class _Place(NamedTuple):
    """An open conversation, and whether the message has made it."""

    path: Path
    is_first: bool


def receive(context: Context, inbound: Inbound, around: Around) -> str:
    """Add a message to its conversation. If the message is dropped, returns the reason.

    If no open conversation has the pair of addresses, the number's address configuration decides. With automatic
    creation, the message makes a conversation. Without, Parley posts it to the URL of the number's messaging service.
    A message to a group does neither.

    A file lives for some minutes only, and the message may have waited longer. Then its text is added without files.

    Raises:
        Refusal: if a later attempt may add the message.
    """
    # Only the function that takes messages from phones needs this.
    from parley.operations import autocreation, sessions

    if inbound.sender in inbound.to:
        return "it comes from the number that it was sent to"
    context = of_carrier(context, inbound.sender, writes=True)
    # Whatever becomes of the message: the person may be answered.
    sessions.note(context, inbound.sender, inbound.to[0], inbound.at)
    for _ in range(_ATTEMPTS):
        try:
            place, was_added = _place(context, inbound)
            if was_added:
                return ""
            if place:
                _add(context, place, inbound, around)
                return ""
            if len(inbound.to) > 1:
                return "no conversation has these addresses"
            (to,) = inbound.to
            made = autocreation.creation(context, to)
            if made is None:
                return _told(context, inbound, around)
            first = autocreation.First(inbound.sender, to, inbound.token, inbound.body, _files_of(inbound))
            autocreation.make(context, made, first, around.names)
        except Refusal as refusal:
            # The conversation was closed or deleted meanwhile, or another message has made one.
            if refusal.error in (CONVERSATION_CLOSED, NOT_FOUND, PAIR_EXISTS, CONCURRENT_UPDATE):
                continue
            if refusal.error in _OF_FILES and inbound.file:
                # A repetition of the message is bringing the same file at this moment.
                continue
            if refusal.error not in _FINAL:
                raise
            if refusal.error in _OF_FILES and inbound.media_sids and inbound.body is not None:
                logger.warning("files of a message from a phone dropped", extra={"reason": str(refusal)})
                inbound = inbound._replace(media_sids=())
                continue
            return str(refusal)
    raise CONCURRENT_UPDATE()


def _place(context: Context, inbound: Inbound) -> tuple[_Place | None, bool]:
    """The open conversation that holds the pair of a message, or its group, and whether the message was added before.

    The conversation to which it was added may be another one, which is closed by now.
    """
    key, token_key = _key(context, inbound), sent_tokens.key_of(context, "", inbound.token)
    found = context.table.fetch_many([key, token_key])
    token = found.get(token_key)
    if token and sent_tokens.is_living(context, token):
        return None, True
    return _open(context, inbound, found.get(key)), False


def _open(context: Context, inbound: Inbound, holder: Holder | None) -> _Place | None:
    if holder is None:
        return None
    sid = holder["channel_sid"]
    channel_key, tail_key = keys.channel(sid), keys.tail(sid)
    found = context.table.fetch_many([channel_key, tail_key])
    channel, tail = found.get(channel_key), found.get(tail_key)
    # A closed conversation, and those of a deleted service, may hold the pair until a sweep has released it.
    if channel is None or tail is None or state_of(tail) == CLOSED:
        return None
    # Whoever writes the message asks for the service too, so this costs no request.
    if context.configuration.fetch(keys.service(context.account_sid, tail["service_sid"])) is None:
        return None
    path = {"service_sid": tail["service_sid"], "channel_sid": sid}
    return _Place(path, channel.get("made_for") == inbound.token)


def _add(context: Context, place: _Place, inbound: Inbound, around: Around) -> None:
    parameters = _parameters(inbound)
    if inbound.file and around.texting:
        parameters |= _with_file(context, place, inbound, inbound.file, around.texting)
    # About a message that makes a conversation, `onConversationAdd` was asked.
    asking = replace(context, ask=None) if place.is_first else context
    messages.create(asking, place.path, parameters, inbound.token)


def _with_file(
    context: Context, place: _Place, inbound: Inbound, file: WhatsAppFile, texting: Callable[[], Texting]
) -> dict[str, Any]:
    """The parameters of a message that brings a file. If the file cannot be had, the attributes say so."""
    from parley.operations.inbound_files import Lost, bring

    sid = inbound_media_sid(place.path["channel_sid"], inbound.token)
    try:
        bring(context, texting(), inbound.to[0], place.path["service_sid"], sid, file)
    except Lost as lost:
        told = {"reason": str(lost), "content_type": file.content_type, "filename": file.filename}
        logger.warning("file of a message from a phone is lost", extra={"reason": str(lost), "sid": sid})
        shown = {name: text for name, text in told.items() if text}
        return {"body": inbound.body or "", "attributes": json.dumps({"lost_media": shown}, ensure_ascii=False)}
    return {"media_sids": [sid]}


def _files_of(inbound: Inbound) -> list[dict[str, str]]:
    """The files of a message, as far as webhooks can be told of them before it is added."""
    if inbound.file is None:
        return [{"sid": sid} for sid in inbound.media_sids]
    described = {"content_type": inbound.file.content_type, "filename": inbound.file.filename}
    return [{name: text for name, text in described.items() if text}]


def _told(context: Context, inbound: Inbound, around: Around) -> str:
    asked = request(context, inbound.sender, inbound.to[0], inbound.sid, inbound.body, inbound.name)
    if isinstance(asked, str):
        return asked
    around.tell(asked)
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
