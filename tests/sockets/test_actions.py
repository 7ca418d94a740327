"""What a client can ask for over its socket: each row of the action table, and bad input."""

from __future__ import annotations

import json
from functools import partial
from typing import Any

import pytest

from tests.sockets.asking import NO_RIGHTS, address, mighty
from tests.sockets.deployment import Device, House, Room, as_rest

_COMPACT = partial(json.dumps, ensure_ascii=False, separators=(",", ":"))

# Each action, done right: what it is called with and what REST shows afterwards.


@pytest.mark.converses("sendMessage")
def test_a_member_sends_a_message(alice: Device, room: Room) -> None:
    reply = alice.ask("sendMessage", channel="general", body="hello", attributes={"mood": "good", "n": [1, None]})
    message = reply["result"]
    assert reply["status"] == 201
    assert as_rest(message) == room.house.rest.get(f"{room.path}/Messages/{message['sid']}")
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


@pytest.mark.converses("updateMessage")
def test_a_member_edits_her_message(alice: Device, room: Room) -> None:
    message = alice.done("updateMessage", channel="general", message=address(room, 0), body="edited")
    assert as_rest(message) == room.house.rest.get(f"{room.path}/Messages/{message['sid']}")
    assert (message["body"], message["from"]) == ("edited", "alice")
    assert (message["was_edited"], message["last_updated_by"]) == (True, "alice")


@pytest.mark.parametrize("spelled", [dict, _COMPACT], ids=["as an object", "as text"])
def test_attributes_have_4_096_bytes_in_every_script(alice: Device, room: Room, spelled: Any) -> None:
    attributes = {"a": "名" * 1362}
    message = alice.done("sendMessage", channel="general", body="x", attributes=spelled(attributes))
    assert message["attributes"] == _COMPACT(attributes)
    longer = {"a": "名" * 1363}
    assert alice.refusal("sendMessage", channel="general", body="x", attributes=spelled(longer)) == (400, 50303)


def test_attributes_alone_can_be_edited(alice: Device, room: Room) -> None:
    message = alice.done("updateMessage", channel="general", message=address(room, 0), attributes='{"a":1}')
    assert (message["body"], message["attributes"]) == ("from alice", '{"a":1}')


@pytest.mark.parametrize("value", [{}, {"a": [1, None]}, [], [1], [1, 2], ["a"], [[]], 5, True, 1.5, '"a text"', "[1]"])
def test_attributes_may_be_any_json(alice: Device, room: Room, value: Any) -> None:
    expected = json.loads(value) if isinstance(value, str) else value
    message = alice.done("sendMessage", channel="general", body="x", attributes=value)
    assert json.loads(message["attributes"]) == expected
    alice.done("updateMessage", channel="general", message=0, attributes=value)
    assert json.loads(alice.done("fetchMessage", channel="general", message=0)["attributes"]) == expected


@pytest.mark.converses("deleteMessage")
def test_a_member_deletes_her_message(alice: Device, room: Room) -> None:
    sid = address(room, 0)
    reply = alice.ask("deleteMessage", channel="general", message=sid)
    assert (reply["status"], reply["result"]) == (204, None)
    assert alice.refusal("fetchMessage", channel="general", message=sid) == (404, 20404)
    assert room.fetch()["messages_count"] == 1


@pytest.mark.parametrize(
    ("action", "request_", "named"),
    [
        ("fetchChannel", {"channel": "nowhere"}, "channel nowhere"),
        ("updateMessage", {"message": 7, "channel": "general", "body": "x"}, "channel general, message 7"),
        ("fetchMember", {"channel": "general", "identity": "carol"}, "channel general, identity carol"),
        ("removeBinding", {"binding": "BS" + "0" * 32}, "binding BS" + "0" * 32),
        ("fetchChannel", {"channel": "x" * 300}, "channel " + "x" * 128),
    ],
)
def test_a_404_names_what_was_asked_for(alice: Device, room: Room, action: str, request_: Any, named: str) -> None:
    error = alice.ask(action, **request_)["error"]
    assert error == {"code": 20404, "message": f"The requested resource was not found: {named}"}


@pytest.mark.converses("fetchMessage")
def test_a_member_fetches_a_message(alice: Device, room: Room) -> None:
    sid = address(room, 1)
    fetched = alice.done("fetchMessage", channel="general", message=sid)
    assert as_rest(fetched) == room.house.rest.get(f"{room.path}/Messages/{sid}")
    assert alice.done("fetchMessage", channel="general", message=1) == fetched


@pytest.mark.converses("fetchChannel")
def test_a_member_fetches_the_channel(alice: Device, room: Room) -> None:
    fetched = alice.done("fetchChannel", channel="general")
    assert as_rest(fetched) == room.fetch()
    # Two members came and two messages.
    assert (fetched["seq"], fetched["last_message_index"], fetched["messages_count"]) == (4, 1, 2)
    assert alice.done("fetchChannel", channel=room.sid) == fetched


@pytest.mark.converses("listMessages")
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
    assert [as_rest(message) for message in listed] == room.house.rest.get(f"{room.path}/Messages")["messages"]


# Channels, members and users, from a socket.


