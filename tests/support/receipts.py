"""Receipts without a phone: a message that was delivered, as if a carrier had said so."""

from __future__ import annotations

from typing import Any

from parley.domain.deliveries import DELIVERED, expected
from parley.errors import CONCURRENT_UPDATE, NOT_FOUND
from parley.ids import receipt_sid
from parley.operations import receipts
from parley.operations.context import Context
from parley.records import MESSAGE, RECEIPT
from parley.store.writes import Create, Update
from tests.support.world import PHONE_NUMBERS


def delivered(context: Context, path: dict[str, Any], message_sid: str, participant_sid: str) -> str:
    """The SID of a message's only receipt. No carrier writes another, for no phone is in the conversation.

    Args:
        path: The message's service, channel and index.
    """
    sid = receipt_sid(message_sid, participant_sid)
    receipt = {
        **path,
        "sid": sid,
        "message_sid": message_sid,
        "participant_sid": participant_sid,
        "from_address": PHONE_NUMBERS[0],
        "to_address": "+491721234567",
        "is_group": False,
        "date_created": context.clock.now_ms(),
    }
    counting = Update(MESSAGE.key(path), NOT_FOUND(), set={"delivery": expected(1)}, announced=False)
    claim = Create(RECEIPT.key({**path, "sid": sid}), receipt, taken=CONCURRENT_UPDATE())
    context.table.commit(context.cause(), [counting, claim])
    receipts.report(context, receipts.Report({**path, "sid": sid}, DELIVERED, channel_message_sid="1"))
    return sid
