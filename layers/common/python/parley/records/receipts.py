"""Delivery receipts (https://www.twilio.com/docs/conversations/api/receipt-resource): whether a message reached one
phone.
"""

from __future__ import annotations

from parley.domain.deliveries import STATUSES
from parley.records.kinds import Choice, Sid, Text, Whole
from parley.records.spec import Field, RecordType
from parley.store import keys

RECEIPT = RecordType(
    name="receipt",
    prefix="DY",
    parent="channel",
    key=lambda path: keys.receipt(path["channel_sid"], int(path["index"]), path["sid"]),
    range=lambda path: keys.receipts(path["channel_sid"]),
    fields=(
        Field("message_sid", Sid("IM"), "The message that the receipt is about."),
        Field("participant_sid", Sid("MB"), "The participant to whose phone the message went."),
        Field("channel_message_sid", Text(34), "The SID that the carrier gave the message."),
        Field("status", Choice(STATUSES), "How far the message has come."),
        Field("error_code", Whole(), "Why the message could not be delivered; 0 if nothing went wrong.", default=0),
    ),
)
