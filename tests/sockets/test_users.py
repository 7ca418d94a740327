"""Users over a socket: fetched, changed, and followed, a hundred at most by one connection."""

from __future__ import annotations

import itertools
import json

import pytest

from tests.sockets.deployment import Device, House, as_rest, load_function


@pytest.fixture
def alice(house: House) -> Device:
    return house.device("alice")


@pytest.fixture
def bob(house: House) -> Device:
    return house.device("bob")


_names = itertools.count()


def rename(house: House, identity: str) -> None:
    """Give a user a name that it never had."""
    house.rest.post(f"{house.path}/Users/{identity}", FriendlyName=f"name {next(_names)}")


def renamed(device: Device) -> list[str]:
    """Whose change of name a device has heard of."""
    pushes = device.heard()
    assert {push["event"] for push in pushes} <= {"userUpdated"}
    return [push["user"]["identity"] for push in pushes]


@pytest.mark.converses("fetchUser")
def test_anybody_fetches_a_user_by_identity(house: House, alice: Device, bob: Device) -> None:
    rename(house, "bob")
    user = alice.done("fetchUser", identity="bob")
    assert as_rest(user) == house.rest.get(f"{house.path}/Users/bob")
    assert bob.done("fetchUser", identity="bob") == user
    assert alice.refusal("fetchUser", identity="nobody") == (404, 20404)
    for identity in (None, "", 5, ["bob"]):
        assert alice.refusal("fetchUser", identity=identity) == (400, 20001)


def test_a_client_changes_itself_and_hears_it_on_every_device(house: House, alice: Device, bob: Device) -> None:
    laptop = house.device("alice")
    user = alice.done("updateUser", identity="alice", friendly_name="Alice", attributes={"a": 1})
    (push,) = laptop.heard()
    assert push == {"event": "userUpdated", "user": user, "updateReasons": ["attributes", "friendlyName"]}
    assert as_rest(user) == house.rest.get(f"{house.path}/Users/alice")
    assert bob.heard() == []


def test_a_version_grows_with_each_change(house: House, alice: Device) -> None:
    seqs = [alice.done("fetchUser", identity="alice")["seq"]]
    for name in ("one", "two"):
        seqs.append(alice.done("updateUser", identity="alice", friendly_name=name)["seq"])
    assert seqs == sorted(set(seqs))
    assert alice.done("fetchUser", identity="alice")["seq"] == seqs[-1]


def test_a_change_that_changes_nothing_is_not_told(house: House, alice: Device) -> None:
    alice.done("updateUser", identity="alice", friendly_name="Alice")
    alice.heard()
    alice.done("updateUser", identity="alice", friendly_name="Alice")
    assert alice.heard() == []


# Following.


def test_a_follower_is_shown_the_users_and_hears_of_their_changes(house: House, alice: Device, bob: Device) -> None:
    house.device("carol")
    answer = alice.done("followUsers", identities=["carol", "bob"])
    assert answer["unfollowed"] == []
    assert answer["users"] == [alice.done("fetchUser", identity=identity) for identity in ("carol", "bob")]
    bob.done("updateUser", identity="bob", attributes={"mood": "good"})
    (push,) = alice.heard()
    assert (push["event"], push["updateReasons"]) == ("userUpdated", ["attributes"])
    assert push["user"] == alice.done("fetchUser", identity="bob")
    assert "request" not in push


def test_only_the_connection_that_follows_hears(house: House, alice: Device, bob: Device) -> None:
    laptop, carol = house.device("alice"), house.device("carol")
    alice.done("followUsers", identities=["bob"])
    rename(house, "bob")
    assert [renamed(device) for device in (alice, laptop, carol, bob)] == [["bob"], [], [], ["bob"]]


def test_a_user_who_follows_himself_hears_of_a_change_once(house: House, alice: Device) -> None:
    alice.done("followUsers", identities=["alice"])
    rename(house, "alice")
    assert renamed(alice) == ["alice"]


def test_nothing_is_followed_twice(house: House, alice: Device, bob: Device) -> None:
    for _ in range(2):
        answer = alice.done("followUsers", identities=["bob", "bob"])
        assert [user["identity"] for user in answer["users"]] == ["bob"]
    rename(house, "bob")
    assert renamed(alice) == ["bob"]


