"""Records as the release before wrote them, read and changed through every door of this one.

`written_before.json` was written by that release: the items of an account with a record of every kind in it, what the
stream and the queues held, and what REST, sockets, fan-out and webhooks made of them. This release must make the same of
them; it may only add to it. A change of the records' format must keep this file readable (decision 27).
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from local.template.template import Template
from parley.operations import senders
from parley.sockets import markers
from parley.store import keys
from parley.store.keys import Key
from parley.store.requests import attributes
from tests.ports.fakes import FakeOutgoing
from tests.rest.everything import FORMS
from tests.sdk.device import SdkDevice
from tests.sdk.sync_paths import document, messages, roster
from tests.sockets.deployment import Deployment, House, Room
from tests.support.doors import Raw
from tests.support.fakes import FakeClock
from tests.support.invariants import contradictions, everything
from tests.support.lean import LeanClient
from tests.support.stream import Stream
from tests.support.world import World
from tests.webhooks.function import WebhooksFunction


@cache
def before() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(Path(__file__).with_name("written_before.json").read_text(encoding="utf-8"))
    return found


def added_to(old: Any, new: Any, where: str = "") -> list[str]:
    """Where `new` lacks or changes something of `old`; what it has beyond that does not count."""
    if isinstance(old, dict) and isinstance(new, dict):
        return [
            found
            for name, value in old.items()
            for found in (
                [f"{where}.{name} is missing"] if name not in new else added_to(value, new[name], f"{where}.{name}")
            )
        ]
    if isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        return [
            found for at, pair in enumerate(zip(old, new, strict=True)) for found in added_to(*pair, f"{where}[{at}]")
        ]
    return [] if old == new else [f"{where}: {old!r} became {new!r}"]


class Inherited:
    """The account of that release, in a table of this one."""

    def __init__(self, client: LeanClient, stream: Stream, template: Template):
        (table,) = template.tables()
        # What an earlier test of this file wrote goes.
        for key in everything(client, table.name, before()["account_sid"]):
            client.delete_item(TableName=table.name, Key=attributes(key))
        for item in before()["items"]:
            client.put_item(TableName=table.name, Item=item)
        stream.take()
        self.world = World(client, table.name, before()["account_sid"], FakeClock(before()["clock_ms"]))
        self.deployment = Deployment(self.world, stream, template)
        self.deployment.gateway.open(*before()["pushed"])
        self.raw = Raw(self.deployment.door, checked=False)
        self.webhooks = WebhooksFunction(self.deployment, template, FakeOutgoing())

    def ask(self, frame: dict[str, Any]) -> Any:
        return self.deployment.send(before()["connection"], json.dumps(frame))


@pytest.fixture(scope="module")
def kept(lean: LeanClient, stream: Stream, template: Template) -> Inherited:
    """The account, for tests that only read."""
    return Inherited(lean, stream, template)


@pytest.fixture
def account(lean: LeanClient, stream: Stream, template: Template) -> Inherited:
    """The account as it was written."""
    return Inherited(lean, stream, template)


def named(answer: dict[str, Any]) -> str:
    return str(answer["path"])


@pytest.mark.parametrize("answer", before()["answers"], ids=named)
def test_every_read_over_rest_finds_what_it_found(kept: Inherited, answer: dict[str, Any]):
    found = kept.raw(answer["method"], answer["path"], query=answer["query"])
    assert found.status == 200, found.text
    assert added_to(answer["body"], found.json) == []


@pytest.mark.parametrize("frame", before()["frames"], ids=lambda frame: frame["request"]["action"])
def test_a_socket_that_was_open_goes_on_and_reads_what_it_read(kept: Inherited, frame: dict[str, Any]):
    assert added_to(frame["reply"], kept.ask(frame["request"])) == []


def test_an_sdk_opens_what_was_there(kept: Inherited):
    house = House.__new__(House)
    house.deployment, house.sid = kept.deployment, before()["house"]["sid"]
    house.key = tuple(before()["house"]["key"])
    room = Room.__new__(Room)
    room.sid = before()["house"]["room"]
    device = SdkDevice(house, "alice")
    for path in (document(room), messages(room), roster(room)):
        assert device.get(path)


def test_changes_in_the_stream_become_the_same_pushes(account: Inherited):
    gateway, (connection_id,) = account.deployment.gateway, before()["pushed"]
    assert account.deployment.deliver(before()["stream"]) == {"batchItemFailures": []}
    assert added_to(before()["pushed"][connection_id], gateway.frames(connection_id)) == []


def test_changes_in_the_stream_become_the_same_jobs(account: Inherited):
    account.webhooks.plan_records(before()["stream"])
    planned = {delivery["id"]: delivery for delivery in account.webhooks.deliveries.take()}
    expected = {delivery["id"]: delivery for delivery in before()["queued"]["deliveries"]}
    assert added_to(expected, planned) == []


def test_jobs_in_the_queues_are_done(account: Inherited):
    outgoing = account.webhooks.outgoing
    assert isinstance(outgoing, FakeOutgoing)
    for delivery in before()["queued"]["deliveries"]:
        assert account.webhooks.deliver(delivery) == []
    assert len(outgoing.requests) == len(before()["queued"]["deliveries"]) > 0
    for job in before()["queued"]["work"]:
        account.world.clock.advance(600)
        assert account.webhooks.do_job(job if "job" in job else {"job": "sweep", **job}) == [], job


def test_connections_that_were_listed_end_in_time(account: Inherited):
    account.world.clock.advance(3 * 3600)
    account.deployment.tick()
    assert account.ask({"id": "1", "action": "fetchSession"}) is None


CHANGES = [
    ("channel", "/Channels/general", FORMS["channel", "update"]),
    ("message", "/Channels/general/Messages/{message}", FORMS["message", "update"]),
    ("member", "/Channels/general/Members/alice", {"Attributes": '{"x": 1}'}),
    ("user", "/Users/alice", FORMS["user", "update"]),
    ("service", "", FORMS["service", "update"]),
]


def test_every_record_can_be_changed_and_the_counters_hold(account: Inherited, lean: LeanClient, template: Template):
    house = f"/chat/v2/Services/{before()['house']['sid']}"
    message = account.raw.get(f"{house}/Channels/general/Messages")["messages"][0]["sid"]
    for _, path, form in CHANGES:
        changed = account.raw("POST", house + path.format(message=message), form)
        assert changed.status == 200, changed.text
    assert account.raw("POST", f"{house}/Channels/general/Messages", {"Body": "one more"}).status == 201
    assert account.raw("DELETE", f"{house}/Channels/general/Messages/{message}").status == 204
    (table,) = template.tables()
    items = everything(lean, table.name, before()["account_sid"])
    found = contradictions(items, swept=False, now_ms=account.world.clock.now_ms())
    # That release listed no devices beside a user's registrations. A device that registers anew is listed.
    assert [sentence for sentence in found if "there is only BINDING" not in sentence] == []


def registration() -> str:
    """The SID of the one device that is registered for push in the house."""
    (found,) = [
        item["sid"]["S"]
        for item in before()["items"]
        if item["sk"]["S"].startswith("BINDING#") and item["service_sid"]["S"] == before()["house"]["sid"]
    ]
    return str(found)


def test_a_registration_for_push_can_be_replaced_and_removed(account: Inherited, lean: LeanClient, template: Template):
    old = registration()
    house = f"/chat/v2/Services/{before()['house']['sid']}"
    shown = account.raw.get(f"{house}/Bindings/{old}")
    address = {"address": "b" * 64, "endpoint": shown["endpoint"], "binding_type": shown["binding_type"]}
    anew = account.ask({"id": "1", "action": "registerBinding", "credential_sid": shown["credential_sid"], **address})
    assert (anew["status"], anew["result"]["sid"]) == (201, old)
    (table,) = template.tables()
    items = everything(lean, table.name, before()["account_sid"])
    found = contradictions(items, swept=False, now_ms=account.world.clock.now_ms())
    assert [sentence for sentence in found if old in sentence] == []
    assert account.raw("DELETE", f"{house}/Bindings/{old}").status == 204
    assert account.raw("GET", f"{house}/Bindings/{old}").status == 404


def test_a_registration_for_push_that_is_not_listed_can_be_removed(account: Inherited):
    old = registration()
    path = f"/chat/v2/Services/{before()['house']['sid']}/Bindings/{old}"
    assert account.raw("DELETE", path).status == 204
    assert account.raw("GET", path).status == 404


def test_the_messaging_service_of_which_that_release_kept_only_the_sid_is_there(account: Inherited):
    sid = account.raw.get("/conversations/v1/Configuration")["default_messaging_service_sid"]
    path = f"/messaging/v1/Services/{sid}"
    stored = {item["sk"]["S"] for item in before()["items"]}
    assert not any(sort_key.startswith("MESSAGING_SERVICE#") for sort_key in stored), "the file is of a later release"
    assert [one["sid"] for one in account.raw.get("/messaging/v1/Services")["services"]] == [sid]
    changed = account.raw.post(path, InboundRequestUrl="https://example.com/inbound")
    assert account.raw.get(path) == changed
    number = senders.enable(account.world.context(), "+12025550201", {"provider_id": "phone-0a"})["sid"]
    assert account.raw.get(f"{path}/PhoneNumbers/{number}")["service_sid"] == sid


# What that release did not know: messages that their writers push, and tokens that are written apart.

BOB = "connection-2="


def heard(account: Inherited) -> list[str]:
    """The bodies of the messages that reached bob's socket, which was open before."""
    frames = account.deployment.gateway.frames(BOB)
    pushes = [push for frame in frames for push in (frame if isinstance(frame, list) else [frame])]
    return [push["message"]["body"] for push in pushes if push["event"] == "messageAdded"]


