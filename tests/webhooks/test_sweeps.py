"""What is left of deleted channels, users and services is removed in steps that may stop, die, be repeated or meet."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from parley.ids import user_sid
from parley.operations.context import Caller
from parley.operations.sweeps import sweep
from parley.store import keys
from tests.sockets.deployment import House, Room
from tests.webhooks.function import Remaining, WebhooksFunction
from tests.webhooks.sweeping import at_once, do, items, jobs, joined, late_after, left_in, status, sweep_among_deaths

# A step of a sweep reads a hundred things.
MANY, FEW = 110, 12
STUDIO = {"type": "studio", "configuration.flow_sid": "FW" + "0a" * 16}


class Channel:
    """A channel with everything in it; of its members one is in another channel too, and one left before."""

    delay_seconds = 2

    def __init__(self, house: House, size: int):
        self.house = house
        self.room, self.other = house.channel(UniqueName="full"), house.channel("member-0", UniqueName="other")
        for number in range(FEW + 1):
            do(house, "member", self.room, {"identity": f"member-{number}"})
        self.room.delete(f"/Members/member-{FEW}")
        do(house, "invite", self.room, {"identity": "zoe"})
        do(house, "channel_webhook", self.room, STUDIO)
        messages = [do(house, "message", self.room, {"body": f"message {number}"})["sid"] for number in range(size)]
        self.room.delete(f"/Messages/{messages.pop()}")
        assert self.counts() == [2, 1, 1, 0]

    def delete(self) -> None:
        self.room.delete()

    def counts(self) -> list[int]:
        return [joined(self.house, f"member-{number}") for number in (0, 1, FEW - 1, FEW)]

    def is_swept(self) -> bool:
        partition = f"CHANNEL#{self.room.sid}"
        # DynamoDB removes tombstones by itself.
        expire = all("expires_at" in item for item in items(self.house, partition))
        return expire and set(left_in(self.house, partition)) <= {"tombstone"} and self.counts() == [1, 0, 0, 0]


class User:
    """A user in many channels, of which one has another member too and one only invites the user."""

    delay_seconds = 5

    def __init__(self, house: House, size: int):
        self.house = house
        house.rest.post(house.path, {"Limits.UserChannels": size})
        house.deployment.world.clock.advance(10)
        self.rooms = [Room(house, do(house, "channel", None, {})) for _ in range(size)]
        for room in self.rooms:
            do(house, "member", room, {"identity": "busy"})
        self.rooms[0].add("bob")
        self.inviting = house.channel("bob")
        do(house, "invite", self.inviting, {"identity": "busy"})
        assert joined(house, "busy") == size

    def delete(self) -> None:
        assert self.house.rest("DELETE", f"{self.house.path}/Users/busy").status == 204

    def is_swept(self) -> bool:
        counts = [room.fetch()["members_count"] for room in self.rooms]
        invites = self.house.rest.get(f"{self.inviting.path}/Invites")["invites"]
        member = status(self.house, f"/Channels/{self.rooms[0].sid}/Members/busy")
        return (counts, invites, member) == ([1] + [0] * (len(self.rooms) - 1), [], {404})


class Service:
    """A service with public and private channels, their members and messages, and users who are nowhere."""

    delay_seconds = 60

    def __init__(self, house: House, size: int):
        self.house = house
        kinds = ("public", "private")
        self.rooms = [
            house.channel("alice", "bob", UniqueName=f"room {number}", Type=kinds[number % 2]) for number in range(FEW)
        ]
        for room in self.rooms:
            room.post("hello")
        for number in range(size):
            do(house, "user", None, {"identity": f"user {number}"})
        identities = ["alice", "bob", *(f"user {number}" for number in range(size))]
        self.users = [user_sid(house.sid, identity) for identity in identities]

    def delete(self) -> None:
        assert self.house.rest("DELETE", self.house.path).status == 204

    def is_swept(self) -> bool:
        partitions = [f"SERVICE#{self.house.sid}", *(f"CHANNEL#{room.sid}" for room in self.rooms)]
        partitions += [f"USER#{user}" for user in self.users]
        partitions += [f"NAME#{self.house.sid}#room {number}" for number in range(FEW)]
        return all(set(left_in(self.house, partition)) <= {"tombstone"} for partition in partitions)


Doomed = Channel | User | Service
KINDS: list[Callable[[House, int], Doomed]] = [Channel, User, Service]


def deleted(kind: Callable[[House, int], Doomed], house: House, webhooks: WebhooksFunction) -> tuple[Doomed, Any]:
    """Something that was just deleted, and the job that this owes."""
    doomed = kind(house, FEW)
    webhooks.plan()
    doomed.delete()
    (job,) = jobs(webhooks)
    return doomed, job


@pytest.mark.parametrize("kind", KINDS)
def test_everything_below_is_erased_some_seconds_after_a_deletion(
    house: House, webhooks: WebhooksFunction, kind: Callable[[House, int], Doomed]
) -> None:
    doomed = kind(house, MANY)
    webhooks.skip_stream()
    doomed.delete()
    assert webhooks.plan() == {"batchItemFailures": []}
    assert webhooks.work.delays[-1] == doomed.delay_seconds
    assert not doomed.is_swept()
    assert webhooks.sweep_all_of(webhooks.work.take())
    assert doomed.is_swept()
    assert webhooks.work.take() == []


@pytest.mark.parametrize("looks", [0, 1, 5, 11])
@pytest.mark.parametrize("kind", KINDS)
def test_a_sweep_that_runs_out_of_time_goes_on_where_it_stopped(
    house: House, webhooks: WebhooksFunction, kind: Callable[[House, int], Doomed], looks: int
) -> None:
    doomed, job = deleted(kind, house, webhooks)
    context = house.deployment.world.context(Caller())
    steps = 0
    while sweep(context, job, late_after(looks + steps)):
        steps += 1
        assert steps < 100
    assert steps
    webhooks.sweep_all()
    assert doomed.is_swept()


# A sweep removes something with its fifth request at the latest, or has found nothing. So one that dies after every
# fifth comes to its end.
@pytest.mark.parametrize("every", [5, 6, 7])
@pytest.mark.parametrize("kind", KINDS)
def test_a_sweep_that_was_killed_anywhere_is_finished_by_the_next(
    house: House, webhooks: WebhooksFunction, kind: Callable[[House, int], Doomed], every: int
) -> None:
    doomed, job = deleted(kind, house, webhooks)
    sweep_among_deaths(house, job, every)
    webhooks.sweep_all()
    assert doomed.is_swept()


@pytest.mark.parametrize("kind", KINDS)
def test_three_sweeps_at_once_and_one_more_count_everything_once(
    house: House, webhooks: WebhooksFunction, kind: Callable[[House, int], Doomed]
) -> None:
    doomed, job = deleted(kind, house, webhooks)
    at_once(house.deployment, job, 3)
    assert webhooks.sweep(job) == []
    webhooks.sweep_all()
    assert doomed.is_swept()


def test_a_step_without_time_queues_the_sweep_again_and_succeeds(house: House, webhooks: WebhooksFunction) -> None:
    doomed, job = deleted(Channel, house, webhooks)
    assert webhooks.sweep(job, Remaining(9_000)) == []
    assert webhooks.work.take() == [{**job, "waits": 0}]
    assert not doomed.is_swept()
    assert webhooks.sweep(job, Remaining(60_000)) == []
    assert doomed.is_swept()


def test_a_small_deletion_owes_no_sweep(house: House, webhooks: WebhooksFunction) -> None:
    room = house.channel("alice")
    message = room.post("x")
    role = house.role("spare", "channel", ["sendMessage"])
    room.delete(f"/Messages/{message['sid']}")
    room.delete("/Members/alice")
    assert house.rest("DELETE", f"{house.path}/Roles/{role}").status == 204
    assert jobs(webhooks) == []


def test_a_new_channel_of_the_same_name_keeps_its_members_when_the_old_one_is_swept(
    house: House, webhooks: WebhooksFunction
) -> None:
    old = house.channel("alice", UniqueName="full")
    webhooks.plan()
    old.delete()
    again = house.channel("alice", UniqueName="full")
    again.post("fresh")
    webhooks.sweep_all()
    fetched = house.rest.get(f"{house.path}/Channels/full")
    assert (fetched["sid"], fetched["members_count"], fetched["messages_count"]) == (again.sid, 1, 1)
    assert joined(house, "alice") == 1
    assert house.deployment.world.table.fetch(keys.unique_name(house.sid, "full"))


def test_an_identity_that_is_created_anew_keeps_what_it_joins_since(house: House, webhooks: WebhooksFunction) -> None:
    old, new = house.channel("alice"), house.channel()
    message = old.post("x", From="alice")
    webhooks.plan()
    assert house.rest("DELETE", f"{house.path}/Users/alice").status == 204
    house.deployment.world.clock.advance(1)
    house.rest.post(f"{house.path}/Users", Identity="alice")
    new.add("alice")
    webhooks.sweep_all()
    assert (old.fetch()["members_count"], new.fetch()["members_count"]) == (0, 1)
    assert house.rest.get(f"{old.path}/Messages")["messages"] == [message]
    assert joined(house, "alice") == 1
    old.add("alice")
    assert joined(house, "alice") == 2


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


# Who hears of it


def test_members_hear_that_their_channel_went_and_nothing_of_the_sweep(
    house: House, webhooks: WebhooksFunction
) -> None:
    room = house.channel("alice", "bob")
    alice = house.device("alice")
    room.post("x")
    alice.heard()
    room.delete()
    assert alice.events() == ["channelRemoved"]
    webhooks.sweep_all()
    assert alice.heard() == []


def test_members_hear_once_that_a_deleted_user_left(house: House, webhooks: WebhooksFunction) -> None:
    user = User(house, FEW)
    bob = house.device("bob")
    bob.heard()
    user.delete()
    webhooks.sweep_all()
    assert [event for event in bob.events() if event != "channelAdvanced"] == ["memberLeft"]


def test_when_a_service_is_swept_sockets_hear_that_their_channels_are_gone_and_then_end(
    house: House, webhooks: WebhooksFunction
) -> None:
    service = Service(house, FEW)
    alice, outsider = house.device("alice"), house.device("user 1")
    alice.heard()
    service.rooms[0].post("hello")
    assert (alice.events(), outsider.events()) == (["messageAdded"], [])
    webhooks.plan()
    service.delete()
    heard = alice.heard()
    while todo := jobs(webhooks):
        for job in todo:
            assert webhooks.sweep(job) == []
            heard += alice.heard()
    assert {push.get("channel_sid") for push in heard} == {*(room.sid for room in service.rooms), None}
    assert [push["event"] for push in heard] == ["channelRemoved"] * FEW + ["connectionError"]
    assert outsider.events() == ["connectionError"]


def test_nothing_of_a_sweep_reaches_an_owner(house: House, webhooks: WebhooksFunction) -> None:
    service = Service(house, FEW)
    filters = ["onChannelDestroyed", "onMemberRemoved", "onUserUpdated"]
    house.rest.post(house.path, {"PostWebhookUrl": "https://example.com/hook", "WebhookFilters": filters})
    webhooks.start()
    alice = house.device("alice")
    webhooks.plan()
    alice.done("leaveChannel", channel="room 0")
    assert [delivery["parameters"]["EventType"] for delivery in webhooks.planned()] == ["onMemberRemoved"]
    # The container that planned this remembers the service for some seconds.
    service.delete()
    webhooks.sweep_all()
    assert webhooks.deliveries.take() == []
