"""A channel with very many files is deleted, and nothing is left of them in the table or in the bucket.

`PARLEY_FILES` is the number of files: 300 unless it says otherwise, 10,000 in continuous integration.
"""

from __future__ import annotations

import itertools
import os

from parley.store import keys
from tests.sockets.deployment import House
from tests.support.files import store
from tests.support.invariants import contradictions, everything
from tests.support.lean import LeanClient
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
