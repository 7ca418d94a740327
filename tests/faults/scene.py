"""A service with one of everything in it, every way to act upon it, and what puts it in order after a fault."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from local.template.template import Template
from parley.sockets.native.actions import ACTIONS
from tests.faults.injector import Injector
from tests.rest import everything
from tests.sockets import asking
from tests.sockets.deployment import Deployment, Device, House, Room, Stream
from tests.support.doors import LambdaDoor, Raw
from tests.support.lean import LeanClient
from tests.support.world import World
from tests.webhooks.function import WebhooksFunction

# Longer than any function runs, so that what was under way is over.
SETTLED_SECONDS = 90
_FEW = 20
# What stands for an answer where the connection was ended instead.
_ENDED = 401


class Scene:
    """One account whose table is reached through an injector, all of whose functions can run.

    Alice, bob and carol are in a public channel; carol has every right that a channel role can give, and her socket is
    the one that asks.
    """

    def __init__(self, client: LeanClient, stream: Stream, template: Template):
        (table,) = template.tables()
        self.injector = Injector(client, table.name)
        self.world = World(self.injector, table.name)
        self.deployment = Deployment(self.world, stream, template)
        self.rest = self.deployment.rest
        self.unchecked = Raw(self.deployment.door, checked=False)
        self.items = everything.make(self.rest, self.world.context())
        self.house = House(self.deployment)
        self.room: Room = asking.furnished(self.house, UniqueName="general")
        self.carol: Device = asking.mighty(self.house, self.room)
        self.binding = self._registered()
        self.elsewhere: Room = self.house.channel("alice", UniqueName="elsewhere")
        self.invited: Room = self.house.channel("alice", UniqueName="invited", Type="private")
        self.rest.post(f"{self.invited.path}/Invites", Identity="carol")
        self.webhooks = WebhooksFunction(self.deployment, template)

        self._began_at = self.world.clock.now_ms()
        self._begun_with = {key: self.injector.item(key) for key in self.injector.touched}
        self.injector.touched.clear()
        self.again()

    def again(self) -> None:
        """Make everything as it was at the beginning, the time too."""
        self.injector.disarm()
        self.world.clock.advance((self._began_at - self.world.clock.now_ms()) / 1000)
        for key in self.injector.touched:
            self.injector.store(key, self._begun_with.get(key))
        self.injector.touched.clear()
        self.world.configuration.forget_all()
        self.deployment.gateway.open(self.carol.connection_id)
        # Nobody is told what was undone.
        self.deployment.skip_stream()
        self.webhooks.skip_stream()

    def _registered(self) -> str:
        registered = self.carol.done(
            "registerBinding",
            endpoint="phone",
            binding_type="fcm",
            address="token",
            credential_sid=self.items.items["credential"],
        )
        return str(registered["sid"])

    def put_in_order(self) -> None:
        """Let a minute pass, let the stream's functions and all background work come to their end, look once."""
        self.injector.disarm()
        self.world.configuration.forget_all()
        for _ in range(_FEW):
            self.world.clock.advance(SETTLED_SECONDS)
            self.deployment.announce()
            if not self.webhooks.sweep_all():
                break
        self.deployment.tick()
        services = {self.house.sid: self.house.path}
        services[self.items.items["service"]] = f"/chat/v2/Services/{self.items.items['service']}"
        changed = {pk.removeprefix("CHANNEL#") for pk, _ in self.injector.touched if pk.startswith("CHANNEL#")}
        for sid in changed:
            for path in services.values():
                self.unchecked("GET", f"{path}/Channels/{sid}")

    def in_another_container(self, act: Act) -> None:
        """Do something in a container that remembers nothing, while this one is in the middle of something."""
        container = self.world.another_container()
        rest = Raw(LambdaDoor(container), checked=False)
        with ThreadPoolExecutor(1, initializer=lambda: asyncio.set_event_loop(asyncio.new_event_loop())) as pool:
            assert pool.submit(act.do_over, self, rest).result() < 500


@dataclass(frozen=True)
class Act:
    """One thing that somebody does; it returns the status with which it was answered."""

    name: str
    do_over: Callable[[Scene, Raw], int]

    def do(self, scene: Scene) -> int:
        """Do it in the scene's own container."""
        return self.do_over(scene, scene.unchecked)

    def __str__(self) -> str:
        return self.name


def _request(operation: everything.Operation) -> Act:
    def do(scene: Scene, rest: Raw) -> int:
        return operation.ask(rest, scene.items.of(operation)).status

    return Act(operation.name, do)


def _action(name: str) -> Act:
    def do(scene: Scene, rest: Raw) -> int:
        frame = {"id": "1", "action": name, **_members(scene, name)}
        reply = scene.deployment.send(scene.carol.connection_id, json.dumps(frame))
        return int(reply["status"]) if reply else _ENDED

    return Act(f"socket:{name}", do)


def _members(scene: Scene, name: str) -> dict[str, Any]:
    members = asking.request_for(name, scene.room)
    match name:
        case "refreshToken":
            deployment = scene.deployment
            members["token"] = deployment.token(scene.house.key, scene.house.sid, "carol")
        case "updateMember" | "updateUser":
            members["identity"] = "carol"
        case "fetchUser":
            members["identity"] = "bob"
        case "joinChannel":
            members["channel"] = scene.elsewhere.sid
        case "acceptInvitation" | "declineInvitation":
            members["channel"] = scene.invited.sid
        case "followUsers" | "unfollowUsers":
            members["identities"] = ["alice", "bob"]
        case "registerBinding":
            members |= {"endpoint": "tablet", "binding_type": "fcm", "address": "other"}
            members["credential_sid"] = scene.items.items["credential"]
        case "removeBinding":
            members["binding"] = scene.binding
        case "catchUp":
            members["channels"] = {scene.room.sid: 1}
        case "sendMessage":
            members["id"] = "0123456789abcdef"
        case "createChannel":
            members["unique_name"] = "made here"
    return members


def _connect(scene: Scene, rest: Raw) -> int:
    key, sid = scene.house.key, scene.house.sid
    _, answer = scene.deployment.open(scene.deployment.token(key, sid, "dave"))
    return int(answer["statusCode"])


def _disconnect(scene: Scene, rest: Raw) -> int:
    scene.deployment.close(scene.carol.connection_id)
    return 200


def acts() -> Iterator[Act]:
    """Everything that can be done: an operation once per record and verb, every action, opening and closing a socket."""
    known: set[tuple[str, str]] = set()
    for operation in everything.OPERATIONS:
        if (operation.resource, operation.verb) not in known:
            known.add((operation.resource, operation.verb))
            yield _request(operation)
    for name in ACTIONS:
        yield _action(name)
    yield Act("connect", _connect)
    yield Act("disconnect", _disconnect)


ACTS = list(acts())
# Those that only look leave nothing behind that could be wrong.
READS = ("fetch", "list")


def writes(act: Act) -> bool:
    """Whether an act changes anything."""
    return not act.name.rpartition(".")[2].startswith(READS) and not act.name.startswith(
        ("socket:fetch", "socket:list", "socket:catchUp", "socket:typing")
    )
