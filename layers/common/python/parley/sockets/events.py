"""Who hears of a change: rows per kind and verb of what was changed.

What a protocol calls an event and what it shows with it is its codec's business. Everything here is pure, so that
leaks and missed sends are tested without a socket.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

from parley.domain.channels import PRIVATE
from parley.domain.memberships import Person, creator_of, user_of
from parley.errors import USER_NOT_FOUND, Error
from parley.sockets.reasons import DATE_UPDATED, NOTIFICATION_LEVEL, undeclared, update_reasons
from parley.store.changes import Change
from parley.stored import Channel

# Audiences: the channel's members, who is invited to it, the person that the record is about, the one that made the
# channel, and the connections that follow a user.
MEMBERS, INVITED, SUBJECT, CREATOR, FOLLOWERS = "members", "invited", "subject", "creator", "followers"


class Event(NamedTuple):
    """One thing that an audience hears of a change.

    Attributes:
        name: What codecs know it by.
        audience: Who hears it.
        when: Whether it applies, given the change and the channel that it happened in.
        asks_channel: Whether that depends on the channel.
        ends: Why the connections that hear it are closed, if they are.
    """

    name: str
    audience: tuple[str, ...]
    when: Callable[[Change, Channel], bool] = lambda change, channel: True
    asks_channel: bool = False
    ends: Error | None = None


def _is_out_of_sight(change: Change, channel: Channel) -> bool:
    """Whether the one who left cannot see the channel any more."""
    return channel.get("type") == PRIVATE and creator_of(channel) != user_of(change.record)


def _is_told(change: Change, channel: Channel) -> bool:
    """Whether those around hear of an update. What nothing says anything about is told rather than kept."""
    untold = {DATE_UPDATED, NOTIFICATION_LEVEL}
    is_told = not set(reasons(change)) <= untold
    return is_told or bool(undeclared(change.kind, change.old, change.record))


def _is_untold(change: Change, channel: Channel) -> bool:
    return not _is_told(change, channel)


def _has_another_level(change: Change, channel: Channel) -> bool:
    return NOTIFICATION_LEVEL in reasons(change)


# A change took a number that is not the members' to see. If they were not told, they would look for a lost push.
_ADVANCED = Event("advanced", (MEMBERS,))
_LOST = Event("channel_lost", (SUBJECT,), when=_is_out_of_sight, asks_channel=True)

EVENTS: dict[tuple[str, str], tuple[Event, ...]] = {
    ("message", "created"): (Event("message_created", (MEMBERS,)),),
    ("message", "updated"): (Event("message_updated", (MEMBERS,)),),
    ("message", "deleted"): (Event("message_deleted", (MEMBERS,)),),
    ("member", "created"): (Event("channel_joined", (SUBJECT,)), Event("member_created", (MEMBERS,))),
    ("member", "updated"): (
        Event("member_updated", (MEMBERS,), when=_is_told),
        Event("membership_updated", (SUBJECT,), when=_has_another_level),
        Event("advanced", (MEMBERS,), when=_is_untold),
    ),
    ("member", "deleted"): (Event("member_deleted", (MEMBERS,)), Event("channel_left", (SUBJECT,)), _LOST),
    ("channel", "created"): (Event("channel_created", (CREATOR,)),),
    ("channel", "updated"): (Event("channel_updated", (MEMBERS, INVITED)),),
    ("channel", "deleted"): (Event("channel_deleted", (MEMBERS, INVITED, CREATOR)),),
    ("invite", "created"): (Event("channel_offered", (SUBJECT,)), _ADVANCED),
    ("invite", "deleted"): (Event("offer_ended", (SUBJECT,)), _LOST, _ADVANCED),
    ("nothing", "created"): (_ADVANCED,),
    ("user", "updated"): (Event("user_updated", (SUBJECT, FOLLOWERS), when=_is_told),),
    ("user", "deleted"): (Event("user_deleted", (SUBJECT,), ends=USER_NOT_FOUND),),
}


def reasons(change: Change) -> tuple[str, ...]:
    """What an update has changed; empty for anything else."""
    return tuple(update_reasons(change.kind, change.old, change.record)) if change.verb == "updated" else ()


def people(records: Iterable[Mapping[str, Any]]) -> frozenset[Person]:
    """The users whom members, invites or users are; a member who is no user has no connection."""
    return frozenset(person for record in records if (person := user_of(record)))


def audience(change: Change, event: Event, members: frozenset[Person], invited: frozenset[Person]) -> frozenset[Person]:
    """Who hears of a change, given the members of its channel and who is invited to it."""
    heard: frozenset[Person] = frozenset()
    for name in event.audience:
        more: frozenset[Person] = frozenset()
        match name:
            case "members":
                more = members
            case "invited":
                more = invited
            case "subject":
                more = people([change.record])
            case "creator":
                more = frozenset(filter(None, [creator_of(change.record)]))
        heard = heard | more if heard else more
    return heard
