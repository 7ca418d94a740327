"""The stored records as types: one TypedDict per kind of record.

All attributes are optional here, since a stored record lacks those that were never set. `parley/records` says what they
mean. Times are milliseconds since the epoch, unless the name says `seconds`. `expires_at` and `until` are seconds since
the epoch, as DynamoDB's TTL requires.
"""

from __future__ import annotations

from typing import Any, TypedDict


class StoredCause(TypedDict, total=False):
    """Who made a change, and how, as it is stored in the changed record."""

    id: str
    actor: str
    source: str
    webhooks: bool
    request: str
    at: int


class Stored(TypedDict, total=False):
    """The attributes of every announced record. A tombstone also has `deleted_at` and `expires_at`."""

    sid: str
    date_created: int
    date_updated: int
    cause: StoredCause
    deleted_at: int
    expires_at: int


class ApiKey(Stored, total=False):
    """An API key; its secret is derived and never stored."""

    friendly_name: str
    secret_hash: str


class Credential(Stored, total=False):
    """A push credential."""

    friendly_name: str
    type: str
    certificate: str
    private_key: str
    sandbox: bool
    api_key: str
    secret: str


# Names with dots (`limits.channel_members`) are attributes of their own.
Service = TypedDict(
    "Service",
    {
        "sid": str,
        "date_created": int,
        "date_updated": int,
        "cause": StoredCause,
        "deleted_at": int,
        "expires_at": int,
        "friendly_name": str,
        "default_service_role_sid": str,
        "default_channel_role_sid": str,
        "default_channel_creator_role_sid": str,
        "read_status_enabled": bool,
        "reachability_enabled": bool,
        "typing_indicator_timeout": int,
        "consumption_report_interval": int,
        "limits.channel_members": int,
        "limits.user_channels": int,
        "pre_webhook_url": str,
        "post_webhook_url": str,
        "webhook_method": str,
        "webhook_filters": list[str],
        "pre_webhook_retry_count": int,
        "post_webhook_retry_count": int,
        "conversations.pre_webhook_url": str,
        "conversations.post_webhook_url": str,
        "conversations.webhook_method": str,
        "conversations.webhook_filters": list[str],
    },
    total=False,
)


class AccountConfiguration(Stored, total=False):
    """The account's configuration."""

    default_chat_service_sid: str
    default_messaging_service_sid: str
    default_inactive_timer: str
    default_closed_timer: str
    pre_webhook_url: str
    post_webhook_url: str
    webhook_method: str
    webhook_filters: list[str]
    webhook_target: str


AddressConfiguration = TypedDict(
    "AddressConfiguration",
    {
        "sid": str,
        "date_created": int,
        "date_updated": int,
        "cause": StoredCause,
        "deleted_at": int,
        "expires_at": int,
        "type": str,
        "address": str,
        "friendly_name": str,
        "address_country": str,
        "auto_creation.enabled": bool,
        "auto_creation.type": str,
        "auto_creation.conversation_service_sid": str,
        "auto_creation.webhook_url": str,
        "auto_creation.webhook_method": str,
        "auto_creation.webhook_filters": list[str],
        "auto_creation.studio_flow_sid": str,
        "auto_creation.studio_retry_count": int,
    },
    total=False,
)


class OfService(Stored, total=False):
    """A record in a service."""

    service_sid: str


class Role(OfService, total=False):
    """A role. `was_default` says that it is or was a default of its service."""

    friendly_name: str
    type: str
    permissions: list[str]
    was_default: bool
    given_at: int


class User(OfService, total=False):
    """A user. `birth` tells it from other users of the same identity, before it and after it."""

    identity: str
    birth: str
    role_sid: str
    attributes: str
    friendly_name: str
    seq: int
    joined_channels_count: int
    bindings_count: int
    is_online: bool
    is_notifiable: bool


class Channel(OfService, total=False):
    """A channel, without its counters. `state_*` name its former state, and why and when the state changed."""

    friendly_name: str
    unique_name: str
    attributes: str
    type: str
    created_by: str
    creator_birth: str
    messaging_service_sid: str
    state: str
    state_from: str
    state_reason: str
    state_at: int
    seq: int
    hooks: int


class Tail(TypedDict, total=False):
    """A channel's counters: `seq` is the number of its latest change, `last_index` that of its last message.

    A channel without a `state` is active. `activity_at` is the time of the last message, or of the channel's creation.
    `timed_at` is the last time at which a participant came, timers were set or the channel became active.
    `activity_hour` and `timer_due` are the places of its entries in the lists by activity and by timers. `bound_count`
    is the number of phones. `group` says that the channel is a thread of phones.
    """

    service_sid: str
    type: str
    state: str
    activity_at: int
    activity_hour: int
    timed_at: int
    timer_due: int
    seq: int
    seq_at: int
    seq_ceiling: int
    seq_ceiling_at: int
    last_index: int
    last_message_index: int
    counted_index: int
    counted: int
    removed: frozenset[int]
    members_count: int
    webhooks_count: int
    invites_made: int
    aliases_made: int
    bound_count: int
    group: bool
    told_at: int
    commit_id: str
    cause: StoredCause
    deleted_at: int
    expires_at: int


class OfChannel(OfService, total=False):
    """A record in a channel. `seq` is the number of its latest change, `hooks` how many webhooks the channel had."""

    channel_sid: str
    seq: int
    hooks: int


