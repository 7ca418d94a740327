"""Reports of AWS and Meta about texts: all that a batch says about one message is noted in one transaction.

With a text message, Parley sends the reference of its receipt, and each event about the text repeats that reference. A
status of WhatsApp has Meta's id of the message, and an item leads from that id to the receipt.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from parley.domain.deliveries import READ
from parley.errors import CONCURRENT_UPDATE, UNAVAILABLE, Refusal
from parley.log import logger
from parley.operations import receipts
from parley.operations.context import Context
from parley.operations.receipts import Report
from parley.records.spec import Path
from parley.store import keys

_PASSING = (CONCURRENT_UPDATE, UNAVAILABLE)


def carried(context: Context, ids: Iterable[str]) -> Mapping[str, Path]:
    """The paths of the receipts of WhatsApp messages, by Meta's ids of them; one request. An unknown id is left out."""
    by_key = {keys.carried(one): one for one in ids}
    found = context.table.fetch_many(by_key)
    paths = {by_key[key]: receipts.referred(found[key]["reference"]) for key in found}
    return {one: path for one, path in paths.items() if path is not None}


Place = tuple[str, str, str]
"""The service, the channel and the index of a message."""


def place_of(receipt: Path) -> Place:
    """The message that a receipt is about."""
    return receipt["service_sid"], receipt["channel_sid"], receipt["index"]


def note(context: Context, reports: Iterable[Report], is_late: Callable[[], bool]) -> set[Place]:
    """Note reports about phones of one channel; returns the messages whose reports must come again.

    The reports about one message change its receipts and counts in one transaction. If they cannot be noted, the
    others are all the same. After `is_late` says so, no message is begun.
    """
    by_message: dict[Place, list[Report]] = {}
    for one in reports:
        by_message.setdefault(place_of(one.receipt), []).append(one)
    return {place for place, about in by_message.items() if is_late() or not _is_noted(context, about)}


def _is_noted(context: Context, reports: list[Report]) -> bool:
    facts = {name: reports[0].receipt[name] for name in ("channel_sid", "index")}
    try:
        receipts.report(context, *reports)
        for one in reports:
            if one.status == READ:
                receipts.move_horizon(context, one)
    except Refusal as refusal:
        if refusal.error not in _PASSING:
            logger.exception("report of a carrier failed", extra=facts)
        return False
    except Exception:
        logger.exception("report of a carrier failed", extra=facts)
        return False
    return True
