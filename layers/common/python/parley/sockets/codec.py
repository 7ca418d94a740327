"""The codec port: how one protocol says on a socket what happens.

Fan-out, catching up, typing and expiry know who is to hear what; a codec turns that into bytes. What a codec renders
for a connection is a sequence of *pieces*, which it may later pack into fewer frames. Connections for whom equal pieces
were rendered are sent the same bytes, so a piece must be hashable.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Protocol

from parley.errors import Refusal
from parley.operations.context import Context
from parley.sockets.typing_indicator import Typing
from parley.store.items import Record
from parley.stored import Channel, Connection, Tail

Piece = Hashable


class CannotShow(LookupError):
    """An event needs a record that is gone: what it would tell is out of date."""


@dataclass(frozen=True)
class News:
    """One event, and what is known around it.

    Attributes:
        event: Its name in `events.EVENTS`.
        kind: What was changed: a channel, member, message, invite, user, or nothing (a number was used up).
        verb: created, updated or deleted.
        record: The changed record; for a deletion, what is left of it.
        channel_sid: The channel that it happened in; empty outside of channels.
        channel: That channel, {} if it was not read.
        tail: Its counters, if they were read.
        reasons: Twilio's names for what an update changed; all that it may have changed, where that is not known.
        is_reachability_enabled: Whether the service lets its users be seen online.
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


class Codec(Protocol):
    """What is said on the connections of one protocol."""

    def shows_channel(self, kind: str, verb: str) -> bool:
        """Whether rendering such a change needs the channel that it happened in and its counters."""

    def is_personal(self, event: str) -> bool:
        """Whether an event is rendered for each user who hears it, and not once for all."""

    def render(self, news: News, user_sid: str) -> Sequence[Piece]:
        """One event for a user; `user_sid` is empty unless the event is personal.

        Raises:
            CannotShow: what it needs is gone; the event is then told to nobody.
        """

    def marked(self, piece: Piece, request: str) -> Piece:
        """The same piece for the connection whose request caused it."""

    def packed(self, pieces: Sequence[Piece]) -> list[bytes]:
        """Pieces as the frames that are sent, in order."""

    def typing(self, channel_sid: str, identity: str, seconds: int) -> bytes:
        """Somebody is typing, to be shown for so long."""

    def token_ends_soon(self, connection: Connection) -> bytes:
        """The connection's token runs out in some minutes."""

    def token_ended(self, connection: Connection) -> bytes:
        """The connection's token has run out; the connection is closed next."""

    def ended(self, refusal: Refusal) -> bytes:
        """Why the connection is closed next."""

    def refused(self, text: str, refusal: Refusal) -> str:
        """The reply to a frame, `text`, that is refused."""


class Requests(Protocol):
    """What is asked on the connections of one protocol."""

    def opening(self, text: str) -> str | None:
        """The access token in a frame that opens a connection; None for any other frame."""

    def welcome(self, text: str, connection: Connection) -> str:
        """The reply to a frame that has opened a connection."""

    def answer(self, context: Context, connection: Connection, typing: Typing, text: str) -> str:
        """The reply to any other frame, whatever it asks for; `context` has no caller yet."""
