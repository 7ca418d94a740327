"""How long a message takes from one client to another through the whole local stack, and what it costs in CPU.

    python -m bench.latency          (about a minute, loopback only; starts a stack of its own)

In the first round two people in one channel send one message after the other. In the second 20 senders and 20 listeners
in ten channels talk all at once. One process measures from just before a frame is sent until the push is parsed, so
there is one clock. CPU time is that of the stack's own processes without the emulators; in AWS you pay Lambda for it.
Absolute times say little on a shared machine: compare runs in pairs.
"""

from __future__ import annotations

import asyncio
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Coroutine, Mapping
from pathlib import Path
from typing import Any

# The package lies in the layer, where `python -m` would not look.
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "layers/common/python"))

from twilio.jwt.access_token import AccessToken
from twilio.jwt.access_token.grants import ChatGrant
from twilio.rest import Client as Rest
from websockets.asyncio.client import ClientConnection, connect
from websockets.sync.client import connect as quick_connect
from websockets.typing import Subprotocol

from local.stack.running import Stack, start_stack
from tests.support.push import SERVICE_ACCOUNT

UNLIMITED = {"PARLEY_ACTIONS_PER_SECOND": "0", "PARLEY_REQUESTS_PER_SECOND": "0"}
ALONE = 200
ROOMS, SENDERS, MESSAGES_EACH = 10, 20, 25
PAUSE_SECONDS = 0.4
_OURS = ("gateway", "pump")


class Person:
    """One socket, and when each message that it heard of came."""

    def __init__(self, socket: ClientConnection):
        self._socket = socket
        self._heard: dict[str, float] = {}
        self._arrival = asyncio.Event()
        self._reading = asyncio.create_task(self._read())

    async def _read(self) -> None:
        async for text in self._socket:
            frame = json.loads(text)
            now = time.perf_counter()
            for push in frame if isinstance(frame, list) else [frame]:
                if push.get("event") == "messageAdded":
                    self._heard[push["message"]["body"]] = now
            self._arrival.set()

    async def send(self, channel: str, body: str) -> float:
        """Send a message; returns when."""
        frame = json.dumps({"id": body, "action": "sendMessage", "channel": channel, "body": body})
        started = time.perf_counter()
        await self._socket.send(frame)
        return started

    async def heard(self, body: str) -> float:
        """Wait until a message comes; returns when it came."""
        while body not in self._heard:
            self._arrival.clear()
            await asyncio.wait_for(self._arrival.wait(), 60)
        return self._heard[body]

    async def close(self) -> None:
        self._reading.cancel()
        await self._socket.close()


class Stage:
    """A service with channels and people, over a running stack."""

    def __init__(self, info: Mapping[str, Any]):
        self._info = info
        self._rest = Rest(info["account_sid"], info["auth_token"])
        self._rest.chat.base_url = f"{info['rest_url']}/chat"
        self._service = self._rest.chat.v2.services.create(friendly_name="latency")

    def channel(self, *identities: str) -> str:
        """A new channel with these members."""
        channel = self._service.channels.create()
        for identity in identities:
            channel.members.create(identity=identity)
        return str(channel.sid)

    def notifying(self) -> None:
        """Switch notifications of new messages on. Call it first: functions remember a service for ten seconds."""
        self._service.update(notifications_new_message_enabled=True)

    def devices(self, identity: str, count: int) -> None:
        """Give somebody devices, of a credential of their own."""
        credential = self._rest.chat.v2.credentials.create(type="fcm", secret=SERVICE_ACCOUNT).sid
        with quick_connect(self._url(identity), proxy=None) as socket:
            for number in range(count):
                asked = {"binding_type": "fcm", "address": f"{identity}:{number}", "credential_sid": credential}
                socket.send(json.dumps({"id": str(number), "action": "registerBinding", **asked}))
                assert json.loads(socket.recv())["status"] == 201

    def _url(self, identity: str) -> str:
        return f"{self._info['ws_url']}?token={self._token(identity)}"

    def _token(self, identity: str) -> str:
        info = self._info
        token = AccessToken(info["account_sid"], info["api_key_sid"], info["api_key_secret"], identity=identity)
        token.add_grant(ChatGrant(service_sid=self._service.sid))
        return str(token.to_jwt())

    async def person(self, identity: str) -> Person:
        """Somebody with an open socket."""
        protocols = [Subprotocol("parley.v1"), Subprotocol(self._token(identity))]
        return Person(await connect(self._info["ws_url"], subprotocols=protocols, proxy=None, compression=None))


