"""What happens in a service, and what its owner must be told of it: one case per kind of action, before and after.

The parameters are written out here, not taken from the table: what the table forgets is missed here.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Any, NamedTuple

from parley.clock import iso_millis
from tests.sockets.deployment import Device
from tests.webhooks.owner import Owner

BODY = "Grüße, \U0001f600 & = + % \r\n"
ATTRIBUTES = '{"color": "blå", "n": 1}'
OLDER = '{"older": true}'
MEDIA = {"size": 12345, "content_type": "image/png", "filename": "Übersicht.png"}
MEDIA_PARAMETERS = {"MediaSize": "12345", "MediaContentType": "image/png", "MediaFilename": "Übersicht.png"}

Parameters = dict[str, str]


class Case(NamedTuple):
    """One action.

    Attributes:
        client: Does it as alice on her socket.
        rest: Does it as the back end.
        before: What a pre-event says of it, beside the common parameters.
        after: What a post-event says, given the answer to the action, when it was done, and by whom.
    """

    client: Callable[[], Any]
    rest: Callable[[], Any]
    before: Parameters
    after: Callable[[Any, str, str], Parameters]


class Scene:
    """A private channel with alice, who may do everything, and bob; with a message of alice's. Nothing is announced."""

    def __init__(self, owner: Owner):
        self.owner = owner
        self.dates: dict[str, str] = {}
        roles = owner.house.rest.get(f"{owner.path}/Roles")["roles"]
        self.roles = {role["friendly_name"]: role["sid"] for role in roles}
        self.roles["listener"] = owner.house.role("listener", "channel", ["leaveChannel", "editOwnMemberAttributes"])
        user = {"RoleSid": self.roles["service admin"], "FriendlyName": "Alice", "Attributes": OLDER}
        self.user = self._made("user", "/Users", Identity="alice", **user)
        names = {"FriendlyName": "The room", "UniqueName": "room", "Attributes": OLDER}
        self.channel = self._made("channel", "/Channels", **names, Type="private", CreatedBy="carol")["sid"]
        self.path = f"/Channels/{self.channel}"
        self.members = {name: self._made(name, f"{self.path}/Members", Identity=name) for name in ("alice", "bob")}
        fields = {"Body": "old", "Attributes": OLDER, "From": "alice", "LastUpdatedBy": "carol"}
        self.message = self._made("message", f"{self.path}/Messages", **fields)["sid"]

    def _made(self, name: str, path: str, **fields: Any) -> Any:
        made = self.owner.post(path, enabled=False, **fields)
        self.dates[name] = self.now
        return made

    @property
    def now(self) -> str:
        """The moment of the latest request."""
        return iso_millis(self.owner.clock.now_ms())

    @cached_property
    def alice(self) -> Device:
        return self.owner.house.device("alice")

    def settle(self, identity: str) -> Parameters:
        """Give a member a role and a horizon; its parameters after that."""
        sid = self.members[identity]["sid"]
        fields = {"RoleSid": self.roles["listener"], "Attributes": OLDER, "LastConsumedMessageIndex": 3}
        self._made("settled", f"{self.path}/Members/{sid}", **fields)
        where = {"ChannelSid": self.channel, "MemberSid": sid, "Identity": identity}
        return where | {"RoleSid": self.roles["listener"], "DateCreated": self.dates[identity]}


def _sending(scene: Scene) -> Case:
    said = {"ChannelSid": scene.channel, "Body": BODY, "Attributes": ATTRIBUTES, "From": "alice"}
    fields = {"Body": BODY, "Attributes": ATTRIBUTES, "From": "alice"}
    return Case(
        lambda: scene.alice.done("sendMessage", channel="room", body=BODY, attributes=ATTRIBUTES),
        lambda: scene.owner.post(f"{scene.path}/Messages", **fields),
        said,
        lambda made, at, by: {
            **said,
            "MessageSid": made["sid"],
            "Index": "1",
            "DateCreated": at,
            "To": scene.channel,
        },
    )


