"""Sends messages from phones that no conversation takes to the URL of the messaging service.

https://www.twilio.com/docs/messaging/guides/webhook-request has the parameters. Parley leaves out those that AWS does
not know, such as the places of the two numbers. Twilio also sends the URL messages that a conversation has taken.
People have reported that as a nuisance, so Parley does not.
"""

from __future__ import annotations

from typing import NamedTuple

from parley.domain.deliveries import prefix_of
from parley.ids import channel_message_sid
from parley.operations import senders
from parley.operations.context import Context
from parley.store import keys
from parley.stored import MessagingService


class Unclaimed(NamedTuple):
    """A request to the URL of a messaging service.

    Attributes:
        url: The URL.
        method: `POST` or `GET`.
        parameters: What it is told.
        token: Names the message, the same in every repetition.
        pair: Names phone and number, whose messages keep their order.
    """

    url: str
    method: str
    parameters: dict[str, str]
    token: str
    pair: str


def request(context: Context, sender: str, to: str, sid: str, body: str | None, name: str) -> Unclaimed | str:
    """The request about a message; if there is none, the reason.

    `sid` is the carrier's id of the message, `name` the name that the person has on WhatsApp.
    """
    held = senders.sender(context, to)
    if held is None and not context.numbers.has(to):
        return "the account does not have this number"
    key = keys.messaging_service(context.account_sid, senders.messaging_service_sid(context, held))
    service: MessagingService | None = context.configuration.fetch(key)
    if service is None or not service.get("inbound_request_url"):
        return "no conversation has these addresses, and the messaging service has no InboundRequestUrl"
    message_sid = channel_message_sid(prefix_of("", False), sid)
    parameters = {
        "MessageSid": message_sid,
        "SmsSid": message_sid,
        "SmsMessageSid": message_sid,
        "AccountSid": context.account_sid,
        "MessagingServiceSid": service["sid"],
        "From": sender,
        "To": to,
        "Body": body or "",
        "NumMedia": "0",
        "NumSegments": "1",
        "SmsStatus": "received",
        "ApiVersion": "2010-04-01",
        **({"ProfileName": name} if name else {}),
        **({"WaId": sender.rpartition("+")[2]} if sender.startswith("whatsapp:") else {}),
    }
    method = service.get("inbound_method") or "POST"
    return Unclaimed(service["inbound_request_url"], method, parameters, f"{sender} {sid}", f"{to} {sender}")
