"""Messages (https://www.twilio.com/docs/chat/rest/message-resource)."""

from __future__ import annotations

from parley import errors
from parley.domain.contents import check_sid, check_variables
from parley.domain.messages import MOST_FILES, check_body
from parley.records.kinds import (
    EMPTY_ATTRIBUTES,
    Attributes,
    Checked,
    Choice,
    Flag,
    Moment,
    Sid,
    Sids,
    Stored,
    Text,
    Whole,
)
from parley.records.spec import FREELY, NO_REASON, Field, RecordType, own_or_any
from parley.store import keys

# 4 KB (https://www.twilio.com/docs/chat/chat-limits).
_ATTRIBUTES = Attributes(4 * 1024)

MESSAGE = RecordType(
    name="message",
    prefix="IM",
    parent="channel",
    key=lambda path: keys.message(path["channel_sid"], int(path["index"])),
    range=lambda path: keys.messages(path["channel_sid"]),
    fields=(
        Field("author", Text(256, errors.AUTHOR_TOO_LONG), reason="author"),
        Field(
            "attributes",
            _ATTRIBUTES,
            default=EMPTY_ATTRIBUTES,
            on_create=FREELY,
            on_update=own_or_any("MessageAttributes"),
            reason="attributes",
        ),
        Field("date_created", Moment(errors.DATE_CREATED_INVALID), reason="dateCreated"),
        Field("date_updated", Moment(errors.DATE_UPDATED_INVALID), reason="dateUpdated"),
        Field("last_updated_by", Text(256, errors.LAST_UPDATED_BY_TOO_LONG), reason="lastUpdatedBy"),
        Field("body", Checked(check_body), on_create=FREELY, on_update=own_or_any("Message"), reason="body"),
        Field("media_sid", Sid("ME", errors.MEDIA_SID_INVALID), on_create=FREELY, reason=NO_REASON),
        Field(
            "media_sids",
            Sids(most=MOST_FILES, prefix="ME", malformed=errors.MEDIA_SID_INVALID),
            on_create=FREELY,
            reason=NO_REASON,
        ),
        Field("media", Stored(), reason=NO_REASON),
        Field("participant_sid", Sid("MB"), reason=NO_REASON),
        Field("delivery", Stored(), reason="deliveryReceipt"),
        Field("subject", Text(256), on_create=FREELY, reason=NO_REASON),
        Field("content_sid", Checked(check_sid), on_create=FREELY, reason=NO_REASON),
        Field("content_variables", Checked(check_variables), on_create=FREELY, reason=NO_REASON),
        Field("was_edited", Flag(), default=False, reason=NO_REASON),
        Field("type", Choice(("text", "media")), default="text", reason=NO_REASON),
        Field("index", Whole(), reason=NO_REASON),
    ),
    remains="index created_seq type",
)
