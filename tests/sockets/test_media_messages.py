"""Messages that carry files: which files they take, what they show of them, and a body that stays."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from parley.errors import MEDIA_BODY_FIXED, MEDIA_NOT_FOUND, MEDIA_USED
from parley.faces.errors import answer
from parley.store import keys
from tests.sockets.deployment import House, Room
from tests.support.doors import LambdaDoor, Raw
from tests.support.files import UNATTACHED_SECONDS
from tests.support.files import upload as uploaded


@pytest.fixture
def room(house: House) -> Room:
    return house.channel("alice", Type="private")


def upload(house: House, author: str = "", **fields: Any) -> str:
    """The SID of a picture that waits for its message."""
    return uploaded(house.deployment.world, house.sid, author, **fields)


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


def test_if_several_messages_name_a_file_at_once_one_gets_it(house: House, room: Room) -> None:
    sid = upload(house)
    # Mangum asks each thread for its event loop.
    with ThreadPoolExecutor(4, initializer=lambda: asyncio.set_event_loop(asyncio.new_event_loop())) as pool:
        answers = pool.map(lambda _: house.rest("POST", f"{room.path}/Messages", {"MediaSid": sid}).status, range(4))
    assert sorted(answers) == [201, 409, 409, 409]


def sent(house: House, room: Room, *sids: str) -> dict[str, Any]:
    """A message with several files, which alice sends."""
    return dict(house.device("alice").done("sendMessage", channel=room.sid, media_sids=list(sids)))


def test_a_client_sends_several_files_and_everybody_hears_of_them_in_order(house: House, room: Room) -> None:
    sids = [upload(house, "alice", filename=name) for name in ("b.png", "a.png", "c.png")]
    alice = house.device("alice")
    message = alice.done("sendMessage", channel=room.sid, media_sids=sids, body="three")
    shown = [
        {"sid": sid, "size": 3, "content_type": "image/png", "filename": name}
        for sid, name in zip(sids, ("b.png", "a.png", "c.png"), strict=True)
    ]
    assert (message["type"], message["media"], message["medias"]) == ("media", shown[0], shown)
    assert alice.heard()[-1]["message"] == message
    assert house.rest.get(message["url"])["media"] == shown[0]
    in_conversations = house.rest.get(f"/conversations/v1/Services/{house.sid}{in_conversation(room, message)}")
    assert in_conversations["media"] == shown


def in_conversation(room: Room, message: dict[str, Any]) -> str:
    return f"/Conversations/{room.sid}/Messages/{message['sid']}"


def test_a_file_that_is_named_twice_counts_once(house: House, room: Room) -> None:
    sid = upload(house, "alice")
    assert [file["sid"] for file in sent(house, room, sid, sid)["medias"]] == [sid]


def test_a_message_takes_ten_files_and_no_more(house: House, room: Room) -> None:
    sids = [upload(house, "alice") for _ in range(11)]
    assert house.device("alice").refusal("sendMessage", channel=room.sid, media_sids=sids) == (400, 20001)
    assert len(sent(house, room, *sids[:10])["medias"]) == 10


def test_if_one_of_several_files_cannot_be_sent_none_is(house: House, room: Room) -> None:
    mine, used = upload(house, "alice"), upload(house, "alice")
    sent(house, room, used)
    alice = house.device("alice")
    assert alice.refusal("sendMessage", channel=room.sid, media_sids=[mine, used]) == (409, 50508)
    assert alice.refusal("sendMessage", channel=room.sid, media_sids=[mine, "ME" + "0" * 32]) == (404, 50507)
    assert sent(house, room, mine)["media"]["sid"] == mine


def test_a_client_attaches_no_file_of_another_user_or_of_a_back_end(house: House, room: Room) -> None:
    room.add("bob")
    bob, alice = house.device("bob"), house.device("alice")
    for sid in (upload(house, "bob"), upload(house)):
        assert alice.refusal("sendMessage", channel=room.sid, media_sid=sid) == (404, 50507)
    # Nobody has this identity to pass for a back end.
    sender = house.channel("sender")
    refused = house.device("sender").refusal("sendMessage", channel=sender.sid, media_sid=upload(house))
    assert refused == (404, 50507)
    assert bob.done("sendMessage", channel=room.sid, media_sid=upload(house, "bob"))["type"] == "media"


def test_a_user_who_was_made_anew_attaches_no_file_of_the_former_one(house: House, room: Room) -> None:
    sid = upload(house, "alice")
    house.rest("DELETE", f"{house.path}/Users/alice")
    house.rest.post(f"{house.path}/Users", {"Identity": "alice"})
    again = house.channel("alice")
    assert house.device("alice").refusal("sendMessage", channel=again.sid, media_sid=sid) == (404, 50507)


def test_a_back_end_attaches_any_file_of_the_service(house: House, room: Room) -> None:
    assert house.rest.post(f"{room.path}/Messages", MediaSid=upload(house, "alice"))["type"] == "media"


def test_a_file_expires_to_the_second(house: House, room: Room) -> None:
    early, late = upload(house), upload(house)
    clock = house.deployment.world.clock
    clock.advance(UNATTACHED_SECONDS - 1)
    assert house.rest.post(f"{room.path}/Messages", MediaSid=early)["media"]["sid"] == early
    clock.advance(1)
    assert refusal(house, f"{room.path}/Messages", MediaSid=late) == (404, 50507)
    # The first one has stopped expiring when its message took it.
    assert refusal(house, f"{room.path}/Messages", MediaSid=early) == (409, 50508)


def test_a_file_that_is_still_on_its_way_is_not_found(house: House, room: Room) -> None:
    sid = upload(house, "alice", state="uploading")
    assert house.device("alice").refusal("sendMessage", channel=room.sid, media_sid=sid) == (404, 50507)


def test_a_message_from_before_messages_could_carry_several_files_shows_its_file(house: House, room: Room) -> None:
    message = house.rest.post(f"{room.path}/Messages", MediaSid=upload(house, filename="a.png"))
    world = house.deployment.world
    key = keys.message(room.sid, message["index"])
    stored = world.table.fetch(key)
    assert stored is not None
    world.table.put_many({key: {**stored, "media": stored["media"][0]}})
    assert house.rest.get(message["url"]) == message
    path = f"/conversations/v1/Services/{house.sid}{in_conversation(room, message)}"
    assert house.rest.get(path)["media"] == [message["media"]]
    assert house.device("alice").done("fetchMessage", channel=room.sid, message=0)["medias"] == [message["media"]]


def test_the_second_message_with_a_file_is_refused_because_another_one_carries_it(house: House, room: Room) -> None:
    sid, alice, bob = upload(house, "alice"), house.device("alice"), Raw(LambdaDoor(house.deployment.world))
    table = house.deployment.world.table
    plain = table._call

    def overtaken(operation: str, **request: Any) -> Any:
        if operation == "transact_write_items":
            table._call = plain  # type: ignore[method-assign]
            bob.post(f"{room.path}/Messages", MediaSid=sid)
        return plain(operation, **request)

    table._call = overtaken  # type: ignore[method-assign]
    assert alice.refusal("sendMessage", channel=room.sid, media_sid=sid) == (409, 50508)
    assert len(house.rest.get(f"{room.path}/Messages")["messages"]) == 1


@pytest.mark.parametrize("whose", ["nobody's", "another service's"])
def test_media_that_is_not_the_services_is_refused(house: House, room: Room, whose: str) -> None:
    sid = uploaded(house.deployment.world, "IS" + "0" * 32) if whose == "another service's" else "ME" + "0" * 32
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
    assert alice.refusal("sendMessage", channel=room.sid, media_sid=upload(house, "alice")) == (403, 50107)
    assert alice.done("sendMessage", channel=room.sid, body="x")["body"] == "x"
