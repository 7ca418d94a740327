"""Chat v3: one operation, which makes a public channel private so that Conversations shows it."""

from __future__ import annotations

from parley import errors
from parley.domain.channels import PRIVATE
from parley.faces.spec import Face, Mount, View
from parley.records import CHANNEL
from parley.records.kinds import Choice

FACE = Face("chat_v3", "/chat/v3")

MOUNTS = (
    Mount(
        FACE,
        CHANNEL,
        "/Services/{service_sid}/Channels/{sid}",
        View(
            "sid account_sid service_sid friendly_name unique_name attributes type date_created date_updated "
            "created_by members_count messages_count messaging_service_sid url"
        ),
        name="channel_migration",
        update="type messaging_service_sid",
        kinds={"type": Choice((PRIVATE,), errors.NOT_MADE_PRIVATE)},
        verbs=("update",),
        webhooks="update",
        empty_update=errors.NOT_MADE_PRIVATE,
        about="Makes a public channel private, for Conversations "
        "(https://www.twilio.com/docs/chat/rest/channel-migration-resource).",
    ),
)
