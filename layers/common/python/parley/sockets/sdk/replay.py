"""What a client missed in a channel: the events that it gets when it subscribes, rebuilt from the records.

The server keeps nothing for a client. A client names the last id that it knows of each object, and gets everything with
a higher id. But if a push was lost and later ones arrived, the id does not show that. So the client also gets what
changed in the last minutes, except right after it opened the object. SDKs drop what they know already.

A message that was there when the client came must not be announced as new. So the last minutes reach back to when the
client connected or joined, and no further. If it has just connected again, they reach back to its connection before.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

from parley.frozen import frozen
from parley.ids import message_index
from parley.operations import channel_log
from parley.operations.context import Context
from parley.operations.verbs import TOMBSTONE_SECONDS
from parley.sockets.sdk import items, objects, sync_events
from parley.sockets.sdk.objects import SyncObject
from parley.sockets.sdk.sync_events import ADDED, REMOVED, UPDATED, SyncEvent
from parley.store import keys
from parley.store.keys import Key, Range
from parley.stored import Connection, LogEntry, Message, Tail

R = TypeVar("R", bound=Mapping[str, Any])

# How often a client subscribes anew to everything.
TTL_SECONDS = 600
_OVERLAP_MS = 2 * TTL_SECONDS * 1000
# For so long after it connected, a client may subscribe to what it had before.
_RESUMING_MS = 300_000
# How long after the counters the record of a change may be written.
_WRITING_MS = 60_000
# How many changes of a channel are read, new ones and those of the overlap.
_MOST_NEW, _MOST_OVERLAPPING, _PAGE = 500, 200, 100
# A client that missed more than this hears of the latest ones.
_MOST_BEHIND = 5_000


@frozen
class Presence:
    """Since when the client has been there.

    Attributes:
        now_ms: The present.
        since_ms: When it connected. If it resumes, when it had connected before.
        is_resumed: Whether it may not have subscribed since it connected again.
    """

    now_ms: int
    since_ms: int
    is_resumed: bool

    def reach(self, joined_ms: int, known_ms: int) -> int:
        """From when on changes are sent again; `known_ms` is the time of the last change that the client knows."""
        latest = known_ms if self.is_resumed else self.now_ms
        return max(self.since_ms, joined_ms, latest - _OVERLAP_MS)


def presence(connection: Connection, now_ms: int) -> Presence:
    """Since when the client on a connection has been there."""
    came_at = connection.get("came_at") or connection["opened_at"] * 1000
    if "resumes" in connection and now_ms - came_at < _RESUMING_MS:
        return Presence(now_ms, connection["resumes"], is_resumed=True)
    return Presence(now_ms, came_at, is_resumed=False)


@frozen
class Replay:
    """What a client missed of one object.

    Attributes:
        new: The events with higher ids than the client knows, in order.
        repeated: Events that it may have missed though it knows later ones.
        is_cut: Whether there are more new events than one answer takes. The client then asks again.
    """

    new: Sequence[SyncEvent] = ()
    repeated: Sequence[SyncEvent] = ()
    is_cut: bool = False

    def fitting(self, room: int) -> Replay:
        """As much of it as an answer takes that has room for so many new events.

        If there are more, nothing is repeated yet. So each answer brings the client further.
        """
        if self.is_cut or len(self.new) > room:
            return Replay(self.new[:room], is_cut=True)
        return self

    @property
    def events(self) -> list[SyncEvent]:
        """All events in order."""
        return sorted([*self.repeated, *self.new], key=lambda event: int(event.body["id"]))


def is_document_due(last: int, tail: Tail, now_ms: int) -> bool:
    """Whether a client that knows a document up to the id `last` needs it again.

    The counters change before the channel's record does. So a client that read the record in between has an old version
    under the new id. If a change is recent, the document is sent once more.
    """
    if objects.number_in(last) < tail["seq"]:
        return True
    recent = _WRITING_MS if objects.is_from_descriptor(last) else _OVERLAP_MS
    return not objects.is_repeated(last) and now_ms - tail.get("seq_at", 0) < recent


def document(channel: Mapping[str, Any], tail: Tail, last: int) -> SyncEvent:
    """The event that brings a document up to date."""
    of = objects.document(channel["sid"])
    event = sync_events.document_updated(of, {**channel, "seq": tail["seq"]}, items.channel_data(channel, tail))
    if objects.number_in(last) >= tail["seq"]:
        return event.repeated()
    return event


class ChannelReplay:
    """Finds what a member missed of a channel's messages and roster."""

    def __init__(self, context: Context, sid: str, tail: Tail, member: Mapping[str, Any], here: Presence):
        self._table = context.table
        self._sid = sid
        self._tail = tail
        self._seq = int(tail["seq"])
        self._joined_ms = int(member.get("joined_at") or member.get("date_created") or 0)
        self._here = here
        self._entries: dict[int, tuple[list[LogEntry], bool]] = {}

    def of(self, of: SyncObject, last: int) -> Replay:
        """What the client missed of one object."""
        number = max(objects.number_in(last), self._seq - _MOST_BEHIND)
        known = number
        is_cut, new = number < self._seq, list[SyncEvent]()
        # The client goes on after the last event. So if more follow, there must be one.
        while is_cut and not new:
            new, number, is_cut = self._new(of, number)
        repeated = self._overlapping(of, known) if self._overlaps(last) and not is_cut else []
        return Replay(sorted(new, key=lambda event: int(event.body["id"])), repeated, is_cut)

    def is_due(self, last: int) -> bool:
        """Whether there may be anything that the client missed; this reads nothing."""
        return objects.number_in(last) < self._seq or self._overlaps(last)

    def _overlaps(self, last: int) -> bool:
        return not objects.is_from_descriptor(last) and not self._is_quiet()

    def _overlapping(self, of: SyncObject, number: int) -> list[SyncEvent]:
        """The events up to a number that are not older than the overlap reaches."""
        entries = self._overlapping_entries(number)
        if of.kind == "roster":
            events = self._roster_events(of, entries)
            return [event if event.name.endswith(REMOVED) else event.repeated() for event in events]
        return self._message_events(of, self._overlapping_messages(number), entries)

    def _new(self, of: SyncObject, number: int) -> tuple[list[SyncEvent], int, bool]:
        """The first events after a number, the number up to which these are all, and whether more follow."""
        entries, is_cut = self._entries_after(number)
        end = entries[-1]["seq"] if is_cut else self._seq
        if of.kind == "roster":
            events = self._roster_events(of, entries)
        else:
            messages, end, is_more = self._new_messages(number, entries, end)
            is_cut = is_cut or is_more
            events = self._message_events(of, messages, [entry for entry in entries if entry["seq"] <= end])
        if is_cut:
            # What changed again later comes with the rest.
            events = [event for event in events if event.body["id"] <= objects.event_id(end)]
        return events, end, is_cut

    def _is_quiet(self) -> bool:
        """Whether nothing has changed of late."""
        changed_at = self._tail.get("seq_at")
        return changed_at is not None and changed_at < self._here.reach(self._joined_ms, changed_at)

    # The log.

    def _entries_after(self, number: int) -> tuple[list[LogEntry], bool]:
        """The log's entries with higher numbers, the first ones, and whether there are more."""
        if number not in self._entries:
            found, more = self._table.page(keys.changes(self._sid), _MOST_NEW, after=keys.padded(number))
            self._entries[number] = [item.record for item in found], more
        return self._entries[number]

    def _overlapping_entries(self, number: int) -> list[LogEntry]:
        """The log's entries up to a number that are not older than the overlap reaches, the oldest first."""
        return self._of_late(self._down(keys.changes(self._sid), keys.padded(number + 1)), _entry_time)

    def _down(self, where: Range[R], before: str | None = None) -> Iterator[R]:
        """The records of a range, from the highest position below `before` downwards."""
        more = True
        while more:
            found, more = self._table.page(where, _PAGE, before=before, descending=True)
            yield from (item.record for item in found)
            before = found[-1].position if found else before

    def _of_late(self, downwards: Iterable[R], time_of: Callable[[R], int]) -> list[R]:
        """The first of these records, the newest first, that are not older than the overlap reaches; in order."""
        found: list[R] = []
        reach: int | None = None
        for record in downwards:
            at = time_of(record)
            reach = self._here.reach(self._joined_ms, at) if reach is None else reach
            if at < reach or len(found) == _MOST_OVERLAPPING:
                break
            found.append(record)
        return found[::-1]

    # The roster.

    def _roster_events(self, of: SyncObject, entries: list[LogEntry]) -> list[SyncEvent]:
        """One event per member that changed, with its present state."""
        by_sid = _by_subject(entries, "member")
        found = self._table.fetch_many(keys.member(self._sid, sid) for sid in by_sid)
        events = []
        for sid, own in by_sid.items():
            member = found.get(keys.member(self._sid, sid))
            if member is None:
                events.append(sync_events.item(of, REMOVED, sid, own[-1]))
            else:
                verb = ADDED if any(entry["verb"] == "created" for entry in own) else UPDATED
                events.append(sync_events.item(of, verb, sid, member, items.roster_item(member)))
        return events

    # Messages.

    def _message_events(self, of: SyncObject, messages: list[Message], entries: list[LogEntry]) -> list[SyncEvent]:
        """The events of new messages, and of those that the log says were changed."""
        created = {message["sid"] for message in messages}
        added = [event for message in messages for event in _added(of, message)]
        return added + self._changed_messages(of, entries, created)

    def _new_messages(self, number: int, entries: list[LogEntry], end: int) -> tuple[list[Message], int, bool]:
        """The messages with higher numbers up to `end`, up to which number all were read, and whether more follow."""
        index = channel_log.index_before(self._tail, number, entries)
        messages: list[Message] = []
        more = True
        while more and len(messages) < _MOST_NEW:
            after = keys.padded(index) if index >= 0 else None
            found, more = self._table.page(keys.messages(self._sid), _PAGE, after=after)
            for item in found:
                index = int(item.position)
                if _created(item.record) > end:
                    return messages, end, False
                if _created(item.record) > number:
                    messages.append(item.record)
        return messages, _created(messages[-1]) if more else end, more

    def _overlapping_messages(self, number: int) -> list[Message]:
        """The messages up to a number that are not older than the overlap reaches, the oldest first."""
        downwards = self._down(keys.messages(self._sid))
        return self._of_late((message for message in downwards if _created(message) <= number), _written_at)

    def _changed_messages(self, of: SyncObject, entries: list[LogEntry], created: Collection[str]) -> list[SyncEvent]:
        """One event per message that was changed or deleted and is not among the `created` ones."""
        by_sid = {sid: own for sid, own in _by_subject(entries, "message").items() if sid not in created}
        indexes = {sid: index for sid in by_sid if (index := message_index(self._sid, sid)) is not None}
        wanted: dict[str, Key[Message]] = {sid: keys.message(self._sid, index) for sid, index in indexes.items()}
        found = self._table.fetch_many(wanted.values())
        events = []
        for sid, key in wanted.items():
            message = found.get(key)
            if message is None:
                events.append(sync_events.item(of, REMOVED, indexes[sid], by_sid[sid][-1]))
            else:
                events.append(sync_events.item(of, UPDATED, indexes[sid], message, items.message_item(message)))
        return events


