"""Users, the roles they have, and the conversations they are in.

https://www.twilio.com/docs/conversations/api/user-resource, /role-resource, /user-conversation-resource
"""

from __future__ import annotations

from parley import errors
from parley.errors import UNKNOWN_PERMISSION, Refusal
from parley.faces.conversations_v1.face import DATES_OF_CONVERSATION, FACE, Scope
from parley.faces.conversations_v1.vocabulary import PERMISSIONS, ROLE_TYPES
from parley.faces.kinds import Renamed, RenamedList
from parley.faces.spec import Mount, View
from parley.records import MEMBER, ROLE, USER
from parley.records.kinds import Whole

_INDEX = Whole(0, 10**10, errors.CONSUMED_INDEX_INVALID, clearable=True)


def _unknown_permission(parameter: str, name: str) -> Refusal:
    return UNKNOWN_PERMISSION(type="", name=name)


def mounts(scope: Scope) -> tuple[Mount, ...]:
    """The mounts of users, roles and user conversations in a scope."""
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
        Mount(
            FACE,
            ROLE,
            f"{scope.prefix}/Roles/{{sid}}",
            View(
                "sid account_sid chat_service_sid=service_sid friendly_name type permissions date_created "
                "date_updated url"
            ),
            create="friendly_name! type! Permission=permissions!",
            update="Permission=permissions!",
            kinds={
                "type": Renamed(ROLE_TYPES, errors.ROLE_TYPE_INVALID),
                "permissions": RenamedList(PERMISSIONS, _unknown_permission),
            },
            page_limits=(50, 50),
        ),
        Mount(
            FACE,
            MEMBER,
            f"{scope.prefix}/Users/{{user_sid}}/Conversations/{{channel_sid}}",
            View(
                "account_sid chat_service_sid=service_sid conversation_sid=channel_sid unread_messages_count "
                "last_read_message_index=last_consumed_message_index participant_sid=member_sid user_sid "
                "friendly_name=channel_friendly_name conversation_state=channel_state timers=channel_timers "
                "attributes=channel_attributes date_created date_updated created_by=channel_created_by "
                "notification_level unique_name=channel_unique_name url",
                links={
                    "participant": f"^{scope.conversation}/Participants/{{member_sid}}",
                    "conversation": f"^{scope.conversation}",
                },
            ),
            name="user_conversation",
            abouts={**DATES_OF_CONVERSATION, "member_sid": "The participant."},
            update="notification_level LastReadTimestamp=last_consumption_timestamp "
            "LastReadMessageIndex=last_consumed_message_index",
            verbs=("fetch", "list", "update", "delete"),
            page_limits=(50, 50),
            about="A conversation as one user sees it "
            "(https://www.twilio.com/docs/conversations/api/user-conversation-resource): the user's participation, "
            "with what is unread.",
        ),
    )
