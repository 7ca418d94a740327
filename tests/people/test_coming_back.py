"""An identity whose user was deleted and that has a new user at once: nothing of the former user is the new one's.

No time passes between the deletion and the new user, and no sweep has run yet unless a test runs it.
"""

from __future__ import annotations

from typing import Any

import pytest

from parley.domain.push import MOST_DEVICES
from parley.ids import user_sid
from parley.operations.devices import address_key
from parley.store import keys
from tests.sockets.deployment import Device, House, Room
from tests.support.invariants import contradictions, everything
from tests.webhooks.function import WebhooksFunction
from tests.webhooks.sweeping import joined

NOT_FOUND = (404, 20404)


def forget(house: House, identity: str = "bob") -> None:
    assert house.rest("DELETE", f"{house.path}/Users/{identity}").status == 204


def come_back(house: House) -> Device:
    """Bob's new user, by its first connection."""
    forget(house)
    return house.device("bob")


def member(room: Room, identity: str = "bob") -> Any:
    return room.house.rest("POST", f"{room.path}/Members", {"Identity": identity})


def invite(room: Room, identity: str = "bob") -> Any:
    return room.house.rest("POST", f"{room.path}/Invites", {"Identity": identity})


def registered(device: Device, endpoint: str = "phone") -> str:
    credential = device._deployment.rest.post("/chat/v2/Credentials", Type="fcm", Secret="secret")["sid"]
    binding = {"binding_type": "fcm", "address": endpoint, "credential_sid": credential}
    return str(device.done("registerBinding", endpoint=endpoint, **binding)["sid"])


# What the former user created.


# What a client may ask of a channel, and nobody who is a stranger to it.
OF_MEMBERS: list[tuple[str, dict[str, Any]]] = [
    *((name, {}) for name in ("fetchChannel", "joinChannel", "listMessages", "listMembers", "fetchMyChannel")),
    *((name, {}) for name in ("acceptInvitation", "declineInvitation", "typing", "setAllMessagesConsumed")),
    ("sendMessage", {"body": "from the dead"}),
    ("updateMember", {"identity": "bob", "attributes": {"a": 1}}),
]


@pytest.mark.parametrize("bobs_part", ["creator", "creator by REST", "member", "invited"])
def test_a_private_channel_of_the_former_user_does_not_exist_for_the_new_one(house: House, bobs_part: str) -> None:
    former = house.device("bob")
    if bobs_part == "creator":
        sid = former.done("createChannel", type="private")["sid"]
    else:
        room = house.channel("alice", Type="private", CreatedBy="bob" if bobs_part == "creator by REST" else "alice")
        sid = room.sid
        if bobs_part in ("member", "invited"):
            assert (member if bobs_part == "member" else invite)(room).status == 201
    house.rest.post(f"{house.path}/Channels/{sid}/Messages", Body="a secret")
    again = come_back(house)
    for action, members in OF_MEMBERS:
        assert again.refusal(action, channel=sid, **members) == NOT_FOUND, action
    assert again.done("catchUp", channels={sid: 0})["channels"][sid] == {"status": "gone"}
    assert again.done("listMyChannels")["channels"] == []


def test_a_public_channel_that_the_former_user_created_is_joined_with_the_role_of_anybody(house: House) -> None:
    sid = house.device("bob").done("createChannel")["sid"]
    made = come_back(house).done("joinChannel", channel=sid)
    assert made["role_sid"] == house.service["default_channel_role_sid"]


def test_an_identity_without_a_user_is_given_no_rights_by_being_named_as_creator(house: House) -> None:
    room = house.channel(Type="private", CreatedBy="zoe")
    zoe = house.device("zoe")
    assert zoe.refusal("fetchChannel", channel=room.sid) == NOT_FOUND
    # Named again, now that there is such a user.
    room.update(CreatedBy="zoe")
    assert zoe.done("fetchChannel", channel=room.sid)["created_by"] == "zoe"
    assert zoe.done("joinChannel", channel=room.sid)["role_sid"] == house.service["default_channel_creator_role_sid"]


