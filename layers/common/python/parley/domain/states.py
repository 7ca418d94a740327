"""The states of a conversation (https://www.twilio.com/docs/conversations/states-timers)."""

from __future__ import annotations

INITIALIZING, ACTIVE, INACTIVE, CLOSED = "initializing", "active", "inactive", "closed"
STATES = (INITIALIZING, ACTIVE, INACTIVE, CLOSED)
