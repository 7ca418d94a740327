"""The pace of pushes: when it slows down, how it recovers, and that several containers share a quota."""

from __future__ import annotations

from itertools import pairwise
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parley.ports.sockets.pace import INCREASE, MANY, MOMENT_SECONDS, Budget, Pace

HIGHEST = 8000.0


def strike(pace: Pace, now: float, clients: int = MANY, sent: int = MANY) -> list[bool]:
    """Refuse so many clients at once, of so many pushes since the moment began."""
    return [pace.refused(0 if number == 0 else sent, now) for number in range(clients)]


def test_the_pace_begins_with_the_highest_rate():
    assert Pace(HIGHEST, 5.0).rate(5.0) == HIGHEST


def test_many_refused_clients_halve_it():
    pace = Pace(HIGHEST, 0.0)
    assert strike(pace, 1.0) == [False] * (MANY - 1) + [True]
    assert pace.rate(1.0) == HIGHEST / 2


def test_a_few_refused_clients_do_not_slow_the_others_down():
    pace = Pace(HIGHEST, 0.0)
    for second in range(100):
        assert not any(strike(pace, float(second), MANY - 1))
    assert pace.rate(100.0) == HIGHEST


def test_many_refused_clients_do_not_slow_down_a_crowd():
    pace = Pace(HIGHEST, 0.0)
    assert not any(strike(pace, 1.0, clients=40, sent=1000))
    assert pace.rate(1.0) == HIGHEST


def test_the_pace_is_halved_once_in_a_moment_however_many_pushes_are_refused():
    pace = Pace(HIGHEST, 0.0)
    strike(pace, 1.0)
    assert not any(strike(pace, 1.0 + MOMENT_SECONDS * 0.9, 1000))
    assert pace.rate(1.0) == HIGHEST / 2
    strike(pace, 1.01 + MOMENT_SECONDS)
    assert pace.rate(1.0 + MOMENT_SECONDS) == pytest.approx(HIGHEST / 4, rel=0.02)


def test_the_pace_recovers_a_little_each_second_up_to_the_highest_rate():
    pace = Pace(HIGHEST, 0.0)
    strike(pace, 1.0)
    rates = [pace.rate(1.0 + second) for second in range(12)]
    assert rates[1] - rates[0] == pytest.approx(HIGHEST * INCREASE)
    assert all(later >= earlier for earlier, later in pairwise(rates))
    assert rates[-1] == HIGHEST


@given(st.lists(st.floats(0, 5), min_size=1, max_size=200))
def test_the_pace_always_stays_between_the_lowest_and_the_highest_rate(pauses: list[float]):
    pace, now = Pace(HIGHEST, 0.0), 0.0
    for pause in pauses:
        now += pause
        strike(pace, now)
        assert HIGHEST * 0.0099 <= pace.rate(now) <= HIGHEST


def test_however_long_an_account_refuses_a_hundredth_of_the_rate_is_left():
    pace, now = Pace(HIGHEST, 0.0), 0.0
    for _ in range(100):
        now += MOMENT_SECONDS * 1.01
        strike(pace, now)
    assert pace.rate(now) == pytest.approx(HIGHEST / 100, rel=0.02)


class Account:
    """An account's quota at API Gateway: a token bucket, and the time that all containers share."""

    def __init__(self, rate: float, burst: int):
        self.now = 0.0
        self._rate, self._burst = rate, burst
        self._tokens = float(burst)

    def pass_time(self, seconds: float) -> None:
        self.now += seconds
        self._tokens = min(self._burst, self._tokens + seconds * self._rate)

    def takes(self) -> bool:
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True


def pushed(account: Account, containers: list[Budget], seconds: float) -> tuple[list[int], int]:
    """How many pushes of each container the account takes in this time, and how many it refuses in all."""
    taken, refused, chance = [0] * len(containers), 0, Random(7)
    # No container posts more than ten times in a millisecond.
    order = [number for number in range(len(containers)) for _ in range(10)]
    for _ in range(round(seconds * 1000)):
        account.pass_time(0.001)
        chance.shuffle(order)
        for number in order:
            if not containers[number].take():
                continue
            if account.takes():
                taken[number] += 1
            else:
                refused += 1
                containers[number].refused()
    return taken, refused


@pytest.mark.parametrize(("quota", "containers"), [(10_000, 2), (10_000, 5), (2_500, 1), (2_500, 4)])
def test_containers_that_know_nothing_of_each_other_share_a_quota(quota: int, containers: int):
    account = Account(quota, quota // 2)
    budgets = [Budget(HIGHEST, 4000, lambda: account.now) for _ in range(containers)]
    pushed(account, budgets, 5)
    taken, refused = pushed(account, budgets, 10)
    assert sum(taken) >= quota * 10 * 0.65
    assert refused <= sum(taken) * 0.1
    assert min(taken) >= max(taken) / 3


def test_a_container_that_comes_later_gets_its_share():
    account = Account(10_000, 5_000)
    first = [Budget(HIGHEST, 4000, lambda: account.now) for _ in range(2)]
    pushed(account, first, 5)
    late = Budget(HIGHEST, 4000, lambda: account.now)
    pushed(account, [*first, late], 10)
    taken, _ = pushed(account, [*first, late], 10)
    assert taken[-1] >= sum(taken) / 6


def test_when_the_other_containers_are_gone_a_container_reaches_the_highest_rate_again():
    account = Account(10_000, 5_000)
    budgets = [Budget(HIGHEST, 4000, lambda: account.now) for _ in range(4)]
    pushed(account, budgets, 5)
    pushed(account, budgets[:1], 20)
    assert not budgets[0].is_slowed
