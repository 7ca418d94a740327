"""AWS's events as AWS publishes them: reports about texts, texts from phones, and what happens on WhatsApp.

The shapes of texts: https://docs.aws.amazon.com/sms-voice/latest/userguide/configuration-sets-event-format.html
and https://docs.aws.amazon.com/sms-voice/latest/userguide/two-way-sms-payload.html. Those of WhatsApp:
https://docs.aws.amazon.com/social-messaging/latest/userguide/managing-event-destination-dlrs.html, around Meta's own.
"""

from __future__ import annotations

import base64
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from local.template.declared import ACCOUNT

_DESCRIPTIONS = {
    "SENT": "Message has been sent to the carrier",
    "PENDING": "Message is on its way to the carrier",
    "DELIVERED": "Message has been accepted by phone",
    "UNREACHABLE": "Phone is currently unreachable/unavailable",
    "CARRIER_UNREACHABLE": "Phone carrier is currently unreachable/unavailable",
    "BLOCKED": "Phone has blocked the message",
    "CARRIER_BLOCKED": "Phone carrier has blocked this message",
    "INVALID": "The destination phone number is not valid",
    "SPAM": "Message has been classified as spam",
    "UNKNOWN": "An unknown error occurred",
    "TTL_EXPIRED": "Message was not delivered before its time to live ended",
    "FILE_INACCESSIBLE": "The media file could not be read",
    "FILE_TYPE_UNSUPPORTED": "The type of the media file is not supported",
    "FILE_SIZE_EXCEEDED": "The media file is too large",
}
_INTERMEDIATE = ("SENT", "PENDING", "QUEUED")
_GSM_PART, _GSM_PARTS, _UNICODE_PART, _UNICODE_PARTS = 160, 153, 70, 67
_GSM = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§"
    "¿abcdefghijklmnopqrstuvwxyzäöñüà^{}\\[~]|€"
)
PRICE, CARRIER_FEE, MEDIA_PRICE = 0.00581, 0.00302, 0.01
"""US dollars for a part of a text, and for a picture."""


@dataclass(frozen=True)
class Text:
    """A text or a picture on its way to a phone, as its events tell of it.

    Attributes:
        is_media: Whether it is a picture, whose events and prices have other names.
        at: When AWS took it, in milliseconds since 1970.
        context: What the sender wants to get back in each event.
    """

    message_id: str
    sender: str
    to: str
    body: str
    country: str
    message_type: str
    at: int
    is_media: bool = False
    context: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_gsm(self) -> bool:
        return set(self.body) <= _GSM

    @property
    def parts(self) -> int:
        """The number of messages that a carrier makes of it."""
        if self.is_media:
            return 1
        length = len(self.body) if self.is_gsm else len(self.body.encode("utf-16-le")) // 2
        one, several = (_GSM_PART, _GSM_PARTS) if self.is_gsm else (_UNICODE_PART, _UNICODE_PARTS)
        return 1 if length <= one else -(-length // several)

    @property
    def price(self) -> float:
        """What AWS takes, without the carrier's fee."""
        return round(MEDIA_PRICE if self.is_media else PRICE * self.parts, 5)

    @property
    def carrier_fee(self) -> float:
        return round(CARRIER_FEE * self.parts, 5)


def text_event(text: Text, status: str, at: int) -> dict[str, Any]:
    """The event that tells what has become of a text."""
    return {
        "eventType": f"{'MEDIA' if text.is_media else 'TEXT'}_{status}",
        "eventVersion": "1.0",
        "eventTimestamp": at,
        "isFinal": status not in _INTERMEDIATE,
        "originationPhoneNumber": text.sender,
        "destinationPhoneNumber": text.to,
        "isInternationalSend": False,
        "isoCountryCode": text.country,
        "messageId": text.message_id,
        "messageRequestTimestamp": text.at,
        "messageEncoding": "GSM" if text.is_gsm else "Unicode",
        "messageType": text.message_type,
        "messageStatus": status,
        "messageStatusDescription": _DESCRIPTIONS[status],
        "context": dict(text.context),
        "totalMessageParts": text.parts,
        "totalMessagePrice": text.price,
        "totalCarrierFee": text.carrier_fee,
    }


def inbound_text(phone: str, number: str, body: str, keyword: str, message_id: str, previous: str) -> dict[str, Any]:
    """The event that brings a text from a phone to one of the account's numbers."""
    return {
        "originationNumber": phone,
        "destinationNumber": number,
        "messageKeyword": keyword,
        "messageBody": body,
        "inboundMessageId": message_id,
        "previousPublishedMessageId": previous,
    }


@dataclass(frozen=True)
class WhatsAppSender:
    """A number on WhatsApp and its business account, with AWS's names of them and Meta's."""

    number: str
    arn: str
    meta_id: str
    waba_arn: str
    waba_meta_id: str
    name: str

    @property
    def digits(self) -> str:
        return self.number.removeprefix("+")


def whatsapp_event(sender: WhatsAppSender, value: Mapping[str, Any], at: float) -> dict[str, Any]:
    """AWS's event around one of Meta's, which is JSON as text."""
    metadata = {"display_phone_number": sender.digits, "phone_number_id": sender.meta_id}
    whole = {"messaging_product": "whatsapp", "metadata": metadata, **value}
    entry = {"id": sender.waba_meta_id, "changes": [{"value": whole, "field": "messages"}]}
    moment = datetime.fromtimestamp(at, UTC)
    return {
        "context": {
            "MetaWabaIds": [{"wabaId": sender.waba_meta_id, "arn": sender.waba_arn}],
            "MetaPhoneNumberIds": [{"metaPhoneNumberId": sender.meta_id, "arn": sender.arn}],
        },
        "whatsAppWebhookEntry": json.dumps(entry),
        "aws_account_id": ACCOUNT,
        "message_timestamp": f"{moment:%Y-%m-%dT%H:%M:%S.%f}000Z",
        "messageId": str(uuid4()),
    }


def whatsapp_status(
    wamid: str, recipient: str, status: str, at: float, error: tuple[int, str] | None = None, callback: str = ""
) -> dict[str, Any]:
    """Meta's word about a message that a business sent; `callback` is the business's own word about it."""
    told: dict[str, Any] = {"id": wamid, "status": status, "timestamp": str(int(at)), "recipient_id": recipient}
    if error is not None:
        code, title = error
        told["errors"] = [{"code": code, "title": title, "message": title, "error_data": {"details": title}}]
    else:
        told["pricing"] = {"billable": True, "pricing_model": "PMP", "category": "service"}
    if callback:
        told["biz_opaque_callback_data"] = callback
    return {"statuses": [told]}


def whatsapp_message(wamid: str, phone: str, at: float, content: Mapping[str, Any]) -> dict[str, Any]:
    """Meta's word about a message that a person sent: `content` has its type and, under the type's name, the rest."""
    digits = phone.removeprefix("+")
    message = {"from": digits, "id": wamid, "timestamp": str(int(at)), **content}
    return {"contacts": [{"profile": {"name": phone}, "wa_id": digits}], "messages": [message]}


def new_wamid(phone: str) -> str:
    """Meta's id of a message."""
    return "wamid." + base64.b64encode(f"{phone.removeprefix('+')}:".encode() + secrets.token_bytes(15)).decode()
