"""Counts what AWS bills for one message, from its sender to everybody who hears of it.

    python -m bench counts          (half a minute, loopback only)

The whole stack runs in one process (`bench/scene.py`). Containers are warm, and know the settings of the service. Each
person has one socket. Unless a row says otherwise, each message comes alone: the stream's readers get it in a batch of
its own. That is the dearest case, and the usual one with less than ten messages a second.
"""

from __future__ import annotations

import itertools
import json
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jwt

from bench.figures import COUNT, Figure, Findings
from bench.scene import Scene, scene
from bench.sdk_client import SdkClient
from bench.usage import (
    METERS,
    Usage,
)
from parley.domain.memberships import birth_of
from parley.ids import member_sid, user_sid
from parley.operations import bindings
from parley.sockets.protocols import NATIVE, TWILSOCK
from parley.store import keys
from parley.store.items import Record
from parley.store.keys import Key
from tests.support.push import SERVICE_ACCOUNT

RECIPIENTS = (1, 10, 100, 1000)
SOCKET, REST_API = "socket", "REST"
TOGETHER = 10
"""How many messages of different rooms are in a batch of the stream, where a row says so."""
_BODY = "x" * 200
_YOUNG_SECONDS = 130
# After this, containers have forgotten all settings and rooms; after a moment, they know them still.
_LONG_AGO, _A_MOMENT = 11, 1
# Channels were quiet for longer than SDKs replay.
_QUIET_SECONDS = 1300
CHANNELS = 10
_WARM = "warm="
STARTS = (1, 10, 100)


@dataclass(frozen=True)
class Case:
    """A message, and how it is sent.

    Attributes:
        by: The door through which it comes.
        recipients: How many people hear of it beside its sender, each with a socket.
        protocol: What all sockets speak.
        fast: Whether the fast path is on.
        together: How many such messages of different rooms are in a batch of the stream.
        forgotten: Whether the containers have forgotten the settings of the service, as they do after ten seconds.
        repeatable: Whether the message has an idempotency token.
        hooked: Whether the service's owner is asked before and told afterwards.
        notified: Whether each recipient has a phone, which is notified.
    """

    by: str
    recipients: int = 1
    protocol: str = NATIVE
    fast: bool = True
    together: int = 1
    forgotten: bool = False
    repeatable: bool = False
    hooked: bool = False
    notified: bool = False

    @property
    def name(self) -> str:
        people = f"{self.recipients:,} recipient" + "s" * (self.recipients > 1)
        parts = [f"by {self.by} to {people}"]
        parts += ["SDK"] if self.protocol != NATIVE else []
        parts += [f"{self.together} in a batch"] if self.together > 1 else []
        parts += ["settings forgotten"] if self.forgotten else []
        parts += ["with a token"] if self.repeatable else []
        parts += ["webhooks"] if self.hooked else []
        parts += ["notifications"] if self.notified else []
        parts += [] if self.fast else ["without the fast path"]
        return ", ".join(parts)


def cases() -> list[Case]:
    """Everything that is counted."""
    rooms = itertools.product((True, False), (NATIVE, TWILSOCK), (SOCKET, REST_API), RECIPIENTS)
    usual = [Case(by, recipients, protocol, fast) for fast, protocol, by, recipients in rooms]
    busy = [Case(by, fast=fast, together=TOGETHER) for fast in (True, False) for by in (SOCKET, REST_API)]
    doors = (SOCKET, REST_API)
    # As Parley's own clients send them.
    repeatable = [Case(by, repeatable=True) for by in doors]
    repeatable += [Case(SOCKET, 10, repeatable=True)]
    repeatable += [Case(SOCKET, number, together=TOGETHER, repeatable=True) for number in (1, 10)]
    apart = [Case(by, forgotten=True) for by in doors] + [Case(by, hooked=True) for by in doors]
    return [*usual, *busy, *repeatable, *apart, *(Case(SOCKET, number, notified=True) for number in (1, 10, 100))]


