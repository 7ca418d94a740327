"""Idempotency tokens of messages: a message that is sent twice under one token is stored once.

A token is an item that leads to a message. It is written after the message's index was taken, and before the message:

    UpdateItem   TAIL          takes an index and a change number
    PutItem      IDEMPOTENCY   leads to that index                if there is no such token
    PutItem      MESSAGE       the message                        if nothing was ever written there

A transaction of token and message would cost twice as much. If two calls have the same token, the second finds the
token and answers with the first one's message.

If a call dies after the second write, its token leads to no message. A repetition then takes an index of its own. In
one transaction it gives up the first index, makes the token lead to its own index, and writes the message there. At the
index that was given up it leaves a tombstone, which no message replaces. So if the first call was only slow, its last
write is refused, and it answers with the repetition's message.

A message with files, or from a phone, is written in one transaction with its token. Such a token has no `seq`.

A token counts in one channel. The token of a message from a phone counts in the whole account: when the carrier repeats
the message, its conversation may be closed, or the phone may be in another one.
"""

from __future__ import annotations

from typing import cast

from parley.errors import CONCURRENT_UPDATE, Refusal
from parley.ids import message_sid
from parley.operations import burials, channel_log, verbs
from parley.operations.context import Context
from parley.store import keys
from parley.store.keys import Key
from parley.store.writes import Create, Guard, Update, Write
from parley.stored import Message, SentToken

# For so long, a repeat with the same token is answered with the first result. A phone's message may be repeated for as
# long as the work queue keeps it.
IDEMPOTENCY_SECONDS = 600
_OF_PHONES_SECONDS = 14 * 24 * 3600

# What a token remembers of its message, to answer a repetition that comes after the message was deleted.
_REMEMBERED = ("index", "author", "date_created", "date_updated")
# How long a repetition pauses for a call that is still at work, and how young the token of such a call is.
_PAUSES_MS = (50, 100, 200)
_YOUNG_MS = 5_000


class Repeated(Refusal):
    """Raised when another call with the token came first."""

    def __init__(self) -> None:
        super().__init__(CONCURRENT_UPDATE)


class GivenUp(Repeated):
    """Raised when a repetition has given up the index of this call, which was too slow."""


def key_of(context: Context, channel_sid: str, token: str) -> Key[SentToken]:
    """Where a token stands that the caller uses in a channel."""
    return keys.idempotency(context.account_sid if context.caller.address else channel_sid, token)


def is_living(context: Context, token: SentToken) -> bool:
    """Whether a token counts. DynamoDB may keep an expired one for days."""
    return token["expires_at"] > context.clock.now_ms() // 1000


def lasts_until(context: Context) -> int:
    """Until when a token of the caller counts, in seconds since the epoch."""
    seconds = _OF_PHONES_SECONDS if context.caller.address else IDEMPOTENCY_SECONDS
    return context.clock.now_ms() // 1000 + seconds


def leading_to(context: Context, key: Key[SentToken], message: Message, earlier: SentToken, *, is_apart: bool) -> Write:
    """The write that lets a token lead to a new message. It is refused as `Repeated` if another call came first.

    `is_apart` says that the message is written later, and not in the same transaction. `earlier` is what the key holds:
    nothing, or an expired token, which DynamoDB may keep for days, or one that leads to no message.
    """
    record = {name: value for name, value in message.items() if name in _REMEMBERED}
    record["expires_at"] = lasts_until(context)
    record["seq"] = message["seq"] if is_apart else None
    # Only this item says to which channel a token of the account leads.
    record["channel_sid"] = message["channel_sid"] if context.caller.address else None
    if not earlier:
        return Create(key, record, taken=Repeated())
    unchanged = Guard("index", "=", earlier["index"], Repeated())
    # It announces nothing. But with a cause, a repetition after a lost answer is known as one.
    return Update(key, Repeated(), set=record, guards=(unchanged,))


def new_message(message: Message, token: str) -> Create:
    """The write of a new message. No index is used twice, so not even a tombstone is replaced."""
    refusal = GivenUp() if token else CONCURRENT_UPDATE()
    never_written = Guard("deleted_at", "missing", None, refusal)
    key = keys.message(message["channel_sid"], message["index"])
    return Create(key, message, taken=refusal, guards=(never_written,))


def giving_up(context: Context, service_sid: str, channel_sid: str, token: SentToken) -> list[Write]:
    """The writes that give up the index to which a token leads. They are refused as `Repeated` if it has a message."""
    index, seq, now = token["index"], token["seq"], context.clock.now_ms()
    names = {"sid": message_sid(channel_sid, index), "service_sid": service_sid, "channel_sid": channel_sid}
    numbers = {"index": index, "seq": seq, "created_seq": seq}
    ends = {"deleted_at": now, "expires_at": now // 1000 + burials.DELAY_SECONDS}
    never_written = Guard("deleted_at", "missing", None, Repeated())
    tombstone = {**names, **numbers, **ends, "given_up": True}
    return [
        Create(keys.message(channel_sid, index), tombstone, taken=Repeated(), guards=(never_written,)),
        channel_log.unused_number(context, service_sid, channel_sid, seq),
    ]


def message_of(context: Context, service_sid: str, channel_sid: str, token: SentToken) -> Message | None:
    """The message to which a token leads. If it was deleted, only the fields that the token remembers.

    None if the message was not written. A call that is still at work gets a moment to write it.

    Raises:
        Refusal: 20404 if the channel is gone; `Repeated` if the token leads elsewhere by now.
    """
    if token.get("channel_sid", channel_sid) != channel_sid:
        return _remembered(service_sid, token["channel_sid"], token)
    message_key, tail_key = keys.message(channel_sid, token["index"]), keys.tail(channel_sid)
    pauses = list(_PAUSES_MS)
    while True:
        found = context.table.fetch_many([message_key, tail_key], buried=True)
        living = found.living()
        verbs.belonging(living.get(tail_key), {"service_sid": service_sid})
        if message_key in living:
            return living[message_key]
        if found.get(message_key, cast(Message, {})).get("given_up"):
            raise Repeated()
        if message_key in found or "seq" not in token or not pauses or not _is_young(context, token):
            break
        context.clock.sleep(pauses.pop(0) / 1000)
    if message_key not in found and "seq" in token and not _was_written(context, channel_sid, token):
        return None
    return _remembered(service_sid, channel_sid, token)


def _remembered(service_sid: str, channel_sid: str, token: SentToken) -> Message:
    names = {"service_sid": service_sid, "channel_sid": channel_sid, "sid": message_sid(channel_sid, token["index"])}
    return cast(Message, names | {name: value for name, value in token.items() if name in _REMEMBERED})


def _is_young(context: Context, token: SentToken) -> bool:
    return context.clock.now_ms() - token["cause"]["at"] < _YOUNG_MS


def _was_written(context: Context, channel_sid: str, token: SentToken) -> bool:
    """Whether a message that is not there has been there. Its deletion is in the channel's log, which outlasts it."""
    sid, after = message_sid(channel_sid, token["index"]), keys.padded(token["seq"])
    entries = context.table.page(keys.changes(channel_sid), 1, after=after, matching={"sid": [sid]})
    return bool(entries.found)
