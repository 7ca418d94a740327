"""A client for Parley: a user's channels, messages and news over one WebSocket."""

from parley_client.channel import Channel, LastMessage
from parley_client.client import Client
from parley_client.emitter import EventStream
from parley_client.errors import (
    ClientClosed,
    ConnectionLost,
    Denied,
    MessageTooLarge,
    ParleyError,
    Refused,
    RequestError,
    RequestTimeout,
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
    Event,
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
from parley_client.member import Member
from parley_client.message import Media, Message
from parley_client.paginator import Paginator
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
    "Refused",
    "RequestError",
    "RequestTimeout",
    "TokenAboutToExpire",
    "TokenExpired",
    "TypingEnded",
    "TypingStarted",
    "User",
    "UserSubscribed",
    "UserUnsubscribed",
    "UserUpdated",
]
