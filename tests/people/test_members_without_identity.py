"""A member without a user, as a phone is: it is listed, changed and removed like others, and hears nothing.

These tests put it into the table, because a phone would have addresses too.
"""

from __future__ import annotations

from typing import Any

import pytest

from parley.errors import MEMBER_EXISTS, NOT_FOUND
from parley.ids import member_sid
from parley.operations.context import Caller
from parley.operations.sweeps import sweep
from parley.store import keys
from parley.store.writes import Create, Update
from tests.sockets.deployment import Device, House, Room
from tests.webhooks.function import WebhooksFunction
from tests.webhooks.sweeping import left_in

ASKED = {"X-Twilio-Webhook-Enabled": "true"}


@pytest.fixture
def room(house: House) -> Room:
    return house.channel("alice", UniqueName="general")


@pytest.fixture
def phone(house: House, room: Room) -> str:
    """The SID of a member without an identity."""
    context = house.deployment.world.context()
    sid = member_sid(room.sid, "+491721234567")
    now = context.clock.now_ms()
    member = {
        "sid": sid,
        "service_sid": house.sid,
        "channel_sid": room.sid,
        "role_sid": house.service["default_channel_role_sid"],
        "date_created": now,
        "date_updated": now,
        "joined_at": now,
    }
    counted = Update(keys.tail(room.sid), NOT_FOUND(), add={"members_count": 1}, announced=False)
    context.table.commit(context.cause(), [Create(keys.member(room.sid, sid), member, MEMBER_EXISTS()), counted])
    return sid


@pytest.fixture
def alice(house: House, phone: str) -> Device:
    device = house.device("alice")
    device.heard()
    return device


def test_rest_shows_it_without_an_identity(house: House, room: Room, phone: str) -> None:
    listed = house.rest.get(f"{room.path}/Members")["members"]
    assert {member["sid"]: member["identity"] for member in listed}[phone] is None
    assert house.rest.get(f"{room.path}/Members/{phone}")["identity"] is None
    assert room.fetch()["members_count"] == 2


def test_a_client_sees_it_among_the_members(room: Room, phone: str, alice: Device) -> None:
    listed = alice.done("listMembers", channel="general")["members"]
    assert {member["sid"]: member["identity"] for member in listed}[phone] is None
    assert alice.done("fetchMember", channel="general", identity=phone)["sid"] == phone


def test_members_hear_what_is_done_to_it(house: House, room: Room, phone: str, alice: Device) -> None:
    house.rest.post(f"{room.path}/Members/{phone}", Attributes='{"a": 1}', LastConsumedMessageIndex=0)
    room.delete(f"/Members/{phone}")
    updated, left = alice.heard()
    assert (updated["event"], updated["member"]["sid"], updated["member"]["identity"]) == ("memberUpdated", phone, None)
    assert (left["event"], left["member"]["sid"]) == ("memberLeft", phone)
    assert room.fetch()["members_count"] == 1


def test_the_others_hear_messages_and_typing(house: House, room: Room, phone: str, alice: Device) -> None:
    bob = house.device("bob")
    room.add("bob")
    alice.heard(), bob.heard()
    alice.done("sendMessage", channel="general", body="hello")
    assert alice.events() == bob.events() == ["messageAdded"]
    alice.done("typing", channel="general")
    assert bob.events() == ["typingStarted"]


def test_catching_up_tells_of_it(house: House, room: Room, phone: str, alice: Device) -> None:
    mark = room.fetch() and alice.done("fetchChannel", channel="general")["seq"]
    house.rest.post(f"{room.path}/Members/{phone}", Attributes='{"a": 1}')
    told = alice.done("catchUp", channels={room.sid: mark})["channels"][room.sid]
    assert [(frame["event"], frame["member"]["identity"]) for frame in told["events"]] == [("memberUpdated", None)]
    room.delete(f"/Members/{phone}")
    told = alice.done("catchUp", channels={room.sid: told["seq"]})["channels"][room.sid]
    assert [(frame["event"], frame["member"]["sid"]) for frame in told["events"]] == [("memberLeft", phone)]


def test_webhooks_leave_its_identity_out(house: House, room: Room, phone: str, webhooks: WebhooksFunction) -> None:
    house.rest.post(
        house.path, PostWebhookUrl="https://example.com/x", WebhookFilters=["onMemberUpdated", "onMemberRemoved"]
    )
    webhooks.start()
    webhooks.planned()
    address = f"{room.path}/Members/{phone}"
    for verb, form in (("POST", {"Attributes": '{"a": 1}'}), ("DELETE", {})):
        assert house.rest(verb, address, form, headers=ASKED).status in (200, 204)
    told: list[dict[str, Any]] = [delivery["parameters"] for delivery in webhooks.planned()]
    assert [(one["EventType"], one["MemberSid"]) for one in told] == [
        ("onMemberUpdated", phone),
        ("onMemberRemoved", phone),
    ]
    assert not any("Identity" in one for one in told)


def test_the_sweep_of_its_channel_removes_it(house: House, room: Room, phone: str) -> None:
    at = house.deployment.world.clock.now_ms()
    room.delete()
    sweep(house.deployment.world.context(Caller()), {"kind": "channel", "sid": room.sid, "at": at}, lambda: False)
    assert set(left_in(house, f"CHANNEL#{room.sid}")) == {"tombstone"}
    assert house.rest.get(f"{house.path}/Users/alice")["joined_channels_count"] == 0
