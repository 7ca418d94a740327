"""Messages: two plain writes each, addressed by their index.

The first write takes the index, the second writes the message. A crash between them leaves a gap in the indexes. It
never loses an acknowledged message, and no index is used twice. An idempotency token is a third plain write between the
two (`sent_tokens.py`).
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import Any, NamedTuple, cast

from parley.domain.channels import hour_of
from parley.domain.contents import check_together
from parley.domain.memberships import author_of, authored
from parley.errors import (
    BODY_REQUIRED,
    MEDIA_BODY_FIXED,
    MEDIA_USED,
    NOT_FOUND,
    Refusal,
)
from parley.ids import message_sid
from parley.operations import (
    attaching,
    authority,
    authorship,
    channel_log,
    contents,
    counting,
    lifecycle,
    sent_tokens,
    transitions,
    verbs,
)
from parley.operations.addressing import resolve
from parley.operations.channel_log import Decision
from parley.operations.context import Context
from parley.operations.paging import Listing, PageRequest, beside_index, page_of
from parley.operations.sending import Sending, repeated, written
from parley.records.messages import MESSAGE
from parley.records.spec import Path
from parley.store import keys
from parley.store.items import Record
from parley.store.table import Records
from parley.store.writes import Guard, Update
from parley.stored import Message, SentToken, Tail

# A repeat of a tagged call is looked for among so many messages.
_MOST_LOOKED_THROUGH = 50


class Tag(NamedTuple):
    """The unique name of a call, which its message keeps. If `may_repeat`, an earlier call may have had the name."""

    name: str
    may_repeat: bool


def create(
    context: Context, path: Path, parameters: dict[str, Any], token: str = "", tag: Tag | None = None
) -> Message:
    """A new message under the channel's next index.

    `token` makes the call repeatable: within ten minutes, the same token in the same channel answers with the message
    that the first call made. A token of a phone counts for 14 days in the whole account.

    `tag` makes it repeatable without any further write: a call that may be a repetition looks for its tag among the
    newest messages, and answers with the message that has it. Two calls at the same moment make two messages.

    A template gives the message its text. It is read together with all else that is read.

    Raises:
        Refusal: 50503 without a body; 50507 or 50508 for media; 20404 if there is no such channel; 50377 or 50386 in a
            conversation that takes none; 50513 in a group without the author.
    """
    sids = attaching.named(parameters)
    check_together(parameters.get("content_sid"), parameters.get("content_variables"))
    if parameters.get("body") is None and not sids and not parameters.get("content_sid"):
        raise BODY_REQUIRED()
    resolved = resolve(context, MESSAGE, path, opened=False)
    service_sid, channel_sid = path["service_sid"], resolved["channel_sid"]
    token_keys = [sent_tokens.key_of(context, channel_sid, token)] if token else []
    right = "sendMediaMessage" if sids else "sendMessage"
    announcement = context.announcement(channel_sid)
    author_keys = authorship.wanted(context, channel_sid, parameters.get("author"))
    also = [*token_keys, *author_keys, *attaching.wanted(sids), *contents.wanted(context, parameters)]
    found = authority.require(context, service_sid, channel_sid, (right,), also=also)
    earlier: SentToken = (found.get(token_keys[0]) if token else None) or {}
    if earlier and sent_tokens.is_living(context, earlier):
        try:
            sent = sent_tokens.message_of(context, service_sid, channel_sid, earlier)
        except sent_tokens.Repeated:
            return create(context, path, parameters, token, tag)
        if sent:
            return repeated(context, sent, announcement)
    if tag and tag.may_repeat and (tagged := _tagged(context, service_sid, channel_sid, tag.name)):
        return tagged
    parameters = contents.applied(context, found, parameters)
    sids = attaching.named(parameters)
    if sids:
        try:
            described = attaching.described(context, service_sid, found, sids)
        except Refusal as refusal:
            # One request reads the token and the files, but not at one moment. If another call with the token came in
            # between, it is that call's message that carries the files.
            if refusal.error is MEDIA_USED and token and context.table.fetch(token_keys[0]) != found.get(token_keys[0]):
                return create(context, path, parameters, token, tag)
            raise
        parameters = {**parameters, **described}
    parameters, found = _consulted(context, service_sid, channel_sid, right, parameters, found)
    author_name = parameters.get("author") or context.actor
    author, tail = authorship.of_participant(
        context,
        channel_sid,
        author_name,
        authorship.participant(context, found, channel_sid, author_name),
        lambda author, guards: (author, _next_index(context, service_sid, channel_sid, *guards)),
    )
    message = _new_message(context, service_sid, channel_sid, parameters, tail)
    message = authorship.stored(context, message, author, tail)
    if tag:
        message["tag"] = tag.name
    sending = Sending(message, tail, attaching.carried(context, sids, message), token)
    return written(context, sending, earlier, announcement)


def _consulted(
    context: Context, service_sid: str, channel_sid: str, right: str, parameters: dict[str, Any], found: Records
) -> tuple[dict[str, Any], Records]:
    """The parameters as the pre-event webhook leaves them, and the records of the author whom they name."""
    preview = {**_given(context, parameters), "service_sid": service_sid, "channel_sid": channel_sid}
    author = authorship.participant(context, found, channel_sid, preview["author"])
    preview |= author_of(preview, author["sid"] if author else None)
    answered = context.consult(
        "message",
        "create",
        preview,
        parameters,
        lambda fresh: authority.require(fresh, service_sid, channel_sid, (right,)),
    )
    if answered.get("author") != parameters.get("author"):
        found = authorship.read(context, channel_sid, answered.get("author") or context.actor)
    return answered, found


def _next_index(context: Context, service_sid: str, channel_sid: str, *guards: Guard) -> Tail:
    """Take the channel's next index for a message; returns the counters afterwards."""
    # The new message is the newest. So `last_message_index`, which names an older one, is removed.
    # An inactive conversation is woken only for a message that it takes.
    return transitions.awake(
        context,
        service_sid,
        channel_sid,
        lambda context: channel_log.advance(
            context,
            service_sid,
            channel_sid,
            {"last_index": 1},
            *lifecycle.is_open(),
            *guards,
            lifecycle.is_awake(),
            last_message_index=None,
            **lifecycle.activity(context.clock.now_ms()),
        ),
    )


