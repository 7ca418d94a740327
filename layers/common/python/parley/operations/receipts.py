"""Delivery receipts: a message to a phone makes one, the carrier's reports change it, and others read it."""

from __future__ import annotations

from typing import Any, NamedTuple

from parley.domain.addresses import WHATSAPP, channel_of
from parley.domain.deliveries import counted, goes_on, prefix_of, summary
from parley.errors import CONVERSATION_CLOSED, NOT_FOUND, Refusal, ignoring
from parley.ids import channel_message_sid, is_sid
from parley.operations import authority, channel_log, members, verbs
from parley.operations.addressing import resolve
from parley.operations.channel_log import Decision, Overtaken, unchanged
from parley.operations.context import Context, of_carrier
from parley.operations.paging import Listing, PageRequest
from parley.records.messages import MESSAGE
from parley.records.receipts import RECEIPT
from parley.records.spec import Path
from parley.store import keys
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


class Report(NamedTuple):
    """The carrier's report about a message to one phone.

    Attributes:
        receipt: Where the receipt stands: service, channel, message index and its SID.
        status: One of `domain/deliveries.py`.
        error_code: A messaging code (https://www.twilio.com/docs/api/errors), 0 if nothing went wrong.
        channel_message_sid: The carrier's own id of the message; empty if it is known already.
    """

    receipt: Path
    status: str
    error_code: int = 0
    channel_message_sid: str = ""


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


def report(context: Context, reported: Report) -> None:
    """Change a receipt and the summary on its message, in one transaction.

    Reports may come twice and in any order. If a report changes nothing, or its message was deleted, it is ignored. The
    change of the receipt is announced. The change of the message is announced only if its summary reads differently.
    Three requests and eight write units at most.
    """
    with ignoring(NOT_FOUND):
        _report(context.sharing_patience(), reported)


def _report(context: Context, reported: Report) -> None:
    patience = context.table.patience()
    while True:
        message, receipt, hooks = _read(context, reported)
        try:
            if not goes_on(receipt.get("status"), reported.status):
                _name(context, message, receipt, reported)
                return
            _move(context, message, receipt, hooks, reported)
            return
        except Overtaken:
            if not patience.wait():
                raise


def _read(context: Context, reported: Report) -> tuple[Message, Receipt, int | None]:
    """The message, the receipt, and the number of the channel's webhooks, which the receipt's change carries."""
    where = reported.receipt
    message_key, receipt_key, tail_key = MESSAGE.key(where), RECEIPT.key(where), keys.tail(where["channel_sid"])
    found = context.table.fetch_many([message_key, receipt_key, tail_key])
    message, receipt = verbs.belonging(found.get(message_key), where), verbs.belonging(found.get(receipt_key), where)
    return message, receipt, (found.get(tail_key) or {}).get("webhooks_count") or None


def _name(context: Context, message: Message, receipt: Receipt, reported: Report) -> None:
    """Store the carrier's id of the message if it comes late: a carrier may report before it has answered."""
    if not reported.channel_message_sid or "channel_message_sid" in receipt:
        return
    key, same = RECEIPT.key(reported.receipt), unchanged(receipt, "channel_message_sid")
    named = _channel_message_sid(message, receipt, reported)
    context.table.commit(context.cause(), [Update(key, NOT_FOUND(), set=named, guards=(same,), announced=False)])


def _channel_message_sid(message: Message, receipt: Receipt, reported: Report) -> dict[str, str]:
    if not reported.channel_message_sid:
        return {}
    prefix = prefix_of(receipt["to_address"], bool(message.get("media")))
    return {"channel_message_sid": channel_message_sid(prefix, reported.channel_message_sid)}


def _move(context: Context, message: Message, receipt: Receipt, hooks: int | None, reported: Report) -> None:
    context = of_carrier(context, receipt["to_address"])
    before = receipt.get("status")
    set_ = {
        "status": reported.status,
        "error_code": reported.error_code,
        "date_updated": context.clock.now_ms(),
        "hooks": hooks,
        **_channel_message_sid(message, receipt, reported),
    }
    moving = Update(RECEIPT.key(reported.receipt), NOT_FOUND(), set=set_, guards=(unchanged(receipt, "status"),))
    old = message["delivery"]
    new = counted(old, before, reported.status)
    key, same = MESSAGE.key(reported.receipt), unchanged(message, "delivery")
    if summary(old) == summary(new):
        counting = Update(key, NOT_FOUND(), set={"delivery": new}, guards=(same,), announced=False)
        context.table.commit(context.cause(), [moving, counting])
        return

    def decide(current: Message, _: Tail) -> Decision:
        if current["delivery"] != old:
            # Another receipt has changed the counts: this report is decided again from fresh reads.
            raise _Moved()
        return Decision(Update(key, NOT_FOUND(), set={"delivery": new}, guards=(same,)), [moving])

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