def test_the_new_user_is_not_told_that_a_channel_of_the_former_one_goes(house: House) -> None:
    sid = house.device("bob").done("createChannel", type="private")["sid"]
    again = come_back(house)
    again.heard()
    assert house.rest("DELETE", f"{house.path}/Channels/{sid}").status == 204
    assert again.events() == []


# What the former user was in.


def test_the_new_user_hears_nothing_of_what_the_former_one_was_in(house: House) -> None:
    room = house.channel("alice", "bob")
    alice, again = house.device("alice"), come_back(house)
    again.heard()
    room.post("between us")
    alice.done("typing", channel=room.sid)
    alice.done("updateMember", channel=room.sid, identity="alice", attributes={"a": 1})
    assert again.events() == []


def test_a_returning_identity_is_no_member_and_can_be_added(house: House) -> None:
    room = house.channel("alice", "bob")
    alice, again = house.device("alice"), come_back(house)
    room.post("before", From="alice")
    alice.heard(), again.heard()
    made = member(room)
    assert made.status == 201
    assert (room.fetch()["members_count"], joined(house, "bob")) == (2, 1)
    # The former user leaves, as by the sweep, before the new one comes.
    assert [frame["event"] for frame in alice.heard()] == ["memberLeft", "memberJoined"]
    heard = again.events()
    assert "channelJoined" in heard and "channelLeft" not in heard
    assert again.done("listMessages", channel=room.sid)["messages"][0]["body"] == "before"
    assert member(room).refusal()[:2] == (409, 50404)


def test_an_identity_without_a_user_is_added_anew_with_one(house: House) -> None:
    room = house.channel("alice", "bob")
    forget(house)
    assert member(room).status == 201
    assert (room.fetch()["members_count"], joined(house, "bob")) == (2, 1)


@pytest.mark.parametrize("was", ["member", "invited"])
@pytest.mark.parametrize("is_back", [True, False])
def test_a_returning_identity_can_be_invited(house: House, was: str, is_back: bool) -> None:
    room = house.channel("alice", Type="private")
    assert (member if was == "member" else invite)(room).status == 201
    forget(house)
    if is_back:
        house.rest.post(f"{house.path}/Users", Identity="bob")
    assert invite(room).status == 201
    assert room.fetch()["members_count"] == 1
    assert invite(room).refusal()[:2] == (409, 50212)
    assert house.device("bob").done("acceptInvitation", channel=room.sid)["identity"] == "bob"
    assert (room.fetch()["members_count"], joined(house, "bob")) == (2, 1)


def test_the_new_users_invite_counts_although_the_former_one_was_a_member(house: House) -> None:
    room = house.channel("alice", "bob", Type="private")
    again = come_back(house)
    assert invite(room).status == 201
    held = again.done("fetchMyChannel", channel=room.sid)["user_channel"]
    assert held["status"] == "invited"
    again.done("declineInvitation", channel=room.sid)
    assert again.refusal("fetchChannel", channel=room.sid) == NOT_FOUND


def test_a_frame_of_the_new_user_is_no_repeat_of_the_former_ones(house: House) -> None:
    room = house.channel("bob")
    frame = {"channel": room.sid, "id": "one and the same id"}
    assert house.device("bob").done("sendMessage", body="old", **frame)["index"] == 0
    again = come_back(house)
    member(room)
    assert again.done("sendMessage", body="new", **frame)["body"] == "new"


# What the sweep leaves.


def test_the_sweep_leaves_what_the_new_user_got_meanwhile(house: House, webhooks: WebhooksFunction) -> None:
    rooms = [house.channel("alice", "bob", Type="private") for _ in range(3)]
    house.rest.post(f"{house.path}/Channels/{house.channel().sid}/Invites", Identity="bob")
    registered(house.device("bob"))
    again = come_back(house)
    device = registered(again)
    assert member(rooms[0]).status == 201
    assert invite(rooms[1]).status == 201
    assert webhooks.sweep_all()
    assert [one["channel_sid"] for one in house.rest.get(f"{house.path}/Users/bob/Channels")["channels"]] == [
        rooms[0].sid,
        rooms[1].sid,
    ]
    assert joined(house, "bob") == 1
    assert [room.fetch()["members_count"] for room in rooms] == [2, 1, 1]
    assert [binding["sid"] for binding in house.rest.get(f"{house.path}/Bindings")["bindings"]] == [device]


