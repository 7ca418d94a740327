"""Catching up: a client names the last change number that it saw in a channel, and gets the events that it missed.

New messages are read from the channel's messages. Every other change left an entry in the channel's log
(`operations/channel_log.py`). If a record changed several times, the client gets one event with the latest version. If
nothing stored says any more what changed, the client must fetch the channel again. The codec renders each event and
counts its bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from parley.domain.channels import PUBLIC
from parley.domain.memberships import identity_of, is_creator, own
from parley.frozen import frozen
from parley.ids import invite_sid, member_sid, message_index
from parley.operations import aliases, authority, channel_log
from parley.operations.context import Context
from parley.operations.verbs import TOMBSTONE_SECONDS
from parley.sockets.codec import News
from parley.sockets.reasons import every_reason
from parley.store import keys
from parley.store.items import Record
from parley.store.keys import Key
from parley.store.table import Records
from parley.stored import Channel, Connection, LogEntry, Message, Tail

MOST_CHANGES = 1000
# How many bytes of events one reply holds at most. A frame may be larger.
_MOST_BYTES = 100_000
_PAGE = 100
# How many changed records are read at first. Only if they leave room in the reply, more are read.
_FIRST_RECORDS = 25
# A function takes a change number first and then writes the change. No function runs longer than this. So a change that
# is not written by then will never be.
_SETTLED_MS = 60_000
_LOOKS, _PAUSE_SECONDS = 2, 0.1

T = TypeVar("T")
# Renders an event for the user who asked; returns the event and its size in bytes.
Render = Callable[[News], tuple[T, int]]

CHANGES, REFETCH, GONE = "changes", "refetch", "gone"
# The size of a channel's answer without its events, in bytes.
_FIXED_BYTES = 100


@frozen
class CaughtUp(Generic[T]):
    """The answer for one channel.

    Attributes:
        status: `changes`; `refetch` if the client must fetch the channel again; `gone` if the user cannot see it.
        seq: The last change number that the answer covers.
        more: Whether the client should ask again from `seq` on.
        events: The rendered events, in order.
        size: How many bytes the answer takes.
    """

    status: str
    seq: int = 0
    more: bool = False
    events: tuple[T, ...] = ()
    size: int = _FIXED_BYTES


@dataclass
class _Patience:
    """How often one reply may still wait for changes that are being written. All channels of the reply share this."""

    left: int = _LOOKS


# By kind: the fields of a deleted record that its entry in the log keeps.
_ERASED = {"message": ("index", "created_seq"), "member": ("identity",)}


class _Erased(LookupError):
    """A record was deleted, and nothing stored says what it was."""


@dataclass
class _Missed:
    """Everything stored about the changes in a channel after a change number.

    Attributes:
        messages: The messages that were written since, in order, tombstones included.
        entries: The entries of the log since, in order.
        is_cut: Whether there are more messages than one reply can hold.
        read_to: The change number up to which changed records were read; None if all were read.
    """

    messages: list[Message] = field(default_factory=list)
    entries: list[LogEntry] = field(default_factory=list)
    is_cut: bool = False
    read_to: int | None = None


def catch_up(
    context: Context, connection: Connection, marks: dict[str, int], render: Render[T]
) -> dict[str, CaughtUp[T]]:
    """The answers by channel SID; `marks` has the last change number that the client saw in each channel."""
    identity = connection["identity"]
    wanted = {sid: _keys(sid, identity) for sid in marks}
    user_key = keys.user(connection["user_sid"])
    found = context.table.fetch_many([user_key, *(key for of_channel in wanted.values() for key in of_channel)])
    user = authority.require_same_user(context, found.get(user_key))
    found |= context.table.fetch_many(key for sid in marks for key in _aliases(found, sid, identity))
    room, patience = _MOST_BYTES, _Patience()
    answers: dict[str, CaughtUp[T]] = {}
    for sid, mark in marks.items():
        channel, tail, _, invite = (found.get(key) for key in wanted[sid])
        member = own(aliases.member_of(context, found, sid, identity), user)
        invite = own(invite, user)
        is_here = channel is not None and channel["service_sid"] == connection["service_sid"]
        if channel is None or tail is None or not is_here or not context.perspective.knows(channel):
            answers[sid] = CaughtUp(GONE)
        elif member is None:
            is_visible = invite is not None or channel["type"] == PUBLIC or is_creator(channel, user)
            answers[sid] = CaughtUp(REFETCH, tail["seq"]) if is_visible else CaughtUp(GONE)
        elif mark > tail["seq"] or tail["seq"] - mark > MOST_CHANGES:
            answers[sid] = CaughtUp(REFETCH, tail["seq"])
        elif room <= 0:
            answers[sid] = CaughtUp(CHANGES, mark, more=True)
        else:
            answers[sid] = _Channel(context, render, identity, channel, tail, mark).answer(room, patience)
            room -= answers[sid].size
    return answers


def _keys(sid: str, identity: str) -> tuple[Key[Any], Key[Any], Key[Any], Key[Any]]:
    member_key = keys.member(sid, member_sid(sid, identity))
    return keys.channel(sid), keys.tail(sid), member_key, keys.invite(sid, invite_sid(sid, identity))


def _aliases(found: Records, sid: str, identity: str) -> list[Key[Any]]:
    """The key of an identity's alias; none if the channel has no aliases, which is the usual case."""
    tail = found.get(keys.tail(sid))
    return aliases.wanted(sid, identity)[1:] if tail is not None and tail.get("aliases_made") else []


