"""Any history of a channel, a client's copy of it, which catches up, and time as DynamoDB's expiry sees it."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from parley.operations import channel_log, timers
from tests.sockets.deployment import Device, House, Room, as_rest

# What of a channel is the channel's own; counters are told by what they count.
OWN_FIELDS = (
    *("sid", "friendly_name", "unique_name", "attributes", "type", "state"),
    *("created_by", "date_created", "date_updated"),
)
_ANSWERS = 500
PEOPLE = ("bob", "carol", "dave")
CHOICES = [
    "send",
    "send much",
    "send by socket",
    "send twice at once",
    "edit",
    "edit by socket",
    "delete",
    "add",
    "remove",
    "leave",
    "join",
    "change a member",
    "consume",
    "mute",
    "rename",
    "invite",
    "change the state",
    "let a timer run out",
    "fail",
    "wait",
]

Answer = dict[str, Any]


def asked(device: Device, room: Room, mark: int) -> Answer:
    """What catching up with one channel is answered with."""
    result = device.done("catchUp", channels={room.sid: mark})
    assert set(result) == {"channels"}
    assert list(result["channels"]) == [room.sid]
    answer: Answer = result["channels"][room.sid]
    return answer


def caught_up(device: Device, room: Room, mark: int) -> list[dict[str, Any]]:
    """Everything that was missed after the mark, which one answer tells completely."""
    answer = asked(device, room, mark)
    assert set(answer) == {"status", "seq", "more", "events"}
    assert (answer["status"], answer["seq"], answer["more"]) == ("changes", seq_of(device, room), False), answer
    events: list[dict[str, Any]] = answer["events"]
    return events


def walked(device: Device, room: Room, mark: int) -> list[Answer]:
    """The answers until there is no more."""
    answers: list[Answer] = []
    while not answers or answers[-1]["more"]:
        answer = asked(device, room, mark)
        assert answer["status"] == "changes", answer
        assert answer["seq"] > mark or not answer["more"], "no way forward"
        answers.append(answer)
        mark = answer["seq"]
        assert len(answers) < _ANSWERS
    return answers


def seq_of(device: Device, room: Room) -> int:
    """The channel's seq now."""
    return int(device.done("fetchMyChannel", channel=room.sid)["channel"]["seq"])


def _all(device: Device, action: str, kind: str, cursor: str, position: str, room: Room) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    where: dict[str, Any] = {}
    while True:
        result = device.done(action, channel=room.sid, page_size=100, **where)
        found += result[kind]
        if result[cursor] is None:
            return found
        where = {position: result[cursor]}


@dataclass
class Copy:
    """A channel as a client shows it, and up to where it has seen everything."""

    channel: dict[str, Any]
    members: dict[str, dict[str, Any]]
    messages: dict[str, dict[str, Any]]
    mark: int
    _known: dict[str, int] = field(default_factory=dict)

    @classmethod
    def fetched(cls, device: Device, room: Room) -> Copy:
        """The channel as it is now."""
        channel = device.done("fetchMyChannel", channel=room.sid)["channel"]
        members = _all(device, "listMembers", "members", "next", "after", room)
        messages = _all(device, "listMessages", "messages", "next_anchor", "anchor", room)
        records = [channel, *members, *messages]
        return cls(
            {name: channel[name] for name in OWN_FIELDS},
            {record["sid"]: record for record in members},
            {record["sid"]: record for record in messages},
            channel["seq"],
            # A channel carries the seq of its newest change, which need not be one of itself.
            {record["sid"]: record["seq"] for record in records if record is not channel},
        )

    def catch_up(self, device: Device, room: Room) -> None:
        """Apply what was missed, as often as there is more; pass over a number that nothing has come under."""
        while True:
            newest = self.mark
            for answer in walked(device, room, self.mark):
                for event in answer["events"]:
                    self.apply(event)
                    newest = max(newest, event["seq"])
                self.mark = answer["seq"]
            if newest <= self.mark:
                return
            self.mark += 1

    def apply(self, event: dict[str, Any]) -> None:
        """What a client does with a push: deliver it unless the record is known in this or a newer version."""
        kind = _kind(event)
        if kind and self._known.get(event[kind]["sid"], -1) < event[kind]["seq"]:
            self._known[event[kind]["sid"]] = event[kind]["seq"]
            self.believe(event)

    def believe(self, event: dict[str, Any]) -> None:
        """Show what an event tells, whatever was known before."""
        kind = _kind(event)
        if kind is None:
            # The number is somebody else's business.
            return
        record = event[kind]
        if kind == "channel":
            self.channel = {name: record[name] for name in OWN_FIELDS}
            return
        place = self.messages if kind == "message" else self.members
        if event["event"] in ("messageRemoved", "memberLeft"):
            place.pop(record["sid"], None)
        else:
            place[record["sid"]] = record

    def shown(self) -> tuple[Any, ...]:
        """What the client shows."""
        return self.channel, self.members, sorted(self.messages.values(), key=lambda message: message["index"])

    def lasting(self) -> tuple[Any, ...]:
        """What is shown, but for what moves when a member is changed to what it is already, which nobody is told."""
        channel, members, messages = self.shown()
        return channel, {sid: {**as_rest(member), "date_updated": ""} for sid, member in members.items()}, messages


