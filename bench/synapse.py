"""The local stack beside Matrix Synapse: one driver, the same clients, alternating rounds of one run.

Both run on this machine with their state on disk, without rate limits. A round measures one server three ways:

- alone: two people, one message after the other, from just before it is sent until the other one has it;
- crowded: 20 senders and 20 listeners in 10 rooms, each sender sends its next message as soon as the last is answered,
  until every member of the room has every message;
- posting: messages are created over HTTP, eight at a time.

CPU time is that of all of a server's processes, emulators of AWS included, while it is crowded. Memory is taken at the
end. Parley's people have sockets, Synapse's poll `/sync`, because that is what their clients do.
"""

from __future__ import annotations

import asyncio
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from bench import machine
from bench.chat import Person, Server
from bench.chat_on_parley import ParleyServer
from bench.chat_on_synapse import SynapseServer
from bench.figures import RATIO, TIME, Figure, Findings

ROUNDS, QUICK_ROUNDS = 5, 1
ALONE, ALONE_AT_A_TIME = 60, 10
ROOMS, PER_ROOM, MESSAGES_EACH = 10, 2, 10
"""Each room has as many senders, and as many listeners."""
POSTERS, POSTS_EACH = 8, 15


@dataclass
class Stage:
    """A server with its people in their rooms."""

    server: Server
    room: str
    pair: tuple[Person, Person]
    rooms: list[tuple[str, list[Person], list[Person]]]
    numbers: Iterable[int] = field(default_factory=lambda: iter(range(1_000_000)))

    @classmethod
    async def set(cls, server: Server) -> Stage:
        room = await server.room("alice", "bob")
        pair = await server.person("alice"), await server.person("bob")
        rooms = []
        for number in range(ROOMS):
            senders = [f"sender {number} {place}" for place in range(PER_ROOM)]
            listeners = [f"listener {number} {place}" for place in range(PER_ROOM)]
            shared = await server.room(*senders, *listeners)
            rooms.append(
                (shared, [await server.person(name) for name in senders], [await server.person(n) for n in listeners])
            )
        return cls(server, room, pair, rooms)

    async def close(self) -> None:
        people = [*self.pair, *(person for _, senders, listeners in self.rooms for person in [*senders, *listeners])]
        await asyncio.gather(*(person.close() for person in people))

    def body(self) -> str:
        """A text that no other message of this run has."""
        return f"message {next(iter(self.numbers))} of this run"


@dataclass(frozen=True)
class Round:
    """What one server did in one round."""

    alone_seconds: list[float]
    messages_per_second: float
    cpu_milliseconds_per_message: float
    emulators_milliseconds_per_message: float
    posts_per_second: float


def measure(quick: bool) -> Findings:
    """Run both servers and compare them."""
    with tempfile.TemporaryDirectory() as folder:
        return asyncio.run(_compare(Path(folder), QUICK_ROUNDS if quick else ROUNDS))


async def _compare(folder: Path, rounds: int) -> Findings:
    synapse = await SynapseServer.start(folder / "synapse")
    try:
        parley = await ParleyServer.start(folder / "parley")
        try:
            stages = [await Stage.set(parley), await Stage.set(synapse)]
            await _round(stages)  # whatever is slow only once
            pairs = [await _round(stages) for _ in range(rounds)]
            memory = [_memory(parley), _memory(synapse)]
            for stage in stages:
                await stage.close()
        finally:
            await parley.close()
    finally:
        await synapse.close()
    return _findings([pair[0] for pair in pairs], [pair[1] for pair in pairs], memory)