class MessagingBinding(TypedDict, total=False):
    """The addresses of a member outside of chat; only the keys that apply.

    `address` is the person's own, `proxy_address` the account's number that writes to it. `projected_address` is the
    account's number that stands for a member in a thread of phones.
    """

    type: str
    address: str
    proxy_address: str
    projected_address: str


class Alias(TypedDict, total=False):
    """The SID of the member with an identity, if that SID is not derived from the identity."""

    member_sid: str


class Holder(Stored, total=False):
    """The channel and the member that hold an address pair, or the channel that holds a set of addresses."""

    channel_sid: str
    member_sid: str


# A channel's bindings by the SIDs of the members, with a `version` that grows with each change, and under `group` the
# digest of the set of addresses that the channel holds.
Bound = dict[str, Any]


class Member(OfChannel, total=False):
    """A membership. A phone has no identity. If it is `uncounted`, its user's count of channels leaves it out."""

    uncounted: bool

    identity: str
    birth: str
    role_sid: str
    attributes: str
    joined_at: int
    last_consumed_message_index: int
    last_consumption_timestamp: int
    notification_level: str
    messaging_binding: MessagingBinding


class Invite(OfChannel, total=False):
    """An invite that is still open."""

    identity: str
    birth: str
    role_sid: str
    created_by: str


class ChannelWebhook(OfChannel, total=False):
    """A channel's webhook; its configuration stands in attributes `configuration.*`.

    `face` is the family of faces that made it; if it is absent, Chat made it. If the webhook wants older messages, it
    gets them up to the index `replay_until`, and `replayed` holds the progress.
    """

    type: str
    face: str
    replay_until: int
    replayed: Replayed


class Replayed(TypedDict):
    """The progress of a replay: the index of the next message.

    `since` is when that message became the next, `receives` how often the job had been received before that.
    """

    next: int
    since: int
    receives: int


class Receipt(OfChannel, total=False):
    """The delivery receipt of a message to one phone. Without `status`, the carrier has not answered yet.

    `is_group` says that the phone is in a group.
    """

    message_sid: str
    index: int
    participant_sid: str
    from_address: str
    to_address: str
    is_group: bool
    channel_message_sid: str
    status: str
    error_code: int


class MessageMedia(TypedDict, total=False):
    """The file that a message carries, as the message describes it."""

    sid: str
    size: int
    content_type: str
    filename: str


class Message(OfChannel, total=False):
    """A message. `created_seq` is the number under which it was written; `seq` moves with every edit.

    If the conversation was still listed under another hour than the message's, `activity_hour` is that other hour.

    If a client wrote it, `author_birth` is the birth of that user. If a back end named the author, `author_at` is when
    it did so.
    """

    index: int
    created_seq: int
    activity_hour: int
    author: str
    author_birth: str
    author_at: int
    body: str
    attributes: str
    type: str
    media_sid: str
    media: MessageMedia
    author_is: str
    participant_sid: str
    delivery: dict[str, int]
    subject: str
    content_sid: str
    content_variables: str
    last_updated_by: str
    was_edited: bool


class Media(OfService, total=False):
    """An uploaded file, and the message that carries it."""

    size: int
    content_type: str
    filename: str
    channel_sid: str
    message_sid: str


class LogEntry(TypedDict, total=False):
    """An entry in a channel's log; for a deletion, with some fields of the deleted record."""

    seq: int
    kind: str
    sid: str
    verb: str
    identity: str
    index: int
    created_seq: int
    service_sid: str
    channel_sid: str
    cause: StoredCause
    expires_at: int


class Binding(OfService, total=False):
    """A device that is registered for push."""

    identity: str
    birth: str
    user_sid: str
    endpoint: str
    binding_type: str
    address: str
    credential_sid: str
    message_types: list[str]


class Listing(TypedDict, total=False):
    """An entry that lists a channel; `seq` is the number of the change that put it there."""

    channel_sid: str
    service_sid: str
    seq: int


class UniqueName(Stored, total=False):
    """The channel that has a unique name."""

    channel_sid: str
    service_sid: str


class SentToken(Stored, total=False):
    """The message that was sent under an idempotency token."""

    index: int
    author: str


class Rate(TypedDict, total=False):
    """A service's count of actions, and the ceiling that the count may not pass for now."""

    seq: int
    seq_ceiling: int
    seq_ceiling_at: int


class Connection(TypedDict, total=False):
    """An open socket. `codec` names its protocol unless that is the native one. `noted` says that its user was set
    online when it opened. `renewals` counts the tokens that followed the first one. `closing` says that it is being
    removed."""

    id: str
    identity: str
    birth: str
    service_sid: str
    user_sid: str
    key_sid: str
    codec: str
    noted: bool
    closing: bool
    token_expires_at: int
    renewals: int
    endpoint_id: str
    push_credential_sid: str
    opened_at: int
    expires_at: int
    warned_of: int
    follows: list[str]


class Follower(TypedDict, total=False):
    """A connection that hears of the changes of a user, or of a channel's document, until `until`."""

    id: str
    key: str
    user_sid: str
    birth: str
    codec: str
    until: int
    expires_at: int


class Due(TypedDict, total=False):
    """Work that is due in the minute under which it is listed."""

    id: str
    expires_at: int


class DueHand(TypedDict, total=False):
    """The last minute whose due work of a kind is completely done, counted from the epoch."""

    minute: int


# A user's presence has an attribute per connection, so its names are not known beforehand.
Presence = dict[str, Any]