class _Channel(Generic[T]):
    """Answers for one channel. The user is a member."""

    def __init__(self, context: Context, render: Render[T], identity: str, channel: Channel, tail: Tail, mark: int):
        self._context = context
        self._identity = identity
        self._render = render
        self._channel = channel
        self._tail = tail
        self._mark = mark
        self._sid = channel["sid"]

    def answer(self, room: int, patience: _Patience) -> CaughtUp[T]:
        """The answer, of about `room` bytes at most."""
        if self._mark == self._tail["seq"]:
            return CaughtUp(CHANGES, self._mark)
        missed, young = self._read_settled(room, patience)
        missing = self._missing_numbers(missed)
        if any(number not in young for number in missing) and not self._is_recent():
            return CaughtUp(REFETCH, self._tail["seq"])
        try:
            happened = self._events_by_number(missed, room)
        except _Erased:
            return CaughtUp(REFETCH, self._tail["seq"])
        return self._cut(happened, young, missed, room)

    def _read_settled(self, room: int, patience: _Patience) -> tuple[_Missed, list[int]]:
        """What the client missed, and the change numbers whose changes may still be written.

        Such a change is usually written a moment later, so this pauses and reads again.
        """
        missed = self._read(room)
        while (young := self._young_numbers(missed)) and patience.left:
            patience.left -= 1
            self._context.clock.sleep(_PAUSE_SECONDS)
            missed = self._read(room)
        return missed, young

    def _read(self, room: int) -> _Missed:
        table = self._context.table
        entries = table.page(keys.changes(self._sid), MOST_CHANGES, after=keys.padded(self._mark)).found
        missed = _Missed(entries=[item.record for item in entries])
        index = channel_log.index_before(self._tail, self._mark, missed.entries)
        more = True
        while more and room > 0:
            after = keys.padded(index) if index >= 0 else None
            found, more = table.page(keys.messages(self._sid), _PAGE, after=after, buried=True)
            for item in found:
                index = int(item.position)
                if _created(item.record) > self._mark:
                    missed.messages.append(item.record)
                    room -= _length(item.record)
        missed.is_cut = more
        return missed

    def _times_of_changes(self, missed: _Missed) -> dict[int, int]:
        """The time of each change that was found, in milliseconds, by change number."""
        times = {entry["seq"]: (entry["expires_at"] - TOMBSTONE_SECONDS) * 1000 for entry in missed.entries}
        # The entry of a message's deletion also names the change number of its creation.
        times |= {entry["created_seq"]: times[entry["seq"]] for entry in missed.entries if "created_seq" in entry}
        return times | {_created(message): message["cause"]["at"] for message in missed.messages}

    def _end(self, missed: _Missed) -> int:
        end = _created(missed.messages[-1]) if missed.is_cut else int(self._tail["seq"])
        return end if missed.read_to is None else min(end, missed.read_to)

    def _missing_numbers(self, missed: _Missed) -> list[int]:
        times = self._times_of_changes(missed)
        return [seq for seq in range(self._mark + 1, self._end(missed) + 1) if seq not in times]

    def _young_numbers(self, missed: _Missed) -> list[int]:
        """The missing numbers whose changes may still be written, because only recent changes come after them."""
        times = self._times_of_changes(missed)
        settled = self._context.clock.now_ms() - _SETTLED_MS
        if self._tail.get("seq_at", settled) < settled:
            # The last number was taken so long ago that no function can still be writing.
            return []
        last_settled = max((seq for seq, at in times.items() if at < settled), default=0)
        return [number for number in self._missing_numbers(missed) if number > last_settled]

    def _is_recent(self) -> bool:
        """Whether the log still reaches back to the mark. If so, the change of a missing number was never written."""
        now = self._context.clock.now_ms()
        oldest = now - TOMBSTONE_SECONDS * 1000
        # A channel SID begins with the time at which the channel was created.
        if int(self._sid[2:14], 16) > oldest:
            return True
        table = self._context.table
        before = keys.padded(self._mark + 1)
        entries = table.page(keys.changes(self._sid), 1, before=before, descending=True).found
        if entries:
            return bool(entries[0].record["expires_at"] * 1000 > now)
        below = keys.padded(max(self._tail["last_index"] - (self._tail["seq"] - self._mark) + 1, 0))
        messages = table.page(keys.messages(self._sid), 1, before=below, descending=True, buried=True).found
        return bool(messages) and _written_at(messages[0].record) > oldest

    def _events_by_number(self, missed: _Missed, room: int) -> list[tuple[int, News]]:
        """The events with their change numbers: for a new message the first number, for any other record the latest."""
        living = [message for message in missed.messages if "deleted_at" not in message]
        happened = [(_created(message), self._news("message", "created", message)) for message in living]
        changes: dict[tuple[str, str], list[LogEntry]] = {}
        for entry in missed.entries:
            changes.setdefault((entry["kind"], entry["sid"]), []).append(entry)
        for subject, record in self._read_records(missed, changes, room):
            happened += self._changed(subject[0], record, changes[subject])
        return sorted(happened, key=lambda event: event[0])

    def _read_records(
        self, missed: _Missed, changes: dict[tuple[str, str], list[LogEntry]], room: int
    ) -> Iterator[tuple[tuple[str, str], Record]]:
        """The changed records in the order of their events, until they fill `room`; then `missed` says how far."""
        wanted = {subject: key for subject in changes if (key := self._key(subject))}
        left = sorted(wanted, key=lambda subject: _first_number(changes[subject]))
        size = _FIRST_RECORDS
        while left and room > 0:
            some, left, size = left[:size], left[size:], _PAGE
            stored = self._context.table.fetch_many((wanted[subject] for subject in some), buried=True)
            for subject in some:
                record = stored.get(wanted[subject]) or self._erased(subject, changes[subject][-1])
                room -= _length(record)
                yield subject, record
        if left:
            missed.read_to = _first_number(changes[left[0]]) - 1

    def _key(self, subject: tuple[str, str]) -> Key[Any] | None:
        kind, sid = subject
        match kind:
            case "channel":
                return keys.channel(sid)
            case "member":
                return keys.member(self._sid, sid)
            case "message" if (index := message_index(self._sid, sid)) is not None:
                return keys.message(self._sid, index)
        # Members do not hear of invites.
        return None

    def _erased(self, subject: tuple[str, str], entry: LogEntry) -> Record:
        """A record whose tombstone has been erased, rebuilt from the entry of its deletion."""
        kind, sid = subject
        if kind not in _ERASED or (kind == "member" and entry["verb"] != "deleted"):
            raise _Erased(sid)
        names = {"sid": sid, "channel_sid": self._sid, "service_sid": self._channel["service_sid"]}
        gone = {"seq": entry["seq"], "created_seq": 0, "deleted_at": 0} | {
            name: value for name, value in entry.items() if name in _ERASED[kind]
        }
        return {**names, "index": message_index(self._sid, sid), **gone} if kind == "message" else {**names, **gone}

    def _changed(self, kind: str, record: Mapping[str, Any], entries: list[LogEntry]) -> list[tuple[int, News]]:
        """The events of one record that has entries: one event with its latest version."""
        is_gone = "deleted_at" in record
        if kind == "message" and not is_gone and _created(record) > self._mark:
            return []
        # If the record was created and deleted, send the deletion: the client may have heard only of the creation.
        came = [entry["seq"] for entry in entries if entry["verb"] == "created"]
        if came and not is_gone:
            return [(came[-1], self._news(kind, "created", record))]
        position = entries[-1]["seq"]
        news = [(position, self._news(kind, "deleted" if is_gone else "updated", record))]
        if kind == "member" and not is_gone and identity_of(record) == self._identity:
            # Another device of this user may have set the notification level, which `memberUpdated` does not show.
            own_level = self._news(kind, "updated", record, "membership_updated", ("notificationLevel",))
            news.append((position, own_level))
        return news

    def _news(
        self, kind: str, verb: str, record: Mapping[str, Any], event: str = "", reasons: tuple[str, ...] = ()
    ) -> News:
        """The event of a change that members hear, or the event named `event`."""
        if verb == "updated":
            reasons = reasons or tuple(every_reason(kind))
        return News(
            event or f"{kind}_{verb}", kind, verb, dict(record), self._sid, self._channel, self._tail, reasons=reasons
        )

    def _cut(self, happened: list[tuple[int, News]], young: list[int], missed: _Missed, room: int) -> CaughtUp[T]:
        events: list[T] = []
        used = _FIXED_BYTES
        reached, is_cut = self._mark, missed.is_cut or missed.read_to is not None
        for position, news in happened:
            event, size = self._render(news)
            if _FIXED_BYTES + size > _MOST_BYTES:
                # The event is larger than any frame that a socket carries.
                return CaughtUp(REFETCH, self._tail["seq"])
            if position > self._end(missed) or used + size > room:
                # This answer may hold an event of the same number already. The next answer repeats that event.
                reached, is_cut = min(reached, position - 1), True
                break
            used += size
            events.append(event)
            reached = position
        else:
            reached = self._end(missed)
        # `more` would make the client ask at once, but a change that is still being written needs a moment.
        waits = bool(young) and reached >= young[0]
        seq = young[0] - 1 if waits else reached
        return CaughtUp(CHANGES, seq, is_cut and not waits, tuple(events), used)


def _written_at(message: Message) -> int:
    """When a message was written, or an earlier time.

    The cause of an edited message has the time of the edit. An import may have set `date_created`.
    """
    at = int(message["cause"]["at"])
    is_untouched = message.get("seq") == _created(message)
    return at if is_untouched else min(at, int(message.get("date_created", 0)))


def _created(message: Mapping[str, Any]) -> int:
    return int(message.get("created_seq", message.get("seq", 0)))


def _first_number(entries: list[LogEntry]) -> int:
    """The lowest change number that the event of a record with these entries may have."""
    came = [entry["seq"] for entry in entries if entry["verb"] == "created"]
    return came[-1] if came else entries[-1]["seq"]


def _length(record: Mapping[str, Any]) -> int:
    """About how many bytes a record adds to a reply, or fewer."""
    return _FIXED_BYTES + len(record.get("body") or "") + len(record.get("attributes") or "")
