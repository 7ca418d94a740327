"""Delivery receipts: a message to a phone makes one, the carrier's reports change it, and back ends read it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from parley.domain.addresses import WHATSAPP, channel_of
from parley.domain.deliveries import DELIVERED, FAILED, READ, UNDELIVERED, counted, goes_on, prefix_of, summary
from parley.errors import CONVERSATION_CLOSED, NOT_FOUND, Refusal, ignoring
from parley.ids import channel_message_sid, is_sid
from parley.metrics import TEXTS_COST, TEXTS_DELIVERED, TEXTS_FAILED, count
from parley.operations import authority, channel_log, members, verbs
from parley.operations.addressing import resolve
from parley.operations.channel_log import Decision, Overtaken, unchanged
from parley.operations.context import Context, of_carrier
from parley.operations.paging import Listing, PageRequest
from parley.records.messages import MESSAGE
from parley.records.receipts import RECEIPT
from parley.records.spec import Path
from parley.store import keys
from parley.store.items import Record
from parley.store.keys import Key
from parley.store.writes import Update
from parley.stored import Member, Message, Receipt, Tail


def fetch(context: Context, path: Path, parameters: dict[str, Any]) -> Receipt:
    """The receipt.

    Raises:
        Refusal: 20404, even if the receipt exists but the carrier has not answered yet.
    """
    resolved = _resolved(context, path)
    if not is_sid("DY", path["sid"]):
        raise NOT_FOUND()
    receipt = verbs.belonging(context.table.fetch(RECEIPT.key({**resolved, "sid": path["sid"]})), resolved)
    if "status" not in receipt:
        raise NOT_FOUND()
    return receipt


def list_(context: Context, path: Path, parameters: dict[str, Any], page: PageRequest) -> Listing:
    """One page of a message's receipts, by SID. A receipt without the carrier's answer is left out."""
    resolved = _resolved(context, path)
    where = keys.receipts(resolved["channel_sid"], int(resolved["index"]))
    listing = verbs.read_page(context, where, page)
    shown = zip(listing.positions, listing.records, strict=True)
    return listing.showing({position: receipt for position, receipt in shown if "status" in receipt})


def _resolved(context: Context, path: Path) -> Path:
    """The path with the message's index, after checking that there is the message, and that a client is a member."""
    where = {name: value for name, value in path.items() if name not in ("sid", "message_sid")}
    resolved = resolve(context, MESSAGE, {**where, "sid": path["message_sid"]})
    authority.require(context, resolved["service_sid"], resolved["channel_sid"], ())
    verbs.load(context, MESSAGE, resolved)
    return resolved


class Cost(NamedTuple):
    """What a message to one phone costs, in millionths of a US dollar: the price, and the carrier's fee beside it."""

    price: int
    carrier_fee: int = 0


class Report(NamedTuple):
    """The carrier's report about a message to one phone.

    Attributes:
        receipt: Where the receipt stands: service, channel, message index and its SID.
        status: One of `domain/deliveries.py`.
        error_code: A messaging code (https://www.twilio.com/docs/api/errors), 0 if nothing went wrong.
        channel_message_sid: The carrier's own id of the message; empty if it is known already.
        cost: What the message costs, if the report says so.
    """

    receipt: Path
    status: str
    error_code: int = 0
    channel_message_sid: str = ""
    cost: Cost | None = None


def reference(receipt: Receipt) -> str:
    """The text that names a message to one phone. The carrier repeats it in its reports."""
    return ".".join(str({**receipt}[name]) for name in _REFERENCE)


def referred(text: object) -> Path | None:
    """The path of the receipt that a reference names; None if the text is not a reference."""
    parts = text.split(".") if isinstance(text, str) else []
    if len(parts) != len(_REFERENCE):
        return None
    service_sid, channel_sid, index, sid = parts
    are_sids = is_sid("IS", service_sid) and is_sid("CH", channel_sid) and is_sid("DY", sid)
    if not are_sids or not (index.isascii() and index.isdecimal() and len(index) <= 12):
        return None
    return dict(zip(_REFERENCE, parts, strict=True))


_REFERENCE = ("service_sid", "channel_sid", "index", "sid")


def report(context: Context, reported: Report, *more: Report) -> None:
    """Change the receipts of one message, all of phones of one channel, and the message's summary, in one transaction.

    Reports may come twice and in any order. If a report changes nothing, or its message was deleted, it is ignored. The
    change of a receipt is announced. The change of the message is announced only if its summary reads differently.
    Three requests at most. Eight write units at most for one receipt, and two for each further receipt.
    """
    with ignoring(NOT_FOUND):
        _report(context.sharing_patience(), (reported, *more))


def _report(context: Context, reports: Sequence[Report]) -> None:
    patience = context.table.patience()
    while True:
        message, found, hooks = _read(context, reports)
        changes = [_folded(message, receipt, about) for receipt, about in found]
        try:
            _store(context, message, [one for one in changes if one.set], hooks)
        except Overtaken:
            if not patience.wait():
                raise
        else:
            _count_ends(changes)
            if costs := sum(one.costs_more for one in changes):
                count(TEXTS_COST, costs)
            return


def _count_ends(changes: Sequence[_Change]) -> None:
    """Count which messages have arrived, and which have not."""
    for one in changes:
        status, before = one.set.get("status"), one.receipt.get("status")
        if status in (FAILED, UNDELIVERED):
            count(TEXTS_FAILED)
        elif status in (DELIVERED, READ) and before != DELIVERED:
            count(TEXTS_DELIVERED)


