"""Deletions of what has much below it: hidden at once, then removed in steps that may stop, die, repeat or meet."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from local.template import Template
from parley.ids import user_sid
from parley.operations import OPERATIONS
from parley.operations.context import Caller
from parley.operations.sweeps import sweep
from parley.store import keys
from tests.realtime.deployment import Deployment, House, Room, Stream
from tests.webhooks.function import Remaining, WebhooksFunction

# More than one step each, where that matters.
MESSAGES, MEMBERS, CHANNELS = 300, 30, 120
FEW_MESSAGES = 20


def left_in(house: House, partition: str) -> Counter[str]:
    """What is stored under a partition key, by what its sort keys begin with; tombstones apart."""
    found: Counter[str] = Counter()
    for item in _items(house, partition):
        kind = item["sk"]["S"].partition("#")[0]
        found["tombstone" if "deleted_at" in item else kind] += 1
    return found


def _items(house: House, partition: str) -> list[dict[str, Any]]:
    client = house.deployment.world._client
    request: dict[str, Any] = {
        "TableName": house.deployment.world._table_name,
        "KeyConditionExpression": "pk = :pk",
        "ExpressionAttributeValues": {":pk": {"S": partition}},
        "ConsistentRead": True,
    }
    items = []
    while True:
        answer = client.query(**request)
        items += answer["Items"]
        if "LastEvaluatedKey" not in answer:
            return items
        request["ExclusiveStartKey"] = answer["LastEvaluatedKey"]


def joined(house: House, identity: str) -> int:
    return int(house.rest.get(f"{house.path}/Users/{identity}")["joined_channels_count"])


def status(house: House, *paths: str) -> set[int]:
    """The statuses of GETs below the service."""
    return {house.rest("GET", house.path + path).status for path in paths}


def do(house: House, kind: str, room: Room | None, given: dict[str, Any]) -> Any:
    """Create something without the way through the door, for there is much to create."""
    house.deployment.world.clock.advance(0.001)
    path = {"service_sid": house.sid} | ({"channel_sid": room.sid} if room else {})
    return OPERATIONS[kind, "create"](house.deployment.world.context(), path, given)


class Full:
    """A channel with messages and 30 members, one of whom left before; member 0 is in another channel too."""

    def __init__(self, house: House, messages: int):
        self.house = house
        self.room: Room = house.channel(UniqueName="full")
        self.other: Room = house.channel("member-0", UniqueName="other")
        for number in range(MEMBERS + 1):
            do(house, "member", self.room, {"identity": f"member-{number}"})
        self.room.delete(f"/Members/member-{MEMBERS}")
        self.messages = [do(house, "message", self.room, {"body": f"message {n}"})["sid"] for n in range(messages)]
        self.room.delete(f"/Messages/{self.messages.pop()}")

    @property
    def partition(self) -> str:
        return f"CHANNEL#{self.room.sid}"

    def is_swept(self) -> bool:
        left = left_in(self.house, self.partition)
        return set(left) <= {"tombstone"} and all("expires_at" in item for item in _items(self.house, self.partition))

    def counts(self) -> list[int]:
        return [joined(self.house, f"member-{number}") for number in (0, 1, MEMBERS - 1, MEMBERS)]


@pytest.fixture
def full(house: House) -> Full:
    return Full(house, MESSAGES)


@pytest.fixture
def smaller(house: House) -> Full:
    return Full(house, FEW_MESSAGES)


def late_after(looks: int) -> Callable[[], bool]:
    """A function that is in a hurry from the given look at the clock on."""
    seen = iter(range(looks))
    return lambda: next(seen, None) is None


# Channels


def test_a_deleted_channel_is_hidden_at_once_with_all_in_it_and_its_name_is_free(full: Full) -> None:
    full.room.delete()
    below = f"/Channels/{full.room.sid}"
    assert status(full.house, below, f"{below}/Messages", f"{below}/Members", "/Channels/full") == {404}
    assert status(full.house, f"{below}/Messages/{full.messages[0]}", f"{below}/Members/member-1") == {404}
    assert full.house.rest("POST", f"{full.room.path}/Messages", {"Body": "x"}).status == 404
    assert full.house.rest("POST", f"{full.room.path}/Members", {"Identity": "late"}).status == 404
    assert full.house.rest("DELETE", f"{full.room.path}/Members/member-1").status == 404
    assert full.house.channel(UniqueName="full").fetch()["messages_count"] == 0
    listed = full.house.rest.get(f"{full.house.path}/Channels")["channels"]
    assert full.room.sid not in [channel["sid"] for channel in listed]


def test_a_deleted_channel_is_swept_and_its_members_have_room_for_others(
    full: Full, webhooks: WebhooksFunction
) -> None:
    assert full.counts() == [2, 1, 1, 0]
    webhooks.plan()
    full.room.delete()
    assert webhooks.plan() == {"batchItemFailures": []}
    # Fan-out still reads whom to tell.
    assert webhooks.sweeps.delays == [60]
    (job,) = webhooks.sweeps.take()
    assert webhooks.sweep(job) == []
    assert full.is_swept()
    assert full.counts() == [1, 0, 0, 0]
    assert full.other.fetch()["members_count"] == 1
    assert webhooks.sweeps.take() == []


@pytest.mark.parametrize("looks", [0, 1, 2, 17, 31, 33])
def test_a_sweep_that_runs_out_of_time_goes_on_later(smaller: Full, webhooks: WebhooksFunction, looks: int) -> None:
    webhooks.plan()
    smaller.room.delete()
    webhooks.plan()
    (job,) = webhooks.sweeps.take()
    context = smaller.house.deployment.world.context(Caller())
    steps = 0
    while not sweep(context, job, late_after(looks + steps)):
        steps += 1
        assert steps < 100
    assert steps
    assert smaller.is_swept()
    assert smaller.counts() == [1, 0, 0, 0]


def test_a_step_without_time_queues_the_sweep_again_and_succeeds(smaller: Full, webhooks: WebhooksFunction) -> None:
    webhooks.plan()
    smaller.room.delete()
    webhooks.plan()
    (job,) = webhooks.sweeps.take()
    assert webhooks.sweep(job, Remaining(9_000)) == []
    assert webhooks.sweeps.take() == [job]
    assert not smaller.is_swept()
    assert webhooks.sweep(job, Remaining(60_000)) == []
    assert smaller.is_swept()


class _Killed(BaseException):
    """What a killed process does to its stack."""


def test_a_sweep_that_was_killed_anywhere_is_finished_by_the_next(full: Full, webhooks: WebhooksFunction) -> None:
    webhooks.plan()
    full.room.delete()
    webhooks.plan()
    (job,) = webhooks.sweeps.take()
    table = full.house.deployment.world.table
    plain, requests = table._call, 0

    def dying(operation: str, **request: Any) -> Any:
        nonlocal requests
        requests += 1
        if requests % 7 == 0:
            raise _Killed
        return plain(operation, **request)

    table._call = dying  # type: ignore[method-assign]
    context = full.house.deployment.world.context(Caller())
    done = False
    while not done:
        try:
            done = sweep(context, job, lambda: False)
        except _Killed:
            assert requests < 2000
    table._call = plain  # type: ignore[method-assign]
    assert full.is_swept()
    assert full.counts() == [1, 0, 0, 0]


def test_a_finished_sweep_can_be_repeated(smaller: Full, webhooks: WebhooksFunction) -> None:
    webhooks.plan()
    smaller.room.delete()
    webhooks.plan()
    (job,) = webhooks.sweeps.take()
    for _ in range(3):
        assert webhooks.sweep(job) == []
    assert smaller.counts() == [1, 0, 0, 0]


def test_two_sweeps_of_a_channel_at_once_count_each_member_once(smaller: Full, webhooks: WebhooksFunction) -> None:
    webhooks.plan()
    smaller.room.delete()
    webhooks.plan()
    (job,) = webhooks.sweeps.take()
    _at_once(smaller.house.deployment, job, 3)
    assert smaller.is_swept()
    assert smaller.counts() == [1, 0, 0, 0]


def _at_once(deployment: Deployment, job: dict[str, Any], times: int) -> None:
    """Run a sweep in several containers side by side; each must come to its end."""
    with ThreadPoolExecutor(times) as pool:
        containers = [deployment.world.another_container() for _ in range(times)]
        running = [pool.submit(sweep, each.context(Caller()), job, lambda: False) for each in containers]
        assert [each.result() for each in running] == [True] * times


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
    (job,) = webhooks.sweeps.take()
    assert webhooks.sweep(job) == []
    assert joiner.counts() == [1] + [0] * (CHANNELS - 1)
    assert status(joiner.house, *(f"/Channels/{room.sid}/Members/busy" for room in joiner.rooms[:3])) == {404}
    assert bob.events() == ["memberLeft"]


@pytest.mark.parametrize("looks", [0, 1, 101])
def test_the_sweep_of_a_user_goes_on_where_it_stopped(joiner: Joiner, webhooks: WebhooksFunction, looks: int) -> None:
    webhooks.plan()
    joiner.delete()
    webhooks.plan()
    (job,) = webhooks.sweeps.take()
    context = joiner.house.deployment.world.context(Caller())
    steps = 0
    while not sweep(context, job, late_after(looks + steps)):
        steps += 1
        assert steps < 200
    assert joiner.counts() == [1] + [0] * (CHANNELS - 1)


def test_two_sweeps_of_a_user_at_once_count_each_channel_once(joiner: Joiner, webhooks: WebhooksFunction) -> None:
    webhooks.plan()
    joiner.delete()
    webhooks.plan()
    (job,) = webhooks.sweeps.take()
    _at_once(joiner.house.deployment, job, 3)
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
    channel_first = sorted(_jobs(webhooks), key=lambda job: job["kind"])
    for job in channel_first:
        assert webhooks.sweep(job) == []
    webhooks.sweep_all()
    assert joined(house, "alice") == 0


def _jobs(webhooks: WebhooksFunction) -> list[dict[str, Any]]:
    webhooks.plan()
    return webhooks.sweeps.take()


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
    (job,) = _jobs(webhooks)
    context = town.deployment.world.context(Caller())
    steps = 0
    while not sweep(context, job, late_after(looks + steps)):
        steps += 1
        assert steps < 100
    webhooks.sweep_all()
    assert town.left() == Counter()


def test_two_sweeps_of_a_service_at_once_do_each_other_no_harm(town: Town, webhooks: WebhooksFunction) -> None:
    """Each lost to the other on some channel or user, took that for a failure, and came back six minutes later."""
    webhooks.plan()
    town.delete()
    (job,) = _jobs(webhooks)
    _at_once(town.deployment, job, 3)
    webhooks.sweep_all()
    assert town.left() == Counter()


def test_nothing_of_a_sweep_reaches_an_owner_or_a_socket(
    town: Town, webhooks: WebhooksFunction, stream: Stream, template: Template
) -> None:
    town.house.rest.post(
        town.house.path,
        [
            ("PostWebhookUrl", "https://example.com/hook"),
            *(("WebhookFilters", name) for name in ("onChannelDestroyed", "onMemberRemoved", "onUserUpdated")),
        ],
    )
    webhooks.start()
    webhooks.plan()
    town.delete()
    webhooks.sweep_all()
    assert webhooks.deliveries.take() == []


def test_a_small_deletion_owes_no_sweep(house: House, webhooks: WebhooksFunction) -> None:
    room = house.channel("alice")
    message = room.post("x")
    role = house.role("spare", "channel", ["sendMessage"])
    room.delete(f"/Messages/{message['sid']}")
    room.delete("/Members/alice")
    assert house.rest("DELETE", f"{house.path}/Roles/{role}").status == 204
    assert _jobs(webhooks) == []


def test_the_names_of_members_of_a_swept_channel_are_free_in_a_new_one_of_the_same_name(
    smaller: Full, webhooks: WebhooksFunction
) -> None:
    webhooks.plan()
    smaller.room.delete()
    again = smaller.house.channel("member-1", UniqueName="full")
    again.post("fresh")
    webhooks.sweep_all()
    fetched = smaller.house.rest.get(f"{smaller.house.path}/Channels/full")
    assert (fetched["sid"], fetched["members_count"], fetched["messages_count"]) == (again.sid, 1, 1)
    assert joined(smaller.house, "member-1") == 1
    assert smaller.house.deployment.world.table.fetch(keys.unique_name(smaller.house.sid, "full"))
