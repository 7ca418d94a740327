"""What a client can ask for over its socket: each row of the action table, for everyone who may and who may not."""

from __future__ import annotations

import json
from typing import Any

import pytest

from parley.realtime.actions import ACTIONS
from tests.realtime.deployment import Device, House, Room

NO_RIGHTS = ["leaveChannel"]


@pytest.fixture
def room(house: House) -> Room:
    """A public channel named `general` with alice and bob in it; alice wrote message 0, bob message 1."""
    room = house.channel("alice", "bob", UniqueName="general")
    room.post("from alice", From="alice")
    room.post("from bob", From="bob")
    return room


@pytest.fixture
def alice(house: House, room: Room) -> Device:
    return house.device("alice")


def address(room: Room, index: int) -> str:
    """The SID of the room's message at this index."""
    return str(room.house.rest.get(f"{room.path}/Messages")["messages"][index]["sid"])


# Each action, done right: what it is called with and what REST shows afterwards.


def test_a_member_sends_a_message(alice: Device, room: Room) -> None:
    reply = alice.ask("sendMessage", channel="general", body="hello", attributes={"mood": "good", "n": [1, None]})
    message = reply["result"]
    assert reply["status"] == 201
    assert message == room.house.rest.get(f"{room.path}/Messages/{message['sid']}")
    assert (message["index"], message["from"], message["body"]) == (2, "alice", "hello")
    assert message["attributes"] == '{"mood":"good","n":[1,null]}'
    assert (message["was_edited"], message["last_updated_by"]) == (False, None)


def test_a_channel_may_be_named_by_sid_or_unique_name(alice: Device, room: Room) -> None:
    assert alice.done("sendMessage", channel=room.sid, body="one")["index"] == 2
    assert alice.done("sendMessage", channel="general", body="two")["index"] == 3


def test_a_client_cannot_choose_its_name_or_its_dates(alice: Device, room: Room) -> None:
    claims = {"from": "bob", "author": "bob", "date_created": "2001-01-01T00:00:00Z", "last_updated_by": "bob"}
    message = alice.done("sendMessage", channel="general", body="x", index=99, sid="IM" + "0" * 32, **claims)
    assert (message["from"], message["index"], message["last_updated_by"]) == ("alice", 2, None)
    assert message["date_created"] > "2001"


def test_a_member_edits_her_message(alice: Device, room: Room) -> None:
    message = alice.done("updateMessage", channel="general", message=address(room, 0), body="edited")
    assert message == room.house.rest.get(f"{room.path}/Messages/{message['sid']}")
    assert (message["body"], message["from"]) == ("edited", "alice")
    assert (message["was_edited"], message["last_updated_by"]) == (True, "alice")


def test_attributes_alone_can_be_edited(alice: Device, room: Room) -> None:
    message = alice.done("updateMessage", channel="general", message=address(room, 0), attributes='{"a":1}')
    assert (message["body"], message["attributes"]) == ("from alice", '{"a":1}')


def test_a_member_deletes_her_message(alice: Device, room: Room) -> None:
    sid = address(room, 0)
    reply = alice.ask("deleteMessage", channel="general", message=sid)
    assert (reply["status"], reply["result"]) == (204, None)
    assert alice.refusal("fetchMessage", channel="general", message=sid) == (404, 20404)
    assert room.fetch()["messages_count"] == 1


def test_a_member_fetches_a_message(alice: Device, room: Room) -> None:
    sid = address(room, 1)
    assert alice.done("fetchMessage", channel="general", message=sid) == room.house.rest.get(
        f"{room.path}/Messages/{sid}"
    )


def test_a_member_fetches_the_channel(alice: Device, room: Room) -> None:
    assert alice.done("fetchChannel", channel="general") == room.fetch()
    assert alice.done("fetchChannel", channel=room.sid)["messages_count"] == 2


