"""Two protocols in one room: what is shared knows neither, so a second one is a codec and a row."""

from __future__ import annotations

import copy
import json
import uuid

import pytest

from parley.sockets import protocols
from parley.sockets.protocols import Protocols
from tests.sockets import plain
from tests.sockets.deployment import Deployment, Device, House, sample


class PlainDevice:
    """A socket that speaks the protocol of `plain.py`."""

    def __init__(self, house: House):
        self.house = house
        self.deployment = house.deployment
        # Tests share a table, and ids of connections are nobody's but API Gateway's.
        self.connection_id = f"plain-{uuid.uuid4().hex}="
        event = copy.deepcopy(sample("ws_connect"))
        event["requestContext"] |= {"connectionId": self.connection_id}
        event["queryStringParameters"] = {"protocol": "plain"}
        assert self.deployment.connect_handler(event) == {"statusCode": 200}
        self.deployment.gateway.open(self.connection_id)

    def say(self, line: str) -> str | None:
        """The reply to a line; None if the connection was ended."""
        event = sample("ws_message")
        event["requestContext"] |= {"connectionId": self.connection_id}
        event["body"] = line
        reply: str | None = self.deployment.message_handler(event).get("body")
        return reply

    def open(self, identity: str, **token: object) -> str | None:
        return self.say(f"PLAIN open {self.deployment.token(self.house.key, self.house.sid, identity, **token)}")

    def heard(self) -> list[str]:
        """The lines that came since the last call, after everything was announced."""
        self.deployment.announce()
        return self.lines()

    def lines(self) -> list[str]:
        gateway = self.deployment.gateway
        found = gateway.received if self.is_open else gateway.closed
        lines = [data.decode() for data in found[self.connection_id]]
        found[self.connection_id] = []
        return lines

    @property
    def is_open(self) -> bool:
        return self.connection_id in self.deployment.gateway.received


@pytest.fixture
def spoken(house: House) -> Protocols:
    """Both protocols, in the deployment of the house."""
    runtime = house.deployment.runtime
    both = Protocols(runtime.settings.rest_url, runtime.settings.account_sid, (*protocols.ROWS, plain.ROW))
    runtime.protocols = both
    return both


@pytest.fixture
def bob(house: House, spoken: Protocols) -> PlainDevice:
    device = PlainDevice(house)
    assert device.open("bob") == "PLAIN welcome bob"
    return device


@pytest.fixture
def alice(house: House, spoken: Protocols) -> Device:
    return house.device("alice")


def test_a_socket_opens_without_a_token_and_nothing_is_stored_or_read(house: House, spoken: Protocols) -> None:
    device = house.deployment
    with device.world.table._client.metered() as meter:
        PlainDevice(house)
    assert meter.requests.total() == 0


def test_the_first_frame_authenticates_at_the_price_of_connecting(house: House, spoken: Protocols) -> None:
    house.device("bob")
    device = PlainDevice(house)
    with house.deployment.world.table._client.metered() as meter:
        assert device.open("bob") == "PLAIN welcome bob"
    assert (meter.requests.total(), meter.write_units) == (3, 3)


@pytest.mark.parametrize(
    "line",
    ["PLAIN typing general", "PLAIN hello", '{"id": "1", "action": "fetchSession"}', "not even JSON", ""],
)
def test_an_unauthenticated_connection_that_says_anything_else_is_refused_and_closed(
    house: House, spoken: Protocols, line: str
) -> None:
    device = PlainDevice(house)
    assert device.say(line) is None
    assert not device.is_open
    told = device.lines()
    if line.startswith("PLAIN"):
        assert told == ["PLAIN refused 401 51006", "PLAIN ended 401 51006"]
    else:
        assert [json.loads(text)["status"] for text in told] == [401, 401]


def test_a_bad_token_in_the_first_frame_is_refused_by_one_reply(house: House, spoken: Protocols) -> None:
    device = PlainDevice(house)
    assert device.say("PLAIN open nonsense") is None
    assert device.lines() == ["PLAIN refused 401 20101"]
    assert not device.is_open


def test_a_connection_cannot_be_opened_again_for_somebody_else(house: House, bob: PlainDevice) -> None:
    assert bob.open("bob") == "PLAIN welcome bob"
    assert bob.open("alice") is None
    assert not bob.is_open


def test_an_unknown_protocol_opens_no_socket(house: House, spoken: Protocols) -> None:
    event = copy.deepcopy(sample("ws_connect"))
    event["queryStringParameters"] = {"protocol": "morse"}
    assert house.deployment.connect_handler(event)["statusCode"] == 400