@pytest.fixture
def hurrying(account: Inherited) -> Inherited:
    """The account, whose small rooms hear of a message from the function that writes it."""
    account.deployment.hurry()
    account.deployment.gateway.open(BOB)
    return account


def send(account: Inherited, body: str, id_: str = "1") -> dict[str, Any]:
    frame = account.ask({"id": id_, "action": "sendMessage", "channel": "general", "body": body})
    reply: dict[str, Any] = frame[0] if isinstance(frame, list) else frame
    return reply


def test_the_writer_pushes_in_a_room_whose_joins_the_release_before_did_not_count(hurrying: Inherited):
    send(hurrying, "hello")
    assert heard(hurrying) == ["hello"]
    hurrying.deployment.announce()
    assert heard(hurrying) == ["hello"]


def test_a_member_who_is_removed_from_such_a_room_hears_nothing_more(hurrying: Inherited):
    send(hurrying, "for bob too")
    house = f"/chat/v2/Services/{before()['house']['sid']}"
    assert hurrying.raw("DELETE", f"{house}/Channels/general/Members/bob").status == 204
    send(hurrying, "without bob")
    hurrying.deployment.announce()
    assert heard(hurrying) == ["for bob too"]


def test_a_message_whose_marker_stands_where_that_release_left_it_is_not_lost(hurrying: Inherited):
    seq = send(hurrying, "hello")["result"]["seq"]
    table, room = hurrying.world.table, before()["house"]["room"]
    marker, _ = table.take(markers.key(room, seq))
    assert marker is not None
    table.put_many({Key(f"MARKER#{room}", keys.padded(seq)): {"to": marker["to"], "expires_at": marker["expires_at"]}})
    hurrying.deployment.announce()
    assert heard(hurrying) == ["hello", "hello"]


