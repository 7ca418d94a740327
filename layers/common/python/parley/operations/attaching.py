"""Attaching: a message carries uploaded files, and the record of each file names the message that carries it.

A file goes with one message, and only as long as it has not expired. DynamoDB removes expired records late, so the time
is compared here too. Message and files are written in one transaction, and they are erased in one.
"""

from __future__ import annotations

from typing import Any

from parley.domain.media import READY, is_gone
from parley.domain.messages import USUAL_CATEGORY, files_of
from parley.errors import MEDIA_NOT_FOUND, MEDIA_USED, NOT_FOUND, Refusal
from parley.operations import media
from parley.operations.context import Context
from parley.store import keys
from parley.store.items import Record
from parley.store.keys import Key
from parley.store.table import Records
from parley.store.writes import Erase, Guard, Update, Write
from parley.stored import Media, Message

# What a message keeps of each file.
_DESCRIBED = ("sid", "size", "content_type", "filename")


def named(parameters: dict[str, Any]) -> list[str]:
    """The SIDs of the files that a request attaches; one that it names twice counts once."""
    one = parameters.get("media_sid")
    return list(dict.fromkeys([*([one] if one else []), *(parameters.get("media_sids") or [])]))


def wanted(sids: list[str]) -> list[Key[Media]]:
    """The keys of the records that `described` needs."""
    return [keys.media(sid) for sid in sids]


def described(context: Context, service_sid: str, found: Records, sids: list[str]) -> Record:
    """The fields that a message gets from the files that it carries; `found` holds their records.

    A client attaches its own files, a back end or a phone any file of the service.

    Raises:
        Refusal: 50507 if there is none, or it has expired or is not uploaded yet; 50508 if another message carries it.
    """
    files = [_attachable(context, service_sid, sid, found.get(keys.media(sid))) for sid in sids]
    return {"type": "media", "media": [_description(file) for file in files]}


def _attachable(context: Context, service_sid: str, sid: str, file: Media | None) -> Media:
    is_back_end = context.caller.identity is None
    if file is None or file["service_sid"] != service_sid or not (is_back_end or media.is_uploader(context, file)):
        raise MEDIA_NOT_FOUND(sid=sid)
    if file.get("message_sid"):
        raise MEDIA_USED(sid=sid)
    if is_gone(file, context.clock.now_ms()):
        raise MEDIA_NOT_FOUND(sid=sid)
    # A back end that has sent a file by a link need not ask for its record before it sends the message. Functions of
    # sockets and of phones do not reach the object store.
    if is_back_end and not context.caller.address:
        file = _looked_for(context, file)
    if file["state"] != READY:
        raise MEDIA_NOT_FOUND(sid=sid)
    return file


def _looked_for(context: Context, file: Media) -> Media:
    try:
        return media.looked_for(context, file)
    except Refusal as refusal:
        if refusal.error is not NOT_FOUND:
            raise
        raise MEDIA_NOT_FOUND(sid=file["sid"]) from None


def _description(file: Media) -> Record:
    category = file.get("category") or USUAL_CATEGORY
    unusual = {"category": category} if category != USUAL_CATEGORY else {}
    return {name: file.get(name) for name in _DESCRIBED} | unusual


def carried(context: Context, sids: list[str], message: Message) -> list[Write]:
    """The writes that note in each file which message carries it.

    They are refused if another message does by now, or if a file has expired meanwhile: a pre-event webhook may take
    twenty seconds to answer.
    """
    # A file that is carried does not expire, and is not listed among those that wait.
    ends = {"expires_at": None, **dict.fromkeys(keys.in_waiting_media("", ""))}
    sent = {"channel_sid": message["channel_sid"], "message_sid": message["sid"], **ends}
    now = context.clock.now_ms() // 1000
    writes: list[Write] = []
    for sid in sids:
        gone = MEDIA_NOT_FOUND(sid=sid)
        guards = (
            Guard("message_sid", "missing", None, MEDIA_USED(sid=sid)),
            Guard("state", "=", READY, gone),
            Guard("expires_at", ">", now, gone),
        )
        writes.append(Update(keys.media(sid), gone, set=sent, guards=guards, announced=False))
    return writes


def erased(message: Message) -> list[Write]:
    """The writes that erase the files of a deleted message. The objects are deleted when the records are gone."""
    return [Erase(key) for key in carried_by(message)]


def carried_by(message: Record | Message) -> list[Key[Media]]:
    """The keys of the files that a message carries."""
    return wanted([file["sid"] for file in files_of(message)])
