"""Push registrations: a client registers its device, with what its token says, and removes only its own."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from twilio.jwt.access_token.grants import ChatGrant

from parley.domain.push import MESSAGE_TYPES
from parley.ids import user_sid
from parley.operations.devices import address_key
from parley.operations.table import OPERATIONS
from parley.store import keys
from tests.ports.meddling import MeddlingClient, after
from tests.sockets.deployment import Device, House
from tests.support.invariants import contradictions, everything
from tests.support.push import CERTIFICATE, PRIVATE_KEY
from tests.support.world import World

ADDRESS = "a-device's-token"


@pytest.fixture
def credential(house: House) -> str:
    return str(house.rest.post("/chat/v2/Credentials", Type="fcm", Secret="x")["sid"])


@pytest.fixture
def alice(house: House) -> Device:
    return house.device("alice")


def request(credential: str, **changes: Any) -> dict[str, Any]:
    """What a device registers with."""
    given = {"binding_type": "fcm", "address": ADDRESS, "credential_sid": credential, "endpoint": "phone", **changes}
    return {name: value for name, value in given.items() if value is not ...}


def bindings(house: House) -> list[dict[str, Any]]:
    return list(house.rest.get(f"{house.path}/Bindings")["bindings"])


@pytest.mark.converses("registerBinding")
def test_a_device_registers_and_rest_shows_it(house: House, alice: Device, credential: str) -> None:
    reply = alice.ask("registerBinding", **request(credential, message_types=["new_message"]))
    binding = reply["result"]
    assert reply["status"] == 201
    assert bindings(house) == [binding]
    shown = ("identity", "endpoint", "binding_type", "credential_sid", "message_types")
    assert [binding[name] for name in shown] == ["alice", "phone", "fcm", credential, ["new_message"]]
    assert ADDRESS not in str(binding)


def test_a_device_wants_everything_unless_it_says_otherwise(alice: Device, credential: str) -> None:
    assert alice.done("registerBinding", **request(credential))["message_types"] == list(MESSAGE_TYPES)
    assert alice.done("registerBinding", **request(credential, message_types=[]))["message_types"] == list(
        MESSAGE_TYPES
    )


def test_endpoint_and_credential_are_the_tokens_unless_they_are_named(house: House, credential: str) -> None:
    grant = ChatGrant(service_sid=house.sid, endpoint_id="from the token", push_credential_sid=credential)
    alice = house.device("alice", grants=[grant])
    binding = alice.done("registerBinding", binding_type="fcm", address=ADDRESS)
    assert (binding["endpoint"], binding["credential_sid"]) == ("from the token", credential)
    other = house.rest.post("/chat/v2/Credentials", Type="fcm", Secret="y")["sid"]
    binding = alice.done("registerBinding", **request(other))
    assert (binding["endpoint"], binding["credential_sid"]) == ("phone", other)


@pytest.mark.parametrize(
    ("changes", "refusal"),
    [
        ({"binding_type": ...}, (400, 20001)),
        ({"binding_type": "carrier pigeon"}, (400, 50209)),
        ({"binding_type": "apn", "address": "0f" * 32}, (404, 20404)),
        ({"binding_type": "apn", "address": "0f" * 31}, (400, 20001)),
        ({"binding_type": "apn", "address": "0" * 65}, (400, 20001)),
        ({"binding_type": "apn", "address": "0g" * 32}, (400, 20001)),
        ({"address": "a token"}, (400, 20001)),
        ({"address": "a\ntoken"}, (400, 20001)),
        ({"address": "token\ud800"}, (400, 20001)),
        ({"address": "x" * 5000}, (400, 20001)),
        ({"address": ...}, (400, 20001)),
        ({"address": ""}, (400, 20001)),
        ({"address": "x" * 4097}, (400, 20001)),
        ({"credential_sid": ...}, (400, 20001)),
        ({"credential_sid": "CR" + "0" * 32}, (404, 20404)),
        ({"endpoint": 7}, (400, 20001)),
        ({"endpoint": ""}, (400, 20001)),
        ({"message_types": "new_message"}, (400, 20001)),
        ({"message_types": ["gossip"]}, (400, 20001)),
    ],
)
def test_a_registration_that_lacks_something_is_refused(
    still_house: House, still_alice: Device, changes: dict[str, Any], refusal: tuple[int, int]
) -> None:
    credential = still_house.rest.post("/chat/v2/Credentials", Type="fcm", Secret="x")["sid"]
    assert still_alice.refusal("registerBinding", **request(credential, **changes)) == refusal
    assert bindings(still_house) == []


def test_an_address_without_an_endpoint_is_an_endpoint_of_its_own(house: House, alice: Device, credential: str) -> None:
    without = {"endpoint": ...}
    first = alice.done("registerBinding", **request(credential, **without))
    assert alice.done("registerBinding", **request(credential, **without))["sid"] == first["sid"]
    other = alice.done("registerBinding", **request(credential, address="another", **without))
    assert sorted(binding["sid"] for binding in bindings(house)) == sorted([first["sid"], other["sid"]])


def test_registering_again_is_the_same_registration(house: House, alice: Device, credential: str) -> None:
    first = alice.done("registerBinding", **request(credential))
    again = house.device("alice").done("registerBinding", **request(credential, message_types=["new_message"]))
    assert again["sid"] == first["sid"]
    assert bindings(house) == [again]


def test_each_endpoint_and_each_identity_has_its_own(house: House, alice: Device, credential: str) -> None:
    alice.done("registerBinding", **request(credential))
    alice.done("registerBinding", **request(credential, endpoint="tablet", address="another"))
    house.device("bob").done("registerBinding", **request(credential, address="bob's"))
    assert sorted((binding["identity"], binding["endpoint"]) for binding in bindings(house)) == [
        ("alice", "phone"),
        ("alice", "tablet"),
        ("bob", "phone"),
    ]


@pytest.mark.converses("removeBinding")
def test_only_its_owner_removes_a_registration(house: House, alice: Device, credential: str) -> None:
    sid = alice.done("registerBinding", **request(credential))["sid"]
    assert house.device("bob").refusal("removeBinding", binding=sid) == (404, 20404)
    assert House(house.deployment).device("alice").refusal("removeBinding", binding=sid) == (404, 20404)
    assert [binding["sid"] for binding in bindings(house)] == [sid]
    reply = house.device("alice").ask("removeBinding", binding=sid)
    assert (reply["status"], reply["result"]) == (204, None)
    assert bindings(house) == []
    assert alice.refusal("removeBinding", binding=sid) == (404, 20404)


def test_all_registrations_of_a_device_go_and_those_of_nobody_else(
    house: House, alice: Device, credential: str
) -> None:
    other = str(
        house.rest.post("/chat/v2/Credentials", Type="apn", Certificate=CERTIFICATE, PrivateKey=PRIVATE_KEY)["sid"]
    )
    phone = {"binding_type": "apn", "address": "0f" * 32}
    alice.done("registerBinding", **request(other, **phone))
    stays = [
        alice.done("registerBinding", **request(credential, endpoint="tablet"))["sid"],
        house.device("bob").done("registerBinding", **request(credential, address="bob's"))["sid"],
    ]
    for gone in ({**phone, "address": "0F" * 32}, phone, {"binding_type": "fcm", "address": "bob's"}):
        assert alice.ask("removeBinding", **gone)["status"] == 204
        assert [binding["sid"] for binding in bindings(house)] == sorted(stays)
    for wrong in ({"binding_type": "fcm"}, {"address": ADDRESS}, {"binding_type": "fcm", "address": 5}):
        assert alice.refusal("removeBinding", **wrong) == (400, 20001)
    assert len(bindings(house)) == len(stays)


@pytest.mark.parametrize("sid", [None, "", 5, "BS", "BS" + "0" * 32, "x" * 300])
def test_a_registration_that_is_not_there_cannot_be_removed(still_alice: Device, sid: object) -> None:
    status = 400 if not isinstance(sid, str) or not sid else 404
    assert still_alice.refusal("removeBinding", binding=sid)[0] == status


# Notifiable or not.


@pytest.fixture
def reachable(house: House) -> House:
    house.rest.post(house.path, ReachabilityEnabled="true")
    return house


def test_a_user_is_notifiable_until_the_last_registration_is_removed(reachable: House, credential: str) -> None:
    alice, bob = reachable.device("alice"), reachable.device("bob")
    assert bob.done("followUsers", identities=["alice"])["users"][0]["is_notifiable"] is False
    alice.heard(), bob.heard()
    sids = [
        alice.done("registerBinding", **request(credential, endpoint=name, address=name))["sid"]
        for name in ("phone", "tablet")
    ]
    alice.done("registerBinding", **request(credential, address="phone"))
    (push,) = bob.heard()
    assert (push["event"], push["updateReasons"]) == ("userUpdated", ["notifiable"])
    assert (push["user"]["identity"], push["user"]["is_notifiable"]) == ("alice", True)
    assert bob.done("fetchUser", identity="alice")["is_notifiable"] is True
    alice.done("removeBinding", binding=sids[0])
    assert bob.heard() == []
    alice.done("removeBinding", binding=sids[1])
    assert [(push["updateReasons"], push["user"]["is_notifiable"]) for push in bob.heard()] == [(["notifiable"], False)]
    assert bob.done("fetchUser", identity="alice")["is_notifiable"] is False


def test_a_user_whose_phone_another_identity_registers_is_no_longer_notifiable(
    reachable: House, credential: str
) -> None:
    alice, bob, carol = reachable.device("alice"), reachable.device("bob"), reachable.device("carol")
    alice.done("registerBinding", **request(credential))
    carol.done("followUsers", identities=["alice", "bob"])
    carol.heard()
    bob.done("registerBinding", **request(credential))
    told = {push["user"]["identity"]: push["user"]["is_notifiable"] for push in carol.heard()}
    assert told == {"alice": False, "bob": True}
    assert [binding["identity"] for binding in bindings(reachable)] == ["bob"]


def test_if_two_registrations_are_removed_at_once_the_last_removal_is_announced(
    meddling: MeddlingClient, meddled: House
) -> None:
    meddled.rest.post(meddled.path, ReachabilityEnabled="true")
    credential = meddled.rest.post("/chat/v2/Credentials", Type="fcm", Secret="x")["sid"]
    alice, bob = meddled.device("alice"), meddled.device("bob")
    sids = [
        alice.done("registerBinding", **request(credential, endpoint=name, address=name))["sid"]
        for name in ("phone", "tablet")
    ]
    bob.done("followUsers", identities=["alice"])
    bob.heard()

    meddling.script("transact_write_items", after(lambda: alice.done("removeBinding", binding=sids[1])))
    alice.done("removeBinding", binding=sids[0])
    assert [(push["updateReasons"], push["user"]["is_notifiable"]) for push in bob.heard()] == [(["notifiable"], False)]


def test_many_devices_come_and_go_at_once(reachable: House, credential: str) -> None:
    bob = reachable.device("bob")
    devices = [reachable.device("alice") for _ in range(8)]
    bob.done("followUsers", identities=["alice"])
    bob.heard()

    def come(number: int) -> str:
        return str(
            devices[number].done("registerBinding", **request(credential, endpoint=str(number), address=str(number)))[
                "sid"
            ]
        )

    with ThreadPoolExecutor(len(devices)) as pool:
        sids = list(pool.map(come, range(len(devices))))
        assert [push["updateReasons"] for push in bob.heard()] == [["notifiable"]]
        list(pool.map(lambda number: devices[number].done("removeBinding", binding=sids[number]), range(len(devices))))
    assert [(push["updateReasons"], push["user"]["is_notifiable"]) for push in bob.heard()] == [(["notifiable"], False)]


def test_without_reachability_nobody_is_told_of_a_registration(house: House, alice: Device, credential: str) -> None:
    bob = house.device("bob")
    bob.done("followUsers", identities=["alice"])
    alice.heard(), bob.heard()
    sid = alice.done("registerBinding", **request(credential))["sid"]
    alice.done("removeBinding", binding=sid)
    assert alice.heard() == bob.heard() == []
    assert bob.done("fetchUser", identity="alice")["is_notifiable"] is None


def test_a_registration_removed_over_rest_is_news_too(reachable: House, credential: str) -> None:
    alice, bob = reachable.device("alice"), reachable.device("bob")
    sid = alice.done("registerBinding", **request(credential))["sid"]
    bob.done("followUsers", identities=["alice"])
    bob.heard()
    assert reachable.rest("DELETE", f"{reachable.path}/Bindings/{sid}").status == 204
    assert [push["updateReasons"] for push in bob.heard()] == [["notifiable"]]


def test_a_device_that_registers_while_its_user_is_deleted_leaves_nothing(
    meddling: MeddlingClient, meddled: House
) -> None:
    credential = meddled.rest.post("/chat/v2/Credentials", Type="fcm", Secret="x")["sid"]
    alice = meddled.device("alice")
    path = f"{meddled.path}/Users/alice"
    meddling.script("transact_write_items", after(lambda: meddled.rest("DELETE", path)))
    # The deletion is no transaction, so the step is the registration's.
    assert alice.ask("registerBinding", **request(credential))["status"] in (401, 404)
    assert meddling.scripted("transact_write_items") == 0
    assert bindings(meddled) == []
    found = meddled.deployment.world.table.fetch_many(
        [keys.user_devices(user_sid(meddled.sid, "alice")), address_key(meddled.sid, credential, ADDRESS)]
    )
    assert found == {}


def test_if_two_identities_register_a_phone_at_once_one_of_them_has_it(
    meddling: MeddlingClient, meddled: House
) -> None:
    credential = meddled.rest.post("/chat/v2/Credentials", Type="fcm", Secret="x")["sid"]
    alice, bob = meddled.device("alice"), meddled.device("bob")
    meddling.script("transact_write_items", after(lambda: bob.done("registerBinding", **request(credential))))
    alice.done("registerBinding", **request(credential))
    assert [binding["identity"] for binding in bindings(meddled)] == ["alice"]
    world = meddled.deployment.world
    assert contradictions(everything(world._client, world._table_name, world.account_sid)) == []


def test_a_credential_of_another_account_in_the_token_is_not_found(house: House) -> None:
    foreign = World(house.deployment.world._client, house.deployment.world._table_name)
    path = {"account_sid": foreign.account_sid}
    credential = OPERATIONS["credential", "create"](foreign.context(), path, {"type": "fcm", "secret": "x"})["sid"]
    grant = ChatGrant(service_sid=house.sid, endpoint_id="phone", push_credential_sid=credential)
    alice = house.device("alice", grants=[grant])
    assert alice.refusal("registerBinding", binding_type="fcm", address=ADDRESS) == (404, 20404)
    assert bindings(house) == []


def test_a_deleted_credential_leaves_its_bindings_and_takes_no_new_ones(
    house: House, alice: Device, credential: str
) -> None:
    binding = alice.done("registerBinding", **request(credential))
    assert house.rest("DELETE", f"/chat/v2/Credentials/{credential}").status == 204
    # Credentials are remembered for ten seconds.
    house.deployment.world.clock.advance(11)
    assert bindings(house) == [binding]
    bob = house.device("bob")
    assert bob.refusal("registerBinding", **request(credential, address="bob's")) == (404, 20404)
    alice.done("removeBinding", binding=binding["sid"])
    assert bindings(house) == []
