"""Chat and Conversations show one record: what is written through either is what both show to the next request.

`PARLEY_INTERLEAVINGS` is how many sequences of writes are tried. They are the same in each run.
"""

from __future__ import annotations

import os
from typing import Any, NamedTuple

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from local.template.template import Template
from tests.support.doors import Answer, LambdaDoor, Raw
from tests.support.lean import LeanClient
from tests.support.world import World

EXAMPLES = int(os.environ.get("PARLEY_INTERLEAVINGS", "5"))
PEOPLE = ("alice", "bob")
CLOSED = (400, 50377)


class Face(NamedTuple):
    """What an API calls things.

    Attributes:
        service: The path of the service, empty for the default one.
    """

    service: str
    channels: str
    members: str
    author: str
    index: str


CHAT = Face("/chat/v2/Services/{}", "Channels", "Members", "From", "LastConsumedMessageIndex")
IN_SERVICE = Face("/conversations/v1/Services/{}", "Conversations", "Participants", "Author", "LastReadMessageIndex")
IN_DEFAULT = IN_SERVICE._replace(service="/conversations/v1")
FACES = (CHAT, IN_SERVICE, IN_DEFAULT)

# What both APIs show, under Chat's name where theirs differ.
_CHATS_NAMES = {
    "author": "from",
    "conversation_sid": "channel_sid",
    "participant_sid": "member_sid",
    "last_read_message_index": "last_consumed_message_index",
    "target": "type",
    "last_read_timestamp": "last_consumption_timestamp",
}
_IN_BOTH = {
    "channel": "sid friendly_name unique_name attributes date_created date_updated",
    "messages": "sid index from body attributes date_created date_updated",
    "members": "sid identity role_sid attributes last_consumed_message_index last_consumption_timestamp date_updated",
    "user": "channel_sid member_sid unread_messages_count last_consumed_message_index notification_level",
    "webhooks": "sid type date_created date_updated",
}


def common(name: str, item: dict[str, Any]) -> dict[str, Any]:
    """What an answer has of the fields that both APIs show."""
    shown = {**item, **{chats: item[theirs] for theirs, chats in _CHATS_NAMES.items() if theirs in item}}
    return {field: shown[field] for field in _IN_BOTH[name].split()}


