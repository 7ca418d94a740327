"""Bindings of a service and of a user, https://www.twilio.com/docs/chat/rest/binding-resource.

REST cannot make one: devices register through their client. So these tests register through the operation that the
client's action calls.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from twilio.rest import Client
from twilio.rest.chat.v2.service import ServiceContext

from parley.domain.push import MESSAGE_TYPES, MOST_DEVICES
from parley.errors import Refusal
from parley.faces.errors import translate
from parley.operations import bindings, devices
from parley.store import keys
from tests.rest.support import DATE, sid, sids, unchanged
from tests.support.doors import Door, Raw
from tests.support.fakes import FakeClock
from tests.support.invariants import contradictions, everything
from tests.support.push import CERTIFICATE, PRIVATE_KEY
from tests.support.world import World

Register = Callable[..., dict[str, Any]]


@pytest.fixture
def credential_sids(twilio: Client) -> dict[str, str]:
    credentials = twilio.chat.v2.credentials
    return {
        "fcm": credentials.create(type="fcm", secret="x").sid,
        "gcm": credentials.create(type="gcm", api_key="x").sid,
        "apn": credentials.create(type="apn", certificate=CERTIFICATE, private_key=PRIVATE_KEY).sid,
    }


def address(identity: str, endpoint: str, kind: str) -> str:
    """What a push service knows a device by; each device has its own."""
    digest = hashlib.sha256(f"{identity} {endpoint}".encode()).hexdigest()
    return digest if kind == "apn" else f"token:{digest}"


@pytest.fixture
def register(world: World, service_sid: str, credential_sids: dict[str, str]) -> Register:
    """Registers a device of an identity."""

    def do(identity: str, endpoint: str = "phone", kind: str = "fcm", **more: Any) -> dict[str, Any]:
        given = {
            "address": address(identity, endpoint, kind),
            "credential_sid": credential_sids.get(kind, ""),
            "message_types": [],
            **more,
        }
        service_sid_ = given.pop("service_sid", service_sid)
        return bindings.register(world.context(), service_sid_, identity, endpoint=endpoint, binding_type=kind, **given)

    return do


@pytest.fixture(autouse=True)
def users(service: ServiceContext) -> None:
    for identity in ("alice", "bob"):
        service.users.create(identity=identity)


@pytest.mark.proves("v2:FetchBinding", "v2:ListBinding")
def test_a_binding_is_shown_whole(
    raw: Raw, door: Door, register: Register, service_path: str, service_sid: str, credential_sids: dict[str, str]
):
    made = register("alice", endpoint="phone", message_types=["new_message", "added_to_channel"])["sid"]
    url = f"{door.base_url}{service_path}/Bindings/{made}"
    body = raw.get(url)
    assert body == {
        "sid": sid("BS"),
        "account_sid": door.account_sid,
        "service_sid": service_sid,
        "date_created": DATE,
        "date_updated": body["date_created"],
        "endpoint": "phone",
        "identity": "alice",
        "credential_sid": credential_sids["fcm"],
        "binding_type": "fcm",
        "message_types": ["new_message", "added_to_channel"],
        "url": url,
        "links": {"user": f"{door.base_url}{service_path}/Users/alice"},
    }
    assert raw.get(f"{service_path}/Bindings")["bindings"] == [body]
    assert raw.get(body["links"]["user"])["identity"] == "alice"


@pytest.mark.proves("v2:FetchUserBinding", "v2:ListUserBinding")
def test_a_users_binding_is_shown_whole(
    raw: Raw, door: Door, service: ServiceContext, register: Register, service_path: str
):
    made = register("alice")["sid"]
    user = service.users("alice").fetch()
    whole = raw.get(f"{service_path}/Bindings/{made}")
    del whole["links"]
    for address in ("alice", user.sid):
        body = raw.get(f"{service_path}/Users/{address}/Bindings/{made}")
        url = f"{door.base_url}{service_path}/Users/{user.sid}/Bindings/{made}"
        assert body == {**whole, "user_sid": user.sid, "url": url}
        assert raw.get(f"{service_path}/Users/{address}/Bindings")["bindings"] == [body]


def test_a_device_that_names_no_message_types_wants_all(service: ServiceContext, register: Register):
    made = register("alice")["sid"]
    assert service.bindings(made).fetch().message_types == list(MESSAGE_TYPES)


def test_registering_again_replaces_types_and_keeps_the_sid(
    service: ServiceContext, register: Register, clock: FakeClock
):
    first = register("alice", message_types=["new_message"])["sid"]
    clock.advance(60)
    assert register("alice", message_types=["added_to_channel"])["sid"] == first
    (found,) = service.bindings.list()
    assert found.message_types == ["added_to_channel"]
    assert (found.date_updated - found.date_created).total_seconds() == 60


def test_each_device_and_kind_has_a_binding_of_its_own(service: ServiceContext, register: Register):
    made = {
        register("alice", "phone", "fcm")["sid"],
        register("alice", "phone", "apn")["sid"],
        register("alice", "tablet")["sid"],
    }
    assert len(made) == 3
    assert set(sids(service.users("alice").user_bindings.list())) == made


REFUSED_DEVICES = [
    ({"kind": "sms"}, 400, 50209),
    ({"kind": "apn", "address": "0" * 65}, 400, 20001),
    ({"kind": "apn", "address": "0" * 62}, 400, 20001),
    ({"kind": "apn", "address": "0g" * 32}, 400, 20001),
    ({"kind": "apn", "address": "0" * 5000}, 400, 20001),
    ({"address": "with a blank"}, 400, 20001),
    ({"address": "with\ttab"}, 400, 20001),
    ({"address": "with\u00a0blank"}, 400, 20001),
    ({"address": "half a pair \ud800"[-1:]}, 400, 20001),
    ({"address": ""}, 400, 20001),
    ({"address": "x" * 4097}, 400, 20001),
    ({"message_types": ["new_message", "typing"]}, 400, 20001),
    ({"credential_sid": "CR" + "0" * 32}, 404, 20404),
    ({"service_sid": "IS" + "0" * 32}, 404, 20404),
]


@pytest.mark.parametrize(("device", "status", "code"), REFUSED_DEVICES, ids=lambda value: str(value)[:24])
def test_an_unusable_device_is_not_registered(
    raw: Raw, register: Register, service_path: str, device: dict[str, Any], status: int, code: int
):
    with unchanged(raw, f"{service_path}/Bindings"), pytest.raises(Refusal) as caught:
        register("alice", **device)
    assert translate("chat", caught.value)[:2] == (status, code)


def test_a_credential_of_another_kind_is_not_used(register: Register, credential_sids: dict[str, str]):
    with pytest.raises(Refusal) as caught:
        register("alice", kind="apn", credential_sid=credential_sids["fcm"])
    assert translate("chat", caught.value).code == 20404


def test_bindings_are_filtered_by_type_and_identity(service: ServiceContext, register: Register):
    phone, apple = register("alice")["sid"], register("alice", kind="apn")["sid"]
    other, google = register("bob")["sid"], register("bob", kind="gcm")["sid"]

    def found(**filters: Any) -> set[str]:
        return set(sids(service.bindings.list(**filters)))

    assert found() == {phone, apple, other, google}
    assert found(binding_type=["fcm"]) == {phone, other}
    assert found(binding_type=["apn", "gcm"]) == {apple, google}
    assert found(identity=["alice"]) == {phone, apple}
    assert found(identity=["alice", "bob"], binding_type=["fcm"]) == {phone, other}
    assert found(identity=["nobody"]) == set()
    assert set(sids(service.users("bob").user_bindings.list(binding_type=["gcm"]))) == {google}


def test_an_unknown_type_is_no_filter(raw: Raw, service_path: str):
    expected = (400, 20001, "Parameter BindingType must be one of: gcm, apn, fcm")
    for path in (f"{service_path}/Bindings", f"{service_path}/Users/alice/Bindings"):
        assert raw("GET", path, query={"BindingType": "sms"}).refusal() == expected


@pytest.mark.parametrize("filters", [{}, {"BindingType": "fcm"}, {"Identity": ["alice", "bob"]}], ids=str)
def test_pages_of_bindings_show_each_once(raw: Raw, register: Register, service_path: str, filters: dict[str, Any]):
    made = {register(identity, f"phone {number}")["sid"] for number in range(4) for identity in ("alice", "bob")}
    body = raw.get(f"{service_path}/Bindings", PageSize=3, **filters)
    seen = [binding["sid"] for binding in body["bindings"]]
    while following := body["meta"]["next_page_url"]:
        body = raw.get(following)
        seen += [binding["sid"] for binding in body["bindings"]]
    assert sorted(seen) == sorted(made)
    assert raw.get(f"{service_path}/Bindings", PageSize=100)["meta"]["page_size"] == 50


@pytest.mark.proves("v2:DeleteBinding")
def test_a_deleted_binding_is_gone_from_both_lists_and_can_be_registered_again(
    service: ServiceContext, register: Register
):
    made = register("alice")["sid"]
    assert service.bindings(made).delete() is True
    assert service.bindings.list() == service.users("alice").user_bindings.list() == []
    assert register("alice")["sid"] == made
    assert sids(service.bindings.list()) == [made]


@pytest.mark.proves("v2:DeleteUserBinding")
def test_a_user_binding_is_deleted_through_its_own_user_only(
    raw: Raw, service: ServiceContext, register: Register, service_path: str
):
    made = register("alice")["sid"]
    for verb in ("GET", "DELETE"):
        for user in ("bob", "nobody", "US" + "0" * 32):
            assert raw(verb, f"{service_path}/Users/{user}/Bindings/{made}").status == 404
    assert service.users("alice").user_bindings(made).delete() is True
    assert service.bindings.list() == []


# Devices: an address leads to one binding, and a user has ten.


@pytest.fixture(autouse=True)
def consistent(world: World) -> Iterator[None]:
    """After the test, bindings, devices and addresses are in step."""
    yield
    assert contradictions(everything(world._client, world._table_name, world.account_sid)) == []


def test_a_phone_that_another_identity_registers_is_no_longer_the_former_ones(
    service: ServiceContext, register: Register
):
    former = register("alice", address="shared")["sid"]
    new = register("bob", address="shared")["sid"]
    assert (sids(service.bindings.list()), new != former) == ([new], True)
    assert register("alice", address="shared")["sid"] == former
    assert sids(service.bindings.list()) == [former]


def test_an_app_that_was_installed_anew_leaves_one_binding(service: ServiceContext, register: Register):
    register("alice", "before", address="same")
    kept = register("alice", "after", address="same")["sid"]
    assert sids(service.bindings.list()) == [kept]


def test_the_case_of_hexadecimal_digits_makes_no_other_phone(service: ServiceContext, register: Register):
    register("alice", kind="apn", address="AB" * 32)
    kept = register("bob", kind="apn", address="ab" * 32)["sid"]
    assert sids(service.bindings.list()) == [kept]


def test_without_a_credential_phones_of_other_services_are_other_phones(
    twilio: Client, service: ServiceContext, register: Register
):
    other = twilio.chat.v2.services.create(friendly_name="other").sid
    twilio.chat.v2.services(other).users.create(identity="bob")
    kept = register("alice", address="same", credential_sid="")["sid"]
    register("bob", address="same", credential_sid="", service_sid=other)
    assert sids(service.bindings.list()) == [kept]


def test_if_a_user_registers_an_eleventh_device_the_oldest_registration_goes(
    service: ServiceContext, register: Register, clock: FakeClock
):
    made = []
    for number in range(MOST_DEVICES):
        made.append(register("alice", f"phone {number}")["sid"])
        clock.advance(1)
    register("alice", "phone 0")
    clock.advance(1)
    eleventh = register("alice", "phone 10")["sid"]
    assert set(sids(service.bindings.list())) == {made[0], *made[2:], eleventh}
    assert len(service.users("alice").user_bindings.list()) == MOST_DEVICES


def test_if_eleven_devices_register_in_one_moment_the_last_stays(service: ServiceContext, register: Register):
    made = [register("alice", f"phone {number}")["sid"] for number in range(MOST_DEVICES + 1)]
    left = set(sids(service.bindings.list()))
    assert (len(left), made[-1] in left) == (MOST_DEVICES, True)


def test_a_phone_with_a_new_address_frees_the_old_one(service: ServiceContext, register: Register):
    register("alice", address="old")
    register("alice", address="new")
    register("bob", address="old")
    assert len(service.bindings.list()) == 2


def test_a_binding_that_takes_the_address_of_another_of_its_user_is_the_only_one(
    service: ServiceContext, register: Register
):
    register("alice", "phone", address="one")
    kept = register("alice", "tablet", address="two")["sid"]
    assert register("alice", "tablet", address="one")["sid"] == kept
    assert sids(service.bindings.list()) == [kept]


def test_a_deleted_binding_frees_its_address(service: ServiceContext, register: Register):
    service.bindings(register("alice", address="same")["sid"]).delete()
    register("bob", address="same")
    assert [binding.identity for binding in service.bindings.list()] == ["bob"]


def test_a_binding_from_before_there_were_devices_is_one_when_it_registers_again(
    world: World, service: ServiceContext, service_sid: str, register: Register
):
    made = register("alice")
    _forget_device(world, made)
    assert sids(service.users("alice").user_bindings.list()) == [made["sid"]]
    assert register("alice")["sid"] == made["sid"]


def test_a_binding_from_before_there_were_devices_can_be_deleted(
    world: World, service: ServiceContext, register: Register
):
    made = register("alice")
    _forget_device(world, made)
    service.bindings(made["sid"]).delete()
    assert service.bindings.list() == []


def test_a_registration_of_a_deleted_user_leaves_no_device(service: ServiceContext, register: Register):
    service.users("alice").delete()
    with pytest.raises(Refusal) as caught:
        register("alice")
    assert translate("chat", caught.value).code == 50200


def test_a_user_who_comes_back_before_the_sweep_has_only_its_own_devices(service: ServiceContext, register: Register):
    register("alice", "phone")
    register("alice", "tablet")
    service.users("alice").delete()
    service.users.create(identity="alice")
    kept = register("alice", "phone")["sid"]
    assert sids(service.users("alice").user_bindings.list()) == [kept]
    # What the sweep would erase: nothing in it belongs to the new user.
    for left in service.bindings.list():
        if left.sid != kept:
            service.bindings(left.sid).delete()


def test_the_arn_of_an_endpoint_is_noted_until_the_device_registers_again(world: World, register: Register):
    made = register("alice", address="token")
    endpoints = {made["sid"]: ("token", "arn:1"), "BS" + "0" * 32: ("token", "arn:2")}
    devices.note_endpoints(world.context(), made["user_sid"], endpoints)
    assert _devices(world, made)[made["sid"]]["arn"] == "arn:1"
    devices.note_endpoints(world.context(), made["user_sid"], {made["sid"]: ("another", "arn:3")})
    assert _devices(world, made)[made["sid"]]["arn"] == "arn:1"
    register("alice", address="token")
    assert "arn" not in _devices(world, made)[made["sid"]]


def test_a_dead_device_is_removed_unless_it_has_another_address_by_now(
    world: World, service: ServiceContext, register: Register
):
    made = register("alice", address="dead")
    register("alice", address="alive")
    devices.remove(world.context(), made, "dead")
    assert sids(service.bindings.list()) == [made["sid"]]
    devices.remove(world.context(), made, "alive")
    assert service.bindings.list() == []


def _devices(world: World, binding: dict[str, Any]) -> Any:
    found = world.table.fetch(keys.user_devices(binding["user_sid"]))
    return found and found["devices"]


def _forget_device(world: World, binding: dict[str, Any]) -> None:
    """Leave the binding as it was stored before there were devices."""
    held = devices.address_key(binding["service_sid"], binding.get("credential_sid"), binding["address"])
    world.table.erase_many([keys.user_devices(binding["user_sid"]), held])
