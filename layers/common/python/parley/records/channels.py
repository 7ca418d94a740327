"""The Channel row (https://www.twilio.com/docs/chat/rest/channel-resource)."""

from __future__ import annotations

from parley import errors
from parley.domain.channels import PRIVATE, PUBLIC, check_unique_name
from parley.records.kinds import EMPTY_ATTRIBUTES, Attributes, Checked, Choice, Listed, Moment, Text, Whole
from parley.records.spec import Field, Mount, Resource, View
from parley.store import keys
from parley.store.items import Record

# Conversations' figure for the same record (unconfirmed for Chat).
_ATTRIBUTES = Attributes(16 * 1024)


def _last_message(channel: Record) -> str | None:
    sid = channel.get("last_message_sid")
    return f"/Messages/{sid}" if sid else None


_NAMES = (
    "sid account_sid service_sid friendly_name unique_name attributes type date_created date_updated created_by "
    "members_count messages_count url"
)

CHANNEL = Resource(
    name="channel",
    plural="channels",
    prefix="CH",
    key=lambda path: keys.channel(path["sid"]),
    range=None,
    empty_update=errors.EMPTY_CHANNEL_UPDATE,
    fields=(
        Field("friendly_name", Text(256, errors.FRIENDLY_NAME_TOO_LONG), on="create update"),
        Field("unique_name", Checked(check_unique_name), on="create update"),
        Field("attributes", _ATTRIBUTES, on="create update", default=EMPTY_ATTRIBUTES),
        Field("type", Choice((PUBLIC, PRIVATE), errors.CHANNEL_TYPE_INVALID), on="create"),
        Field("date_created", Moment(errors.DATE_CREATED_INVALID), on="create update"),
        Field("date_updated", Moment(errors.DATE_UPDATED_INVALID), on="create update"),
        Field("created_by", Text(256, errors.AUTHOR_TOO_LONG), on="create update"),
        Field("members_count", Whole(), default=0),
        Field("messages_count", Whole(), default=0),
    ),
    filters=(Field("type", Listed((PUBLIC, PRIVATE), errors.CHANNEL_TYPE_INVALID)),),
    mounts=(
        Mount(
            "/chat/v2",
            "/Services/{service_sid}/Channels/{sid}",
            View(
                _NAMES,
                links={
                    "members": "/Members",
                    "messages": "/Messages",
                    "invites": "/Invites",
                    "webhooks": "/Webhooks",
                    "last_message": _last_message,
                },
            ),
            webhooks="create update delete",
        ),
        Mount(
            "/chat/v1",
            "/Services/{service_sid}/Channels/{sid}",
            View(
                _NAMES,
                links={
                    "members": "/Members",
                    "messages": "/Messages",
                    "invites": "/Invites",
                    "last_message": _last_message,
                },
                absent_from_lists="attributes",
            ),
            page_limits=(50, 1000),
            without="DateCreated DateUpdated CreatedBy",
        ),
    ),
)