class _Service:
    """A service with rooms, and the people in them."""

    def __init__(self, at: Scene, *, hooked: bool = False, notified: bool = False):
        self._at = at
        self._sdk_clients: dict[str, SdkClient] = {}
        rest = at.rest
        self.sid = rest.post("/chat/v2/Services", FriendlyName="x")["sid"]
        self.path = f"/chat/v2/Services/{self.sid}"
        self._key = rest.post(f"/2010-04-01/Accounts/{at.world.account_sid}/Keys.json")
        if hooked:
            urls = {f"{when}WebhookUrl": "https://hooks.example.com/chat" for when in ("Pre", "Post")}
            events = [("WebhookFilters", "onMessageSend"), ("WebhookFilters", "onMessageSent")]
            rest.post(self.path, [*urls.items(), *events])
        if notified:
            rest.post(self.path, {"Notifications.NewMessage.Enabled": "true", "Limits.ChannelMembers": 1000})
            self._credential = rest.post("/chat/v2/Credentials", {"Type": "fcm", "Secret": SERVICE_ACCOUNT})["sid"]

    def token(self, identity: str) -> str:
        now = self._at.world.clock.now_ms() // 1000
        grants = {"identity": identity, "chat": {"service_sid": self.sid}}
        claims = {"iss": self._key["sid"], "sub": self._at.world.account_sid, "exp": now + 7200, "grants": grants}
        return jwt.encode(claims, self._key["secret"], "HS256", {"cty": "twilio-fpa;v=1"})

    def room(self, recipients: int, protocol: str, *, notified: bool = False) -> tuple[str, str]:
        """A new room; returns its SID, and the id of the socket of its one member who sends."""
        channel = self._at.rest.post(f"{self.path}/Channels")["sid"]
        identity = f"sender in {channel}"
        socket = f"{channel[-12:]}-sender="
        self._connect(socket, identity, protocol)
        self._at.rest.post(f"{self.path}/Channels/{channel}/Members", Identity=identity)
        people = [f"person {number} of {channel}" for number in range(recipients)]
        if notified:
            for identity in people:
                self._at.rest.post(f"{self.path}/Channels/{channel}/Members", Identity=identity)
                self._register(identity)
        else:
            self._fill(channel, identity, people)
        self._let_open(channel, people, protocol)
        return channel, socket

    def _connect(self, socket: str, identity: str, protocol: str) -> None:
        token = self.token(identity)
        if protocol == NATIVE:
            self._at.open(socket, token)
        else:
            self._at.open(socket, "", protocol=protocol)
            self._sdk_clients[socket] = SdkClient(lambda frame: self._at.frame(socket, frame), token)
            self._sdk_clients[socket].open()

    def _fill(self, channel: str, member: str, people: list[str]) -> None:
        """Write members straight into the table, because joining one by one is slow: copies of one who has joined."""
        sample = self._at.world.table.fetch(keys.member(channel, member_sid(channel, member)))
        members: dict[Key[Any], Record] = {}
        for identity in people:
            sid = member_sid(channel, identity)
            index = keys.in_user_channels(user_sid(self.sid, identity), channel)
            members[keys.member(channel, sid)] = {**(sample or {}), "sid": sid, "identity": identity, **index}
        self._at.world.table.put_many(members)
        self._at.world.table.annotate(keys.tail(channel), {"members_count": len(people) + 1})

    def _let_open(self, channel: str, people: list[str], protocol: str) -> None:
        """Let each person have a socket open, as if it had been opened a moment ago."""
        until = self._at.world.clock.now_ms() // 1000 + 7200
        presence: dict[Key[Any], Record] = {}
        members = [keys.member(channel, member_sid(channel, identity)) for identity in people]
        known = self._at.world.table.fetch_many(members)
        for number, (identity, member) in enumerate(zip(people, members, strict=True)):
            user = user_sid(self.sid, identity)
            socket = f"{channel[-12:]}-{number:03d}="
            entry = {"at": 0, "until": until, "codec": protocol, "birth": birth_of(known[member])}
            presence[keys.presence(user)] = {f"connection:{socket}": entry, "expires_at": until}
            self._at.let_open(socket)
        self._at.world.table.put_many(presence)

    def _register(self, identity: str) -> None:
        """Let somebody have a phone, on which an app is installed."""
        phone = {
            "endpoint": f"phone of {identity}",
            "binding_type": "fcm",
            "address": identity.replace(" ", ":").ljust(160, "x"),
        }
        about = {"credential_sid": self._credential, "message_types": ["new_message"]}
        bindings.register(self._at.world.context(), self.sid, identity, **phone, **about)

    def send(self, case: Case, channel: str, socket: str) -> None:
        """Let the room's sender send a message."""
        token = str(uuid.uuid4()) if case.repeatable else ""
        if case.by == REST_API:
            fields = {"Body": _BODY, "From": f"sender in {channel}"}
            headers = {"X-Twilio-Webhook-Enabled": "true"} | ({"I-Twilio-Idempotency-Token": token} if token else {})
            answer = self._at.rest("POST", f"{self.path}/Channels/{channel}/Messages", fields, headers=headers)
            assert answer.status == 201, answer.text
        elif client := self._sdk_clients.get(socket):
            client.post(f"/Client/v1/Conversations/{channel}/Messages", {"body": _BODY})
        else:
            frame = {"id": token or "1", "action": "sendMessage", "channel": channel, "body": _BODY}
            came = [json.loads(data) for data in self._at.frame(socket, json.dumps(frame))]
            replies = [one for one in came if "status" in (one[0] if isinstance(one, list) else one)]
            assert len(replies) == 1, came


