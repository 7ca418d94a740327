"""Deletions of users in many channels, and of whole services: as channels, hidden at once and removed in steps."""

from __future__ import annotations

from collections import Counter

import pytest

from parley.ids import user_sid
from parley.operations.context import Caller
from parley.operations.sweeps import sweep
from tests.sockets.deployment import House, Room
from tests.webhooks.function import WebhooksFunction
from tests.webhooks.sweeping import CHANNELS, at_once, do, jobs, joined, late_after, left_in, status

# Users


class Joiner:
    """A user in 120 channels, each with somebody else in it."""

    def __init__(self, house: House):
        self.house = house
        house.rest.post(house.path, {"Limits.UserChannels": CHANNELS})
        house.deployment.world.clock.advance(10)
        self.rooms = [Room(house, do(house, "channel", None, {})) for _ in range(CHANNELS)]
        for room in self.rooms:
            do(house, "member", room, {"identity": "busy"})
        self.rooms[0].add("bob")

    def counts(self) -> list[int]:
        return [room.fetch()["members_count"] for room in self.rooms]

    def delete(self) -> None:
        assert self.house.rest("DELETE", f"{self.house.path}/Users/busy").status == 204


@pytest.fixture
def joiner(house: House) -> Joiner:
    return Joiner(house)


def test_a_deleted_user_is_gone_at_once_and_then_from_each_channel(joiner: Joiner, webhooks: WebhooksFunction) -> None:
    assert joined(joiner.house, "busy") == CHANNELS
    bob = joiner.house.device("bob")
    bob.heard()
    webhooks.plan()
    joiner.delete()
    assert status(joiner.house, "/Users/busy") == {404}
    webhooks.plan()
    assert webhooks.work.delays == [5]
    (job,) = webhooks.work.take()
    assert webhooks.sweep(job) == []
    assert joiner.counts() == [1] + [0] * (CHANNELS - 1)
    assert status(joiner.house, *(f"/Channels/{room.sid}/Members/busy" for room in joiner.rooms[:3])) == {404}
    assert bob.events() == ["memberLeft"]


@pytest.mark.parametrize("looks", [0, 1, 101])
def test_the_sweep_of_a_user_goes_on_where_it_stopped(joiner: Joiner, webhooks: WebhooksFunction, looks: int) -> None:
    webhooks.plan()
    joiner.delete()
    webhooks.plan()
    (job,) = webhooks.work.take()
    context = joiner.house.deployment.world.context(Caller())
    steps = 0
    while sweep(context, job, late_after(looks + steps)):
        steps += 1
        assert steps < 200
    assert joiner.counts() == [1] + [0] * (CHANNELS - 1)


def test_two_sweeps_of_a_user_at_once_count_each_channel_once(joiner: Joiner, webhooks: WebhooksFunction) -> None:
    webhooks.plan()
    joiner.delete()
    webhooks.plan()
    (job,) = webhooks.work.take()
    at_once(joiner.house.deployment, job, 3)
    assert joiner.counts() == [1] + [0] * (CHANNELS - 1)


def test_an_identity_that_is_created_anew_keeps_what_it_joins_since(house: House, webhooks: WebhooksFunction) -> None:
    old, new = house.channel("alice"), house.channel()
    webhooks.plan()
    assert house.rest("DELETE", f"{house.path}/Users/alice").status == 204
    house.deployment.world.clock.advance(1)
    house.rest.post(f"{house.path}/Users", Identity="alice")
    new.add("alice")
    webhooks.sweep_all()
    assert (old.fetch()["members_count"], new.fetch()["members_count"]) == (0, 1)
    assert joined(house, "alice") == 1
    old.add("alice")
    assert joined(house, "alice") == 2


def test_a_deleted_user_is_no_longer_invited_anywhere(house: House, webhooks: WebhooksFunction) -> None:
    """The sweep took invites, which stand in the same index as memberships, for memberships and stopped at them."""
    room = house.channel("bob")
    house.rest.post(f"{house.path}/Channels/{room.sid}/Invites", Identity="alice")
    webhooks.plan()
    assert house.rest("DELETE", f"{house.path}/Users/alice").status == 204
    webhooks.sweep_all()
    assert house.rest.get(f"{house.path}/Channels/{room.sid}/Invites")["invites"] == []


@pytest.mark.parametrize("how", ["the member is removed", "the channel is deleted"])
def test_an_identity_that_is_created_anew_is_not_charged_for_what_it_left_behind(
    house: House, webhooks: WebhooksFunction, how: str
) -> None:
    """Memberships that outlive their user until its sweep comes were taken off the new user: it was in -1 channels."""
    room = house.channel("alice")
    webhooks.plan()
    house.deployment.world.clock.advance(60)
    assert house.rest("DELETE", f"{house.path}/Users/alice").status == 204
    house.rest.post(f"{house.path}/Users", Identity="alice")
    room.delete("/Members/alice" if how == "the member is removed" else "")
    channel_first = sorted(jobs(webhooks), key=lambda job: job["kind"])
    for job in channel_first:
        assert webhooks.sweep(job) == []
    webhooks.sweep_all()
    assert joined(house, "alice") == 0


