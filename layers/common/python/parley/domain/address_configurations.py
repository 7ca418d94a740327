"""Address configurations: the fields that each type of automatic creation needs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from parley.errors import MISSING_PARAMETER

TYPES = ("sms", "whatsapp", "messenger", "gbm", "email", "rcs", "apple", "chat")
WEBHOOK, STUDIO, DEFAULT = CREATIONS = ("webhook", "studio", "default")

_PREFIX = "auto_creation."
_ALWAYS = ("enabled", "type", "conversation_service_sid")
# The fields that only one type has. Parley does not store the fields of the other types.
_PARTS = {
    WEBHOOK: ("webhook_url", "webhook_method", "webhook_filters"),
    STUDIO: ("studio_flow_sid", "studio_retry_count"),
    DEFAULT: (),
}
# The field that a type requires, and its name in forms (unconfirmed).
_NEEDED = {
    WEBHOOK: {"webhook_url": "AutoCreation.WebhookUrl"},
    STUDIO: {"studio_flow_sid": "AutoCreation.StudioFlowSid"},
    DEFAULT: {},
}


def configured(given: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of automatic creation as Parley stores them: the fields of its type, and None for all others.

    `given` is the whole configuration after the change.

    Raises:
        Refusal: 20001 if a field that the type needs is missing.
    """
    creation = given.get(f"{_PREFIX}type") or DEFAULT
    for part, name in _NEEDED[creation].items():
        if not given.get(f"{_PREFIX}{part}"):
            raise MISSING_PARAMETER(name=name)
    kept = {f"{_PREFIX}{part}" for part in (*_ALWAYS, *_PARTS[creation])}
    every = {f"{_PREFIX}{part}" for parts in (_ALWAYS, *_PARTS.values()) for part in parts}
    method = {f"{_PREFIX}webhook_method": "POST", f"{_PREFIX}webhook_filters": []} if creation == WEBHOOK else {}
    stored = {**method, **{name: given[name] for name in kept if given.get(name) is not None}}
    return {**dict.fromkeys(every), **stored}
