"""Whose phones and browsers hear of a change: a table with rows for each kind of record and each verb.

All functions here are pure, so tests check it member by member, without devices.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final, NamedTuple

from parley.domain.memberships import Person, identity_of, user_of
from parley.domain.notifications import ADDED, BADGE, INVITED, MUTED, NEW_MESSAGE, REMOVED, is_unread
from parley.sockets.reasons import HORIZON, update_reasons
from parley.store.changes import Change
from parley.stored import Member

Members = Iterable[Member]
# The horizons of some people, before a change and after it.
Falls = dict[Person, tuple[int | None, int | None]]
_INDEX: Final = "last_consumed_message_index"


def _others(change: Change, members: Members) -> frozenset[Person]:
    """The members but the author, without those who have muted the channel."""
    return frozenset(
        person
        for member in members
        if (person := user_of(member))
        and identity_of(member) != change.record["author"]
        and member.get("notification_level") != MUTED
    )


def _subject(change: Change, members: Members) -> frozenset[Person]:
    person = user_of(change.record)
    return frozenset([person]) if person else frozenset()


def _subject_of_another(change: Change, members: Members) -> frozenset[Person]:
    """The user that the record is about, unless the user did it."""
    return frozenset() if change.cause["actor"] == identity_of(change.record) else _subject(change, members)


def _moved(change: Change, members: Members) -> Falls:
    return dict.fromkeys(_subject(change, members), (change.old.get(_INDEX), change.record.get(_INDEX)))


def _dropped(change: Change, members: Members) -> Falls:
    return dict.fromkeys(_subject(change, members), (change.record.get(_INDEX), None))


def _unread(change: Change, members: Members) -> Falls:
    """Of those who have not read a deleted message, or the newest one of a deleted channel, the horizons."""
    horizons = {user_of(member): member.get(_INDEX) for member in members}
    newest = _newest(change)
    return {person: (at, at) for person, at in horizons.items() if person and is_unread(newest, at)}


def _newest(change: Change) -> int:
    """The index of a deleted message, or of the newest one of a deleted channel; -1 if it had none."""
    index = change.record.get("index" if change.kind == "message" else "last_message_index")
    return -1 if index is None else index


class Notice(NamedTuple):
    """One notification of a change.

    Attributes:
        kind: Its kind.
        to: Who is told, given the change and the channel's members.
        falls: Of a badge, the horizons of those whose badge may fall, before the change and after it. They are told if
            one channel with unread messages less is left.
        newest: The index of the newest message before the change, if the change removes messages.
    """

    kind: str
    to: Callable[[Change, Members], frozenset[Person]] = lambda change, members: frozenset()
    falls: Callable[[Change, Members], Falls] | None = None
    newest: Callable[[Change], int] | None = None


NOTICES: dict[tuple[str, str], tuple[Notice, ...]] = {
    ("message", "created"): (Notice(NEW_MESSAGE, _others),),
    ("member", "created"): (Notice(ADDED, _subject_of_another),),
    ("message", "deleted"): (Notice(BADGE, falls=_unread, newest=_newest),),
    ("member", "updated"): (Notice(BADGE, falls=_moved),),
    ("member", "deleted"): (Notice(REMOVED, _subject_of_another), Notice(BADGE, falls=_dropped)),
    ("channel", "deleted"): (Notice(BADGE, falls=_unread, newest=_newest),),
    ("invite", "created"): (Notice(INVITED, _subject_of_another),),
}


def notices(change: Change) -> tuple[Notice, ...]:
    """The notifications that may follow from a change; none from an update that moves no horizon."""
    if change.verb == "updated" and HORIZON not in update_reasons(change.kind, change.old, change.record):
        return ()
    return NOTICES.get((change.kind, change.verb), ())
