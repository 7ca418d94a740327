"""Services (https://www.twilio.com/docs/conversations/api/service-resource), the same ones as Chat's."""

from __future__ import annotations

from parley.faces.conversations_v1.face import FACE
from parley.faces.spec import Mount, View
from parley.records import SERVICE

MOUNTS = (
    Mount(
        FACE,
        SERVICE,
        "/Services/{sid}",
        View(
            "account_sid sid friendly_name date_created date_updated url",
            links={
                "conversations": "/Conversations",
                "users": "/Users",
                "roles": "/Roles",
                "bindings": "/Bindings",
                "configuration": "/Configuration",
                "participant_conversations": "/ParticipantConversations",
            },
        ),
        create="friendly_name!",
        verbs=("create", "fetch", "list", "delete"),
    ),
)
