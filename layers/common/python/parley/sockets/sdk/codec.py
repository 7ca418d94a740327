"""The codec of the protocol of Twilio's JavaScript SDKs: it renders news as packets.

    change                      packets
    --------------------------- --------------------------------------------------------------------------------------
    message created             list item added; document
    message updated, deleted    list item updated, removed; the document too if the newest message was deleted
    member created, deleted     roster item added, removed; the user's own channels: item added, removed
    member updated              roster item updated; the user's own channels if the horizon or the level changed
    invite created, deleted     the invited user's own channels: item added, removed
    channel updated             document
    channel deleted             each user's own channels: item removed; then document removed
    user updated                one item of the user's info per changed field

A document shows the channel as it is now, so of several updates in a batch only the last one is sent.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

from parley.domain.channels import newest_index
from parley.domain.memberships import user_of
from parley.errors import TOKEN_EXPIRED, USER_NOT_FOUND, Error, Refusal
from parley.faces.errors import refuse, translate
from parley.operations.context import CHAT
from parley.sockets.codec import CannotShow, News, Piece
from parley.sockets.sdk import items, objects, packets, sync_events
from parley.sockets.sdk.sync_events import ADDED, REMOVED, UPDATED, SyncEvent
from parley.stored import Connection

TYPING = "twilio.ipmsg.typing_indicator"
# The statuses in `close` packets. After 401 and 410, an SDK waits for a new token; after 406, for nothing. After any
# other, it connects again.
_TOKEN_OVER, _NOT_ALLOWED, _ENDED = 410, 401, 406
_CLOSING: Mapping[Error, int] = {TOKEN_EXPIRED: _TOKEN_OVER, USER_NOT_FOUND: _NOT_ALLOWED}

# What changed of a user, and the item of the user's info that shows it.
_INFO = {
    "friendlyName": items.FRIENDLY_NAME,
    "attributes": items.ATTRIBUTES,
    "online": items.REACHABILITY,
    "notifiable": items.REACHABILITY,
}


class Packet(NamedTuple):
    """A piece: the bytes of one packet, and the SID of the document that it updates, if it does."""

    body: bytes
    document: str = ""


def codec(rest_url: str, account_sid: str) -> TwilsockCodec:
    """The codec of a deployment whose records have URLs below `rest_url`."""
    return TwilsockCodec(rest_url, account_sid)


class TwilsockCodec:
    """A piece is a packet. Each event goes out in a packet of its own."""

    def __init__(self, rest_url: str, account_sid: str):
        self.rest_url = rest_url
        self.account_sid = account_sid

    def shows_channel(self, kind: str, verb: str) -> bool:
        return (kind, verb) in _SHOWING_CHANNEL

    def is_personal(self, event: str) -> bool:
        return event == "channel_deleted"

    def render(self, news: News, user_sid: str) -> Sequence[Piece]:
        return [_packet(event) for event in _RENDERED[news.event](news, user_sid)]

    def marked(self, piece: Piece, request: str) -> Piece:
        return piece

    def is_fast(self, piece: Piece) -> bool:
        # A document shows the channel as it is, and an SDK ignores one with a lower id than it knows. So documents come
        # from fan-out alone, in the order of the changes.
        return isinstance(piece, Packet) and not piece.document

    def packed(self, pieces: Sequence[Piece]) -> list[bytes]:
        sent = list(dict.fromkeys(piece for piece in pieces if isinstance(piece, Packet)))
        last = {piece.document: piece for piece in sent}
        return [piece.body for piece in sent if not piece.document or last[piece.document] is piece]

    def typing(self, channel_sid: str, identity: str, seconds: int) -> bytes:
        told = {"channel_sid": channel_sid, "identity": identity, "typing_timeout": seconds}
        return packets.notification(TYPING, told)

    def reveals(self, event: str) -> bool:
        return False

    def missed(self, channels: Mapping[str, int]) -> bytes | None:
        # An SDK does not notice what it missed, but when it connects again, it asks for everything since.
        return None

    def token_ends_soon(self, connection: Connection) -> bytes:
        header = {"method": "client_update", "id": f"TU{connection['token_expires_at']}"}
        return packets.encode({**header, "client_update_type": "token_about_to_expire"})

    def token_ended(self, connection: Connection) -> bytes:
        return self.ended(TOKEN_EXPIRED())

    def ended(self, refusal: Refusal) -> bytes:
        answer = translate(CHAT.errors, refusal)
        by_status = _NOT_ALLOWED if answer.status in (401, 403) else _ENDED
        status = packets.status(_CLOSING.get(refusal.error, by_status))
        why = {**status, "errorCode": answer.code, "description": answer.text}
        return packets.encode({"method": "close", "id": f"TC{answer.code}", "status": why})

    def refused(self, text: str, refusal: Refusal) -> str:
        return packets.refused(packets.id_in(text), refuse(CHAT.errors, refusal)).decode()


def _packet(event: SyncEvent) -> Packet:
    return Packet(event.live(), event.of.sid if event.name == "document_updated" else "")


def _document(news: News) -> list[SyncEvent]:
    """The update of the channel's document; none if the channel has been deleted since."""
    channel, tail = news.channel or {}, news.tail
    # The tombstone of the counters has no index.
    if "sid" not in channel or tail is None or "last_index" not in tail:
        return []
    of = objects.document(news.channel_sid)
    return [sync_events.document_updated(of, news.record, items.channel_data(channel, tail))]


