"""Participants (https://www.twilio.com/docs/conversations/api/conversation-participant-resource): members."""

from __future__ import annotations

from parley.faces.conversations_v1.face import FACE, Scope
from parley.faces.spec import Mount, View
from parley.records import MEMBER

_READ = "LastReadMessageIndex=last_consumed_message_index LastReadTimestamp=last_consumption_timestamp"


def mounts(scope: Scope) -> tuple[Mount, ...]:
    """The mounts of participants in a scope."""
    return (
        Mount(
            FACE,
            MEMBER,
            f"{scope.conversation}/Participants/{{sid}}",
            View(
                f"account_sid {scope.service_name} conversation_sid=channel_sid sid identity attributes "
                "messaging_binding role_sid date_created date_updated url "
                "last_read_message_index=last_consumed_message_index last_read_timestamp=last_consumption_timestamp"
            ),
            create="identity messaging_binding(address proxy_address projected_address) date_created date_updated "
            "attributes role_sid",
            update="identity messaging_binding(proxy_address projected_address) date_created date_updated attributes "
            f"role_sid {_READ}",
            webhooks="create update delete",
            name="participant",
        ),
    )
