"""The Message row (https://www.twilio.com/docs/chat/rest/message-resource)."""

from __future__ import annotations

from parley import errors
from parley.domain.messages import check_body
from parley.records.kinds import EMPTY_ATTRIBUTES, Attributes, Checked, Choice, Flag, Moment, Sid, Text, Whole
from parley.records.spec import Field, Mount, Resource, View
from parley.store import keys

# 4 KB (https://www.twilio.com/docs/chat/chat-limits).
_ATTRIBUTES = Attributes(4 * 1024)

MESSAGE = Resource(
    name="message",
    plural="messages",
    prefix="IM",
    key=lambda path: keys.message(path["channel_sid"], int(path["index"])),
    range=lambda path: keys.messages(path["channel_sid"]),
    by_message_index=True,
    fields=(
        Field("author", Text(256, errors.AUTHOR_TOO_LONG), on="create update", form="From"),
        Field("attributes", _ATTRIBUTES, on="create update", default=EMPTY_ATTRIBUTES),
        Field("date_created", Moment(errors.DATE_CREATED_INVALID), on="create update"),
        Field("date_updated", Moment(errors.DATE_UPDATED_INVALID), on="create update"),
        Field("last_updated_by", Text(256, errors.LAST_UPDATED_BY_TOO_LONG), on="create update"),
        Field("body", Checked(check_body), on="create update"),
        Field("media_sid", Sid("ME"), on="create"),
        Field("was_edited", Flag(), default=False),
        Field("type", Choice(("text", "media")), default="text"),
        Field("index", Whole()),
    ),
    filters=(Field("order", Choice(("asc", "desc"))),),
    mounts=(
        Mount(
            "/chat/v2",
            "/Services/{service_sid}/Channels/{channel_sid}/Messages/{sid}",
            View(
                "sid account_sid attributes service_sid to=channel_sid channel_sid date_created date_updated "
                "last_updated_by was_edited from=author body index type media url"
            ),
            webhooks="create update delete",
        ),
        Mount(
            "/chat/v1",
            "/Services/{service_sid}/Channels/{channel_sid}/Messages/{sid}",
            View(
                "sid account_sid attributes service_sid to=channel_sid channel_sid date_created date_updated "
                "was_edited from=author body index url",
                absent_from_lists="attributes",
            ),
            page_limits=(50, 1000),
            without="DateCreated DateUpdated LastUpdatedBy MediaSid update:From",
            requires="Body",
            by_sid=(("channel_sid", "CH"),),
        ),
    ),
)
