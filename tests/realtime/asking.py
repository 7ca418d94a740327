"""What clients ask for in tests of the action table, and a client who may ask for everything."""

from __future__ import annotations

from typing import Any

from parley.domain.roles import PERMISSIONS
from tests.realtime.deployment import Device, House, Room

NO_RIGHTS = ["leaveChannel"]


def address(room: Room, index: int) -> str:
    """The SID of the room's message at this index."""
    return str(room.house.rest.get(f"{room.path}/Messages")["messages"][index]["sid"])


def request_for(action: str, room: Room, index: int = 0) -> dict[str, Any]:
    """What the action is asked for with, in a room that bob and the author of the message are in."""
    members: dict[str, Any] = {} if action in ("createChannel", "updateUser") else {"channel": room.sid}
    match action:
        case "fetchMessage" | "deleteMessage":
            members["message"] = address(room, index)
        case "updateMessage":
            members |= {"message": address(room, index), "body": "x"}
        case "sendMessage":
            members["body"] = "x"
        case "createChannel" | "updateChannel":
            members["friendly_name"] = "x"
        case "addMember":
            members["identity"] = "zoe"
        case "removeMember":
            members["identity"] = "bob"
        case "updateMember" | "updateUser":
            members |= {"identity": "bob", "attributes": {}}
    return members


def mighty(house: House, room: Room) -> Device:
    """Carol, with every right that a channel role can give."""
    permissions = [name for name, types in PERMISSIONS.items() if "channel" in types]
    room.add("carol", RoleSid=house.role("mighty", "channel", permissions))
    return house.device("carol")
