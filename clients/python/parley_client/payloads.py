"""What the server sends, as types: records, pushes and answers. docs/sockets.md describes each.

The record of a removed message or member has only its SID, its index or identity, and its `seq`.
"""

from __future__ import annotations

from typing import Any, Required, TypedDict

# Twilio's names for changes, by field.
CHANNEL_REASONS = {
    "attributes": "attributes",
    "created_by": "createdBy",
    "date_created": "dateCreated",
    "date_updated": "dateUpdated",
    "friendly_name": "friendlyName",
    "state": "state",
    "unique_name": "uniqueName",
}
MEMBER_REASONS = {
    "attributes": "attributes",
    "date_created": "dateCreated",
    "date_updated": "dateUpdated",
    "role_sid": "roleSid",
    "last_consumed_message_index": "lastConsumedMessageIndex",
    "last_consumption_timestamp": "lastConsumptionTimestamp",
}
MESSAGE_REASONS = {
    "body": "body",
    "last_updated_by": "lastUpdatedBy",
    "date_updated": "dateUpdated",
    "date_created": "dateCreated",
    "attributes": "attributes",
    "from": "author",
}
USER_REASONS = {
    "friendly_name": "friendlyName",
    "attributes": "attributes",
    "is_online": "online",
    "is_notifiable": "notifiable",
}


class Versioned(TypedDict, total=False):
    """The base of all records.

    Attributes:
        seq: The number of the last change. The record with the higher number is newer.
    """

    sid: Required[str]
    seq: int
    attributes: str
    date_created: str
    date_updated: str


class ChannelRecord(Versioned, total=False):
    """A channel.

    Attributes:
        seq: The number of the last change of anything in the channel.
        version: The number of the last change of the channel itself.
    """

    version: int
    type: str
    state: str
    unique_name: str | None
    friendly_name: str | None
    created_by: str
    last_message_index: int | None
    members_count: int
    messages_count: int


class UserChannel(TypedDict, total=False):
    """The status of this user in a channel."""

    status: str
    notification_level: str
    last_consumed_message_index: int | None
    unread_messages_count: int | None
    member_sid: str | None


class MediaRecord(TypedDict, total=False):
    """The file of a media message."""

    sid: Required[str]
    size: int
    content_type: str
    filename: str | None
    category: str


MessageRecord = TypedDict(
    "MessageRecord",
    {
        "sid": Required[str],
        "index": Required[int],
        "seq": int,
        "body": str | None,
        "from": str | None,
        "type": str,
        "media": MediaRecord | None,
        "medias": list[MediaRecord] | None,
        "attributes": str,
        "last_updated_by": str | None,
        "date_created": str,
        "date_updated": str,
    },
    total=False,
)
"""A message. `media` is the first of its files, `medias` are all.

Its author is in `from`, which Python does not allow as the name of an attribute."""


class MemberRecord(TypedDict, total=False):
    """A member of a channel. If the client has only heard of its typing, there is only the identity.

    A member without an identity, such as a phone, is known by its SID.
    """

    identity: str | None
    sid: str
    seq: int
    role_sid: str
    attributes: str
    last_consumed_message_index: int | None
    last_consumption_timestamp: str | None
    date_created: str
    date_updated: str


class UserRecord(Versioned, total=False):
    """A user."""

    identity: Required[str]
    friendly_name: str | None
    is_online: bool | None
    is_notifiable: bool | None


class Push(TypedDict, total=False):
    """A change in a channel."""

    event: Required[str]
    channel_sid: Required[str]
    seq: int
    channel: ChannelRecord
    user_channel: UserChannel
    message: MessageRecord
    member: MemberRecord
    updateReasons: list[str]
    last_message_index: int | None


class TypingPush(TypedDict):
    """Somebody is typing. It ends after so many seconds, or with a message."""

    event: str
    channel_sid: str
    identity: str
    typing_timeout: float


class MissedPush(TypedDict):
    """Pushes were given up: the channels, and the highest `seq` of each."""

    event: str
    channels: dict[str, int]


class UserPush(TypedDict, total=False):
    """A user has changed."""

    event: Required[str]
    user: Required[UserRecord]
    updateReasons: list[str]


class ConnectionErrorPush(TypedDict, total=False):
    """An error of the connection. If it is `terminal`, the server ends the connection."""

    event: Required[str]
    terminal: bool
    status: int
    code: int
    message: str


class CatchUpAnswer(TypedDict, total=False):
    """The answer of `catchUp` for one channel: `changes`, `refetch` or `gone`.

    Attributes:
        seq: The last number that the answer covers; after a refetch, the new mark.
        more: Whether there are further changes: ask again from `seq`.
    """

    status: Required[str]
    seq: int
    more: bool
    events: list[Push]


class SessionResult(TypedDict, total=False):
    """The result of `fetchSession`."""

    user: Required[UserRecord]
    service: dict[str, Any]
    media_url: str
    media_size_limit_mb: int


class ListedChannel(TypedDict):
    """An entry of `listMyChannels`, or the result of `fetchMyChannel`."""

    channel: ChannelRecord
    user_channel: UserChannel


class FollowedUsers(TypedDict, total=False):
    """The result of `followUsers`: the users that exist, and the identities that were dropped for them."""

    users: Required[list[UserRecord]]
    unfollowed: list[str]
