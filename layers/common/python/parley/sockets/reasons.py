"""What `updateReasons` says of an update: Twilio's name for each field that has another value now.

The names stand with the fields, in `parley/records`. A field of which clients are not told says so there.
"""

from __future__ import annotations

from typing import Any

from parley.records.channels import CHANNEL
from parley.records.members import MEMBER
from parley.records.messages import MESSAGE
from parley.records.spec import COMMON_FIELDS, NO_REASON, Field
from parley.records.users import USER
from parley.store.items import Record

DATE_UPDATED = "dateUpdated"
# A member's own business, of which the others are not told.
NOTIFICATION_LEVEL = "notificationLevel"
NOTIFIABLE = "notifiable"

_TYPES = {one.name: one for one in (CHANNEL, MEMBER, MESSAGE, USER)}
# What is stored beside the declared fields and is nobody's news: numbers of changes, what belongs to whom, causes.
BOOKKEEPING = {
    *COMMON_FIELDS,
    *("seq", "hooks", "created_seq", "birth", "creator_birth", "joined_at"),
    *("author_birth", "author_at"),
    *("cause", "deleted_at", "expires_at"),
    # Computed where a user is shown, from the number of devices.
    "is_notifiable",
}


def every_reason(kind: str) -> list[str]:
    """What may have changed, where the version before is not known."""
    return [field.reason for field in _TYPES[kind].fields if field.reason not in ("", NO_REASON)]


def update_reasons(kind: str, old: Record, new: Record) -> list[str]:
    """The reasons of an update, in the order in which the type declares its fields."""
    fields = _TYPES[kind].fields if kind in _TYPES else ()
    changed = [field for field in fields if _told_value(field, old) != _told_value(field, new)]
    return [field.reason for field in changed if field.reason not in ("", NO_REASON)]


def undeclared(kind: str, old: Record, new: Record) -> set[str]:
    """The changed attributes of which nothing says whether clients are told."""
    names = {name for name in {*old, *new} if old.get(name) != new.get(name)}
    return names - BOOKKEEPING - declared(kind)


def declared(kind: str) -> set[str]:
    """The names of the fields that say what clients are told of a change."""
    return {field.name for field in _TYPES[kind].fields if field.reason}


def _told_value(field: Field, record: Record) -> Any:
    """A field's value as far as clients are told of a change of it."""
    value = record.get(field.name)
    if field.reason == NOTIFIABLE:
        # How many devices a user has is not told, only whether there are any.
        return bool(value)
    return field.default if value is None else value