def test_messages_are_listed_from_an_anchor_in_both_directions(alice: Device, room: Room) -> None:
    for number in range(2, 6):
        room.post(f"number {number}")

    def listed(**members: Any) -> tuple[list[int], int | None]:
        result = alice.done("listMessages", channel="general", **members)
        return [message["index"] for message in result["messages"]], result["next_anchor"]

    assert listed() == ([0, 1, 2, 3, 4, 5], None)
    assert listed(page_size=4) == ([0, 1, 2, 3], 4)
    assert listed(page_size=4, anchor=4) == ([4, 5], None)
    assert listed(order="desc", page_size=4) == ([5, 4, 3, 2], 1)
    assert listed(order="desc", page_size=4, anchor=1) == ([1, 0], None)
    assert listed(order="desc", page_size=2, anchor=0) == ([0], None)
    assert listed(anchor=5) == ([5], None)
    assert listed(anchor=6) == ([], None)


def test_a_list_walked_by_its_anchors_has_every_message_once_also_across_gaps(alice: Device, room: Room) -> None:
    sids = [address(room, 0), *(room.post(str(number))["sid"] for number in range(9))]
    for gone in (0, 3, 4, 9):
        room.delete(f"/Messages/{sids[gone]}")
    existing = [message["index"] for message in room.house.rest.get(f"{room.path}/Messages")["messages"]]
    for order in ("asc", "desc"):
        seen, anchor, pages = [], None, 0
        while pages == 0 or anchor is not None:
            position = {} if anchor is None else {"anchor": anchor}
            result = alice.done("listMessages", channel="general", order=order, page_size=2, **position)
            seen += [message["index"] for message in result["messages"]]
            anchor, pages = result["next_anchor"], pages + 1
        assert seen == (existing if order == "asc" else existing[::-1])
        assert pages < 10


def test_the_results_are_what_rest_shows(alice: Device, room: Room) -> None:
    listed = alice.done("listMessages", channel="general")["messages"]
    assert listed == room.house.rest.get(f"{room.path}/Messages")["messages"]


# Who may not.


def _request(action: str, room: Room, index: int) -> dict[str, Any]:
    members: dict[str, Any] = {"channel": room.sid}
    if "sid" in ACTIONS[action].address and action != "fetchChannel":
        members["message"] = address(room, index)
    if ACTIONS[action].verb in ("create", "update"):
        members["body"] = "x"
    return members


NEED_MEMBERSHIP = sorted(set(ACTIONS) - {"fetchChannel"})


@pytest.mark.parametrize("action", NEED_MEMBERSHIP)
def test_a_stranger_is_refused_in_a_public_channel(house: House, room: Room, action: str) -> None:
    before = room.house.rest.get(f"{room.path}/Messages")
    assert house.device("mallory").refusal(action, **_request(action, room, 0)) == (403, 50400)
    assert room.house.rest.get(f"{room.path}/Messages") == before


@pytest.mark.parametrize("action", sorted(ACTIONS))
def test_a_private_channel_does_not_exist_for_a_stranger(house: House, action: str) -> None:
    room = house.channel("alice", Type="private", UniqueName="secret")
    room.post("hidden", From="alice")
    stranger = house.device("mallory")
    request = _request(action, room, 0)
    refused = stranger.ask(action, **request)
    by_name = stranger.ask(action, **{**request, "channel": "secret"})
    unknown = stranger.ask(action, **{**request, "channel": "CH" + "0" * 32})
    for reply in (refused, by_name, unknown):
        assert (reply["status"], reply["error"]) == (404, unknown["error"])
    assert unknown["error"]["code"] == 20404
    assert room.fetch()["messages_count"] == 1


@pytest.mark.parametrize("action", sorted(ACTIONS))
def test_who_was_removed_is_a_stranger_at_once(house: House, action: str) -> None:
    room = house.channel("alice", "bob", Type="private")
    room.post("hidden", From="alice")
    bob = house.device("bob")
    bob.done("fetchChannel", channel=room.sid)
    request = _request(action, room, 0)
    room.delete("/Members/bob")
    assert bob.refusal(action, **request) == (404, 20404)


