"""What clients hear of a change: rows per kind and verb, with the vendor's event names, who hears it and what it shows.

Everything here is pure, so that leaks and missed sends are tested without a socket.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple

from parley.domain.memberships import Person, creator_of, user_of
from parley.sockets.reasons import DATE_UPDATED, update_reasons
from parley.store.changes import Change
from parley.store.items import Record

# Audiences: the channel's members, who is invited to it, the identity that the record is about, the one that made the
# channel, and the connections that follow a user.
MEMBERS, INVITED, SUBJECT, CREATOR, FOLLOWERS = "members", "invited", "subject", "creator", "followers"


class Push(NamedTuple):
    """One event of a change.

    Attributes:
        event: Its name.
        audience: Who hears it.
        shows: The members of the frame that show records, by their kinds, and what the channel's counters say.
        when: Whether it applies, given the change and the channel it happened in.
    """

    event: str
    audience: tuple[str, ...]
    shows: tuple[str, ...] = ()
    when: Callable[[Change, Record], bool] = lambda change, channel: True


def _is_private(change: Change, channel: Record) -> bool:
    """Whether the one who left cannot see the channel any more."""
    return channel.get("type") == "private" and creator_of(channel) != user_of(change.record)


def _shows(change: Change, channel: Record) -> bool:
    return not set(update_reasons(change.kind, change.old, change.record)) <= {DATE_UPDATED}


def _shows_nothing(change: Change, channel: Record) -> bool:
    return not _shows(change, channel)


def _has_another_level(change: Change, channel: Record) -> bool:
    return (change.record.get("notification_level") or "default") != (change.old.get("notification_level") or "default")


def _is_of_a_user(change: Change, channel: Record) -> bool:
    """Whether a member is a user, who may hear of it."""
    return user_of(change.record) is not None


def _has_another_level_of_a_user(change: Change, channel: Record) -> bool:
    return _is_of_a_user(change, channel) and _has_another_level(change, channel)


# A change took a number that is not theirs to see; without this, clients would look for a push that got lost.
_ADVANCED = Push("channelAdvanced", (MEMBERS,))

# https://www.twilio.com/docs/chat: events of the JavaScript client.
EVENTS: dict[tuple[str, str], tuple[Push, ...]] = {
    ("message", "created"): (Push("messageAdded", (MEMBERS,), ("message",)),),
    ("message", "updated"): (Push("messageUpdated", (MEMBERS,), ("message",)),),
    ("message", "deleted"): (Push("messageRemoved", (MEMBERS,), ("message", "last_message_index")),),
    ("member", "created"): (
        Push("channelJoined", (SUBJECT,), ("channel", "user_channel", "member"), when=_is_of_a_user),
        Push("memberJoined", (MEMBERS,), ("member",)),
    ),
    ("member", "updated"): (
        Push("memberUpdated", (MEMBERS,), ("member",), when=_shows),
        Push("channelUpdated", (SUBJECT,), ("channel", "user_channel"), when=_has_another_level_of_a_user),
        Push("channelAdvanced", (MEMBERS,), when=_shows_nothing),
    ),
    ("member", "deleted"): (
        Push("memberLeft", (MEMBERS,), ("member",)),
        Push("channelLeft", (SUBJECT,), ("channel", "member")),
        Push("channelRemoved", (SUBJECT,), ("channel",), when=_is_private),
    ),
    ("channel", "created"): (Push("channelAdded", (CREATOR,), ("channel",)),),
    ("channel", "updated"): (Push("channelUpdated", (MEMBERS, INVITED), ("channel",)),),
    ("channel", "deleted"): (Push("channelRemoved", (MEMBERS, INVITED, CREATOR), ("channel",)),),
    ("invite", "created"): (
        Push("channelInvited", (SUBJECT,), ("channel", "user_channel", "invite")),
        _ADVANCED,
    ),
    ("invite", "deleted"): (
        Push("channelLeft", (SUBJECT,), ("channel", "invite")),
        Push("channelRemoved", (SUBJECT,), ("channel",), when=_is_private),
        _ADVANCED,
    ),
    ("nothing", "created"): (_ADVANCED,),
    ("user", "updated"): (Push("userUpdated", (SUBJECT, FOLLOWERS), ("user",), when=_shows),),
}

# What a frame shows of the channel and its counters, which are read for it.
_OF_CHANNEL = {"channel", "user_channel", "last_message_index"}


def shows_channel(change: Change) -> bool:
    """Whether an event of a change may show, or depend on, the channel that it happened in."""
    return any(_OF_CHANNEL.intersection(push.shows) for push in EVENTS.get((change.kind, change.verb), ()))


def reasons(change: Change) -> list[str]:
    """What an update has changed; empty for anything else."""
    if change.verb != "updated":
        return []
    found = update_reasons(change.kind, change.old, change.record)
    return [*found, "notificationLevel"] if change.kind == "member" and _has_another_level(change, {}) else found


def pushes(change: Change, channel: Record) -> tuple[Push, ...]:
    """The events of a change in a channel ({} for changes outside of channels); none for what clients are not told."""
    return tuple(push for push in EVENTS.get((change.kind, change.verb), ()) if push.when(change, channel))


def audience(change: Change, push: Push, members: Iterable[Record], invites: Iterable[Record]) -> set[Person]:
    """The users who hear of a change, given the members of its channel and the invites to it."""
    people: set[Person | None] = set()
    for name in push.audience:
        match name:
            case "members":
                people |= {user_of(member) for member in members}
            case "invited":
                people |= {user_of(invite) for invite in invites}
            case "subject":
                people.add(user_of(change.record))
            case "creator":
                people.add(creator_of(change.record))
    # A member who is no user has no socket.
    return {person for person in people if person}
