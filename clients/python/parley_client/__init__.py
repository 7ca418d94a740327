"""A client for Parley: a user's channels, messages and events over one WebSocket.

A module imports only modules on lower lines than its own:

    client
    book
    users
    events
    channel
    shown speech user session renewal
    connection record following
    line follower files notifications
    emitter news skipped tokens wire transfer
    paginator
    complaints errors pauses payloads reprs timing

If a lower module needs a higher one, it takes a callable or declares a Protocol.
tests/client_python/test_imports.py reads this table.
"""

from parley_client.channel import Channel, Member, Message
from parley_client.client import Client
from parley_client.emitter import Event, EventStream
from parley_client.errors import (
    ClientClosed,
    ConnectionLost,
    Denied,
    MessageTooLarge,
    ParleyError,
    Refused,
    RequestError,
    RequestTimeout,
    TransferFailed,
    UnusableFile,
    UnusableNotification,
    UnusableUrl,
)
from parley_client.events import (
    ChannelAdded,
    ChannelInvited,
    ChannelJoined,
    ChannelLeft,
    ChannelRefetched,
    ChannelRemoved,
    ChannelUpdated,
    ConnectionFailed,
    ConnectionStateChanged,
    MemberJoined,
    MemberLeft,
    MemberUpdated,
    MessageAdded,
    MessageRemoved,
    MessageUpdated,
    TokenAboutToExpire,
    TokenExpired,
    TypingEnded,
    TypingStarted,
    UserSubscribed,
    UserUnsubscribed,
    UserUpdated,
)
from parley_client.files import File, Media
from parley_client.notifications import PushNotification, parse_push_notification
from parley_client.paginator import Paginator
from parley_client.shown import LastMessage
from parley_client.tokens import Provider
from parley_client.user import User

__all__ = [
    "Channel",
    "ChannelAdded",
    "ChannelInvited",
    "ChannelJoined",
    "ChannelLeft",
    "ChannelRefetched",
    "ChannelRemoved",
    "ChannelUpdated",
    "Client",
    "ClientClosed",
    "ConnectionFailed",
    "ConnectionLost",
    "ConnectionStateChanged",
    "Denied",
    "Event",
    "EventStream",
    "File",
    "LastMessage",
    "Media",
    "Member",
    "MemberJoined",
    "MemberLeft",
    "MemberUpdated",
    "Message",
    "MessageAdded",
    "MessageRemoved",
    "MessageTooLarge",
    "MessageUpdated",
    "Paginator",
    "ParleyError",
    "Provider",
    "PushNotification",
    "Refused",
    "RequestError",
    "RequestTimeout",
    "TokenAboutToExpire",
    "TokenExpired",
    "TransferFailed",
    "TypingEnded",
    "TypingStarted",
    "UnusableFile",
    "UnusableNotification",
    "UnusableUrl",
    "User",
    "UserSubscribed",
    "UserUnsubscribed",
    "UserUpdated",
    "parse_push_notification",
]