async def _round(stages: list[Stage]) -> list[Round]:
    """Have each server take its turn with everything."""
    alone: list[list[float]] = [[] for _ in stages]
    for _ in range(ALONE // ALONE_AT_A_TIME):
        for stage, taken in zip(stages, alone, strict=True):
            taken += [await _alone(stage) for _ in range(ALONE_AT_A_TIME)]
    return [await _busy(stage, taken) for stage, taken in zip(stages, alone, strict=True)]


async def _busy(stage: Stage, alone: list[float]) -> Round:
    emulators = stage.server.emulators if isinstance(stage.server, ParleyServer) else []
    before, before_emulated = _cpu(machine.tree(stage.server.pid)), _cpu(emulators)
    seconds = await _timed(_crowded, stage)
    after, after_emulated = _cpu(machine.tree(stage.server.pid)), _cpu(emulators)
    messages = ROOMS * PER_ROOM * MESSAGES_EACH
    posting = await _timed(_posting, stage)
    return Round(
        alone_seconds=alone,
        messages_per_second=messages / seconds,
        cpu_milliseconds_per_message=(after - before) / messages * 1000,
        emulators_milliseconds_per_message=(after_emulated - before_emulated) / messages * 1000,
        posts_per_second=POSTERS * POSTS_EACH / posting,
    )


async def _alone(stage: Stage) -> float:
    alice, bob = stage.pair
    body = stage.body()
    started = time.perf_counter()
    _, heard = await asyncio.gather(alice.send(stage.room, body), bob.listening.heard(body))
    return heard - started


async def _timed(run: Callable[[Stage], Awaitable[None]], stage: Stage) -> float:
    started = time.perf_counter()
    await run(stage)
    return time.perf_counter() - started


async def _crowded(stage: Stage) -> None:
    async def talk(room: str, sender: Person, members: list[Person]) -> None:
        bodies = [stage.body() for _ in range(MESSAGES_EACH)]
        for body in bodies:
            await sender.send(room, body)
        await asyncio.gather(*(member.listening.heard(body) for member in members for body in bodies))

    await asyncio.gather(
        *(talk(room, sender, [*senders, *listeners]) for room, senders, listeners in stage.rooms for sender in senders)
    )


async def _posting(stage: Stage) -> None:
    async def post(number: int) -> None:
        room = stage.rooms[number % ROOMS][0]
        for _ in range(POSTS_EACH):
            await stage.server.post(room, f"sender {number % ROOMS} 0", stage.body())

    await asyncio.gather(*(post(number) for number in range(POSTERS)))


def _cpu(pids: Iterable[int]) -> float:
    return sum(map(machine.cpu_seconds, pids))


def _memory(server: Server) -> tuple[float, float]:
    sizes = [machine.memory_megabytes(pid) for pid in machine.tree(server.pid)]
    return sum(rss for rss, _ in sizes), sum(pss for _, pss in sizes)


def _findings(ours: list[Round], theirs: list[Round], memory: list[tuple[float, float]]) -> Findings:
    found = Findings()
    found.tables["beside Synapse"] = [["", "Parley", "Synapse", "Ratio", "Goal"]]

    def compared(name: str, unit: str, of: Callable[[Round], float], goal: float, digits: int = 1) -> None:
        mine, other = [of(one) for one in ours], [of(one) for one in theirs]
        ratio = statistics.median(a / b for a, b in zip(mine, other, strict=True))
        add(name, unit, statistics.median(mine), statistics.median(other), ratio, goal, digits)

    def add(name: str, unit: str, mine: float, other: float, ratio: float, goal: float, digits: int) -> None:
        is_large = goal > 1
        least, most = (goal, None) if is_large else (None, goal)
        found.figures += [
            Figure(f"{name}, Parley by Synapse", ratio, "times", RATIO, at_least=least, at_most=most),
            Figure(f"{name}, Parley", mine, unit, TIME),
            Figure(f"{name}, Synapse", other, unit, TIME),
        ]
        bound = f"at least {goal:g}" if is_large else f"at most {goal:.2g}"
        found.tables["beside Synapse"].append(
            [name, f"{mine:,.{digits}f} {unit}", f"{other:,.{digits}f} {unit}", f"{ratio:.2f}", bound]
        )

    def p95(one: Round) -> float:
        return statistics.quantiles(one.alone_seconds, n=20)[18] * 1000

    compared("one to one, p50", "ms", lambda one: statistics.median(one.alone_seconds) * 1000, 1 / 3)
    compared("one to one, p95", "ms", p95, 1 / 3)
    compared("20 + 20 people in 10 rooms", "messages/s", lambda one: one.messages_per_second, 4, 0)
    compared("CPU per message", "ms", lambda one: one.cpu_milliseconds_per_message, 1 / 3)
    compared("messages created over HTTP", "a second", lambda one: one.posts_per_second, 4, 0)
    (rss, pss), (their_rss, their_pss) = memory
    add("memory (PSS)", "MB", pss, their_pss, pss / their_pss, 1.0, 0)
    emulated = statistics.median(one.emulators_milliseconds_per_message for one in ours)
    found.figures.append(Figure("CPU per message, of which emulators", emulated, "ms", TIME))
    found.notes.append(f"Memory with shared pages counted in each process: {rss:.0f} MB and {their_rss:.0f} MB.")
    return found
