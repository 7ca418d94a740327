"""Sends a message to one phone through AWS, and notes AWS's id of it in the receipt.

    no provider_id, no status   -> AWS is asked to send it, and its id is noted: one write
    provider_id or status       -> nothing is left to do: AWS's events say what becomes of the text

AWS knows no idempotency token for texts. A phone can get a text twice in one case only: AWS has taken the text, but
Parley has not noted its id, because the function died or no answer came. The job comes back some minutes later. If an
event of AWS has named the receipt meanwhile, the receipt has a status, and nothing is sent again. Otherwise the text is
sent again.

The receipt gets no status here. AWS's first event brings `sent`, together with the counts on the message. To write
both twice would cost more than everything else about a text.
"""

from __future__ import annotations

from typing import NamedTuple

from parley.domain.addresses import SMS, WHATSAPP, channel_of
from parley.domain.carrier_codes import FILE_NOT_FETCHED, NOT_A_SENDER, of_refusal
from parley.domain.deliveries import EXPIRED, FAILED, prefix_of
from parley.domain.texts import Plan, Unsendable, plan
from parley.errors import NOT_FOUND, ignoring
from parley.ids import channel_message_sid
from parley.log import logger
from parley.metrics import TEXTS, TEXTS_HELD_BACK, TEXTS_REFUSED, TEXTS_RETRIED, count
from parley.operations import media, receipts, senders, sessions
from parley.operations.context import Context
from parley.operations.receipts import Report
from parley.ports.texting import SECONDS_TO_LIVE, Refused, Silent, Text, Texting
from parley.records.messages import MESSAGE
from parley.records.receipts import RECEIPT
from parley.records.spec import Path
from parley.store import keys
from parley.store.writes import Put, Update
from parley.stored import Content, Message, Receipt

# For so long, AWS and the carriers try to reach a phone, and Parley hands a text to AWS again.
LONGEST_AGE_MS = SECONDS_TO_LIVE * 1000
# Meta reports for some days about a message; people may read it later.
_CARRIED_SECONDS = 30 * 24 * 3600
# The first pause of a text that AWS takes later. It doubles each time.
_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS = 5, 300
# The pause of a text of which nobody knows whether AWS has taken it. AWS's first event comes sooner.
_UNKNOWN_SECONDS = 120


class _Later(Exception):
    """The text can be sent later. If it waits too long, `error_code` says why.

    With `is_unknown`, nobody knows whether AWS has taken it.
    """

    def __init__(self, error_code: int, *, is_unknown: bool = False) -> None:
        super().__init__(str(error_code))
        self.error_code = error_code
        self.is_unknown = is_unknown


class Texts(NamedTuple):
    """AWS, and the bucket from which it takes files."""

    texting: Texting
    bucket: str

    def hand_to_aws(self, context: Context, path: Path, at: int) -> int | None:
        """Send a message, which was written at `at`, to the phone of the receipt at `path`.

        Returns the seconds after which the text is to be tried again; None if nothing is left to do. Two requests to
        the table for a text message, and one write unit. A message on WhatsApp that AWS takes has one more of both.
        """
        receipt_key, message_key = RECEIPT.key(path), MESSAGE.key(path)
        found = context.table.fetch_many([receipt_key, message_key])
        receipt: Receipt | None = found.get(receipt_key)
        message: Message | None = found.get(message_key)
        if receipt is None or message is None or receipt["service_sid"] != path["service_sid"]:
            return None
        if "status" in receipt or "provider_id" in receipt:
            return None
        try:
            provider_id = self._sent(context, message, receipt)
        except Unsendable as unsendable:
            _fail(context, path, unsendable.error_code)
            return None
        except _Later as later:
            if context.clock.now_ms() - at >= LONGEST_AGE_MS:
                _fail(context, path, later.error_code)
                return None
            return _UNKNOWN_SECONDS if later.is_unknown else _put_off(context, path, receipt)
        _note(context, path, message, receipt, provider_id)
        return None

    def _sent(self, context: Context, message: Message, receipt: Receipt) -> str:
        """AWS's id of the text, once AWS has taken it.

        Raises:
            Unsendable: if nobody will ever take it.
            _Later: if AWS did not take it now, or if nobody knows whether it did.
        """
        sender = senders.sender(context, receipt["from_address"])
        if sender is None:
            raise Unsendable(NOT_A_SENDER)
        to = receipt["to_address"]
        last_inbound_at = _last_inbound(context, receipt)
        planned = plan(message, to, _content(context, message), last_inbound_at, context.clock.now_ms())
        try:
            if planned.file is not None:
                _check_scan(context, message, planned)
            if planned.whatsapp is not None:
                taken = self._on_whatsapp(message, receipt, sender["provider_id"], planned)
            else:
                taken = self._as_sms(message, receipt, sender["provider_id"], planned)
        except Silent as silent:
            logger.warning("AWS has not said whether it sends a text", extra={"reason": str(silent), **_facts(receipt)})
            count(TEXTS_RETRIED)
            raise _Later(EXPIRED, is_unknown=True) from None
        except Refused as refused:
            raise _meaning(refused, receipt) from None
        count(TEXTS)
        # If AWS names no id, the receipt says all the same that the text was sent.
        return taken or receipts.reference(receipt)

    def _as_sms(self, message: Message, receipt: Receipt, sender: str, planned: Plan) -> str:
        context = {"reference": receipts.reference(receipt)}
        text = Text(sender, receipt["to_address"], planned.body, context)
        if planned.file is None:
            return self.texting.send_text(text)
        return self.texting.send_media(text, f"s3://{self.bucket}/{_object_key(message, planned)}")

    def _on_whatsapp(self, message: Message, receipt: Receipt, sender: str, planned: Plan) -> str:
        told = planned.whatsapp or {}
        if planned.file is not None:
            told = planned.with_media(self.texting.upload_media(sender, self.bucket, _object_key(message, planned)))
        # Meta repeats it in what it reports about the message.
        return self.texting.send_whatsapp(sender, {**told, "biz_opaque_callback_data": receipts.reference(receipt)})