def test_each_hears_a_change_in_the_bytes_of_its_own_protocol(house: House, bob: PlainDevice, alice: Device) -> None:
    room = house.channel("alice", "bob")
    alice.heard(), bob.heard()
    sent = alice.done("sendMessage", channel=room.sid, body="hello")
    (frame,) = alice.heard()
    assert (frame["event"], frame["message"]["body"], frame["request"]) == ("messageAdded", "hello", "1")
    assert bob.heard() == [f"PLAIN message_created {room.sid} {sent['seq']} hello"]
    room.update("/Members/bob", Attributes="[1]")
    assert [frame["event"] for frame in alice.heard()] == ["memberUpdated"]
    assert [line.split()[1] for line in bob.heard()] == ["member_updated"]


def test_an_event_is_rendered_once_for_all_connections_of_a_protocol(house: House, spoken: Protocols) -> None:
    room = house.channel("bob", "carol", "dave")
    for identity in ("bob", "carol", "dave"):
        PlainDevice(house).open(identity)
    house.deployment.announce()
    codec = spoken.codec("plain")
    assert isinstance(codec, plain.PlainCodec)
    codec.rendered = 0
    room.post("hello")
    house.deployment.announce()
    assert codec.rendered == 1


def test_a_personal_event_is_rendered_for_each_user(house: House, bob: PlainDevice) -> None:
    room = house.channel("bob", "carol")
    carol = PlainDevice(house)
    carol.open("carol")
    bob.heard(), carol.lines()
    room.delete()
    (to_bob,), (to_carol,) = bob.heard(), carol.lines()
    assert to_bob.startswith(f"PLAIN channel_deleted {room.sid} ")
    assert to_bob.rpartition(" ")[2] != to_carol.rpartition(" ")[2]


def test_followers_hear_in_their_own_protocol(house: House, bob: PlainDevice, alice: Device) -> None:
    alice.done("followUsers", identities=["bob"])
    alice.heard(), bob.heard()
    house.rest.post(f"{house.path}/Users/bob", FriendlyName="Bob")
    assert [frame["event"] for frame in alice.heard()] == ["userUpdated"]
    assert [line.split()[1] for line in bob.heard()] == ["user_updated"]


def test_typing_reaches_each_in_its_own_protocol(house: House, bob: PlainDevice, alice: Device) -> None:
    room = house.channel("alice", "bob")
    alice.heard(), bob.heard()
    assert bob.say(f"PLAIN typing {room.sid}") == "PLAIN ok"
    assert [frame["event"] for frame in alice.frames() if frame["event"] == "typingStarted"] == ["typingStarted"]
    assert alice.done("typing", channel=room.sid)
    assert [line.split()[1] for line in bob.lines()] == ["typing"]


def test_tokens_that_run_out_are_told_in_the_connections_protocol(house: House, spoken: Protocols) -> None:
    clock = house.deployment.world.clock
    device = PlainDevice(house)
    end = clock.now_ms() // 1000 + 150
    device.open("bob", valid_until=end)
    house.deployment.tick()
    assert device.lines() == [f"PLAIN token ends {end}"]
    clock.advance(151)
    house.deployment.tick()
    assert not device.is_open
    assert device.lines() == ["PLAIN token ended"]


def test_the_oldest_of_too_many_connections_is_ended_in_its_own_protocol(house: House, bob: PlainDevice) -> None:
    for _ in range(10):
        house.deployment.world.clock.advance(1)
        house.device("bob")
    assert not bob.is_open
    assert bob.lines()[-1] == "PLAIN ended 429 51001"


def test_a_native_frame_on_another_protocols_connection_is_refused_and_closed(house: House, bob: PlainDevice) -> None:
    assert bob.say('{"id": "1", "action": "fetchSession"}') is None
    assert not bob.is_open


def test_another_protocols_frame_on_a_native_connection_is_refused_and_closed(alice: Device) -> None:
    event = sample("ws_message")
    event["requestContext"] |= {"connectionId": alice.connection_id}
    event["body"] = "PLAIN typing general"
    assert "body" not in alice._deployment.message_handler(event)
    assert not alice.is_open


def test_a_protocol_has_its_own_limit_of_requests(house: House, bob: PlainDevice) -> None:
    # Five a second, ten at once; opening the connection was one.
    replies = [bob.say("PLAIN hello") for _ in range(10)]
    assert replies[:9] == ["PLAIN refused 400 20001"] * 9
    assert replies[9] == "PLAIN refused 429 51002"


def test_a_cut_off_socket_is_forgotten_whatever_it_speaks(house: House, bob: PlainDevice, alice: Device) -> None:
    deployment: Deployment = house.deployment
    deployment.close(bob.connection_id)
    deployment.gateway.attempts.clear()
    house.channel("alice", "bob").post("hello")
    deployment.announce()
    assert set(deployment.gateway.attempts) == {alice.connection_id}
