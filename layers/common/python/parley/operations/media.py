"""Files: their records in the table, their bytes in the object store.

    nothing -- create, media_upload.create --> uploading -- all bytes are there --> ready -- a message --> carried
                                                   \\-- 1 hour --> gone     \\-- 300 seconds --> gone

The record is written before the object. So a crash between the two leaves a record that dies by itself, and never an
object without a record. When a record goes, its object follows (`background/discarding.py`).

Who may fetch a file that no message carries: account credentials, and the user who uploaded it. A message's file may be
fetched by account credentials, and by whoever may read the message. To all others, there is no file.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable, Mapping
from typing import Any, Literal, NamedTuple, cast

from parley.clock import iso_seconds
from parley.domain.media import BACK_END, READY, UPLOADING, disposition, is_gone, uploader_of
from parley.errors import (
    CONCURRENT_UPDATE,
    MEDIA_SIZE_REFUSED,
    MEDIA_USED,
    NOT_A_MEMBER,
    NOT_FOUND,
    USER_NOT_FOUND,
    Refusal,
    ignoring,
)
from parley.ids import is_sid, message_index
from parley.log import logger
from parley.operations import addressing, authority, verbs
from parley.operations.context import Context
from parley.records.media import MEDIA
from parley.records.spec import Path
from parley.store import keys
from parley.store.items import Record
from parley.store.writes import Create, Guard, Update, Write
from parley.stored import Media

# How long a link without credentials works (https://www.twilio.com/docs/chat/rest/media; the time is unconfirmed).
LINK_SECONDS = 300
# How long the store takes a file under the link that a client was given, and gives one to those who were led there.
# A film is fetched in many pieces, each with the same link.
UPLOAD_LINK_SECONDS = FETCH_LINK_SECONDS = 900
# How long an upload may take altogether.
UPLOADING_SECONDS = 3600
# The tag that GuardDuty puts on what it has scanned, and its value if there is nothing wrong
# (https://docs.aws.amazon.com/guardduty/latest/ug/monitor-enable-s3-object-tagging.html).
SCAN_TAG, CLEAN = "GuardDutyMalwareScanStatus", "NO_THREATS_FOUND"

Method = Literal["GET", "HEAD"]


class Upload(NamedTuple):
    """A file as it came in a request."""

    body: bytes
    content_type: str
    filename: str | None
    is_multipart: bool


class _NotUploading(Refusal):
    """Raised if another request has marked a file as ready."""


def object_key(media: Mapping[str, Any]) -> str:
    """The key of a file's object."""
    return f"{media['service_sid']}/{media['sid']}"


def create(context: Context, path: Path, parameters: dict[str, Any], upload: Upload) -> Record:
    """A new file with the bytes of this request. Two writes, and one request to the object store.

    Raises:
        Refusal: 20404 if there is no such service.
    """
    media = _new(
        context,
        path,
        {
            "filename": upload.filename,
            "is_multipart_upstream": upload.is_multipart or None,
            **verbs.non_null(parameters),
            "size": len(upload.body),
            "content_type": upload.content_type,
            "sha256": hashlib.sha256(upload.body).hexdigest(),
        },
    )
    context.objects.put(object_key(media), upload.body, media["content_type"])
    return _shown(context, _made_ready(context, media))


def create_upload(context: Context, path: Path, parameters: dict[str, Any]) -> Record:
    """A new file whose bytes the client PUTs to a link, which takes nothing but these bytes.

    Raises:
        Refusal: 20404 if there is no such service; 50512 for a file that is larger than the operator allows.
    """
    if parameters["size"] > context.media.limit_bytes:
        raise MEDIA_SIZE_REFUSED(reason=f"at most {context.media.limit_mb} MB")
    media = _new(context, path, parameters)
    url, headers = context.objects.upload_link(
        object_key(media),
        size=media["size"],
        content_type=media["content_type"],
        sha256=media["sha256"],
        seconds=UPLOAD_LINK_SECONDS,
    )
    expires_at = iso_seconds(context.clock.now_ms() + UPLOAD_LINK_SECONDS * 1000)
    return {**media, "upload": {"method": "PUT", "url": url, "headers": headers, "expires_at": expires_at}}


def _new(context: Context, path: Path, parameters: dict[str, Any]) -> Media:
    """The stored record of a file whose bytes are still to come."""
    record = _record(context, path, parameters)
    key, index = keys.media(record["sid"]), keys.in_waiting_media(path["service_sid"], record["sid"])
    write = Create(key, record, taken=NOT_FOUND(), index=index)
    return cast(Media, context.table.commit(context.cause(), [write])[0])


