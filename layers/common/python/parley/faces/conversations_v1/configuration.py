"""What holds for the whole account (https://www.twilio.com/docs/conversations/api/configuration-resource)."""

from __future__ import annotations

from parley.faces.conversations_v1.face import FACE
from parley.faces.spec import Mount, View
from parley.records import ACCOUNT_CONFIGURATION

MOUNTS = (
    Mount(
        FACE,
        ACCOUNT_CONFIGURATION,
        "/Configuration",
        View(
            "account_sid default_chat_service_sid default_messaging_service_sid default_inactive_timer "
            "default_closed_timer url",
            links={"service": "^/Services/{default_chat_service_sid}/Configuration", "webhooks": "/Webhooks"},
        ),
        update="default_chat_service_sid default_messaging_service_sid default_inactive_timer default_closed_timer",
        verbs=("fetch", "update"),
    ),
)
