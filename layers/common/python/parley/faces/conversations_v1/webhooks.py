"""Webhooks of one conversation (https://www.twilio.com/docs/conversations/api/conversation-scoped-webhook-resource)."""

from __future__ import annotations

from parley import errors
from parley.domain.channel_webhooks import MOST
from parley.faces.conversations_events import OLDER_NAMES, STORED_AS
from parley.faces.conversations_v1.face import FACE, Scope
from parley.faces.kinds import AnyCase, Selected
from parley.faces.spec import Mount, View
from parley.records import CHANNEL_WEBHOOK

_PARTS = "url method filters triggers flow_sid"
_EVENTS = Selected(STORED_AS, errors.CHANNEL_WEBHOOK_FILTER_INVALID, OLDER_NAMES)
_METHOD = AnyCase(CHANNEL_WEBHOOK.by_name["configuration.method"].kind)


def mounts(scope: Scope) -> tuple[Mount, ...]:
    """The mounts of conversations' webhooks in a scope."""
    return (
        Mount(
            FACE,
            CHANNEL_WEBHOOK,
            f"{scope.conversation}/Webhooks/{{sid}}",
            View(
                f"sid account_sid {scope.service_name} conversation_sid=channel_sid target=type url "
                f"configuration({_PARTS} replay_after) date_created date_updated"
            ),
            create=f"Target=type! configuration({_PARTS} replay_after)",
            update=f"configuration({_PARTS})",
            kinds={"configuration.filters": _EVENTS, "configuration.method": _METHOD},
            page_limits=(MOST, MOST),
        ),
    )
