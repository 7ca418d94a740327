"""Puts what people's phones and browsers should hear on the push queue, beside the pushes to sockets.

Nothing is read or queued for a service that has switched notifications off. For the others, one entry says what
happened and names up to a hundred people. The function `push` looks for their devices (`background/composing.py`), so
sockets wait for none of that work. If a batch comes again, its entries are queued again under the same names, and the
queue drops them.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from parley.domain.memberships import Person, identity_of, participant_of
from parley.domain.notifications import BADGE, CHAT, CONVERSATIONS, NEW_MESSAGE, carried, is_told
from parley.ids import chunk_id
from parley.jobs import Entry
from parley.log import logger
from parley.operations.context import Context
from parley.sockets.notices import Falls, Notice, notices
from parley.store import keys
from parley.store.changes import Change
from parley.store.keys import Key
from parley.store.table import Records
from parley.stored import Member, Service
from parley.tracing import working_for

if TYPE_CHECKING:
    from parley.ports.queue import Queue

FACES = (CHAT, CONVERSATIONS)
JOB = "push"
MOST_PEOPLE = 100


class Asked(NamedTuple):
    """A notification that a service wants of a change, whoever hears it."""

    change: Change
    notice: Notice


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
            Asked(change, notice)
            for change in changes
            for notice in notices(change)
            if (service := services.get(self._service_key(change)))
            and any(is_told(notice.kind, face, service, change.record) for face in FACES)
        ]

    def queue(
        self, asked: Sequence[Asked], records: Mapping[str, Records], connected: Collection[Person]
    ) -> str | None:
        """Queue what is asked for; returns the position of the first change that has to come again for that.

        What follows from the changes before that one is queued.

        Args:
            records: The members of each channel, by its SID.
            connected: Who has a socket open.
        """
        entries: list[Entry] = []
        failed: str | None = None
        # All messages of one author in a channel are for the same people.
        known: dict[tuple[str, str], frozenset[Person]] = {}
        for one in asked:
            with working_for(one.change.request_id):
                try:
                    members = records.get(one.change.channel_sid, Records()).below(keys.members(one.change.channel_sid))
                    falls = one.notice.falls(one.change, members) if one.notice.falls else {}
                    people = frozenset(falls) if one.notice.falls else self._people(one, members, known)
                    if not self._when_connected and one.notice.kind != BADGE:
                        people = people - frozenset(connected)
                    entries += _entries(one, members, sorted(people), falls)
                except Exception:
                    failed = one.change.position
                    logger.exception("notification cannot be planned", extra={"sequence_number": failed})
                    break
        try:
            if entries and self._queue is not None:
                self._queue().send(entries)
        except Exception:
            # Some may be queued. Queued again, they have the same names, so the queue drops them.
            logger.exception("notifications not queued", extra={"count": len(entries)})
            return asked[0].change.position
        return failed

    @staticmethod
    def _people(
        asked: Asked, members: list[Member], known: dict[tuple[str, str], frozenset[Person]]
    ) -> frozenset[Person]:
        """Who hears of a change; `known` keeps who hears of messages."""
        change, notice = asked
        if notice.kind != NEW_MESSAGE:
            return notice.to(change, members)
        place = change.channel_sid, change.record["author"]
        if place not in known:
            known[place] = notice.to(change, members)
        return known[place]


def _entries(asked: Asked, members: list[Member], people: list[Person], falls: Falls) -> list[Entry]:
    change, notice = asked
    if not people:
        return []
    actor = _actor(change)
    common: Entry = {
        "job": JOB,
        "cause": change.cause["id"],
        "at": change.cause["at"],
        "service_sid": change.record["service_sid"],
        "channel_sid": change.channel_sid,
        "kind": notice.kind,
        "record": carried(change.record),
        "actor": actor,
        "participant_sid": _participant(change, actor, members),
        "group": change.channel_sid,
    }
    if change.request_id:
        common["request_id"] = change.request_id
    if notice.kind == NEW_MESSAGE:
        common["index"] = change.record["index"]
    if notice.newest:
        common["newest"] = notice.newest(change)
    if change.kind == "channel":
        # When `push` sends the badge, the channel is gone.
        common["type"] = change.record["type"]
    chunks = [people[start : start + MOST_PEOPLE] for start in range(0, len(people), MOST_PEOPLE)]
    return [
        {
            **common,
            "people": chunk,
            **({"horizons": [falls[person] for person in chunk]} if notice.falls else {}),
            "once": _name(change, notice, chunk),
        }
        for chunk in chunks
    ]


def _actor(change: Change) -> str:
    """Who did it, as the notification says; empty for a back end that names nobody."""
    if change.kind == "message":
        return str(change.record["author"])
    return "" if change.cause["source"] == "API" else str(change.cause["actor"])


def _participant(change: Change, actor: str, members: list[Member]) -> str:
    """The SID of who did it in the channel, as far as it is known."""
    if change.kind == "message" and (participant := participant_of(change.record)):
        return participant
    return next((member["sid"] for member in members if actor and identity_of(member) == actor), "")


def _name(change: Change, notice: Notice, chunk: list[Person]) -> str:
    """The name of an entry. It says whom the entry reaches, so people who come or go meanwhile lose nothing."""
    return chunk_id(change.cause["id"], notice.kind, *(part for person in chunk for part in person))
