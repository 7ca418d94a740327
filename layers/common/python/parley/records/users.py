"""The User row (https://www.twilio.com/docs/chat/rest/user-resource)."""

from __future__ import annotations

from parley import errors
from parley.domain.users import check_identity
from parley.records.kinds import EMPTY_ATTRIBUTES, Attributes, Checked, Sid, Text, Whole
from parley.records.spec import Field, Mount, Resource, View
from parley.store import keys

# The vendor names no figure for user attributes; 4 KB is its figure for message attributes (unconfirmed).
_ATTRIBUTES = Attributes(4 * 1024)

USER = Resource(
    name="user",
    plural="users",
    prefix="US",
    key=lambda path: keys.user(path["sid"]),
    range=lambda path: keys.users(path["service_sid"]),
    fields=(
        Field("identity", Checked(check_identity), on="create", required="create"),
        Field("role_sid", Sid("RL"), on="create update"),
        Field("attributes", _ATTRIBUTES, on="create update", default=EMPTY_ATTRIBUTES),
        Field("friendly_name", Text(256, errors.FRIENDLY_NAME_TOO_LONG), on="create update"),
        Field("joined_channels_count", Whole(), default=0),
    ),
    mounts=(
        Mount(
            "/chat/v2",
            "/Services/{service_sid}/Users/{sid}",
            View(
                "sid account_sid service_sid attributes friendly_name role_sid identity is_online is_notifiable "
                "date_created date_updated joined_channels_count url",
                links={"user_channels": "/Channels", "user_bindings": "/Bindings"},
            ),
            webhooks="create update",
        ),
        Mount(
            "/chat/v1",
            "/Services/{service_sid}/Users/{sid}",
            View(
                "sid account_sid service_sid attributes friendly_name role_sid identity is_online is_notifiable "
                "date_created date_updated joined_channels_count url",
                links={"user_channels": "/Channels"},
                absent_from_lists="attributes",
            ),
            page_limits=(50, 1000),
        ),
    ),
)