async def alone(stage: Stage, messages: int = ALONE, pause: float = 0) -> list[float]:
    """One to one: seconds per message. Between two messages, `pause` seconds pass."""
    channel = stage.channel("alice", "bob")
    alice, bob = await stage.person("alice"), await stage.person("bob")
    taken = []
    for number in range(messages + 10):
        started = await alice.send(channel, f"alone {number}")
        taken.append(await bob.heard(f"alone {number}") - started)
        await asyncio.sleep(pause)
    await asyncio.gather(alice.close(), bob.close())
    # For the first ones, the functions are still cold.
    return taken[10:]


async def _crowded(stage: Stage) -> list[float]:
    """Senders and listeners in several channels: seconds per message and listener."""
    rooms = []
    for room in range(ROOMS):
        senders = [f"sender {room} {number}" for number in range(SENDERS // ROOMS)]
        listeners = [f"listener {room} {number}" for number in range(SENDERS // ROOMS)]
        channel = stage.channel(*senders, *listeners)
        rooms.append(
            (channel, [await stage.person(name) for name in senders], [await stage.person(name) for name in listeners])
        )

    async def talk(channel: str, sender: Person, name: str, listeners: list[Person]) -> list[float]:
        started = {}
        for number in range(MESSAGES_EACH):
            body = f"{name} {number}"
            started[body] = await sender.send(channel, body)
            await asyncio.sleep(PAUSE_SECONDS)
        return [await listener.heard(body) - at for body, at in started.items() for listener in listeners]

    talks = [
        talk(channel, sender, f"{channel} {number}", listeners)
        for channel, senders, listeners in rooms
        for number, sender in enumerate(senders)
    ]
    taken = await asyncio.gather(*talks)
    for _, senders, listeners in rooms:
        await asyncio.gather(*(person.close() for person in [*senders, *listeners]))
    return [seconds for of_one in taken for seconds in of_one]


def cpu_seconds(stack: Stack) -> float | None:
    """CPU time that gateway and pump, which run the functions, have used so far; None where /proc does not say."""
    total = 0
    for name in _OURS:
        path = Path(f"/proc/{stack.pids[name]}/stat")
        if not path.exists():
            return None
        fields = path.read_text().rpartition(")")[2].split()
        total += int(fields[11]) + int(fields[12])
    return total / os.sysconf("SC_CLK_TCK")


def _report(name: str, taken: list[float], messages: int, cpu: float | None) -> None:
    cut = statistics.quantiles(taken, n=20)
    used = "" if cpu is None else f", {cpu / messages * 1000:.1f} ms CPU a message"
    print(f"{name:<44} p50 {statistics.median(taken) * 1000:6.1f} ms   p95 {cut[18] * 1000:6.1f} ms{used}")


async def _run(stack: Stack) -> None:
    stage = Stage(stack.info)
    for name, round_, messages in (
        ("1 to 1, one after the other", alone, ALONE + 10),
        (f"{SENDERS} senders, {SENDERS} listeners, {ROOMS} channels", _crowded, SENDERS * MESSAGES_EACH),
    ):
        before = cpu_seconds(stack)
        taken = await round_(stage)
        after = cpu_seconds(stack)
        _report(name, taken, messages, None if before is None or after is None else after - before)


def on_a_stack(run: Callable[[Stack], Coroutine[Any, Any, None]], template: Path | None = None) -> None:
    """Start a stack without limits, run a benchmark on it, and stop it."""
    with tempfile.TemporaryDirectory() as folder:
        stack = start_stack(Path(folder) / "home", template=template, environment=UNLIMITED)
        try:
            asyncio.run(run(stack))
        finally:
            stack.stop()


if __name__ == "__main__":
    on_a_stack(_run)
