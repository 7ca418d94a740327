"""What is announced and what is not: a change is, once, and nothing else the table's stream carries."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

from local.pump.filters import passes
from local.template.template import Template
from parley.store import keys
from parley.store.changes import Change, decode
from tests.sockets.deployment import Deployment, House, StreamRecord, patterns


def changes(records: list[StreamRecord]) -> list[Change]:
    return [change for record in records if (change := decode(record))]


def kinds(records: list[StreamRecord]) -> list[tuple[str, str]]:
    return [(change.kind, change.verb) for change in changes(records)]


def new_changes(deployment: Deployment, before: int) -> list[tuple[str, str]]:
    """Kind and verb of what the stream has announced since there were so many records."""
    return [(change.kind, change.verb) for change in changes(deployment.read_stream()[before:])]


def test_only_the_device_that_asked_finds_its_request_in_the_push(house: House) -> None:
    house.channel("alice", "bob", UniqueName="general")
    phone, laptop, bob = house.device("alice"), house.device("alice"), house.device("bob")
    for device in (phone, laptop, bob):
        device.heard()
    message = phone.done("sendMessage", id="my request", channel="general", body="x")
    phone.done("updateMessage", id="and again", channel="general", message=message["sid"], body="y")
    phone.done("deleteMessage", id="and gone", channel="general", message=message["sid"])
    heard = phone.heard()
    assert [frame.pop("request") for frame in heard] == ["my request", "and again", "and gone"]
    assert laptop.heard() == bob.heard() == heard
    assert [frame["event"] for frame in heard] == ["messageAdded", "messageUpdated", "messageRemoved"]


def test_adding_a_member_twice_is_announced_once(house: House) -> None:
    room = house.channel("alice")
    alice = house.device("alice")
    alice.heard()
    room.add("bob")
    again = house.rest("POST", f"{room.path}/Members", {"Identity": "bob"})
    assert again.refusal() == (409, 50404, "Member already exists")
    assert alice.events() == ["memberJoined"]
    assert room.fetch()["members_count"] == 2


def test_leaving_and_joining_again_is_announced_each_time(house: House) -> None:
    room = house.channel("alice", "bob")
    alice = house.device("alice")
    alice.heard()
    for _ in range(2):
        room.delete("/Members/bob")
        room.add("bob")
    assert alice.events() == ["memberLeft", "memberJoined"] * 2


def test_a_change_of_a_deleted_record_is_not_announced(house: House) -> None:
    room = house.channel("alice")
    message = room.post("x")
    alice = house.device("alice")
    alice.heard()
    room.delete(f"/Messages/{message['sid']}")
    assert house.rest("DELETE", f"{room.path}/Messages/{message['sid']}").status == 404
    assert house.rest("POST", f"{room.path}/Messages/{message['sid']}", {"Body": "y"}).status == 404
    assert alice.events() == ["messageRemoved"]


def test_a_refused_request_announces_nothing_but_that_a_number_was_not_used(house: House) -> None:
    room = house.channel("alice", UniqueName="general")
    house.channel(UniqueName="other")
    before = len(house.deployment.read_stream())
    assert house.rest("POST", room.path, {"UniqueName": "other"}).status == 409
    assert house.rest("POST", f"{house.path}/Users", {"Identity": "alice"}).status == 409
    assert house.rest("POST", f"{room.path}/Members", {"Identity": "bob", "RoleSid": "RL" + "0" * 32}).status == 404
    assert new_changes(house.deployment, before) == [("nothing", "created")]


def test_counters_lists_and_bookkeeping_announce_nothing(house: House) -> None:
    """Each operation writes several items; one change each is told, and a user who comes with a membership."""
    deployment = house.deployment
    before = len(deployment.read_stream())
    room = house.channel(UniqueName="general")
    room.add("alice")
    message = room.post("x")
    room.update(f"/Messages/{message['sid']}", Body="y")
    room.update(UniqueName="renamed")
    room.delete(f"/Messages/{message['sid']}")
    room.delete("/Members/alice")
    told = new_changes(deployment, before)
    assert told == [
        ("channel", "created"),
        ("member", "created"),
        ("user", "created"),
        ("message", "created"),
        ("message", "updated"),
        ("channel", "updated"),
        ("message", "deleted"),
        ("member", "deleted"),
    ]
    assert len(deployment.read_stream()) - before > 2 * len(told)


def test_an_expiry_is_not_announced(house: House, template: Template) -> None:
    room = house.channel("alice")
    message = room.post("x")
    room.delete(f"/Messages/{message['sid']}")
    house.device("alice")
    deployment = house.deployment
    before = len(deployment.read_stream())
    table = deployment.world.table
    user = house.rest.get(f"{house.path}/Users/alice")["sid"]
    # What TTL removes: a tombstone, an entry of the change log, the presence of a user; and what it might, a record.
    for key in (
        keys.message(room.sid, 0),
        keys.change(room.sid, 3),
        keys.presence(user),
        keys.member(room.sid, house.rest.get(f"{room.path}/Members")["members"][0]["sid"]),
    ):
        assert table.take(key), key
    removed = deployment.read_stream()[before:]
    assert [record["eventName"] for record in removed] == ["REMOVE"] * 4
    assert changes(removed) == []
    for function in ("FanOutFunction", "WebhooksFunction"):
        assert not any(passes(patterns(template, function), record) for record in removed)


def test_a_tombstone_that_is_touched_is_not_announced(house: House) -> None:
    room = house.channel("alice")
    message = room.post("x")
    room.delete(f"/Messages/{message['sid']}")
    before = len(house.deployment.read_stream())
    house.deployment.world.table.touch(keys.message(room.sid, 0), {"expires_at": 1})
    assert len(house.deployment.read_stream()) == before + 1
    assert new_changes(house.deployment, before) == []


def test_a_record_that_is_written_unchanged_is_not_announced(house: House) -> None:
    room = house.channel("alice")
    room.post("x")
    record = copy.deepcopy(house.deployment.read_stream()[-1])
    assert decode(record)
    record["eventName"] = "MODIFY"
    record["dynamodb"]["OldImage"] = record["dynamodb"]["NewImage"]
    assert decode(record) is None


def test_the_filters_of_the_template_let_every_change_through(house: House, template: Template) -> None:
    room = house.channel("alice", UniqueName="general")
    alice = house.device("alice")
    message = alice.done("sendMessage", channel="general", body="x")
    room.update(f"/Messages/{message['sid']}", Body="y")
    house.rest.post(f"{house.path}/Users/alice", FriendlyName="Alice")
    room.delete(f"/Messages/{message['sid']}")
    room.delete("/Members/alice")
    room.delete()
    house.rest("DELETE", f"{house.path}/Users/alice")
    house.rest("DELETE", house.path)
    announced = [record for record in house.deployment.read_stream() if decode(record)]
    told = {"channel", "member", "message", "user"}
    wanted: dict[str, Callable[[str, str], bool]] = {
        "FanOutFunction": lambda kind, verb: kind in {*told, "invite"},
        # Whatever is deleted may have to be swept.
        "WebhooksFunction": lambda kind, verb: kind in {*told, "service"} or verb == "deleted",
    }
    for function, is_wanted in wanted.items():
        kept = [record for record in announced if passes(patterns(template, function), record)]
        assert kinds(kept) == [kind for kind in kinds(announced) if is_wanted(*kind)]


def test_a_change_says_who_did_it_how_and_when(house: House) -> None:
    house.channel("alice", UniqueName="general")
    alice = house.device("alice")
    before = len(house.deployment.read_stream())
    alice.done("sendMessage", id="7", channel="general", body="x")
    at = house.deployment.world.clock.now_ms()
    (change,) = changes(house.deployment.read_stream()[before:])
    assert change.cause["id"]
    assert change.cause == {
        "id": change.cause["id"],
        "actor": "alice",
        "source": "SDK",
        "webhooks": True,
        "request": f"{alice.connection_id} 7",
        "at": at,
    }
    assert (change.kind, change.verb, change.old) == ("message", "created", {})


@pytest.mark.parametrize(("header", "wanted"), [({}, False), ({"X-Twilio-Webhook-Enabled": "true"}, True)])
def test_rest_acts_as_the_system(house: House, header: dict[str, str], wanted: bool) -> None:
    room = house.channel("alice")
    before = len(house.deployment.read_stream())
    house.rest("POST", f"{room.path}/Messages", {"Body": "x"}, headers=header)
    (change,) = changes(house.deployment.read_stream()[before:])
    cause = change.cause
    assert (cause["actor"], cause["source"], cause["request"]) == ("system", "API", "")
    assert cause["webhooks"] is wanted


# One record that cannot be told must not silence the others.


def _spoilt(record: StreamRecord, what: str) -> StreamRecord:
    image = record["dynamodb"]["NewImage"]
    match what:
        case "an attribute in bytes":
            image["body"] = {"B": "AAEC"}
        case "an attribute that is a set":
            image["tags"] = {"SS": ["a", "b"]}
        case "a number with a fraction":
            image["index"] = {"N": "1.5"}
        case "no service":
            del image["service_sid"]
        case "no sid":
            del image["sid"]
        case "a date that is a text":
            image["date_created"] = {"S": "yesterday"}
        case "a cause without an id":
            del image["cause"]["M"]["id"]
    return record


POISONS = [
    "an attribute in bytes",
    "an attribute that is a set",
    "a number with a fraction",
    "no service",
    "no sid",
    "a date that is a text",
    "a cause without an id",
]


@pytest.mark.parametrize("what", POISONS)
def test_a_poison_record_is_reported_and_named_and_what_came_before_is_delivered(
    house: House, caplog: pytest.LogCaptureFixture, what: str
) -> None:
    room = house.channel("alice")
    alice = house.device("alice")
    alice.heard()
    before = len(house.deployment.read_stream())
    for body in ("first", "poison", "third"):
        room.post(body)
    records = [record for record in house.deployment.read_stream()[before:] if decode(record)]
    batch = [copy.deepcopy(record) for record in records]
    _spoilt(batch[1], what)
    position = batch[1]["dynamodb"]["SequenceNumber"]
    caplog.clear()
    assert house.deployment.deliver(batch) == {"batchItemFailures": [{"itemIdentifier": position}]}
    assert house.deployment.gateway.frames(alice.connection_id)[-1]["message"]["body"] == "first"
    (failure,) = [record for record in caplog.records if record.levelname == "ERROR"]
    assert vars(failure)["sequence_number"] == position
    # The event source hands in the rest once the poison record is parked.
    assert house.deployment.deliver(batch[2:]) == {"batchItemFailures": []}
    assert house.deployment.gateway.frames(alice.connection_id)[-1]["message"]["body"] == "third"


def test_a_poison_record_alone_is_reported(house: House) -> None:
    room = house.channel("alice")
    room.post("x")
    record: Any = _spoilt(copy.deepcopy(house.deployment.read_stream()[-1]), "no service")
    position = record["dynamodb"]["SequenceNumber"]
    assert house.deployment.deliver([record]) == {"batchItemFailures": [{"itemIdentifier": position}]}


def test_a_batch_that_announces_nothing_reaches_no_socket(house: House) -> None:
    house.channel("alice")
    house.device("alice")
    records = [record for record in house.deployment.read_stream() if decode(record) is None]
    assert records
    calls = house.deployment.gateway.calls
    assert house.deployment.deliver(records) == {"batchItemFailures": []}
    assert house.deployment.gateway.calls == calls
