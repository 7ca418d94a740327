"""Deletions of full channels: hidden at once, then removed in steps that may stop, die, repeat or meet."""

from __future__ import annotations

from typing import Any

import pytest

from parley.jobs import Again
from parley.operations.context import Caller
from parley.operations.sweeps import sweep
from parley.store import keys
from tests.sockets.deployment import House, Room
from tests.webhooks.function import Remaining, WebhooksFunction
from tests.webhooks.sweeping import (
    FEW_MESSAGES,
    MEMBERS,
    MESSAGES,
    at_once,
    do,
    items,
    jobs,
    joined,
    late_after,
    left_in,
    status,
)


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
        return set(left) <= {"tombstone"} and all("expires_at" in item for item in items(self.house, self.partition))

    def counts(self) -> list[int]:
        return [joined(self.house, f"member-{number}") for number in (0, 1, MEMBERS - 1, MEMBERS)]


@pytest.fixture
def full(house: House) -> Full:
    return Full(house, MESSAGES)


@pytest.fixture
def smaller(house: House) -> Full:
    return Full(house, FEW_MESSAGES)


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
    assert webhooks.work.delays == [2]
    (job,) = webhooks.work.take()
    assert webhooks.sweep(job) == []
    assert full.is_swept()
    assert full.counts() == [1, 0, 0, 0]
    assert full.other.fetch()["members_count"] == 1
    assert webhooks.work.take() == []


@pytest.mark.parametrize("looks", [0, 1, 2, 17, 31, 33])
def test_a_sweep_that_runs_out_of_time_goes_on_later(smaller: Full, webhooks: WebhooksFunction, looks: int) -> None:
    webhooks.plan()
    smaller.room.delete()
    webhooks.plan()
    (job,) = webhooks.work.take()
    context = smaller.house.deployment.world.context(Caller())
    steps = 0
    while sweep(context, job, late_after(looks + steps)):
        steps += 1
        assert steps < 100
    assert steps
    assert smaller.is_swept()
    assert smaller.counts() == [1, 0, 0, 0]


def test_a_step_without_time_queues_the_sweep_again_and_succeeds(smaller: Full, webhooks: WebhooksFunction) -> None:
    webhooks.plan()
    smaller.room.delete()
    webhooks.plan()
    (job,) = webhooks.work.take()
    assert webhooks.sweep(job, Remaining(9_000)) == []
    assert webhooks.work.take() == [{**job, "waits": 0}]
    assert not smaller.is_swept()
    assert webhooks.sweep(job, Remaining(60_000)) == []
    assert smaller.is_swept()


class _Killed(BaseException):
    """What a killed process does to its stack."""


def test_a_sweep_that_was_killed_anywhere_is_finished_by_the_next(full: Full, webhooks: WebhooksFunction) -> None:
    webhooks.plan()
    full.room.delete()
    webhooks.plan()
    (job,) = webhooks.work.take()
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
    left: Again | None = Again()
    while left:
        try:
            left = sweep(context, job, lambda: False)
        except _Killed:
            assert requests < 2000
    table._call = plain  # type: ignore[method-assign]
    assert full.is_swept()
    assert full.counts() == [1, 0, 0, 0]


def test_a_finished_sweep_can_be_repeated(smaller: Full, webhooks: WebhooksFunction) -> None:
    webhooks.plan()
    smaller.room.delete()
    webhooks.plan()
    (job,) = webhooks.work.take()
    for _ in range(3):
        assert webhooks.sweep(job) == []
    assert smaller.counts() == [1, 0, 0, 0]


def test_two_sweeps_of_a_channel_at_once_count_each_member_once(smaller: Full, webhooks: WebhooksFunction) -> None:
    webhooks.plan()
    smaller.room.delete()
    webhooks.plan()
    (job,) = webhooks.work.take()
    at_once(smaller.house.deployment, job, 3)
    assert smaller.is_swept()
    assert smaller.counts() == [1, 0, 0, 0]


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


def test_a_small_deletion_owes_no_sweep(house: House, webhooks: WebhooksFunction) -> None:
    room = house.channel("alice")
    message = room.post("x")
    role = house.role("spare", "channel", ["sendMessage"])
    room.delete(f"/Messages/{message['sid']}")
    room.delete("/Members/alice")
    assert house.rest("DELETE", f"{house.path}/Roles/{role}").status == 204
    assert jobs(webhooks) == []


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
