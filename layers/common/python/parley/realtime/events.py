"""What clients hear of a change: one row per kind and verb, with the vendor's event names and who hears it.

Audiences: `members` are the channel's members, `subject` is the identity that the record is about, `creator` the one
that made a channel.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from parley.ids import user_sid
from parley.store.changes import Change
from parley.store.items import Record


class Push(NamedTuple):
    """One event of a change for one audience."""

    event: str
    audience: str


MEMBERS, SUBJECT, CREATOR = "members", "subject", "creator"

# https://www.twilio.com/docs/chat: events of the JavaScript client.
EVENTS: dict[tuple[str, str], tuple[Push, ...]] = {
    ("message", "created"): (Push("messageAdded", MEMBERS),),
    ("message", "updated"): (Push("messageUpdated", MEMBERS),),
    ("message", "deleted"): (Push("messageRemoved", MEMBERS),),
    ("member", "created"): (Push("memberJoined", MEMBERS), Push("channelJoined", SUBJECT)),
    ("member", "updated"): (Push("memberUpdated", MEMBERS),),
    ("member", "deleted"): (Push("memberLeft", MEMBERS), Push("channelLeft", SUBJECT)),
    ("channel", "created"): (Push("channelAdded", CREATOR),),
    ("channel", "updated"): (Push("channelUpdated", MEMBERS),),
    ("channel", "deleted"): (Push("channelRemoved", MEMBERS),),
    ("user", "updated"): (Push("userUpdated", SUBJECT),),
}


def pushes(change: Change) -> tuple[Push, ...]:
    """The events of a change; none for what clients are not told."""
    return EVENTS.get((change.kind, change.verb), ())


def audience(change: Change, push: Push, members: Iterable[Record]) -> set[str]:
    """The SIDs of the users who hear of a change, given the members of its channel. Pure: leaks are tested here."""
    service_sid = change.record["service_sid"]
    match push.audience:
        case "members":
            return {user_sid(service_sid, member["identity"]) for member in members}
        case "subject":
            return {user_sid(service_sid, change.record["identity"])}
        case "creator":
            return {user_sid(service_sid, change.record["created_by"])}
    raise ValueError(push.audience)
