"""Events of AWS End User Messaging, as SNS puts them into queues: reports about texts, and texts from phones.

    event                                     is recognised by
    ----------------------------------------- -------------------------------------------------------------------------
    a report about a text message             `eventType`; `context` has the reference of the receipt
    a text message from a phone               `inboundMessageId`
    a status or a message of WhatsApp         `whatsAppWebhookEntry`: Meta's own event, as JSON text inside the JSON

An event may come twice, late and in any order. If it is malformed or of an unknown kind, Parley logs it and drops it:
another attempt would not help. SNS delivers raw messages here, so an event in an envelope of SNS did not come that way.

https://docs.aws.amazon.com/sms-voice/latest/userguide/configuration-sets-event-format.html
https://docs.aws.amazon.com/sms-voice/latest/userguide/phone-numbers-two-way-sms.html
https://docs.aws.amazon.com/social-messaging/latest/userguide/managing-event-destinations-dlrs.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import Any, NamedTuple

from parley.background.consumer import QueuedRecord
from parley.background.receiving import Receiver
from parley.domain.addresses import SMS, WHATSAPP, channel_of
from parley.domain.carrier_codes import Outcome, of_sms_event, of_whatsapp
from parley.domain.received import body_of, caption_of, file_of, identifier, whole
from parley.log import logger
from parley.operations.carrier_reports import carried, note, place_of
from parley.operations.context import Context
from parley.operations.inbound import Inbound
from parley.operations.receipts import Cost, Report, referred
from parley.ports.queue import Queue
from parley.ports.texting import Texting
from parley.records.spec import Path

# When only this much of the function's time is left, no further message is begun.
_MARGIN_MS = 8_000
# A message from a phone may have to wait for a pre-event webhook, and nine seconds for its file.
_LONG_MARGIN_MS = 18_000
# One event of Meta's may hold a thousand messages, and Lambda lets a function have a thousand threads.
_MOST_AT_ONCE = 32
_NO_DIGITS = re.compile("[^0-9]")
_LONGEST_NAME = 256
_NOTHING = "it has no statuses and no messages"
# How many times the queue brings a status of a WhatsApp message that Parley does not know. The message may have been
# sent a moment ago, or by another program.
_MOST_RECEIVES = 3
_MICRO = 1_000_000
# No text costs as much. A number beyond it is no price.
_MOST_DOLLARS = 10_000


class Status(NamedTuple):
    """A status of a WhatsApp message: Meta's id of the message, and the receipt if the status names it."""

    metas_id: str
    outcome: Outcome
    receipt: Path | None

    def report(self, receipt: Path) -> Report:
        return Report(receipt, self.outcome.status, self.outcome.error_code, self.metas_id)


class Event(NamedTuple):
    """What one queued record says.

    Attributes:
        reports: About text messages.
        statuses: About WhatsApp messages.
        inbound: Messages from phones.
        dropped: Why other parts of it are dropped.
    """

    reports: tuple[Report, ...] = ()
    statuses: tuple[Status, ...] = ()
    inbound: tuple[Inbound, ...] = ()
    dropped: tuple[str, ...] = ()