class Room:
    """A private channel with a role that its members may be given."""

    def __init__(self, client: LeanClient, table_name: str):
        self.raw = Raw(LambdaDoor(World(client, table_name)))
        self.service = self.raw.post("/chat/v2/Services", FriendlyName="a service")["sid"]
        self.raw.post("/conversations/v1/Configuration", DefaultChatServiceSid=self.service)
        service = CHAT.service.format(self.service)
        self.channel = self.raw.post(f"{service}/Channels", Type="private")["sid"]
        self.roles = [
            self.raw.post(f"{service}/Roles", FriendlyName="x", Type="channel", Permission="sendMessage")["sid"]
            for _ in PEOPLE
        ]
        self.state = "active"

    def path(self, face: Face) -> str:
        return f"{face.service.format(self.service)}/{face.channels}/{self.channel}"

    def of_user(self, face: Face, identity: str) -> str:
        return f"{face.service.format(self.service)}/Users/{identity}/{face.channels}/{self.channel}"

    def shown(self, face: Face) -> dict[str, Any]:
        """The whole channel, as a face shows it."""
        path = self.path(face)
        found: dict[str, Any] = {"channel": common("channel", self.raw.get(path))}
        for name, part in (("messages", "Messages"), ("members", face.members), ("webhooks", "Webhooks")):
            (items,) = (value for value in self.raw.get(f"{path}/{part}").values() if isinstance(value, list))
            found[name] = [common(name, item) for item in items]
        for identity in PEOPLE:
            answer = self.raw("GET", self.of_user(face, identity))
            found[identity] = common("user", answer.json) if answer.status == 200 else answer.status
        return found

    def role(self, number: int) -> str:
        return self.roles[number // 2 % 2]

    def write(self, act: str, face: Face, number: int) -> Answer:
        """Carry out one of `ACTS`; `number` says whom or what it concerns."""
        path, identity = self.path(face), PEOPLE[number % 2]
        member = f"{path}/{face.members}/{identity}"
        match act:
            case "send":
                return self.raw("POST", f"{path}/Messages", {"Body": f"body {number}", face.author: identity})
            case "edit" | "erase":
                stored = self.raw.get(f"{self.path(CHAT)}/Messages")["messages"]
                sid = stored[number % len(stored)]["sid"] if stored else "IM" + "0" * 32
                if act == "erase":
                    return self.raw("DELETE", f"{path}/Messages/{sid}")
                return self.raw("POST", f"{path}/Messages/{sid}", {"Body": f"edited {number}"})
            case "add":
                return self.raw("POST", f"{path}/{face.members}", {"Identity": identity})
            case "remove":
                return self.raw("DELETE", member)
            case "read":
                return self.raw("POST", member, {face.index: number})
            case "read as user":
                return self.raw("POST", self.of_user(face, identity), {face.index: number})
            case "role":
                return self.raw("POST", member, {"RoleSid": self.role(number)})
            case "mute":
                level = ("muted", "default")[number // 2 % 2]
                return self.raw("POST", self.of_user(face, identity), {"NotificationLevel": level})
            case "hook":
                event, kind = ("onMessageSent", "Type") if face is CHAT else ("onMessageAdded", "Target")
                hook = {kind: "webhook", "Configuration.Url": f"https://example.com/{number}"}
                return self.raw("POST", f"{path}/Webhooks", {**hook, "Configuration.Filters": event})
            case "rename":
                return self.raw("POST", path, {"FriendlyName": f"name {number}", "UniqueName": f"unique {number}"})
            case _:
                return self.raw("POST", self.path(IN_SERVICE), {"State": act})


# Each act, and whether a closed conversation allows it.
ACTS = {
    "send": False,
    "edit": False,
    "erase": True,
    "add": False,
    "remove": True,
    "read": False,
    "read as user": False,
    "role": False,
    "mute": False,
    "rename": False,
    "hook": True,
    "inactive": False,
    "active": False,
}
_STEP = st.tuples(st.sampled_from(list(ACTS)), st.sampled_from(FACES), st.integers(0, 5))
_SETUP = [("add", IN_DEFAULT, 0), ("add", CHAT, 1), ("send", CHAT, 0)]


def live(room: Room, steps: list[tuple[str, Face, int]]) -> None:
    """Carry out the steps; after each, both APIs show the same, and what the step did."""
    last = room.shown(CHAT)
    for act, face, number in steps:
        answer = room.write(act, face, number)
        now, state = room.shown(CHAT), room.raw.get(room.path(IN_SERVICE))["state"]
        assert room.shown(IN_SERVICE) == now, (act, face)
        if room.state == "closed" and not ACTS[act]:
            assert answer.refusal()[:2] in (CLOSED, (404, 20404))
            assert now == last
        elif answer.status < 300:
            check(act, number, last, now)
            assert act != "role" or room.role(number) in [member["role_sid"] for member in now["members"]]
            wakes = act in ("send", "add") and room.state == "inactive"
            room.state = act if act in ("active", "inactive", "closed") else "active" if wakes else room.state
        assert state == room.state
        last = now
    assert room.shown(IN_DEFAULT) == last


def check(act: str, number: int, last: dict[str, Any], now: dict[str, Any]) -> None:
    """What a write that was carried out has done."""
    identity = PEOPLE[number % 2]
    member = next((member for member in now["members"] if member["identity"] == identity), {})
    match act:
        case "send":
            indexes = [message["index"] for message in now["messages"]]
            assert indexes == sorted(set(indexes))
            assert (now["messages"][-1]["body"], now["messages"][-1]["from"]) == (f"body {number}", identity)
        case "edit":
            assert f"edited {number}" in [message["body"] for message in now["messages"]]
        case "erase" | "remove":
            name = "messages" if act == "erase" else "members"
            assert len(now[name]) == len(last[name]) - 1
        case "add":
            assert (now[identity]["member_sid"], len(now["members"])) == (member["sid"], len(last["members"]) + 1)
        case "read" | "read as user":
            assert now[identity]["last_consumed_message_index"] == member["last_consumed_message_index"]
            unread = [
                message for message in now["messages"] if message["index"] > member["last_consumed_message_index"]
            ]
            assert now[identity]["unread_messages_count"] == len(unread)
        case "hook":
            assert len(now["webhooks"]) == len(last["webhooks"]) + 1
        case "mute":
            assert now[identity]["notification_level"] == ("muted", "default")[number // 2 % 2]
        case "rename":
            assert now["channel"]["unique_name"] == f"unique {number}"


def test_both_apis_show_what_either_has_written(lean: LeanClient, template: Template):
    (table,) = template.tables()

    @settings(
        max_examples=EXAMPLES,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
    )
    @given(st.lists(_STEP, min_size=8, max_size=14), st.lists(_STEP, max_size=4))
    def run(before: list[Any], after: list[Any]) -> None:
        live(Room(lean, table.name), [*_SETUP, *before, ("closed", IN_SERVICE, 0), *after])

    run()
