"""The v3 view of a channel: its one operation makes a public channel private, for Conversations.

https://www.twilio.com/docs/chat/rest/channel-migration-resource
"""

from __future__ import annotations

from parley import errors
from parley.domain.channels import PRIVATE
from parley.records.channels import CHANNEL
from parley.records.kinds import Choice, Sid
from parley.records.spec import Field, Mount, Resource, View

CHANNEL_MIGRATION = Resource(
    name="channel_migration",
    plural="channels",
    prefix="CH",
    key=CHANNEL.key,
    range=None,
    fields=(
        Field("type", Choice((PRIVATE,), errors.NOT_MADE_PRIVATE), on="update"),
        Field("messaging_service_sid", Sid("MG"), on="update"),
        *(field for field in CHANNEL.fields if field.name != "type"),
    ),
    empty_update=errors.NOT_MADE_PRIVATE,
    mounts=(
        Mount(
            "/chat/v3",
            "/Services/{service_sid}/Channels/{sid}",
            View(
                "sid account_sid service_sid friendly_name unique_name attributes type date_created date_updated "
                "created_by members_count messages_count messaging_service_sid url"
            ),
            verbs=("update",),
            without="FriendlyName UniqueName Attributes DateCreated DateUpdated CreatedBy",
            webhooks="update",
        ),
    ),
)
