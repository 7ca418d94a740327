"""How many pushes a second one process posts: Parley's socket gateway port against boto3 with threads.

A sink in a process of its own answers every request with 200 on keep-alive connections, at once or after 10 ms, about
what `@connections` takes. Both posters send the same 500-byte bodies to the same connection ids, in alternating rounds,
so that a busy machine slows both. boto3 uses the number of `THREADS` that was fastest here. If the sink answers at
once, that is mostly a single one, because Python's threads then only get in each other's way. The rate budget of the
port is lifted: it exists to stay below the account's quota, not the machine's.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from types import SimpleNamespace

import boto3
from botocore.config import Config

from bench.figures import RATIO, TIME, Figure, Findings
from bench.sink import sink
from parley.ports.sockets.gateway import Outcome, SocketGateway

CREDENTIALS = SimpleNamespace(access_key="AKIDEXAMPLE", secret_key="wJalrXUtnFEMI/K7MDENG", token="t" * 800)
REGION = "us-east-1"
BODY_BYTES = 500
MESSAGES = 10
THREADS = (1, 8, 16, 32)
GOALS = {0.0: 6.0, 0.010: 5.0}
"""How many times boto3's posts a second Parley must reach, by the seconds after which the sink answers."""
ROUNDS, QUICK_ROUNDS = 9, 3
BOTO3_COUNT = 700
COUNTS = {0.0: 10_000, 0.010: 5_000}
Posting = Callable[[list[tuple[str, bytes]]], None]


@dataclass(frozen=True)
class Round:
    """What one poster did in one round."""

    posts_per_second: float
    cpu_microseconds_per_post: float


def measure(quick: bool) -> Findings:
    """Compare both posters, against a sink that answers at once and one that answers after 10 ms."""
    found = Findings()
    found.tables["posts"] = [["Answer", "", "posts/s", "CPU per post"]]
    for delay_seconds, goal in GOALS.items():
        _compare(found, delay_seconds, goal, QUICK_ROUNDS if quick else ROUNDS)
    return found


def _compare(found: Findings, delay_seconds: float, goal: float, rounds: int) -> None:
    with sink(delay_seconds) as url:
        ours = _parley_posting(url)
        candidates = {threads: _boto3_posting(url, threads) for threads in THREADS}
        for post in (ours, *candidates.values()):
            _round(post, 64)  # connections open, code warm
        trials = {threads: _round(post, BOTO3_COUNT // 2) for threads, post in candidates.items()}
        threads = max(trials, key=lambda number: trials[number].posts_per_second)
        pairs = [(_round(candidates[threads], BOTO3_COUNT), _round(ours, COUNTS[delay_seconds])) for _ in range(rounds)]
    when = f"{delay_seconds * 1000:.0f} ms" if delay_seconds else "no delay"
    theirs, mine = ([pair[index] for pair in pairs] for index in (0, 1))
    faster = statistics.median(own.posts_per_second / other.posts_per_second for other, own in pairs)
    cheaper = statistics.median(other.cpu_microseconds_per_post / own.cpu_microseconds_per_post for other, own in pairs)
    found.figures += [
        Figure(f"posts/s, times boto3, {when}", faster, "times", RATIO, at_least=goal),
        Figure(f"CPU per post, boto3's by Parley's, {when}", cheaper, "times", RATIO),
    ]
    # Another run may be fastest with another number of threads. A figure has the same name in each run.
    for name, shown, of_one in (("boto3", f"boto3, {threads} threads", theirs), ("Parley", "Parley", mine)):
        rate = statistics.median(one.posts_per_second for one in of_one)
        cpu = statistics.median(one.cpu_microseconds_per_post for one in of_one)
        found.figures += [
            Figure(f"{name}, {when}", rate, "posts/s", TIME),
            Figure(f"{name}, {when}, CPU", cpu, "us a post", TIME),
        ]
        found.tables["posts"].append(
            ["at once" if not delay_seconds else f"after {when}", shown, f"{rate:,.0f}", f"{cpu:,.0f} µs"]
        )


def _round(post: Posting, count: int) -> Round:
    pushes = _pushes(count)
    started, started_cpu = time.perf_counter(), time.process_time()
    post(pushes)
    seconds, cpu_seconds = time.perf_counter() - started, time.process_time() - started_cpu
    return Round(count / seconds, cpu_seconds / count * 1e6)


def _pushes(count: int) -> list[tuple[str, bytes]]:
    """`count` pushes of ten messages to as many connections."""
    bodies = [b"%0*d" % (BODY_BYTES, number) for number in range(MESSAGES)]
    return [(f"L0SM9cOF{number:06d}w=", bodies[number % MESSAGES]) for number in range(count)]


def _parley_posting(url: str) -> Posting:
    gateway = SocketGateway(url, REGION, lambda: CREDENTIALS, posts_per_second=1e9, burst=10**9)

    def post(pushes: list[tuple[str, bytes]]) -> None:
        outcomes = gateway.post(pushes, deadline_seconds=30)
        if set(outcomes.values()) != {Outcome.SENT}:
            raise RuntimeError("the sink did not take every push")

    return post


def _boto3_posting(url: str, threads: int) -> Posting:
    session = boto3.Session(CREDENTIALS.access_key, CREDENTIALS.secret_key, CREDENTIALS.token, REGION)
    config = Config(max_pool_connections=threads, parameter_validation=False)
    client = session.client("apigatewaymanagementapi", endpoint_url=url, config=config)
    executor = ThreadPoolExecutor(threads)

    def post(pushes: list[tuple[str, bytes]]) -> None:
        for _ in executor.map(lambda push: client.post_to_connection(ConnectionId=push[0], Data=push[1]), pushes):
            pass

    return post