@pytest.mark.converses("createChannel")
def test_a_client_makes_a_channel_and_is_its_creator_but_no_member(alice: Device, room: Room) -> None:
    reply = alice.ask("createChannel", unique_name="new", type="private", attributes={"a": 1}, created_by="bob")
    channel = reply["result"]
    assert reply["status"] == 201
    assert (channel["created_by"], channel["type"], channel["members_count"]) == ("alice", "private", 0)
    assert channel["attributes"] == '{"a":1}'
    assert alice.done("fetchChannel", channel="new") == channel
    assert alice.refusal("sendMessage", channel="new", body="x") == (403, 50400)


def test_the_creator_joins_with_the_creators_role(house: House, alice: Device) -> None:
    alice.done("createChannel", unique_name="new", type="private")
    member = alice.done("joinChannel", channel="new", identity="bob", role_sid=house.role("x", "channel", NO_RIGHTS))
    assert member["identity"] == "alice"
    assert member["role_sid"] == house.service["default_channel_creator_role_sid"]


@pytest.mark.converses("joinChannel", "leaveChannel")
def test_a_client_joins_a_public_channel_as_itself_and_leaves_it(house: House, room: Room) -> None:
    carol = house.device("carol")
    member = carol.done("joinChannel", channel="general", identity="bob", attributes={"a": 1})
    assert as_rest(member) == house.rest.get(f"{room.path}/Members/carol")
    assert (member["identity"], member["attributes"]) == ("carol", '{"a":1}')
    assert member["role_sid"] == house.service["default_channel_role_sid"]
    assert carol.refusal("joinChannel", channel="general") == (409, 50404)
    assert carol.ask("leaveChannel", channel="general", identity="bob")["status"] == 204
    assert house.rest("GET", f"{room.path}/Members/carol").status == 404
    assert house.rest("GET", f"{room.path}/Members/bob").status == 200
    assert carol.refusal("leaveChannel", channel="general") == (403, 50400)


@pytest.mark.converses("updateChannel", "addMember", "updateMember", "removeMember", "deleteChannel")
def test_a_mighty_member_changes_the_channel_its_members_and_removes_both(house: House, room: Room) -> None:
    carol = mighty(house, room)
    channel = carol.done("updateChannel", channel="general", friendly_name="The room", attributes={"b": 2})
    assert as_rest(channel) == room.fetch()
    assert (channel["friendly_name"], channel["attributes"]) == ("The room", '{"b":2}')
    added = carol.done("addMember", channel="general", identity="dave")
    assert as_rest(added) == house.rest.get(f"{room.path}/Members/dave")
    assert added["role_sid"] == house.service["default_channel_role_sid"]
    changed = carol.done("updateMember", channel="general", identity="dave", attributes={"c": 3})
    assert as_rest(changed) == house.rest.get(f"{room.path}/Members/dave")
    assert carol.done("removeMember", channel="general", identity="dave") is None
    assert carol.done("deleteChannel", channel="general") is None
    assert house.rest("GET", room.path).status == 404


@pytest.mark.converses("updateUser")
def test_a_user_changes_herself_and_others_only_with_the_right(house: House, room: Room, alice: Device) -> None:
    user = alice.done("updateUser", identity="alice", friendly_name="Alice", attributes={"a": 1})
    assert (user["friendly_name"], user["attributes"]) == ("Alice", '{"a":1}')
    assert alice.refusal("updateUser", identity="bob", friendly_name="x") == (403, 50107)
    admin = house.role("admin", "deployment", ["editAnyUserInfo"])
    house.rest.post(f"{house.path}/Users", Identity="carol", RoleSid=admin)
    assert house.device("carol").done("updateUser", identity="bob", friendly_name="Bob")["friendly_name"] == "Bob"


def test_no_client_gives_a_role(house: House, room: Room) -> None:
    role_sid = house.service["default_channel_creator_role_sid"]
    carol = mighty(house, room)
    added = carol.done("addMember", channel="general", identity="dave", role_sid=role_sid)
    assert added["role_sid"] == house.service["default_channel_role_sid"]
    request = {"channel": "general", "identity": "dave", "role_sid": role_sid}
    assert carol.refusal("updateMember", **request) == (400, 20161)
    assert house.rest.get(f"{room.path}/Members/dave")["role_sid"] == house.service["default_channel_role_sid"]


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
        ("fetchMessage", {"channel": "general", "message": 2}, (404, 20404)),
        ("fetchMessage", {"channel": "general", "message": -1}, (400, 20001)),
        ("fetchMessage", {"channel": "general", "message": True}, (400, 20001)),
        ("fetchMessage", {"channel": "general", "message": 1.5}, (400, 20001)),
        ("fetchMessage", {"channel": "general", "message": None}, (400, 20001)),
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
    still_alice: Device, still_room: Room, action: str, members: dict[str, Any], refusal: tuple[int, int]
) -> None:
    alice, room = still_alice, still_room
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
def test_half_a_character_is_bad_input(still_alice: Device, surrogate: str, members: dict[str, str]) -> None:
    """JSON can name half of a surrogate pair, which is no text: it was answered with a 500."""
    frame = {name: value.replace("?", surrogate) for name, value in members.items()}
    reply = still_alice.send(json.dumps({"id": "1", **frame}))
    assert (reply["id"], reply["status"]) in (("1", 400), ("1", 404)), reply
