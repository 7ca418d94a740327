"""Renaming, repeating, clearing and deleting at once: a name leads to a channel if and only if the channel bears it."""

from __future__ import annotations

import random
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from parley.errors import Refusal
from parley.faces.errors import translate
from parley.operations import channel_lists, channels, services
from parley.operations.paging import PageRequest
from parley.store import keys
from tests.support.world import World

ROUNDS, RIVALS = 400, 4
NAMES = ("red", "green", "blue")
TYPES = {"type": ["public", "private"]}


class Container:
    """One warm container of the function. Its requests may be refused."""

    def __init__(self, world: World, service_sid: str):
        self.context = world.context()
        self.path = {"service_sid": service_sid}

    def create(self, **parameters: Any) -> str:
        return str(channels.create(self.context, self.path, parameters)["sid"])

    def attempt(self, operation: Callable[..., Any], sid: str, **parameters: Any) -> None:
        try:
            operation(self.context, {**self.path, "sid": sid}, parameters)
        except Refusal as refusal:
            assert translate("chat", refusal).status in (404, 409), refusal

    def living(self) -> dict[str, dict[str, Any]]:
        listed = channel_lists.list_(self.context, self.path, TYPES, PageRequest(100))
        return {channel["sid"]: channel for channel in listed.records}


def _action(chance: random.Random, sids: list[str]) -> tuple[Callable[..., Any], str, dict[str, Any]]:
    """A renaming, a repetition of the name, a change beside it, a clearing, or now and then a deletion."""
    sid = chance.choice(sids)
    if chance.random() < 0.1:
        return channels.delete, sid, {}
    name = chance.choice((*NAMES, None))
    return channels.update, sid, {"unique_name": name, "friendly_name": str(chance.random())}


def test_a_name_leads_to_the_channel_that_bears_it_and_to_no_other_after_any_race(world: World) -> None:
    """An update that repeated the channel's name was made again after it had been overtaken by a renaming."""
    service_sid = services.create(world.context(), {}, {"friendly_name": "names"})["sid"]
    containers = [Container(world.another_container(), service_sid) for _ in range(RIVALS)]
    chance = random.Random(11)
    first = containers[0]
    sids = [first.create(unique_name=name) for name in NAMES[:2]]
    with ThreadPoolExecutor(RIVALS) as pool:
        for number in range(ROUNDS):
            actions = [_action(chance, sids) for _ in containers]
            pending = [
                pool.submit(container.attempt, operation, sid, **parameters)
                for container, (operation, sid, parameters) in zip(containers, actions, strict=True)
            ]
            for done in pending:
                done.result()
            living = first.living()
            bearers = {channel["unique_name"]: sid for sid, channel in living.items() if channel.get("unique_name")}
            pointers = world.table.fetch_many([keys.unique_name(service_sid, name) for name in NAMES])
            leads = {key.pk.rpartition("#")[2]: pointer["channel_sid"] for key, pointer in pointers.items()}
            named = [channel["unique_name"] for channel in living.values() if channel.get("unique_name")]
            assert leads == bearers and len(named) == len(bearers), f"round {number}: {actions}"
            sids = list(living)
            while len(sids) < 2:
                sids.append(first.create())
