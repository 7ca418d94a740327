"""Catching up over any history of changes."""

from __future__ import annotations

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.sockets.deployment import Deployment, House
from tests.sockets.histories import CHOICES, Copy, History, seq_of
from tests.sockets.missing import (
    SETTLED_SECONDS,
)


@settings(deadline=None, max_examples=25, suppress_health_check=list(HealthCheck))
@given(st.lists(st.tuples(st.sampled_from(CHOICES), st.integers(0, 40)), min_size=1, max_size=14))
def test_whatever_happens_catching_up_from_any_mark_gives_what_fetching_gives(
    deployment: Deployment, changes: list[tuple[str, int]]
) -> None:
    history = History(House(deployment))
    copies = [Copy.fetched(history.alice, history.room)]
    for what, number in changes:
        history.change(what, number)
        copies.append(Copy.fetched(history.alice, history.room))
    now = Copy.fetched(history.alice, history.room)
    for copy in copies:
        before = copy.mark
        copy.catch_up(history.alice, history.room)
        assert copy.shown() == now.shown(), (before, changes)
        assert before <= copy.mark <= now.mark
    deployment.world.clock.advance(SETTLED_SECONDS)
    history.change("send", 1)
    deployment.world.clock.advance(SETTLED_SECONDS)
    # Now every number that was not used is known not to be.
    copies[0].catch_up(history.alice, history.room)
    assert copies[0].mark == seq_of(history.alice, history.room)
    assert copies[0].mark > now.mark
