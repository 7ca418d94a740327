"""The stored records as types: one TypedDict per kind of record.

A type names the attributes that code reads, and `parley/records` says what each field means. Some fields are only
stored and shown, such as a service's URLs for single events. Those are in `parley/records` alone. All attributes are
optional here, because a stored record lacks those that were never set. Times are milliseconds since the epoch, unless
the name says `seconds`. `expires_at` and `until` are seconds since the epoch, as DynamoDB's TTL requires.
"""

from __future__ import annotations

from parley.stored.accounts import AccountConfiguration, AddressConfiguration, ApiKey, Credential, LooseApplication
from parley.stored.channels import Channel, ChannelWebhook, Group, Invite, Listing, LogEntry, Replayed, Tail, UniqueName
from parley.stored.common import OfChannel, OfService, Stored, StoredCause
from parley.stored.due import Due, DueHand
from parley.stored.members import Alias, BoundMember, Holder, Member, MessagingBinding
from parley.stored.messages import Carried, Media, Message, MessageMedia, Receipt, SentToken, Session
from parley.stored.messaging import Content, MessagingService, Sender
from parley.stored.services import Binding, Device, HeldAddress, Pushed, Rate, Role, Service, User, UserDevices
from parley.stored.sockets import Connection, Follower, Marker, Presence, SessionResult

__all__ = [
    "AccountConfiguration",
    "AddressConfiguration",
    "Alias",
    "ApiKey",
    "Binding",
    "BoundMember",
    "Carried",
    "Channel",
    "ChannelWebhook",
    "Connection",
    "Content",
    "Credential",
    "Device",
    "Due",
    "DueHand",
    "Follower",
    "Group",
    "HeldAddress",
    "Holder",
    "Invite",
    "Listing",
    "LogEntry",
    "LooseApplication",
    "Marker",
    "Media",
    "Member",
    "Message",
    "MessageMedia",
    "MessagingBinding",
    "MessagingService",
    "OfChannel",
    "OfService",
    "Presence",
    "Pushed",
    "Rate",
    "Receipt",
    "Replayed",
    "Role",
    "Sender",
    "SentToken",
    "Service",
    "Session",
    "SessionResult",
    "Stored",
    "StoredCause",
    "Tail",
    "UniqueName",
    "User",
    "UserDevices",
]
