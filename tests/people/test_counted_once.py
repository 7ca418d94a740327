"""Users count the channels that they are in: each leaving is counted exactly once, whatever comes in between."""

from __future__ import annotations

from typing import Any

import pytest

from parley.errors import Refusal
from parley.operations.context import Caller
from parley.operations.sweeps import sweep
from tests.ports.meddling import MeddlingClient, after, losing_the_answer, refusing
from tests.sockets.deployment import House, Room
from tests.webhooks.sweeping import joined, left_in

CONFLICT = ("TransactionCanceledException", "TransactionConflict", "None")


@pytest.fixture
def room(meddled: House) -> Room:
    meddled.channel("alice", "bob")
    return meddled.channel("alice", "bob")


@pytest.fixture
def job(room: Room) -> dict[str, Any]:
    """The sweep that the room's deletion owes."""
    room.delete()
    return {"kind": "channel", "sid": room.sid, "at": room.house.deployment.world.clock.now_ms()}


def step(house: House, job: dict[str, Any]) -> object:
    return sweep(house.deployment.world.context(Caller()), job, lambda: False)


def counts(house: House) -> list[int]:
    return [joined(house, identity) for identity in ("alice", "bob")]


def test_a_step_that_meets_conflicts_all_the_time_fails_and_is_done_again(
    meddled: House, meddling: MeddlingClient, room: Room, job: dict[str, Any]
) -> None:
    """The member was erased all the same, and stayed counted for good."""
    meddling.script("transact_write_items", *[refusing(*CONFLICT)] * 200)
    with pytest.raises(Refusal):
        step(meddled, job)
    assert left_in(meddled, f"CHANNEL#{room.sid}")["MEMBER"] == 2
    meddling.unscript()
    assert step(meddled, job) is None
    assert counts(meddled) == [1, 1]
    assert set(left_in(meddled, f"CHANNEL#{room.sid}")) == {"tombstone"}


def test_a_leaving_whose_answer_is_lost_is_counted_once(
    meddled: House, meddling: MeddlingClient, room: Room, job: dict[str, Any]
) -> None:
    meddling.script("transact_write_items", *[losing_the_answer(*CONFLICT)] * 2)
    assert step(meddled, job) is None
    assert counts(meddled) == [1, 1]


def test_another_sweep_in_between_counts_nothing_twice(
    meddled: House, meddling: MeddlingClient, room: Room, job: dict[str, Any]
) -> None:
    meddling.script("transact_write_items", after(lambda: step(meddled, job)))
    assert step(meddled, job) is None
    assert counts(meddled) == [1, 1]


@pytest.mark.parametrize("is_back", [True, False])
def test_a_user_who_is_gone_or_new_is_counted_nothing(
    meddled: House, meddling: MeddlingClient, room: Room, job: dict[str, Any], is_back: bool
) -> None:
    assert meddled.rest("DELETE", f"{meddled.path}/Users/bob").status == 204
    if is_back:
        meddled.rest.post(f"{meddled.path}/Users", Identity="bob")
    assert step(meddled, job) is None
    assert joined(meddled, "alice") == 1
    assert set(left_in(meddled, f"CHANNEL#{room.sid}")) == {"tombstone"}
    if is_back:
        assert joined(meddled, "bob") == 0
