"""Participants (https://www.twilio.com/docs/conversations/api/conversation-participant-resource): members."""

from __future__ import annotations

from parley.faces.conversations_v1.face import DATES_OF_CONVERSATION, FACE, Scope
from parley.faces.kinds import WithEvery
from parley.faces.spec import Mount, View
from parley.records import MEMBER
from parley.records.kinds import Checked, Text
from parley.records.spec import Field

_BINDING = ("type", "address", "proxy_address", "projected_address", "name", "level")
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
        Mount(
            FACE,
            MEMBER,
            f"{scope.prefix}/ParticipantConversations/{{sid}}",
            View(
                "account_sid chat_service_sid=service_sid participant_sid=sid participant_user_sid=user_sid "
                "participant_identity=identity participant_messaging_binding=messaging_binding "
                "conversation_sid=channel_sid conversation_unique_name=channel_unique_name "
                "conversation_friendly_name=channel_friendly_name conversation_attributes=channel_attributes "
                "conversation_date_created=date_created conversation_date_updated=date_updated "
                "conversation_created_by=channel_created_by conversation_state=channel_state "
                "conversation_timers=channel_timers",
                links={
                    "participant": f"^{scope.conversation}/Participants/{{sid}}",
                    "conversation": f"^{scope.conversation}",
                },
            ),
            filters=(
                Field("identity", Text(kept=True), "The identity of the person; either this or an address is needed."),
                Field("address", Checked(str), "The address of the person, such as a phone number."),
            ),
            kinds={"messaging_binding": WithEvery(_BINDING)},
            verbs=("list",),
            name="participant_conversation",
            abouts=DATES_OF_CONVERSATION,
            plural="conversations",
            page_limits=(50, 50),
            about="The conversations of a person "
            "(https://www.twilio.com/docs/conversations/api/participant-conversation-resource), who is named by "
            "identity or by address.",
        ),
    )
