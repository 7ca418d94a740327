"""Messages (https://www.twilio.com/docs/chat/rest/message-resource): the texts and files that are sent to a channel."""

from __future__ import annotations

from parley import errors
from parley.domain.contents import check_sid, check_variables
from parley.domain.deliveries import STATUSES
from parley.domain.messages import MOST_FILES, check_body
from parley.records.kinds import (
    Checked,
    Choice,
    Flag,
    Sid,
    Sids,
    Stored,
    Text,
    Whole,
)
from parley.records.spec import FREELY, NO_REASON, Field, RecordType, attributes, dates, own_or_any
from parley.store import keys

# 4 KB (https://www.twilio.com/docs/chat/chat-limits).
_ATTRIBUTES_BYTES = 4 * 1024

_FILE = (
    Field("sid", Sid("ME"), "The SID of the file."),
    Field("size", Whole(), "The size of the file in bytes."),
    Field("content_type", Text(), "The type of the file's content."),
    Field("filename", Text(), "The name of the file."),
)
_SUMMARY = (
    Field("total", Whole(), "To how many phones the message goes."),
    *(
        Field(status, Choice(("none", "some", "all")), f"How many of the phones have the status `{status}`.")
        for status in STATUSES
    ),
)

MESSAGE = RecordType(
    name="message",
    prefix="IM",
    parent="channel",
    key=lambda path: keys.message(path["channel_sid"], int(path["index"])),
    range=lambda path: keys.messages(path["channel_sid"]),
    fields=(
        Field(
            "author",
            Text(256, errors.AUTHOR_TOO_LONG),
            "The identity or address of whoever wrote the message, or `system`.",
            reason="author",
        ),
        attributes(_ATTRIBUTES_BYTES, on_create=FREELY, on_update=own_or_any("MessageAttributes")),
        *dates("message", "was sent"),
        Field(
            "last_updated_by",
            Text(256, errors.LAST_UPDATED_BY_TOO_LONG),
            "The identity of the user who last edited the message, or `system`; null if nobody has.",
            reason="lastUpdatedBy",
        ),
        Field(
            "body",
            Checked(check_body),
            "The text of the message; null if it carries a file without a text.",
            on_create=FREELY,
            on_update=own_or_any("Message"),
            reason="body",
        ),
        Field(
            "media_sid",
            Sid("ME", errors.MEDIA_SID_INVALID),
            "The uploaded file that the message carries.",
            on_create=FREELY,
            reason=NO_REASON,
        ),
        Field(
            "media_sids",
            Sids(most=MOST_FILES, prefix="ME", malformed=errors.MEDIA_SID_INVALID),
            "The uploaded files that the message carries.",
            on_create=FREELY,
            reason=NO_REASON,
        ),
        Field(
            "media",
            Stored(_FILE),
            "The file or files that the message carries; null if there are none.",
            reason=NO_REASON,
        ),
        Field(
            "participant_sid",
            Sid("MB"),
            "The participant who wrote the message; null if none of them did.",
            reason=NO_REASON,
        ),
        Field(
            "delivery",
            Stored(_SUMMARY),
            "How far the message has come on its way to phones; null if it went to none.",
            reason="deliveryReceipt",
        ),
        Field(
            "subject",
            Text(256),
            "The subject of the mail that the message becomes.",
            on_create=FREELY,
            reason=NO_REASON,
        ),
        Field(
            "content_sid",
            Checked(check_sid),
            "The template from which phones get the message.",
            on_create=FREELY,
            reason=NO_REASON,
        ),
        Field(
            "content_variables",
            Checked(check_variables),
            "The values of the placeholders in the template, as a JSON object with texts.",
            on_create=FREELY,
            reason=NO_REASON,
        ),
        Field(
            "was_edited", Flag(), "Whether the message was changed after it was sent.", default=False, reason=NO_REASON
        ),
        Field(
            "type", Choice(("text", "media")), "Whether the message carries a file.", default="text", reason=NO_REASON
        ),
        Field(
            "index",
            Whole(),
            "The place of the message in the channel, from 0; a deleted message leaves a gap.",
            reason=NO_REASON,
        ),
    ),
    remains="index created_seq type",
)
