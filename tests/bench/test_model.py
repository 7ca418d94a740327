"""What the model of `bench.scale` claims: which limit is reached first, and what raising it changes."""

from __future__ import annotations

from itertools import pairwise

import pytest

from bench.model.demand import Cost, Costs, Use, breaking_point, demand, used
from bench.model.quotas import FIXED, LIMITS, Setting, limits
from bench.model.room import room
from bench.model.storm import LONGEST_STORM_SECONDS, Storm, storm
from bench.scale import DUE_SHARDS, STORMS, USES, come_back
from local.home import REPOSITORY
from parley.ports.sockets.gateway import POSTS_PER_SECOND

_ANY = Cost(3, 5, 4)
COSTS = Costs(
    send=dict.fromkeys((2, 20), _ANY),
    read_on=_ANY,
    typing=dict.fromkeys((2, 20), Cost(3, 0, 9)),
    connect=Cost(3, 3, 1),
    disconnect=Cost(2, 2, 0),
    session=Cost(7, 0, 73),
    fan_out={2: Cost(2, 0, 3), 20: Cost(2, 0, 23)},
)


@pytest.mark.parametrize("use", USES, ids=[use.name for use in USES])
def test_if_the_limit_that_is_reached_first_is_doubled_twice_as_many_people_reach_it(use: Use):
    key, people = breaking_point(use, COSTS, LIMITS, DUE_SHARDS)
    others = [Setting(other, 1e15) for other, limit in LIMITS.items() if limit.raised != FIXED and other != key]
    alone = limits(*others)
    doubled = limits(*others, Setting(key, 2 * LIMITS[key].value))
    assert breaking_point(use, COSTS, alone, DUE_SHARDS) == (key, pytest.approx(people, rel=0.01))
    assert breaking_point(use, COSTS, doubled, DUE_SHARDS) == (key, pytest.approx(2 * people, rel=0.01))


@pytest.mark.parametrize("use", USES, ids=[use.name for use in USES])
def test_if_the_limit_that_is_reached_first_is_raised_another_one_is_the_next(use: Use):
    met, settings, reached = [], [], []
    while True:
        key, people = breaking_point(use, COSTS, limits(*settings), DUE_SHARDS)
        met.append(key)
        reached.append(people)
        if LIMITS[key].raised == FIXED:
            break
        settings.append(Setting(key, 1e15))
    assert len(met) == len(set(met)) > 3
    assert all(earlier < later for earlier, later in pairwise(reached))


def test_a_fixed_limit_cannot_be_raised():
    with pytest.raises(ValueError, match="nobody can raise it"):
        limits(Setting("partition writes", 2_000))


def test_the_fast_path_saves_the_push_to_the_sender_and_takes_messages_from_fan_out():
    fast, slow = (Use("x", sockets=2, messages=1, typing=0, reads=0, is_fast=is_fast) for is_fast in (True, False))
    with_, without = (demand(1_000, use, COSTS, DUE_SHARDS) for use in (fast, slow))
    assert without["gateway"] - with_["gateway"] == pytest.approx(1_000)
    assert (with_["posts"], without["posts"]) == (0, pytest.approx(2_000 / 5, rel=0.3))


@pytest.mark.parametrize(("sockets", "messages"), [(51, 0.001), (20, 1)])
def test_a_room_that_the_fast_path_leaves_to_fan_out_cannot_be_fast_in_the_model(sockets: int, messages: float):
    with pytest.raises(ValueError, match="is_fast must be False"):
        Use("x", sockets=sockets, messages=messages, typing=0, reads=0, is_fast=True)
    Use("x", sockets=sockets, messages=messages, typing=0, reads=0, is_fast=False)


def test_the_functions_of_queues_run_beside_the_others():
    use = Use("x", sockets=2, messages=0.01, typing=0, reads=0, is_fast=True)
    free = dict.fromkeys((2, 20), Cost(0, 0, 0))
    nothing = Costs(free, Cost(0, 0, 0), free, Cost(0, 0, 0), Cost(0, 0, 0), Cost(0, 0, 0), free)
    needed = demand(1_000_000, use, nothing, DUE_SHARDS)
    own_work = 10_000 * 0.03 + 1_000_000 / 6450 * 0.03
    queued = needed["deliveries"] + needed["notifications"]
    assert needed["concurrency"] == pytest.approx(own_work + queued + 8)


