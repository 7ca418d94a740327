"""The `updateReasons` of an update: Twilio's name for each field that has changed.

Each field declares its name in `parley/records`, or declares that clients do not hear of it.
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
# Only the member itself hears of this; the other members do not.
NOTIFICATION_LEVEL = "notificationLevel"
HORIZON = "lastConsumedMessageIndex"
NOTIFIABLE = "notifiable"

_TYPES = {one.name: one for one in (CHANNEL, MEMBER, MESSAGE, USER)}
# Attributes that are stored beside the declared fields, and of which no client hears.
BOOKKEEPING = {
    *COMMON_FIELDS,
    *("seq", "hooks", "created_seq", "birth", "creator_birth", "joined_at"),
    *("author_birth", "author_at", "author_is", "tag"),
    # For webhooks: the former state of a conversation, and why and when it changed.
    *("state_from", "state_reason", "state_at"),
    *("uncounted", "activity_hour"),
    # The message from a phone that made a conversation, with the pair of its addresses; an index without a message.
    *("made_for", "messaging_binding", "given_up"),
    *("cause", "deleted_at", "expires_at"),
    # Computed from the number of devices when a user is shown.
    "is_notifiable",
}


def every_reason(kind: str) -> list[str]:
    """The reasons that an update can have, for updates of which the old version is not known."""
    return [field.reason for field in _TYPES[kind].fields if field.reason not in ("", NO_REASON)]


def update_reasons(kind: str, old: Record, new: Record) -> list[str]:
    """The reasons of an update, in the order in which the type declares its fields."""
    fields = _TYPES[kind].fields if kind in _TYPES else ()
    changed = [field for field in fields if _known_value(field, old) != _known_value(field, new)]
    return [field.reason for field in changed if field.reason not in ("", NO_REASON)]


def undeclared(kind: str, old: Record, new: Record) -> set[str]:
    """The changed attributes for which nothing declares whether clients hear of them."""
    names = {name for name in {*old, *new} if old.get(name) != new.get(name)}
    return names - BOOKKEEPING - declared(kind)


def declared(kind: str) -> set[str]:
    """The names of the fields that declare whether clients hear of a change."""
    return {field.name for field in _TYPES[kind].fields if field.reason}


def _known_value(field: Field, record: Record) -> Any:
    """A field's value, reduced to what clients may know of it."""
    value = record.get(field.name)
    if field.reason == NOTIFIABLE:
        # Clients hear whether a user has devices, but not how many.
        return bool(value)
    return field.default if value is None else value
