"""Pushes may come twice and out of order: sorted by `seq` they still add up to what a fetch shows."""

from __future__ import annotations

import random
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from parley.store.changes import decode
from tests.sockets.deployment import Deployment, Device, House, Room, StreamRecord, as_rest

IDENTITIES = ("alice", "bob", "carol")
_slow = settings(
    max_examples=12,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
_numbers = st.integers(0, 5)
_operations = st.lists(
    st.tuples(
        st.sampled_from(
            ["post", "post", "send", "edit", "delete", "join", "join", "leave", "consume", "rename", "name", "user"]
        ),
        _numbers,
    ),
    min_size=1,
    max_size=14,
)


class History:
    """Carries out operations in one channel and notes which changes each must have announced."""

    def __init__(self, deployment: Deployment):
        # A service of its own, since one deployment serves all examples of a test.
        self.house = house = House(deployment)
        self.room: Room = house.channel("observer")
        self.watcher: Device = house.device("observer")
        self.speaker: Device = house.device("alice")
        self.messages: list[str] = []
        self.members = {"observer"}
        self.users = {"observer", "alice"}
        self.expected: list[tuple[str, str]] = []
        self.expect_from = len(house.deployment.read_stream())

    def carry_out(self, operations: list[tuple[str, int]]) -> None:
        for name, number in operations:
            getattr(self, f"_{name}")(number)

    def announced(self) -> list[tuple[str, str]]:
        """What the stream says happened."""
        records = self.house.deployment.read_stream()[self.expect_from :]
        return [(change.kind, change.verb) for record in records if (change := decode(record))]

    def _post(self, number: int) -> None:
        self.messages.append(self.room.post(f"message {number}")["sid"])
        self.expected.append(("message", "created"))

    def _send(self, number: int) -> None:
        reply = self.speaker.ask("sendMessage", channel=self.room.sid, body=f"sent {number}")
        assert reply["status"] == (201 if "alice" in self.members else 403)
        if reply["status"] == 201:
            self.messages.append(reply["result"]["sid"])
            self.expected.append(("message", "created"))

    def _edit(self, number: int) -> None:
        if number < len(self.messages):
            self.room.update(f"/Messages/{self.messages[number]}", Body=f"edited {number}")
            self.expected.append(("message", "updated"))

    def _delete(self, number: int) -> None:
        if number < len(self.messages):
            self.room.delete(f"/Messages/{self.messages.pop(number)}")
            self.expected.append(("message", "deleted"))

    def _join(self, number: int) -> None:
        identity = IDENTITIES[number % 3]
        answer = self.house.rest("POST", f"{self.room.path}/Members", {"Identity": identity})
        assert answer.status == (409 if identity in self.members else 201)
        if answer.status == 201:
            self.expected.append(("member", "created"))
            if identity not in self.users:
                self.expected.append(("user", "created"))
            self.members.add(identity)
            self.users.add(identity)

    def _leave(self, number: int) -> None:
        identity = IDENTITIES[number % 3]
        answer = self.house.rest("DELETE", f"{self.room.path}/Members/{identity}")
        assert answer.status == (204 if identity in self.members else 404)
        if answer.status == 204:
            self.members.remove(identity)
            self.expected.append(("member", "deleted"))

    def _consume(self, number: int) -> None:
        identity = IDENTITIES[number % 3]
        if identity in self.members:
            self.room.update(f"/Members/{identity}", LastConsumedMessageIndex=number)
            self.expected.append(("member", "updated"))

    def _rename(self, number: int) -> None:
        self.room.update(FriendlyName=f"name {number}")
        self.expected.append(("channel", "updated"))

    def _name(self, number: int) -> None:
        self.room.update(UniqueName=f"unique {number}" if number else "")
        self.expected.append(("channel", "updated"))

    def _user(self, number: int) -> None:
        identity = IDENTITIES[number % 3]
        if identity in self.users:
            self.house.rest.post(f"{self.house.path}/Users/{identity}", FriendlyName=f"name {number}")
            self.expected.append(("user", "updated"))


class Picture:
    """What a client that was there from the start knows: it sorts by `seq`, drops what it has seen, and applies."""

    def __init__(self, room: Room, pushes: list[dict[str, Any]]):
        self.messages: dict[str, Any] = {}
        self.members: dict[str, Any] = {}
        self.channel: dict[str, Any] = {}
        seen: set[tuple[int, str]] = set()
        ours = [push for push in pushes if push.get("channel_sid") == room.sid]
        for push in sorted(ours, key=lambda push: push["seq"]):
            if (push["seq"], push["event"]) not in seen:
                seen.add((push["seq"], push["event"]))
                self._apply(push)

    def _apply(self, push: dict[str, Any]) -> None:
        match push["event"]:
            case "messageAdded" | "messageUpdated":
                self.messages[push["message"]["sid"]] = as_rest(push["message"])
            case "messageRemoved":
                del self.messages[push["message"]["sid"]]
            case "memberJoined" | "memberUpdated":
                self.members[push["member"]["sid"]] = as_rest(push["member"])
            case "memberLeft":
                del self.members[push["member"]["sid"]]
            case "channelUpdated":
                self.channel = as_rest(push["channel"])


def _by_sid(records: list[dict[str, Any]]) -> dict[str, Any]:
    return {record["sid"]: as_rest(record) for record in records}


@_slow
@given(operations=_operations)
def test_the_stream_announces_exactly_what_happened(deployment: Deployment, operations: list[tuple[str, int]]) -> None:
    history = History(deployment)
    history.carry_out(operations)
    assert history.announced() == history.expected


@_slow
@given(operations=_operations, seed=st.integers(0, 2**32))
def test_pushes_in_any_order_and_twice_add_up_to_what_a_fetch_shows(
    deployment: Deployment, operations: list[tuple[str, int]], seed: int
) -> None:
    history = History(deployment)
    history.carry_out(operations)
    pushes = history.watcher.heard()
    pushes += random.Random(seed).sample(pushes, len(pushes) // 2)
    random.Random(seed).shuffle(pushes)
    picture = Picture(history.room, pushes)
    rest, path = deployment.rest, history.room.path
    assert picture.messages == _by_sid(rest.get(f"{path}/Messages")["messages"])
    assert picture.members == _by_sid(rest.get(f"{path}/Members")["members"])
    if picture.channel:
        # Counters move without a push of their own.
        counted = ("members_count", "messages_count", "links")
        fetched = history.room.fetch()
        assert {name: value for name, value in picture.channel.items() if name not in counted} == {
            name: value for name, value in fetched.items() if name not in counted
        }


@_slow
@given(operations=_operations, seed=st.integers(0, 2**32))
def test_a_recorded_stream_can_be_delivered_again_in_any_pieces_and_order(
    deployment: Deployment, operations: list[tuple[str, int]], seed: int
) -> None:
    history = History(deployment)
    history.carry_out(operations)
    original = [push for push in history.watcher.heard() if push.get("channel_sid") == history.room.sid]
    records: list[StreamRecord] = deployment.read_stream()[history.expect_from :] * 2
    randomness = random.Random(seed)
    randomness.shuffle(records)
    while records:
        size = randomness.randint(1, len(records))
        batch, records = records[:size], records[size:]
        assert deployment.deliver(batch) == {"batchItemFailures": []}
    again = [push for push in history.watcher.heard() if push.get("channel_sid") == history.room.sid]

    def known(push: dict[str, Any]) -> tuple[int, str]:
        return push["seq"], push["event"]

    # What is told again is told as before, but for the counters, which are those of the moment.
    told = {known(push): push for push in original}
    assert {known(push) for push in again} <= set(told)
    for push in again:
        if "channel" not in push:
            assert {**push, "request": 0} == {**told[known(push)], "request": 0}
