"""Whose phones and browsers hear of a change: a table with rows for each kind of record and each verb.

All functions here are pure, so tests check it member by member, without devices.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple

from parley.domain.memberships import Person, identity_of, user_of
from parley.domain.notifications import ADDED, BADGE, INVITED, MUTED, NEW_MESSAGE, REMOVED
from parley.sockets.reasons import HORIZON, update_reasons
from parley.store.changes import Change
from parley.stored import Member

Members = Iterable[Member]
Horizons = tuple[int | None, int | None]
_INDEX = "last_consumed_message_index"


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


def _moved(change: Change) -> Horizons:
    return change.old.get(_INDEX), change.record.get(_INDEX)


def _dropped(change: Change) -> Horizons:
    return change.record.get(_INDEX), None


class Notice(NamedTuple):
    """One notification of a change.

    Attributes:
        kind: Its kind.
        to: Who is told, given the change and the channel's members.
        horizons: The member's horizon before the change and after it, if it is told only when one channel with unread
            messages less is left.
    """

    kind: str
    to: Callable[[Change, Members], frozenset[Person]]
    horizons: Callable[[Change], Horizons] | None = None


NOTICES: dict[tuple[str, str], tuple[Notice, ...]] = {
    ("message", "created"): (Notice(NEW_MESSAGE, _others),),
    ("member", "created"): (Notice(ADDED, _subject_of_another),),
    ("member", "updated"): (Notice(BADGE, _subject, _moved),),
    ("member", "deleted"): (Notice(REMOVED, _subject_of_another), Notice(BADGE, _subject, _dropped)),
    ("invite", "created"): (Notice(INVITED, _subject_of_another),),
}


def notices(change: Change) -> tuple[Notice, ...]:
    """The notifications that may follow from a change; none from an update that moves no horizon."""
    if change.verb == "updated" and HORIZON not in update_reasons(change.kind, change.old, change.record):
        return ()
    return NOTICES.get((change.kind, change.verb), ())
