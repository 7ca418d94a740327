"""The Sync objects of chat: their names, their SIDs and the ids of their events. None of them is stored.

An object is a view of records. Its SID and its unique name are both made from the SID of its owner, so each of the two
names leads to the records without a request.

Event ids are four times a number that grows with each change. For a channel's objects, that is the channel's `seq`; for
a user's `info`, the user's `seq`; for an item in a user's `channels`, the `seq` of that membership or invite. A
descriptor has the next id after its newest event, and an established subscription the one after that. So when a client
subscribes again, the id that it names tells whether it knows the object from a descriptor, a subscription or an event.
SDKs ignore events with ids that they have seen.

The numbers of different channels cannot be compared. So the descriptor of a user's `channels`, and the confirmation of
a subscription to it, take the time in milliseconds as their number.
"""

from __future__ import annotations

from typing import NamedTuple

from parley.ids import is_sid

DOCUMENT, LIST, MAP = "document", "list", "map"
# SDKs never resolve this name: they send requests to these URLs over the socket.
HOST = "https://cds.parley.invalid"

_STEP, _DESCRIBED, _ESTABLISHED, _REPEATED = 4, 1, 2, 3


class _Kind(NamedTuple):
    """One kind of object: its Sync type, the prefix of its SIDs, the prefix of its owner's SID, its name's ending."""

    name: str
    type: str
    prefix: str
    owner_prefix: str
    ending: str


_KINDS = {
    kind.name: kind
    for kind in (
        _Kind("document", DOCUMENT, "ET", "CH", ".channel"),
        _Kind("messages", LIST, "ES", "CH", ".messages"),
        _Kind("roster", MAP, "MP", "CH", ".roster"),
        _Kind("channels", MAP, "MC", "US", ".my_channels"),
        _Kind("info", MAP, "MI", "US", ".info"),
    )
}
_COLLECTIONS = {DOCUMENT: "Documents", LIST: "Lists", MAP: "Maps"}


class SyncObject(NamedTuple):
    """A Sync object.

    Attributes:
        sid: Its SID.
        unique_name: Its unique name.
        type: document, list or map.
        owner: The SID of the channel or user whose records it shows.
        kind: document, messages, roster, channels or info: the name of the function below that makes it.
    """

    sid: str
    unique_name: str
    type: str
    owner: str
    kind: str

    @property
    def url(self) -> str:
        """Its URL."""
        return f"{HOST}/v3/{_COLLECTIONS[self.type]}/{self.sid}"

    @property
    def items_url(self) -> str:
        """The URL of the items of a list or a map."""
        return f"{self.url}/Items"


def document(channel_sid: str) -> SyncObject:
    """What all members see of a channel itself."""
    return _made("document", channel_sid)


def messages(channel_sid: str) -> SyncObject:
    """The messages of a channel, by index."""
    return _made("messages", channel_sid)


def roster(channel_sid: str) -> SyncObject:
    """The members of a channel, by SID."""
    return _made("roster", channel_sid)


def channels(user_sid: str) -> SyncObject:
    """The channels that a user has joined or is invited to, by SID, with what only this user sees of them."""
    return _made("channels", user_sid)


def info(user_sid: str) -> SyncObject:
    """What others see of a user, by field."""
    return _made("info", user_sid)


def parse(sid_or_name: str) -> SyncObject | None:
    """The object with this SID or unique name; None if it is neither. Whether its records exist is another question."""
    for kind in _KINDS.values():
        for owner in (kind.owner_prefix + sid_or_name[len(kind.prefix) :], sid_or_name.removesuffix(kind.ending)):
            if is_sid(kind.owner_prefix, owner) and sid_or_name in (made := _made(kind.name, owner))[:2]:
                return made
    return None


def event_id(number: int) -> int:
    """The id of the event of the change with this number."""
    return number * _STEP


def described_id(number: int) -> int:
    """The id in the descriptor of an object whose newest change has this number."""
    return number * _STEP + _DESCRIBED


def established_id(number: int) -> int:
    """The id in the confirmation of a subscription to an object whose newest change has this number."""
    return number * _STEP + _ESTABLISHED


def repeated_id(number: int) -> int:
    """The id with which a document or an item is sent once more, though clients may know the change with this number.

    Only a client that has got it this way ignores it.
    """
    return number * _STEP + _REPEATED


def number_in(id_: int) -> int:
    """The number of the newest change that a client knows, from the id that it names."""
    return id_ // _STEP


def is_repeated(id_: int) -> bool:
    """Whether the document that a client has was sent once more."""
    return id_ % _STEP == _REPEATED


def is_from_descriptor(id_: int) -> bool:
    """Whether a client has the id that it names from a descriptor, so that it has just opened the object."""
    return id_ % _STEP == _DESCRIBED


def _made(name: str, owner: str) -> SyncObject:
    kind = _KINDS[name]
    return SyncObject(kind.prefix + owner[len(kind.owner_prefix) :], owner + kind.ending, kind.type, owner, name)
