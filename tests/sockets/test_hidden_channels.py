"""A channel of a type that the client's face does not show looks exactly like one that does not exist."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from parley.operations.context import CHAT
from parley.sockets.native import door
from tests.sockets.asking import IN_CHANNEL, NO_RIGHTS, mighty, request_for
from tests.sockets.deployment import Device, House, Room

PRIVATE_ONLY = replace(door.FACE, perspective=replace(CHAT, shows=("private",)))
ABSENT = "CH" + "0" * 32


@pytest.fixture(scope="module")
def members(still_house: House, still_room: Room) -> dict[str, Device]:
    """Two members of a public channel: one may do everything there, the other next to nothing."""
    still_room.add("weak", RoleSid=still_house.role("weak", "channel", NO_RIGHTS))
    return {"mighty": mighty(still_house, still_room), "weak": still_house.device("weak")}


def refused(device: Device, action: str, request: dict[str, Any]) -> Any:
    """Status and error of the reply. The text of a 404 names the channel that was asked for."""
    reply = device.ask(action, **request)
    return reply["status"], json.dumps(reply.get("error")).replace(request["channel"], "the channel")


@pytest.mark.parametrize("who", ["mighty", "weak"])
@pytest.mark.parametrize("action", IN_CHANNEL)
def test_no_action_tells_a_hidden_channel_from_none(
    members: dict[str, Device], still_room: Room, monkeypatch: pytest.MonkeyPatch, action: str, who: str
) -> None:
    """Its members without the right were told that they have none."""
    monkeypatch.setattr(door, "FACE", PRIVATE_ONLY)
    request = request_for(action, still_room)
    hidden, absent = (refused(members[who], action, {**request, "channel": sid}) for sid in (still_room.sid, ABSENT))
    assert hidden == absent
    assert hidden[0] == 404


def test_typing_asks_the_face_also_in_a_room_that_is_warm(
    members: dict[str, Device], still_room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert members["weak"].ask("typing", channel=still_room.sid)["status"] == 200
    monkeypatch.setattr(door, "FACE", PRIVATE_ONLY)
    assert members["weak"].refusal("typing", channel=still_room.sid) == (404, 20404)
