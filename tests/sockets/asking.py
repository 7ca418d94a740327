"""What clients ask for in tests of the action table, and a client who may ask for everything."""

from __future__ import annotations

from typing import Any

from parley.domain.roles import PERMISSIONS
from parley.sockets.native.actions import ACTIONS, Action
from tests.sockets.deployment import Device, House, Room

NO_RIGHTS = ["leaveChannel"]
NOT_IN_A_CHANNEL = {
    "fetchSession",
    "refreshToken",
    "createChannel",
    "listPublicChannels",
    "listMyChannels",
    "fetchUser",
    "listUsers",
    "updateUser",
    "followUsers",
    "unfollowUsers",
    "registerBinding",
    "removeBinding",
    "catchUp",
}
IN_CHANNEL = sorted(set(ACTIONS) - NOT_IN_A_CHANNEL)


def furnished(house: House, **fields: str) -> Room:
    """A channel with alice and bob in it, who wrote messages 0 and 1."""
    room = house.channel("alice", "bob", **fields)
    room.post("from alice", From="alice")
    room.post("from bob", From="bob")
    return room


def address(room: Room, index: int) -> str:
    """The SID of the room's message at this index."""
    messages = room.house.rest.get(f"{room.path}/Messages", PageSize=100)["messages"]
    return next(str(message["sid"]) for message in messages if message["index"] == index)


def everything(house: House) -> list[Any]:
    """All that a service holds."""
    rest, path = house.rest, house.path
    found = [rest.get(f"{path}{below}", PageSize=50) for below in ("", "/Users", "/Roles", "/Bindings")]
    channels = rest.get(f"{path}/Channels", Type=["public", "private"])["channels"]
    found += [channels, *(inside(house, channel["sid"]) for channel in channels)]
    return found + [rest.get(f"{path}/Users/{user['sid']}/Channels") for user in found[1]["users"]]


def inside(house: House, channel: str) -> list[Any]:
    """All that a channel holds."""
    path = f"{house.path}/Channels/{channel}"
    return [house.rest.get(path + below) for below in ("", "/Members", "/Invites", "/Messages")]


def request_for(action: str, room: Room, index: int = 0) -> dict[str, Any]:
    """What the action is asked for with, in a room that bob and the author of the message are in."""
    members: dict[str, Any] = {} if action in NOT_IN_A_CHANNEL else {"channel": room.sid}
    match action:
        case "fetchMessage" | "deleteMessage":
            members["message"] = index
        case "updateMessage":
            members |= {"message": index, "body": "x"}
        case "sendMessage":
            members["body"] = "x"
        case "createChannel" | "updateChannel":
            members["friendly_name"] = "x"
        case "addMember" | "inviteMember":
            members["identity"] = "zoe"
        case "removeMember" | "fetchMember":
            members["identity"] = "bob"
        case "updateMember" | "updateUser":
            members |= {"identity": "bob", "attributes": {}}
        case "advanceLastConsumedMessageIndex" | "updateLastConsumedMessageIndex":
            members["index"] = index
        case "setNotificationLevel":
            members["notification_level"] = "muted"
    row = ACTIONS[action]
    addressed = set(row.address.values()) if isinstance(row, Action) and action in IN_CHANNEL else set()
    assert addressed <= set(members), f"`request_for` has to say which {addressed - set(members)} {action} is about"
    return members


def mighty(house: House, room: Room) -> Device:
    """Carol, with every right that a channel role can give."""
    room.add("carol", RoleSid=mighty_role(house))
    return house.device("carol")


def mighty_role(house: House) -> str:
    """The SID of a new role with every right that a channel role can give."""
    return house.role("mighty", "channel", [name for name, types in PERMISSIONS.items() if "channel" in types])
