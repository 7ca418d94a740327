"""Messages that carry media: one medium per message, one message per medium, and a body that stays."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor

import pytest

from parley.errors import MEDIA_BODY_FIXED, MEDIA_NOT_FOUND, MEDIA_USED
from parley.faces.errors import answer
from parley.store import keys
from parley.store.writes import Put
from tests.sockets.deployment import House, Room


@pytest.fixture
def room(house: House) -> Room:
    return house.channel("alice")


def upload(house: House, service_sid: str = "") -> str:
    """The SID of a picture, stored as an upload will store it: the media API does not exist yet."""
    sid = f"ME{house.sid[2:]}"
    world = house.deployment.world
    picture = {"sid": sid, "service_sid": service_sid or house.sid, "size": 3, "content_type": "image/png"}
    world.table.commit(world.context().cause(), [Put(keys.media(sid), picture)])
    return sid


def refusal(house: House, path: str, **form: str) -> tuple[int, int]:
    answer = house.rest("POST", path, form)
    return answer.status, answer.json["code"]


def test_a_message_shows_the_media_it_carries(house: House, room: Room) -> None:
    sid = upload(house)
    message = house.rest.post(f"{room.path}/Messages", MediaSid=sid)
    assert (message["type"], message["body"]) == ("media", None)
    assert message["media"] == {"sid": sid, "size": 3, "content_type": "image/png", "filename": None}
    assert house.rest.get(message["url"]) == message


def test_media_that_another_message_carries_is_refused(house: House, room: Room) -> None:
    sid = upload(house)
    house.rest.post(f"{room.path}/Messages", MediaSid=sid)
    assert refusal(house, f"{room.path}/Messages", MediaSid=sid) == answer("chat", MEDIA_USED)[:2] == (409, 50508)


def test_of_two_messages_at_once_one_gets_the_media(house: House, room: Room) -> None:
    sid = upload(house)
    # Mangum asks each thread for its event loop.
    with ThreadPoolExecutor(4, initializer=lambda: asyncio.set_event_loop(asyncio.new_event_loop())) as pool:
        answers = pool.map(lambda _: house.rest("POST", f"{room.path}/Messages", {"MediaSid": sid}).status, range(4))
    assert sorted(answers) == [201, 409, 409, 409]


@pytest.mark.parametrize("whose", ["nobody's", "another service's"])
def test_media_that_is_not_the_services_is_refused(house: House, room: Room, whose: str) -> None:
    sid = upload(house, "IS" + "0" * 32) if whose == "another service's" else "ME" + "0" * 32
    assert refusal(house, f"{room.path}/Messages", MediaSid=sid) == (answer("chat", MEDIA_NOT_FOUND).status, 50507)


def test_the_body_of_a_media_message_cannot_change_but_its_attributes_can(house: House, room: Room) -> None:
    message = house.rest.post(f"{room.path}/Messages", MediaSid=upload(house))
    path = f"{room.path}/Messages/{message['sid']}"
    assert refusal(house, path, Body="x") == answer("chat", MEDIA_BODY_FIXED)[:2] == (400, 50509)
    assert house.rest.post(path, Attributes="[1]")["attributes"] == "[1]"


def test_sending_media_needs_a_right_of_its_own(house: House) -> None:
    room = house.channel()
    role = house.role("text only", "channel", ["sendMessage"])
    room.add("alice", RoleSid=role)
    alice = house.device("alice")
    assert alice.refusal("sendMessage", channel=room.sid, media_sid=upload(house)) == (403, 50107)
    assert alice.done("sendMessage", channel=room.sid, body="x")["body"] == "x"