class CarrierEvents:
    """Takes the events of AWS."""

    def __init__(self, context: Context, deliveries: Queue, texting: Callable[[], Texting]) -> None:
        """`deliveries` is the queue of webhooks; `texting` makes the port from which files of WhatsApp come."""
        self._context = context
        self._receiver = Receiver(context, deliveries, texting)

    def take(self, records: list[QueuedRecord], remaining_ms: Callable[[], int]) -> list[str]:
        """Do what a batch of events asks for; returns the SQS message ids of those that must stay queued.

        What a batch reports about one message is noted in one transaction.
        """
        events = {record["messageId"]: _event_of(record["body"]) for record in records}
        for message_id, event in events.items():
            for reason in event.dropped:
                logger.warning("event of a carrier dropped", extra={"message_id": message_id, "reason": reason})
        left = self._note(records, events, lambda: remaining_ms() < _MARGIN_MS)
        left |= self._receive(events, lambda: remaining_ms() < _LONG_MARGIN_MS)
        return [record["messageId"] for record in records if record["messageId"] in left]

    def _note(self, records: list[QueuedRecord], events: Mapping[str, Event], is_late: Callable[[], bool]) -> set[str]:
        """Note all reports; returns the message ids of the records that must stay queued."""
        receives = {record["messageId"]: int(record["attributes"]["ApproximateReceiveCount"]) for record in records}
        unnamed = {one.metas_id for event in events.values() for one in event.statuses if one.receipt is None}
        known = carried(self._context, unnamed) if unnamed else {}
        # Reports of text messages and of WhatsApp apart, because a transaction has one source.
        texts: list[tuple[Report, str]] = []
        chats: list[tuple[Report, str]] = []
        left: set[str] = set()
        for message_id, event in events.items():
            texts += [(report, message_id) for report in event.reports]
            for status in event.statuses:
                if (receipt := status.receipt or known.get(status.metas_id)) is not None:
                    chats.append((status.report(receipt), message_id))
                elif receives[message_id] < _MOST_RECEIVES:
                    left.add(message_id)
                else:
                    logger.warning("status of an unknown message dropped", extra={"message_id": message_id})
        for told in (texts, chats):
            again = note(self._context, [report for report, _ in told], is_late)
            left |= {message_id for report, message_id in told if place_of(report.receipt) in again}
        return left

    def _receive(self, events: Mapping[str, Event], is_late: Callable[[], bool]) -> set[str]:
        """Receive all messages of a batch; returns the message ids of the records that must stay queued.

        The messages of one phone are received one after the other, as the batch has them. Phones do not wait for one
        another, as each message may wait for a webhook.
        """
        phones: dict[tuple[str, ...], list[tuple[Inbound, str]]] = {}
        for message_id, event in events.items():
            for one in event.inbound:
                phones.setdefault((one.sender, *one.to), []).append((one, message_id))
        if not phones:
            return set()

        def in_order(told: list[tuple[Inbound, str]]) -> set[str]:
            return {message_id for one, message_id in told if is_late() or not self._is_received(one)}

        contexts = [copy_context() for _ in phones]
        with ThreadPoolExecutor(min(len(phones), _MOST_AT_ONCE)) as pool:
            left = pool.map(lambda context, told: context.run(in_order, told), contexts, phones.values())
            return set().union(*left)

    def _is_received(self, inbound: Inbound) -> bool:
        try:
            self._receiver.receive(inbound)
        except Exception:
            logger.exception("message from a phone failed", extra={"carriers_id": inbound.sid})
            return False
        return True


def _event_of(body: str) -> Event:
    """What the body of a queued record says. Nobody but AWS may write it, and yet nothing in it is believed."""
    told = _object_of(body)
    if told is None:
        return Event(dropped=("it is no JSON object",))
    if "whatsAppWebhookEntry" in told:
        return _of_whatsapp(told)
    if "eventType" in told:
        return _of_text(told)
    if "inboundMessageId" in told:
        return _of_inbound_text(told)
    return Event(dropped=("its kind is not known",))


def _of_text(told: Mapping[str, Any]) -> Event:
    """An event about a text message."""
    outcome, context = of_sms_event(told["eventType"]), told.get("context")
    if outcome is None:
        return Event(dropped=("its type is not known",))
    receipt = _first(map(referred, context.values())) if isinstance(context, dict) else None
    if receipt is None:
        return Event(dropped=("it names no receipt",))
    sid = identifier(told.get("messageId")) or ""
    return Event(reports=(Report(receipt, outcome.status, outcome.error_code, sid, _cost_of(told)),))


def _cost_of(told: Mapping[str, Any]) -> Cost | None:
    price, fee = (_millionths(told.get(name)) for name in ("totalMessagePrice", "totalCarrierFee"))
    return Cost(price, fee) if price or fee else None


def _millionths(dollars: object) -> int:
    if isinstance(dollars, bool) or not isinstance(dollars, int | float) or not 0 <= dollars < _MOST_DOLLARS:
        return 0
    return round(dollars * _MICRO)