@pytest.mark.parametrize("action", sorted(ACTIONS))
def test_nothing_can_be_done_in_another_service(house: House, room: Room, action: str) -> None:
    other = House(house.deployment)
    theirs = other.channel("alice", UniqueName="theirs")
    theirs.post("theirs", From="alice")
    request = _request(action, theirs, 0)
    assert house.device("alice").refusal(action, **request) == (404, 20404)
    # The same identity is a member there.
    assert other.device("alice").ask(action, **request)["status"] in (200, 201, 204)


@pytest.mark.parametrize("action", sorted(ACTIONS))
def test_nothing_can_be_done_in_a_deleted_channel(alice: Device, room: Room, action: str) -> None:
    request = _request(action, room, 0)
    alice.done("fetchChannel", channel=room.sid)
    room.delete()
    # Other containers may remember the channel, but not its members or messages, for some seconds.
    assert alice.refusal(action, **request) == (404, 20404)


def test_the_creator_sees_his_private_channel_without_being_in_it(house: House) -> None:
    room = house.channel(Type="private", CreatedBy="carol")
    carol = house.device("carol")
    assert carol.done("fetchChannel", channel=room.sid)["sid"] == room.sid
    assert carol.refusal("sendMessage", channel=room.sid, body="x") == (404, 20404)


def test_anybody_sees_a_public_channel(house: House, room: Room) -> None:
    assert house.device("mallory").done("fetchChannel", channel="general")["sid"] == room.sid


@pytest.fixture
def powerless(house: House, room: Room) -> Device:
    """Carol, a member whose channel role allows nothing of what is asked here."""
    room.add("carol", RoleSid=house.role("powerless", "channel", NO_RIGHTS))
    room.post("from carol", From="carol")
    return house.device("carol")


@pytest.mark.parametrize(
    ("action", "members"),
    [
        ("sendMessage", {"body": "x"}),
        ("updateMessage", {"body": "x"}),
        ("updateMessage", {"attributes": {}}),
        ("deleteMessage", {}),
    ],
)
def test_a_member_needs_the_right_also_for_her_own_messages(
    powerless: Device, room: Room, action: str, members: dict[str, Any]
) -> None:
    if action != "sendMessage":
        members = {"message": address(room, 2), **members}
    before = room.house.rest.get(f"{room.path}/Messages")
    assert powerless.refusal(action, channel="general", **members) == (403, 50107)
    assert room.house.rest.get(f"{room.path}/Messages") == before


def test_a_member_without_rights_may_read(powerless: Device, room: Room) -> None:
    assert len(powerless.done("listMessages", channel="general")["messages"]) == 3
    assert powerless.done("fetchMessage", channel="general", message=address(room, 0))["body"] == "from alice"


@pytest.mark.parametrize(
    ("right", "action", "members"),
    [
        ("sendMessage", "sendMessage", {"body": "x"}),
        ("editAnyMessage", "updateMessage", {"message": 0, "body": "x"}),
        ("editOwnMessage", "updateMessage", {"message": 2, "body": "x"}),
        ("editAnyMessageAttributes", "updateMessage", {"message": 0, "attributes": {}}),
        ("editOwnMessageAttributes", "updateMessage", {"message": 2, "attributes": {}}),
        ("deleteAnyMessage", "deleteMessage", {"message": 0}),
        ("deleteOwnMessage", "deleteMessage", {"message": 2}),
    ],
)
def test_a_right_of_the_channel_role_is_enough_and_needed(
    house: House, room: Room, right: str, action: str, members: dict[str, Any]
) -> None:
    room.add("carol", RoleSid=house.role("one right", "channel", [right]))
    room.post("from carol", From="carol")
    if "message" in members:
        members = {**members, "message": address(room, members["message"])}
    carol = house.device("carol")
    assert carol.ask(action, channel="general", **members)["status"] in (200, 201, 204)
    if "Own" in right:
        assert carol.refusal(action, channel="general", **{**members, "message": address(room, 0)}) == (403, 50107)


