"""The simulation of `bench.model`: its results must agree with queueing theory."""

from __future__ import annotations

import random

import pytest

from bench.model.simulation import Bucket, Environments, Servers, Simulation


def test_events_happen_in_the_order_of_their_times_and_then_of_their_planning():
    simulation, seen = Simulation(), []
    for name, seconds in (("late", 2), ("first", 1), ("second", 1)):
        simulation.after(seconds, lambda name=name: seen.append((simulation.now, name)))
    simulation.run()
    assert seen == [(1, "first"), (1, "second"), (2, "late")]


def test_a_run_that_is_cut_short_leaves_later_events():
    simulation, seen = Simulation(), []
    simulation.after(1, lambda: seen.append(1))
    simulation.after(3, lambda: seen.append(3))
    simulation.run(until=2)
    assert seen == [1]
    simulation.run()
    assert seen == [1, 3]


def test_at_a_constant_rate_as_many_jobs_are_in_the_system_as_arrive_during_one_job():
    """Little's law."""
    simulation = Simulation()
    servers = Servers(simulation, 3)
    for number in range(10_000):
        simulation.after(number / 10, lambda: servers.serve(0.25))
    simulation.run()
    assert servers.waited == pytest.approx([0.25] * 10_000)
    assert servers.in_system == pytest.approx(10 * 0.25, rel=0.001)


@pytest.mark.parametrize("load", [0.5, 0.8])
def test_random_arrivals_at_one_server_wait_as_long_as_theory_says(load: float):
    """Little's law again, and Pollaczek and Khinchine's formula for a constant time of service."""
    simulation, chance = Simulation(), random.Random(1)
    servers = Servers(simulation, 1)
    at = 0.0
    for _ in range(100_000):
        at += chance.expovariate(load)
        simulation.after(at, lambda: servers.serve(1))
    simulation.run()
    mean = sum(servers.waited) / len(servers.waited)
    assert mean == pytest.approx(1 + load / (2 * (1 - load)), rel=0.05)
    assert servers.in_system == pytest.approx(len(servers.waited) / simulation.now * mean, rel=0.001)


def test_a_bucket_admits_its_burst_and_then_its_rate():
    simulation = Simulation()
    bucket = Bucket(simulation, rate=10, burst=5)
    for number in range(1_000):
        simulation.after(number / 100, bucket.take)
    simulation.run()
    assert bucket.taken == pytest.approx(5 + 10 * 9.99, abs=1)
    assert bucket.taken + bucket.refused == 1_000


def test_a_function_runs_one_call_in_each_environment_and_refuses_more():
    simulation, ended = Simulation(), []
    function = Environments(simulation, 2, Bucket(simulation, 100, 100), cold_seconds=1)
    taken = [function.call(3, lambda: ended.append(simulation.now)) for _ in range(3)]
    simulation.run()
    assert (taken, ended) == ([True, True, False], [4, 4])
    # These environments are warm.
    assert function.call(3, lambda: ended.append(simulation.now))
    simulation.run()
    assert ended[-1] == 4 + 3
    assert (function.highest, function.refused) == (2, 1)


def test_a_function_starts_environments_only_as_fast_as_lambda_does():
    simulation = Simulation()
    function = Environments(simulation, 1_000, Bucket(simulation, rate=10, burst=1), cold_seconds=0)
    for number in range(100):
        simulation.after(number / 100, lambda: function.call(60, lambda: None))
    simulation.run(until=1)
    assert function.running == pytest.approx(10, abs=1)
