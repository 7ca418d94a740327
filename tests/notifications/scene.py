"""A service with devices in it: what happens in its channels goes over the stream, the queue and the push function."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable
from typing import Any, NamedTuple

from local.template.template import Template
from parley.background.composing import composed
from parley.domain.notifications import CHAT
from parley.ids import user_sid
from parley.operations import bindings
from parley.operations.context import Caller
from parley.ports.push import Delivered, Device, Notification, Outcome
from parley.store import keys
from tests.ports.fakes import FakeQueue
from tests.sockets.deployment import Deployment, House, load_function
from tests.support.queued import received
from tests.support.stream import Stream
from tests.support.world import World

QUEUE = "https://sqs.us-east-1.amazonaws.com/123456789012/push.fifo"
_ON = {
    "Notifications.NewMessage.Enabled": "true",
    "Notifications.NewMessage.WithMedia.Enabled": "true",
    "Notifications.AddedToChannel.Enabled": "true",
    "Notifications.RemovedFromChannel.Enabled": "true",
    "Notifications.InvitedToChannel.Enabled": "true",
}
WITH_MEDIA = "notifications.new_message.with_media.enabled"


class Told(NamedTuple):
    """A notification that reached a device."""

    address: str
    notification: Notification

    @property
    def payload(self) -> Any:
        return self.notification.payload

    @property
    def sid(self) -> str:
        return str(self.payload["twi_message_id"])


class Phones:
    """The push port with phones behind it. `meddle` may answer in a phone's place."""

    def __init__(self) -> None:
        self.told: list[Told] = []
        self.asked: list[Device] = []
        self.meddle: Callable[[Device], Outcome | None] = lambda device: None
        self._lock = threading.Lock()

    def deliver(self, device: Device, notification: Notification) -> Outcome:
        with self._lock:
            self.asked.append(device)
            answer = self.meddle(device)
            if answer is not None:
                return answer
            self.told.append(Told(device.address, notification))
            return Delivered(f"endpoint of {device.address}")

    def take(self) -> list[Told]:
        told, self.told = self.told, []
        return told


class Time:
    """What Lambda tells a function of its time."""

    def __init__(self, remaining_ms: int = 30_000) -> None:
        self._remaining_ms = remaining_ms

    def get_remaining_time_in_millis(self) -> int:
        return self._remaining_ms


class Scene:
    """One service with every notification switched on, and the phones of its people."""

    def __init__(self, world: World, stream: Stream, template: Template, **settings: Any) -> None:
        self.queue = FakeQueue(keeps_order=True)
        self.phones = Phones()
        given = {"push_queue_url": QUEUE, **settings}
        world.wire(given, queue=lambda url: self.queue, push=lambda: self.phones)
        self.world = world
        self.deployment = Deployment(world, stream, template)
        self.house = House(self.deployment)
        self.push_handler = load_function("push", self.deployment.runtime)
        self._receipts = itertools.count(1)
        self._endpoints = itertools.count(1)

    @property
    def runtime(self) -> Any:
        return self.deployment.runtime

    def set(self, **fields: Any) -> None:
        """Change the service. Containers see it when they have forgotten what they know of it."""
        self.house.rest.post(self.house.path, {name.replace("__", "."): value for name, value in fields.items()})
        self.runtime.configuration.forget_all()

    def switch_on(self, **more: str) -> None:
        self.house.rest.post(self.house.path, {**_ON, **more})
        self.runtime.configuration.forget_all()

    def credential(self, **fields: str) -> str:
        return str(self.house.rest.post("/chat/v2/Credentials", fields)["sid"])

    def phone(self, identity: str, kind: str = "fcm", face: str = CHAT, types: tuple[str, ...] = ()) -> str:
        """Register a phone of a user, who is made if there is none; returns its address."""
        if self.world.table.fetch(keys.user(user_sid(self.house.sid, identity))) is None:
            self.house.rest.post(f"{self.house.path}/Users", Identity=identity)
        number = next(self._endpoints)
        address = f"{number:064x}" if kind == "apn" else f"token-{number}"
        bindings.register(
            self.world.context(),
            self.house.sid,
            identity,
            endpoint=f"phone {number}",
            binding_type=kind,
            address=address,
            credential_sid="",
            message_types=list(types),
            face=face,
        )
        return address

    def bindings(self, identity: str) -> list[Any]:
        return list(self.house.rest.get(f"{self.house.path}/Users/{identity}/Bindings")["bindings"])

    def hush(self) -> None:
        """Forget what happened so far."""
        self.deployment.skip_stream()
        self.queue.take()

    def plan(self) -> list[Any]:
        """Let fan-out handle what is new; returns what it queued, with the devices that `push` would tell now."""
        self.deployment.announce()
        return [one for one in map(self.composed, self.queue.entries) if one["devices"]]

    def composed(self, entry: Any) -> Any:
        return composed(self.runtime.context(Caller()), entry) if "people" in entry else entry

    def told(self) -> list[Told]:
        """What reached phones of all that is new."""
        self.plan()
        assert self.push(self.queue.take()) == []
        return self.phones.take()

    def addresses(self) -> list[str]:
        """Whose phones were told something of all that is new, by address."""
        return sorted(told.address for told in self.told())

    def push(self, entries: list[Any], remaining_ms: int = 30_000) -> list[str]:
        """One invocation of `push`; returns the names of the entries that stay queued."""
        records = [
            received(entry, f"message-{number}", handle=f"receipt-{number}", group=entry["group"], queue="push.fifo")
            for number, entry in zip(self._receipts, entries)  # noqa: B905
        ]
        answer = self.push_handler({"Records": records}, Time(remaining_ms))
        return [one["itemIdentifier"] for one in answer["batchItemFailures"]]