@pytest.mark.converses("followUsers", "unfollowUsers")
def test_following_goes_on_until_it_is_given_up(house: House, alice: Device, bob: Device) -> None:
    house.device("carol")
    alice.done("followUsers", identities=["bob"])
    alice.done("followUsers", identities=["carol"])
    rename(house, "bob")
    rename(house, "carol")
    assert renamed(alice) == ["bob", "carol"]
    reply = alice.ask("unfollowUsers", identities=["bob", "nobody"])
    assert (reply["status"], reply["result"]) == (204, None)
    rename(house, "bob")
    rename(house, "carol")
    assert renamed(alice) == ["carol"]
    assert alice.done("unfollowUsers", identities=["bob"]) is None


def test_a_follower_hears_for_as_long_as_its_new_token_lasts_even_if_a_container_remembers_the_former_one(
    house: House, alice: Device, bob: Device
) -> None:
    deployment = house.deployment
    here = deployment.message_handler
    alice.done("fetchSession")
    deployment.message_handler = load_function(
        "ws_message", deployment.new_runtime(deployment.world.another_container())
    )
    renewed = deployment.world.clock.now_ms() // 1000 + 7000
    alice.done("refreshToken", token=deployment.token(house.key, house.sid, "alice", valid_until=renewed))
    deployment.message_handler = here
    alice.done("followUsers", identities=["bob"])
    deployment.world.clock.advance(3700)
    rename(house, "bob")
    assert renamed(alice) == ["bob"]


def test_an_unknown_user_in_a_list_is_passed_over(house: House, alice: Device, bob: Device) -> None:
    answer = alice.done("followUsers", identities=["nobody", "bob"])
    assert [user["identity"] for user in answer["users"]] == ["bob"]
    assert alice.done("followUsers", identities=["nobody"]) == {"users": [], "unfollowed": []}


def test_beyond_a_hundred_those_followed_longest_give_way(house: House, alice: Device) -> None:
    crowd = [f"user {number}" for number in range(102)]
    for identity in crowd:
        house.rest.post(f"{house.path}/Users", Identity=identity)
    assert alice.done("followUsers", identities=crowd[:100])["unfollowed"] == []
    # Who is named again counts as new.
    assert alice.done("followUsers", identities=crowd[:1])["unfollowed"] == []
    assert alice.done("followUsers", identities=crowd[100:])["unfollowed"] == crowd[1:3]
    for identity in (crowd[0], crowd[1], crowd[2], crowd[3], crowd[101]):
        rename(house, identity)
    assert renamed(alice) == [crowd[0], crowd[3], crowd[101]]


def test_following_ends_with_the_connection(house: House, alice: Device, bob: Device) -> None:
    alice.done("followUsers", identities=["bob"])
    again = house.device("alice")
    alice.close()
    house.deployment.gateway.attempts.clear()
    rename(house, "bob")
    assert renamed(again) == []
    assert alice.connection_id not in house.deployment.gateway.attempts


def test_following_ends_when_a_push_finds_the_socket_gone(house: House, alice: Device, bob: Device) -> None:
    alice.done("followUsers", identities=["bob"])
    house.deployment.world.clock.advance(31)
    house.deployment.gateway.close(alice.connection_id)
    for _ in range(3):
        rename(house, "bob")
        assert renamed(bob) == ["bob"]
    assert house.deployment.gateway.attempts.count(alice.connection_id) == 1


@pytest.mark.parametrize("action", ["followUsers", "unfollowUsers"])
@pytest.mark.parametrize("identities", [None, [], "bob", [5], [""], [None], ["x" * 257], ["x"] * 101, {"bob": 1}])
def test_a_list_of_identities_is_needed(still_alice: Device, action: str, identities: object) -> None:
    frame = {"id": "1", "action": action, "identities": identities}
    reply = still_alice.send(json.dumps(frame))
    assert (reply["status"], reply["error"]["code"]) == (400, 20001)


def test_another_services_namesake_is_not_followed(house: House, alice: Device, bob: Device) -> None:
    other = House(house.deployment)
    other.device("bob")
    alice.done("followUsers", identities=["bob"])
    rename(other, "bob")
    assert renamed(alice) == []
    rename(house, "bob")
    assert renamed(alice) == ["bob"]
