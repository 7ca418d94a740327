"""The attributes that kinds of records share, and the cause that each announced record keeps."""

from __future__ import annotations

from typing import TypedDict


class StoredCause(TypedDict, total=False):
    """Who made a change, and how, as it is stored in the changed record."""

    id: str
    actor: str
    source: str
    webhooks: bool
    request: str
    at: int
    fast: bool


class Stored(TypedDict, total=False):
    """The attributes of every announced record. A tombstone also has `deleted_at` and `expires_at`."""

    sid: str
    date_created: int
    date_updated: int
    cause: StoredCause
    deleted_at: int
    expires_at: int


class OfService(Stored, total=False):
    """A record in a service."""

    service_sid: str


class OfChannel(OfService, total=False):
    """A record in a channel. `seq` is the number of its latest change, `hooks` how many webhooks the channel had."""

    channel_sid: str
    seq: int
    hooks: int
