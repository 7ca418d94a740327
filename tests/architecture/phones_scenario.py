"""The part of the scenario in which phones write, get messages and report: through a carrier, and through AWS."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

from parley.operations import senders
from parley.operations.context import Caller
from parley.operations.receipts import reference
from parley.store import keys
from tests.architecture.recorded import BUSY, Functions, sample
from tests.conversations.aws import whatsapp_from
from tests.support.world import PHONE_NUMBERS

PICTURE = {"Content-Type": "image/png"}


class Phones:
    """Phones in conversations of a service."""

    def __init__(
        self, functions: Functions, service: str, ask: Callable[..., Any], work: Callable[[dict[str, Any]], None]
    ):
        """`ask` makes a request to the REST API, `work` hands a job to the function that carries it out."""
        self._functions = functions
        self._service = service
        self._ask = ask
        self._work = work

    def write_through_a_carrier(self) -> None:
        """A message to a phone, what became of it, and an answer that wakes the conversation."""
        path = f"/conversations/v1/Services/{self._service}/Conversations"
        sid = self._ask("POST", path)["sid"]
        phone, number = "+491721234567", PHONE_NUMBERS[0]
        form = {"MessagingBinding.Address": phone, "MessagingBinding.ProxyAddress": number}
        self._ask("POST", f"{path}/{sid}/Participants", form)
        message = self._ask("POST", f"{path}/{sid}/Messages", {"Body": "x"})["sid"]
        where = {"service_sid": self._service, "channel_sid": sid, "index": 0}
        self._work({"job": "phone", **where, "at": 10**13})
        (receipt,) = self._ask("GET", f"{path}/{sid}/Messages/{message}/Receipts")["delivery_receipts"]
        assert receipt["status"] == "sent"
        self._ask("GET", f"{path}/{sid}/Messages/{message}/Receipts/{receipt['sid']}")
        reference = f"{self._service}.{sid}.0.{receipt['sid']}"
        self._work({"job": "phone_status", "reference": reference, "status": "delivered"})
        self._ask("POST", f"{path}/{sid}", {"State": "inactive"})
        self._work({"job": "phone_inbound", "from": phone, "to": number, "sid": "SM1", "body": "x"})
        assert len(self._ask("GET", f"{path}/{sid}/Messages")["messages"]) == 2

    def write_texts(self) -> None:
        """Texts and files over numbers that AWS carries, on both channels; what AWS reports, and what phones write."""
        number, phone = "+12025550199", "+12025550182"
        for prefix, provider_id in (("", "phone-1"), ("whatsapp:", "phone-number-id-1")):
            given = {"provider_id": provider_id, "country_code": "US", "capabilities": ["SMS", "MMS"]}
            senders.enable(self._functions.runtime.context(Caller()), prefix + number, given)
        path = f"/conversations/v1/Services/{self._service}/Conversations"
        sid = self._ask("POST", path)["sid"]
        for prefix in ("", "whatsapp:"):
            form = {"MessagingBinding.Address": prefix + phone, "MessagingBinding.ProxyAddress": prefix + number}
            self._ask("POST", f"{path}/{sid}/Participants", form)
        self._ask("POST", f"{path}/{sid}", {"State": "inactive"})
        assert self._hear(*_written(number, phone)) == []
        assert self._hear(_pictured(number, phone)) == []
        (*texts, picture) = self._ask("GET", f"{path}/{sid}/Messages")["messages"]
        assert (len(texts), len(picture["media"])) == (2, 1)
        self._write_without_a_conversation(number)
        file = self._ask("POST", f"/media/v1/Services/{self._service}/Media", b"a file", headers=PICTURE)["sid"]
        for form, left in (({"Body": "x"}, 0), ({"Body": "x", "MediaSid": file}, 0), ({"Body": BUSY.decode()}, 1)):
            index = self._ask("POST", f"{path}/{sid}/Messages", form)["index"]
            where = {"service_sid": self._service, "channel_sid": sid, "index": index}
            job = {"job": "phones", **where, "at": self._functions.runtime.clock.now_ms(), "by": "system"}
            record = self._functions.job_record("DeliveryQueue", job)
            assert self._functions.invoke("WebhooksFunction", {"Records": [record]}) == {"batchItemFailures": []}
            texts = [text for _ in range(2) for text in self._functions.received("CarrierQueue")]
            assert len(texts) == 2 and len(self._hear(*texts)) == left
        for receipt in self._functions.runtime.table.every(keys.receipts(sid)):
            assert self._hear(*_reported(reference(receipt), receipt.get("provider_id", ""))) == []

    def _write_without_a_conversation(self, number: str) -> None:
        """Two phones that are in no conversation: a URL is told of the first one, the second one makes a conversation."""
        (service,) = self._ask("GET", "/messaging/v1/Services?PageSize=1")["services"]
        self._ask("POST", f"/messaging/v1/Services/{service['sid']}", {"InboundRequestUrl": "https://example.com/in"})
        assert self._hear(*_written(number, "+12025550183")) == []
        form = {"Type": "sms", "Address": number, "AutoCreation.Enabled": "true", "AutoCreation.Type": "default"}
        self._ask("POST", "/conversations/v1/Configuration/Addresses", form)
        assert self._hear(*_written(number, "+12025550184")) == []
        listed = self._ask("GET", "/conversations/v1/ParticipantConversations?Address=%2B12025550184")
        assert len(listed["conversations"]) == 1

    def _hear(self, *records: dict[str, Any]) -> list[str]:
        """Hand records to the function of texts; which of them must stay in their queue."""
        answer = self._functions.invoke("CarriersFunction", {"Records": list(records)})
        return [one["itemIdentifier"] for one in answer["batchItemFailures"]]


def _written(number: str, phone: str) -> list[dict[str, Any]]:
    """What a phone writes to a number, as a text and on WhatsApp, and a report about what Parley does not know."""
    records: list[dict[str, Any]] = sample("carriers_inbound")["Records"]
    changes = {PHONE_NUMBERS[0]: number, "+12025550182": phone, "1768478405": str(int(time.time()))}
    for record in records:
        # What is not known is given up when it has come often.
        record["attributes"]["ApproximateReceiveCount"] = "9"
        for old, new in changes.items():
            record["body"] = record["body"].replace(old.strip("+"), new.strip("+"))
    return records


def _pictured(number: str, phone: str) -> dict[str, Any]:
    """A picture that a phone sends on WhatsApp."""
    picture = whatsapp_from(phone, number, image={"id": "1", "mime_type": "image/png"})
    return {**sample("carriers_inbound")["Records"][0], "body": json.dumps(picture)}


def _reported(text: str, provider_id: str) -> list[dict[str, Any]]:
    """What AWS reports about a text, and Meta: that it has arrived, and that it was read."""
    (by_aws,), (*_, by_meta) = sample("carriers_receipts")["Records"], sample("carriers_inbound")["Records"]
    by_aws["body"] = json.dumps({**json.loads(by_aws["body"]), "context": {"reference": text}})
    event = json.loads(by_meta["body"])
    entry = json.loads(event["whatsAppWebhookEntry"])
    entry["changes"][0]["value"]["statuses"][0] |= {"id": provider_id, "status": "read"}
    by_meta["body"] = json.dumps({**event, "whatsAppWebhookEntry": json.dumps(entry)})
    by_meta["attributes"]["ApproximateReceiveCount"] = "9"
    return [by_aws, by_meta]
