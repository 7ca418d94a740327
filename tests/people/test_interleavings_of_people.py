"""A user is deleted, or deleted and made again, between a request's read and its write.

Whatever the answer is, afterwards everything belongs to the user that now exists, and every count is right.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from itertools import product

import pytest

from local.template.template import Template
from parley.errors import Refusal
from parley.operations import bindings, invites, joining, members
from tests.ports.meddling import MeddlingClient, after
from tests.sockets.deployment import House, Room
from tests.support.invariants import contradictions, everything
from tests.webhooks.function import WebhooksFunction


@pytest.fixture
def room(meddled: House) -> Room:
    return meddled.channel("alice")


@pytest.fixture
def sweeping(meddled: House, room: Room, template: Template) -> WebhooksFunction:
    return WebhooksFunction(meddled.deployment, template)


def _go(room: Room) -> None:
    assert room.house.rest("DELETE", f"{room.house.path}/Users/bob").status == 204


def _come(room: Room) -> None:
    room.house.rest.post(f"{room.house.path}/Users", Identity="bob")


def _come_back(room: Room) -> None:
    _go(room)
    _come(room)


def _come_back_and_join(room: Room) -> None:
    _come_back(room)
    room.add("bob")


def _come_and_join(room: Room) -> None:
    for resources in (f"{room.house.path}/Users", f"{room.path}/Members"):
        room.house.rest("POST", resources, {"Identity": "bob"})


def _stay(room: Room) -> None:
    pass


def _join_and_go(room: Room) -> None:
    room.add("bob")
    _go(room)


def _be_invited_and_go(room: Room) -> None:
    room.house.rest.post(f"{room.path}/Invites", Identity="bob")
    _go(room)


def _join(room: Room) -> object:
    path = {"service_sid": room.house.sid, "channel_sid": room.sid}
    return joining.create(room.house.deployment.world.another_container().context(), path, {"identity": "bob"})


def _invite(room: Room) -> object:
    path = {"service_sid": room.house.sid, "channel_sid": room.sid}
    return invites.create(room.house.deployment.world.another_container().context(), path, {"identity": "bob"})


def _leave(room: Room) -> object:
    path = {"service_sid": room.house.sid, "channel_sid": room.sid, "sid": "bob"}
    return members.delete(room.house.deployment.world.another_container().context(), path, {})


def _register(room: Room) -> object:
    house = room.house
    credential = house.rest.post("/chat/v2/Credentials", Type="fcm", Secret="secret")["sid"]
    device = {"endpoint": "phone", "binding_type": "fcm", "address": "token", "credential_sid": credential}
    context = house.deployment.world.another_container().context()
    return bindings.register(context, house.sid, "bob", message_types=[], **device)


_STRANGER = (_go, _come_back, _come_back_and_join, _join_and_go, _be_invited_and_go)
_MEMBER = (_go, _come_back, _come_back_and_join)
_LATER = (_stay, _come_and_join)
CASES = [
    *((False, request, *steps) for request in (_join, _invite, _register) for steps in product(_STRANGER, _LATER)),
    *((True, request, *steps) for request in (_register, _leave) for steps in product(_MEMBER, _LATER)),
]


@pytest.mark.parametrize(("is_member", "request_", "first", "later"), CASES)
def test_records_and_counts_agree(
    meddled: House,
    meddling: MeddlingClient,
    room: Room,
    sweeping: WebhooksFunction,
    is_member: bool,
    request_: Callable[[Room], object],
    first: Callable[[Room], None],
    later: Callable[[Room], None],
) -> None:
    """`first` happens before the request's first transaction, `later` before the one after that, if there is one."""
    _come(room)
    if is_member:
        room.add("bob")

    happened: list[bool] = []

    def meddle() -> None:
        happened.append(True)
        first(room)
        meddling.script("transact_write_items", after(lambda: later(room)))

    meddling.script("transact_write_items", after(meddle))
    # To refuse is right where what was asked makes no sense any more.
    with suppress(Refusal):
        request_(room)
    assert happened
    meddling.unscript()
    sweeping.sweep_all()
    world = meddled.deployment.world
    assert contradictions(everything(world._client, world._table_name, world.account_sid)) == []
