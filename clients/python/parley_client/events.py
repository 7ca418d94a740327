"""What a client tells: one class per event, with the vendor's name for it and its payload."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from parley_client.channel import Channel
    from parley_client.member import Member
    from parley_client.message import Message
    from parley_client.user import User


@dataclass(frozen=True, slots=True)
class Event:
    """Anything that happened.

    Attributes:
        name: The vendor's name for it.
    """

    name: ClassVar[str] = ""


@dataclass(frozen=True, slots=True)
class ChannelEvent(Event):
    """Something happened to a channel."""

    channel: Channel


@dataclass(frozen=True, slots=True)
class ChannelAdded(ChannelEvent):
    """This user created a channel."""

    name: ClassVar[str] = "channelAdded"


@dataclass(frozen=True, slots=True)
class ChannelJoined(ChannelEvent):
    """This user is a member of a channel now. At the start, there is one for each channel."""

    name: ClassVar[str] = "channelJoined"


@dataclass(frozen=True, slots=True)
class ChannelInvited(ChannelEvent):
    """This user was invited to a channel."""

    name: ClassVar[str] = "channelInvited"


@dataclass(frozen=True, slots=True)
class ChannelLeft(ChannelEvent):
    """This user is no member of a channel any more, or not invited any more."""

    name: ClassVar[str] = "channelLeft"


@dataclass(frozen=True, slots=True)
class ChannelRemoved(ChannelEvent):
    """A channel was deleted, or cannot be seen any more."""

    name: ClassVar[str] = "channelRemoved"


@dataclass(frozen=True, slots=True)
class ChannelUpdated(ChannelEvent):
    """A channel has changed."""

    name: ClassVar[str] = "channelUpdated"
    update_reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ChannelRefetched(ChannelEvent):
    """Too much happened in a channel while the client was away to be told: fetch what you show again."""

    name: ClassVar[str] = "channelRefetched"


@dataclass(frozen=True, slots=True)
class MemberEvent(Event):
    """Something happened to a member of a channel."""

    member: Member


@dataclass(frozen=True, slots=True)
class MemberJoined(MemberEvent):
    """Somebody joined a channel."""

    name: ClassVar[str] = "memberJoined"


@dataclass(frozen=True, slots=True)
class MemberLeft(MemberEvent):
    """Somebody left a channel or was removed."""

    name: ClassVar[str] = "memberLeft"


@dataclass(frozen=True, slots=True)
class MemberUpdated(MemberEvent):
    """A member has changed."""

    name: ClassVar[str] = "memberUpdated"
    update_reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class TypingStarted(MemberEvent):
    """A member is typing."""

    name: ClassVar[str] = "typingStarted"


@dataclass(frozen=True, slots=True)
class TypingEnded(MemberEvent):
    """A member types no more: a message came, or nothing for a while."""

    name: ClassVar[str] = "typingEnded"


@dataclass(frozen=True, slots=True)
class MessageEvent(Event):
    """Something happened to a message."""

    message: Message


@dataclass(frozen=True, slots=True)
class MessageAdded(MessageEvent):
    """A message was sent, perhaps by this user."""

    name: ClassVar[str] = "messageAdded"


@dataclass(frozen=True, slots=True)
class MessageRemoved(MessageEvent):
    """A message was removed."""

    name: ClassVar[str] = "messageRemoved"


@dataclass(frozen=True, slots=True)
class MessageUpdated(MessageEvent):
    """A message has changed."""

    name: ClassVar[str] = "messageUpdated"
    update_reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class UserEvent(Event):
    """Something happened to a user."""

    user: User


@dataclass(frozen=True, slots=True)
class UserUpdated(UserEvent):
    """A user that is followed, or this user, has changed."""

    name: ClassVar[str] = "userUpdated"
    update_reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class UserSubscribed(UserEvent):
    """A user is followed now."""

    name: ClassVar[str] = "userSubscribed"


@dataclass(frozen=True, slots=True)
class UserUnsubscribed(UserEvent):
    """A user is not followed any more."""

    name: ClassVar[str] = "userUnsubscribed"


@dataclass(frozen=True, slots=True)
class ConnectionStateChanged(Event):
    """The connection is `connecting`, `connected`, `disconnecting`, `disconnected` or `denied` now."""

    name: ClassVar[str] = "connectionStateChanged"
    state: str


@dataclass(frozen=True, slots=True)
class ConnectionFailed(Event):
    """Something is wrong with the connection; if it is terminal, this connection or attempt is over.

    The client goes on by itself unless its state is `denied`.
    """

    name: ClassVar[str] = "connectionError"
    terminal: bool
    message: str
    http_status_code: int | None = None
    error_code: int | None = None


@dataclass(frozen=True, slots=True)
class TokenAboutToExpire(Event):
    """The access token expires in so many seconds."""

    name: ClassVar[str] = "tokenAboutToExpire"
    seconds_left: float


@dataclass(frozen=True, slots=True)
class TokenExpired(Event):
    """The access token has expired."""

    name: ClassVar[str] = "tokenExpired"