def _of_inbound_text(told: Mapping[str, Any]) -> Event:
    """A text message from a phone. Carriers have put its parts together."""
    sender, to, body = told.get("originationNumber"), told.get("destinationNumber"), told.get("messageBody")
    sid = identifier(told["inboundMessageId"])
    if sid is None or not _are_of(SMS, sender, to) or not isinstance(body, str):
        return Event(dropped=("it is no whole message from a phone",))
    return Event(inbound=(Inbound(str(sender), (str(to),), sid, whole(body)),))


def _are_of(channel: str, *addresses: object) -> bool:
    return all(isinstance(one, str) and channel_of(one) == channel for one in addresses)


def _of_whatsapp(told: Mapping[str, Any]) -> Event:
    """An event of Meta's. One may hold many statuses and messages."""
    entry = _object_of(told["whatsAppWebhookEntry"])
    if entry is None:
        return Event(dropped=("its entry is no JSON object",))
    changes = _objects_in(entry.get("changes"))
    values = _objects_in([one.get("value") for one in changes if one.get("field") == "messages"])
    found = [_status_of(one) for value in values for one in _objects_in(value.get("statuses"))]
    found += [_message_of(one, value) for value in values for one in _objects_in(value.get("messages"))]
    return Event(
        statuses=tuple(one for one in found if isinstance(one, Status)),
        inbound=tuple(one for one in found if isinstance(one, Inbound)),
        dropped=tuple(one for one in found if isinstance(one, str)) or (() if found else (_NOTHING,)),
    )


def _status_of(told: Mapping[str, Any]) -> Status | Inbound | str:
    """A status; if it is dropped, the reason."""
    outcome, metas_id = of_whatsapp(told.get("status"), told.get("errors")), identifier(told.get("id"))
    if outcome is None:
        return "its status is not known"
    if metas_id is None:
        return "its status names no message"
    # Meta repeats what the message was sent with. If it does not, an item leads from Meta's id to the receipt.
    return Status(metas_id, outcome, referred(told.get("biz_opaque_callback_data")))


def _message_of(told: Mapping[str, Any], value: Mapping[str, Any]) -> Status | Inbound | str:
    """A message from a person on WhatsApp; if it is dropped, the reason."""
    metadata = value.get("metadata")
    number = metadata.get("display_phone_number") if isinstance(metadata, dict) else None
    sender, to, sid = _whatsapp(told.get("from")), _whatsapp(number), identifier(told.get("id"))
    if sid is None or not _are_of(WHATSAPP, sender, to):
        return "it is no whole message from a phone"
    file = file_of(told)
    body = caption_of(told) if file else body_of(told)
    if body is None and file is None:
        return "its kind of message is not known"
    text = None if body is None else whole(body)
    at, name = _moment(told.get("timestamp")), _name_in(value, told)
    return Inbound(sender, (to,), sid, text, file=file, at=at, name=name)


def _whatsapp(number: object) -> str:
    """The address of a number as Meta writes it: digits, and perhaps signs between them."""
    return f"whatsapp:+{_NO_DIGITS.sub('', number)}" if isinstance(number, str) else ""


def _moment(seconds: object) -> int:
    is_number = isinstance(seconds, str) and seconds.isascii() and seconds.isdecimal() and len(seconds) < 12
    return int(str(seconds)) * 1000 if is_number else 0


def _name_in(value: Mapping[str, Any], told: Mapping[str, Any]) -> str:
    """The name that the sender of a message has on WhatsApp; empty if it is not told."""
    profiles = [one.get("profile") for one in _objects_in(value.get("contacts")) if one.get("wa_id") == told["from"]]
    names = [one.get("name") for one in _objects_in(profiles)]
    return next((whole(name) for name in names if isinstance(name, str) and len(name) <= _LONGEST_NAME), "")


def _object_of(text: object) -> dict[str, Any] | None:
    if not isinstance(text, str):
        return None
    try:
        told = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return told if isinstance(told, dict) else None


def _objects_in(listed: object) -> list[dict[str, Any]]:
    return [one for one in listed if isinstance(one, dict)] if isinstance(listed, list) else []


def _first(paths: Iterable[Path | None]) -> Path | None:
    return next((path for path in paths if path is not None), None)
