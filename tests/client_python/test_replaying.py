"""However pushes are lost, repeated and reordered: what is delivered adds up to what a fetch shows, once and in order."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.client_python.channel_model import Manner, World

# What happens, and how often.
_WEIGHTS = {
    **{"send": 4, "send_slowly": 1, "send_very_slowly": 1, "send_and_crash": 1, "edit": 2, "remove": 1},
    **{"join": 2, "read": 1, "leave": 1, "invite": 1},
    **{"deliver": 4, "deliver_all": 3, "deliver_any": 1, "repeat": 1, "lose": 2},
    **{"wait": 1, "wait_long": 1, "disconnect": 1, "connect": 2, "i_leave": 1, "i_join": 1, "forget_history": 1},
}
_STEPS = [step for step, weight in _WEIGHTS.items() for _ in range(weight)]
_LIVES = 6000


def _lived(manner: Manner, seed: int, steps: list[str]) -> World:
    """A world after all this has happened and come to rest."""
    world = World(manner, Random(seed))
    world.connect()
    for step in steps:
        getattr(world, step)()
    world.settle()
    return world


def _adds_up(world: World) -> bool:
    if world.application.is_member != world.server.is_member:
        return False
    if not world.server.is_member:
        return True
    return world.application.state == world.server.fetch() and world.is_up_to_date()


def _is_told_once(world: World) -> bool:
    versions: dict[str, int] = {}
    added: set[str] = set()
    for push in world.application.told:
        record = push.get("message") or push.get("member")
        if record is None:
            continue
        is_twice = push["event"] == "messageAdded" and record["sid"] in added
        if is_twice or push["seq"] <= versions.get(record["sid"], 0):
            return False
        versions[record["sid"]] = push["seq"]
        if push["event"] == "messageAdded":
            added.add(record["sid"])
    return True


def _is_in_order(world: World) -> bool:
    """Of the messages that are still there, were not written late, and that no fetch has shown."""
    late = {change.key for change in world.server.changes if change.is_late}
    unseen = set(world.server.fetch()) - late - world.application.fetched
    messages = [push["message"] for push in world.application.told if push["event"] == "messageAdded"]
    indexes = [message["index"] for message in messages if message["sid"] in unseen]
    return indexes == sorted(indexes)


def _is_all_announced(world: World) -> bool:
    """The messages that are still there, were not written late, and came after the application's last fetch."""
    if not world.server.is_member:
        return True
    announced = {push["message"]["sid"] for push in world.application.told if push["event"] == "messageAdded"}
    changes = [change for change in world.server.changes if change.event == "messageAdded" and not change.is_late]
    new = {change.key for change in changes if change.seq > world.application.since_fetch}
    return new & set(world.server.fetch()) <= announced


CLAIMS = (_adds_up, _is_told_once, _is_in_order, _is_all_announced)


@pytest.mark.parametrize("claim", CLAIMS)
@settings(max_examples=300, deadline=None)
@given(st.sampled_from(Manner), st.integers(0, 2**32), st.lists(st.sampled_from(_STEPS), min_size=8, max_size=100))
def test_delivered_changes_add_up_and_come_once_in_order_and_completely(
    claim: Callable[[World], bool], manner: Manner, seed: int, steps: list[str]
) -> None:
    assert claim(_lived(manner, seed, steps))


def test_all_of_this_holds_in_thousands_of_long_lives() -> None:
    """What goes wrong once in a thousand lives is not found by a few hundred examples."""
    failed = []
    for seed in range(_LIVES):
        random = Random(seed)
        manner = random.choice(list(Manner))
        world = _lived(manner, seed, random.choices(_STEPS, k=random.randrange(20, 120)))
        for claim in CLAIMS:
            if not claim(world):
                failed.append((seed, manner.name, claim.__name__))
    assert failed == []
