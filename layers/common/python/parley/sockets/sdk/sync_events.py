"""Events of Sync objects, as pushes and replays tell them: an item or a document came, changed or went.

Pushes are live: they come in about the order of the changes. Replays answer a subscription and come strictly in order.
SDKs tell pushes from replays by the type of the notification. Each notification has one event, because the older SDKs
read only one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from parley.clock import iso_millis
from parley.sockets.sdk import packets
from parley.sockets.sdk.objects import DOCUMENT, LIST, MAP, SyncObject, event_id, number_in, repeated_id

ADDED, UPDATED, REMOVED = "added", "updated", "removed"
REPLAYED = "twilio.sync.event"
_LIVE = {of: f"com.twilio.rtd.cds.{of}" for of in (DOCUMENT, LIST, MAP)}
# How lists and maps call the key of an item.
_KEY = {LIST: "index", MAP: "key"}


class SyncEvent(NamedTuple):
    """One event.

    Attributes:
        name: Its type, such as `map_item_added`.
        body: What the SDKs read of it.
        of: The object in which it happened.
    """

    name: str
    body: dict[str, Any]
    of: SyncObject

    @property
    def payload(self) -> dict[str, Any]:
        """The payload of the event's notification."""
        return {"event_type": self.name, "event": self.body}

    def repeated(self) -> SyncEvent:
        """The same event with an id by which SDKs take it once more, in case they have lost what it shows.

        SDKs apply a removal whatever its id. If one that is late removes what came back since, only a higher id helps.
        """
        again = repeated_id(number_in(self.body["id"]))
        return self._replace(body={**self.body, "id": again})

    def live(self) -> bytes:
        """The packet of a push."""
        return packets.notification(_LIVE[self.of.type], self.payload)

    def replayed(self) -> bytes:
        """The packet of a replay."""
        return packets.notification(REPLAYED, self.payload)


def item(
    of: SyncObject, verb: str, key: int | str, record: Mapping[str, Any], data: dict[str, Any] | None = None
) -> SyncEvent:
    """The event of an item in a list or a map, after the change that `record` names; a removal needs no data."""
    name = _KEY[of.type]
    body = {
        **_changed(of, record),
        f"item_{name}": key,
        "item_url": f"{of.items_url}/{key}",
        "item_revision": _revision(record),
        "item_data": data,
        "date_expires": None,
    }
    return SyncEvent(f"{of.type}_item_{verb}", body, of)


def document_updated(of: SyncObject, record: Mapping[str, Any], data: dict[str, Any]) -> SyncEvent:
    """The event of a document that changed with the change that `record` names."""
    return SyncEvent("document_updated", {**_changed(of, record), "document_data": data}, of)


def removed(of: SyncObject, record: Mapping[str, Any]) -> SyncEvent:
    """The event of an object that went with the change that `record` names."""
    return SyncEvent(f"{of.type}_removed", _changed(of, record), of)


def _changed(of: SyncObject, record: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "id": event_id(record.get("seq", 0)),
        "date_created": iso_millis(changed_at(record)),
        f"{of.type}_sid": of.sid,
        f"{of.type}_unique_name": of.unique_name,
        f"{of.type}_revision": _revision(record),
    }


def _revision(record: Mapping[str, Any]) -> str:
    return str(record.get("seq", 0))


def changed_at(record: Mapping[str, Any] | None) -> int:
    """When a record was changed or deleted; 0 if there is none."""
    known = record or {}
    cause = known.get("cause") or {}
    return int(cause.get("at") or known.get("date_updated") or 0)