def _content(context: Context, message: Message) -> Content | None:
    sid = message.get("content_sid")
    return context.configuration.fetch(keys.content(context.account_sid, sid)) if sid else None


def _last_inbound(context: Context, receipt: Receipt) -> int | None:
    """When the person last wrote to the number. Only WhatsApp asks for that."""
    if channel_of(receipt["to_address"]) != WHATSAPP:
        return None
    return sessions.last(context, receipt["to_address"], receipt["from_address"])


def _object_key(message: Message, planned: Plan) -> str:
    return media.object_key({"service_sid": message["service_sid"], "sid": (planned.file or {})["sid"]})


def _check_scan(context: Context, message: Message, planned: Plan) -> None:
    """Check that nothing is wrong with a file: AWS takes it from the bucket, past the links that are checked.

    Raises:
        Unsendable: if a scan has found something in it.
        _Later: until it was scanned.
    """
    result = media.scanned(context, {"service_sid": message["service_sid"], "sid": (planned.file or {})["sid"]})
    if result is None:
        raise _Later(FILE_NOT_FETCHED)
    if not result:
        raise Unsendable(FILE_NOT_FETCHED)


def _meaning(refused: Refused, receipt: Receipt) -> Unsendable | _Later:
    """What a refusal of AWS means for the text. If only the operator can help, the log says how."""
    meaning = of_refusal(channel_of(receipt["to_address"]) or SMS, refused.exception, refused.reason)
    if meaning is None or meaning.cure:
        told = {"exception": refused.exception, "reason": refused.reason, "words": refused.words}
        cure = {"cure": meaning.cure} if meaning else {}
        logger.warning("AWS does not send a text", extra={**told, **cure, **_facts(receipt)})
    if meaning is None or meaning.is_busy:
        count(TEXTS_RETRIED)
        return _Later(EXPIRED)
    if meaning.is_out_of_money:
        count(TEXTS_HELD_BACK)
        return _Later(meaning.error_code)
    return Unsendable(meaning.error_code)


def _facts(receipt: Receipt) -> dict[str, str]:
    return {"receipt": receipts.reference(receipt), "sender": receipt["from_address"]}


def _fail(context: Context, path: Path, error_code: int) -> None:
    receipts.report(context, Report(path, FAILED, error_code))
    count(TEXTS_REFUSED, code=error_code)


def _put_off(context: Context, path: Path, receipt: Receipt) -> int:
    """Count in the receipt that the text is sent later; the seconds until then.

    SQS counts how often it has handed the text out. Most of these times, the text may only have waited behind another.
    """
    times = receipt.get("times_put_off", 0)
    counted = Update(RECEIPT.key(path), NOT_FOUND(), add={"times_put_off": 1}, announced=False)
    with ignoring(NOT_FOUND):
        context.table.commit(context.cause(), [counted])
    return int(min(_LONGEST_PAUSE_SECONDS, _PAUSE_SECONDS * 2 ** min(times, 10)))


def _note(context: Context, path: Path, message: Message, receipt: Receipt, provider_id: str) -> None:
    """Note AWS's id of a text. An event may have named it already; then the receipt has its SID too."""
    if channel_of(receipt["to_address"]) == WHATSAPP:
        expires_at = context.clock.now_ms() // 1000 + _CARRIED_SECONDS
        leading = {"reference": receipts.reference(receipt), "expires_at": expires_at}
        # First: whoever finds the id in the receipt can rely on the way back.
        context.table.commit(context.cause(), [Put(keys.carried(provider_id), leading)])
    prefix = prefix_of(receipt["to_address"], bool(message.get("media")))
    noted = {"provider_id": provider_id, "channel_message_sid": channel_message_sid(prefix, provider_id)}
    with ignoring(NOT_FOUND):
        context.table.commit(context.cause(), [Update(RECEIPT.key(path), NOT_FOUND(), set=noted, announced=False)])