def _tagged(context: Context, service_sid: str, channel_sid: str, name: str) -> Message | None:
    """The message with this tag, if it is among the newest."""
    page = context.table.page(keys.messages(channel_sid), _MOST_LOOKED_THROUGH, descending=True)
    found = next((item.record for item in page.found if item.record.get("tag") == name), None)
    return authorship.shown(context, verbs.belonging(found, {"service_sid": service_sid}))[0] if found else None


def _new_message(
    context: Context, service_sid: str, channel_sid: str, parameters: dict[str, Any], tail: Tail
) -> Message:
    record = {
        **_given(context, parameters),
        "sid": message_sid(channel_sid, tail["last_index"]),
        "service_sid": service_sid,
        "channel_sid": channel_sid,
        "index": tail["last_index"],
        # Stays when an edit moves `seq`, so that a returning client is told of a new message and not of an edit.
        "created_seq": tail["seq"],
        **channel_log.mark(tail),
        "date_created": context.clock.now_ms(),
        "activity_hour": _earlier_hour(tail),
    }
    return cast(Message, verbs.dated(record, parameters))


def _earlier_hour(tail: Tail) -> int | None:
    """The hour under which the conversation is listed as active, if it differs from the hour of its last activity."""
    hour = tail.get("activity_hour")
    return None if hour in (None, hour_of(tail["activity_at"])) else hour


def _given(context: Context, parameters: dict[str, Any]) -> Record:
    author = parameters.get("author") or context.actor
    given = {name: value for name, value in parameters.items() if name not in ("media_sid", "media_sids")}
    return verbs.non_null(given | _authored(context, author))


def _authored(context: Context, author: str) -> dict[str, Any]:
    """The attributes that say who wrote a message. The birth is known only if the author is the acting client."""
    caller = context.caller
    return authored(author, caller.birth if author == caller.identity else "", context.clock.now_ms())


def fetch(context: Context, path: Path, parameters: dict[str, Any]) -> Message:
    """The message, in one request; a client must be in the channel.

    Raises:
        Refusal: 20404; 50400 for a client that is not a member.
    """
    resolved = resolve(context, MESSAGE, path)
    authority.require(context, path["service_sid"], resolved["channel_sid"], ())
    return authorship.shown(context, verbs.load(context, MESSAGE, resolved))[0]


