"""Channel webhooks: what each type needs, and how many there may be."""

from __future__ import annotations

from typing import Any

from parley.errors import (
    CHANNEL_WEBHOOK_FILTER_MISSING,
    CHANNEL_WEBHOOK_FLOW_INVALID,
    CHANNEL_WEBHOOK_TRIGGER_INVALID,
    CHANNEL_WEBHOOK_TRIGGER_MISSING,
    CHANNEL_WEBHOOK_TRIGGERS_FULL,
    CHANNEL_WEBHOOK_URL_MISSING,
)
from parley.ids import is_sid

WEBHOOK, TRIGGER, STUDIO = TYPES = ("webhook", "trigger", "studio")
MOST = 5
MOST_TRIGGERS = 5
# Conversations' figures (unconfirmed for Chat).
LONGEST_URL, LONGEST_TRIGGER = 512, 248

# The events that have a name in one face only. A webhook may have selected them through that face.
ONLY_IN_CHAT = ("onChannelAdded",)
ONLY_IN_CONVERSATIONS = ("onConversationStateUpdated", "onDeliveryUpdated")

# The parts of each type's configuration. Other parts that a form gives are not kept.
_PARTS = {
    WEBHOOK: ("url", "method", "filters", "retry_count", "replay_after"),
    TRIGGER: ("url", "method", "triggers", "retry_count", "replay_after"),
    STUDIO: ("flow_sid", "filters", "retry_count", "replay_after"),
}


def configured(webhook_type: str, given: dict[str, Any]) -> dict[str, Any]:
    """The fields of `given` that belong to this type of webhook, after checking that they are complete and valid.

    Raises:
        Refusal: 50329, 50330, 50331, 50326, 50322 or 50327.
    """
    kept = {f"configuration.{part}" for part in _PARTS[webhook_type]}
    fields = {name: value for name, value in given.items() if name in kept and value is not None}
    if webhook_type == STUDIO:
        if not is_sid("FW", fields.get("configuration.flow_sid", "")):
            raise CHANNEL_WEBHOOK_FLOW_INVALID()
        return fields
    if not fields.get("configuration.url"):
        raise CHANNEL_WEBHOOK_URL_MISSING()
    if webhook_type == WEBHOOK and not fields.get("configuration.filters"):
        raise CHANNEL_WEBHOOK_FILTER_MISSING()
    if webhook_type == TRIGGER:
        _check_triggers(fields.get("configuration.triggers") or [])
    return {"configuration.method": "POST", **fields}


def _check_triggers(triggers: list[str]) -> None:
    if not triggers:
        raise CHANNEL_WEBHOOK_TRIGGER_MISSING()
    if len(triggers) > MOST_TRIGGERS:
        raise CHANNEL_WEBHOOK_TRIGGERS_FULL()
    if any(len(trigger) > LONGEST_TRIGGER for trigger in triggers):
        raise CHANNEL_WEBHOOK_TRIGGER_INVALID()
