"""The stage on which rights are tried: people with one role each, in every relation to a public and a private channel."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from tests.sockets.deployment import Device, House, Room

STANDINGS = ("member", "invited", "stranger", "creator")
TYPES = ("public", "private")
# Who is in every channel and wrote the first message; who is in it to be removed; who is to be added.
AUTHOR, REMOVABLE, GUEST = "author", "removable", "guest"
NEVER_MEDIA = "ME" + "0" * 32


@dataclass
class Person:
    """Somebody with one role of interest; `deployment` and `channel` are the rights of both roles."""

    identity: str
    deployment: frozenset[str]
    channel: frozenset[str]
    channel_role_sid: str
    device: Device
    binding: str = ""


@dataclass
class Place:
    """A channel, and where somebody's message is in it."""

    room: Room
    own_messages: dict[str, int] = field(default_factory=dict)


class Stage:
    """One service with everybody and every channel in it."""

    def __init__(self, house: House, roles: dict[str, tuple[str, Iterable[str]]], nothing: dict[str, str]):
        """`roles` has type and permissions by name, `nothing` the right that means nothing here by type of role."""
        self.house = house
        self.rest = house.rest
        self._fresh = itertools.count()
        self.admin_role = house.service["default_channel_creator_role_sid"]
        self._nothing = {type_: house.role(f"no {type_} rights", type_, [right]) for type_, right in nothing.items()}
        self._nothing_rights = {type_: frozenset([right]) for type_, right in nothing.items()}
        for identity in (AUTHOR, REMOVABLE, GUEST):
            self.rest.post(f"{house.path}/Users", Identity=identity)
        self.author = house.device(AUTHOR)
        self.credential = self.rest.post("/chat/v2/Credentials", Type="fcm", Secret="secret")["sid"]
        self.foreign_binding = self.author.done("registerBinding", **self.binding())["sid"]
        self.people = {name: self._person(name, type_, frozenset(rights)) for name, (type_, rights) in roles.items()}
        self._places: dict[tuple[str, ...], Place] = {}
        for standing, type_ in itertools.product(STANDINGS, TYPES):
            people = [person for person in self.people.values() if standing in standings(person)]
            if standing == "creator":
                for person in people:
                    self._places[standing, type_, person.identity] = self._place(standing, type_, [person])
            else:
                self._places[standing, type_] = self._place(standing, type_, people)

    def _person(self, name: str, type_: str, rights: frozenset[str]) -> Person:
        role_sid = self.house.role(name, type_, sorted(rights))
        is_deployment = type_ == "deployment"
        deployment_role = role_sid if is_deployment else self._nothing["deployment"]
        self.rest.post(f"{self.house.path}/Users", Identity=name, RoleSid=deployment_role)
        return Person(
            name,
            rights if is_deployment else self._nothing_rights["deployment"],
            self._nothing_rights["channel"] if is_deployment else rights,
            self._nothing["channel"] if is_deployment else role_sid,
            self.house.device(name),
        )

    def _place(self, standing: str, type_: str, people: list[Person]) -> Place:
        made_by = people[0].identity if standing == "creator" else AUTHOR
        place = Place(self.house.channel(AUTHOR, REMOVABLE, Type=type_, CreatedBy=made_by))
        place.room.post("by the author", From=AUTHOR)
        for person in people:
            self.set_up(place.room, person, standing)
            message = place.room.post("one's own", From=person.identity)
            place.own_messages[person.identity] = message["index"]
        return place

    def set_up(self, room: Room, person: Person, standing: str) -> None:
        """Put somebody into relation to a channel. What an invite promises counts only when it is accepted."""
        if standing == "member":
            room.add(person.identity, RoleSid=person.channel_role_sid)
        elif standing == "invited":
            self.rest.post(f"{room.path}/Invites", Identity=person.identity, RoleSid=self.admin_role)

    def place(self, person: Person, standing: str, type_: str) -> Place:
        """Where this relation is tried."""
        if standing == "creator":
            return self._places[standing, type_, person.identity]
        return self._places[standing, type_]

    def disposable(self, person: Person, standing: str, type_: str) -> Room:
        """A channel like that, to be deleted."""
        return self._place(standing, type_, [person]).room

    def binding(self) -> dict[str, str]:
        """What a device registers with."""
        return {"binding_type": "fcm", "address": "a", "endpoint": "e", "credential_sid": self.credential}

    def members(self, action: str, target: str, person: Person, place: Place) -> dict[str, Any]:
        """What the action is asked for with, upon a target."""
        own = target.startswith("own")
        identity = person.identity if own else AUTHOR
        message = place.own_messages.get(person.identity, 0) if own else 0
        match action:
            case "updateChannel" | "createChannel":
                return {"unique_name": f"fresh {next(self._fresh)}"} if target == "unique name" else _changed(target)
            case "inviteMember" | "addMember":
                return {"identity": GUEST}
            case "removeMember":
                return {"identity": REMOVABLE}
            case "fetchMember" | "fetchUser":
                return {"identity": AUTHOR}
            case "updateMember" | "updateUser":
                return {"identity": identity, **_changed(target)}
            case "sendMessage":
                return {"media_sid": NEVER_MEDIA} if target == "media" else {"body": "x"}
            case "updateMessage":
                return {"message": message, **_changed(target, "body")}
            case "deleteMessage" | "fetchMessage":
                return {"message": message}
            case "listMessages" | "listMembers" | "listUsers" | "listMyChannels" | "listPublicChannels":
                return {"page_size": 1}
            case "advanceLastConsumedMessageIndex" | "updateLastConsumedMessageIndex":
                return {"index": 0}
            case "setNotificationLevel":
                return {"notification_level": "muted"}
            case "followUsers" | "unfollowUsers":
                return {"identities": [AUTHOR]}
            case "registerBinding":
                return self.binding()
            case "removeBinding":
                return {"binding": person.binding if own else self.foreign_binding}
            case "refreshToken":
                return {"token": self.house.deployment.token(self.house.key, self.house.sid, identity)}
        return {}

    def restore(self, action: str, person: Person, standing: str, room: Room, result: Any) -> None:
        """Undo what an allowed action has changed."""
        match action:
            case "joinChannel" | "acceptInvitation":
                room.delete(f"/Members/{person.identity}")
                self.set_up(room, person, standing)
            case "leaveChannel" | "declineInvitation":
                self.set_up(room, person, standing)
            case "inviteMember":
                room.delete(f"/Invites/{result['sid']}")
            case "addMember":
                room.delete(f"/Members/{GUEST}")
            case "removeMember":
                room.add(REMOVABLE)
            case "registerBinding":
                person.binding = result["sid"]

    def seq(self, place: Place) -> int:
        """How many changes the channel has seen."""
        return int(self.author.done("fetchChannel", channel=place.room.sid)["seq"])


def standings(person: Person) -> tuple[str, ...]:
    """The relations in which somebody is looked at: a channel's role makes a difference to members only."""
    return ("member",) if person.identity.startswith("channel") else STANDINGS


def _changed(target: str, rest: str = "friendly_name") -> dict[str, Any]:
    return {"attributes": {}} if target.endswith("attributes") else {rest: "x"}
