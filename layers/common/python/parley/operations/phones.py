"""Sends a message to phones: Parley decides once which phones receive it, then hands it to the carrier for each phone.

    no receipts yet -> claimed: one receipt per phone, in one transaction with the count at the message
    claimed         -> handed over, and the receipt says `sent` or `failed`

Numbers that AWS carries have a job of their own for each phone (`operations/texts.py`); here, they only get receipts.

If the job dies, the next one finds the receipts and hands the message over for each receipt without a status. If the
first job died between handing over and noting it, the carrier gets the message twice, both times with one reference.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple, cast

from parley.domain.deliveries import (
    EXPIRED,
    FAILED,
    NO_GROUPS,
    SENT,
    TOO_LONG,
    Recipient,
    expected,
    fits,
    recipients,
)
from parley.domain.messages import files_of
from parley.errors import CONCURRENT_UPDATE, NOT_FOUND, Refusal
from parley.ids import receipt_sid
from parley.operations import bound, receipts, senders
from parley.operations.channel_log import unchanged
from parley.operations.context import Context
from parley.operations.receipts import Report
from parley.ports.phones import Carrier, Outbound, Rejected, Silent
from parley.records.messages import MESSAGE
from parley.records.receipts import RECEIPT
from parley.records.spec import Path
from parley.store import keys
from parley.store.writes import Create, Update, Write
from parley.stored import Message, Receipt

_ATTEMPTS = 5
# After so many phones without an answer, the carrier is given a pause.
_MOST_SILENCES = 3
# For so long, Parley hands a message again to a carrier that gives no answer.
LONGEST_AGE_MS = 3600 * 1000


class Posted(NamedTuple):
    """A new message.

    Attributes:
        path: Where it stands.
        at: When it was written.
        writer: The identity or the address that wrote it. The pre-event webhook may have named another author.
        pauses: How often the carrier was given a pause since then.
    """

    path: Path
    at: int
    writer: str = ""
    pauses: int = 0


class Left(NamedTuple):
    """Whether phones are left: because the time was up, and because the carrier gave no answer."""

    is_late: bool
    is_silent: bool


QueueTexts = Callable[[Sequence[Receipt]], None]


def send(
    context: Context,
    carrier: Carrier,
    posted: Posted,
    is_late: Callable[[], bool],
    queue: QueueTexts | None = None,
) -> Left:
    """Hand a message to the carrier for each phone whose receipt has no status; stops when `is_late` says so.

    A number may have become AWS's since its receipts were made. So what AWS carries is queued here too, if there is a
    `queue` for it.
    """
    message = _message(context, posted)
    if message is None:
        return Left(is_late=False, is_silent=False)
    silences = 0
    of_aws, others = _apart(context, _claimed(context, message, posted))
    if of_aws and queue:
        queue(of_aws)
    for receipt in _in_turn(others, posted.pauses):
        if is_late() or silences == _MOST_SILENCES:
            return Left(is_late=True, is_silent=silences > 0)
        silences += not _hand_over(context, carrier, message, receipt, posted)
    return Left(is_late=False, is_silent=silences > 0)


def queue_texts(context: Context, posted: Posted, queue: QueueTexts) -> bool:
    """Claim the receipts of a message, and queue those whose numbers AWS carries; whether others are left.

    It may run twice, but not twice at a time: what is queued twice is sent once.
    """
    message = _message(context, posted)
    if message is None:
        return False
    of_aws, others = _apart(context, _claimed(context, message, posted, is_alone=True))
    if of_aws:
        queue(of_aws)
    return bool(others)


def _message(context: Context, posted: Posted) -> Message | None:
    message = context.table.fetch(MESSAGE.key(posted.path))
    if message is None or message["service_sid"] != posted.path["service_sid"] or not message.get("delivery"):
        return None
    return message


def _apart(context: Context, receipts: Sequence[Receipt]) -> tuple[list[Receipt], list[Receipt]]:
    """The receipts that nobody has sent: those whose numbers AWS carries, and the others."""
    left = [receipt for receipt in receipts if "status" not in receipt and "provider_id" not in receipt]
    if not context.has_phones:
        return [], left
    numbers = {receipt["from_address"] for receipt in left if not context.numbers.has(receipt["from_address"])}
    carried = {number for number in numbers if senders.sender(context, number)}
    of_aws = [receipt for receipt in left if receipt["from_address"] in carried]
    return of_aws, [receipt for receipt in left if receipt["from_address"] not in carried]


def _in_turn(left: list[Receipt], pauses: int) -> list[Receipt]:
    """The receipts in their turn. After a pause others come first, so phones without an answer hold up no others."""
    first = pauses * _MOST_SILENCES % max(len(left), 1)
    return left[first:] + left[:first]


def _claimed(context: Context, message: Message, posted: Posted, *, is_alone: bool = False) -> list[Receipt]:
    """The receipts of a message; if it has none, they are made now.

    With `is_alone`, nobody else claims this message at the same time. Then a single receipt is one plain write, if the
    message counts one phone already. Otherwise, the write of the count keeps two claims apart.
    """
    where = keys.receipts(message["channel_sid"], message["index"])
    for _ in range(_ATTEMPTS):
        if made := context.table.every(where):
            return made
        claims = _claims(context, message, posted)
        is_counted = is_alone and len(claims) == 1 and message["delivery"] == expected(1)
        try:
            context.table.commit(context.cause(), claims if is_counted else [_counting(message, len(claims)), *claims])
        except Refusal as refusal:
            # Another job has made the receipts first, or the message was deleted.
            if refusal.error is NOT_FOUND:
                return []
            if refusal.error is not CONCURRENT_UPDATE:
                raise
        else:
            return [cast(Receipt, claim.record) for claim in claims]
    raise CONCURRENT_UPDATE()


def _claims(context: Context, message: Message, posted: Posted) -> list[Create]:
    return [
        Create(
            RECEIPT.key({**posted.path, "sid": receipt_sid(message["sid"], recipient.member_sid)}),
            {
                "sid": receipt_sid(message["sid"], recipient.member_sid),
                **posted.path,
                "index": message["index"],
                "message_sid": message["sid"],
                "participant_sid": recipient.member_sid,
                "from_address": recipient.sender,
                "to_address": recipient.address,
                "is_group": recipient.is_group,
                "date_created": context.clock.now_ms(),
            },
            taken=CONCURRENT_UPDATE(),
        )
        for recipient in _recipients(context, message, posted)
    ]


def _counting(message: Message, phones: int) -> Write:
    """The write that counts the phones on the message: a phone may have left since the message was written."""
    counts = expected(phones) if phones else None
    key, same = keys.message(message["channel_sid"], message["index"]), unchanged(message, "delivery")
    return Update(key, NOT_FOUND(), set={"delivery": counts}, guards=(same,), announced=False)


def _recipients(context: Context, message: Message, posted: Posted) -> list[Recipient]:
    members = bound.members_of(context, message["channel_sid"])
    there = [member for member in members if member.get("messaging_binding")]
    return recipients(there, message["author"], posted.at, posted.writer)


def _hand_over(context: Context, carrier: Carrier, message: Message, receipt: Receipt, posted: Posted) -> bool:
    """Hand a message to the carrier for one phone and note the outcome; False if there is none yet."""
    path = {**posted.path, "sid": receipt["sid"]}
    told = Report(path, SENT)
    try:
        told = told._replace(channel_message_sid=_sent(context, carrier, message, receipt))
    except Rejected as rejected:
        told = Report(path, FAILED, rejected.error_code)
    except Silent:
        if context.clock.now_ms() - posted.at < LONGEST_AGE_MS:
            return False
        told = Report(path, FAILED, EXPIRED)
    receipts.report(context, told)
    return True


def _sent(context: Context, carrier: Carrier, message: Message, receipt: Receipt) -> str:
    """The carrier's id of the message, once it has taken it.

    Raises:
        Rejected: also for a text that is too long for a phone, and where there are no groups.
        Silent: as `Carrier.send`.
    """
    if not fits(message.get("body")):
        raise Rejected(TOO_LONG)
    if receipt["is_group"] and not context.numbers.has_groups:
        raise Rejected(NO_GROUPS)
    outbound = Outbound(
        receipts.reference(receipt),
        receipt["from_address"],
        receipt["to_address"],
        message.get("body"),
        files_of(message),
        message.get("content_sid"),
        message.get("content_variables"),
    )
    return carrier.send(outbound)
