"""Places of any size, for measurements of growth: one account in a warm container, and records put into its table.

What is put in bulk copies a record that an operation wrote, so it has the size and the attributes of a real one.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import jwt
from botocore.credentials import ReadOnlyCredentials

from bench.engines import engine_with_table
from local.template.declared import REGION
from parley.ids import member_sid, message_sid, user_sid
from parley.operations.context import Caller, Context
from parley.operations.verbs import TOMBSTONE_SECONDS
from parley.ports.aws import AwsClient
from parley.sockets.presence import forget
from parley.store import keys
from parley.store.items import Record, to_item
from parley.store.keys import Key
from tests.ports.fakes import FakeGateway, FakeQueue
from tests.support.doors import FORM, LambdaDoor, basic
from tests.support.world import World

BODY = "x" * 200
_BIRTH = "b" * 16
_HOURS_AGO = 3_600_000 * 24
_ROOM = 2_000_000_000
_KEYS = ReadOnlyCredentials("test", "test", None)


@dataclass(frozen=True)
class Curve:
    """One operation in places of several sizes.

    Attributes:
        acts: Carries out the operation in the place of a size.
        bounds: What must grow: the most that it may be in a place of a size. What is not named must be flat.
        grows_in_cpu: Whether our own side has more to do in a larger place.
        is_warmed: Whether the operation is carried out once before anything is counted.
        most_rounds: How often it can be timed.
    """

    name: str
    acts: Mapping[int, Callable[[], object]]
    bounds: Mapping[str, Callable[[int], float]] = field(default_factory=dict)
    grows_in_cpu: bool = False
    is_warmed: bool = True
    most_rounds: int = 100

    @property
    def is_flat(self) -> bool:
        """Whether nothing about the operation may grow."""
        return not self.bounds and not self.grows_in_cpu


@dataclass(frozen=True)
class Dimension:
    """One respect in which places differ.

    Attributes:
        counted, where: What a place has more or fewer of, in words.
        scale: Which axes of the plots are logarithmic.
        places: Makes the places of an account, and says what to measure in them.
    """

    name: str
    counted: str
    where: str
    sizes: tuple[int, ...]
    quick_sizes: tuple[int, ...]
    places: Callable[[Account, Sequence[int]], list[Curve]]
    scale: str = "x"

    @property
    def axis(self) -> str:
        """The label of the axis of sizes."""
        return f"{self.counted} {self.where}"

    def said(self, size: int) -> str:
        """A size in words."""
        return f"{size:,} {self.counted.removesuffix('s') if size == 1 else self.counted}"


@contextmanager
def engine() -> Iterator[tuple[AwsClient, str]]:
    """Parley's own client of an engine that is started for it, and the name of an empty table there."""
    with engine_with_table(_in_memory()) as (endpoints, table):
        yield AwsClient("dynamodb", REGION, lambda: _KEYS, endpoint=endpoints.dynamodb), table


def _in_memory() -> Path | None:
    """A folder in memory, if it has room: filling the table is bound by the disk."""
    shared = Path("/dev/shm")
    return shared if shared.is_dir() and shutil.disk_usage(shared).free > _ROOM else None


class AtOnce:
    """Work that the fast path would do beside something else, done at once: on a busy machine its time may run out."""

    def __init__(self, work: Callable[[], Any]):
        self._found = work()

    def result(self, seconds: float) -> Any:
        """The result, however long the work took."""
        return self._found


