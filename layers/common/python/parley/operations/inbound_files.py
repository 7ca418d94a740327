"""Files in messages from phones: they come from WhatsApp into the bucket before their message is added.

    record: uploading --> AWS puts the file beside the others --> it moves to its key --> record: ready --> the message

AWS chooses the last part of the key under which it puts a file, so Parley looks for the file. If Parley dies before the
file has moved, the queue brings the message again, and Parley asks AWS for the file again. The bucket deletes the first
copy after a day.
"""

from __future__ import annotations

import base64
import binascii

from parley.domain.addresses import WHATSAPP
from parley.domain.carrier_codes import of_refusal
from parley.domain.media import UNKNOWN_TYPE, check_content_type, clean_filename
from parley.domain.received import WhatsAppFile
from parley.errors import INVALID_PARAMETER, MEDIA_TYPE_INVALID, MEDIA_USED, UNAVAILABLE, ignoring
from parley.log import logger
from parley.operations import media, senders
from parley.operations.context import Context
from parley.ports.texting import Refused, Silent, Texting

# https://www.twilio.com/docs/whatsapp/guidance-whatsapp-media-messages
MOST_BYTES = 16 * 1024 * 1024
# Where AWS puts files, until they are moved.
ARRIVALS = "inbound/"


class Lost(Exception):
    """The file cannot be had; the text says why."""


def bring(context: Context, texting: Texting, to: str, service_sid: str, sid: str, file: WhatsAppFile) -> None:
    """Bring a file that was sent to a number into the bucket, as the file with this SID.

    Raises:
        Lost: if it is too large, or gone.
        Refusal: if a later attempt may bring it.
    """
    sender = senders.sender(context, to)
    if sender is None:
        raise Lost("gone")
    content_type = _type_of(file.content_type)
    described = {"content_type": content_type, "sha256": _digest_of(file.sha256), "filename": _name_of(file.filename)}
    with ignoring(MEDIA_USED):
        expected = media.expect(context, service_sid, sid, described)
        arrival = _arrived(context, texting, sender["provider_id"], f"{ARRIVALS}{sid}/", file)
        facts = context.objects.look(arrival) if arrival else None
        size = facts.size if facts else 0
        if 0 < size <= min(MOST_BYTES, context.media.limit_bytes):
            context.objects.copy(arrival, media.object_key(expected), content_type)
            # Before the arrival is deleted: a repetition of the message that finds none finds the file ready.
            media.come(context, expected, size, content_type)
        if facts:
            context.objects.delete(arrival)
        if size > min(MOST_BYTES, context.media.limit_bytes):
            raise Lost("too large")
        if not size and not media.has_come(context, expected):
            raise Lost("gone")


def _arrived(context: Context, texting: Texting, provider_id: str, prefix: str, file: WhatsAppFile) -> str:
    """The key under which AWS has put a file; empty if there is none, because a repetition was faster."""
    try:
        texting.fetch_media(provider_id, file.media_id, context.objects.bucket, prefix)
    except Silent as silent:
        raise UNAVAILABLE() from silent
    except Refused as refused:
        meaning = of_refusal(WHATSAPP, refused.exception, refused.reason)
        words = {"exception": refused.exception, "words": refused.words, "sid": file.media_id}
        logger.warning("AWS does not hand over a file of WhatsApp", extra=words)
        if meaning is None or meaning.is_busy or "AccessDenied" in refused.exception:
            raise UNAVAILABLE() from refused
        raise Lost("gone") from refused
    return context.objects.find(prefix) or ""


def _type_of(text: str) -> str:
    with ignoring(MEDIA_TYPE_INVALID):
        return check_content_type(text)
    return UNKNOWN_TYPE


def _name_of(text: str) -> str | None:
    with ignoring(INVALID_PARAMETER):
        return clean_filename(text)
    return None


def _digest_of(text: str) -> str | None:
    """A digest in hex digits; None if the text is none."""
    try:
        digest = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None
    return digest.hex() if len(digest) == 32 else None
