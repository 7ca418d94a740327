"""The fault run: 500 events to five targets, four of them bad in different ways, while the workers are killed twice.

Beside it, for comparison, a shorter run in which no target is bad: as many deliveries of each message, the same pace,
one kill.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import pytest

from local.stack.running import start_stack
from tests.stress.back_end import UNLIMITED
from tests.trust.faults import BAD, CHANNELS, Run

# The median is some hundredths of a second, where a little of a busy machine's doing is more than twice as much. The
# slowest are those that waited for workers to come back, who then learn anew which targets are bad.
ALLOWANCE_SECONDS = {50: 0.25, 95: 1.0}


class Runs(NamedTuple):
    without_bad_ones: Run
    beside_bad_ones: Run


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runs]:
    stack = start_stack(tmp_path_factory.mktemp("faults") / "home", environment=UNLIMITED)
    try:
        yield Runs(Run(stack, 120, 1, are_others_bad=False), Run(stack, 500, 2, are_others_bad=True))
    finally:
        stack.kill()


def test_after_recovery_every_event_has_been_delivered_to_every_target(runs: Runs) -> None:
    run = runs.beside_bad_ones
    assert len(run.posted) == run.events == 500
    assert set(run.targets) == {"healthy", *BAD}
    for name in run.targets:
        assert run.delivered(name) == set(run.posted), name


@pytest.mark.parametrize("hundredths", ALLOWANCE_SECONDS)
def test_a_healthy_target_hardly_notices_the_bad_ones(runs: Runs, hundredths: int) -> None:
    without, beside = (run.percentile("healthy", hundredths) for run in runs)
    assert beside <= 2 * without + ALLOWANCE_SECONDS[hundredths], (
        f"{without:.3f} s without bad ones, {beside:.3f} s beside them"
    )


def test_what_comes_twice_bears_the_same_token(runs: Runs) -> None:
    for run in runs:
        for name, target in run.targets.items():
            tokens: dict[str, set[str]] = {}
            for received in target.received:
                tokens.setdefault(received.message_sid, set()).add(received.token)
            assert {len(found) for found in tokens.values()} == {1}, name


def test_no_two_targets_and_no_two_events_share_a_token(runs: Runs) -> None:
    run = runs.beside_bad_ones
    pairs = {
        (received.token, name, received.message_sid) for name in run.targets for received in run.targets[name].received
    }
    assert len({token for token, _, _ in pairs}) == len(pairs) == run.events * len(run.targets)


def test_a_healthy_target_gets_the_messages_of_a_channel_in_their_order(runs: Runs) -> None:
    for run in runs:
        arrived: dict[str, list[int]] = {}
        for received in run.acknowledged("healthy"):
            told = received.parameters
            arrived.setdefault(told["ChannelSid"], []).append(int(told["Index"]))
        first = {channel: list(dict.fromkeys(indexes)) for channel, indexes in arrived.items()}
        assert first == {channel: list(range(len(indexes))) for channel, indexes in first.items()}
        assert len(first) == CHANNELS


def test_the_bad_ones_were_bad(runs: Runs) -> None:
    """Otherwise nothing was tested."""
    run = runs.beside_bad_ones
    for name in ("failing", "hanging", "resetting"):
        assert any(not received.is_acknowledged for received in run.targets[name].received), name
    assert run.percentile("slow", 50) > 0.25
    assert run.stack.printed.count("the pump died") == 3
