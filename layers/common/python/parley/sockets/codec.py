"""The codec port: how one protocol puts events into bytes.

Fan-out, catching up, typing and expiry decide who hears what. A codec renders each event as a sequence of *pieces*, and
later packs the pieces for a connection into frames. Connections with equal pieces get the same bytes, so a piece must
be hashable.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple, Protocol

from parley.errors import Refusal
from parley.frozen import frozen
from parley.operations.context import Context
from parley.store.items import Record
from parley.stored import Channel, Connection, Tail

if TYPE_CHECKING:
    # Functions that only push need no typing.
    from parley.sockets.typing_indicator import Typing

Piece = Hashable


class CannotShow(LookupError):
    """The event shows a record that was deleted meanwhile. A later event tells of the deletion."""


@frozen
class News:
    """One event of a change, with the records that a codec needs to render it.

    Attributes:
        event: Its name in `events.EVENTS`.
        kind: The kind of the changed record: channel, member, message, invite or user. `nothing` if a change number was
            taken and the change was then refused.
        verb: created, updated or deleted.
        record: The changed record; after a deletion, its tombstone.
        channel_sid: The channel in which it happened; empty if it did not happen in a channel.
        channel: That channel, {} if it was not read.
        tail: Its counters, if they were read.
        reasons: Twilio's names for what an update changed. If that is not known, all that an update can change.
        is_reachability_enabled: Whether the service shows who is online.
    """

    event: str
    kind: str
    verb: str
    record: Record
    channel_sid: str = ""
    channel: Channel | None = None
    tail: Tail | None = None
    reasons: tuple[str, ...] = ()
    is_reachability_enabled: bool = False


class Carried(NamedTuple):
    """News that the reply to a request takes along, and the request's id."""

    news: News
    request: str


class Opening(NamedTuple):
    """What a frame brings that opens a connection.

    Attributes:
        token: The access token.
        resumes: When the client's connection before this one was opened, in milliseconds; 0 if the client does not say
            so. A client that lies here only gets other events than it needs.
        protocol: The variant of its protocol that the client speaks, if it speaks one.
    """

    token: str
    resumes: int = 0
    protocol: str = ""


@frozen
class Reply:
    """What answers a frame.

    Attributes:
        text: The reply; None if the client expects none.
        first: Frames that the connection gets before the reply.
        later: Frames that the connection gets only after the reply has reached it.
    """

    text: str | None
    first: tuple[bytes, ...] = ()
    later: tuple[bytes, ...] = ()


class Codec(Protocol):
    """Renders what the server sends on the connections of one protocol."""

    def shows_channel(self, kind: str, verb: str) -> bool:
        """Whether the codec needs the channel and its counters to render such a change."""

    def is_personal(self, event: str) -> bool:
        """Whether an event must be rendered for each user separately."""

    def render(self, news: News, user_sid: str) -> Sequence[Piece]:
        """The pieces of one event; none if the protocol has no such event. `user_sid` is empty unless it is personal.

        Raises:
            CannotShow: a record that it needs is gone. Then no connection of this protocol gets the event.
        """

    def marked(self, piece: Piece, request: str) -> Piece:
        """The piece with the id of the request that caused it, for the connection that sent this request."""

    def is_fast(self, piece: Piece) -> bool:
        """Whether the function that wrote a record may push this piece of it: it shows the record and nothing else."""

    def packed(self, pieces: Sequence[Piece]) -> list[bytes]:
        """The frames that hold these pieces, in order."""

    def typing(self, channel_sid: str, identity: str, seconds: int) -> bytes:
        """The push that somebody is typing; clients show it for so many seconds."""

    def reveals(self, event: str) -> bool:
        """Whether a client that missed this event of a channel can find that out by the channel's change number."""

    def missed(self, channels: Mapping[str, int]) -> bytes | None:
        """The push that the client missed pushes of these channels, with their highest change numbers.

        None if the protocol has no such push.
        """

    def token_ends_soon(self, connection: Connection) -> bytes:
        """The push that the connection's token expires in some minutes."""

    def token_ended(self, connection: Connection) -> bytes:
        """The push that the connection's token has expired. The caller closes the connection next."""

    def ended(self, refusal: Refusal) -> bytes:
        """The push that says why the caller closes the connection next."""

    def refused(self, text: str, refusal: Refusal) -> str:
        """The reply that refuses the frame `text`."""


class Requests(Protocol):
    """Answers the frames of one protocol."""

    def opening(self, text: str) -> Opening | None:
        """What a frame brings that opens a connection; None for any other frame."""

    def welcome(self, text: str, connection: Connection) -> str:
        """The reply to the frame that opened the connection."""

    def answer(self, context: Context, connection: Connection, typing: Typing, text: str) -> Reply:
        """What answers any other frame. `context` names no caller; this sets one."""