def _sending_media(scene: Scene) -> Case:
    media_sid = scene.owner.media(**MEDIA)
    said = {"ChannelSid": scene.channel, "Attributes": ATTRIBUTES, "From": "alice", "MediaSid": media_sid}
    fields = {"MediaSid": media_sid, "Attributes": ATTRIBUTES, "From": "alice"}
    return Case(
        lambda: scene.alice.done("sendMessage", channel="room", media_sid=media_sid, attributes=ATTRIBUTES),
        lambda: scene.owner.post(f"{scene.path}/Messages", **fields),
        said | MEDIA_PARAMETERS,
        lambda made, at, by: {
            **said,
            **MEDIA_PARAMETERS,
            "MessageSid": made["sid"],
            "Index": "1",
            "DateCreated": at,
            "To": scene.channel,
        },
    )


def _editing(scene: Scene) -> Case:
    said = {"ChannelSid": scene.channel, "MessageSid": scene.message, "Index": "0", "From": "alice"}
    said |= {"Body": BODY, "Attributes": ATTRIBUTES, "DateCreated": scene.dates["message"]}
    which = {"channel": "room", "message": scene.message}
    return Case(
        lambda: scene.alice.done("updateMessage", **which, body=BODY, attributes=ATTRIBUTES),
        lambda: scene.owner.post(f"{scene.path}/Messages/{scene.message}", Body=BODY, Attributes=ATTRIBUTES),
        said | {"DateUpdated": scene.dates["message"], "ModifiedBy": "alice"},
        lambda made, at, by: {**said, "To": scene.channel, "DateUpdated": at, "ModifiedBy": by},
    )


def _removing(scene: Scene) -> Case:
    said = {"ChannelSid": scene.channel, "MessageSid": scene.message, "Index": "0", "From": "alice", "Body": "old"}
    said |= {"Attributes": OLDER, "DateCreated": scene.dates["message"], "DateUpdated": scene.dates["message"]}
    return Case(
        lambda: scene.alice.done("deleteMessage", channel="room", message=scene.message),
        lambda: scene.owner.delete(f"{scene.path}/Messages/{scene.message}"),
        said,
        lambda made, at, by: {**said, "To": scene.channel, "DateRemoved": at},
    )


def _creating_channel(scene: Scene) -> Case:
    said = {"FriendlyName": "Zimmer", "UniqueName": "zimmer", "Attributes": ATTRIBUTES, "ChannelType": "private"}
    fields = {"FriendlyName": "Zimmer", "UniqueName": "zimmer", "Attributes": ATTRIBUTES, "Type": "private"}
    members = {"friendly_name": "Zimmer", "unique_name": "zimmer", "attributes": ATTRIBUTES, "type": "private"}
    return Case(
        lambda: scene.alice.done("createChannel", **members),
        lambda: scene.owner.post("/Channels", **fields),
        said,
        lambda made, at, by: {
            **said,
            "ChannelSid": made["sid"],
            "DateCreated": at,
            "DateUpdated": at,
            "CreatedBy": by,
        },
    )


def _changing_channel(scene: Scene) -> Case:
    said = {"ChannelSid": scene.channel, "FriendlyName": "Stube", "UniqueName": "stube", "Attributes": ATTRIBUTES}
    said |= {"ChannelType": "private", "DateCreated": scene.dates["channel"], "CreatedBy": "carol"}
    members = {"friendly_name": "Stube", "unique_name": "stube", "attributes": ATTRIBUTES}
    fields = {"FriendlyName": "Stube", "UniqueName": "stube", "Attributes": ATTRIBUTES}
    return Case(
        lambda: scene.alice.done("updateChannel", channel="room", **members),
        lambda: scene.owner.post(scene.path, **fields),
        said | {"DateUpdated": scene.dates["channel"]},
        lambda made, at, by: {**said, "DateUpdated": at},
    )


def _destroying_channel(scene: Scene) -> Case:
    said = {"ChannelSid": scene.channel, "FriendlyName": "The room", "UniqueName": "room", "Attributes": OLDER}
    said |= {"ChannelType": "private", "CreatedBy": "carol"}
    said |= {"DateCreated": scene.dates["channel"], "DateUpdated": scene.dates["channel"]}
    return Case(
        lambda: scene.alice.done("deleteChannel", channel="room"),
        lambda: scene.owner.delete(scene.path),
        said,
        lambda made, at, by: {**said, "DateRemoved": at},
    )