def _added(of: SyncObject, message: Message) -> list[SyncEvent]:
    """The events of a new message. If it was edited since, the edit follows: SDKs announce nothing after an edit."""
    index, data, came = message["index"], items.message_item(message), _created(message)
    events = [sync_events.item(of, ADDED, index, {**message, "seq": came}, data)]
    return events if message["seq"] == came else [*events, sync_events.item(of, UPDATED, index, message, data)]


def _by_subject(entries: list[LogEntry], kind: str) -> dict[str, list[LogEntry]]:
    """The entries of each record of a kind, in order."""
    found: dict[str, list[LogEntry]] = {}
    for entry in entries:
        if entry["kind"] == kind:
            found.setdefault(entry["sid"], []).append(entry)
    return found


def _created(message: Mapping[str, Any]) -> int:
    return int(message.get("created_seq", message.get("seq", 0)))


def _written_at(message: Mapping[str, Any]) -> int:
    """When a message was written, or an earlier time: the cause of an edited message has the time of the edit."""
    at = int(message["cause"]["at"])
    return at if message.get("seq") == _created(message) else min(at, int(message.get("date_created", 0)))


def _entry_time(entry: LogEntry) -> int:
    """When a change was made, or up to a second later: entries know only the second in which they expire."""
    return (entry["expires_at"] - TOMBSTONE_SECONDS) * 1000 + 999
