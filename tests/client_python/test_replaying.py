"""However pushes are lost, repeated and reordered: what is delivered adds up to what a fetch shows, once and in order."""

from __future__ import annotations

from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.client_python.channel_model import Manner, World

_CHANGES = [
    *["send"] * 4,
    "send_slowly",
    "send_and_crash",
    *["edit"] * 2,
    "remove",
    *["join"] * 2,
    "read",
    "leave",
    "invite",
]
_MOVES = [
    *["deliver"] * 4,
    *["deliver_all"] * 3,
    "deliver_any",
    "repeat",
    *["lose"] * 2,
    "wait",
    "disconnect",
    *["connect"] * 2,
]
_RARE = ["i_leave", "i_join", "forget_history"]
_STEPS = [*_CHANGES, *_MOVES, *_RARE]
_LIVES = 6000

_manners = st.sampled_from(Manner)
_seeds = st.integers(0, 2**32)
_steps = st.lists(st.sampled_from(_STEPS), min_size=8, max_size=100)
_thorough = settings(max_examples=300, deadline=None)


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


@_thorough
@given(_manners, _seeds, _steps)
def test_what_is_delivered_adds_up_to_what_a_fetch_shows(manner: Manner, seed: int, steps: list[str]) -> None:
    assert _adds_up(_lived(manner, seed, steps))


@_thorough
@given(_manners, _seeds, _steps)
def test_no_change_is_delivered_twice(manner: Manner, seed: int, steps: list[str]) -> None:
    assert _is_told_once(_lived(manner, seed, steps))


@_thorough
@given(_manners, _seeds, _steps)
def test_new_messages_come_in_the_order_of_their_index(manner: Manner, seed: int, steps: list[str]) -> None:
    assert _is_in_order(_lived(manner, seed, steps))


@_thorough
@given(_manners, _seeds, _steps)
def test_each_new_message_is_announced(manner: Manner, seed: int, steps: list[str]) -> None:
    assert _is_all_announced(_lived(manner, seed, steps))


def test_all_of_this_holds_in_thousands_of_long_lives() -> None:
    """What goes wrong once in a thousand lives is not found by a few hundred examples."""
    failed = []
    for seed in range(_LIVES):
        random = Random(seed)
        manner = random.choice(list(Manner))
        world = _lived(manner, seed, random.choices(_STEPS, k=random.randrange(20, 120)))
        for claim in (_adds_up, _is_told_once, _is_in_order, _is_all_announced):
            if not claim(world):
                failed.append((seed, manner.name, claim.__name__))
    assert failed == []