class Counting:
    """Counts cases on two stacks, one with the fast path and one without it."""

    def __init__(self, at: Scene):
        self._at = at
        self._services: dict[tuple[bool, bool], _Service] = {}
        self._rooms: dict[tuple[Any, ...], list[tuple[str, str]]] = {}

    def count(self, case: Case) -> Usage:
        """What one message of a case uses."""
        at = self._at
        chosen = case.hooked, case.notified
        if chosen not in self._services:
            self._services[chosen] = _Service(at, hooked=case.hooked, notified=case.notified)
        service = self._services[chosen]
        shape = (*chosen, case.recipients, case.protocol, case.together)
        if shape not in self._rooms:
            self._rooms[shape] = [
                service.room(case.recipients, case.protocol, notified=case.notified) for _ in range(case.together)
            ]
            # In the first two minutes of an SDK's connection, a request may repeat one from before, so more is read.
            at.world.clock.advance(_YOUNG_SECONDS)
        rooms = self._rooms[shape]
        # What the containers remember of the rooms is forgotten. The first messages let them know everything again.
        at.world.clock.advance(_LONG_AGO)
        at.skip()
        for channel, socket in rooms:
            service.send(case, channel, socket)
        at.pump()
        at.world.clock.advance(_LONG_AGO if case.forgotten else _A_MOMENT)
        with at.measured() as used:
            for channel, socket in rooms:
                service.send(case, channel, socket)
            at.pump()
        return used.divided(case.together)


