"""Very many hostile frames: each gets one answer that the documentation knows, and nobody else notices.

How many are sent is PARLEY_HOSTILE_FRAMES. They are the same in each run, as far as the table of actions is.
"""

from __future__ import annotations

import collections
import json
import logging
import os
import random
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from local.template.template import Template
from parley.domain.roles import PERMISSIONS
from parley.faces.errors import TABLE
from parley.log import logger
from parley.sockets.native.actions import ACTIONS
from tests.sockets.asking import everything, inside
from tests.sockets.deployment import Deployment, Device, House, Stream, sample
from tests.sockets.harmful_frames import Frame, Places, broken_text, members_of, object_frame, valid
from tests.support.lean import LeanClient
from tests.support.world import World

FRAMES = int(os.environ.get("PARLEY_HOSTILE_FRAMES", "3000"))
# What stands in every text that the sender must not see.
MARKER = "marker-3f9d1c"
LONGEST_REPLY = 128 * 1024
# A frame may take its sender out of his own channel; every so many he is put back into it.
_ROUND = 40

DOCUMENTED = {row.chat[:2] for row in TABLE.values() if row.chat}
DONE = {200, 201, 204}


class Records(logging.Handler):
    """What was logged about failures."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.found: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.found.append(f"{record.getMessage()}: {record.exc_info and record.exc_info[1]!r}")


def secrets_of(house: House, *, private: bool = False) -> list[str]:
    """Fill a service with what nobody outside may see; returns its SIDs and names."""
    type_ = "private" if private else "public"
    bob = f"bob {type_}"
    if not private:
        # A user of the sender's own service is there for him to see.
        house.rest.post(f"{house.path}/Users", Identity=bob, FriendlyName=MARKER, Attributes=json.dumps(MARKER))
    room = house.channel(
        bob,
        Type=type_,
        UniqueName=f"theirs {type_}",
        FriendlyName=MARKER,
        Attributes=json.dumps(MARKER),
    )
    room.update(f"/Members/{bob}", Attributes=json.dumps(MARKER))
    messages = [room.post(MARKER, From=bob, Attributes=json.dumps(MARKER))["sid"] for _ in range(3)]
    invite = house.rest.post(f"{room.path}/Invites", Identity="carol")["sid"]
    member = house.rest.get(f"{room.path}/Members/{bob}")["sid"]
    found = [room.sid, room.sid, f"theirs {type_}", *messages, invite, member]
    if not private:
        found += [
            bob,
            house.rest.get(f"{house.path}/Users/{bob}")["sid"],
            house.sid,
            house.service["default_channel_role_sid"],
        ]
    return found


class Attack:
    """Mallory, in a service with strangers' private channels, beside another service and another account."""

    def __init__(self, deployment: Deployment, other_account: Deployment):
        self.deployment = deployment
        self.house, self.other, self.far = House(deployment), House(deployment), House(other_account)
        self.foreign = [*secrets_of(self.other), *secrets_of(self.far), *secrets_of(self.house, private=True)]
        self.listener = self.other.device("bob public")
        binding = {"binding_type": "fcm", "address": MARKER, "endpoint": "e"}
        credential = self.house.rest.post("/chat/v2/Credentials", Type="fcm", Secret="secret")["sid"]
        theirs = self.listener.done("registerBinding", credential_sid=credential, **binding)
        far_credential = self.far.rest.post("/chat/v2/Credentials", Type="fcm", Secret="secret")["sid"]
        self.foreign += [theirs["sid"], far_credential]
        # Every right in every channel, except in those that do not exist for him.
        rights = [name for name, types in PERMISSIONS.items() if "deployment" in types]
        powers = {"RoleSid": self.house.role("powers", "deployment", rights)}
        self.house.rest.post(f"{self.house.path}/Users", {"Identity": "mallory", **powers})
        self.mallory = self.house.device("mallory")
        self.house.rest.post(f"{self.house.path}/Users", Identity="alice")
        now = deployment.world.clock.now_ms() // 1000
        token = deployment.token(self.house.key, self.house.sid, "mallory", valid_until=now + 80_000)
        self._places = Places(token, credential, self.foreign)
        self._event = sample("ws_message")
        self._event["requestContext"] |= {"connectionId": self.mallory.connection_id}
        self.before = self.bystanders()

    def bystanders(self) -> list[Any]:
        """Everything that no frame of mallory's may change, and what others heard meanwhile."""
        heard = list(self.deployment.gateway.received[self.listener.connection_id])
        held = [everything(self.other), everything(self.far), inside(self.house, "theirs private")]
        return [heard, *held]

    def places(self) -> Places:
        """Mallory's places as they should be: in one channel, invited to another, with a message of his own."""
        places = self._places
        own = self._seen(places.channel) if places.channel else {}
        if own.get("status") != "joined":
            room = f"{self.house.path}/Channels/{places.channel}"
            if self.house.rest("POST", f"{room}/Members", {"Identity": "mallory"}).status != 201:
                # It was deleted, or never was.
                places.channel = self.house.channel("alice").sid
                return self.places()
        if not places.invited or self._seen(places.invited).get("status") != "invited":
            places.invited = places.invited or self.house.channel().sid
            room = f"{self.house.path}/Channels/{places.invited}"
            self.house.rest("DELETE", f"{room}/Members/mallory")
            self.house.rest("POST", f"{room}/Invites", {"Identity": "mallory"})
        named = self.mallory.done("updateChannel", channel=places.channel, unique_name="own")
        message = self.mallory.done("sendMessage", channel=named["unique_name"], body="mallory's own")
        places.message, places.index = message["sid"], message["index"]
        device = {"binding_type": "fcm", "address": "a", "endpoint": "e", "credential_sid": places.credential}
        places.binding = self.mallory.done("registerBinding", **device)["sid"]
        return places

    def _seen(self, channel: str) -> dict[str, Any]:
        result: dict[str, Any] = self.mallory.ask("fetchMyChannel", channel=channel).get("result") or {}
        seen: dict[str, Any] = result.get("user_channel", {})
        return seen

    def ask(self, text: str) -> str:
        """The one reply to a frame."""
        self.deployment.world.clock.advance(0.001)
        answer = self.deployment.message_handler({**self._event, "body": text})
        assert set(answer) == {"statusCode", "body"}, answer
        assert answer["statusCode"] == 200
        body: str = answer["body"]
        return body


