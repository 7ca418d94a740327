"""The Member row (https://www.twilio.com/docs/chat/rest/member-resource)."""

from __future__ import annotations

from parley import errors
from parley.domain.users import check_identity
from parley.records.kinds import EMPTY_ATTRIBUTES, Attributes, Checked, Listed, Moment, Sid, Whole
from parley.records.spec import Field, Mount, Resource, View
from parley.store import keys

# The vendor names no figure for member attributes; 4 KB is its figure for message attributes (unconfirmed).
_ATTRIBUTES = Attributes(4 * 1024)
# Any index may be named, also one beyond the last message (unconfirmed).
_INDEX = Whole(0, 10**10, errors.CONSUMED_INDEX_INVALID, clearable=True)

MEMBER = Resource(
    name="member",
    plural="members",
    prefix="MB",
    key=lambda path: keys.member(path["channel_sid"], path["sid"]),
    range=None,
    fields=(
        Field("identity", Checked(check_identity), on="create", required="create"),
        Field("role_sid", Sid("RL"), on="create update"),
        Field("last_consumed_message_index", _INDEX, on="create update"),
        Field("last_consumption_timestamp", Moment(errors.CONSUMPTION_TIME_INVALID), on="create update"),
        Field("date_created", Moment(errors.DATE_CREATED_INVALID), on="create update"),
        Field("date_updated", Moment(errors.DATE_UPDATED_INVALID), on="create update"),
        Field("attributes", _ATTRIBUTES, on="create update", default=EMPTY_ATTRIBUTES),
    ),
    filters=(Field("identity", Listed()),),
    mounts=(
        Mount(
            "/chat/v2",
            "/Services/{service_sid}/Channels/{channel_sid}/Members/{sid}",
            View(
                "sid account_sid channel_sid service_sid identity date_created date_updated role_sid "
                "last_consumed_message_index last_consumption_timestamp url attributes"
            ),
            webhooks="create update delete",
        ),
        Mount(
            "/chat/v1",
            "/Services/{service_sid}/Channels/{channel_sid}/Members/{sid}",
            View(
                "sid account_sid channel_sid service_sid identity date_created date_updated role_sid "
                "last_consumed_message_index last_consumption_timestamp url"
            ),
            page_limits=(50, 1000),
            without="LastConsumptionTimestamp DateCreated DateUpdated Attributes create:LastConsumedMessageIndex",
            by_sid=(("channel_sid", "CH"), ("sid", "MB")),
        ),
    ),
)