class Working:
    """What else a client does, counted one operation at a time. It is in as many channels as a usual user."""

    def __init__(self, at: Scene):
        self._at = at
        self._service = _Service(at)
        self._rooms = [self._service.room(1, NATIVE) for _ in range(CHANNELS)]
        self._socket = "client="
        self._token = self._service.token("alice")
        # Bob's requests let the containers know the settings. He has channels of his own.
        self._at.open(_WARM, self._service.token("bob"))
        for channel, _ in self._rooms:
            at.rest.post(f"{self._service.path}/Channels/{channel}/Members", Identity="alice")

    def operations(self) -> dict[str, Usage]:
        """What each operation uses, with what is then announced."""
        channel, sender = self._rooms[0]
        for _ in range(60):
            self._service.send(Case(SOCKET), channel, sender)
        self._ask("listMyChannels", socket=_WARM)
        known = {sid: (self._at.world.table.fetch(keys.tail(sid)) or {}).get("seq") for sid, _ in self._rooms}
        self._at.pump()
        at, found = self._at, {}
        steps: dict[str, Callable[[], object]] = {
            "open a socket": lambda: at.open(self._socket, self._token),
            f"list {CHANNELS} channels": lambda: self._ask("listMyChannels"),
            "catch up after a short break": lambda: self._ask("catchUp", channels=known),
            "list 50 messages": lambda: self._ask("listMessages", channel=channel),
            "read on": lambda: self._ask("advanceLastConsumedMessageIndex", channel=channel, index=59),
            "type": lambda: self._ask("typing", channel=channel),
            "close a socket": lambda: at.close(self._socket),
        }
        for name, step in steps.items():
            with at.measured() as used:
                step()
                at.pump()
            found[name] = used
        return found | {f"start of an SDK, {number} channels": self._start(number) for number in STARTS}

    def _ask(self, action: str, socket: str = "", **members: Any) -> Any:
        *_, reply = self._at.frame(socket or self._socket, json.dumps({"id": "1", "action": action, **members}))
        assert json.loads(reply)["status"] < 300, reply
        return json.loads(reply).get("result")

    def _start(self, number: int) -> Usage:
        """A start of an SDK whose user is in so many quiet channels."""
        identity = f"in {number} channels"
        for channel, _ in self._rooms[:1]:
            self._at.rest.post(f"{self._service.path}/Channels/{channel}/Members", Identity=identity)
        for _ in range(number - 1):
            channel = self._at.rest.post(f"{self._service.path}/Channels")["sid"]
            self._at.rest.post(f"{self._service.path}/Channels/{channel}/Members", Identity=identity)
        self._at.skip()
        self._at.world.clock.advance(_QUIET_SECONDS)
        # The containers know the settings again.
        self._at.open(_WARM, self._service.token("bob"))
        self._ask("listMyChannels", socket=_WARM)
        socket = f"start-{number}="
        client = SdkClient(lambda frame: self._at.frame(socket, frame), self._service.token(identity))
        with self._at.measured() as used:
            self._at.open(socket, "", protocol=TWILSOCK)
            client.start()
        return used


def counted(chosen: list[Case] | None = None, rounds: int = 1) -> dict[Case, Usage]:
    """What one message of each case uses. Of several rounds, the one counts in which a function computed least."""
    found: dict[Case, Usage] = {}
    chosen = cases() if chosen is None else chosen
    for fast in (True, False):
        if wanted := [case for case in chosen if case.fast == fast]:
            with scene(fast=fast) as at:
                counting = Counting(at)
                for _ in range(rounds):
                    for case in wanted:
                        found[case] = counting.count(case).least_of(found.get(case))
    return {case: found[case] for case in chosen}


def worked() -> dict[str, Usage]:
    """What each other operation of a client uses."""
    with scene(fast=True) as at:
        return Working(at).operations()


def measure(quick: bool) -> Findings:
    found = {case.name: used for case, used in counted().items()} | worked()
    figures = [
        Figure(f"{name}: {meter}", round(used.of(meter), 4), meter, COUNT)
        for name, used in found.items()
        for meter in METERS
        if used.of(meter)
    ]
    heading = ["", *METERS]
    rows = [[name, *(_shown(used.of(meter)) for meter in METERS)] for name, used in found.items()]
    return Findings(figures, tables={"all": [heading, *rows]})


def _shown(number: float) -> str:
    return f"{number:,.2f}".rstrip("0").rstrip(".") if number else ""
