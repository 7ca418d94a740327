"""Events of AWS End User Messaging, and the function that takes them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from parley.ports.texting import Fetched, Refused
from tests.conversations.carriers_function import carriers_function
from tests.support.objects import ObjectStore
from tests.support.queued import received
from tests.support.texting import FakeTexting, Sent
from tests.webhooks.function import Remaining, WebhooksFunction

Told = Mapping[str, Any] | str


def text_event(reference: str, event_type: str = "TEXT_DELIVERED", **more: Any) -> dict[str, Any]:
    """An event about a text message, as AWS's documents show it."""
    return {
        "eventType": event_type,
        "eventVersion": "1.0",
        "eventTimestamp": 1710804398145,
        "isFinal": event_type.endswith("DELIVERED"),
        "originationPhoneNumber": "+12025550143",
        "destinationPhoneNumber": "+491721234567",
        "isoCountryCode": "DE",
        "messageId": "862a8790-60c1-4430-9b1c-658bb9df6e4d",
        "messageRequestTimestamp": 1710804395565,
        "messageEncoding": "GSM",
        "messageType": "TRANSACTIONAL",
        "messageStatus": event_type.partition("_")[2],
        "context": {"reference": reference},
        "totalMessageParts": 1,
        "totalMessagePrice": 0.09582,
        "totalCarrierFee": 0.0025,
        **more,
    }


def metas(value: Mapping[str, Any], field: str = "messages") -> dict[str, Any]:
    """AWS's event around what Meta says, which is JSON as text."""
    metadata = {"display_phone_number": "12025550143", "phone_number_id": "321010217760100"}
    whole = {"messaging_product": "whatsapp", "metadata": metadata, **value}
    return {
        "context": {
            "MetaWabaIds": [{"wabaId": "1234567890", "arn": "arn:aws:social-messaging:us-east-1:123456789012:waba/1"}],
            "MetaPhoneNumberIds": [
                {
                    "metaPhoneNumberId": "321010217760100",
                    "arn": "arn:aws:social-messaging:us-east-1:123456789012:phone-number-id/1",
                }
            ],
        },
        "whatsAppWebhookEntry": json.dumps({"id": "1234567890", "changes": [{"value": whole, "field": field}]}),
        "aws_account_id": "123456789012",
        "message_timestamp": "2026-01-08T23:30:43.271279391Z",
        "messageId": "6d69f07a-c317-4278-9d5c-6a84078419ec",
    }


def status(metas_id: str, word: str, reference: str = "", **more: Any) -> dict[str, Any]:
    """A status of a WhatsApp message; with a reference, Meta repeats what the message was sent with."""
    named = {"biz_opaque_callback_data": reference} if reference else {}
    told = {"id": metas_id, "status": word, "timestamp": "1723506230", "recipient_id": "491721234567"}
    return metas({"statuses": [{**told, **named, **more}]})


def text_from(phone: str, to: str, body: str, sid: str = "in-1", **more: Any) -> dict[str, Any]:
    """A text message from a phone, as AWS's documents show it."""
    return {
        "originationNumber": phone,
        "destinationNumber": to,
        "messageKeyword": "KEYWORD_123456789012",
        "messageBody": body,
        "inboundMessageId": sid,
        "previousPublishedMessageId": "19fa7e8b-1f2c-5d30-9e4b-3c5f0a6b7c8d",
        **more,
    }


def whatsapp_from(
    phone: str, to: str, sid: str = "wamid.in", name: str = "Carol", at: int = 1723506035, **message: Any
) -> dict[str, Any]:
    """A message from a person on WhatsApp: `text={"body": "hello"}`, or of another kind."""
    digits = phone.rpartition("+")[2]
    kind = next(iter(message))
    told = {"from": digits, "id": sid, "timestamp": str(at), "type": kind, **message}
    contacts = [{"profile": {"name": name}, "wa_id": digits}]
    metadata = {"display_phone_number": to.rpartition("+")[2], "phone_number_id": "321010217760100"}
    return metas({"metadata": metadata, "contacts": contacts, "messages": [told]})


@dataclass
class Handing(FakeTexting):
    """AWS, which puts the files of WhatsApp into a bucket. `bodies` has their bytes by their ids."""

    store: ObjectStore | None = None
    bodies: dict[str, bytes] = field(default_factory=dict)

    def fetch_media(self, sender: str, media_id: str, bucket: str, prefix: str) -> Fetched:
        assert self.store is not None
        assert bucket == self.store.bucket
        self._take(Sent("fetch_media", sender, "", file=f"s3://{bucket}/{prefix}"), "")
        if media_id not in self.bodies:
            raise Refused("ResourceNotFoundException")
        self.store.port.put(f"{prefix}{media_id}.jpeg", self.bodies[media_id], "image/jpeg")
        return Fetched("image/jpeg", len(self.bodies[media_id]))


class Topics:
    """The topics of AWS, and the function that hears them, in a container of its own.

    Attributes:
        aws: The port that the function has to AWS.
    """

    def __init__(self, function: WebhooksFunction):
        self.world = function.deployment.world
        self.world.wire({"phones": True})
        self.function = function
        self.aws = Handing(store=self.world.store)
        self.start()

    def start(self) -> None:
        """Run in a container that remembers nothing."""
        self.container = self.world.another_container()
        outgoing = self.function.outgoing
        self.handler = carriers_function(self.container, self.aws, self.function.queues, outgoing=outgoing)

    def tell(self, *events: Told, receives: int = 1, remaining: Remaining | None = None) -> list[int]:
        """Hand events over in one batch; which of them must stay queued."""
        records = [received(event, f"event-{number}", receives=receives) for number, event in enumerate(events)]
        answer = self.handler({"Records": records}, remaining or Remaining())
        assert set(answer) == {"batchItemFailures"}
        return [int(one["itemIdentifier"].removeprefix("event-")) for one in answer["batchItemFailures"]]
