"""The User Channel row: a channel as one user sees it (https://www.twilio.com/docs/chat/rest/user-channel-resource)."""

from __future__ import annotations

from parley import errors
from parley.records.kinds import Choice, Moment, Whole
from parley.records.spec import Field, Mount, Resource, View
from parley.store import keys

_LINKS = {
    "channel": "^/Services/{service_sid}/Channels/{channel_sid}",
    "member": "^/Services/{service_sid}/Channels/{channel_sid}/Members/{member_address}",
}
NOTIFICATION_LEVELS = ("default", "muted")

USER_CHANNEL = Resource(
    name="user_channel",
    plural="channels",
    prefix="CH",
    key=lambda path: keys.channel(path["channel_sid"]),
    range=None,
    fields=(
        Field(
            "notification_level",
            Choice(NOTIFICATION_LEVELS, errors.NOTIFICATION_LEVEL_INVALID),
            on="update",
            default="default",
        ),
        Field(
            "last_consumed_message_index",
            Whole(0, 10**10, errors.CONSUMED_INDEX_INVALID, clearable=True),
            on="update",
        ),
        Field("last_consumption_timestamp", Moment(errors.CONSUMPTION_TIME_INVALID), on="update"),
        Field("unread_messages_count", Whole()),
    ),
    mounts=(
        Mount(
            "/chat/v2",
            "/Services/{service_sid}/Users/{user_sid}/Channels/{channel_sid}",
            View(
                "account_sid service_sid channel_sid user_sid member_sid status last_consumed_message_index "
                "unread_messages_count notification_level url",
                links=_LINKS,
            ),
            verbs=("fetch", "list", "update", "delete"),
            page_limits=(50, 50),
            webhooks="delete",
        ),
        Mount(
            "/chat/v1",
            "/Services/{service_sid}/Users/{user_sid}/Channels/{channel_sid}",
            View(
                "account_sid service_sid channel_sid member_sid status=status_v1 last_consumed_message_index "
                "unread_messages_count",
                links=_LINKS,
            ),
            verbs=("list",),
            page_limits=(50, 1000),
        ),
    ),
)