def _read(
    context: Context, reports: Sequence[Report]
) -> tuple[Message, list[tuple[Receipt, list[Report]]], int | None]:
    """The message, its receipts with the reports about each, and the number of the channel's webhooks.

    The changes of the receipts carry that number.

    Raises:
        Refusal: 20404 if the message is gone, or all these receipts.
    """
    where = reports[0].receipt
    message_key, tail_key = MESSAGE.key(where), keys.tail(where["channel_sid"])
    about: dict[Key[Receipt], list[Report]] = {}
    for one in reports:
        about.setdefault(RECEIPT.key(one.receipt), []).append(one)
    read = context.table.fetch_many([message_key, tail_key, *about])
    message = verbs.belonging(read.get(message_key), where)
    found = [(verbs.belonging(read.get(key), where), told) for key, told in about.items() if key in read]
    if not found:
        raise NOT_FOUND()
    return message, found, (read.get(tail_key) or {}).get("webhooks_count") or None


class _Change(NamedTuple):
    """What reports change in one receipt. It moves if `set` has a status; what else is in `set` is not announced."""

    receipt: Receipt
    set: Record
    costs_more: int

    @property
    def moves(self) -> bool:
        return "status" in self.set

    def write(self, context: Context, hooks: int | None) -> Update:
        receipt = {**self.receipt}
        where = {name: str(receipt[name]) for name in _REFERENCE}
        same = tuple(unchanged(receipt, name) for name in _DECIDING if name in self.set)
        told = {"date_updated": context.clock.now_ms(), "hooks": hooks} if self.moves else {}
        return Update(RECEIPT.key(where), NOT_FOUND(), set={**self.set, **told}, guards=same, announced=self.moves)


# The fields of a receipt from which reports are decided.
_DECIDING = ("status", "channel_message_sid", "price", "carrier_fee")


def _folded(message: Message, receipt: Receipt, reports: Sequence[Report]) -> _Change:
    """What reports change in one receipt. A carrier may report before it has answered, and may name the price late."""
    set_: Record = {}
    status, cost = receipt.get("status"), Cost(receipt.get("price", 0), receipt.get("carrier_fee", 0))
    for one in reports:
        if goes_on(status, one.status):
            status = one.status
            set_ |= {"status": status, "error_code": one.error_code}
        if one.channel_message_sid and "channel_message_sid" not in {**receipt, **set_}:
            prefix = prefix_of(receipt["to_address"], bool(message.get("media")))
            set_["channel_message_sid"] = channel_message_sid(prefix, one.channel_message_sid)
        if one.cost is not None and sum(one.cost) > sum(cost):
            cost = one.cost
            set_ |= {"price": cost.price, "carrier_fee": cost.carrier_fee}
    return _Change(receipt, set_, sum(cost) - receipt.get("price", 0) - receipt.get("carrier_fee", 0))


def _store(context: Context, message: Message, changes: Sequence[_Change], hooks: int | None) -> None:
    if not changes:
        return
    context = of_carrier(context, changes[0].receipt["to_address"])
    writes = [one.write(context, hooks) for one in changes]
    old = new = message.get("delivery") or {}
    for one in changes:
        if one.moves:
            new = counted(new, one.receipt.get("status"), one.set["status"])
    if old == new:
        context.table.commit(context.cause(), writes)
        return
    key, same = keys.message(message["channel_sid"], message["index"]), unchanged(message, "delivery")
    if summary(old) == summary(new):
        counting = Update(key, NOT_FOUND(), set={"delivery": new}, guards=(same,), announced=False)
        context.table.commit(context.cause(), [*writes, counting])
        return

    def decide(current: Message, _: Tail) -> Decision:
        if current["delivery"] != old:
            # Another receipt has changed the counts: these reports are decided again from fresh reads.
            raise _Moved()
        return Decision(Update(key, NOT_FOUND(), set={"delivery": new}, guards=(same,)), writes)

    try:
        channel_log.change(context, "message", "updated", message, decide, in_any_state=True)
    except _Moved:
        raise Overtaken() from None


def move_horizon(context: Context, reported: Report) -> None:
    """Move a participant's horizon to the message that was read, if it is behind and the message still exists.

    A WhatsApp participant reads on a phone, so only the carrier's reports show it.
    """
    where = reported.receipt
    receipt = context.table.fetch(RECEIPT.key(where))
    if receipt is None or channel_of(receipt["to_address"]) != WHATSAPP:
        return
    context, index = of_carrier(context, receipt["to_address"]), receipt["index"]
    member = context.table.fetch(keys.member(where["channel_sid"], receipt["participant_sid"]))

    def check(current: Member) -> None:
        if current.get("last_consumed_message_index", -1) >= index:
            raise _Moved()

    if member is None or member["service_sid"] != where["service_sid"]:
        return
    # The horizon may be there already, the participant may have left, the conversation may have been closed.
    with ignoring(NOT_FOUND, CONVERSATION_CLOSED):
        check(member)
        members.change(context, member, {"last_consumed_message_index": index}, lambda _: None, check)


class _Moved(Refusal):
    """Raised if a horizon is there already, or another receipt of the same message has changed meanwhile."""

    def __init__(self) -> None:
        super().__init__(NOT_FOUND)
