"""How long a message takes from one client to another through the whole local stack, with and without the fast path.

Lambda reads a stream four times a second. The local pump usually reads it at once. So the same talk goes over four
stacks, which take turns: two poll as the pump does and two as Lambda does, each with the fast path and without it. One
process sends and receives, so there is one clock. The time begins just before a request is sent. It ends when a client
that follows the rules of docs/sockets.md delivers the message to its application: a client holds a message back until
the changes before it have come. The receivers are Parley's own Python client, without its connection and its objects.
"""

from __future__ import annotations

import asyncio
import json
import random
import statistics
import sys
import tempfile
from collections.abc import Awaitable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple

# The client's package is not installed.
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "clients/python"))

from websockets.asyncio.client import ClientConnection

from bench import hops
from bench.chat import Listening
from bench.chat_on_parley import ParleyServer
from bench.figures import TIME, Figure, Findings
from parley_client.following import Following

P50_MS, P95_MS = 25, 60
"""The goals for rooms of up to 50 connections, with Lambda's polling and the fast path."""
POLL_MS = 250
HALL, ROOMS, SENDERS = 50, 10, 20
PAUSE_SECONDS = 0.4
MESSAGES, CROWDS, EACH = 25, 3, 2
"""How many messages there are of each kind, how often the crowd talks, and how much each of its senders then sends."""


class Setting(NamedTuple):
    """How a stack is set up."""

    poll_ms: int
    is_fast: bool

    @property
    def name(self) -> str:
        """The setting in words."""
        return f"{self.poll_ms} ms polling, {'with' if self.is_fast else 'without'} the fast path"

    @property
    def environment(self) -> dict[str, str]:
        """The variables that set up a stack like this."""
        return {"PARLEY_STREAM_POLL_MS": str(self.poll_ms), "PARLEY_FAST_PUSH": str(self.is_fast).lower()}


AS_ON_AWS = Setting(POLL_MS, is_fast=True)
SETTINGS = (AS_ON_AWS, Setting(POLL_MS, is_fast=False), Setting(0, is_fast=True), Setting(0, is_fast=False))
PAIR, ROOM, CROWD = "1:1", f"room of {HALL}", f"{SENDERS} + {SENDERS} in {ROOMS} rooms"
BY = "socket", "REST"


class Person:
    """Somebody with an open socket, who follows the channels that there are when the socket opens.

    Attributes:
        questions: How often `catchUp` was sent.
    """

    def __init__(self, socket: ClientConnection) -> None:
        self.listening = Listening()
        self.questions = 0
        self._socket = socket
        self._following = Following()
        self._ids = map(str, count())
        self._replies: dict[str, asyncio.Future[Any]] = {}
        self._reading = asyncio.create_task(self._read())
        self._asking: asyncio.TimerHandle | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def begin(self) -> None:
        """Begin to follow the channels."""
        self._following.session_begins()
        listed = await self.ask("listMyChannels")
        self._following.session(listed["channels"], self._now())

    async def ask(self, action: str, **members: Any) -> Any:
        """Send a request; returns the result."""
        number = next(self._ids)
        self._replies[number] = asyncio.get_running_loop().create_future()
        waiting = self._replies[number]
        await self._socket.send(json.dumps({"id": number, "action": action, **members}))
        return await asyncio.wait_for(waiting, 60)

    async def close(self) -> None:
        """Close the socket, and ask nothing any more."""
        self._reading.cancel()
        if self._asking is not None:
            self._asking.cancel()
        for task in self._tasks:
            task.cancel()
        await self._socket.close()

    async def _read(self) -> None:
        async for text in self._socket:
            frame = json.loads(text)
            for part in frame if isinstance(frame, list) else [frame]:
                if waiting := self._replies.pop(part.get("id", ""), None):
                    if "error" in part:
                        waiting.set_exception(RuntimeError(str(part["error"])))
                    else:
                        waiting.set_result(part.get("result"))
                elif "channel_sid" in part:
                    self._deliver(self._following.push(part, self._now()))

    def _deliver(self, pushes: list[Any]) -> None:
        bodies = [push["message"]["body"] for push in pushes if push["event"] == "messageAdded"]
        if bodies:
            self.listening.note(*bodies)
        if self._asking is not None:
            self._asking.cancel()
            self._asking = None
        if (due := self._following.due) is not None:
            self._asking = asyncio.get_running_loop().call_at(due, self._ask_due)

    def _ask_due(self) -> None:
        self._asking = None
        if asked := self._following.questions(self._now()):
            self.questions += 1
            task = asyncio.create_task(self._catch_up(asked))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _catch_up(self, asked: dict[str, int]) -> None:
        answers = await self.ask("catchUp", channels=asked)
        for sid, answer in answers["channels"].items():
            self._deliver(self._following.answer(sid, answer, self._now()))

    @staticmethod
    def _now() -> float:
        return asyncio.get_running_loop().time()