def list_(context: Context, path: Path, parameters: dict[str, Any], page: PageRequest) -> Listing:
    """One page of a channel's messages by index, ascending unless `order` is `desc`.

    Positions are indexes.
    """
    resolved = resolve(context, MESSAGE, path)
    authority.require(context, path["service_sid"], resolved["channel_sid"], ())
    descending = parameters.get("order") == "desc"
    is_below = descending != page.is_back
    edge = int(page.before or page.after or -1)
    bound = keys.padded(edge) if edge >= 0 else None
    after, before = (None, bound) if is_below else (bound, None)
    where = keys.messages(resolved["channel_sid"])
    found, more = context.table.page(where, page.size, after=after, before=before, descending=is_below)
    beside = partial(beside_index, descending=descending)
    shown = authorship.shown(context, *(item.record for item in found))
    return page_of([(str(one["index"]), {**one}) for one in shown], page, more=more, beside=beside)


def update(context: Context, path: Path, parameters: dict[str, Any]) -> Message:
    """The message with the given fields changed, marked as edited by the caller.

    Raises:
        Refusal: 20404; 50107; 50509; 50513 for a new author in a group that is not one of its participants.
    """
    resolved = resolve(context, MESSAGE, path, opened=False)
    message = verbs.load(context, MESSAGE, resolved)
    _may_update(context, message, parameters)
    asked = tuple(parameters)
    parameters = context.consult(
        "message",
        "update",
        {**message, **parameters},
        parameters,
        lambda fresh: _may_update(fresh, verbs.load(fresh, MESSAGE, resolved), asked),
    )
    changes = {"last_updated_by": context.actor, **verbs.changed(context, parameters), "was_edited": True}

    def changed(changes: dict[str, Any], *guards: Guard) -> Message:
        def decide(current: Message, _: Tail) -> Decision:
            if _whose(current) != _whose(message):
                _may_update(context, current, asked)
            return Decision(Update(MESSAGE.key(resolved), NOT_FOUND(), set=changes))

        stored = channel_log.change(context, "message", "updated", message, decide, *guards)[0]
        return authorship.shown(context, stored)[0]

    author = changes.pop("author", None)
    if not author:
        return changed(changes)
    changes |= _authored(context, author)
    return authorship.changed(
        context, cast(Message, {**message, **changes}), lambda fields, guards: changed({**changes, **fields}, *guards)
    )


def _whose(message: Message) -> tuple[object, ...]:
    return tuple(message.get(name) for name in ("author", "author_birth", "author_at"))


def _may_update(context: Context, message: Message, parameters: Iterable[str]) -> None:
    """Check the caller's rights to change the given fields of a message by this author.

    Raises:
        Refusal: 50107; 50509 for the body of a media message.
    """
    where = message["service_sid"], message["channel_sid"]
    is_own = authority.is_author(context, message)
    authority.require_to_set(context, MESSAGE, "update", parameters, *where, is_own=is_own)
    if message.get("type") == "media" and "body" in parameters:
        raise MEDIA_BODY_FIXED()


def delete(context: Context, path: Path, parameters: dict[str, Any]) -> None:
    """Remove a message and its files; `last_message` moves back if it was the newest. Its index is never used again."""
    resolved = resolve(context, MESSAGE, path, opened=False)
    message = verbs.load(context, MESSAGE, resolved)
    _may_delete(context, message)
    context.consult(
        "message", "delete", message, {}, lambda fresh: _may_delete(fresh, verbs.load(fresh, MESSAGE, resolved))
    )

    def decide(current: Message, tail: Tail) -> Decision:
        if _whose(current) != _whose(message):
            _may_delete(context, current)
        return Decision(
            verbs.bury(context, MESSAGE, resolved, current),
            [counting.one_message_less(context, current, tail), *attaching.erased(current)],
        )

    channel_log.change(context, "message", "deleted", message, decide)


def _may_delete(context: Context, message: Message) -> None:
    own = ("deleteOwnMessage",) if authority.is_author(context, message) else ()
    wanted = ("deleteAnyMessage", *own)
    authority.require(context, message["service_sid"], message["channel_sid"], wanted)