def test_a_right_of_the_deployment_role_is_enough(house: House, room: Room) -> None:
    admin = next(
        role["sid"]
        for role in house.rest.get(f"{house.path}/Roles")["roles"]
        if role["friendly_name"] == "service admin"
    )
    house.rest.post(f"{house.path}/Users", Identity="carol", RoleSid=admin)
    room.add("carol", RoleSid=house.role("powerless", "channel", NO_RIGHTS))
    carol = house.device("carol")
    assert carol.done("updateMessage", channel="general", message=address(room, 0), body="moderated")
    assert carol.done("deleteMessage", channel="general", message=address(room, 0)) is None


def test_body_and_attributes_each_need_their_right(house: House, room: Room) -> None:
    room.add("carol", RoleSid=house.role("bodies", "channel", ["editAnyMessage"]))
    carol = house.device("carol")
    sid = address(room, 0)
    assert carol.refusal("updateMessage", channel="general", message=sid, body="x", attributes={}) == (403, 50107)
    assert carol.done("updateMessage", channel="general", message=sid, body="x")["body"] == "x"


# Bad input.


@pytest.mark.parametrize(
    ("action", "members", "refusal"),
    [
        ("sendMessage", {"body": "x"}, (400, 20001)),
        ("sendMessage", {"channel": None, "body": "x"}, (400, 20001)),
        ("sendMessage", {"channel": "", "body": "x"}, (400, 20001)),
        ("sendMessage", {"channel": 5, "body": "x"}, (400, 20001)),
        ("sendMessage", {"channel": ["general"], "body": "x"}, (400, 20001)),
        ("sendMessage", {"channel": "nothing", "body": "x"}, (404, 20404)),
        ("sendMessage", {"channel": "x" * 300, "body": "x"}, (404, 20404)),
        ("sendMessage", {"channel": "CH" + "0" * 32, "body": "x"}, (404, 20404)),
        ("sendMessage", {"channel": "general"}, (400, 50503)),
        ("sendMessage", {"channel": "general", "body": "x" * 32_769}, (400, 50504)),
        ("sendMessage", {"channel": "general", "body": "x", "attributes": "{"}, (400, 50304)),
        ("sendMessage", {"channel": "general", "body": "x", "attributes": {"a": "x" * 4096}}, (400, 50303)),
        ("updateMessage", {"channel": "general", "message": "0"}, (400, 20161)),
        ("updateMessage", {"channel": "general", "body": "x"}, (400, 20001)),
        ("updateMessage", {"channel": "general", "message": "IM" + "0" * 32, "body": "x"}, (404, 20404)),
        ("updateMessage", {"channel": "general", "message": "0", "body": "x" * 32_769}, (400, 50504)),
        ("deleteMessage", {"channel": "general"}, (400, 20001)),
        ("deleteMessage", {"channel": "general", "message": "nonsense"}, (404, 20404)),
        ("fetchMessage", {"channel": "general", "message": 0}, (400, 20001)),
        ("fetchChannel", {}, (400, 20001)),
        ("listMessages", {"channel": "general", "page_size": 0}, (400, 20001)),
        ("listMessages", {"channel": "general", "page_size": 101}, (400, 20001)),
        ("listMessages", {"channel": "general", "page_size": "10"}, (400, 20001)),
        ("listMessages", {"channel": "general", "page_size": True}, (400, 20001)),
        ("listMessages", {"channel": "general", "page_size": 1.5}, (400, 20001)),
        ("listMessages", {"channel": "general", "anchor": -1}, (400, 20001)),
        ("listMessages", {"channel": "general", "anchor": "0"}, (400, 20001)),
        ("listMessages", {"channel": "general", "anchor": 10**11}, (400, 20001)),
        ("listMessages", {"channel": "general", "order": "random"}, (400, 20001)),
        ("listMessages", {"channel": "general", "order": 5}, (400, 20001)),
        ("dance", {"channel": "general"}, (400, 20001)),
        ("", {"channel": "general"}, (400, 20001)),
    ],
)
def test_bad_input_is_refused_with_its_own_code(
    alice: Device, room: Room, action: str, members: dict[str, Any], refusal: tuple[int, int]
) -> None:
    if members.get("message") == "0":
        members = {**members, "message": address(room, 0)}
    before = room.house.rest.get(f"{room.path}/Messages"), room.fetch()
    assert alice.refusal(action, **members) == refusal
    assert (room.house.rest.get(f"{room.path}/Messages"), room.fetch()) == before