@pytest.mark.parametrize("is_swept_first", [True, False])
def test_a_device_that_registers_again_is_counted_for_the_new_user(
    house: House, webhooks: WebhooksFunction, is_swept_first: bool
) -> None:
    house.rest.post(house.path, ReachabilityEnabled="true")
    house.deployment.world.clock.advance(11)
    path = f"{house.path}/Users/bob"
    registered(house.device("bob"))
    again = come_back(house)
    assert house.rest.get(path)["is_notifiable"] is False
    assert house.rest.get(f"{path}/Bindings")["bindings"] == []
    if is_swept_first:
        webhooks.sweep_all()
    sid = registered(again)
    webhooks.sweep_all()
    assert house.rest.get(path)["is_notifiable"] is True
    assert [binding["sid"] for binding in house.rest.get(f"{path}/Bindings")["bindings"]] == [sid]
    again.done("removeBinding", binding=sid)
    assert house.rest.get(path)["is_notifiable"] is False


def test_the_sweep_erases_the_log_of_the_former_users_notifications_and_leaves_the_new_ones(
    house: House, webhooks: WebhooksFunction
) -> None:
    world, bob = house.deployment.world, user_sid(house.sid, "bob")
    house.device("bob")

    def log(name: str) -> None:
        key = keys.pushed(bob, world.clock.now_ms(), name)
        world.table.put_many({key: {"sid": name, "outcome": "delivered", "code": 0}})

    log("of the former user")
    world.clock.advance(1)
    come_back(house)
    world.clock.advance(1)
    log("of the new user")
    webhooks.sweep_all()
    assert [one["sid"] for one in world.table.every(keys.all_pushed(bob))] == ["of the new user"]


def test_the_sweep_erases_every_device_of_a_user(house: House, webhooks: WebhooksFunction) -> None:
    bob = house.device("bob")
    credential = house.rest.post("/chat/v2/Credentials", Type="fcm", Secret="secret")["sid"]
    for number in range(MOST_DEVICES):
        binding = {"binding_type": "fcm", "address": f"token{number}", "credential_sid": credential}
        bob.done("registerBinding", endpoint=f"phone {number}", **binding)
    assert len(house.rest.get(f"{house.path}/Users/bob/Bindings")["bindings"]) == MOST_DEVICES
    forget(house)
    webhooks.sweep_all()
    assert house.rest.get(f"{house.path}/Bindings")["bindings"] == []
    world = house.deployment.world
    assert contradictions(everything(world._client, world._table_name, world.account_sid)) == []


def test_the_sweep_erases_all_bindings_from_before_users_had_ten_devices(
    house: House, webhooks: WebhooksFunction
) -> None:
    bob, table = house.device("bob"), house.deployment.world.table
    credential = house.rest.post("/chat/v2/Credentials", Type="fcm", Secret="secret")["sid"]
    for number in range(130):
        binding = {"binding_type": "fcm", "address": "token", "credential_sid": credential}
        bob.done("registerBinding", endpoint=f"phone {number}", **binding)
        table.erase_many([keys.user_devices(user_sid(house.sid, "bob")), address_key(house.sid, credential, "token")])
    assert house.rest.get(f"{house.path}/Users/bob/Bindings", PageSize=100)["meta"]["next_page_url"]
    forget(house)
    webhooks.sweep_all()
    assert house.rest.get(f"{house.path}/Bindings")["bindings"] == []


def test_the_new_user_is_offline_while_only_the_former_one_is_connected(house: House) -> None:
    house.rest.post(house.path, ReachabilityEnabled="true")
    house.deployment.world.clock.advance(11)
    former = house.device("bob")
    forget(house)
    house.rest.post(f"{house.path}/Users", Identity="bob")
    assert house.rest.get(f"{house.path}/Users/bob")["is_online"] is None
    former.close()
    assert house.rest.get(f"{house.path}/Users/bob")["is_online"] is None
