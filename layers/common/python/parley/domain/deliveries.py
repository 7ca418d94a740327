"""What becomes of a message on its way to phones, as tables: receipts one by one, and the summary at the message.

https://www.twilio.com/docs/conversations/delivery-receipts
"""

from __future__ import annotations

from collections.abc import Mapping

SENT, DELIVERED, READ, FAILED, UNDELIVERED = "sent", "delivered", "read", "failed", "undelivered"

# A receipt goes on to the right only, so reports may come twice and in any order. A phone that was said to be out of
# reach may still get the message.
_ORDER = {SENT: 1, FAILED: 2, UNDELIVERED: 2, DELIVERED: 3, READ: 4}
STATUSES = tuple(_ORDER)
# What a receipt counts as in the summary: one that was read was delivered and sent before.
_REACHED: Mapping[str, tuple[str, ...]] = {
    SENT: (SENT,),
    FAILED: (FAILED,),
    UNDELIVERED: (SENT, UNDELIVERED),
    DELIVERED: (SENT, DELIVERED),
    READ: (SENT, DELIVERED, READ),
}


def goes_on(before: str | None, after: str) -> bool:
    """Whether a receipt changes by a report; one that comes late or again changes nothing."""
    return before is None or _ORDER[after] > _ORDER[before]


def expected(total: int) -> dict[str, int]:
    """The counts of a message that goes to so many phones, before any of them is reached."""
    return {"total": total, **dict.fromkeys(STATUSES, 0)}


def counted(counts: Mapping[str, int], before: str | None, after: str) -> dict[str, int]:
    """The counts after a receipt has changed."""
    was, is_now = _REACHED.get(before or "", ()), _REACHED[after]
    return {
        name: count + (name in is_now and name not in was) - (name in was and name not in is_now)
        for name, count in counts.items()
    }


def summary(counts: Mapping[str, int]) -> dict[str, int | str]:
    """The counts as the message shows them: none, some or all of the receipts have reached a status."""
    total = counts["total"]
    words = {name: "none" if not count else "all" if count >= total else "some" for name, count in counts.items()}
    return {**words, "total": total}
