"""A small model of what the server keeps of one channel, of the way pushes take, and of an application that believes them.

The server numbers each change before it writes it, so a write may land after later ones, or never. What `catchUp` says
follows docs/sockets.md; where the page leaves a choice, `Manner` has it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from random import Random
from typing import Any

from parley_client.following import JOINED, Following
from parley_client.payloads import ListedChannel

SID = "CH1"
SETTLED_SECONDS = 60.0
ME = "me"
PAGE = 3
Push = dict[str, Any]


class Manner(Enum):
    """What an answer does where a number has no change yet."""

    STOP = "it ends there"
    SHOW = "it ends there, but tells what it has beyond"


@dataclass
class Change:
    """One number of the channel."""

    seq: int
    key: str
    view: dict[str, Any] | None
    event: str
    at: float = 0.0
    lands_at: float = 0.0
    is_written: bool = False
    is_late: bool = False


@dataclass
class Server:
    """The channel's log and its records."""

    manner: Manner
    seq: int = 0
    index: int = -1
    now: float = 0.0
    oldest: int = 0
    changes: list[Change] = field(default_factory=list)
    records: dict[str, dict[str, Any]] = field(default_factory=dict)
    is_member: bool = True

    def write(self, key: str, event: str, view: dict[str, Any] | None, delay: float = 0.0) -> Change:
        """Take the next number, and write now, later, or (with a delay below zero) never."""
        self.seq += 1
        if view is not None:
            view = {**view, "sid": key, "seq": self.seq}
        change = Change(self.seq, key, view, event, self.now, self.now + delay, is_late=delay != 0)
        self.changes.append(change)
        if delay == 0:
            self.land(change)
        return change

    def land(self, change: Change) -> None:
        change.is_written = True
        if change.event in ("messageRemoved", "memberLeft"):
            self.records.pop(change.key, None)
        elif change.view is not None:
            self.records[change.key] = change.view

    def due(self) -> list[Change]:
        """Writes whose time has come."""
        return [
            c for c in self.changes if not c.is_written and c.is_late and c.lands_at >= 0 and c.lands_at <= self.now
        ]

    def push(self, change: Change) -> Push:
        """What members hear of a change."""
        push: Push = {"event": change.event, "channel_sid": SID, "seq": change.seq}
        if change.view is not None:
            push[_kind(change.event)] = change.view
        return push

    def fetch(self) -> dict[str, dict[str, Any]]:
        """All records, as lists show them."""
        return dict(self.records)

    def listing(self) -> list[ListedChannel]:
        if not self.is_member:
            return []
        return [{"channel": {"sid": SID, "seq": self.seq}, "user_channel": {"status": JOINED}}]

    def catch_up(self, seen: int) -> dict[str, Any]:
        """The answer for a mark: the latest version of each record, new messages where they were written."""
        if not self.is_member or seen < self.oldest:
            return {"status": "refetch", "seq": self.seq}
        written = [change for change in self.changes if change.is_written and change.seq > seen]
        missing = min((c.seq for c in self.changes if c.seq > seen and self._is_young(c)), default=self.seq + 1)
        created = {change.key: change.seq for change in written if change.event == "messageAdded"}
        latest = {change.key: change for change in written if change.event != "channelAdvanced"}
        places = {key: created.get(key, change.seq) for key, change in latest.items()}
        keys = sorted(places, key=lambda key: places[key])
        if self.manner is Manner.STOP:
            keys = [key for key in keys if places[key] < missing]
        reached = places[keys[PAGE - 1]] if len(keys) > PAGE else self.seq
        return {
            "status": "changes",
            "seq": min(reached, missing - 1),
            "more": len(keys) > PAGE and reached < missing,
            "events": [self._event(latest[key], seen) for key in keys[:PAGE]],
        }

    def _is_young(self, change: Change) -> bool:
        """Whether a change is missing and may still be written: everything after it is recent."""
        after = [other.at for other in self.changes if other.seq > change.seq and other.is_written]
        return not change.is_written and self.now - min([*after, self.changes[-1].at]) < SETTLED_SECONDS

    def _event(self, change: Change, seen: int) -> Push:
        """Several changes of a record as one: new to whoever has seen this much, or changed, or gone."""
        push = self.push(change)
        before = [c for c in self.changes if c.is_written and c.key == change.key and c.seq <= seen]
        existed = bool(before) and before[-1].event not in ("messageRemoved", "memberLeft")
        if push["event"] not in ("messageRemoved", "memberLeft"):
            added, updated = (
                ("messageAdded", "messageUpdated") if "message" in push else ("memberJoined", "memberUpdated")
            )
            push["event"] = updated if existed else added
        return push


