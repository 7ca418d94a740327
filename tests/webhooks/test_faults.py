"""The fault run: events to five targets, four of them bad in different ways, while the workers are killed twice.

There are 150 events, and 500 with `PARLEY_EVERY_FAULT=1`.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from local.stack.running import start_stack
from tests.stress.back_end import UNLIMITED
from tests.webhooks.faults import BAD, CHANNELS, Run

EVENTS = 500 if os.environ.get("PARLEY_EVERY_FAULT") else 150


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    stack = start_stack(tmp_path_factory.mktemp("faults") / "home", environment=UNLIMITED)
    try:
        yield Run(stack, EVENTS, 2)
    finally:
        stack.kill()


def test_a_healthy_target_gets_everything_while_the_others_are_bad(run: Run) -> None:
    assert run.while_bad["healthy"] == set(run.posted)
    for name in ("failing", "hanging", "resetting"):
        assert run.while_bad[name] == set(), name
        assert run.targets[name].received, f"{name} was never tried"


def test_after_recovery_every_event_has_been_delivered_to_every_target(run: Run) -> None:
    assert len(run.posted) == EVENTS
    assert set(run.targets) == {"healthy", *BAD}
    for name in run.targets:
        assert run.delivered(name) == set(run.posted), name


def test_a_request_that_comes_twice_has_the_same_token(run: Run) -> None:
    for name, target in run.targets.items():
        tokens: dict[str, set[str]] = {}
        for received in target.received:
            tokens.setdefault(received.message_sid, set()).add(received.token)
        assert {len(found) for found in tokens.values()} == {1}, name


def test_no_two_targets_and_no_two_events_share_a_token(run: Run) -> None:
    pairs = {
        (received.token, name, received.message_sid) for name in run.targets for received in run.targets[name].received
    }
    assert len({token for token, _, _ in pairs}) == len(pairs) == EVENTS * len(run.targets)


def test_a_healthy_target_gets_the_messages_of_a_channel_in_their_order(run: Run) -> None:
    arrived: dict[str, list[int]] = {}
    for received in run.acknowledged("healthy"):
        told = received.parameters
        arrived.setdefault(told["ChannelSid"], []).append(int(told["Index"]))
    first = {channel: list(dict.fromkeys(indexes)) for channel, indexes in arrived.items()}
    assert first == {channel: list(range(len(indexes))) for channel, indexes in first.items()}
    assert len(first) == CHANNELS


def test_the_workers_were_killed(run: Run) -> None:
    assert run.stack.printed.count("the pump died") == 2
