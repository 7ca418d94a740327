"""Changes: decodes each stream record into the change that one write made. Both stream functions read nothing else.

A change is the old and the new image, and the cause in the new one. It is announced if and only if that cause is new.
Counters, TTL and sweeps change items without a new cause, so they announce nothing. A stream record that arrives twice
decodes to the same change id.

A removal is an item that has left the table, whatever removed it: a commit, a sweep or TTL. It is announced to nobody.
But something outside the table, such as the object of a file, may have to be removed too.
"""

from __future__ import annotations

from typing import Any

from parley.frozen import frozen
from parley.ids import request_of
from parley.store.items import Record, from_item
from parley.store.keys import Key

# Sort key, or its beginning -> kind of record. Changes of other items are never announced.
_EXACT = {"CHANNEL": "channel", "USER": "user"}
_PREFIXES = {
    "MESSAGE#": "message",
    "MEMBER#": "member",
    "INVITE#": "invite",
    "SERVICE#": "service",
    "WEBHOOK#": "channel_webhook",
    "RECEIPT#": "receipt",
    "ROLE#": "role",
    "BINDING#": "binding",
    "CREDENTIAL#": "credential",
    "KEY#": "api_key",
    "ADDRESS#": "address_configuration",
    # A log entry has a cause only if no other record announces its change number to clients.
    "CHG#": "nothing",
}

# Sort key -> kind of record. Of other items, no removal is decoded.
_REMOVED = {"MEDIA": "media"}

# Kind of record -> sort key, or its beginning. Records of these kinds announce their own changes.
SORT_KEYS = {kind: text for text, kind in (_EXACT | _PREFIXES).items()}
KINDS = frozenset(SORT_KEYS)

_COUNTED = ("seq", "hooks", "members_count", "messages_count", "last_message_index")

# Stands for the key of a change that is not stored yet, because a pre-event webhook is being asked about it.
_NOWHERE: Key[Any] = Key("", "")
CREATED, UPDATED, DELETED = "created", "updated", "deleted"


@frozen
class Change:
    """One announced change.

    Attributes:
        kind: The kind of record that was changed; `nothing` for a log entry that only tells clients a change number.
        verb: created, updated or deleted.
        record: The record after the change; for a deletion the one before it, with the tombstone's `seq` and counters.
        old: The record before the change; empty for a creation.
        cause: Who did it and how: `id`, `actor`, `source`, `webhooks`, `request`, `at`.
        position: The stream's sequence number.
        key: Where the record stands.
    """

    kind: str
    verb: str
    record: Record
    old: Record
    cause: Record
    position: str
    key: Key[Any] = _NOWHERE

    @property
    def request_id(self) -> str:
        """The id of the request that led to it; empty if there was none."""
        return request_of(self.cause.get("id", ""))

    @property
    def channel_sid(self) -> str:
        """The channel it happened in; empty for users and services."""
        return str(self.record["sid"] if self.kind == "channel" else self.record.get("channel_sid", ""))


@frozen
class Removal:
    """One item that has left the table.

    Attributes:
        kind: The kind of record that it was.
        record: The record as it was last.
    """

    kind: str
    record: Record


def decode_removal(stream_record: dict[str, Any]) -> Removal | None:
    """The removal that a stream record holds, or None if something else has happened or nothing follows from it."""
    data = stream_record["dynamodb"]
    kind = _REMOVED.get(data["Keys"]["sk"]["S"])
    if kind is None or stream_record["eventName"] != "REMOVE":
        return None
    return Removal(kind, from_item(data["OldImage"]))


def decode(stream_record: dict[str, Any]) -> Change | None:
    """The change that a stream record holds, or None if it announces nothing."""
    data = stream_record["dynamodb"]
    key: Key[Any] = Key(data["Keys"]["pk"]["S"], data["Keys"]["sk"]["S"])
    kind = _kind(key.sk)
    new = from_item(data.get("NewImage", {}))
    old = from_item(data.get("OldImage", {}))
    cause = new.get("cause")
    if kind is None or not cause or cause["id"] == old.get("cause", {}).get("id"):
        return None
    was, is_now = bool(old) and "deleted_at" not in old, "deleted_at" not in new
    if was and not is_now:
        # The counters come from the tombstone. All other fields are as they were before the deletion.
        record = {**old, **{name: new[name] for name in _COUNTED if name in new}}
        return Change(kind, DELETED, record, old, cause, data["SequenceNumber"], key)
    if not is_now:
        return None
    verb = UPDATED if was else CREATED
    return Change(kind, verb, new, old if was else {}, cause, data["SequenceNumber"], key)


def request_id_in(stream_record: dict[str, Any]) -> str:
    """The id of the request that led to the write of a stream record, also of one that cannot be decoded.

    An item that was erased leads to the request that changed it last.
    """
    data = stream_record["dynamodb"]
    cause = (data.get("NewImage") or data.get("OldImage") or {}).get("cause", {}).get("M", {})
    return request_of(cause.get("id", {}).get("S", ""))


def _kind(sort_key: str) -> str | None:
    if sort_key in _EXACT:
        return _EXACT[sort_key]
    return next((kind for prefix, kind in _PREFIXES.items() if sort_key.startswith(prefix)), None)
