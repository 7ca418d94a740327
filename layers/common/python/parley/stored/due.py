"""Due work: each piece is listed under the minute in which it must be done."""

from __future__ import annotations

from typing import TypedDict


class Due(TypedDict, total=False):
    """Work that is due in the minute under which it is listed.

    An entry about pushes that a connection missed has the connection's id, and the channels with their change numbers.
    """

    id: str
    expires_at: int
    connection_id: str
    missed: dict[str, int]


class DueHand(TypedDict, total=False):
    """The last minute whose due work of a kind is completely done, counted from the epoch."""

    minute: int
