"""Messages to many phones while everything fails: each living phone is told of each message, whatever dies meanwhile.

A small run, unless `PARLEY_NOTIFICATIONS` says how many messages there are; 1,000 or more go to 50 people.
"""

from __future__ import annotations

import os
import random
from typing import Any

import pytest

from parley.ports.push import Device, Gone, Outcome, Retry
from tests.notifications.scene import Scene
from tests.support.killing import Killed

MESSAGES = int(os.environ.get("PARLEY_NOTIFICATIONS", "40"))
PEOPLE, PHONES = 50 if MESSAGES >= 1000 else 12, 3
_BATCH = 50


class World:
    """SNS that throttles and fails, phones of which a tenth is uninstalled, and functions that die twice."""

    def __init__(self, scene: Scene, dead: set[str], chance: random.Random) -> None:
        self.scene, self.dead, self.chance = scene, dead, chance
        self.deaths_left = {"push": 2, "fan_out": 2}
        self.published = 0
        self.names: set[str] = set()
        scene.phones.meddle = self.answer

    def answer(self, device: Device) -> Outcome | None:
        self.published += 1
        if self.published in (50, 400) and self.deaths_left["push"]:
            self.deaths_left["push"] -= 1
            raise Killed
        if self.chance.random() < 0.1:
            return Retry(self.chance.choice(["Throttled", "InternalError"]))
        if device.address in self.dead:
            return Gone(52103)
        return None

    def plan(self) -> list[Any]:
        """Fan-out handles all that is new, as its event source mapping repeats it; returns what the queue keeps."""
        records = self.scene.deployment.new_records()
        for start in range(0, len(records), _BATCH):
            batch = records[start : start + _BATCH]
            while batch:
                if self.deaths_left["fan_out"]:
                    # It dies after it has queued everything, before it could say so.
                    self.deaths_left["fan_out"] -= 1
                    self.scene.deployment.deliver(batch)
                    self.scene.deployment.fan_out_handler = self._new_container()
                    continue
                failures = self.scene.deployment.deliver(batch)["batchItemFailures"]
                places = [record["dynamodb"]["SequenceNumber"] for record in batch]
                batch = batch[places.index(failures[0]["itemIdentifier"]) :] if failures else []
        return self.queued()

    def _new_container(self) -> Any:
        from tests.sockets.deployment import load_function

        return load_function("fan_out", self.scene.deployment.new_runtime())

    def queued(self) -> list[Any]:
        """What is new in the queue, without what SQS drops because it has had its name before."""
        kept = []
        for entry in self.scene.queue.take():
            if entry["once"] not in self.names:
                self.names.add(entry["once"])
                kept.append(entry)
        return kept

    def work_off(self, waiting: list[Any]) -> None:
        """The push function works off its queue, ten entries at a time, until there is nothing left."""
        while waiting:
            now = self.scene.world.clock.now_ms()
            batch = [entry for entry in waiting if entry.get("due_at", 0) <= now][:10]
            if not batch:
                self.scene.world.clock.advance(1)
                continue
            try:
                assert self.scene.push(batch) == []
            except Killed:
                # Nobody has told SQS that these are done.
                waiting += self.queued()
                continue
            waiting = [entry for entry in waiting if entry not in batch] + self.queued()


@pytest.mark.parametrize("seed", [1, 2])
def test_each_living_phone_is_told_of_each_message_and_the_dead_are_gone(scene: Scene, seed: int):
    chance = random.Random(seed)
    scene.world.actions_per_second = 0
    scene.deployment.runtime = scene.deployment.new_runtime()
    room = scene.house.channel("alice")
    addresses = []
    for number in range(PEOPLE):
        room.add(f"user {number}")
        addresses += [scene.phone(f"user {number}", chance.choice(["apn", "fcm"])) for _ in range(PHONES)]
    scene.hush()
    dead = set(chance.sample(addresses, len(addresses) // 10))
    world = World(scene, dead, chance)
    for _ in range(MESSAGES):
        room.post("hello", From="alice")
    world.work_off(world.plan())
    told: dict[str, set[str]] = {}
    for one in scene.phones.take():
        told.setdefault(one.address, set()).add(one.payload["message_sid"] + one.sid)
    assert set(told) == set(addresses) - dead
    assert {len(sids) for sids in told.values()} == {MESSAGES}
    left = {one["sid"] for number in range(PEOPLE) for one in scene.bindings(f"user {number}")}
    assert len(left) == len(addresses) - len(dead)
    assert world.deaths_left == {"push": 0, "fan_out": 0}
    # Whoever is gone is asked no more.
    scene.phones.asked.clear()
    room.post("hello", From="alice")
    world.work_off(world.plan())
    assert {device.address for device in scene.phones.asked} == set(addresses) - dead