class Room(NamedTuple):
    """A channel, who writes in it, and who listens there."""

    sid: str
    senders: list[Person]
    listeners: list[Person]


@dataclass
class Stage:
    """A stack with its rooms, and the seconds that messages took there, by kind of talk and way of sending."""

    setting: Setting
    server: ParleyServer
    pair: Room
    hall: Room
    crowd: list[Room]
    taken: dict[tuple[str, str], list[float]] = field(default_factory=dict)
    crowd_messages: int = 0

    @property
    def people(self) -> list[Person]:
        """Everybody in the crowd."""
        return [person for room in self.crowd for person in [*room.senders, *room.listeners]]

    @classmethod
    async def build(cls, setting: Setting, home: Path, until: AsyncExitStack) -> Stage:
        """Start a stack, and let everybody connect."""
        server = await ParleyServer.start(home, setting.environment)
        until.push_async_callback(server.close)

        async def room(name: str, senders: int, listeners: int) -> Room:
            names = [f"{name} {number}" for number in range(senders + listeners)]
            sid = await server.room(*names)
            people = [Person(await server.connect(one)) for one in names]
            for person in people:
                until.push_async_callback(person.close)
                await person.begin()
            return Room(sid, people[:senders], people[senders:])

        pair, hall = await room("pair", 1, 1), await room("hall", 1, HALL - 1)
        each = SENDERS // ROOMS
        crowd = [await room(f"crowd {number}", each, each) for number in range(ROOMS)]
        return cls(setting, server, pair, hall, crowd)

    async def say(self, kind: str, by: str) -> None:
        """Send one message to one person or to a room, and note how long it took to each listener."""
        room = self.pair if kind == PAIR else self.hall
        # Messages that wait for the polling must meet every phase of it.
        waits = self.setting.poll_ms and not self.setting.is_fast
        await asyncio.sleep(random.uniform(0, POLL_MS / 1000 if waits else 0.05))
        body, sending, started = self._send(room, 0, by)
        heard = [await listener.listening.heard(body) - started for listener in room.listeners]
        await sending
        self.taken.setdefault((kind, by), []).extend(heard)

    async def talk(self, by: str) -> None:
        """Let the crowd talk, and note how long each message took to each listener."""
        places = range(SENDERS // ROOMS)
        talks = [self._at_once(room, place, by) for room in self.crowd for place in places]
        for of_one in await asyncio.gather(*talks):
            self.taken.setdefault((CROWD, by), []).extend(of_one)
        self.crowd_messages += SENDERS * EACH

    async def _at_once(self, room: Room, place: int, by: str) -> list[float]:
        sent = []
        await asyncio.sleep(random.uniform(0, PAUSE_SECONDS))
        for _ in range(EACH):
            sent.append(self._send(room, place, by))
            await asyncio.sleep(PAUSE_SECONDS)
        taken = [await listener.listening.heard(body) - at for body, _, at in sent for listener in room.listeners]
        await asyncio.gather(*(sending for _, sending, _ in sent))
        return taken

    def _send(self, room: Room, place: int, by: str) -> tuple[str, asyncio.Future[Any], float]:
        body = next_body()
        sender = room.senders[place]
        started = asyncio.get_running_loop().time()
        asked: Awaitable[Any]
        if by == "socket":
            asked = sender.ask("sendMessage", channel=room.sid, body=body)
        else:
            asked = self.server.post(room.sid, f"author {place}", body)
        return body, asyncio.ensure_future(asked), started

    def forget(self) -> None:
        """Forget what was measured so far."""
        self.taken.clear()
        self.crowd_messages = 0
        for person in self.people:
            person.questions = 0


def next_body() -> str:
    """The text of a message, as no other message has it."""
    return f"{next(_NUMBERS)} {'x' * 200}"


_NUMBERS = count()


def measure(quick: bool) -> Findings:
    """Measure all stacks, and add what is modelled for AWS."""
    stages = asyncio.run(_measured(SETTINGS[:2] if quick else SETTINGS, quick=quick))
    found = Findings()
    for stage in stages:
        found.figures += _figures(stage)
    found.tables["measured"] = _table(stages)
    found.tables["hops"], found.tables["model"] = hops.table(), hops.totals()
    found.notes.append(f"One process receives for everybody, so it takes its share of the times for a room of {HALL}.")
    return found


async def _measured(settings: tuple[Setting, ...], *, quick: bool) -> list[Stage]:
    with tempfile.TemporaryDirectory() as folder:
        async with AsyncExitStack() as until:
            stages = [await Stage.build(one, Path(folder) / str(number), until) for number, one in enumerate(settings)]
            # The functions' first invocations are cold.
            await _rounds(stages, 2, 1)
            for stage in stages:
                stage.forget()
            await _rounds(stages, 6 if quick else MESSAGES, 1 if quick else CROWDS)
            return stages


async def _rounds(stages: list[Stage], messages: int, crowds: int) -> None:
    """Let the stacks take turns with each message. So no room is so busy that messages leave the fast path."""
    for number in range(messages):
        for kind in (PAIR, ROOM):
            for by in BY:
                for stage in stages if number % 2 else reversed(stages):
                    await stage.say(kind, by)
    for number in range(crowds):
        for by in BY:
            for stage in stages if number % 2 else reversed(stages):
                await stage.talk(by)


def _figures(stage: Stage) -> list[Figure]:
    is_goal = stage.setting == AS_ON_AWS
    figures = []
    for (kind, by), taken in stage.taken.items():
        half, most = spread(taken)
        name = f"{kind} by {by}, {stage.setting.name}"
        figures += [
            Figure(f"{name}: p50", round(half, 1), "ms", TIME, at_most=P50_MS if is_goal else None),
            Figure(f"{name}: p95", round(most, 1), "ms", TIME, at_most=P95_MS if is_goal else None),
        ]
    questions = sum(person.questions for person in stage.people) / stage.crowd_messages * 100
    name = f"catch-up requests for 100 messages of {CROWD}, {stage.setting.name}"
    figures.append(Figure(name, round(questions, 1), "requests", TIME, at_most=2 if is_goal else None))
    return figures


def spread(taken: list[float]) -> tuple[float, float]:
    """The p50 and the p95 of some seconds, in milliseconds."""
    return statistics.median(taken) * 1000, statistics.quantiles(taken, n=20)[18] * 1000


def _table(stages: list[Stage]) -> list[list[str]]:
    rows = [["", *(stage.setting.name for stage in stages)]]
    for kind in (PAIR, ROOM, CROWD):
        for by in BY:
            cells = ["{:.0f} / {:.0f} ms".format(*spread(stage.taken[kind, by])) for stage in stages]
            rows.append([f"{kind}, by {by}", *cells])
    return rows
