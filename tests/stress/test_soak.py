"""Many clients over sockets that keep breaking: every application sees every message once and in order.

`PARLEY_SOAK` is the number of messages: 500 unless it says otherwise, 5,000 in continuous integration. Sockets and
channels grow with it: 200 and 20 for the 5,000.
"""

from __future__ import annotations

import asyncio
import os
import random
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from local.stack.running import Stack
from parley_client import Client, MessageAdded
from parley_client.connection import REQUEST_SECONDS
from parley_client.timing import Handle, RealTiming
from parley_client.wire import Wire, open_wire
from tests.end_to_end.clients import access_token
from tests.stress.back_end import BackEnd, all_at_once

MESSAGES = int(os.environ.get("PARLEY_SOAK", "300"))
CHANNELS = max(MESSAGES // 250, 2)
CLIENTS = 10 * CHANNELS
CHANNELS_EACH = 2
SENDERS_AT_ONCE = 32
MESSAGES_PER_BREAK = 5
PATIENCE_SECONDS = 120.0
"""How long to wait for the next event that a client must be told."""


class PatientTiming(RealTiming):
    """No request times out because the machine is slow: whatever takes half a minute or more takes ten times as long."""

    def later(self, seconds: float, callback: Callable[[], object]) -> Handle:
        return super().later(seconds * 10 if seconds >= REQUEST_SECONDS else seconds, callback)


@dataclass
class Person:
    """A client, the socket it has at the moment, and what its application was told: indexes by channel."""

    identity: str
    client: Client
    wires: list[Wire] = field(default_factory=list)
    told: dict[str, list[int]] = field(default_factory=dict)

    async def listen(self, events: Any) -> None:
        async for event in events:
            if isinstance(event, MessageAdded):
                message = event.message
                self.told.setdefault(message.channel.sid, []).append(message.index)


def _person(stack: Stack, service_sid: str, number: int) -> Person:
    identity = f"user {number}"

    async def connect(url: str, token: str) -> Wire:
        wire = await open_wire(url, token, proxy=None)
        person.wires.append(wire)
        return wire

    client = Client(
        stack.info["ws_url"],
        lambda: access_token(stack.info, service_sid, identity),
        connect=connect,
        timing=PatientTiming(),
    )
    person = Person(identity, client)
    return person


@pytest.fixture
def rooms(back_end: BackEnd, service_path: str) -> Iterator[dict[str, list[int]]]:
    """The numbers of its members by channel."""
    made: dict[str, list[int]] = {}
    for number in range(CHANNELS):
        sid = back_end.post(f"{service_path}/Channels", {"Type": "private"})["sid"]
        made[sid] = [client for client in range(CLIENTS) if (client - number) % CHANNELS < CHANNELS_EACH]

    def fill(sid: str) -> list[Any]:
        members = f"{service_path}/Channels/{sid}/Members"
        return [back_end.post(members, {"Identity": f"user {number}"}) for number in made[sid]]

    all_at_once([lambda sid=sid: fill(sid) for sid in made])
    yield made


def test_nothing_is_lost_or_told_twice_or_out_of_order_however_often_sockets_break(
    unlimited: Stack, service_path: str, rooms: dict[str, list[int]]
) -> None:
    service_sid = service_path.rpartition("/")[2]
    asyncio.run(_soak(unlimited, service_sid, rooms))


async def _soak(stack: Stack, service_sid: str, rooms: dict[str, list[int]]) -> None:
    chance = random.Random(MESSAGES)
    people = [_person(stack, service_sid, number) for number in range(CLIENTS)]
    listening = [asyncio.create_task(person.listen(person.client.events())) for person in people]
    started = time.monotonic()
    try:
        for at in range(0, CLIENTS, SENDERS_AT_ONCE):
            await asyncio.gather(*(person.client.start() for person in people[at : at + SENDERS_AT_ONCE]))
        opened = time.monotonic()
        sent = await _send(people, rooms, chance)
        said = time.monotonic()
        breaks = sum(len(person.wires) - 1 for person in people)
        await _until_told(people, rooms, sent)
        heard = time.monotonic()
    finally:
        await asyncio.gather(*(person.client.shutdown() for person in people))
        for task in listening:
            task.cancel()
    for sid, members in rooms.items():
        for number in members:
            assert people[number].told[sid] == sorted(sent[sid]), f"user {number} in {sid}"
    assert breaks > MESSAGES // MESSAGES_PER_BREAK // 2, "sockets broke too seldom to prove anything"
    print(
        f"{CLIENTS} sockets open after {opened - started:.1f} s; {MESSAGES} messages to {CHANNELS} channels in "
        f"{said - opened:.1f} s, {breaks} broken sockets, everything told {heard - said:.1f} s later"
    )


async def _send(people: list[Person], rooms: dict[str, list[int]], chance: random.Random) -> dict[str, list[int]]:
    """Send all messages, some at once, and break sockets meanwhile; the indexes they got, by channel."""
    sent: dict[str, list[int]] = {sid: [] for sid in rooms}
    left = iter(range(MESSAGES))
    sids = list(rooms)

    async def speak() -> None:
        for number in left:
            if number % MESSAGES_PER_BREAK == 0:
                chance.choice(people).wires[-1].abort()
            sid = chance.choice(sids)
            person = people[chance.choice(rooms[sid])]
            channel = await person.client.get_channel_by_sid(sid)
            sent[sid].append(await channel.send_message(f"message {number}"))

    await asyncio.gather(*(speak() for _ in range(SENDERS_AT_ONCE)))
    return sent


async def _until_told(people: list[Person], rooms: dict[str, list[int]], sent: dict[str, list[int]]) -> None:
    due = sum(len(sent[sid]) * len(members) for sid, members in rooms.items())
    told, deadline = 0, time.monotonic() + PATIENCE_SECONDS
    while told < due:
        before, told = told, sum(len(indexes) for person in people for indexes in person.told.values())
        if told > before:
            deadline = time.monotonic() + PATIENCE_SECONDS
        elif time.monotonic() > deadline:
            return
        await asyncio.sleep(0.05)