class Account:
    """One account with one service, and everything that places are made of."""

    def __init__(self, client: Any, table_name: str):
        self.world = World(client, table_name)
        self.gateway = FakeGateway()
        self._rest = LambdaDoor(self.world)
        # No limit on rates: they cost no requests, and the clock of a measurement stands still.
        settings: dict[str, Any] = {"rest_url": LambdaDoor.base_url, "fast_push": True}
        settings |= {"requests_per_second": 0, "actions_per_second": 0}
        queue = FakeQueue(keeps_order=True)
        self.runtime = self.world.wire(settings, sockets=self.gateway, queue=lambda url: queue)
        self.runtime.fast_push.beside = AtOnce  # type: ignore[assignment]
        self._credentials = basic(self.world.account_sid, LambdaDoor.auth_token)
        self._key = self.ask("POST", f"/2010-04-01/Accounts/{self.world.account_sid}/Keys.json")
        self.service = self.new_service()

    # What operations do.

    def ask(self, verb: str, path: str, form: Mapping[str, Any] | None = None) -> Any:
        """The answer to a successful REST request."""
        headers = [("Accept", "application/json"), ("Authorization", self._credentials)]
        body = urlencode(form or {}).encode()
        sent = [*headers, ("Content-Type", FORM)] if body else headers
        answer = self._rest.send(verb, LambdaDoor.base_url + path, sent, body)
        assert answer.status < 300, answer.text
        return answer.json if answer.body else None

    def new_service(self) -> str:
        """A service whose channels and users may be as many as Twilio allows."""
        service = self.ask("POST", "/chat/v2/Services", {"FriendlyName": "x"})["sid"]
        limits = {"Limits.ChannelMembers": 1000, "Limits.UserChannels": 1000}
        self.ask("POST", f"/chat/v2/Services/{service}", limits)
        return str(service)

    def path(self, *parts: str) -> str:
        """A path below the service."""
        return "/".join((f"/chat/v2/Services/{self.service}", *parts))

    def new_channel(self, *identities: str) -> str:
        """A channel with these members."""
        sid = str(self.ask("POST", self.path("Channels"))["sid"])
        for identity in identities:
            self.ask("POST", self.path("Channels", sid, "Members"), {"Identity": identity})
        return sid

    def send(self, channel: str) -> Any:
        """Send a message over REST."""
        return self.ask("POST", self.path("Channels", channel, "Messages"), {"Body": BODY})

    def context(self) -> Context:
        """What a client's request starts with."""
        return self.world.context(Caller("SDK"))

    def token(self, identity: str) -> str:
        """An access token."""
        claims = {
            "iss": self._key["sid"],
            "sub": self.world.account_sid,
            "exp": self.world.clock.now_ms() // 1000 + 3600,
            "grants": {"identity": identity, "chat": {"service_sid": self.service}},
        }
        return jwt.encode(claims, self._key["secret"], "HS256", {"cty": "twilio-fpa;v=1"})

    def connect(self, connection_id: str, identity: str) -> None:
        """Open a socket of the native protocol."""
        self.gateway.open(connection_id)
        self.runtime.socket_door.open(self.context(), connection_id, None, [], self.token(identity))

    def disconnect(self, connection_id: str) -> None:
        """Forget a socket that was closed."""
        forget(self.context(), connection_id)

    def say(self, connection_id: str, action: str, *, id_: str = "1", **members: Any) -> Any:
        """The result of a frame."""
        frame = json.dumps({"id": id_, "action": action, **members})
        told = json.loads(self.runtime.socket_door.answer(self.context(), connection_id, frame) or "")
        # A frame may hold pushes beside the reply.
        reply = next(part for part in (told if isinstance(told, list) else [told]) if "status" in part)
        assert reply["status"] < 300, reply
        return reply.get("result")

    def answer(self, connection_id: str, frame: str) -> list[bytes]:
        """All packets that come on an SDK's socket for a frame."""
        # A socket of an SDK may send 500 requests a second.
        self.world.clock.advance(0.002)
        self.gateway.open(connection_id)
        reply = self.runtime.socket_door.answer(self.context(), connection_id, frame)
        came, self.gateway.received[connection_id] = self.gateway.received[connection_id], []
        return [*came, *([reply.encode()] if reply else [])]

    def in_stream(self, channel: str) -> dict[str, Any]:
        """A new message as the stream carries it."""
        index = self.send(channel)["index"]
        key = keys.message(channel, index)
        item = to_item({**key._asdict(), **self.stored(key)})
        image = {"Keys": {name: item[name] for name in ("pk", "sk")}, "NewImage": item}
        return {"eventName": "INSERT", "dynamodb": {**image, "SequenceNumber": str(index)}}

    def deliver(self, stream_records: list[dict[str, Any]]) -> None:
        """Fan out a batch of changes."""
        assert self.runtime.fan_out.deliver(stream_records) is None

    # What is put straight into the table.

    def stored(self, key: Key[Any]) -> Record:
        """A record as it is stored."""
        return dict(self.world.table.fetch(key) or {})

    def put(self, records: Mapping[Key[Any], Mapping[str, Any]]) -> None:
        """Put records."""
        self.world.table.put_many(records)

    def put_messages(self, channel: str, count: int) -> None:
        """Send one message, and put copies of it behind it, until there are `count` more."""
        sample = self.stored(keys.message(channel, self.send(channel)["index"]))
        first, seq = sample["index"] + 1, sample["seq"]
        for start in range(first, first + count - 1, 5_000):
            copies: dict[Key[Any], Record] = {}
            for index in range(start, min(start + 5_000, first + count - 1)):
                number = seq + index - sample["index"]
                copy = {**sample, "index": index, "sid": message_sid(channel, index), "seq": number}
                copies[keys.message(channel, index)] = copy | (
                    {"created_seq": number} if "created_seq" in sample else {}
                )
            self.put(copies)
        last = first + count - 2
        counted = {"last_index": last, "counted_index": last, "counted": last + 1, "seq": seq + count - 1}
        self.world.table.touch(keys.tail(channel), counted)

    def put_members(self, channel: str, count: int) -> list[str]:
        """Put members with one socket each, beside those who are there; returns their identities."""
        sample = self._a_member(channel)
        until = self.world.clock.now_ms() // 1000 + 7200
        identities = [f"user {number} in {channel[-8:]}" for number in range(count)]
        records: dict[Key[Any], Record] = {}
        for number, identity in enumerate(identities):
            sid, user = member_sid(channel, identity), user_sid(self.service, identity)
            index = keys.in_user_channels(user, channel)
            records[keys.member(channel, sid)] = {
                **sample, "sid": sid, "identity": identity, "birth": _BIRTH, "date_created": number, **index,
            }  # fmt: skip
            entry = {"at": 0, "until": until, "key": self._key["sid"], "birth": _BIRTH}
            connection_id = f"connection of {identity}"
            self.gateway.open(connection_id)
            records[keys.presence(user)] = {f"connection:{connection_id}": entry, "expires_at": until}
        self.put(records)
        held = self.stored(keys.tail(channel))["members_count"]
        self.world.table.touch(keys.tail(channel), {"members_count": held + count})
        return identities

    def put_guests_who_left(self, channel: str, count: int) -> None:
        """Put the tombstones of former members as they are until a job erases them."""
        sample, now = self._a_member(channel), self.world.clock.now_ms()
        ends = {"deleted_at": now, "expires_at": now // 1000 + TOMBSTONE_SECONDS}
        kept = {name: sample[name] for name in ("service_sid", "channel_sid", "cause", "seq")}
        guests = [f"guest {number}" for number in range(count)]
        sids = {guest: member_sid(channel, guest) for guest in guests}
        self.put(
            {keys.member(channel, sid): {**kept, "sid": sid, "identity": guest, **ends} for guest, sid in sids.items()}
        )

    def put_channels(self, count: int, joined_by: str = "") -> None:
        """Put channels with unique names; if an identity is given, it is in all of them."""
        made = self.ask("POST", self.path("Channels"), {"UniqueName": f"sample {joined_by}"})
        channel, tail = self.stored(keys.channel(made["sid"])), self.stored(keys.tail(made["sid"]))
        member: Record = {}
        if joined_by:
            self.ask("POST", self.path("Channels", made["sid"], "Members"), {"Identity": joined_by})
            member = self.stored(keys.member(made["sid"], member_sid(made["sid"], joined_by)))
            tail = self.stored(keys.tail(made["sid"]))
        listed = {name: channel[name] for name in ("service_sid", "seq") if name in channel}
        records: dict[Key[Any], Record] = {}
        for number in range(count - 1):
            created = channel["date_created"] - _HOURS_AGO + number
            sid = f"CH{created:012x}{number:020x}"
            name = self.name_of(number, joined_by)
            records[keys.channel(sid)] = {**channel, "sid": sid, "unique_name": name, "date_created": created}
            records[keys.tail(sid)] = tail
            where = keys.channel_listing(self.service, "public", "active", created, sid)
            records[where] = {**listed, "channel_sid": sid}
            records[keys.unique_name(self.service, name)] = {"channel_sid": sid, "service_sid": self.service}
            if member:
                own = member_sid(sid, joined_by)
                index = keys.in_user_channels(user_sid(self.service, joined_by), sid)
                records[keys.member(sid, own)] = {**member, "sid": own, "channel_sid": sid, **index}
        self.put(records)

    @staticmethod
    def name_of(number: int, joined_by: str = "") -> str:
        """The unique name of a channel that was put."""
        return f"channel {number} {joined_by}"

    def _a_member(self, channel: str) -> Record:
        """A member of a channel as it is stored."""
        (member,) = self.world.table.page(keys.members(channel), 1).found
        return dict(member.record)
