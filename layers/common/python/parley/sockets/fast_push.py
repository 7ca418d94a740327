"""The fast path: the function that writes a message pushes it too, before it replies.

Lambda polls a stream four times a second. So fan-out hears of a message 125 ms after it was written on average, and
250 ms at worst. In a small room, the writer can do better:

    before the commit   read who is in the room, beside what the operation itself reads
    after the commit    push, then leave a marker: the connections that got the message (`markers.py`)
    fan-out             serves the other connections, such as those that were opened since

Nothing depends on it. If the writer dies, is too slow or does not reach somebody, fan-out delivers as it always does.

A container remembers the connections of a room for two seconds. But it must know exactly who is in the room: a member
who was removed before the message must not get it. So what it has read counts only if nobody has joined or left up to
the moment at which the message took its index (`Tail.memberships_changed`).

In a busy room fan-out pushes, because it sends several messages in one frame. The channel's change numbers tell every
container how much happens there.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from contextvars import copy_context
from threading import Thread
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, TypeVar

from parley.domain.memberships import Person
from parley.domain.presence import PREFIX
from parley.log import logger
from parley.metrics import FAST_PUSHES, count
from parley.operations.context import Context
from parley.sockets import markers
from parley.sockets.codec import Carried, News
from parley.sockets.events import people as people_of
from parley.sockets.presence import Listener, listeners
from parley.sockets.protocols import Protocols
from parley.store import keys
from parley.stored import Message, Tail

if TYPE_CHECKING:
    # Only a message that somebody hears of needs the pushing code.
    from parley.ports.sockets.gateway import SocketGateway

T = TypeVar("T")

REMEMBERED_MS = 2_000
MEMBERS_REMEMBERED_MS = 600_000
"""Members are read again after so long, even if the counters say that they are the same (see `_people`)."""
MOST_CONNECTIONS = 50
"""To more connections, fan-out pushes: the sender of the message would wait too long."""
MOST_MEMBERS = 100
"""One request reads the presence of so many."""
MOST_PUSHES = 500
"""How many pushes in two seconds a room may take. In a busier room fan-out pushes, with all messages in one frame."""
FEWEST_CONNECTIONS = 25
"""The fewest connections that a room counts as having. So ten messages a second are the most, however few it has."""
_MOST_ROOMS = 1_000
_SENT = "sent"


class _Room(NamedTuple):
    """What is known of a room.

    Attributes:
        read_ms: When it was read.
        until_ms: Until when its connections count.
        seq: The channel's latest change when it was read.
        is_busy: Whether too much happens in it for the fast path.
        people: What `_people` said when its members were read.
        people_until_ms: Until when its members count.
        members: Who is in it; empty if they are too many for the fast path.
        listeners: Their connections.
    """

    read_ms: int
    until_ms: int
    seq: int
    is_busy: bool
    people: tuple[int, int]
    people_until_ms: int
    members: frozenset[Person] = frozenset()
    listeners: tuple[Listener, ...] = ()


class Outlook(Generic[T]):
    """Work that goes on in a thread of its own, and its result.

    The work may still be going on when the function has replied. Then Lambda freezes it, and it goes on or fails with
    the next call.
    """

    def __init__(self, work: Callable[[], T]):
        self._found: list[T] = []
        context = copy_context()
        self._thread: Thread | None = Thread(target=context.run, args=(self._run, work), daemon=True)
        try:
            self._thread.start()
        except RuntimeError:
            # The system has no thread to give. The message itself needs none.
            logger.warning("the fast path gave up", exc_info=True)
            self._thread = None

    def _run(self, work: Callable[[], T]) -> None:
        try:
            self._found.append(work())
        except Exception:
            # Fan-out does what this has not done.
            logger.warning("the fast path gave up", exc_info=True)

    def result(self, seconds: float) -> T | None:
        """The result; None if the work failed or is not done after so many seconds."""
        if self._thread is not None:
            self._thread.join(max(seconds, 0))
        return self._found[0] if self._found else None


class FastPush:
    """Pushes new messages of small rooms. It calls `sockets` for the gateway only if somebody must be told.

    `beside` carries out work while the caller goes on.
    """

    def __init__(
        self,
        sockets: Callable[[], SocketGateway],
        protocols: Protocols,
        beside: Callable[[Callable[[], Any]], Outlook[Any]] = Outlook,
    ):
        self.sockets = sockets
        self.protocols = protocols
        self.beside = beside
        self._rooms: dict[str, _Room] = {}

    def begin(self, context: Context, channel_sid: str) -> FastAnnouncement:
        """Begin to read who is in a room, unless this is remembered."""
        room, now = self._rooms.get(channel_sid), context.clock.now_ms()
        # It must still count when the message takes its index.
        if room is not None and now + markers.BUDGET_MS < room.until_ms:
            return FastAnnouncement(self, context, channel_sid, lambda seconds: room)
        reading = self.beside(lambda: self._read(context, channel_sid, room))
        return FastAnnouncement(self, context, channel_sid, reading.result)

    def forget(self, channel_sid: str) -> None:
        """Forget a room that is no longer as it was read."""
        self._rooms.pop(channel_sid, None)

    def _read(self, context: Context, channel_sid: str, known: _Room | None) -> _Room | None:
        """The room as it is now; None if there is no such channel. `known` is what was remembered of it.

        The counters are read before the members. If somebody joins or leaves in between, the count is too low, and
        the room does not count.
        """
        # The time counts from here on: Lambda may freeze this thread before it is done, for minutes.
        now = context.clock.now_ms()
        remembered = known if known is not None and now < known.people_until_ms else None
        # An old answer does no harm: connections that it lacks are served by fan-out, and an old count is too low.
        users = [person.user_sid for person in remembered.members] if remembered else []
        found = context.table.fetch_many([keys.tail(channel_sid), *map(keys.presence, users)], eventual=True)
        tail = found.get(keys.tail(channel_sid))
        if tail is None:
            return None
        if remembered is not None and remembered.people == _people(tail):
            members, people_until_ms = remembered.members, remembered.people_until_ms
        else:
            people_until_ms = now + MEMBERS_REMEMBERED_MS
            is_small = tail["members_count"] <= MOST_MEMBERS
            members = people_of(context.table.every(keys.members(channel_sid))) if is_small else frozenset()
            users = [person.user_sid for person in members]
            found = context.table.fetch_many(map(keys.presence, users), eventual=True)
        open_ = listeners(context, {sid: found[keys.presence(sid)] for sid in users if keys.presence(sid) in found})
        heard = tuple(one for person in members for one in open_.get(person.user_sid, ()) if one.birth == person.birth)
        # If a release after this one has made a connection, its protocol may be unknown. Then fan-out decides.
        for protocol in {one.protocol for one in heard}:
            self.protocols.row(protocol)
        # A connection counts until its token ends, and fan-out sees that at once.
        ends = [found[keys.presence(one.user_sid)][PREFIX + one.id]["until"] * 1000 for one in heard]
        until_ms = min([now + REMEMBERED_MS, *ends])
        is_busy = known is not None and _are_many(tail["seq"] - known.seq, now - known.read_ms, heard)
        room = _Room(now, until_ms, tail["seq"], is_busy, _people(tail), people_until_ms, members, heard)
        if len(self._rooms) >= _MOST_ROOMS:
            self._rooms.clear()
        self._rooms[channel_sid] = room
        if heard:
            # Importing the pushing code takes a moment, in which the operation goes on.
            self.sockets()
        return room


def _people(tail: Tail) -> tuple[int, int]:
    """A value that stays the same as long as the same people are in a channel.

    While a release is deployed, functions of the release before may still run, and they count members only. If they
    remove somebody and add somebody else, this stays the same.
    """
    return tail.get("memberships_changed", 0), tail["members_count"]


def _are_many(changes: int, in_ms: int, to: Collection[Listener]) -> bool:
    """Whether so many changes in that time make more pushes than the fast path takes. They count for two seconds."""
    pushes = changes * max(len(to), FEWEST_CONNECTIONS)
    return pushes * REMEMBERED_MS > MOST_PUSHES * max(in_ms, REMEMBERED_MS)


class FastAnnouncement:
    """The announcement of one new message."""

    def __init__(self, fast: FastPush, context: Context, channel_sid: str, room: Callable[[float], _Room | None]):
        self._fast = fast
        self._context = context
        self._channel_sid = channel_sid
        self._room = room
        self._protocols = fast.protocols.at(context.rest_url)
        self._to: list[Listener] = []

    def is_promised(self, tail: Tail) -> bool:
        """Whether `push` will push the message that took its index with these counters."""
        room = self._room(markers.BUDGET_MS / 1000)
        # If a webhook was asked before the commit, the room may have been read too long ago.
        if room is None or self._context.clock.now_ms() >= room.until_ms:
            return False
        if room.people != _people(tail):
            self._fast.forget(self._channel_sid)
            return False
        row = self._protocols.row
        to = [one for one in room.listeners if row(one.protocol).perspective.knows(tail)]
        is_busy = room.is_busy or _are_many(tail["seq"] - room.seq, REMEMBERED_MS, to)
        self._to = [] if is_busy or len(to) > MOST_CONNECTIONS else to
        return bool(self._to)

    def push(self, message: Message) -> None:
        """Push a message whose commit has succeeded; nothing happens unless that was promised. It raises nothing."""
        if not self._to:
            return
        context, news = self._context, self._news(message)
        sender, _, request = context.caller.request.partition(" ")
        carrier = ""
        if context.carried is not None and any(listener.id == sender for listener in self._to):
            carrier = sender
            context.carried.append(Carried(news, request))
        # In a thread, because nothing else can bound how long the name of a host takes to be resolved.
        posting = self._fast.beside(lambda: self._post(message, news, carrier))
        posting.result(self._seconds_left(message))

    def repeat(self, message: Message) -> None:
        """Push a message that an earlier call wrote, to the asking connection alone."""
        context = self._context
        if context.carried is not None:
            context.carried.append(Carried(self._news(message), context.caller.request.partition(" ")[2]))

    def _post(self, message: Message, news: News, carrier: str) -> None:
        """Push to all but the connection whose reply carries the push, and leave the marker."""
        served = [carrier] if carrier else []
        if posts := self._posts(news, carrier):
            # Whoever does not read must not hold up the sender's reply. Fan-out tries again.
            outcomes = self._fast.sockets().post(posts, self._seconds_left(message), is_patient=False)
            served += [connection_id for connection_id, outcome in outcomes.items() if outcome == _SENT]
        count(FAST_PUSHES, len(served))
        missed = len(self._to) - len(served)
        logger.info("pushed", extra={"connections": len(served), "missed": missed})
        # It is left even if nobody was reached, so that fan-out does not wait for it.
        markers.write(self._context, self._channel_sid, message["seq"], served)

    def _posts(self, news: News, carrier: str) -> list[tuple[str, bytes]]:
        sender, _, request = self._context.caller.request.partition(" ")
        posts: list[tuple[str, bytes]] = []
        for protocol in {one.protocol for one in self._to}:
            codec = self._protocols.codec(protocol)
            pieces = [piece for piece in codec.render(news, "") if codec.is_fast(piece)]
            bodies = codec.packed(pieces)
            for listener in self._to:
                if listener.protocol != protocol or listener.id == carrier:
                    continue
                if listener.id == sender:
                    told = codec.packed([codec.marked(piece, request) for piece in pieces])
                else:
                    told = bodies
                posts += [(listener.id, body) for body in told]
        return posts

    def _seconds_left(self, message: Message) -> float:
        """How much of the budget is left. It began before the commit, with the wait for who is in the room."""
        used_ms = self._context.clock.now_ms() - message["cause"]["at"]
        return (markers.BUDGET_MS - used_ms) / 1000

    def _news(self, message: Message) -> News:
        return News("message_created", "message", "created", {**message}, self._channel_sid)