def _of_channel(news: News, user_sid: str) -> list[SyncEvent]:
    found = _document(news)
    if not found:
        raise CannotShow(news.channel_sid)
    return found


def _of_document(news: News, user_sid: str) -> list[SyncEvent]:
    is_deletion = (news.kind, news.verb) == ("message", "deleted")
    return [] if is_deletion and not _was_newest(news) else _document(news)


def _was_newest(news: News) -> bool:
    """Whether a deleted message was the newest one."""
    tail = news.tail
    return tail is not None and "last_index" in tail and news.record["index"] > newest_index(tail)


def _of_messages(verb: str) -> Callable[[News, str], list[SyncEvent]]:
    def render(news: News, user_sid: str) -> list[SyncEvent]:
        data = None if verb == REMOVED else items.message_item(news.record)
        of = objects.messages(news.channel_sid)
        happened = [sync_events.item(of, verb, news.record["index"], news.record, data)]
        return happened + ([] if verb == UPDATED else _of_document(news, user_sid))

    return render


def _of_roster(verb: str) -> Callable[[News, str], list[SyncEvent]]:
    def render(news: News, user_sid: str) -> list[SyncEvent]:
        data = None if verb == REMOVED else items.roster_item(news.record)
        return [sync_events.item(objects.roster(news.channel_sid), verb, news.record["sid"], news.record, data)]

    return render


def _of_own_channels(verb: str) -> Callable[[News, str], list[SyncEvent]]:
    def render(news: News, user_sid: str) -> list[SyncEvent]:
        person = user_of(news.record)
        if person is None:
            return []
        data = None
        if verb != REMOVED:
            data = items.membership_item(news.record, (news.channel or {}).get("type"))
        return [sync_events.item(objects.channels(person.user_sid), verb, news.channel_sid, news.record, data)]

    return render


def _of_deleted_channel(news: News, user_sid: str) -> list[SyncEvent]:
    own = sync_events.item(objects.channels(user_sid), REMOVED, news.channel_sid, news.record)
    return [own, *_of_deleted_document(news, user_sid)]


def _of_deleted_document(news: News, user_sid: str) -> list[SyncEvent]:
    return [sync_events.removed(objects.document(news.channel_sid), news.record)]


def _of_info(news: News, user_sid: str) -> list[SyncEvent]:
    of = objects.info(news.record["sid"])
    shown = items.user_items(news.record, news.is_reachability_enabled)
    changed = dict.fromkeys(_INFO[reason] for reason in news.reasons if reason in _INFO)
    return [sync_events.item(of, UPDATED, key, news.record, shown[key]) for key in changed if key in shown]


def _nothing(news: News, user_sid: str) -> Iterable[SyncEvent]:
    """For events that have no packet: a user who leaves loses the channel with the item of its own channels."""
    return ()


_RENDERED: Mapping[str, Callable[[News, str], Iterable[SyncEvent]]] = {
    "message_created": _of_messages(ADDED),
    "message_updated": _of_messages(UPDATED),
    "message_deleted": _of_messages(REMOVED),
    "document_changed": _of_document,
    "document_deleted": _of_deleted_document,
    "channel_joined": _of_own_channels(ADDED),
    "member_created": _of_roster(ADDED),
    "member_updated": _of_roster(UPDATED),
    "membership_updated": _of_own_channels(UPDATED),
    "horizon_moved": _of_own_channels(UPDATED),
    "member_deleted": _of_roster(REMOVED),
    "channel_left": _of_own_channels(REMOVED),
    "channel_lost": _nothing,
    "channel_created": _nothing,
    "channel_updated": _of_channel,
    "channel_deleted": _of_deleted_channel,
    "channel_offered": _of_own_channels(ADDED),
    "offer_ended": _of_own_channels(REMOVED),
    "advanced": _nothing,
    "user_updated": _of_info,
}
# The changes whose packets show the channel or its counters.
_SHOWING_CHANNEL = {
    ("message", "created"),
    ("message", "deleted"),
    ("member", "created"),
    ("member", "updated"),
    ("invite", "created"),
    ("channel", "updated"),
}
