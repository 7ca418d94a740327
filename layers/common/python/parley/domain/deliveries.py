"""Delivery of a message to phones, as tables: the statuses of one receipt, and the summary on the message.

https://www.twilio.com/docs/conversations/delivery-receipts
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from parley.domain.addresses import WHATSAPP, channel_of
from parley.stored import Member

SENT, DELIVERED, READ, FAILED, UNDELIVERED = "sent", "delivered", "read", "failed", "undelivered"

# A receipt only moves to the right, so reports may come twice and in any order. After a report that a phone cannot be
# reached, the phone may still get the message.
_ORDER = {SENT: 1, FAILED: 2, UNDELIVERED: 2, DELIVERED: 3, READ: 4}
STATUSES = tuple(_ORDER)
# The counts of the summary that a receipt adds to: a message that was read was also sent and delivered.
_REACHED: Mapping[str, tuple[str, ...]] = {
    SENT: (SENT,),
    FAILED: (FAILED,),
    UNDELIVERED: (SENT, UNDELIVERED),
    DELIVERED: (SENT, DELIVERED),
    READ: (SENT, DELIVERED, READ),
}


def goes_on(before: str | None, after: str) -> bool:
    """Whether a report changes a receipt. A late or repeated report changes nothing."""
    return before is None or _ORDER[after] > _ORDER[before]


def expected(total: int) -> dict[str, int]:
    """The counts of a message before the carrier has taken it for any of its phones. A count of 0 is left out."""
    return {"total": total}


def counted(counts: Mapping[str, int], before: str | None, after: str) -> dict[str, int]:
    """The counts after a receipt has changed."""
    was, is_now = _REACHED.get(before or "", ()), _REACHED[after]
    new = {name: counts.get(name, 0) + (name in is_now) - (name in was) for name in STATUSES}
    return {"total": counts["total"], **{name: count for name, count in new.items() if count}}


def summary(counts: Mapping[str, int]) -> dict[str, int | str]:
    """The summary that the message shows: for each status, whether none, some or all receipts have reached it."""
    total = counts["total"]
    reached = {name: counts.get(name, 0) for name in STATUSES}
    words = {name: "none" if not count else "all" if count >= total else "some" for name, count in reached.items()}
    return {"total": total, **words}


def is_of_summary(old: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
    """Whether a change of a message changes only its summary. Twilio tells clients about it, but no webhook."""
    names = {name for name in {*old, *new} if old.get(name) != new.get(name)}
    return "delivery" in names and names <= {"delivery", "cause", "seq", "hooks"}


# Codes of https://www.twilio.com/docs/api/errors that Parley itself puts into receipts: a text that is too long for a
# phone, a message that the carrier never answered about, a group where groups are switched off.
TOO_LONG, EXPIRED, NO_GROUPS = 21617, 30036, 50452
# https://www.twilio.com/docs/conversations/conversations-limits
LONGEST_BODY = 1600


def fits(body: str | None) -> bool:
    """Whether a text can be sent to a phone."""
    return len(body or "") <= LONGEST_BODY


def prefix_of(address: str, has_media: bool) -> str:
    """The prefix of the SID that a message to an address has on its channel."""
    if channel_of(address) == WHATSAPP:
        return "WA"
    return "MM" if has_media else "SM"


class Recipient(NamedTuple):
    """A phone that receives a message, and the account's number that sends it."""

    member_sid: str
    address: str
    sender: str
    is_group: bool


def recipients(members: Iterable[Member], author: str, at: int, writer: str = "") -> list[Recipient]:
    """The phones that receive a message; `members` are the members with bindings, `at` is when the message was written.

    A phone that joined later does not get the message. In a group, the number that stands for the author sends it. If
    the author has no number, the first number of the group does. If a phone of the group wrote the message, the other
    phones have it already (unconfirmed). `writer` is the phone that wrote it, even if the pre-event webhook has named
    another author.
    """
    there = [member for member in members if member["joined_at"] <= at]
    projected = [
        member["messaging_binding"]["projected_address"]
        for member in sorted(there, key=lambda member: author not in (member.get("identity"), _number(member)))
        if _number(member)
    ]
    found = []
    for member in there:
        binding = member["messaging_binding"]
        proxy = binding.get("proxy_address")
        if "address" not in binding or not (proxy or projected):
            continue
        if binding["address"] not in (author, writer):
            found.append(Recipient(member["sid"], binding["address"], proxy or projected[0], proxy is None))
        elif proxy is None:
            return []
    return found


def _number(member: Member) -> str | None:
    number: str | None = member["messaging_binding"].get("projected_address")
    return number
