"""Memberships and invites, which for a moment outlive the user that they were made for."""

from __future__ import annotations

from typing import Any

# A user and its first membership may be made by two containers whose clocks differ a little.
CLOCK_DIFFERENCE_MS = 1000


def own(held: dict[str, Any] | None, user: dict[str, Any] | None) -> dict[str, Any] | None:
    """A membership or invite, where there is one and it was made for this user.

    One that was a deleted user's, whose identity has got a new one since, gives that one no rights: the sweep that
    follows the deletion takes it away.
    """
    if held is None or user is None:
        return None
    since = held.get("joined_at", held["date_created"])
    return held if user["date_created"] < since + CLOCK_DIFFERENCE_MS else None