# Services


class Town:
    """A service with public and private channels, users and memberships."""

    def __init__(self, house: House):
        self.house = house
        self.rooms = [
            house.channel("alice", "bob", UniqueName=f"room {number}", Type=("public", "private")[number % 2])
            for number in range(12)
        ]
        for number in range(12):
            house.rest.post(f"{house.path}/Users", Identity=f"user {number}")
        for room in self.rooms:
            room.post("hello")
        identities = ["alice", "bob", *(f"user {number}" for number in range(12))]
        self.users = [user_sid(house.sid, identity) for identity in identities]
        self.deployment = house.deployment

    def delete(self) -> None:
        assert self.house.rest("DELETE", self.house.path).status == 204

    def left(self) -> Counter[str]:
        """Everything of the service that is still stored and is no tombstone."""
        found = left_in(self.house, f"SERVICE#{self.house.sid}")
        for room in self.rooms:
            found += left_in(self.house, f"CHANNEL#{room.sid}")
        for user in self.users:
            found += left_in(self.house, f"USER#{user}")
        for number in range(12):
            found += left_in(self.house, f"NAME#{self.house.sid}#room {number}")
        found.pop("tombstone", None)
        return found


@pytest.fixture
def town(house: House) -> Town:
    return Town(house)


def test_a_deleted_service_is_hidden_at_once_with_all_below_it(town: Town) -> None:
    room = town.rooms[0]
    message = town.house.rest.get(f"{room.path}/Messages")["messages"][0]["sid"]
    role = town.house.service["default_channel_role_sid"]
    town.delete()
    below = f"/Channels/{room.sid}"
    assert status(
        town.house,
        *("", "/Channels", "/Users", "/Roles", f"/Roles/{role}", "/Users/alice", "/Channels/room 0"),
        *(below, f"{below}/Members", f"{below}/Members/alice", f"{below}/Messages", f"{below}/Messages/{message}"),
    ) == {404}
    assert town.house.rest("POST", f"{room.path}/Messages", {"Body": "x"}).status == 404
    assert town.house.rest("POST", f"{town.house.path}/Users", {"Identity": "late"}).status == 404
    listed = town.house.rest.get("/chat/v2/Services")["services"]
    assert town.house.sid not in [service["sid"] for service in listed]


def test_a_deleted_service_is_swept_to_the_last_item(town: Town, webhooks: WebhooksFunction) -> None:
    webhooks.plan()
    town.delete()
    # One step for the service, one for each channel and user.
    assert webhooks.sweep_all() == 1 + len(town.rooms) + len(town.users)
    assert town.left() == Counter()


@pytest.mark.parametrize("looks", [0, 1, 5, 20])
def test_the_sweep_of_a_service_goes_on_where_it_stopped(town: Town, webhooks: WebhooksFunction, looks: int) -> None:
    webhooks.plan()
    town.delete()
    (job,) = jobs(webhooks)
    context = town.deployment.world.context(Caller())
    steps = 0
    while sweep(context, job, late_after(looks + steps)):
        steps += 1
        assert steps < 100
    webhooks.sweep_all()
    assert town.left() == Counter()


def test_two_sweeps_of_a_service_at_once_do_each_other_no_harm(town: Town, webhooks: WebhooksFunction) -> None:
    """Each lost to the other on some channel or user, took that for a failure, and came back six minutes later."""
    webhooks.plan()
    town.delete()
    (job,) = jobs(webhooks)
    at_once(town.deployment, job, 3)
    webhooks.sweep_all()
    assert town.left() == Counter()


def test_nothing_of_a_sweep_reaches_an_owner(town: Town, webhooks: WebhooksFunction) -> None:
    town.house.rest.post(
        town.house.path,
        [
            ("PostWebhookUrl", "https://example.com/hook"),
            *(("WebhookFilters", name) for name in ("onChannelDestroyed", "onMemberRemoved", "onUserUpdated")),
        ],
    )
    webhooks.start()
    alice = town.house.device("alice")
    webhooks.plan()
    alice.done("leaveChannel", channel="room 0")
    assert [delivery["parameters"]["EventType"] for delivery in webhooks.planned()] == ["onMemberRemoved"]
    # Where that was planned, the service is remembered for some seconds.
    town.delete()
    webhooks.sweep_all()
    assert webhooks.deliveries.take() == []


def test_of_a_sweep_sockets_hear_that_their_channels_are_gone_and_that_they_end(
    town: Town, webhooks: WebhooksFunction
) -> None:
    alice, outsider = town.house.device("alice"), town.house.device("user 1")
    alice.heard()
    town.rooms[0].post("hello")
    assert (alice.events(), outsider.events()) == (["messageAdded"], [])
    webhooks.plan()
    town.delete()
    heard = alice.heard()
    while todo := jobs(webhooks):
        for job in todo:
            assert webhooks.sweep(job) == []
            heard += alice.heard()
    assert {push.get("channel_sid") for push in heard} == {*(room.sid for room in town.rooms), None}
    assert [push["event"] for push in heard] == ["channelRemoved"] * len(town.rooms) + ["connectionError"]
    assert outsider.events() == ["connectionError"]