def _kind(event: dict[str, Any]) -> str | None:
    return next((kind for kind in ("message", "member", "channel") if kind in event), None)


def erase_expired(client: Any, table_name: str, room: Room, now_ms: int, *kinds: str) -> int:
    """Erase what has expired in a channel, as DynamoDB does sooner or later; `kinds` are beginnings of sort keys."""
    found = client.query(
        TableName=table_name,
        KeyConditionExpression="pk = :pk",
        ExpressionAttributeValues={":pk": {"S": f"CHANNEL#{room.sid}"}},
    )
    assert "LastEvaluatedKey" not in found
    expired = [
        item
        for item in found["Items"]
        if int(item.get("expires_at", {"N": "0"})["N"] or 0) * 1000 < now_ms
        and "expires_at" in item
        and item["sk"]["S"].startswith(kinds or "")
    ]
    for item in expired:
        client.delete_item(TableName=table_name, Key={"pk": item["pk"], "sk": item["sk"]})
    return len(expired)


def skip(room: Room, count: int) -> None:
    """Let the channel's count of changes go on without changes."""
    world = room.house.deployment.world
    context = world.context()
    world.table.commit(context.cause(), [channel_log.in_tail(room.house.sid, room.sid, {"seq": count})])


class History:
    """Changes of a channel by people and back ends, chosen by a test, with alice looking on."""

    def __init__(self, house: House):
        self.house = house
        self.room = house.channel("alice", "bob")
        self.sender = house.device("bob")
        self.alice = house.device("alice")
        self.messages: list[str] = []

    def change(self, what: str, number: int) -> None:
        """One change; what cannot happen now does not."""
        room, rest = self.room, self.house.rest
        person = PEOPLE[number % len(PEOPLE)]
        sid = self.messages[number % len(self.messages)] if self.messages else "IM" + "0" * 32
        match what:
            case "send":
                self.messages.append(room.post(f"number {number}", From=person)["sid"])
            case "send much":
                self.messages.append(room.post('"' * (31_000 + number))["sid"])
            case "send by socket":
                reply = self.sender.ask("sendMessage", channel=room.sid, body=f"number {number}")
                self.messages += [reply["result"]["sid"]] if reply["status"] == 201 else []
            case "send twice at once":
                self.messages.append(room.post_twice_at_once(f"number {number}")["sid"])
            case "edit":
                rest("POST", f"{room.path}/Messages/{sid}", {"Body": f"edit {number}"})
            case "edit by socket":
                self.sender.ask("updateMessage", channel=room.sid, message=sid, attributes={"n": number})
            case "delete":
                rest("DELETE", f"{room.path}/Messages/{sid}")
            case "add":
                rest("POST", f"{room.path}/Members", {"Identity": person})
            case "remove":
                rest("DELETE", f"{room.path}/Members/{person}")
            case "leave":
                self.sender.ask("leaveChannel", channel=room.sid)
            case "join":
                self.sender.ask("joinChannel", channel=room.sid, attributes={"n": number})
            case "change a member":
                rest("POST", f"{room.path}/Members/{person}", {"Attributes": json.dumps(number)})
            case "consume":
                self.sender.ask("updateLastConsumedMessageIndex", channel=room.sid, index=number)
            case "mute":
                self.sender.ask("setNotificationLevel", channel=room.sid, notification_level="muted")
            case "rename":
                room.update(FriendlyName=f"name {number}", UniqueName=f"{room.sid[3:]} {number % 2}")
            case "invite":
                rest("POST", f"{room.path}/Invites", {"Identity": person})
            case "change the state":
                self._ask_as_a_conversation(State=("inactive", "active")[number % 2])
            case "let a timer run out":
                self._ask_as_a_conversation({"Timers.Inactive": "PT1M"})
                self.house.deployment.world.clock.advance(60)
                timers.work_off(self.house.deployment.world.context(), lambda: False)
            case "fail":
                skip(room, 1 + number % 3)
            case "wait":
                self.house.deployment.world.clock.advance(number * 2)

    def _ask_as_a_conversation(self, form: dict[str, str] | None = None, **more: str) -> None:
        """Update the channel through Conversations, which shows it as soon as it is private."""
        rest, room = self.house.rest, self.room
        rest("POST", room.path.replace("/v2/", "/v3/"), {"Type": "private"})
        rest("POST", f"/conversations/v1/Services/{self.house.sid}/Conversations/{room.sid}", {**(form or {}), **more})
