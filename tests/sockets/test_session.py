"""The session: who a client is and for how long, a token replaced on an open connection, and what ends it."""

from __future__ import annotations

import json

import pytest
from twilio.jwt.access_token.grants import ChatGrant

from parley.clock import iso_seconds
from parley.errors import TOKEN_FOREIGN_SERVICE, TOKEN_OF_ANOTHER
from parley.faces.errors import answer as told
from parley.store.configuration import REMEMBERED_MS
from tests.sockets.deployment import Device, House, Room
from tests.support.world import World

HOUR = 3600


def moment(world: World, seconds: int) -> str:
    """The time so many seconds from now, as results show it."""
    return iso_seconds((world.clock.now_ms() // 1000 + seconds) * 1000)


def renewed(house: House, identity: str = "alice", seconds: int = 2 * HOUR, service_sid: str = "") -> str:
    """A new token."""
    now = house.deployment.world.clock.now_ms() // 1000
    return house.deployment.token(house.key, service_sid or house.sid, identity, valid_until=now + seconds)


@pytest.mark.converses("fetchSession")
def test_a_session_says_who_the_client_is_where_and_for_how_long(house: House, world: World) -> None:
    house.rest.post(house.path, TypingIndicatorTimeout=7, ConsumptionReportInterval=20)
    ends, token_ends = moment(world, 2 * HOUR), moment(world, HOUR)
    alice = house.device("alice")
    session = alice.done("fetchSession")
    user = session.pop("user")
    assert user.pop("seq") > 0
    assert user == house.rest.get(f"{house.path}/Users/alice")
    assert session == {
        "identity": "alice",
        "service": {
            "sid": house.sid,
            "friendly_name": "a service",
            "typing_indicator_timeout": 7,
            "consumption_report_interval": 20,
            "read_status_enabled": True,
            "reachability_enabled": False,
        },
        "media_url": house.rest.get(house.path)["url"].replace("/chat/v2/", "/media/v1/"),
        "media_size_limit_mb": 150,
        "connection_expires_at": ends,
        "token_expires_at": token_ends,
    }


def test_two_devices_have_a_session_each(house: House, world: World) -> None:
    phone = house.device("alice")
    world.clock.advance(60)
    laptop = house.device("alice")
    expire = [device.done("fetchSession")["connection_expires_at"] for device in (phone, laptop)]
    assert expire[0] < expire[1]


@pytest.mark.converses("refreshToken")
def test_a_new_token_makes_the_connection_outlive_the_old_one(house: House, world: World) -> None:
    room = house.channel("alice", "bob")
    alice, bob = house.device("alice"), house.device("bob")
    world.clock.advance(HOUR - 60)
    expected = moment(world, HOUR)
    assert alice.done("refreshToken", token=renewed(house, seconds=HOUR)) == {"token_expires_at": expected}
    assert alice.done("fetchSession")["token_expires_at"] == expected
    world.clock.advance(120)
    alice.heard()
    assert bob.ending("sendMessage", channel=room.sid, body="x") == (401, 20104)
    # It still acts, and others' doings still reach it.
    assert alice.done("sendMessage", channel=room.sid, body="y")["index"] == 0
    room.post("z")
    assert alice.events() == ["messageAdded", "messageAdded"]


def test_a_new_token_is_known_to_a_container_that_saw_the_connection_before(house: House, world: World) -> None:
    alice = house.device("alice")
    other = world.another_container()
    here, runtime = world.configuration, house.deployment.runtime
    world.clock.advance(HOUR - 1)
    runtime.configuration = other.configuration
    alice.done("fetchSession")
    runtime.configuration = here
    alice.done("refreshToken", token=renewed(house))
    world.clock.advance(2)
    runtime.configuration = other.configuration
    assert alice.done("fetchSession")["identity"] == "alice"


@pytest.mark.converses("connectionError")
def test_a_new_token_does_not_lengthen_the_connection(house: House, world: World) -> None:
    alice = house.device("alice")
    ends = alice.done("fetchSession")["connection_expires_at"]
    alice.done("refreshToken", token=renewed(house, seconds=5 * HOUR))
    assert alice.done("fetchSession")["connection_expires_at"] == ends
    world.clock.advance(2 * HOUR)
    assert alice.ending("fetchSession") == (401, 51006)


@pytest.mark.parametrize(
    ("what", "refusal"),
    [
        ("nothing", (400, 20001)),
        ("a number", (400, 20001)),
        ("nonsense", (401, 20101)),
        ("an expired one", (401, 20104)),
        ("another identity's", (403, 20106)),
        ("another service's", (403, 20106)),
        ("one without a chat grant", (401, 20106)),
    ],
)
def test_a_token_that_does_not_fit_is_refused_and_the_old_one_stays(
    house: House, what: str, refusal: tuple[int, int]
) -> None:
    alice = house.device("alice")
    before = alice.done("fetchSession")
    tokens = {
        "nothing": None,
        "a number": 7,
        "nonsense": "nonsense",
        "an expired one": renewed(house, seconds=-60),
        "another identity's": renewed(house, "bob"),
        "another service's": renewed(house, service_sid=House(house.deployment).sid),
        "one without a chat grant": house.deployment.token(house.key, house.sid, "alice", grants=[]),
    }
    assert alice.refusal("refreshToken", token=tokens[what]) == refusal
    assert alice.done("fetchSession") == before


def test_a_deleted_key_ends_the_connections_of_its_tokens_within_ten_seconds(house: House, world: World) -> None:
    assert REMEMBERED_MS == 10_000
    alice, bob = house.device("alice"), house.device("bob")
    other = House(house.deployment)
    carol = other.device("carol")
    for device in (alice, bob, carol):
        device.done("fetchSession")
    # What was deleted by another container, this one does not know at once.
    here, house.deployment.runtime.configuration = world.configuration, world.another_container().configuration
    alice.done("fetchSession")
    house.deployment.revoke(house.key)
    world.clock.advance(10)
    assert alice.ending("fetchSession") == (401, 20103)
    house.deployment.runtime.configuration = here
    assert bob.ending("fetchSession") == (401, 20103)
    assert carol.done("fetchSession")["identity"] == "carol"


def test_a_key_that_ends_by_itself_ends_the_connections_of_its_tokens(house: House, world: World) -> None:
    house.key = house.deployment.api_key(Ttl=60)
    alice = house.device("alice")
    world.clock.advance(59)
    alice.done("fetchSession")
    world.clock.advance(1)
    assert alice.ending("fetchSession") == (401, 20103)


def test_a_token_of_another_key_saves_the_connection(house: House, world: World) -> None:
    alice = house.device("alice")
    first, house.key = house.key, house.deployment.api_key()
    alice.done("refreshToken", token=renewed(house))
    house.deployment.revoke(first)
    world.clock.advance(11)
    assert alice.done("fetchSession")["identity"] == "alice"


def test_a_connection_that_was_ended_is_forgotten(house: House, world: World) -> None:
    room = house.channel("alice")
    alice = house.device("alice")
    house.deployment.announce()
    house.deployment.revoke(house.key)
    assert alice.ending("fetchSession") == (401, 20103)
    # It might still be open for all that its own record and its user's presence say.
    house.deployment.gateway.attempts.clear()
    room.post("x")
    house.deployment.announce()
    assert house.deployment.gateway.attempts == []


def test_the_token_of_the_grant_gives_endpoint_and_credential_to_the_refreshed_connection(house: House) -> None:
    credential = house.rest.post("/chat/v2/Credentials", Type="fcm", Secret="x")["sid"]
    alice = house.device("alice")
    assert alice.refusal("registerBinding", binding_type="fcm", address="token") == (400, 20001)
    grant = ChatGrant(service_sid=house.sid, endpoint_id="phone", push_credential_sid=credential)
    alice.done("refreshToken", token=house.deployment.token(house.key, house.sid, "alice", grants=[grant]))
    binding = alice.done("registerBinding", binding_type="fcm", address="token")
    assert (binding["endpoint"], binding["credential_sid"]) == ("phone", credential)


# Who did it.


def test_only_the_connection_that_acted_finds_its_request_in_the_pushes(house: House, room: Room) -> None:
    phone, laptop = house.device("alice"), house.device("alice")
    made = phone.done("createChannel", friendly_name="mine")["sid"]
    house.rest.post(f"{house.path}/Channels/{room.sid}/Messages", Body="x")
    phone.heard(), laptop.heard()
    everything = [
        ("joinChannel", {"channel": made}, ["channelJoined", "memberJoined"]),
        ("updateChannel", {"channel": made, "friendly_name": "ours"}, ["channelUpdated"]),
        ("inviteMember", {"channel": made, "identity": "zoe"}, ["channelAdvanced"]),
        ("addMember", {"channel": made, "identity": "bob"}, ["memberJoined"]),
        ("updateMember", {"channel": made, "identity": "bob", "attributes": [1]}, ["memberUpdated"]),
        ("removeMember", {"channel": made, "identity": "bob"}, ["memberLeft"]),
        (
            "setNotificationLevel",
            {"channel": made, "notification_level": "muted"},
            ["channelUpdated", "channelAdvanced"],
        ),
        ("updateUser", {"identity": "alice", "friendly_name": "Alice"}, ["userUpdated"]),
        ("sendMessage", {"channel": made, "body": "x"}, ["messageAdded"]),
        ("setAllMessagesConsumed", {"channel": made}, ["memberUpdated"]),
        ("deleteMessage", {"channel": made, "message": 0}, ["messageRemoved"]),
        ("deleteChannel", {"channel": made}, ["channelRemoved"]),
        ("createChannel", {"unique_name": "other"}, ["channelAdded"]),
        ("leaveChannel", {"channel": room.sid}, ["channelLeft"]),
    ]
    for number, (action, members, events) in enumerate(everything):
        phone.done(action, id=f"my {number}", **members)
        heard = phone.heard()
        assert [(frame["event"], frame.pop("request")) for frame in heard] == [
            (event, f"my {number}") for event in events
        ]
        assert laptop.heard() == heard


def test_a_push_of_a_change_over_rest_names_no_request(alice: Device, room: Room) -> None:
    alice.heard()
    room.post("x")
    (push,) = alice.heard()
    assert "request" not in push


# Refusals that share a code differ by their text.


def test_a_token_for_a_service_that_is_not_of_the_account_is_refused_with_its_own_text(house: House) -> None:
    token = house.deployment.token(house.key, "IS" + "0" * 32, "alice")
    _, answer = house.deployment.open(token)
    assert json.loads(answer["body"])["error"]["message"] == told("chat", TOKEN_FOREIGN_SERVICE).text


def test_a_token_of_somebody_else_is_refused_with_its_own_text(house: House) -> None:
    token = house.deployment.token(house.key, house.sid, "bob")
    reply = house.device("alice").ask("refreshToken", token=token)
    assert reply["error"]["message"] == told("chat", TOKEN_OF_ANOTHER).text
