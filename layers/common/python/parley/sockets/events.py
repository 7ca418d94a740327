"""Who hears of a change: a table with rows for each kind of record and each verb.

A codec decides how its protocol names an event and what it shows. All functions here are pure, so tests find leaks and
missed pushes without a socket.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

from parley.domain.channels import PRIVATE, PUBLIC
from parley.domain.memberships import Person, creator_of, user_of
from parley.errors import USER_NOT_FOUND, Error
from parley.sockets.reasons import DATE_UPDATED, HORIZON, NOTIFICATION_LEVEL, undeclared, update_reasons
from parley.store.changes import Change
from parley.stored import Channel

# Audiences: the channel's members, the users invited to it, the user that the record is about, the channel's creator,
# and the connections that follow the user or the channel's document.
MEMBERS, INVITED, SUBJECT, CREATOR, FOLLOWERS = "members", "invited", "subject", "creator", "followers"


class Event(NamedTuple):
    """One event of a change, for one audience.

    Attributes:
        name: The name under which codecs know it.
        audience: Who hears it.
        when: Whether the event happens, given the change and its channel.
        asks_channel: Whether `when` needs the channel.
        ends: The reason, if the event closes the connections of its audience.
    """

    name: str
    audience: tuple[str, ...]
    when: Callable[[Change, Channel], bool] = lambda change, channel: True
    asks_channel: bool = False
    ends: Error | None = None


def _is_out_of_sight(change: Change, channel: Channel) -> bool:
    """Whether the user who left can no longer see the channel."""
    return channel.get("type") == PRIVATE and creator_of(channel) != user_of(change.record)


def _others_hear(change: Change, channel: Channel) -> bool:
    """Whether members and followers hear of an update.

    They do not if only the date or the member's notification level changed. They do if a changed attribute is
    undeclared.
    """
    private = {DATE_UPDATED, NOTIFICATION_LEVEL}
    is_heard = not set(reasons(change)) <= private
    return is_heard or bool(undeclared(change.kind, change.old, change.record))


def _is_private(change: Change, channel: Channel) -> bool:
    return not _others_hear(change, channel)


def _has_another_level(change: Change, channel: Channel) -> bool:
    return NOTIFICATION_LEVEL in reasons(change)


def _has_another_horizon(change: Change, channel: Channel) -> bool:
    return HORIZON in reasons(change)


# Members may not see the change that took this number. Without this event they would look for a lost push.
_ADVANCED = Event("advanced", (MEMBERS,))
_LOST = Event("channel_lost", (SUBJECT,), when=_is_out_of_sight, asks_channel=True)
# What all who see the channel are shown of the channel itself has changed, such as its newest message.
_DOCUMENT = Event("document_changed", (FOLLOWERS,), asks_channel=True)

EVENTS: dict[tuple[str, str], tuple[Event, ...]] = {
    ("message", "created"): (Event("message_created", (MEMBERS,)), _DOCUMENT),
    ("message", "updated"): (Event("message_updated", (MEMBERS,)),),
    ("message", "deleted"): (Event("message_deleted", (MEMBERS,)), _DOCUMENT),
    ("member", "created"): (Event("channel_joined", (SUBJECT,)), Event("member_created", (MEMBERS,))),
    ("member", "updated"): (
        Event("member_updated", (MEMBERS,), when=_others_hear),
        Event("membership_updated", (SUBJECT,), when=_has_another_level),
        Event("horizon_moved", (SUBJECT,), when=_has_another_horizon),
        Event("advanced", (MEMBERS,), when=_is_private),
    ),
    ("member", "deleted"): (Event("member_deleted", (MEMBERS,)), Event("channel_left", (SUBJECT,)), _LOST),
    ("channel", "created"): (Event("channel_created", (CREATOR,)),),
    ("channel", "updated"): (Event("channel_updated", (MEMBERS, INVITED)), _DOCUMENT),
    ("channel", "deleted"): (
        Event("channel_deleted", (MEMBERS, INVITED, CREATOR)),
        Event("document_deleted", (FOLLOWERS,)),
    ),
    ("invite", "created"): (Event("channel_offered", (SUBJECT,)), _ADVANCED),
    ("invite", "deleted"): (Event("offer_ended", (SUBJECT,)), _LOST, _ADVANCED),
    ("nothing", "created"): (_ADVANCED,),
    ("user", "updated"): (Event("user_updated", (SUBJECT, FOLLOWERS), when=_others_hear),),
    ("user", "deleted"): (Event("user_deleted", (SUBJECT,), ends=USER_NOT_FOUND),),
}


def reasons(change: Change) -> tuple[str, ...]:
    """Twilio's names for what an update changed; empty for other verbs."""
    return tuple(update_reasons(change.kind, change.old, change.record)) if change.verb == "updated" else ()


def followed_sid(change: Change) -> str:
    """The SID of the channel or user whose followers hear of a change."""
    return change.channel_sid or str(change.record["sid"])


def may_see(channel: Channel, person: Person, members: frozenset[Person], invited: frozenset[Person]) -> bool:
    """Whether a user may see a channel, given its members and invited users."""
    return channel.get("type") == PUBLIC or person in members or person in invited or creator_of(channel) == person


def people(records: Iterable[Mapping[str, Any]]) -> frozenset[Person]:
    """The users that members, invites or user records belong to. Members without an identity are left out."""
    return frozenset(person for record in records if (person := user_of(record)))


def audience(change: Change, event: Event, members: frozenset[Person], invited: frozenset[Person]) -> frozenset[Person]:
    """Who hears of a change, given its channel's members and invited users."""
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
