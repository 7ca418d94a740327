"""The consumption horizon: the highest index a member has read, and what is unread above it."""

from __future__ import annotations

from typing import Any


def consumption(changes: dict[str, Any], now_ms: int) -> dict[str, Any]:
    """`changes` with the timestamp that belongs to a new horizon, unless the caller named one.

    Both move together; an empty index clears both (https://www.twilio.com/docs/chat/consumption-horizon).
    """
    if "last_consumed_message_index" not in changes or "last_consumption_timestamp" in changes:
        return changes
    cleared = changes["last_consumed_message_index"] is None
    return {**changes, "last_consumption_timestamp": None if cleared else now_ms}


def unread_count(last_index: int, last_consumed_index: int | None) -> int | None:
    """Messages above the horizon; None while there is no horizon."""
    return None if last_consumed_index is None else max(last_index - last_consumed_index, 0)


# https://www.twilio.com/docs/conversations/conversations-limits
_MOST_UNREAD = 1000


def capped(unread: int | None) -> int | None:
    """The unread count as Conversations shows it."""
    return None if unread is None else min(unread, _MOST_UNREAD)
