"""Plans notifications: from the changes of a batch to entries on the push queue, beside the pushes to sockets.

    fan-out   reads presence ──► renders ──► sends pushes ──► reads their answers ──► waits for the rest
                    │                            │
    threads         └─► read devices             └─► write and queue entries

Reading is waiting, and most pushes are sent when it ends. Writing entries takes a processor's time, which the pushes
need until they are sent.

Nothing is read or queued for a service that has switched notifications off. For the others, one batch read per hundred
users finds their devices, and one entry carries up to a hundred devices. An entry that is planned again, because the
batch came again, has the same name, and the queue drops it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, Self

from parley.domain.channels import newest_index
from parley.domain.memberships import Person, birth_of, identity_of, participant_of
from parley.domain.notifications import (
    BADGE,
    CHAT,
    CONVERSATIONS,
    NEW_MESSAGE,
    has_badges,
    is_logged,
    is_told,
    is_wanted,
    refined,
    written,
)
from parley.ids import chunk_id, user_sid
from parley.jobs import Entry
from parley.log import logger
from parley.operations import context as perspectives
from parley.operations.context import SYSTEM, Context
from parley.sockets.meanwhile import Meanwhile
from parley.sockets.notices import Notice, notices
from parley.store import keys
from parley.store.changes import Change
from parley.store.keys import Key
from parley.store.table import Records
from parley.stored import Channel, Member, Service
from parley.tracing import working_for

if TYPE_CHECKING:
    from parley.ports.queue import Queue

FACES = (CHAT, CONVERSATIONS)
JOB = "push"
MOST_DEVICES = 100
# An entry may have 256 KB. Addresses may have 4,096 characters, but most have 200.
_MOST_BYTES = 180_000
# What a device takes beside its address.
_OTHER_BYTES = 600


class Asked(NamedTuple):
    """A notification that a service wants of a change, whoever hears it."""

    change: Change
    notice: Notice
    service: Service


class _Owed(NamedTuple):
    """A notification of a change, and who hears it if its `when` holds."""

    change: Change
    notice: Notice
    service: Service
    persons: Collection[Person]


class Notifier:
    """Puts notifications on the push queue."""

    def __init__(self, context: Context, queue: Callable[[], Queue] | None, *, when_connected: bool = True):
        """`when_connected` says whether users hear of changes while they have a socket open; of badges they always do.

        Args:
            queue: Makes the queue, when something is first to be queued; without one, nobody is notified.
        """
        self._context = context
        self._queue = queue
        self._when_connected = when_connected

    def services(self, changes: Iterable[Change]) -> set[Key[Service]]:
        """The services that decide whether anybody is notified of these changes."""
        if self._queue is None:
            return set()
        # A broken record, without its service, stops the batch later.
        return {self._service_key(change) for change in changes if change.record.get("service_sid") and notices(change)}

    def _service_key(self, change: Change) -> Key[Service]:
        return keys.service(self._context.account_sid, change.record["service_sid"])

    def asked(self, changes: Iterable[Change], services: Mapping[Key[Service], Service]) -> list[Asked]:
        """What these services want to be told of, of all that happened."""
        return [
            Asked(change, notice, service)
            for change in changes
            for notice in notices(change)
            if (service := services.get(self._service_key(change)))
            and any(is_told(notice.kind, face, service, change.record) for face in FACES)
        ]

    def read(self, asked: Sequence[Asked], records: Mapping[str, Records]) -> Records:
        """What the notifications that are asked for need: devices, channels, authors."""
        owed = self._owed(asked, records, ())
        return self._context.table.fetch_many({key for one in owed for key in _wanted(one)}) if owed else Records()

    def plan(
        self,
        asked: Sequence[Asked],
        records: Mapping[str, Records],
        connected: Collection[Person],
        read: Callable[[], Records],
    ) -> str | None:
        """Queue what is asked for; returns the position of the first change that has to be planned again.

        What follows from the changes before that one is queued.

        Args:
            records: The members of each channel, by its SID.
            connected: Who has a socket open.
            read: What `read` has found.
        """
        owed = self._owed(asked, records, connected)
        if not owed:
            return None
        entries: list[Entry] = []
        position = owed[0].change.position
        failed: str | None = None
        try:
            found = read()
            for one in owed:
                position = one.change.position
                with working_for(one.change.request_id):
                    entries += self._entries(one, found, records.get(one.change.channel_sid, Records()))
        except Exception:
            logger.exception("notification cannot be planned", extra={"sequence_number": position})
            failed = position
        try:
            if entries and self._queue is not None:
                self._queue().send(entries)
        except Exception:
            # Some may be queued. Planned again, they have the same names, so the queue drops them.
            logger.exception("notifications not queued", extra={"count": len(entries)})
            return owed[0].change.position
        return failed

    def _owed(
        self, asked: Sequence[Asked], records: Mapping[str, Records], connected: Collection[Person]
    ) -> list[_Owed]:
        return [_Owed(*one, persons) for one in asked if (persons := self._persons(one, records, connected))]

    def _persons(self, asked: Asked, records: Mapping[str, Records], connected: Collection[Person]) -> list[Person]:
        """Who hears a notification."""
        change, notice, _ = asked
        members = records.get(change.channel_sid, Records()).below(keys.members(change.channel_sid))
        persons = notice.to(change, members)
        if not self._when_connected and notice.kind != BADGE:
            persons = persons - frozenset(connected)
        return sorted(persons)

    def _entries(self, owed: _Owed, found: Records, records: Records) -> list[Entry]:
        change, notice, service, _ = owed
        channel = found.get(keys.channel(change.channel_sid))
        if channel is None:
            # It was deleted since: nobody can open it.
            return []
        if notice.asks_newest:
            tail = found.get(keys.tail(change.channel_sid))
            if tail is None or not notice.when(change, newest_index(tail)):
                return []
        devices = list(_devices(owed, channel, found))
        if not devices:
            return []
        acting = _acting(change, found, records)
        told = {
            face: {
                "kind": refined(notice.kind, face, change.record),
                **written(notice.kind, face, service, channel, change.record, acting),
            }
            for face in FACES
            if any(device["face"] == face for device in devices)
        }
        common: Entry = {
            "job": JOB,
            "cause": change.cause["id"],
            "at": change.cause["at"],
            "service_sid": service["sid"],
            "channel_sid": channel["sid"],
            "kind": notice.kind,
            "notification": told,
            "group": channel["sid"],
        }
        if change.request_id:
            common["request_id"] = change.request_id
        if change.kind == "message":
            common["index"] = change.record["index"]
        if has_badges(service):
            common["badge"] = True
        if is_logged(service):
            common["log"] = True
        return [{**common, "devices": chunk, "once": _name(change, notice, chunk)} for chunk in _chunks(devices)]


class Round:
    """The notifications of one batch. Each step waits for nothing, up to `failed`.

    As a context manager, it waits for what it has begun.
    """

    def __init__(self, notifier: Notifier, changes: Sequence[Change], records: Mapping[str, Records]) -> None:
        """`records` has the members of each channel, by its SID."""
        self._notifier = notifier
        self._changes = changes
        self._records = records
        self._asked: list[Asked] = []
        self._connected: Collection[Person] = ()
        self._reading = Meanwhile(lambda: notifier.read(self._asked, records))
        self._queueing = Meanwhile(self._queue)

    def read(self, services: Mapping[Key[Service], Service]) -> None:
        """Begin to read what these services ask for; once begun, it stays so."""
        if not self._asked and (asked := self._notifier.asked(self._changes, services)):
            self._asked = asked
            self._reading.start()

    def limit(self, changes: Collection[Change], connected: Collection[Person]) -> None:
        """Notify of these changes only, as others come again; `connected` says who has a socket open."""
        positions = {change.position for change in changes}
        self._asked = [one for one in self._asked if one.change.position in positions]
        self._connected = connected

    def queue(self) -> None:
        """Begin to queue."""
        if self._asked:
            self._queueing.start()

    def failed(self) -> str | None:
        """The position of the first change that has to come again for its notifications, if there is one."""
        return self._queueing.result() if self._asked else None

    def _queue(self) -> str | None:
        return self._notifier.plan(self._asked, self._records, self._connected, self._reading.result)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._queueing.join()
        self._reading.join()


def _wanted(owed: _Owed) -> Iterator[Key[Any]]:
    """The keys of all that a notification needs."""
    change = owed.change
    yield keys.channel(change.channel_sid)
    if owed.notice.asks_newest:
        yield keys.tail(change.channel_sid)
    elif identity := _actor(change):
        yield keys.user(user_sid(change.record["service_sid"], identity))
    for person in owed.persons:
        yield keys.user_devices(person.user_sid)
        if _is_about_one(owed):
            yield keys.user(person.user_sid)


def _is_about_one(owed: _Owed) -> bool:
    """Whether it is about the user who hears it. The memberships of a deleted user end too, which it must not hear."""
    return owed.notice.kind != NEW_MESSAGE


def _actor(change: Change) -> str:
    """Who did it, as the notification says; empty for a back end that names nobody."""
    if change.kind == "message":
        return str(change.record["author"])
    return "" if change.cause["source"] == "API" else str(change.cause["actor"])


def _acting(change: Change, found: Records, records: Records) -> dict[str, str]:
    identity = _actor(change)
    user = found.get(keys.user(user_sid(change.record["service_sid"], identity))) if identity else None
    acting = {"identity": identity or SYSTEM, "name": identity or SYSTEM}
    if user:
        acting |= {"user_sid": user["sid"], "name": user.get("friendly_name") or identity}
    participant = participant_of(change.record) if change.kind == "message" else None
    if participant := participant or _member_of(identity, change.channel_sid, records):
        acting["participant_sid"] = participant
    return acting


def _member_of(identity: str, channel_sid: str, records: Records) -> str | None:
    members: list[Member] = records.below(keys.members(channel_sid))
    return next((member["sid"] for member in members if identity and identity_of(member) == identity), None)


def _devices(owed: _Owed, channel: Channel, found: Records) -> Iterator[dict[str, Any]]:
    """The devices that hear of something, in the order of their users and bindings."""
    change, notice, service, persons = owed
    for person in persons:
        held = found.get(keys.user_devices(person.user_sid))
        # Those of an earlier user with the same identity are about to be swept.
        if held is None or birth_of(held) != person.birth:
            continue
        user = found.get(keys.user(person.user_sid))
        if _is_about_one(owed) and (user is None or birth_of(user) != person.birth):
            continue
        for sid, device in sorted(held["devices"].items()):
            face = device.get("face") or CHAT
            is_hidden = face == CONVERSATIONS and not perspectives.CONVERSATIONS.knows(channel)
            is_for_it = device["type"] == "apn" or notice.kind != BADGE
            if is_hidden or not is_for_it or not is_wanted(notice.kind, device["types"]):
                continue
            if is_told(notice.kind, face, service, change.record):
                told = {"user_sid": person.user_sid, "birth": person.birth, "binding_sid": sid, "face": face}
                told |= {"type": device["type"], "address": device["address"]}
                told["credential_sid"] = device.get("credential") or ""
                yield {**told, "arn": device["arn"]} if "arn" in device else told


def _chunks(devices: list[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    chunk: list[dict[str, Any]] = []
    size = 0
    for device in devices:
        length = _OTHER_BYTES + _length(device["address"])
        if chunk and (len(chunk) == MOST_DEVICES or size + length > _MOST_BYTES):
            yield chunk
            chunk, size = [], 0
        chunk.append(device)
        size += length
    if chunk:
        yield chunk


def _length(address: str) -> int:
    """How long an address is in JSON, at most: there, one character may take two escapes of six."""
    return len(address) + address.count('"') + address.count("\\") if address.isascii() else 12 * len(address)


def _name(change: Change, notice: Notice, chunk: list[dict[str, Any]]) -> str:
    """The name of an entry. It says whom the entry reaches, so devices that come or go meanwhile lose nothing."""
    return chunk_id(change.cause["id"], notice.kind, *(device["binding_sid"] for device in chunk))