def test_the_fullest_limit_is_named_first():
    shares = [one.share for one in used(demand(1_000_000, USES[0], COSTS, DUE_SHARDS), LIMITS)]
    assert shares == sorted(shares, reverse=True)


def test_the_limits_that_the_template_sets_are_those_of_the_template():
    text = (REPOSITORY / "template.yaml").read_text()
    for key in ("deliveries", "notifications"):
        assert f"ScalingConfig: {{MaximumConcurrency: {LIMITS[key].value:.0f}}}" in text
    assert f"Default: '{LIMITS['stage'].value:.0f}'" in text


def test_the_limits_that_the_code_sets_are_those_of_the_code():
    tick = (REPOSITORY / "functions" / "fan_out" / "app.py").read_text()
    assert f"_SPARE_MS = {60 - LIMITS['tick'].value:.0f}_000" in tick
    assert LIMITS["posts"].value == POSTS_PER_SECOND
    assert DUE_SHARDS == 4


def test_a_storm_is_over_when_the_quota_has_let_everybody_in():
    storm = come_back(20_000, 500)
    # The first second admits two seconds' worth, and the last clients pause for half a minute.
    assert 20_000 / 500 - 2 <= storm.back[-1] <= 20_000 / 500 + 40
    assert storm.refused["connections"] > 0


def test_with_twice_the_quota_a_storm_takes_half_the_time():
    once, twice = (come_back(200_000, quota).seconds_until(0.5) for quota in (500, 1_000))
    assert once / twice == pytest.approx(2, rel=0.05)


def test_in_a_storm_no_more_functions_run_at_a_time_than_the_account_allows():
    few = limits(Setting("concurrency", 10))
    became = storm(30_000, few, DUE_SHARDS)
    assert 9 <= became.environments <= 20
    assert became.refused["concurrency"] > 0


def test_if_nobody_comes_back_in_time_the_curve_says_so():
    assert set(Storm(10, 10).curve(4)) == {(LONGEST_STORM_SECONDS * quarter / 4, 0) for quarter in range(5)}


def test_a_storm_is_the_same_in_every_run():
    assert come_back(*STORMS[0]).back == come_back(*STORMS[0]).back


def test_if_the_quota_exceeds_what_the_list_of_due_work_takes_the_list_is_the_limit():
    storm = come_back(400_000, 20_000)
    assert storm.refused["partition writes"] > 0
    assert storm.seconds_until(0.5) == pytest.approx(200_000 / (1_000 * DUE_SHARDS), rel=0.1)


def test_a_quota_of_connections_that_is_raised_alone_helps_little():
    alone, together = (come_back(40_000, 5_000, is_raised).seconds_until(0.99) for is_raised in (False, True))
    assert alone > 3 * together


def test_in_a_quiet_room_a_message_waits_for_half_a_poll_and_its_own_pushes():
    became = room(10, 1, posts_a_second=8_000, seconds=2_000)
    poll, reading = 0.25, 0.006 * 2 + 0.001 + 10 * 0.000032
    assert sum(became.waited) / len(became.waited) == pytest.approx(poll / 2 + reading, rel=0.1)


def test_a_room_of_native_sockets_takes_more_messages_in_each_push_when_it_is_busy():
    calm, busy = (room(1_000, rate, 8_000) for rate in (1, 30))
    assert busy.pushes < 5 * calm.pushes
    assert not busy.is_overloaded


def test_a_room_that_needs_more_pushes_than_go_out_gets_slower_and_slower():
    assert not room(1_000, 1, 8_000, is_sdk=True).is_overloaded
    assert room(1_000, 10, 8_000, is_sdk=True).is_overloaded
    # Twice the pushes a second serve it.
    assert not room(1_000, 10, 24_000, is_sdk=True).is_overloaded
