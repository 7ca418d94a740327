"""Presence: whether any socket of a user is open, where a service wants to know it; who hears of a change."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from local.template.template import Template
from tests.ports.fakes import FakeOutgoing
from tests.ports.meddling import MeddlingClient, after
from tests.sockets.deployment import Device, House
from tests.webhooks.function import WebhooksFunction

OPENING_SECONDS = 30
HOOK = "https://example.com/hook"
News = list[tuple[list[str], bool | None]]


@pytest.fixture
def reachable(house: House) -> House:
    house.rest.post(house.path, ReachabilityEnabled="true")
    return house


@pytest.fixture
def bob(reachable: House) -> Device:
    """Who follows alice, whom nobody saw yet."""
    reachable.rest.post(f"{reachable.path}/Users", Identity="alice")
    bob = reachable.device("bob")
    bob.done("followUsers", identities=["alice"])
    bob.heard()
    return bob


def news(device: Device) -> News:
    """What a device was told of alice since the last call: the reasons, and whether she is online."""
    pushes = device.heard()
    assert all((push["event"], push["user"]["identity"]) == ("userUpdated", "alice") for push in pushes)
    return [(push["updateReasons"], push["user"]["is_online"]) for push in pushes]


def is_online(device: Device) -> bool | None:
    return device.done("fetchUser", identity="alice")["is_online"]


ONLINE: tuple[list[str], bool] = (["online"], True)
OFFLINE: tuple[list[str], bool] = (["online"], False)


def test_without_reachability_nothing_is_known_and_nothing_told(house: House) -> None:
    bob, first = house.device("bob"), house.device("alice")
    user = bob.done("followUsers", identities=["alice"])["users"][0]
    bob.heard()
    first.close()
    house.device("alice")
    assert news(bob) == []
    for shown in (user, bob.done("fetchUser", identity="alice"), bob.done("fetchSession")["user"]):
        assert (shown["is_online"], shown["is_notifiable"]) == (None, None)


def test_the_first_socket_brings_a_user_online_and_the_last_takes_her_off(reachable: House, bob: Device) -> None:
    assert is_online(bob) is None
    phone = reachable.device("alice")
    assert news(bob) == [ONLINE]
    laptop = reachable.device("alice")
    phone.close()
    assert news(bob) == []
    assert is_online(bob) is True
    laptop.close()
    assert news(bob) == [OFFLINE]
    assert is_online(bob) is False
    reachable.device("alice")
    assert news(bob) == [ONLINE]


def test_the_user_herself_is_shown_online(reachable: House) -> None:
    alice = reachable.device("alice")
    assert alice.done("fetchSession")["user"]["is_online"] is True
    assert alice.done("followUsers", identities=["alice"])["users"][0]["is_online"] is True
    # In lists it is not looked up.
    assert alice.done("listUsers")["users"][0]["is_online"] is None


def test_rest_shows_the_same(reachable: House, bob: Device) -> None:
    phone = reachable.device("alice")
    path = f"{reachable.path}/Users/alice"
    assert reachable.rest.get(path)["is_online"] is True
    phone.close()
    assert reachable.rest.get(path)["is_online"] is False


def test_a_device_that_does_not_follow_is_not_told(reachable: House, bob: Device) -> None:
    room = reachable.channel("alice", "carol", "bob")
    carol, tablet = reachable.device("carol"), reachable.device("bob")
    room.post("x")
    carol.heard(), tablet.heard()
    reachable.device("alice").close()
    assert carol.heard() == tablet.heard() == []


def test_a_push_that_finds_the_last_socket_gone_takes_the_user_off(reachable: House, bob: Device) -> None:
    room = reachable.channel("alice")
    alice = reachable.device("alice")
    bob.heard()
    reachable.deployment.world.clock.advance(OPENING_SECONDS + 1)
    reachable.deployment.gateway.close(alice.connection_id)
    assert is_online(bob) is True
    room.post("are you there?")
    reachable.deployment.announce()
    assert news(bob) == [OFFLINE]
    assert is_online(bob) is False


def test_a_crashed_client_is_offline_when_the_two_hours_are_over(reachable: House, bob: Device) -> None:
    clock = reachable.deployment.world.clock
    token = {"valid_until": clock.now_ms() // 1000 + 5 * 3600}
    reachable.device("alice", **token)
    clock.advance(7190)
    bob = reachable.device("bob", **token)
    assert is_online(bob) is True
    clock.advance(15)
    assert is_online(bob) is False


@pytest.mark.parametrize("end", ["its token expires", "its key is deleted"])
def test_a_connection_that_parley_ends_takes_the_user_off(reachable: House, bob: Device, end: str) -> None:
    deployment = reachable.deployment
    now = deployment.world.clock.now_ms() // 1000
    key, reachable.key = reachable.key, deployment.api_key()
    alice = reachable.device("alice", valid_until=now + (60 if end == "its token expires" else 3600))
    bob.heard()
    if end == "its token expires":
        deployment.world.clock.advance(61)
        deployment.tick()
    else:
        deployment.revoke(reachable.key)
        assert alice.ending("fetchSession") == (401, 20103)
    reachable.key = key
    assert not alice.is_open
    assert news(bob) == [OFFLINE]


def test_a_user_connected_when_reachability_was_switched_on_is_online(house: House) -> None:
    house.device("alice")
    bob = house.device("bob")
    house.rest.post(house.path, ReachabilityEnabled="true")
    house.deployment.world.clock.advance(11)
    assert is_online(bob) is True


def test_after_presence_was_switched_off_nobody_hears_of_it(reachable: House, bob: Device) -> None:
    alice = reachable.device("alice")
    bob.heard()
    reachable.rest.post(reachable.path, ReachabilityEnabled="false")
    reachable.deployment.world.clock.advance(11)
    alice.close()
    assert news(bob) == []
    assert is_online(bob) is None


def test_a_socket_that_opens_while_the_last_one_closes_keeps_the_user_online(
    meddling: MeddlingClient, meddled: House
) -> None:
    meddled.rest.post(meddled.path, ReachabilityEnabled="true")
    phone, bob = meddled.device("alice"), meddled.device("bob")

    meddling.script("update_item", lambda call, request: call(), after(lambda: meddled.device("alice")))
    phone.close()
    assert is_online(bob) is True
    assert bob.done("followUsers", identities=["alice"])["users"][0]["is_online"] is True
    bob.heard()
    meddled.rest.post(f"{meddled.path}/Users/alice", FriendlyName="A")
    assert news(bob) == [(["friendlyName"], True)]


# Webhooks.


@pytest.fixture
def owned(reachable: House, template: Template) -> tuple[House, WebhooksFunction, FakeOutgoing]:
    """The service of an owner who wants to be asked and told of everything about users."""
    outgoing = FakeOutgoing()
    reachable.deployment.runtime.outgoing = outgoing  # type: ignore[assignment]
    reachable.rest.post(
        reachable.path,
        PreWebhookUrl=HOOK,
        PostWebhookUrl=HOOK,
        WebhookFilters=["onUserUpdate", "onUserUpdated"],
    )
    return reachable, WebhooksFunction(reachable.deployment, template), outgoing


def told(webhooks: WebhooksFunction) -> list[tuple[str, str]]:
    return [
        (delivery["parameters"]["EventType"], delivery["parameters"]["Identity"]) for delivery in webhooks.planned()
    ]


def test_the_owner_is_told_of_online_and_notifiable_and_never_asked(
    owned: tuple[House, WebhooksFunction, FakeOutgoing],
) -> None:
    house, webhooks, outgoing = owned
    credential = house.rest.post("/chat/v2/Credentials", Type="fcm", Secret="x")["sid"]
    alice = house.device("alice")
    assert told(webhooks) == [("onUserUpdated", "alice")]
    laptop = house.device("alice")
    request = {"binding_type": "fcm", "credential_sid": credential}
    bindings: list[str] = []

    def register() -> None:
        bindings.append(
            alice.done("registerBinding", endpoint=str(len(bindings)), address=str(len(bindings)), **request)["sid"]
        )

    happenings: list[tuple[str, Callable[[], object], bool]] = [
        ("a second socket", lambda: None, False),
        ("a registration", register, True),
        ("a second registration", register, False),
        ("one registration less", lambda: alice.done("removeBinding", binding=bindings[0]), False),
        ("none left", lambda: alice.done("removeBinding", binding=bindings[1]), True),
        ("one socket less", laptop.close, False),
        ("no socket left", alice.close, True),
    ]
    for what, happen, is_news in happenings:
        happen()
        assert told(webhooks) == [("onUserUpdated", "alice")] * is_news, what
    assert outgoing.requests == []


def test_the_owner_is_not_told_of_reachability_after_it_was_switched_off(
    owned: tuple[House, WebhooksFunction, FakeOutgoing],
) -> None:
    house, webhooks, _ = owned
    alice = house.device("alice")
    alice.done("updateUser", identity="alice", friendly_name="Alice")
    *_, delivery = webhooks.planned()
    assert (delivery["parameters"]["IsOnline"], delivery["parameters"]["IsNotifiable"]) == ("true", "false")
    house.rest.post(house.path, ReachabilityEnabled="false")
    house.deployment.world.clock.advance(11)
    alice.done("updateUser", identity="alice", friendly_name="A.")
    (delivery,) = webhooks.planned()
    assert not {"IsOnline", "IsNotifiable"} & set(delivery["parameters"])


def test_the_owner_is_asked_of_what_a_user_says_of_herself(
    owned: tuple[House, WebhooksFunction, FakeOutgoing],
) -> None:
    house, webhooks, outgoing = owned
    alice = house.device("alice")
    told(webhooks)
    alice.done("updateUser", identity="alice", friendly_name="Alice")
    assert len(outgoing.requests) == 1
    assert told(webhooks) == [("onUserUpdated", "alice")]


def test_without_reachability_the_owner_hears_nothing_of_sockets(house: House, template: Template) -> None:
    house.rest.post(house.path, PostWebhookUrl=HOOK, WebhookFilters=["onUserUpdated"])
    webhooks = WebhooksFunction(house.deployment, template)
    house.device("alice").close()
    assert webhooks.planned() == []
