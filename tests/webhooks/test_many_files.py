"""Very many files, and many who want the same ones: nothing is left of those that are gone, in the table or the bucket.

`PARLEY_FILES` is the number of files: 300 unless it says otherwise, 10,000 in continuous integration.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import random
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

from parley.errors import MEDIA_NOT_FOUND, Refusal
from parley.store import keys
from parley.store.writes import Erase, Guard
from tests.sockets.deployment import House
from tests.support.doors import LambdaDoor, Raw
from tests.support.files import store
from tests.support.invariants import contradictions, everything
from tests.support.lean import LeanClient
from tests.support.world import World
from tests.webhooks.function import WebhooksFunction
from tests.webhooks.sweeping import do, left_in

FILES = int(os.environ.get("PARLEY_FILES", "300"))
# How many files a message carries, over and over.
ON_A_MESSAGE = (1, 10, 0, 3)
JOB = 25


def test_a_deleted_channel_leaves_none_of_its_files(house: House, webhooks: WebhooksFunction, lean: LeanClient) -> None:
    world, room = house.deployment.world, house.channel("alice", Type="private")
    sids = [store(world, house.sid) for _ in range(FILES)]
    left, turn = list(sids), itertools.cycle(ON_A_MESSAGE)
    while left:
        taken = next(turn)
        content = {"media_sids": left[:taken]} if taken else {"body": "no file"}
        do(house, "message", room, content)
        left = left[taken:]
    room.delete()
    webhooks.sweep_all()
    assert left_in(house, f"CHANNEL#{room.sid}").keys() <= {"tombstone"}
    assert len(webhooks.work.discards) == -(-FILES // JOB)
    assert webhooks.discard_all() == FILES
    # Each object was young, so each job comes again.
    assert len(webhooks.work.discards) == -(-FILES // JOB)
    assert (world.table.fetch_many(map(keys.media, sids)), world.store.keys()) == ({}, [])
    webhooks.look_again()
    now_ms = world.clock.now_ms()
    assert contradictions(everything(lean, world._table_name, world.account_sid), now_ms=now_ms, objects=[]) == []


HANDS, TURNS, FILES_OF_A_TURN = 6, 15, 3


def test_files_and_messages_agree_after_many_have_fought_over_them(
    house: House, webhooks: WebhooksFunction, lean: LeanClient
) -> None:
    """In each turn, messages take the same files, messages are deleted, and files expire, all at once."""
    world, room = house.deployment.world, house.channel(Type="private")
    sids = [store(world, house.sid) for _ in range(FILES_OF_A_TURN * TURNS)]
    path = f"/conversations/v1/Services/{house.sid}/Conversations/{room.sid}/Messages"

    together = threading.Barrier(HANDS, timeout=60)

    def turns(number: int) -> set[int]:
        container, chance = world.another_container(), random.Random(number)
        raw = Raw(LambdaDoor(container), checked=False)
        statuses = set()
        for start in range(0, len(sids), FILES_OF_A_TURN):
            together.wait()
            statuses.add(turn(container, raw, chance, sids[start : start + FILES_OF_A_TURN]))
        return statuses

    def turn(container: World, raw: Raw, chance: random.Random, wanted: list[str]) -> int:
        match chance.choice(("send", "send", "send", "delete", "expire")):
            case "send":
                wanted = chance.sample(wanted, chance.randint(1, len(wanted)))
                return raw("POST", path, [("MediaSid", sid) for sid in wanted]).status
            case "delete":
                listed = raw.get(path)["messages"]
                return raw("DELETE", f"{path}/{chance.choice(listed)['sid']}").status if listed else 204
        # TTL leaves an item that expires no more.
        expires = Guard("expires_at", ">", 0, MEDIA_NOT_FOUND())
        with suppress(Refusal):
            gone = Erase(keys.media(chance.choice(wanted)), MEDIA_NOT_FOUND(), (expires,))
            container.table.commit(container.context().cause(), [gone])
        return 204

    # Mangum asks each thread for its event loop.
    with ThreadPoolExecutor(HANDS, initializer=lambda: asyncio.set_event_loop(asyncio.new_event_loop())) as pool:
        statuses = set().union(*pool.map(turns, range(HANDS)))
    assert {201, 204} <= statuses <= {201, 204, 404, 409}
    left = world.table.fetch_many(map(keys.media, sids))
    assert webhooks.discard_all() == len(sids) - len(left)
    items, objects = everything(lean, world._table_name, world.account_sid), world.store.keys()
    assert contradictions(items, now_ms=world.clock.now_ms(), deaths=True, objects=objects) == []
    assert len(objects) == len(left)