@pytest.fixture(scope="module")
def attack(lean: LeanClient, template: Template, stream: Stream) -> Attack:
    (table,) = template.tables()
    ours, far = (Deployment(World(lean, table.name), stream, template) for _ in range(2))
    return Attack(ours, far)


@pytest.fixture
def failures() -> Iterator[list[str]]:
    records = Records()
    logger.addHandler(records)
    yield records.found
    logger.removeHandler(records)


def wanted_id(text: str) -> str | None:
    """The id that the reply must carry, where the frame has a proper one: a text of up to 128 characters."""
    try:
        frame = json.loads(text)
        found = frame["id"] if isinstance(frame, dict) else None
        found = found if isinstance(found, str) and 0 < len(found) <= 128 else None
        (found or "").encode()
        return found
    except (ValueError, KeyError, RecursionError):
        return None


def strict(text: str) -> Any:
    """JSON without the numbers that only Python knows."""

    def refuse(name: str) -> None:
        raise ValueError(name)

    return json.loads(text, parse_constant=refuse)


def fault(text: str, body: str) -> str | None:
    """What is wrong with a reply."""
    if MARKER in body:
        return "a leak"
    if len(body.encode()) > LONGEST_REPLY:
        return "a reply that no socket carries"
    reply = strict(body)
    if set(reply) == {"id", "status", "result"}:
        if reply["status"] not in DONE:
            return f"a result with status {reply['status']}"
        if isinstance(reply["result"], dict):
            # JSON in a text, whatever it was made from.
            strict(reply["result"].get("attributes", "{}"))
    elif set(reply) == {"id", "status", "error"}:
        outcome = (reply["status"], reply["error"].get("code"))
        if outcome not in DOCUMENTED or reply["status"] >= 500 or not isinstance(reply["error"].get("message"), str):
            return f"an undocumented error {outcome}"
    else:
        return f"members {sorted(reply)}"
    wanted = wanted_id(text)
    return f"id {reply['id']!r:.40}" if wanted is not None and reply["id"] != wanted else None


def send(attack: Attack, count: int, seed: int, frame: Callable[[Places, random.Random], str]) -> dict[str, str]:
    """Send so many frames; returns the first frame of each fault."""
    choice = random.Random(seed)
    faults: dict[str, str] = {}
    statuses: collections.Counter[int] = collections.Counter()
    for number in range(count):
        if number % _ROUND == 0:
            places = attack.places()
            reply = json.loads(attack.ask('{"id": "ok", "action": "fetchSession"}'))
            assert (reply["id"], reply["status"], reply["result"]["identity"]) == ("ok", 200, "mallory")
        text = frame(places, choice)
        try:
            body = attack.ask(text)
            wrong = fault(text, body)
        except Exception as problem:
            faults.setdefault(f"raised {type(problem).__name__}", text[:500])
            continue
        if wrong:
            faults.setdefault(wrong, f"{text[:500]} -> {body[:300]}")
        statuses[json.loads(body)["status"]] += 1
    # A generator whose frames are all refused for the same reason tests little.
    assert len(statuses) >= 3 and statuses.most_common(1)[0][1] < 0.97 * count, statuses
    return faults


def test_there_is_a_valid_frame_for_every_action(attack: Attack, failures: list[str]) -> None:
    """The frames that are spoilt below are good ones to begin with."""
    choice = random.Random(1)
    for name in ACTIONS:
        places = attack.places()
        # Not all are about somebody who is there.
        frames: list[Frame] = [{"id": "1", **valid(name, places, choice)} for _ in range(12)]
        statuses = {json.loads(attack.ask(json.dumps(frame)))["status"] for frame in frames}
        assert statuses & DONE, (name, statuses)
        assert all(set(frame) - {"id", "action"} <= set(members_of(name)) for frame in frames)
    assert failures == []


# Four parts, so that each is a unit for who runs tests in parallel.
@pytest.mark.parametrize("part", range(4))
@pytest.mark.parametrize("kind", [object_frame, broken_text], ids=["objects", "texts"])
def test_a_hostile_frame_gets_one_documented_reply_and_harms_nobody(
    attack: Attack, failures: list[str], kind: Callable[[Places, random.Random], str], part: int
) -> None:
    # Objects reach further in than texts that cannot be read.
    share = 0.7 if kind is object_frame else 0.3
    faults = send(attack, int(FRAMES * share) // 4, part, kind)
    assert faults == {}
    assert failures == []
    assert attack.bystanders() == attack.before


def test_after_all_hostile_frames_the_socket_still_works_and_others_are_served(attack: Attack) -> None:
    places = attack.places()
    sent = attack.mallory.done("sendMessage", channel=places.channel, body="still here")
    assert attack.mallory.done("fetchMessage", channel=places.channel, message=sent["sid"])["body"] == "still here"
    reader: Device = attack.listener
    assert reader.done("fetchMessage", channel="theirs public", message=0)["body"] == MARKER