def test_a_repeat_under_a_token_of_that_release_is_answered_with_the_message_that_it_made(account: Inherited):
    room, token = before()["house"]["room"], "f" * 20
    first = send(account, "again", token)["result"]
    assert (first["index"], first["body"]) == (2, "by socket")
    account.ask({"id": "2", "action": "deleteMessage", "channel": "general", "message": 2})
    # Its tombstone is erased after two minutes, and nothing says any more that it was there.
    account.world.table.erase_many([keys.message(room, 2), *(keys.change(room, seq) for seq in range(30))])
    second = send(account, "again", token)["result"]
    assert (second["sid"], second["body"]) == (first["sid"], None)


def test_the_file_has_a_record_of_every_kind():
    """If a kind is missing here, it is younger than the file; then the next release's file must have it."""
    kinds = {item["sk"]["S"].partition("#")[0] for item in before()["items"]}
    assert kinds >= {
        *("SERVICE", "ROLE", "USER", "CHANNEL", "TAIL", "MEMBER", "INVITE", "MESSAGE", "WEBHOOK", "RECEIPT", "CHG"),
        *("KEY", "CREDENTIAL", "CONFIGURATION", "ADDRESS", "BINDING", "PRESENCE", "FOLLOWER", "CONNECTION", "RESULT"),
        *("ALIAS", "BOUND", "PAIR", "GROUP", "NAME", "RATE", "CHANNELS", "IDEMPOTENCY", "HAND"),
    }


# Records that a later release wrote.


def test_a_record_in_a_format_that_this_release_does_not_know_is_not_read(
    account: Inherited, lean: LeanClient, template: Template
):
    """After a rollback: the client hears that it may try again, and nothing is changed."""
    (table,) = template.tables()
    (channel,) = [
        item
        for item in before()["items"]
        if item["sk"]["S"] == "CHANNEL" and item["pk"]["S"].endswith(before()["house"]["room"])
    ]
    lean.put_item(TableName=table.name, Item={**channel, "format": {"N": "2"}})
    path = f"/chat/v2/Services/{before()['house']['sid']}/Channels/{before()['house']['room']}"
    for verb, form in (("GET", None), ("POST", {"FriendlyName": "no"}), ("DELETE", None)):
        assert account.raw(verb, path, form).refusal()[:2] == (503, 20503)
    reply = account.ask({"id": "1", "action": "fetchChannel", "channel": before()["house"]["room"]})
    assert (reply["status"], reply["error"]["code"]) == (503, 20503)
    key = {name: channel[name] for name in ("pk", "sk")}
    assert lean.get_item(TableName=table.name, Key=key, ConsistentRead=True)["Item"] == {
        **channel,
        "format": {"N": "2"},
    }
