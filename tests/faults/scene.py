"""A service with one of everything in it, which can be put in order after a fault and checked for contradictions."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from local.template.template import Template
from parley.store.items import from_attribute
from parley.store.keys import Key
from tests.faults.injector import Injector
from tests.ports.fakes import FakeOutgoing
from tests.rest import everything
from tests.sdk.device import SdkDevice
from tests.sockets import asking
from tests.sockets.deployment import Deployment, Device, House, Room
from tests.support.doors import Raw
from tests.support.invariants import contradictions
from tests.support.lean import LeanClient
from tests.support.stream import Stream
from tests.support.world import PHONE_NUMBERS, World
from tests.webhooks.function import WebhooksFunction

# Longer than any function runs, so that all functions that were running have ended.
SETTLED_SECONDS = 90
_FEW = 20
HOOK = "https://hooks.example.com/sent"


class Scene:
    """One account whose table is reached through an injector, all of whose functions can run.

    Alice, bob and carol are in a public channel; carol has every right that a channel role can give, and her socket is
    the one that asks. Bob follows alice.
    """

    def __init__(self, client: LeanClient, stream: Stream, template: Template):
        (table,) = template.tables()
        self.injector = Injector(client, table.name)
        self.world = World(self.injector, table.name)
        self.world.store.session = self.injector.session(self.world.store.session)
        self.deployment = Deployment(self.world, stream, template)
        self.deployment.hurry()
        self.rest = self.deployment.rest
        self.unchecked = Raw(self.deployment.door, checked=False)
        self.items = everything.make(self.rest, self.world.context())
        self.house = House(self.deployment)
        self.rest.post(self.house.path, ReachabilityEnabled=True)
        self.room: Room = asking.furnished(self.house, UniqueName="general")
        self.carol: Device = asking.mighty(self.house, self.room)
        self.binding = self._registered()
        self.sdk = SdkDevice(self.house, "carol")
        self.elsewhere: Room = self.house.channel("alice", UniqueName="elsewhere")
        self.invited: Room = self.house.channel("alice", UniqueName="invited", Type="private")
        self.rest.post(f"{self.invited.path}/Invites", Identity="carol")
        self.house.device("bob").done("followUsers", identities=["alice", "carol"])
        sent = {"Type": "webhook", "Configuration.Url": HOOK, "Configuration.Filters": "onMessageSent"}
        self.rest.post(f"{self.room.path}/Webhooks", sent)
        self.phones = self._with_phones()
        self.webhooks = WebhooksFunction(self.deployment, template, FakeOutgoing())
        self.media = f"/media/v1/Services/{self.house.sid}"
        self.conversations = f"/conversations/v1/Services/{self.house.sid}/Conversations"
        # The first tick of an account's life looks back for hours.
        self.deployment.tick()

        self._began_at = self.world.clock.now_ms()
        self._begun_with = {key: self.injector.item(key) for key in self.injector.touched}
        store = self.world.store
        self._begun_with_objects = {key: store.body(key) for key in store.keys()}  # noqa: SIM118
        self.injector.touched.clear()
        self.again()

    def again(self) -> None:
        """Make everything as it was at the beginning, the time too."""
        self.injector.disarm()
        self.world.clock.advance((self._began_at - self.world.clock.now_ms()) / 1000)
        for key in self.injector.touched:
            self.injector.store(key, self._begun_with.get(key))
        self.injector.touched.clear()
        store = self.world.store
        for key in set(store.keys()) - self._begun_with_objects.keys():
            store.port.delete(key)
        for key in self._begun_with_objects.keys() - set(store.keys()):
            store.port.put(key, self._begun_with_objects[key], "image/png")
        self.world.configuration.forget_all()
        self.deployment.gateway.open(self.carol.connection_id, self.sdk.connection_id)
        # Fan-out must not announce what is undone here.
        self.deployment.skip_stream()
        self.webhooks.skip_stream()

    def touched(self) -> set[tuple[str, str]]:
        """The primary keys of all items that were ever written."""
        return {*self._begun_with, *self.injector.touched}

    def _with_phones(self) -> dict[str, str]:
        """The paths of a conversation with a phone, of an empty one, of a thread of phones, and of their service.

        `foreign` is an empty conversation of another service.
        """
        service = f"/conversations/v1/Services/{self.house.sid}"
        paths = {
            name: f"{service}/Conversations/{self.rest.post(f'{service}/Conversations')['sid']}"
            for name in ("thread", "other", "group")
        }
        pair = {"MessagingBinding.Address": "+491727654321", "MessagingBinding.ProxyAddress": PHONE_NUMBERS[0]}
        self.rest.post(f"{paths['thread']}/Participants", pair)
        for address in ("+14155550101", "+14155550102"):
            self.rest.post(f"{paths['group']}/Participants", {"MessagingBinding.Address": address})
        agent = {"Identity": "agent", "MessagingBinding.ProjectedAddress": PHONE_NUMBERS[1]}
        self.rest.post(f"{paths['group']}/Participants", agent)
        other = (
            f"/conversations/v1/Services/{self.rest.post('/conversations/v1/Services', FriendlyName='other')['sid']}"
        )
        foreign = f"{other}/Conversations/{self.rest.post(f'{other}/Conversations')['sid']}"
        return {**paths, "service": service, "foreign": foreign}

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
        """Let minutes pass, let the stream's functions and all background work finish, fetch each changed channel."""
        self.injector.disarm()
        self.world.configuration.forget_all()
        for _ in range(_FEW):
            self.world.clock.advance(SETTLED_SECONDS)
            self.deployment.announce()
            self.webhooks.tick()
            assert self.webhooks.do_timed() == []
            if not self.webhooks.sweep_all():
                break
        self.webhooks.bury_all()
        self._let_files_expire()
        self.deployment.tick()
        services = {self.house.sid: self.house.path}
        services[self.items.items["service"]] = f"/chat/v2/Services/{self.items.items['service']}"
        changed = {pk.removeprefix("CHANNEL#") for pk, _ in self.injector.touched if pk.startswith("CHANNEL#")}
        for sid in changed:
            for path in services.values():
                self.unchecked("GET", f"{path}/Channels/{sid}")

    def _let_files_expire(self) -> None:
        """Remove what waits for a message, as TTL does in the end, and delete the objects of what is gone."""
        files = (Key(*key) for key in self.injector.touched if key[1] == "MEDIA")
        self.world.table.erase_many([key for key in files if "expires_at" in (self.injector.item(key) or {})])
        self.webhooks.discard_all()
        self.webhooks.work.discards = []

    def contradictions(self) -> list[str]:
        """The contradictions among the account's items."""
        touched = {key: self.injector.item(key) for key in self.injector.touched}
        stored = {Key(*key): item for key, item in (self._begun_with | touched).items() if item}
        items = {key: {name: from_attribute(value) for name, value in item.items()} for key, item in stored.items()}
        now_ms, objects = self.world.clock.now_ms(), self.world.store.keys()
        return contradictions(items, now_ms=now_ms, deaths=True, objects=objects)

    def apart(self, act: Callable[[], int]) -> int:
        """Do something in a thread of its own, while this one is in the middle of something."""
        with ThreadPoolExecutor(1, initializer=lambda: asyncio.set_event_loop(asyncio.new_event_loop())) as pool:
            return pool.submit(act).result()
