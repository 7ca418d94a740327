"""The events: one class for each, with Twilio's names."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from parley_client.channel import Channel, Member, Message
from parley_client.emitter import Event
from parley_client.user import User


@dataclass(frozen=True)
class ChannelEvent(Event):
    """Something happened to a channel."""

    channel: Channel


class ChannelAdded(ChannelEvent):
    """This user created a channel."""


class ChannelJoined(ChannelEvent):
    """This user is a member of a channel now. When the client starts, there is one for each of the user's channels."""


class ChannelInvited(ChannelEvent):
    """This user was invited to a channel."""


class ChannelLeft(ChannelEvent):
    """This user is no longer a member of a channel, or no longer invited."""


class ChannelRemoved(ChannelEvent):
    """A channel was deleted, or this user can no longer see it."""


@dataclass(frozen=True)
class ChannelUpdated(ChannelEvent):
    """A channel has changed."""

    update_reasons: tuple[str, ...]


class ChannelRefetched(ChannelEvent):
    """The client was away for too long for the server to list the changes of a channel: fetch again what you show."""


@dataclass(frozen=True)
class MemberEvent(Event):
    """Something happened to a member of a channel."""

    member: Member


class MemberJoined(MemberEvent):
    """Somebody joined a channel."""


class MemberLeft(MemberEvent):
    """Somebody left a channel or was removed."""


@dataclass(frozen=True)
class MemberUpdated(MemberEvent):
    """A member has changed."""

    update_reasons: tuple[str, ...]


class TypingStarted(MemberEvent):
    """A member is typing."""


class TypingEnded(MemberEvent):
    """A member stopped typing: a message of the member came, or the time ran out."""


@dataclass(frozen=True)
class MessageEvent(Event):
    """Something happened to a message."""

    message: Message


class MessageAdded(MessageEvent):
    """A message was sent, perhaps by this user."""


class MessageRemoved(MessageEvent):
    """A message was removed."""


@dataclass(frozen=True)
class MessageUpdated(MessageEvent):
    """A message has changed."""

    update_reasons: tuple[str, ...]


@dataclass(frozen=True)
class UserEvent(Event):
    """Something happened to a user."""

    user: User


@dataclass(frozen=True)
class UserUpdated(UserEvent):
    """A followed user, or this user, has changed."""

    update_reasons: tuple[str, ...]


class UserSubscribed(UserEvent):
    """The client follows a user now."""


class UserUnsubscribed(UserEvent):
    """The client no longer follows a user."""


@dataclass(frozen=True)
class ConnectionStateChanged(Event):
    """The connection's new state: `connecting`, `connected`, `disconnecting`, `disconnected` or `denied`."""

    state: str


@dataclass(frozen=True)
class ConnectionFailed(Event):
    """Something is wrong with the connection. If `terminal` is true, this connection or attempt is over.

    The client connects again by itself unless its state is `denied`.
    """

    name: ClassVar[str] = "connectionError"
    terminal: bool
    message: str
    http_status_code: int | None = None
    error_code: int | None = None


@dataclass(frozen=True)
class TokenAboutToExpire(Event):
    """The access token expires in so many seconds."""

    seconds_left: float


class TokenExpired(Event):
    """The access token has expired."""