def _record(context: Context, path: Path, parameters: dict[str, Any]) -> Record:
    addressing.resolve(context, MEDIA, path)
    caller = context.caller
    of_client = {} if caller.identity is None else {"author_birth": caller.birth}
    return {
        **verbs.new_record(context, MEDIA, path),
        # Null until the first change (https://www.twilio.com/docs/chat/rest/media).
        "date_updated": None,
        **verbs.non_null(parameters),
        "author": caller.name or BACK_END,
        **of_client,
        "state": UPLOADING,
        "expires_at": _seconds_from_now(context, UPLOADING_SECONDS),
    }


def _seconds_from_now(context: Context, seconds: int) -> int:
    """That time in whole seconds, rounded up, so that nothing lives shorter than it should."""
    return -(-context.clock.now_ms() // 1000) + seconds


def _made_ready(context: Context, media: Media, **known: Any) -> Media:
    """The file after it has been noted that all its bytes are there.

    Raises:
        Refusal: 20404 if its time is over.
    """
    set_ = {
        **known,
        "state": READY,
        "date_upload_updated": context.clock.now_ms(),
        "expires_at": _seconds_from_now(context, context.media.unattached_seconds),
    }
    still = Guard("state", "=", UPLOADING, _NotUploading(NOT_FOUND))
    write = Update(MEDIA.key({"sid": media["sid"]}), NOT_FOUND(), set=set_, guards=(still,), announced=False)
    try:
        return cast(Media, context.table.commit(context.cause(), [write])[0])
    except _NotUploading:
        return _living(context, context.table.fetch(write.key), {"service_sid": media["service_sid"]})


def expect(context: Context, service_sid: str, sid: str, fields: dict[str, Any]) -> Media:
    """The record of a file with this SID, whose bytes are still to come; they may have been expected before.

    Raises:
        Refusal: 20404 if there is no such service; 50508 if a message carries the file already.
    """
    record = {**_record(context, {"service_sid": service_sid}, fields), "sid": sid}
    key, index = keys.media(sid), keys.in_waiting_media(service_sid, sid)
    used = MEDIA_USED(sid=sid)
    write: Write = Create(key, record, taken=CONCURRENT_UPDATE(), index=index)
    with ignoring(CONCURRENT_UPDATE):
        return cast(Media, context.table.commit(context.cause(), [write])[0])
    again = {"state": UPLOADING, "expires_at": record["expires_at"]}
    free = Guard("message_sid", "missing", None, used)
    write = Update(key, CONCURRENT_UPDATE(), set=again, guards=(free,), announced=False)
    return cast(Media, context.table.commit(context.cause(), [write])[0])


def come(context: Context, media: Media, size: int, content_type: str) -> None:
    """Note that all bytes of an expected file have come.

    Raises:
        Refusal: 20404 if its time is over.
    """
    _made_ready(context, media, size=size, content_type=content_type)


def has_come(context: Context, media: Media) -> bool:
    """Whether all bytes of an expected file are there by now."""
    found = context.table.fetch(MEDIA.key({"sid": media["sid"]}))
    return found is not None and found["state"] == READY


def fetch(context: Context, path: Path, parameters: dict[str, Any]) -> Record:
    """The file's record, with a new link. If its bytes were still to come, the object store is asked for them once.

    Raises:
        Refusal: 20404, also if the caller may not know of it.
    """
    media = _readable(context, path)
    return _shown(context, looked_for(context, media))


def fetch_many(context: Context, path: Path, sids: Iterable[str]) -> list[Record | None]:
    """The records of several files, None for each that the caller would not find.

    One request reads all of them, and one more for each channel the messages that carry them.
    """
    resolved = addressing.resolve(context, MEDIA, path)
    wanted = [keys.media(sid) if is_sid("ME", sid) else None for sid in sids]
    found = context.table.fetch_many(key for key in wanted if key)
    living = {key: media for key, media in found.items() if _is_living(context, media, resolved)}
    readable = _readable_among(context, living.values())
    files = [living.get(key) if key else None for key in wanted]
    return [_shown(context, file) if file and file["sid"] in readable else None for file in files]


def _is_living(context: Context, media: Media, resolved: Path) -> bool:
    with ignoring(NOT_FOUND):
        _living(context, media, resolved)
        return True
    return False


def content(context: Context, path: Path, method: Method) -> str:
    """The link to a file's bytes, for a caller with credentials.

    Raises:
        Refusal: 20404, also before the bytes are there, and until a scan has found nothing in them.
    """
    return _link(context, looked_for(context, _readable(context, path)), method)


def temporary(context: Context, path: Path, expires: str, signature: str, method: Method) -> str:
    """The link to a file's bytes, for anybody who shows a signature.

    Raises:
        Refusal: 20404 for a forged signature, for one whose time is over, and if there is no such file any more.
    """
    seal = context.keyring.link_seal(_sealed(path["service_sid"], path["sid"], expires))
    is_number = expires.isascii() and expires.isdecimal() and len(expires) < 15
    if not hmac.compare_digest(seal.encode(), signature.encode()) or not is_number:
        raise NOT_FOUND()
    if int(expires) * 1000 <= context.clock.now_ms():
        raise NOT_FOUND()
    # The caller has no identity: as with account credentials, only the message must still be there.
    return _link(context, _readable(context, path), method)


def _readable(context: Context, path: Path) -> Media:
    """The file at a path, if the caller may fetch it."""
    resolved = addressing.resolve(context, MEDIA, path)
    media = _living(context, context.table.fetch(MEDIA.key(resolved)), resolved)
    _require_readable(context, media)
    return media


def _living(context: Context, media: Media | None, resolved: Path) -> Media:
    """The file of a service, if its time is not over."""
    living = verbs.belonging(media, resolved)
    if is_gone(living, context.clock.now_ms()):
        raise NOT_FOUND()
    return living


def _require_readable(context: Context, media: Media) -> None:
    """Check that the caller may fetch a file.

    Raises:
        Refusal: 20404.
    """
    if media["sid"] not in _readable_among(context, [media]):
        raise NOT_FOUND()


def _readable_among(context: Context, files: Iterable[Media]) -> set[str]:
    """The SIDs of those of a service's files that the caller may fetch."""
    is_back_end = context.caller.identity is None
    readable: set[str] = set()
    carried: dict[str, list[Media]] = {}
    for media in files:
        if media.get("message_sid"):
            carried.setdefault(media["channel_sid"], []).append(media)
        elif is_back_end or is_uploader(context, media):
            readable.add(media["sid"])
    for inside in carried.values():
        readable |= _readable_in(context, inside)
    return readable


def _readable_in(context: Context, files: list[Media]) -> set[str]:
    """The SIDs of those files whose messages are there, if the caller may read the channel of all of them."""
    service_sid, channel_sid = files[0]["service_sid"], files[0]["channel_sid"]
    message_keys = {
        media["sid"]: keys.message(channel_sid, index)
        for media in files
        if (index := message_index(channel_sid, media["message_sid"])) is not None
    }
    try:
        addressing.channel(context, service_sid, channel_sid)
        found = authority.require(context, service_sid, channel_sid, (), also=message_keys.values())
    except Refusal as refusal:
        if refusal.error not in (NOT_FOUND, NOT_A_MEMBER, USER_NOT_FOUND):
            raise
        return set()
    return {sid for sid, key in message_keys.items() if key in found}


def is_uploader(context: Context, media: Media) -> bool:
    """Whether the caller is the user who uploaded a file."""
    return authority.is_person(context, media["service_sid"], uploader_of(media))


def looked_for(context: Context, media: Media) -> Media:
    """The file, ready if its bytes have come since its record was written. Only REST functions may ask for that.

    Raises:
        Refusal: 20404 if its time is over.
    """
    if media["state"] != UPLOADING:
        return media
    facts = context.objects.look(object_key(media))
    # The link takes no other size.
    return _made_ready(context, media) if facts and facts.size == media["size"] else media


def _shown(context: Context, media: Media) -> Record:
    """The file's record with the query of a new link that needs no credentials, if its bytes are there."""
    if media["state"] != READY:
        return {**media}
    expires = str(_seconds_from_now(context, LINK_SECONDS))
    seal = context.keyring.link_seal(_sealed(media["service_sid"], media["sid"], expires))
    return {**media, "temporary": f"expires={expires}&signature={seal}"}


def _sealed(service_sid: str, sid: str, expires: str) -> str:
    return "\n".join((service_sid, sid, expires))


def _link(context: Context, media: Media, method: Method) -> str:
    """A link to a file's bytes in the object store, with which a client is led there.

    Raises:
        Refusal: 20404 before they are there, and until a scan has found nothing in them.
    """
    if media["state"] != READY or not scanned(context, media):
        raise NOT_FOUND()
    content_type = media["content_type"]
    return context.objects.download_link(
        object_key(media),
        method=method,
        content_type=content_type,
        disposition=disposition(content_type, media.get("filename")),
        seconds=FETCH_LINK_SECONDS,
    )


def scanned(context: Context, media: Mapping[str, Any]) -> bool | None:
    """Whether a scan has found nothing in a file, or the file need not be scanned; None before the scan is through."""
    if not context.media.is_scanned:
        return True
    result = context.objects.tags(object_key(media)).get(SCAN_TAG)
    if result not in (None, CLEAN):
        logger.warning("a file stays closed", extra={"media_sid": media["sid"], "scan_result": result})
    return None if result is None else result == CLEAN
