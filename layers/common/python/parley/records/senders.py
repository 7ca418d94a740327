"""Senders: the addresses of the account that messages to phones come from, and that AWS carries.

An address becomes a sender with `parley phones enable`. A messaging service shows its senders as Twilio shows the
numbers of one (https://www.twilio.com/docs/messaging/api/phonenumber-resource), WhatsApp's senders too (unconfirmed).
"""

from __future__ import annotations

from parley.ids import sender_address
from parley.records.kinds import Listed, Sid, Text
from parley.records.spec import Field, RecordType
from parley.store import keys

SENDER = RecordType(
    name="sender",
    prefix="PN",
    parent="account",
    # A text that is no sender's SID leads to a key that no sender has.
    key=lambda path: keys.sender(path["account_sid"], sender_address(path["sid"]) or ""),
    range=lambda path: keys.senders(path["account_sid"]),
    fields=(
        Field("address", Text(), "The number, or `whatsapp:` and the number of a WhatsApp sender.", always=True),
        Field("messaging_service_sid", Sid("MG"), "The messaging service that it belongs to."),
        Field("country_code", Text(2), "The country of the number, in two letters."),
        Field("capabilities", Listed(), "What the number can do: `SMS`, `MMS` or `Voice`.", default=()),
        # The form that adds a sender to a service names it so.
        Field("phone_number_sid", Sid("PN"), "The SID of the number."),
    ),
    remains="address",
)
