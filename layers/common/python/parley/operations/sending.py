"""Sending: writes a new message that has taken its index, and decides what happens if the writes are refused."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple, cast

from parley.errors import CONCURRENT_UPDATE, NOT_FOUND, UNAVAILABLE, Refusal
from parley.metrics import MESSAGES, count
from parley.operations import authorship, channel_log, counting, sent_tokens
from parley.operations.announcing import Announcement
from parley.operations.context import Context
from parley.store import keys
from parley.store.keys import Key
from parley.store.writes import Write
from parley.stored import Message, SentToken, Tail

# How often a call with a token is tried again, because another call with the token came in between.
_ATTEMPTS = 5


class Sending(NamedTuple):
    """A new message that has taken its index, with these counters; `files` are the writes that give it its files.

    `token` is empty if it may not be repeated.
    """

    message: Message
    tail: Tail
    files: list[Write]
    token: str


def written(context: Context, sending: Sending, earlier: SentToken, announcement: Announcement) -> Message:
    """Write a new message. If another call with the token came first, the message is that call's.

    `earlier` is what the token's key holds.
    """
    is_given_up = False
    for _ in range(_ATTEMPTS):
        try:
            message = _write(context, sending, earlier, announcement)
            break
        except sent_tokens.Repeated as refusal:
            is_given_up = is_given_up or isinstance(refusal, sent_tokens.GivenUp)
        except Refusal as refusal:
            # When the table is too busy, it is not known whether the message was written; the counters settle later.
            # If the token leads to this index, a repetition gives it up.
            if refusal.error is not UNAVAILABLE and not _is_led_to(context, sending):
                _give_back(context, sending)
            raise
        earlier = context.table.fetch(_key(context, sending)) or SentToken()
        try:
            sent = sent_tokens.message_of(context, *_where(sending), earlier) if earlier else None
        except sent_tokens.Repeated:
            continue
        if sent:
            _give_back(context, sending, is_known=is_given_up)
            return repeated(context, sent, announcement)
    else:
        _give_back(context, sending, is_known=is_given_up)
        raise CONCURRENT_UPDATE()
    announcement.push(message)
    count(MESSAGES)
    counting.settle_at_every_fiftieth(context, message)
    return authorship.shown(context, message)[0]


def _write(context: Context, sending: Sending, earlier: SentToken, announcement: Announcement) -> Message:
    """Carry out the writes of a new message. `earlier` is what its token's key holds."""
    message = sending.message
    writes: list[Write] = [sent_tokens.new_message(message, sending.token)]
    if sending.token:
        is_unwritten = "seq" in earlier and sent_tokens.is_living(context, earlier)
        is_apart = not (is_unwritten or sending.files or context.caller.address)
        token = sent_tokens.leading_to(context, _key(context, sending), message, earlier, is_apart=is_apart)
        if is_apart:
            context.table.commit(context.cause(), [token])
        else:
            writes.append(token)
        if is_unwritten:
            writes += sent_tokens.giving_up(context, *_where(sending), earlier)
    # Behind the token: of two calls with one token, the second must learn that it is a repetition, and not that the
    # first one's message carries the file.
    writes += sending.files
    # The cause says when the budget of the fast path begins. So it is made before the announcement waits.
    cause = context.cause()
    cause = replace(cause, fast=announcement.is_promised(sending.tail))
    return cast(Message, context.table.commit(cause, writes)[0])


def _key(context: Context, sending: Sending) -> Key[SentToken]:
    return sent_tokens.key_of(context, sending.message["channel_sid"], sending.token)


def _is_led_to(context: Context, sending: Sending) -> bool:
    token = context.table.fetch(_key(context, sending)) if sending.token else None
    if token is None:
        return False
    channel_sid, index = sending.message["channel_sid"], sending.message["index"]
    return (token.get("channel_sid", channel_sid), token["index"]) == (channel_sid, index)


def _where(sending: Sending) -> tuple[str, str]:
    return sending.message["service_sid"], sending.message["channel_sid"]


def repeated(context: Context, message: Message, announcement: Announcement) -> Message:
    """The message that was sent with a token, for a caller that may have lost the reply and the push with it."""
    if message.get("seq") == message.get("created_seq", -1):
        # Of a later edit or deletion, fan-out tells.
        announcement.repeat(message)
    return message


def _give_back(context: Context, sending: Sending, *, is_known: bool = False) -> None:
    """Undo what a failed send took: announce its change number as unused, and lower the count of messages.

    If it `is_known` that the number is unused, it was announced already.
    """
    message, (service_sid, channel_sid) = sending.message, _where(sending)
    number = channel_log.unused_number(context, service_sid, channel_sid, sending.tail["seq"])
    context = context.sharing_patience()
    patience = context.table.patience()
    while True:
        counters = context.table.fetch(keys.tail(channel_sid))
        if counters is None:
            raise NOT_FOUND()
        try:
            less = counting.one_message_less(context, message, counters)
            context.table.commit(context.cause(), [less] if is_known else [number, less])
            return
        except channel_log.Overtaken:
            if not patience.wait():
                # A later request settles the counters, and clients that catch up learn that the number is unused.
                return
