"""Conversations v1 (https://www.twilio.com/docs/conversations/api): Chat's records, seen as conversations."""

from __future__ import annotations

from parley.faces.conversations_v1 import (
    addresses,
    configuration,
    conversations,
    messages,
    participants,
    people,
    services,
    webhooks,
)
from parley.faces.conversations_v1.face import SCOPES
from parley.faces.spec import Mount

MOUNTS: tuple[Mount, ...] = (
    *services.MOUNTS,
    *configuration.MOUNTS,
    *addresses.MOUNTS,
    *(
        mount
        for scope in SCOPES
        for part in (conversations, messages, participants, people, webhooks)
        for mount in part.mounts(scope)
    ),
)
