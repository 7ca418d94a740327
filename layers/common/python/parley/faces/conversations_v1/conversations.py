"""Conversations (https://www.twilio.com/docs/conversations/api/conversation-resource): private channels."""

from __future__ import annotations

from parley.domain.states import INITIALIZING, STATES
from parley.errors import STATE_INVALID
from parley.faces.conversations_v1.face import FACE, Scope
from parley.faces.kinds import LastMoment
from parley.faces.spec import Mount, View
from parley.records import CHANNEL
from parley.records.channels import WITH_MEMBERS
from parley.records.kinds import Choice, Moment
from parley.records.spec import Field

_LINKS = {"participants": "/Participants", "messages": "/Messages", "webhooks": "/Webhooks"}
_NAMES = (
    "account_sid chat_service_sid=service_sid messaging_service_sid sid friendly_name unique_name attributes state "
    "date_created date_updated timers(date_inactive date_closed) url "
    "bindings(email(projected_address=address name))"
)
_MORE = "state timers(inactive closed) bindings(email(address name))"

_FILTERS = (
    Field("start_date", Moment(), "Only conversations that were created at this time or later."),
    Field("end_date", LastMoment(), "Only conversations that were created at this time or earlier."),
    Field("state", Choice(STATES, STATE_INVALID), "Only conversations in this state."),
)


def mounts(scope: Scope) -> tuple[Mount, ...]:
    """The mounts of conversations in a scope."""
    return (
        Mount(
            FACE,
            CHANNEL,
            f"{scope.prefix}/Conversations/{{sid}}",
            View(_NAMES, links=_LINKS),
            create=f"friendly_name unique_name date_created date_updated messaging_service_sid attributes {_MORE}",
            update=f"friendly_name date_created date_updated attributes messaging_service_sid {_MORE} unique_name",
            filters=_FILTERS,
            page_limits=(50, 100),
            webhooks="create update delete",
        ),
        Mount(
            FACE,
            WITH_MEMBERS,
            f"{scope.prefix}/ConversationWithParticipants/{{sid}}",
            View(_NAMES, links=_LINKS),
            create="friendly_name unique_name date_created date_updated messaging_service_sid attributes "
            f"{_MORE} participant",
            verbs=("create",),
            webhooks="create",
            name="conversation_with_participants",
            home=f"{scope.prefix}/Conversations/{{sid}}",
            accepted=INITIALIZING,
            about="A conversation that is made together with its participants "
            "(https://www.twilio.com/docs/conversations/api/conversation-with-participants-resource).",
        ),
    )
