"""Events of AWS End User Messaging, as SNS puts them into queues: what became of texts, and what phones write.

    event                                     has
    ----------------------------------------- -------------------------------------------------------------------------
    a text message has got somewhere          `eventType`, and in `context` the reference of its receipt
    a text message from a phone               `inboundMessageId`
    from WhatsApp: statuses and messages      `whatsAppWebhookEntry`, Meta's own event as JSON inside of the JSON

An event may come twice, late and in any order. If it is malformed or of an unknown kind, Parley logs it and drops it:
another attempt would not help. SNS delivers raw messages here, so an event in an envelope of SNS did not come that way.

https://docs.aws.amazon.com/sms-voice/latest/userguide/configuration-sets-event-format.html
https://docs.aws.amazon.com/sms-voice/latest/userguide/phone-numbers-two-way-sms.html
https://docs.aws.amazon.com/social-messaging/latest/userguide/managing-event-destinations-dlrs.html
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

from parley.domain.carrier_codes import Outcome, of_sms_event, of_whatsapp
from parley.log import logger
from parley.operations.carrier_reports import carried, note, place_of
from parley.operations.context import Context
from parley.operations.receipts import Cost, Report, referred
from parley.records.spec import Path
from parley.work.consumer import QueuedRecord

# When only this much of the function's time is left, no further message is begun.
_MARGIN_MS = 8_000
# So often, a status of a WhatsApp message comes back that Parley does not know yet. The message may have been sent a
# moment ago, or by another program.
_MOST_RECEIVES = 3
_LONGEST_ID = 256
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
        dropped: Why other parts of it are dropped.
    """

    reports: tuple[Report, ...] = ()
    statuses: tuple[Status, ...] = ()
    dropped: tuple[str, ...] = ()


class CarrierEvents:
    """Takes the events of AWS."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def take(self, records: list[QueuedRecord], remaining_ms: Callable[[], int]) -> list[str]:
        """Do what a batch of events asks for; returns the SQS message ids of those that must stay queued.

        What a batch reports about one message is noted in one transaction.
        """
        events = {record["messageId"]: _event_of(record["body"]) for record in records}
        for message_id, event in events.items():
            for reason in event.dropped:
                logger.warning("event of a carrier dropped", extra={"message_id": message_id, "reason": reason})
        left = self._note(records, events, lambda: remaining_ms() < _MARGIN_MS)
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


def _event_of(body: str) -> Event:
    """What the body of a queued record says. Nobody but AWS may write it, and yet nothing in it is believed."""
    told = _object_of(body)
    if told is None:
        return Event(dropped=("it is no JSON object",))
    if "whatsAppWebhookEntry" in told:
        return _of_whatsapp(told)
    if "eventType" in told:
        return _of_text(told)
    return Event(dropped=("its kind is not known",))


def _of_text(told: Mapping[str, Any]) -> Event:
    """An event about a text message."""
    outcome, context = of_sms_event(told["eventType"]), told.get("context")
    if outcome is None:
        return Event(dropped=("its type is not known",))
    receipt = _first(map(referred, context.values())) if isinstance(context, dict) else None
    if receipt is None:
        return Event(dropped=("it names no receipt",))
    sid = _id_of(told.get("messageId")) or ""
    return Event(reports=(Report(receipt, outcome.status, outcome.error_code, sid, _cost_of(told)),))


def _cost_of(told: Mapping[str, Any]) -> Cost | None:
    price, fee = (_millionths(told.get(name)) for name in ("totalMessagePrice", "totalCarrierFee"))
    return Cost(price, fee) if price or fee else None


def _millionths(dollars: object) -> int:
    if isinstance(dollars, bool) or not isinstance(dollars, int | float) or not 0 <= dollars < _MOST_DOLLARS:
        return 0
    return round(dollars * _MICRO)


def _of_whatsapp(told: Mapping[str, Any]) -> Event:
    """An event of Meta's. One may hold many statuses and messages."""
    entry = _object_of(told["whatsAppWebhookEntry"])
    if entry is None:
        return Event(dropped=("its entry is no JSON object",))
    changes = _objects_in(entry.get("changes"))
    values = _objects_in([one.get("value") for one in changes if one.get("field") == "messages"])
    statuses: list[Status] = []
    dropped: list[str] = []
    for value in values:
        for one in _objects_in(value.get("statuses")):
            status = _status_of(one)
            if isinstance(status, Status):
                statuses.append(status)
            else:
                dropped.append(status)
    if not statuses and not dropped:
        dropped.append("it has no statuses and no messages")
    return Event(statuses=tuple(statuses), dropped=tuple(dropped))


def _status_of(told: Mapping[str, Any]) -> Status | str:
    """A status; if it is dropped, the reason."""
    outcome, metas_id = of_whatsapp(told.get("status"), told.get("errors")), _id_of(told.get("id"))
    if outcome is None:
        return "its status is not known"
    if metas_id is None:
        return "its status names no message"
    # Meta repeats what the message was sent with. If it does not, an item leads from Meta's id to the receipt.
    return Status(metas_id, outcome, referred(told.get("biz_opaque_callback_data")))


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


def _id_of(value: object) -> str | None:
    return value if isinstance(value, str) and value.isprintable() and 0 < len(value) <= _LONGEST_ID else None
