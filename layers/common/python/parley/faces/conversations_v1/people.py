"""Users (https://www.twilio.com/docs/conversations/api/user-resource)."""

from __future__ import annotations

from parley.faces.conversations_v1.face import FACE, Scope
from parley.faces.spec import Mount, View
from parley.records import USER


def mounts(scope: Scope) -> tuple[Mount, ...]:
    """The mounts of users in a scope."""
    return (
        Mount(
            FACE,
            USER,
            f"{scope.prefix}/Users/{{sid}}",
            View(
                "sid account_sid chat_service_sid=service_sid role_sid identity friendly_name attributes is_online "
                "is_notifiable date_created date_updated url",
                links={"user_conversations": "/Conversations"},
            ),
            create="identity! friendly_name attributes role_sid",
            update="friendly_name attributes role_sid",
            page_limits=(50, 50),
            webhooks="create update delete",
        ),
    )