@pytest.mark.parametrize("surrogate", ["\ud800", "x\udfffy"])
@pytest.mark.parametrize(
    "members",
    [
        {"action": "sendMessage", "channel": "general", "body": "?"},
        {"action": "sendMessage", "channel": "?", "body": "x"},
        {"action": "sendMessage", "channel": "general", "body": "x", "attributes": "?"},
        {"action": "fetchMessage", "channel": "general", "message": "?"},
        {"action": "?"},
    ],
)
def test_half_a_character_is_bad_input(alice: Device, surrogate: str, members: dict[str, str]) -> None:
    """JSON can name half of a surrogate pair, which is no text: it was answered with a 500."""
    frame = {name: value.replace("?", surrogate) for name, value in members.items()}
    reply = alice.send(json.dumps({"id": "1", **frame}))
    assert (reply["id"], reply["status"]) in (("1", 400), ("1", 404)), reply


# Sending once.

LONG_ID = "0123456789abcdef"


def test_a_long_frame_id_sends_once_and_is_answered_with_the_first_result(house: House, room: Room) -> None:
    alice = house.device("alice")
    first = alice.ask("sendMessage", id=LONG_ID, channel="general", body="once")
    again = alice.ask("sendMessage", id=LONG_ID, channel="general", body="twice")
    other_device = house.device("alice").ask("sendMessage", id=LONG_ID, channel="general", body="thrice")
    assert first["status"] == 201
    assert again == other_device == first
    assert room.fetch()["messages_count"] == 3


def test_a_long_frame_id_is_its_senders_own_and_the_channels_own(house: House, room: Room) -> None:
    other = house.channel("alice")
    alice, bob = house.device("alice"), house.device("bob")
    sent = [
        alice.done("sendMessage", id=LONG_ID, channel="general", body="from alice"),
        bob.done("sendMessage", id=LONG_ID, channel="general", body="from bob"),
        alice.done("sendMessage", id=LONG_ID, channel=other.sid, body="elsewhere"),
    ]
    assert [message["body"] for message in sent] == ["from alice", "from bob", "elsewhere"]


def test_a_short_frame_id_sends_each_time(alice: Device, room: Room) -> None:
    sent = [alice.done("sendMessage", id=LONG_ID[:15], channel="general", body="x") for _ in range(2)]
    assert [message["index"] for message in sent] == [2, 3]


def test_a_frame_id_counts_again_when_the_first_use_was_refused(alice: Device, room: Room) -> None:
    assert alice.refusal("sendMessage", id=LONG_ID, channel="general") == (400, 50503)
    assert alice.done("sendMessage", id=LONG_ID, channel="general", body="now")["index"] == 2


def test_a_repeat_is_announced_once(house: House, room: Room) -> None:
    alice = house.device("alice")
    alice.heard()
    for _ in range(3):
        alice.done("sendMessage", id=LONG_ID, channel="general", body="once")
    (push,) = alice.heard()
    assert (push["event"], push["request"], push["message"]["body"]) == ("messageAdded", LONG_ID, "once")
