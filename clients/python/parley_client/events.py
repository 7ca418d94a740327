"""What a client tells: one class per event, with the vendor's name for it and its payload."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from parley_client.channel import Channel
    from parley_client.member import Member
    from parley_client.message import Message
    from parley_client.user import User


@dataclass(frozen=True)
class Event:
    """Anything that happened.

    Attributes:
        name: The vendor's name for it; that of the class unless the class says otherwise.
    """

    name: ClassVar[str] = ""

    def __init_subclass__(cls) -> None:
        if "name" not in cls.__dict__:
            cls.name = cls.__name__[0].lower() + cls.__name__[1:]


@dataclass(frozen=True)
class ChannelEvent(Event):
    """Something happened to a channel."""

    channel: Channel


class ChannelAdded(ChannelEvent):
    """This user created a channel."""


class ChannelJoined(ChannelEvent):
    """This user is a member of a channel now. At the start, there is one for each channel."""


class ChannelInvited(ChannelEvent):
    """This user was invited to a channel."""


class ChannelLeft(ChannelEvent):
    """This user is no member of a channel any more, or not invited any more."""


class ChannelRemoved(ChannelEvent):
    """A channel was deleted, or cannot be seen any more."""


@dataclass(frozen=True)
class ChannelUpdated(ChannelEvent):
    """A channel has changed."""

    update_reasons: tuple[str, ...]


class ChannelRefetched(ChannelEvent):
    """Too much happened in a channel while the client was away to be told: fetch what you show again."""


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
    """A member types no more: a message came, or nothing for a while."""


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
    """A user that is followed, or this user, has changed."""

    update_reasons: tuple[str, ...]


class UserSubscribed(UserEvent):
    """A user is followed now."""


class UserUnsubscribed(UserEvent):
    """A user is not followed any more."""


@dataclass(frozen=True)
class ConnectionStateChanged(Event):
    """The connection is `connecting`, `connected`, `disconnecting`, `disconnected` or `denied` now."""

    state: str


@dataclass(frozen=True)
class ConnectionFailed(Event):
    """Something is wrong with the connection; if it is terminal, this connection or attempt is over.

    The client goes on by itself unless its state is `denied`.
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