def _adding_member(scene: Scene) -> Case:
    said = {"ChannelSid": scene.channel, "Identity": "dave", "RoleSid": scene.roles["channel user"]}
    said |= {"Attributes": ATTRIBUTES}
    return Case(
        lambda: scene.alice.done("addMember", channel="room", identity="dave", attributes=ATTRIBUTES),
        lambda: scene.owner.post(f"{scene.path}/Members", Identity="dave", Attributes=ATTRIBUTES),
        said,
        lambda made, at, by: {**said, "MemberSid": made["sid"], "DateCreated": at},
    )


def _changing_member(scene: Scene) -> Case:
    said = scene.settle("alice") | {"Attributes": ATTRIBUTES, "LastConsumedMessageIndex": "3"}
    return Case(
        lambda: scene.alice.done("updateMember", channel="room", identity="alice", attributes=ATTRIBUTES),
        lambda: scene.owner.post(f"{scene.path}/Members/alice", Attributes=ATTRIBUTES),
        said | {"DateUpdated": scene.dates["settled"]},
        lambda made, at, by: {**said, "DateUpdated": at},
    )


def _removing_member(scene: Scene) -> Case:
    said = scene.settle("bob")
    return Case(
        lambda: scene.alice.done("removeMember", channel="room", identity="bob"),
        lambda: scene.owner.delete(f"{scene.path}/Members/bob"),
        said | {"Attributes": OLDER, "DateUpdated": scene.dates["settled"]},
        lambda made, at, by: {**said, "DateRemoved": at, "LastConsumedMessageIndex": "3"},
    )


def _coming_of_a_user(scene: Scene) -> Case:
    """There is no pre-event; a client's user is made by its first connection, and has nothing but an identity."""

    def arrive() -> Any:
        scene.owner.house.device("erin")
        return scene.owner.house.rest.get(f"{scene.owner.path}/Users/erin")

    fields = {"Identity": "erin", "FriendlyName": "Erin", "Attributes": ATTRIBUTES}
    return Case(
        arrive,
        lambda: scene.owner.post("/Users", **fields),
        {},
        lambda made, at, by: {
            "UserSid": made["sid"],
            "Identity": "erin",
            "RoleSid": scene.roles["service user"],
            "Attributes": "{}" if by == "erin" else ATTRIBUTES,
            "DateCreated": iso_millis(scene.owner.clock.now_ms() - 1) if by == "erin" else at,
            **({} if by == "erin" else {"FriendlyName": "Erin"}),
        },
    )


def _changing_user(scene: Scene) -> Case:
    said = {"UserSid": scene.user["sid"], "Identity": "alice", "RoleSid": scene.roles["service admin"]}
    said |= {"FriendlyName": "Älice", "Attributes": ATTRIBUTES, "DateCreated": scene.dates["user"]}
    return Case(
        lambda: scene.alice.done("updateUser", identity="alice", friendly_name="Älice", attributes=ATTRIBUTES),
        lambda: scene.owner.post("/Users/alice", FriendlyName="Älice", Attributes=ATTRIBUTES),
        said | {"DateUpdated": scene.dates["user"]},
        lambda made, at, by: {**said, "DateUpdated": at},
    )


# Event name -> what makes it fire.
CASES: dict[str, Callable[[Scene], Case]] = {
    "onMessageSend": _sending,
    "onMessageSent": _sending,
    "onMediaMessageSend": _sending_media,
    "onMediaMessageSent": _sending_media,
    "onMessageUpdate": _editing,
    "onMessageUpdated": _editing,
    "onMessageRemove": _removing,
    "onMessageRemoved": _removing,
    "onChannelAdd": _creating_channel,
    "onChannelAdded": _creating_channel,
    "onChannelUpdate": _changing_channel,
    "onChannelUpdated": _changing_channel,
    "onChannelDestroy": _destroying_channel,
    "onChannelDestroyed": _destroying_channel,
    "onMemberAdd": _adding_member,
    "onMemberAdded": _adding_member,
    "onMemberUpdate": _changing_member,
    "onMemberUpdated": _changing_member,
    "onMemberRemove": _removing_member,
    "onMemberRemoved": _removing_member,
    "onUserAdded": _coming_of_a_user,
    "onUserUpdate": _changing_user,
    "onUserUpdated": _changing_user,
}
