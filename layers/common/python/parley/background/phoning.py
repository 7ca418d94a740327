"""Jobs between conversations and phones. The first is planned from a new message, the last two come from the carrier.

    phones         {"service_sid", "channel_sid", "index", "at", "by"}  queue a text for each phone that AWS reaches
    phone          {"service_sid", "channel_sid", "index", "at", "by"}  hand a message over for each other phone
    phone_status   {"reference", "status", "error_code", "sid"}         the carrier's report about a message to a phone
    phone_inbound  {"from", "to", "sid", "body", "media"}               a message from a phone

If AWS carries numbers of the account, a new message makes the job `phones`, and that makes the job `phone` if phones
are left. `phones` waits in the queue of deliveries, in its channel's group, so the texts to a phone are queued in the
order of the messages. If AWS carries no numbers, a new message makes the job `phone`.

A carrier, or a program that translates for it, sends the last two to the work queue. They may come twice and in any
order. If one is malformed, Parley logs it and drops it: another attempt would not help.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from parley.background.job import Job
from parley.background.receiving import Receiver, drop
from parley.domain.addresses import EMAIL, channel_of
from parley.domain.deliveries import READ, STATUSES
from parley.domain.messages import MOST_FILES
from parley.domain.participants import MOST_IN_GROUP
from parley.domain.received import identifier, whole
from parley.errors import CONCURRENT_UPDATE, CONVERSATION_INITIALIZING, UNAVAILABLE, Refusal
from parley.ids import is_sid
from parley.jobs import Again, Entry, Memory, Turn
from parley.log import logger
from parley.operations import phones
from parley.operations.context import Context
from parley.operations.inbound import Inbound
from parley.operations.phones import Posted
from parley.operations.receipts import Report, move_horizon, referred, report
from parley.ports.phones import Carrier, is_error_code
from parley.ports.queue import Queue
from parley.store.changes import CREATED, Change
from parley.stored import Receipt

# When only this much of the function's time is left, the job stops: one more phone may take five seconds and three
# requests.
_MARGIN_MS = 15_000
# The first pause before a job is taken up again, such as one whose carrier is silent; it doubles each time.
_PAUSE_SECONDS = 5
# A job that is refused for one of these reasons is taken up again. After so many pauses, about two hours in all,
# it counts as failed, and SQS moves it to the dead letter queue.
_PASSING = (CONCURRENT_UPDATE, UNAVAILABLE, CONVERSATION_INITIALIZING)
_MOST_PAUSES = 14

CarryOut = Callable[[Entry, Turn], Again | None]


class InOrder(NamedTuple):
    """Where texts that AWS carries are kept in order.

    Attributes:
        messages: The queue in which new messages wait.
        texts: The queue of texts, one for each phone.
    """

    messages: Queue
    texts: Queue


def phone_jobs(
    context: Context, queue: Queue, deliveries: Queue, carrier: Carrier, aws: InOrder | None = None
) -> dict[str, Job]:
    """The rows of these jobs. `deliveries` is the queue of webhooks.

    `aws` has the queues for the numbers that AWS carries, if it may carry any.
    """
    receiver = Receiver(context, deliveries)
    hand_over = _or_later(lambda entry, turn: _hand_over(context, carrier, aws, entry, turn))
    first = {"phone": Job(queue, hand_over, plan)}
    if aws:
        apart = _or_later(lambda entry, turn: _queue_texts(context, aws.texts, queue, entry))
        first = {"phones": Job(aws.messages, apart, _plan_in_order), "phone": Job(queue, hand_over)}
    return {
        **first,
        "phone_status": Job(queue, _or_later(lambda entry, turn: _note(context, entry))),
        "phone_inbound": Job(queue, _or_later(lambda entry, turn: _receive(receiver, entry))),
    }


def _or_later(carry_out: CarryOut) -> CarryOut:
    """A job that is taken up again after a pause if it is refused for a reason that passes.

    Dozens of phones may report about one message at once, and each report changes the counts on the message.
    """

    def attempt(entry: Entry, turn: Turn) -> Again | None:
        try:
            return carry_out(entry, turn)
        except Refusal as refusal:
            if refusal.error not in _PASSING or entry.get("waits", 0) >= _MOST_PAUSES:
                raise
            return Again(_PAUSE_SECONDS)

    return attempt


def plan(change: Change, memory: Memory) -> list[Entry]:
    """The job that hands a new message over, if it goes to phones."""
    message = change.record
    if (change.kind, change.verb) != ("message", CREATED) or not message.get("delivery"):
        return []
    where = {name: message[name] for name in ("service_sid", "channel_sid", "index")}
    return [{**where, "at": change.cause["at"], "by": change.cause["actor"]}]


def _plan_in_order(change: Change, memory: Memory) -> list[Entry]:
    return [
        {**entry, "group": entry["channel_sid"], "id": f"{entry['channel_sid']}.{entry['index']}"}
        for entry in plan(change, memory)
    ]


def _posted(entry: Entry) -> Posted:
    path = {"service_sid": entry["service_sid"], "channel_sid": entry["channel_sid"], "index": str(entry["index"])}
    return Posted(path, entry["at"], entry.get("by", ""), entry.get("waits", 0))


def _queue_texts(context: Context, texts: Queue, work: Queue, entry: Entry) -> None:
    posted = _posted(entry)
    if phones.queue_texts(context, posted, _queueing(texts, posted)):
        work.send([{**{name: entry[name] for name in entry if name not in ("group", "id")}, "job": "phone"}])


def _queueing(texts: Queue, posted: Posted) -> phones.QueueTexts:
    return lambda made: texts.send(_texts(made, posted.at))


def _texts(made: Iterable[Receipt], at: int) -> list[dict[str, Any]]:
    """The jobs `text` for receipts of a message that was written at `at`; each pair of addresses is a group."""
    return [
        {
            "job": "text",
            **{name: {**receipt}[name] for name in ("service_sid", "channel_sid", "index", "sid")},
            "at": at,
            "group": f"{receipt['from_address']}/{receipt['to_address']}",
            "id": receipt["sid"],
        }
        for receipt in made
    ]


def _hand_over(context: Context, carrier: Carrier, aws: InOrder | None, entry: Entry, turn: Turn) -> Again | None:
    posted = _posted(entry)
    queue = _queueing(aws.texts, posted) if aws else None
    left = phones.send(context, carrier, posted, lambda: turn.remaining_ms() < _MARGIN_MS, queue)
    if left.is_silent:
        return Again(_PAUSE_SECONDS)
    return Again() if left.is_late else None


def _note(context: Context, entry: Entry) -> None:
    reported = _report_of(entry)
    if reported is None:
        logger.warning("report of a carrier dropped", extra={"status": str(entry.get("status"))})
        return
    report(context, reported)
    if reported.status == READ:
        move_horizon(context, reported)


def _report_of(entry: Entry) -> Report | None:
    path, status, code = referred(entry.get("reference")), entry.get("status"), entry.get("error_code") or 0
    if path is None or status not in STATUSES or not (code == 0 or is_error_code(code)):
        return None
    return Report(path, str(status), code, identifier(entry.get("sid")) or "")


def _receive(receiver: Receiver, entry: Entry) -> None:
    inbound = _inbound_of(entry)
    if inbound is None:
        drop("it names no addresses or has no sid")
    else:
        receiver.receive(inbound)


def _inbound_of(entry: Entry) -> Inbound | None:
    to, body = entry.get("to"), entry.get("body")
    numbers = tuple(to if isinstance(to, list) else [to])
    sender, sid, media_sids = (
        identifier(entry.get("from")),
        identifier(entry.get("sid")),
        _media_sids(entry.get("media")),
    )
    if not sender or not sid or not all(map(_is_number, (sender, *numbers))) or not 0 < len(numbers) < MOST_IN_GROUP:
        return None
    if not isinstance(body, str):
        return Inbound(sender, numbers, sid, media_sids=media_sids)
    return Inbound(sender, numbers, sid, body, media_sids) if whole(body) == body else None


def _media_sids(media: object) -> tuple[str, ...]:
    files = [one for one in media if isinstance(one, dict)] if isinstance(media, list) else []
    return tuple(sid for one in files if is_sid("ME", sid := str(one.get("sid"))))[:MOST_FILES]


def _is_number(address: Any) -> bool:
    return isinstance(address, str) and channel_of(address) not in (None, EMAIL)
