"""What `updateReasons` says of an update: the vendor's name for each field that has another value now.

https://www.twilio.com/docs/chat: `updateReasons` of the JavaScript client's events.
"""

from __future__ import annotations

from parley.domain.presence import is_notifiable
from parley.store.items import Record

_FIELDS: dict[str, dict[str, str]] = {
    "channel": {
        "attributes": "attributes",
        "created_by": "createdBy",
        "date_created": "dateCreated",
        "date_updated": "dateUpdated",
        "friendly_name": "friendlyName",
        "unique_name": "uniqueName",
    },
    "member": {
        "attributes": "attributes",
        "date_created": "dateCreated",
        "date_updated": "dateUpdated",
        "role_sid": "roleSid",
        "last_consumed_message_index": "lastConsumedMessageIndex",
        "last_consumption_timestamp": "lastConsumptionTimestamp",
    },
    "message": {
        "body": "body",
        "last_updated_by": "lastUpdatedBy",
        "date_updated": "dateUpdated",
        "date_created": "dateCreated",
        "attributes": "attributes",
        "author": "author",
    },
    "user": {"friendly_name": "friendlyName", "attributes": "attributes", "is_online": "online"},
}
DATE_UPDATED = "dateUpdated"


def every_reason(kind: str) -> list[str]:
    """What may have changed, where the version before is not known."""
    return list(_FIELDS[kind].values())


def update_reasons(kind: str, old: Record, new: Record) -> list[str]:
    """The reasons of an update, in the vendor's order of naming."""
    reasons = [reason for name, reason in _FIELDS.get(kind, {}).items() if old.get(name) != new.get(name)]
    if kind == "user" and is_notifiable(old) != is_notifiable(new):
        reasons.append("notifiable")
    return reasons
