"""Pushes may come twice and out of order, and the stream may be delivered again: the same is told, and it adds up."""

from __future__ import annotations

import random

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.sockets.deployment import Deployment, House, StreamRecord
from tests.sockets.histories import CHOICES, Copy, History

_slow = settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
_changes = st.lists(st.tuples(st.sampled_from(CHOICES), st.integers(0, 40)), min_size=1, max_size=14)


@_slow
@given(changes=_changes, seed=st.integers(0, 2**32))
def test_pushes_in_any_order_and_twice_add_up_to_what_a_fetch_shows(
    deployment: Deployment, changes: list[tuple[str, int]], seed: int
) -> None:
    history = History(House(deployment))
    copy = Copy.fetched(history.alice, history.room)
    history.alice.heard()
    for what, number in changes:
        history.change(what, number)
    pushes = [push for push in history.alice.heard() if push.get("channel_sid") == history.room.sid]
    chance = random.Random(seed)
    pushes += chance.sample(pushes, len(pushes) // 2)
    chance.shuffle(pushes)
    for push in pushes:
        copy.apply(push)
    assert copy.lasting() == Copy.fetched(history.alice, history.room).lasting()


@_slow
@given(changes=_changes, seed=st.integers(0, 2**32))
def test_a_stream_that_is_delivered_again_in_any_pieces_and_order_tells_the_same(
    deployment: Deployment, changes: list[tuple[str, int]], seed: int
) -> None:
    history = History(House(deployment))
    history.alice.heard()
    before = len(deployment.read_stream())
    for what, number in changes:
        history.change(what, number)
    original = [push for push in history.alice.heard() if push.get("channel_sid") == history.room.sid]
    records: list[StreamRecord] = deployment.read_stream()[before:] * 2
    chance = random.Random(seed)
    chance.shuffle(records)
    while records:
        size = chance.randint(1, len(records))
        batch, records = records[:size], records[size:]
        assert deployment.deliver(batch) == {"batchItemFailures": []}
    again = [push for push in history.alice.heard() if push.get("channel_sid") == history.room.sid]
    # What is told again is told as before, but for the counters, which are those of the moment.
    told = {(push["seq"], push["event"]): push for push in original}
    assert {(push["seq"], push["event"]) for push in again} == set(told)
    for push in again:
        if "channel" not in push:
            assert {**push, "request": 0} == {**told[push["seq"], push["event"]], "request": 0}
