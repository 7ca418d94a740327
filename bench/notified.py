"""Whether notifications make sockets slower: the same talk in a service without notifications and in one with them.

It takes five minutes and starts two stacks. Alice and bob talk in both services by turns. In the second service each
has three devices. If one of them writes, the three devices of the other are notified. First they send ten messages a
second. Then they send each message as soon as the one before has arrived. Such a message also waits until the
notifications of the one before are queued, because a shard's changes are worked off one after the other. The fast path
is off: it does not wait for fan-out.

In AWS, `push` and SNS have machines of their own. In a local stack, they share processes with fan-out, on which sockets
wait. So there are two measurements: in the first stack nobody takes the entries off the queue, and in the second `push`
does.
"""

from __future__ import annotations

import asyncio
import statistics
import tempfile
from contextlib import AsyncExitStack
from pathlib import Path

import aiohttp

from bench.chat import Http
from bench.chat_on_parley import UNLIMITED, ParleyServer
from bench.figures import RATIO, TIME, Figure, Findings
from bench.latency import Person, Room, next_body, spread
from local.home import REPOSITORY
from local.stack.running import Stack, start_stack
from tests.support.push import SERVICE_ACCOUNT

ROUNDS, QUICK_ROUNDS, MESSAGES, DEVICES = 16, 2, 40, 3
_ENVIRONMENT = {**UNLIMITED, "PARLEY_FAST_PUSH": "false"}
_TAKES = "            Queue: !GetAtt PushQueue.Arn\n"
_PACES = ((0.1, "ten messages a second"), (0.0, "one upon the other"))


def measure(quick: bool) -> Findings:
    """Measure while nobody takes the entries off the queue, and while `push` does."""
    found = Findings()
    rounds = QUICK_ROUNDS if quick else ROUNDS
    with tempfile.TemporaryDirectory() as folder:
        for name, template in (("without push", _without_push(Path(folder))), ("with push", None)):
            stack = start_stack(Path(folder) / name, template=template, environment=_ENVIRONMENT)
            try:
                found.figures += asyncio.run(_measured(stack, name, rounds))
            finally:
                stack.stop()
    return found


async def _measured(stack: Stack, name: str, rounds: int) -> list[Figure]:
    figures = []
    async with AsyncExitStack() as until:
        rooms = {"without": await _room(stack, until), "with": await _room(stack, until, devices=DEVICES)}
        for pause, pace in _PACES:
            taken: dict[str, list[list[float]]] = {of: [] for of in rooms}
            for number in range(rounds):
                for of in sorted(rooms, reverse=bool(number % 2)):
                    taken[of].append(await _talk(rooms[of], pause))
            for place, percentile in enumerate(("p50", "p95")):
                pairs = zip(taken["with"], taken["without"], strict=True)
                ratio = statistics.median(spread(own)[place] / spread(other)[place] for own, other in pairs)
                figures.append(
                    Figure(f"{name}, {pace}, {percentile}: with notifications, by without", ratio, "times", RATIO)
                )
                for of, of_rounds in taken.items():
                    half_or_most = spread([one for of_round in of_rounds for one in of_round])[place]
                    figures.append(
                        Figure(f"{name}, {pace}, {percentile}: {of} notifications", half_or_most, "ms", TIME)
                    )
    return figures


async def _room(stack: Stack, until: AsyncExitStack, devices: int = 0) -> Room:
    """Alice and bob in a service of their own; with devices, they are notified of messages."""
    account = aiohttp.BasicAuth(stack.info["account_sid"], stack.info["auth_token"])
    http = Http(f"{stack.info['rest_url']}/chat/v2", auth=account)
    until.push_async_callback(http.close)
    service = (await http.ask("POST", "/Services", form=[("FriendlyName", "notified")]))["sid"]
    if devices:
        # Functions remember a service for ten seconds, so this comes first.
        await http.ask("POST", f"/Services/{service}", form=[("Notifications.NewMessage.Enabled", "true")])
    services = Http(f"{stack.info['rest_url']}/chat/v2/Services", auth=account)
    until.push_async_callback(services.close)
    server = ParleyServer(stack, services, service)
    sid = await server.room("alice", "bob")
    people = []
    for identity in ("alice", "bob"):
        person = Person(await server.connect(identity))
        until.push_async_callback(person.close)
        await person.begin()
        people.append(person)
        if devices:
            form = [("Type", "fcm"), ("Secret", SERVICE_ACCOUNT)]
            credential = (await http.ask("POST", "/Credentials", form=form))["sid"]
            for number in range(devices):
                asked = {"binding_type": "fcm", "address": f"{identity}:{number}", "credential_sid": credential}
                await person.ask("registerBinding", **asked)
    return Room(sid, people[:1], people[1:])


async def _talk(room: Room, pause: float) -> list[float]:
    alice, bob = room.senders[0], room.listeners[0]
    taken = []
    for _ in range(MESSAGES):
        body = next_body()
        started = asyncio.get_running_loop().time()
        sending = asyncio.ensure_future(alice.ask("sendMessage", channel=room.sid, body=body))
        taken.append(await bob.listening.heard(body) - started)
        await sending
        await asyncio.sleep(pause)
    return taken


def _without_push(folder: Path) -> Path:
    """The template with `push` switched off, beside everything that it names."""
    for name in ("functions", "layers", "templates"):
        (folder / name).symlink_to(REPOSITORY / name)
    text = (REPOSITORY / "template.yaml").read_text()
    assert text.count(_TAKES) == 1
    changed = folder / "template.yaml"
    changed.write_text(text.replace(_TAKES, _TAKES + "            Enabled: false\n"))
    return changed
