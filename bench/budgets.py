"""Counts what each operation costs in DynamoDB requests, write units and read units, beside what it may cost.

    python -m bench budgets          (a few seconds, loopback only)

The same measurement is a test (`tests/budgets`). Containers are warm: they have read what every request needs. If the
size of an item matters, it is about 1 KB.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from typing import Any, NamedTuple

import jwt

from bench.engines import engine_with_table
from bench.figures import COUNT, Figure, Findings
from bench.meter import Allowed, Cost, metered
from bench.of_attaching import OfAttaching
from bench.of_devices import OfDevices
from bench.of_media import OfMedia
from bench.of_senders import OfSenders
from bench.of_texts import OfTexts
from bench.over_sdk import OverSdk
from bench.prices import READ_UNIT, WRITE_UNIT
from parley.background.composing import composed
from parley.domain.participants import MOST_IN_GROUP, MOST_PHONES
from parley.ids import member_sid, receipt_sid, user_sid
from parley.operations import phones, receipts, timers
from parley.operations.context import Caller, Context
from parley.operations.counting import EVERY
from parley.operations.verbs import TOMBSTONE_SECONDS
from parley.ports.phones import Outbound
from parley.sockets.presence import forget
from parley.sockets.protocols import NATIVE, TWILSOCK
from parley.store import keys
from parley.store.items import Record, to_item
from parley.store.keys import Key
from parley.store.writes import Put
from tests.ports.fakes import FakeGateway, FakeQueue
from tests.support.doors import LambdaDoor, Raw
from tests.support.files import upload
from tests.support.queued import received
from tests.support.world import PHONE_NUMBERS, World

REST_URL = LambdaDoor.base_url
COUNTED = "requests", "write units", "read units"
_BODY = "x" * 600
_BATCH = 20


class Room(NamedTuple):
    """A channel: its members, how many of them have a socket open, how many left it, and what the sockets speak."""

    members: int
    online: int
    left: int = 0
    protocol: str = NATIVE

    @property
    def name(self) -> str:
        sockets = "sockets" if self.protocol == NATIVE else "SDK sockets"
        left = f", {self.left} who left" if self.left else ""
        return f"a batch of {_BATCH} messages, {self.members} members, {self.online} {sockets}{left}"

    @property
    def read_units(self) -> int:
        """What a batch may read: one unit for the presence of each member, and the items of members and tombstones.

        SDKs are also shown the channel and its counters.
        """
        items = math.ceil(self.members / 15) + math.ceil(self.left / 11)
        return self.members + items + 2 * (self.protocol != NATIVE)


_ROOMS = (Room(250, 250), Room(1000, 1000), Room(1000, 10), Room(250, 250, 3000), Room(250, 250, 0, TWILSOCK))


class _Taking:
    """A carrier that takes every message."""

    def send(self, message: Outbound) -> str:
        return message.reference


class Measurement:
    """One account with a channel in use, in a warm container, and operations to be measured one by one."""

    def __init__(self, client: Any, table_name: str):
        self._client = client
        self._world = World(client, table_name)
        self._gateway = FakeGateway()
        self._queue = FakeQueue(keeps_order=True)
        settings = {"rest_url": REST_URL, "requests_per_second": 0, "push_queue_url": "push.fifo"}
        self._runtime = self._world.wire(settings, sockets=self._gateway, queue=lambda url: self._queue)
        self._door = self._runtime.socket_door
        self._raw = Raw(LambdaDoor(self._world))
        self._key = self._raw.post(f"/2010-04-01/Accounts/{self._world.account_sid}/Keys.json")
        self._service = self._raw.post("/chat/v2/Services", FriendlyName="x")["sid"]
        self._path = f"/chat/v2/Services/{self._service}"
        self._channel = self._new_channel()
        self._messages = f"{self._path}/Channels/{self._channel}/Messages"
        for _ in range(60):
            self._last = self._raw.post(self._messages, Body=_BODY)["sid"]
        for identity in ("alice", "bob"):
            self._raw.post(f"{self._path}/Channels/{self._channel}/Members", Identity=identity)

    def _new_channel(self) -> str:
        return self._raw.post(f"{self._path}/Channels")["sid"]

    def costs(self) -> list[Cost]:
        """Every operation that has a budget."""
        batches = [self._of_a_stream_batch(room) for room in _ROOMS]
        sdk = OverSdk(self._world, self._raw, self._door, self._gateway, self._path, self._token, self._cost)
        sockets = [*self._over_sockets(), *sdk.costs(self._channel)]
        media = OfMedia(self._raw, self._service, self._token("alice"), self._cost).costs(self._messages)
        attaching = OfAttaching(self._world, self._raw, self._service, self._cost).costs()
        devices = OfDevices(self._world, self._raw, self._service, self._cost).costs()
        # The batches before had notifications switched off, and the queue for them is there.
        assert self._queue.entries == []
        told = [cost for members in (50, 250) for cost in self._of_notifications(members)]
        senders = OfSenders(self._world, self._raw, self._service, self._cost).costs()
        texts = OfTexts(self._world, self._raw, self._service, self._cost).costs()
        rest = [*self._over_rest(), *media, *attaching, *devices, *senders, *texts, *self._of_conversations()]
        return [*rest, *sockets, *batches, *told]

    def _cost(self, operation: str, allowed: Allowed, act: Callable[[], object]) -> Cost:
        with metered(self._client) as meter:
            act()
        return Cost(operation, meter.requests.total(), meter.write_units, meter.read_units, allowed)

    def _over_rest(self) -> list[Cost]:
        raw, path, channel = self._raw, self._path, f"{self._path}/Channels/{self._channel}"
        raw.post(f"{path}/Users", Identity="carol")
        for _ in range(55):
            joined = raw.post(f"{path}/Channels", Type="private")["sid"]
            raw.post(f"{path}/Channels/{joined}/Members", Identity="dave", LastConsumedMessageIndex=0)
        raw.get(f"{self._messages}/{self._last}")
        return [
            self._cost("create message, REST", (2, 2, 0), lambda: raw.post(self._messages, Body=_BODY)),
            self._cost(
                "create message, REST, with an author",
                (2, 2, 0),
                lambda: raw.post(self._messages, Body=_BODY, From="alice"),
            ),
            self._cost("create message, every fiftieth", (5, 3, 25), self._post_a_fiftieth()),
            self._cost("fetch message", (1, 0, 1), lambda: raw.get(f"{self._messages}/{self._last}")),
            self._cost("fetch channel", (1, 0, 2), lambda: raw.get(channel)),
            self._cost("list 50 messages", (1, 0, 13), lambda: raw.get(self._messages)),
            self._cost("list 50 messages, newest first", (1, 0, 13), lambda: raw.get(self._messages, Order="desc")),
            self._cost("list 50 channels of a user", (3, 0, 153), lambda: raw.get(f"{path}/Users/dave/Channels")),
            self._cost("join a channel", (4, 10, 5), lambda: raw.post(f"{channel}/Members", Identity="carol")),
            self._cost("add a phone to a conversation", (4, 12, 4), self._add_a_phone(2)),
            self._cost("add a fiftieth phone to a conversation", (4, 12, 4), self._add_a_phone(MOST_PHONES)),
            self._cost("add a tenth participant to a group", (4, 12, 5), self._complete_a_group()),
            self._cost("list 50 conversations of a person", (3, 0, 152.5), self._list_of_a_person),
            self._cost("note what became of a message to a phone", (3, 8, 3), self._note_a_delivery()),
        ]

    def _post_a_fiftieth(self) -> Callable[[], None]:
        """A message whose sender also counts the earlier messages."""
        while (self._raw.post(self._messages, Body=_BODY)["index"] + 2) % EVERY:
            pass
        self._world.clock.advance(61)
        # The container remembers the service again.
        self._raw.get(f"{self._messages}/{self._last}")
        return lambda: self._raw.post(self._messages, Body=_BODY)

    def _list_of_a_person(self) -> None:
        path = f"/conversations/v1/Services/{self._service}/ParticipantConversations"
        assert len(self._raw.get(path, Identity="dave")["conversations"]) == 50

    def _add_a_phone(self, last: int) -> Callable[[], None]:
        """Add the last of so many phones to a conversation, with the number that writes to it."""
        conversation = self._raw.post(f"/conversations/v1/Services/{self._service}/Conversations")["url"]

        def add(number: int) -> None:
            address = f"+49172{last:03d}{number:03d}"
            form = {"MessagingBinding.Address": address, "MessagingBinding.ProxyAddress": PHONE_NUMBERS[0]}
            self._raw.post(f"{conversation}/Participants", form)

        for number in range(1, last):
            add(number)
        return lambda: add(last)

    def _complete_a_group(self) -> Callable[[], None]:
        """Add the last participant that a group can have; the set of addresses that finds the group changes too."""
        conversation = self._raw.post(f"/conversations/v1/Services/{self._service}/Conversations")["url"]

        def add(part: str, address: str) -> None:
            self._raw.post(f"{conversation}/Participants", {f"MessagingBinding.{part}": address})

        add("ProjectedAddress", PHONE_NUMBERS[0])
        for number in range(2, MOST_IN_GROUP):
            add("Address", f"+1415555{number:04d}")
        return lambda: add("Address", "+14155550001")

    def _note_a_delivery(self) -> Callable[[], None]:
        """The carrier reports a status, and the message's summary changes too."""
        path = f"/conversations/v1/Services/{self._service}/Conversations"
        conversation = self._raw.post(path)["sid"]
        phone = {"MessagingBinding.Address": "+491721234567", "MessagingBinding.ProxyAddress": PHONE_NUMBERS[1]}
        participant = self._raw.post(f"{path}/{conversation}/Participants", phone)["sid"]
        message = self._raw.post(f"{path}/{conversation}/Messages", Body=_BODY)["sid"]
        where = {"service_sid": self._service, "channel_sid": conversation, "index": "0"}
        posted = phones.Posted(where, self._world.clock.now_ms())
        phones.send(self._world.context(), _Taking(), posted, lambda: False)
        receipt = {**where, "sid": receipt_sid(message, participant)}
        delivered = receipts.Report(receipt, "delivered", channel_message_sid="SM" + "0" * 32)
        return lambda: receipts.report(self._world.context(), delivered)

    def _of_conversations(self) -> list[Cost]:
        """List conversations, and run their timers."""
        path = f"/conversations/v1/Services/{self._service}/Conversations"
        for _ in range(60):
            self._raw.post(path)
        tick = self._run_timers
        tick()
        idle = self._cost("a tick without a timer that runs out", (8, 0, 8), tick)
        one, two = (self._cost("", (0, 0, 0), self._run_out(path, number)) for number in (1, 2))
        requests, writes, reads = (of_two - of_one for of_one, of_two in zip(one.found, two.found, strict=True))
        messages = f"{path}/{self._raw.post(path)['sid']}/Messages"
        return [
            self._cost("create message in a conversation", (2, 2, 0), lambda: self._raw.post(messages, Body=_BODY)),
            self._cost("create message in a conversation, with an author", (3, 2, 4), self._post_as("alice", messages)),
            self._cost("list 50 conversations", (2, 0, 103), lambda: self._raw.get(path)),
            self._cost("list 50 conversations of a state", (2, 0, 103), lambda: self._raw.get(path, State="active")),
            idle,
            Cost("a timer that runs out, beside others", int(requests), writes, reads, (4, 8, 4)),
        ]

    def _post_as(self, author: str, path: str) -> Callable[[], object]:
        """A message whose author is looked for among the participants."""
        self._raw.post(path.replace("/Messages", "/Participants"), Identity=author)
        return lambda: self._raw.post(path, Body=_BODY, Author=author)

    def _run_out(self, path: str, number: int) -> Callable[[], None]:
        """Run the timers of some conversations out: they become inactive, and will close later."""
        for _ in range(number):
            self._raw.post(path, {"Timers.Inactive": "PT1M", "Timers.Closed": "PT2H"})
        self._world.clock.advance(61)
        return self._run_timers

    def _run_timers(self) -> None:
        assert timers.work_off(self._world.context(), lambda: False)

    def _over_sockets(self) -> list[Cost]:
        self._connect("c0", "alice")
        self._say("c0", "1")
        file = [upload(self._world, self._service, "alice")]
        return [
            self._cost("connect", (3, 3, 1), lambda: self._connect("c1", "alice")),
            self._cost("create message, socket", (3, 2, 2), lambda: self._say("c0", "2")),
            self._cost("create message, socket, with a file", (3, 6, 3), lambda: self._say("c0", "3", file)),
            self._cost(
                "create message, socket, with a token", (4, 3, 3), lambda: self._say("c0", "a token of its own")
            ),
            self._cost("typing in a warm room", (0, 0, 0), self._type_twice()),
            self._cost("disconnect", (2, 2, 0), lambda: forget(self._client_context(), "c1")),
        ]

    def _type_twice(self) -> Callable[[], None]:
        """Typing for the second time. The first time looks up who is in the channel."""

        def type_once() -> None:
            frame = {"id": "3", "action": "typing", "channel": self._channel}
            reply = json.loads(self._door.answer(self._client_context(), "c0", json.dumps(frame)) or "")
            assert reply["status"] == 200, reply

        type_once()
        return type_once

    def _client_context(self) -> Context:
        return self._world.context(Caller("SDK"))

    def _connect(self, connection_id: str, identity: str) -> None:
        self._door.open(self._client_context(), connection_id, None, [], self._token(identity))

    def _token(self, identity: str) -> str:
        now = self._world.clock.now_ms() // 1000
        claims = {
            "iss": self._key["sid"],
            "sub": self._world.account_sid,
            "exp": now + 3600,
            "grants": {"identity": identity, "chat": {"service_sid": self._service}},
        }
        return jwt.encode(claims, self._key["secret"], "HS256", {"cty": "twilio-fpa;v=1"})

    def _say(self, connection_id: str, frame_id: str, files: list[str] | None = None) -> None:
        content = {"media_sids": files} if files else {"body": _BODY}
        frame = {"id": frame_id, "action": "sendMessage", "channel": self._channel, **content}
        reply = json.loads(self._door.answer(self._client_context(), connection_id, json.dumps(frame)) or "")
        assert reply["status"] == 201, reply

    def _of_a_stream_batch(self, room: Room) -> Cost:
        """Messages in a channel of many members, of whom some are connected; others have left it."""
        members, online, left, protocol = room
        channel = self._new_channel()
        self._fill(channel, members, online, protocol)
        self._let_leave(channel, left)
        records = [self._sent(channel) for _ in range(_BATCH)]
        gateway = self._gateway
        gateway.received.clear()
        gateway.open(*map(_connection, range(online)))
        # Tombstones are read with the members, a megabyte a request. SDKs are also shown the channel and its counters.
        allowed = math.ceil((members + left) / 1000) + math.ceil(members / 100) + (protocol != NATIVE)
        cost = self._cost(room.name, (allowed, 0, room.read_units), lambda: self._runtime.fan_out.deliver(records))
        if protocol != NATIVE:
            # Each socket gets a packet per message, and one that says which message is the newest.
            assert {len(frames) for frames in gateway.received.values()} == {_BATCH + 1}
            return cost
        told = [json.loads(frame) for frames in gateway.received.values() for frame in frames]
        assert sum(len(frame) if isinstance(frame, list) else 1 for frame in told) == _BATCH * online
        # Each socket gets all messages in one frame, and all sockets get the same bytes.
        assert {len(frames) for frames in gateway.received.values()} == {1}
        return cost

    def _of_notifications(self, members: int) -> list[Cost]:
        """The same with notifications switched on, and a phone for each member: fan-out reads no more for that.

        `push` reads user and devices of each, and the channel and the author, once for an entry of a hundred people.
        """
        switched = {"Notifications.NewMessage.Enabled": "true", "Notifications.NewMessage.BadgeCountEnabled": "true"}
        self._raw.post(self._path, switched)
        self._runtime.configuration.forget_all()
        room = Room(members, members)
        channel = self._new_channel()
        self._fill(channel, members, members, NATIVE)
        self._register(members)
        self._gateway.open(*map(_connection, range(members)))
        self._runtime.fan_out.deliver([self._sent(channel)])
        self._queue.take()
        records = [self._sent(channel) for _ in range(_BATCH)]
        allowed = math.ceil(members / 1000) + math.ceil(members / 100)
        budget = (allowed, 0, room.read_units)
        batch = self._cost(f"{room.name}, notified", budget, lambda: self._runtime.fan_out.deliver(records))
        entries = self._queue.take()
        assert len(entries) == _BATCH * math.ceil(members / 100)
        first = entries[: math.ceil(members / 100)]
        assert sum(len(entry["people"]) for entry in first) == members
        allowed = sum(math.ceil((2 * len(entry["people"]) + 2) / 100) for entry in first)
        told = [received(entry, entry["once"], group=entry["group"], queue="push.fifo") for entry in first]
        # None of the phones has a credential, so none is told, and nothing is written of it.
        devices = [device for entry in first for device in composed(self._client_context(), entry)["devices"]]
        assert len(devices) == members
        name = f"notify {members} members of a message"
        reads = 2 * (members + len(first))
        return [batch, self._cost(name, (allowed, 0, reads), lambda: self._push(told))]

    def _push(self, records: list[dict[str, Any]]) -> None:
        assert self._runtime.notifications.work_off(records, lambda: 30_000) == []

    def _register(self, members: int) -> None:
        """Write the users and a phone of each of the first members straight into the table."""
        devices: dict[Key[Any], Record] = {}
        for number in range(members):
            sid = user_sid(self._service, f"user {number} of {members} on {NATIVE}")
            phone = {"type": "fcm", "address": f"{number:0163d}", "types": ["new_message"], "at": 0}
            names = {"user_sid": sid, "service_sid": self._service, "revision": "x"}
            devices[keys.user_devices(sid)] = {**names, "devices": {f"BS{number:032x}": phone}}
            devices[keys.user(sid)] = {"sid": sid, "service_sid": self._service, "identity": f"user {number}"}
        self._world.table.put_many(devices)

    def _sent(self, channel_sid: str) -> dict[str, Any]:
        """A new message as the stream carries it."""
        index = self._raw.post(f"{self._path}/Channels/{channel_sid}/Messages", Body=_BODY)["index"]
        key = keys.message(channel_sid, index)
        item = to_item({**key._asdict(), **(self._world.table.fetch(key) or {})})
        image = {"Keys": {name: item[name] for name in ("pk", "sk")}, "NewImage": item}
        return {"eventName": "INSERT", "dynamodb": {**image, "SequenceNumber": str(index)}}

    def _fill(self, channel_sid: str, members: int, online: int, protocol: str) -> None:
        """Write members straight into the table, some with a connection, because joining one by one is slow."""
        until = self._world.clock.now_ms() // 1000 + 7200
        for start in range(0, members, 50):
            writes: list[Put] = []
            for number in range(start, start + 50):
                identity = f"user {number} of {online} on {protocol}"
                sid = member_sid(channel_sid, identity)
                names = {"sid": sid, "identity": identity, "channel_sid": channel_sid, "service_sid": self._service}
                writes.append(Put(keys.member(channel_sid, sid), names))
                entry = {"at": 0, "until": until, "codec": protocol}
                presence = {f"connection:{_connection(number)}": entry, "expires_at": until}
                if number < online:
                    writes.append(Put(keys.presence(user_sid(self._service, identity)), presence))
            self._world.table.commit(self._client_context().cause(), writes)

    def _let_leave(self, channel_sid: str, left: int) -> None:
        """Write the tombstones of former members, which stay for seven days among the members."""
        now = self._world.clock.now_ms()
        tombstones: dict[Key[Any], Record] = {}
        for number in range(left):
            identity = f"guest {number}"
            sid = member_sid(channel_sid, identity)
            names = {"sid": sid, "identity": identity, "channel_sid": channel_sid, "service_sid": self._service}
            cause = self._client_context().cause().record()
            ends = {"deleted_at": now, "expires_at": now // 1000 + TOMBSTONE_SECONDS, "seq": number, "cause": cause}
            tombstones[keys.member(channel_sid, sid)] = {**names, **ends}
        self._world.table.put_many(tombstones)


def _connection(number: int) -> str:
    return f"connection {number}"


def measured() -> list[Cost]:
    """What every operation costs, on an engine that is started for it."""
    with engine_with_table() as (endpoints, table):
        return Measurement(endpoints.client("dynamodb"), table).costs()


def measure(quick: bool) -> Findings:
    figures, rows = [], []
    for cost in measured():
        for what, found, most in zip(COUNTED, cost.found, cost.allowed, strict=True):
            figures.append(Figure(f"{cost.operation}: {what}", found, what, COUNT, at_most=most))
        price = cost.write_units * WRITE_UNIT.dollars + cost.read_units * READ_UNIT.dollars
        rows.append([cost.operation, *(f"{found:g}" for found in cost.found), f"${price:,.2f}"])
    return Findings(figures, tables={"operations": [["", *COUNTED, "a million at DynamoDB"], *rows]})