def _kind(event: str) -> str:
    return "message" if event.startswith("message") else "member"


@dataclass
class Application:
    """Believes what it is told: fetches when it joins or is told to, then applies one event after another."""

    server: Server
    state: dict[str, dict[str, Any]] = field(default_factory=dict)
    told: list[Push] = field(default_factory=list)
    fetched: set[str] = field(default_factory=set)
    since_fetch: int = 0
    is_member: bool = False

    def tell(self, pushes: list[Push]) -> None:
        for push in pushes:
            self.told.append(push)
            match push["event"]:
                case "channelJoined" | "channelRefetched":
                    self.state = self.server.fetch()
                    self.fetched |= set(self.state)
                    self.since_fetch = self.server.seq
                    self.is_member = True
                case "channelLeft":
                    self.state, self.is_member = {}, False
                case "messageRemoved" | "memberLeft":
                    self.state.pop(push[_kind(push["event"])]["sid"], None)
                case _:
                    record = push[_kind(push["event"])]
                    self.state[record["sid"]] = record


class World:
    """Server, network, client and application, moved by one thing after another."""

    def __init__(self, manner: Manner, random: Random) -> None:
        self.server = Server(manner)
        self.following = Following()
        self.application = Application(self.server)
        self.random = random
        self.underway: list[Push] = []
        self.is_connected = False
        self.is_settling = False

    # What happens in the channel.

    def send(self) -> None:
        self.server.index += 1
        self._write(f"IM{self.server.index}", "messageAdded", {"index": self.server.index, "body": 0})

    def send_slowly(self) -> None:
        self.server.index += 1
        view = {"index": self.server.index, "body": 0}
        self._write(f"IM{self.server.index}", "messageAdded", view, self.random.uniform(0.01, 0.9))

    def send_very_slowly(self) -> None:
        """Clients skip the number meanwhile."""
        self.server.index += 1
        view = {"index": self.server.index, "body": 0}
        self._write(f"IM{self.server.index}", "messageAdded", view, self.random.uniform(3, 55))

    def send_and_crash(self) -> None:
        self.server.index += 1
        self.server.write("", "channelAdvanced", None, delay=-1e9)

    def edit(self) -> None:
        if key := self._pick("IM"):
            record = self.server.records[key]
            self._write(key, "messageUpdated", {**record, "body": record["body"] + 1})

    def remove(self) -> None:
        if key := self._pick("IM"):
            self._write(key, "messageRemoved", {"index": self.server.records[key]["index"]})

    def join(self) -> None:
        key = f"MB{self.random.randrange(3)}"
        if key not in self.server.records:
            self._write(key, "memberJoined", {"read": 0})

    def read(self) -> None:
        if key := self._pick("MB"):
            record = self.server.records[key]
            self._write(key, "memberUpdated", {**record, "read": record["read"] + 1})

    def leave(self) -> None:
        if key := self._pick("MB"):
            self._write(key, "memberLeft", {})

    def invite(self) -> None:
        self._write("", "channelAdvanced", None)

    def i_leave(self) -> None:
        if self.server.is_member:
            self.advance(1.0)
            self.server.is_member = False
            change = self.server.write("me", "channelAdvanced", None)
            self._send({"event": "channelLeft", "channel_sid": SID, "seq": change.seq})

    def i_join(self) -> None:
        if not self.server.is_member:
            self.server.is_member = True
            change = self.server.write("me", "channelAdvanced", None)
            channel = {"sid": SID, "seq": change.seq}
            self._send({"event": "channelJoined", "channel_sid": SID, "seq": change.seq, "channel": channel})

    def forget_history(self) -> None:
        self.server.oldest = self.server.seq

    # What happens on the way.

    def deliver(self) -> None:
        if self.underway:
            self._receive(0)

    def deliver_any(self) -> None:
        if self.underway:
            self._receive(self.random.randrange(len(self.underway)))

    def deliver_all(self) -> None:
        while self.underway:
            self._receive(0)

    def repeat(self) -> None:
        if self.underway:
            self.underway.append(self.random.choice(self.underway))

    def lose(self) -> None:
        losable = [push for push in self.underway if not self._must_arrive(push)]
        if losable:
            self.underway.remove(self.random.choice(losable))

    def disconnect(self) -> None:
        self.advance(1.0)
        for push in self.underway:
            if self._must_arrive(push):
                self.application.tell(self.following.push(push, self.server.now))
        self.underway, self.is_connected = [], False

    def connect(self) -> None:
        if not self.is_connected:
            self.is_connected = True
            self.following.session_begins()
            self.application.tell(self.following.session(self.server.listing(), self.server.now))
            self.ask()

    def wait(self) -> None:
        self.advance(self.random.choice([0.1, 0.3, 0.6]))

    def wait_long(self) -> None:
        self.advance(self.random.choice([5, 30, 61]))

    def advance(self, seconds: float) -> None:
        self.server.now += seconds
        for change in self.server.due():
            self._land(change)
        self.ask()

    def ask(self) -> None:
        while self.is_connected and (asked := self.following.questions(self.server.now)):
            for sid, seen in asked.items():
                if not self.is_settling and self.random.random() < 0.1:
                    self.following.unanswered([sid], self.server.now)
                else:
                    self.application.tell(self.following.answer(sid, self.server.catch_up(seen), self.server.now))
            self._verify()
        self._verify()

    def settle(self) -> None:
        """Everything lands, arrives or is found out."""
        self.is_settling = True
        self.advance(2.0)
        self.deliver_all()
        self.disconnect()
        self.connect()
        for _ in range(200):
            self.deliver_all()
            if self.following.due is None:
                return
            self.advance(max(0.0, self.following.due - self.server.now))
        raise AssertionError("the client never comes to rest")

    def is_up_to_date(self) -> bool:
        """Whether a list of the channels leaves nothing to ask."""
        self.following.session_begins()
        self.application.tell(self.following.session(self.server.listing(), self.server.now))
        return self.following.due is None

    # How.

    def _write(self, key: str, event: str, view: dict[str, Any] | None, delay: float = 0.0) -> None:
        change = self.server.write(key, event, view, delay)
        if delay == 0:
            self._announce(change)

    def _land(self, change: Change) -> None:
        self.server.land(change)
        self._announce(change)

    def _announce(self, change: Change) -> None:
        if self.server.is_member:
            self._send(self.server.push(change))

    def _send(self, push: Push) -> None:
        if self.is_connected:
            self.underway.append(push)
        elif self._must_arrive(push):
            self.application.tell(self.following.push(push, self.server.now))

    def _must_arrive(self, push: Push) -> bool:
        """Whether the client counts the number as seen since it began to follow or fetched everything again.

        Then it cannot know that the change was written after the list or the fetch. So such a push is not lost here.
        """
        followed = self.following._channels.get(SID)
        is_late = self.server.changes[push["seq"] - 1].is_late
        return is_late and followed is not None and push["seq"] <= followed.follower._base

    def _receive(self, position: int) -> None:
        push = self.underway.pop(position)
        self.application.tell(self.following.push(push, self.server.now))

    def _verify(self) -> None:
        for sid in self.following.doubtful(self.server.now) if self.is_connected else []:
            if listing := self.server.listing():
                self.application.tell(self.following.present(listing[0], self.server.now))
            else:
                self.application.tell(self.following.absent(sid, is_gone=False))

    def _pick(self, prefix: str) -> str | None:
        return self.random.choice(sorted(k for k in self.server.records if k.startswith(prefix)) or [""]) or None
