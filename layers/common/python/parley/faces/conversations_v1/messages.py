"""Messages and delivery receipts (https://www.twilio.com/docs/conversations/api/conversation-message-resource)."""

from __future__ import annotations

from parley import errors
from parley.faces.conversations_v1.face import FACE, Scope
from parley.faces.kinds import Files, Summary
from parley.faces.spec import Mount, View
from parley.records import MESSAGE, RECEIPT
from parley.records.kinds import Choice
from parley.records.spec import Field

_ORDER = Field("order", Choice(("asc", "desc")), "Whether the oldest messages come first, or the newest.")


def mounts(scope: Scope) -> tuple[Mount, ...]:
    """The mounts of messages in a scope."""
    return (
        Mount(
            FACE,
            MESSAGE,
            f"{scope.conversation}/Messages/{{sid}}",
            View(
                f"account_sid {scope.service_name} conversation_sid=channel_sid sid index author body "
                "media(sid size content_type filename) attributes "
                "participant_sid date_created date_updated url delivery content_sid",
                links={"delivery_receipts": "/Receipts", "channel_metadata": "/ChannelMetadata"},
            ),
            create="author body date_created date_updated attributes MediaSid=media_sids content_sid content_variables "
            "subject",
            update="author body date_created date_updated attributes subject",
            filters=(_ORDER,),
            kinds={"media": Files(), "delivery": Summary()},
            by_index=errors.MESSAGE_PAGE_TOKEN_INVALID,
            webhooks="create update delete",
        ),
        Mount(
            FACE,
            RECEIPT,
            f"{scope.conversation}/Messages/{{message_sid}}/Receipts/{{sid}}",
            View(
                f"account_sid {scope.service_name} conversation_sid=channel_sid sid message_sid channel_message_sid "
                "participant_sid status error_code date_created date_updated url"
            ),
            plural="delivery_receipts",
            verbs=("fetch", "list"),
            page_limits=(50, 50),
        ),
    )
