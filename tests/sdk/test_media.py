"""Messages with files, as SDKs send and read them (media.mjs does so with the SDKs themselves)."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.sdk.device import Packet, SdkDevice
from tests.sdk.listener import Listener
from tests.sdk.sync_paths import messages
from tests.sdk.test_commands import Line
from tests.sockets.deployment import House, Room
from tests.support.files import upload

NEVER = "ME" + "0" * 32


@pytest.fixture
def room(house: House) -> Room:
    """SDKs of Conversations know private channels alone."""
    return house.channel("alice", "bob", Type="private")


def file(house: House, author: str = "alice", **fields: Any) -> str:
    """The SID of a picture that alice has uploaded."""
    return upload(house.deployment.world, house.sid, author, **fields)


def send(device: SdkDevice, room: Room, version: str = "v2", **body: Any) -> Packet:
    return device.ask("POST", f"/Client/{version}/Conversations/{room.sid}/Messages", body)


def item(device: SdkDevice, room: Room) -> Any:
    """The data of the newest message as Sync shows it."""
    return device.get(f"{messages(room)}/Items", Order="desc", PageSize="1")["items"][0]["data"]


def shown(sid: str, category: str = "media") -> dict[str, Any]:
    return {"sid": sid, "size": 3, "contentType": "image/png", "filename": None, "category": category}


def test_conversations_name_several_files_and_all_are_shown_in_order(
    house: House, room: Room, alice: SdkDevice
) -> None:
    sids = [file(house), file(house, category="body"), file(house)]
    assert send(alice, room, body="three", media_sids=sids).status == 201
    seen = item(alice, room)
    expected = [shown(sids[0]), shown(sids[1], "body"), shown(sids[2])]
    assert (seen["type"], seen["text"], seen["media"], seen["medias"]) == ("media", "three", expected[0], expected)


def test_a_push_shows_the_same_files_as_a_page(house: House, room: Room, alices: Listener, alice: SdkDevice) -> None:
    assert send(alice, room, media_sids=[file(house), file(house)]).status == 201
    alices.listen()
    assert ("list_item_added", 0) in alices.news()
    assert alices.items[alices.sid(messages(room))][0] == item(alice, room)


def test_a_message_without_files_shows_none(room: Room, alice: SdkDevice) -> None:
    assert send(alice, room, body="none", media_sids=[]).status == 201
    seen = item(alice, room)
    assert (seen["type"], seen["media"], seen["medias"]) == ("text", None, None)


def test_chat_names_one_file(house: House, room: Room, alice: SdkDevice) -> None:
    sid = file(house)
    made = send(alice, room, "v1", media_sid=sid)
    assert made.status == 201
    assert made.body["media"]["sid"] == sid
    assert item(alice, room)["medias"] == [shown(sid)]


def test_the_lines_3_and_4_name_one_file_in_a_command(house: House, room: Room, alice: SdkDevice) -> None:
    line = Line(alice, alice.ask("POST", "/v3/Lists", {"purpose": "com.twilio.rtd.ipmsg"}).body["sid"])
    sid = file(house)
    assert line.result("sendMediaMessage", channelSid=room.sid, mediaSid=sid, attributes='{"a":1}')["messageId"] == 0
    seen = item(alice, room)
    assert (seen["media"], seen["attributes"]) == (shown(sid), '{"a":1}')
    again = line.result("sendMediaMessage", channelSid=room.sid, mediaSid=sid)
    assert (again["status"], again["code"]) == (409, 50508)


@pytest.mark.parametrize(
    ("named", "refusal"),
    [
        ([NEVER] * 2 + [NEVER[:-1]], (400, 50510)),
        ([NEVER], (404, 50507)),
        (["ME" + f"{number:032x}" for number in range(11)], (400, 20001)),
        ([1], (400, 50510)),
        ([[]], (400, 50510)),
        ({"sid": NEVER}, (400, 50510)),
    ],
    ids=["no SID", "no file", "eleven", "a number", "a list", "an object"],
)
def test_files_that_cannot_be_attached_leave_no_message(
    room: Room, alice: SdkDevice, named: Any, refusal: tuple[int, int]
) -> None:
    assert send(alice, room, body="x", media_sids=named).refusal == refusal
    assert alice.get(f"{messages(room)}/Items")["items"] == []


def test_nobody_attaches_the_file_of_somebody_else(house: House, room: Room, alice: SdkDevice, bob: SdkDevice) -> None:
    sids = [file(house, "bob"), file(house)]
    assert send(alice, room, media_sids=sids).refusal == (404, 50507)
    assert send(bob, room, media_sids=sids[:1]).status == 201


def test_the_configuration_leads_to_the_files_of_the_service(house: House, alice: SdkDevice) -> None:
    links = alice.get("/Client/v2/Configuration")["links"]
    assert links["media_set_service"] == f"{links['media_service']}Set"
    sid = file(house)
    assert house.rest.get(urlsplit(f"{links['media_service']}/{sid}").path.removeprefix("/prod"))["sid"] == sid
